#include "io/xsk/reply_interface.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <linux/if_xdp.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <xdhcpgun.skel.h>
#include <xdp/libxdp.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstdarg>
#include <cstring>
#include <utility>

#include "io/xsk/xsk_port.h"

namespace xdhcpd {
namespace {

constexpr std::uint32_t kMaxQueues = 256;  // slots of xg_sockets
// The kernel keeps this much free in front of a received frame (XDP_PACKET_HEADROOM).
constexpr std::uint32_t kKernelHeadroom = 256;
// Ethernet and two VLAN tags.
constexpr std::uint32_t kLinkHeaderLen = 14 + 2 * 4;
constexpr std::uint32_t kSmallFrameLen = 2048;
constexpr std::uint32_t kLargeFrameLen = 4096;
// BPF_F_XDP_DEV_BOUND_ONLY, Linux 6.3; the headers of Debian 12 do not know it.
constexpr std::uint32_t kBoundToDevice = 1U << 6;

int discard_libbpf(libbpf_print_level /*level*/, const char* /*format*/, std::va_list /*args*/) {
    return 0;
}
int discard_libxdp(libxdp_print_level /*level*/, const char* /*format*/, std::va_list /*args*/) {
    return 0;
}

class Fd {
  public:
    Fd() = default;
    explicit Fd(int fd) noexcept : fd_{fd} {}
    Fd(Fd&& other) noexcept : fd_{std::exchange(other.fd_, -1)} {}
    Fd& operator=(Fd&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    Fd(const Fd&) = delete;
    Fd& operator=(const Fd&) = delete;
    ~Fd() { reset(); }

    void reset() noexcept {
        if (fd_ >= 0) {
            static_cast<void>(::close(std::exchange(fd_, -1)));
        }
    }
    [[nodiscard]] int get() const noexcept { return fd_; }

  private:
    int fd_ = -1;
};

// The keys are the addresses in network order; false with errno.
template <typename Address>
[[nodiscard]] bool write_addresses(int map, const std::vector<Address>& addresses) {
    for (const Address& address : addresses) {
        std::array<std::byte, Ipv6::kLen> key{};
        address.store(key.data());
        const std::uint32_t value = 1;
        if (bpf_map_update_elem(map, key.data(), &value, BPF_ANY) != 0) {
            return false;
        }
    }
    return true;
}

ifreq request_for(const std::string& interface_name) noexcept {
    ifreq request{};
    interface_name.copy(request.ifr_name, sizeof request.ifr_name - 1);
    return request;
}

}  // namespace

struct ReplyInterface::Parts {
    ReplyInterfaceOptions options;
    std::uint32_t ifindex = 0;
    std::uint32_t mtu = 0;
    std::uint32_t queue_count = 1;
    std::uint32_t frame_len = kSmallFrameLen;
    bool is_native = true;
    Fd promiscuous;  // a packet socket that receives nothing, for its membership
    xdhcpgun_bpf* skeleton = nullptr;
    bpf_program* program = nullptr;  // of `skeleton`
    Fd link;
    std::vector<std::unique_ptr<XskPort>> sockets;
    std::vector<Port*> ports;  // the same

    Parts() = default;
    Parts(const Parts&) = delete;
    Parts& operator=(const Parts&) = delete;
    ~Parts() {
        link.reset();
        sockets.clear();
        if (skeleton != nullptr) {
            xdhcpgun_bpf__destroy(skeleton);
        }
    }

