#include "queue.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_xdp.h>
#include <net/if.h>
#include <poll.h>
#include <requests.skel.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace xdhcpd::bench {
namespace {

constexpr std::uint32_t kFrameLen = 2048;

// Linux 6.17; the headers of Debian 12 do not know it.
constexpr int kMaxTxSkbBudget = 9;

[[nodiscard]] Result<Mac, Error> read_mac(const std::string& interface_name) {
    const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ifreq request{};
    interface_name.copy(request.ifr_name, sizeof request.ifr_name - 1);
    const bool done = fd >= 0 && ::ioctl(fd, SIOCGIFHWADDR, &request) == 0;
    const int error = errno;
    if (fd >= 0) {
        ::close(fd);
    }
    if (!done) {
        return Unexpected{system_error(error, "read MAC address of " + interface_name)};
    }
    return Mac::load(reinterpret_cast<const std::byte*>(request.ifr_hwaddr.sa_data));
}

[[nodiscard]] int set_option(int fd, int level, int name, std::uint32_t value) {
    const int number = static_cast<int>(value);
    return ::setsockopt(fd, level, name, &number, sizeof number) == 0 ? 0 : errno;
}

}  // namespace

Result<std::unique_ptr<Queue>, Error> Queue::open(const QueueOptions& options) {
    std::unique_ptr<Queue> queue{new Queue{options}};
    if (auto started = queue->start(); !started) {
        return Unexpected{started.error()};
    }
    return queue;
}