    [[nodiscard]] Result<Success, Error> find_facts();
    [[nodiscard]] int load_entry(bool is_bound);
    [[nodiscard]] int attach_link() noexcept;
    [[nodiscard]] Result<Success, Error> load_and_attach();
    [[nodiscard]] Result<Success, Error> open_sockets();
};

Result<Success, Error> ReplyInterface::Parts::find_facts() {
    const std::string& name = options.interface_name;
    if (name.empty() || name.size() >= IFNAMSIZ || !std::has_single_bit(options.ring_size) ||
        options.frame_count <= options.ring_size) {
        return Unexpected{system_error(EINVAL, "XDP options of '" + name + "'")};
    }
    ifindex = ::if_nametoindex(name.c_str());
    if (ifindex == 0) {
        return Unexpected{system_error(errno, "interface " + name)};
    }
    promiscuous = Fd{::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0)};
    if (promiscuous.get() < 0) {
        return Unexpected{
            system_error(errno, "packet socket for " + name + " (needs CAP_NET_RAW)")};
    }
    packet_mreq membership{};
    membership.mr_ifindex = static_cast<int>(ifindex);
    membership.mr_type = PACKET_MR_PROMISC;
    if (::setsockopt(promiscuous.get(), SOL_PACKET, PACKET_ADD_MEMBERSHIP, &membership,
                     sizeof membership) != 0) {
        return Unexpected{system_error(errno, "make " + name + " promiscuous")};
    }
    ifreq request = request_for(name);
    if (::ioctl(promiscuous.get(), SIOCGIFMTU, &request) != 0) {
        return Unexpected{system_error(errno, "read MTU of " + name)};
    }
    mtu = static_cast<std::uint32_t>(request.ifr_mtu);
    frame_len =
        mtu + kLinkHeaderLen + kKernelHeadroom <= kSmallFrameLen ? kSmallFrameLen : kLargeFrameLen;
    ethtool_channels channels{};
    channels.cmd = ETHTOOL_GCHANNELS;
    request = request_for(name);
    request.ifr_data = reinterpret_cast<char*>(&channels);
    if (::ioctl(promiscuous.get(), SIOCETHTOOL, &request) == 0) {
        queue_count =
            std::clamp<std::uint32_t>(channels.combined_count + channels.rx_count, 1, kMaxQueues);
    }
    return Success{};
}

// Loads the entry that is bound to the device, or the one that is not. 0 or an errno.
int ReplyInterface::Parts::load_entry(bool is_bound) {
    if (skeleton != nullptr) {
        xdhcpgun_bpf__destroy(std::exchange(skeleton, nullptr));
    }
    skeleton = xdhcpgun_bpf__open();
    if (skeleton == nullptr) {
        return errno;
    }
    skeleton->rodata->xg_max_frame_len = frame_len - kKernelHeadroom;
    program = is_bound ? skeleton->progs.xg_ingress_dev : skeleton->progs.xg_ingress;
    static_cast<void>(bpf_program__set_autoload(skeleton->progs.xg_ingress, !is_bound));
    static_cast<void>(bpf_program__set_autoload(skeleton->progs.xg_ingress_dev, is_bound));
    if (is_bound) {
        bpf_program__set_ifindex(program, ifindex);
        static_cast<void>(
            bpf_program__set_flags(program, bpf_program__flags(program) | kBoundToDevice));
    }
    const int error = -xdhcpgun_bpf__load(skeleton);
    if (error != 0) {
        xdhcpgun_bpf__destroy(std::exchange(skeleton, nullptr));
    }
    return error;
}

// 0 or an errno.
int ReplyInterface::Parts::attach_link() noexcept {
    bpf_link_create_opts create{};
    create.sz = sizeof create;
    create.flags = is_native ? XDP_FLAGS_DRV_MODE : XDP_FLAGS_SKB_MODE;
    const int fd =
        bpf_link_create(bpf_program__fd(program), static_cast<int>(ifindex), BPF_XDP, &create);
    if (fd < 0) {
        return -fd;
    }
    link = Fd{fd};
    return 0;
}

Result<Success, Error> ReplyInterface::Parts::load_and_attach() {
    static_cast<void>(libbpf_set_print(discard_libbpf));
    static_cast<void>(libxdp_set_print(discard_libxdp));
    // Maps and UMEM count against this on old kernels.
    const rlimit unlimited{RLIM_INFINITY, RLIM_INFINITY};
    static_cast<void>(::setrlimit(RLIMIT_MEMLOCK, &unlimited));

    const std::string& name = options.interface_name;
    // Only a driver can tell about tags that it took out of the frame, and only since Linux 6.8.
    int error = load_entry(/*is_bound=*/true);
    if (error == 0) {
        error = attach_link();
    }
    if (error != 0 && error != EBUSY) {
        error = load_entry(/*is_bound=*/false);
        if (error != 0) {
            return Unexpected{
                system_error(error, "load XDP program for " + name +
                                        " (needs CAP_NET_ADMIN, CAP_BPF and CAP_PERFMON)")};
        }
        error = attach_link();
    }
    if (error != 0 && error != EBUSY) {
        is_native = false;
        error = attach_link();
    }
    if (error != 0) {
        return Unexpected{system_error(error, "attach XDP program to " + name)};
    }
    if (!write_addresses(bpf_map__fd(skeleton->maps.xg_kernel_ips), options.kernel_addresses) ||
        !write_addresses(bpf_map__fd(skeleton->maps.xg_kernel_ip6s), options.kernel_addresses6)) {
        return Unexpected{system_error(errno, "write addresses of " + name)};
    }
    return Success{};
}

Result<Success, Error> ReplyInterface::Parts::open_sockets() {
    for (std::uint32_t queue = 0; queue < queue_count; ++queue) {
        auto port =
            XskPort::open({.interface_name = options.interface_name,
                           .ifindex = ifindex,
                           .queue = queue,
                           .driver = is_native ? "xdp" : "xdp-generic",
                           .ring_size = options.ring_size,
                           .frame_count = options.frame_count,
                           .frame_len = frame_len,
                           .max_tx_frame_len = std::min(frame_len, mtu + kLinkHeaderLen),
                           .bind_flags = static_cast<std::uint16_t>(is_native ? 0 : XDP_COPY)});
        if (!port) {
            return Unexpected{port.error()};
        }
        const int fd = (*port)->fd();
        if (bpf_map_update_elem(bpf_map__fd(skeleton->maps.xg_sockets), &queue, &fd, BPF_ANY) !=
            0) {
            return Unexpected{system_error(errno, "register AF_XDP socket of " +
                                                      options.interface_name + " queue " +
                                                      std::to_string(queue))};
        }
        ports.push_back(port->get());
        sockets.push_back(std::move(*port));
    }
    return Success{};
}

Result<std::unique_ptr<ReplyInterface>, Error> ReplyInterface::open(
    const ReplyInterfaceOptions& options) {
    auto parts = std::make_unique<Parts>();
    parts->options = options;
    for (const auto step : {&Parts::find_facts, &Parts::load_and_attach, &Parts::open_sockets}) {
        auto done = (*parts.*step)();
        if (!done) {
            return Unexpected{done.error()};
        }
    }
    return std::unique_ptr<ReplyInterface>{new ReplyInterface{std::move(parts)}};
}

ReplyInterface::ReplyInterface(std::unique_ptr<Parts> parts) noexcept : parts_{std::move(parts)} {}

ReplyInterface::~ReplyInterface() = default;

std::span<Port* const> ReplyInterface::ports() const noexcept {
    return parts_->ports;
}

ReplyStatistics ReplyInterface::statistics() const noexcept {
    ReplyStatistics sum;
    for (const auto& socket : parts_->sockets) {
        xdp_statistics kernel{};
        socklen_t kernel_len = sizeof kernel;
        if (::getsockopt(socket->fd(), SOL_XDP, XDP_STATISTICS, &kernel, &kernel_len) == 0) {
            sum.rx_dropped += kernel.rx_dropped;
            sum.rx_ring_full += kernel.rx_ring_full;
            sum.rx_fill_ring_empty += kernel.rx_fill_ring_empty_descs;
        }
    }
    return sum;
}

}  // namespace xdhcpd