Result<Success, Error> Queue::start() {
    const auto mac = read_mac(options_.interface_name);
    if (!mac) {
        return Unexpected{mac.error()};
    }
    mac_ = *mac;
    const rlimit unlimited{RLIM_INFINITY, RLIM_INFINITY};
    static_cast<void>(::setrlimit(RLIMIT_MEMLOCK, &unlimited));
    const std::uint64_t area_len = std::uint64_t{options_.ring_size} * kFrameLen;
    void* const area = ::mmap(nullptr, area_len, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (area == MAP_FAILED) {
        return Unexpected{system_error(errno, "allocate UMEM")};
    }
    area_ = static_cast<std::byte*>(area);

    xsk_umem_config umem_config{};
    // Twice the frames: the kernel shows a received frame before it shows that it took its slot
    // here.
    umem_config.fill_size = 2 * options_.ring_size;
    umem_config.comp_size = options_.ring_size;
    umem_config.frame_size = kFrameLen;
    if (const int error =
            xsk_umem__create(&umem_, area_, area_len, &fill_, &completion_, &umem_config)) {
        umem_ = nullptr;
        return Unexpected{system_error(-error, "create UMEM")};
    }
    xsk_socket_config config{};
    config.rx_size = options_.ring_size;
    config.tx_size = options_.ring_size;
    config.libxdp_flags = XSK_LIBXDP_FLAGS__INHIBIT_PROG_LOAD;
    config.bind_flags = options_.need_wakeup ? XDP_USE_NEED_WAKEUP : 0;
    if (const int error = xsk_socket__create(&socket_, options_.interface_name.c_str(),
                                             options_.queue, umem_, &rx_, &tx_, &config)) {
        socket_ = nullptr;
        return Unexpected{system_error(-error, "bind AF_XDP socket to " + options_.interface_name)};
    }
    fd_ = xsk_socket__fd(socket_);
    if (auto set = set_options(); !set) {
        return set;
    }
    for (std::uint32_t i = 0; i < options_.ring_size; ++i) {
        give_back(std::uint64_t{i} * kFrameLen);
    }

    program_ = requests_bpf__open_and_load();
    if (program_ == nullptr) {
        return Unexpected{system_error(errno, "load XDP program")};
    }
    const unsigned ifindex = ::if_nametoindex(options_.interface_name.c_str());
    link_fd_ = bpf_link_create(bpf_program__fd(program_->progs.take_requests),
                               static_cast<int>(ifindex), BPF_XDP, nullptr);
    if (link_fd_ < 0) {
        return Unexpected{system_error(errno, "attach XDP to " + options_.interface_name)};
    }
    if (bpf_map_update_elem(bpf_map__fd(program_->maps.sockets), &options_.queue, &fd_, BPF_ANY) !=
        0) {
        return Unexpected{system_error(errno, "put socket into its map")};
    }
    return Success{};
}

Result<Success, Error> Queue::set_options() {
    int error = 0;
    if (options_.tx_budget != 0) {
        error = set_option(fd_, SOL_XDP, kMaxTxSkbBudget, options_.tx_budget);
        if (error != 0) {
            return Unexpected{system_error(error, "set XDP_MAX_TX_SKB_BUDGET (Linux 6.17)")};
        }
    }
    if (options_.prefer_busy_poll) {
        error = set_option(fd_, SOL_SOCKET, SO_PREFER_BUSY_POLL, 1);
    }
    if (error == 0 && options_.busy_poll_us != 0) {
        error = set_option(fd_, SOL_SOCKET, SO_BUSY_POLL, options_.busy_poll_us);
        if (error == 0) {
            error = set_option(fd_, SOL_SOCKET, SO_BUSY_POLL_BUDGET, options_.batch);
        }
    }
    if (error != 0) {
        return Unexpected{system_error(error, "set busy polling")};
    }
    return Success{};
}

Queue::~Queue() {
    if (program_ != nullptr) {
        static_cast<void>(
            bpf_map_delete_elem(bpf_map__fd(program_->maps.sockets), &options_.queue));
    }
    if (link_fd_ >= 0) {
        ::close(link_fd_);
    }
    if (program_ != nullptr) {
        requests_bpf__destroy(program_);
    }
    if (socket_ != nullptr) {
        xsk_socket__delete(socket_);
    }
    if (umem_ != nullptr) {
        static_cast<void>(xsk_umem__delete(umem_));
    }
    if (area_ != nullptr) {
        static_cast<void>(::munmap(area_, std::uint64_t{options_.ring_size} * kFrameLen));
    }
}

void Queue::give_back(std::uint64_t address) noexcept {
    std::uint32_t slot = 0;
    static_cast<void>(xsk_ring_prod__reserve(&fill_, 1, &slot));
    *xsk_ring_prod__fill_addr(&fill_, slot) = address - address % kFrameLen;
    xsk_ring_prod__submit(&fill_, 1);
}

// Frames whose reply is sent receive again.
void Queue::recycle() noexcept {
    std::uint32_t from = 0;
    const std::uint32_t count = xsk_ring_cons__peek(&completion_, options_.ring_size, &from);
    if (count == 0) {
        return;
    }
    std::uint32_t to = 0;
    static_cast<void>(xsk_ring_prod__reserve(&fill_, count, &to));
    for (std::uint32_t i = 0; i < count; ++i) {
        const std::uint64_t address = *xsk_ring_cons__comp_addr(&completion_, from + i);
        *xsk_ring_prod__fill_addr(&fill_, to + i) = address - address % kFrameLen;
    }
    xsk_ring_prod__submit(&fill_, count);
    xsk_ring_cons__release(&completion_, count);
}

void Queue::wait(int timeout_ms) noexcept {
    if (options_.prefer_busy_poll || options_.busy_poll_us != 0) {
        // A receive call is what busy-polls an AF_XDP socket.
        static_cast<void>(::recvfrom(fd_, nullptr, 0, MSG_DONTWAIT, nullptr, nullptr));
    }
    if (options_.spin) {
        return;
    }
    ++counters_.polls;
    pollfd entry{fd_, POLLIN, 0};
    static_cast<void>(::poll(&entry, 1, timeout_ms));
}

// In copy mode the call sends by itself, 32 frames (or tx_budget) at a time.
void Queue::kick() noexcept {
    std::uint32_t before = options_.ring_size + 1;
    while (xsk_ring_prod__needs_wakeup(&tx_) != 0 || !options_.need_wakeup) {
        const std::uint32_t waiting =
            tx_.cached_prod - __atomic_load_n(tx_.consumer, __ATOMIC_ACQUIRE);
        if (waiting == 0 || waiting >= before) {
            return;  // what could not be sent stays in the ring for the next time
        }
        before = waiting;
        ++counters_.kicks;
        static_cast<void>(::sendto(fd_, nullptr, 0, MSG_DONTWAIT, nullptr, 0));
    }
}

std::uint64_t Queue::kernel_drops() const noexcept {
    xdp_statistics statistics{};
    socklen_t len = sizeof statistics;
    if (::getsockopt(fd_, SOL_XDP, XDP_STATISTICS, &statistics, &len) != 0) {
        return 0;
    }
    return statistics.rx_dropped + statistics.rx_ring_full + statistics.rx_fill_ring_empty_descs +
           statistics.rx_invalid_descs + statistics.tx_invalid_descs;
}

}  // namespace xdhcpd::bench
