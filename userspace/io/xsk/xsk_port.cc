#include "io/xsk/xsk_port.h"

#include <linux/if_xdp.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <ctime>
#include <thread>
#include <utility>

#include "base/assert.h"
#include "bpf/xdhcpd_abi.h"

namespace xdhcpd {
namespace {

// The kernel needs 15 to 25 ms to let go of a queue whose socket was closed; a restart must not
// fail for that.
constexpr std::chrono::milliseconds kBindRetryPause{5};
constexpr int kBindAttempts = 21;

bool is_tolerated_kick_error(int error) noexcept {
    return error == EAGAIN || error == EBUSY || error == ENOBUFS || error == ENETDOWN ||
           error == EINTR;
}

// The clock that the XDP program reads too; no system call.
std::chrono::nanoseconds coarse_time() noexcept {
    timespec now{};
    static_cast<void>(::clock_gettime(CLOCK_MONOTONIC_COARSE, &now));
    return std::chrono::seconds{now.tv_sec} + std::chrono::nanoseconds{now.tv_nsec};
}

// Reads what the XDP program wrote in front of a frame; 0 when it wrote nothing. The record is used
// up: a frame that comes later without one must not be taken for this one.
std::chrono::nanoseconds take_waiting_time(std::byte* frame,
                                           std::chrono::nanoseconds now) noexcept {
    std::byte* const record = frame - sizeof(xd_arrival);
    xd_arrival arrival{};
    std::memcpy(&arrival, record, sizeof arrival);
    if (arrival.magic != XD_ARRIVAL_MAGIC) {
        return {};
    }
    constexpr decltype(arrival.magic) kUsed = 0;
    std::memcpy(record + offsetof(xd_arrival, magic), &kUsed, sizeof kUsed);
    return std::max(now - std::chrono::nanoseconds{arrival.time}, std::chrono::nanoseconds{0});
}

}  // namespace

UmemArea::UmemArea(std::size_t len) {
    void* const area =
        ::mmap(nullptr, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (area != MAP_FAILED) {
        bytes_ = {static_cast<std::byte*>(area), len};
    }
}

UmemArea::UmemArea(UmemArea&& other) noexcept : bytes_{std::exchange(other.bytes_, {})} {}

UmemArea& UmemArea::operator=(UmemArea&& other) noexcept {
    std::swap(bytes_, other.bytes_);
    return *this;
}

UmemArea::~UmemArea() {
    if (!bytes_.empty()) {
        static_cast<void>(::munmap(bytes_.data(), bytes_.size()));
    }
}

XskPort::XskPort(const XskPortOptions& options)
    : options_{options},
      area_{std::size_t{options.frame_count} * options.frame_len},
      states_(options.frame_count, FrameState::kFree) {
    const std::uint32_t tx_count = options_.frame_count - options_.ring_size;
    free_.reserve(tx_count);
    pending_.reserve(tx_count);
    for (std::uint32_t i = 0; i < options_.ring_size; ++i) {
        states_[i] = FrameState::kFilled;
    }
    for (std::uint32_t i = options_.frame_count; i > options_.ring_size; --i) {
        free_.push_back(i - 1);  // lowest on top
    }
}

XskPort::~XskPort() {
    destroy();
}

void XskPort::destroy() noexcept {
    fd_ = -1;
    if (socket_ != nullptr) {
        xsk_socket__delete(std::exchange(socket_, nullptr));
    }
    if (umem_ != nullptr) {
        static_cast<void>(xsk_umem__delete(std::exchange(umem_, nullptr)));
    }
}

int XskPort::create(std::string_view& step) {
    xsk_umem_config umem_config{};
    // Twice the frames, for the kernel publishes a received frame before it publishes that it has
    // taken the frame's slot here (xsk_flush): who is quick gives the frame back in between.
    umem_config.fill_size = 2 * options_.ring_size;
    umem_config.comp_size = options_.ring_size;
    umem_config.frame_size = options_.frame_len;
    umem_config.frame_headroom = XSK_UMEM__DEFAULT_FRAME_HEADROOM;
    step = "create UMEM for ";
    int error = xsk_umem__create(&umem_, area_.bytes().data(), area_.bytes().size(), &fill_,
                                 &completion_, &umem_config);
    if (error != 0) {
        umem_ = nullptr;
        return -error;
    }

    xsk_socket_config socket_config{};
    socket_config.rx_size = options_.ring_size;
    socket_config.tx_size = options_.ring_size;
    socket_config.libxdp_flags = XSK_LIBXDP_FLAGS__INHIBIT_PROG_LOAD;
    socket_config.bind_flags =
        static_cast<std::uint16_t>(options_.bind_flags | XDP_USE_NEED_WAKEUP);
    step = "bind AF_XDP socket to ";
    error = xsk_socket__create(&socket_, options_.interface_name.c_str(), options_.queue, umem_,
                               &rx_, &tx_, &socket_config);
    if (error != 0) {
        socket_ = nullptr;
        return -error;
    }
    fd_ = xsk_socket__fd(socket_);
    return 0;
}

Result<std::unique_ptr<XskPort>, Error> XskPort::open(const XskPortOptions& options) {
    std::unique_ptr<XskPort> port{new XskPort{options}};
    const std::string object = options.interface_name + " queue " + std::to_string(options.queue);
    if (port->area_.bytes().empty()) {
        return Unexpected{system_error(ENOMEM, "allocate UMEM for " + object)};
    }

    std::string_view step;
    int error = port->create(step);
    for (int attempt = 1; error == EBUSY && attempt < kBindAttempts; ++attempt) {
        port->destroy();  // a UMEM whose bind failed cannot be bound again
        std::this_thread::sleep_for(kBindRetryPause);
        error = port->create(step);
    }
    if (error != 0) {
        Error result = system_error(error, std::string{step} + object);
        if (error == EPERM) {
            result.message += " (needs CAP_NET_RAW and CAP_NET_ADMIN)";
        } else if (error == EBUSY) {
            result.message += " (another AF_XDP socket holds it)";
        } else if (error == ENOBUFS) {
            result.message +=
                " (locked-memory limit; needs CAP_IPC_LOCK or a higher RLIMIT_MEMLOCK)";
        } else if ((options.bind_flags & XDP_ZEROCOPY) != 0) {
            result.message += " (zero-copy was asked for)";
        }
        return Unexpected{std::move(result)};
    }

    xdp_options obtained{};
    socklen_t obtained_len = sizeof obtained;
    if (::getsockopt(port->fd_, SOL_XDP, XDP_OPTIONS, &obtained, &obtained_len) == 0) {
        port->zero_copy_ = (obtained.flags & XDP_OPTIONS_ZEROCOPY) != 0;
    }

    std::uint32_t slot = 0;
    const std::uint32_t reserved = xsk_ring_prod__reserve(&port->fill_, options.ring_size, &slot);
    XD_ASSERT(reserved == options.ring_size);
    for (std::uint32_t i = 0; i < options.ring_size; ++i) {
        *xsk_ring_prod__fill_addr(&port->fill_, slot + i) = std::uint64_t{i} * options.frame_len;
    }
    xsk_ring_prod__submit(&port->fill_, options.ring_size);
    return port;
}

std::byte* XskPort::frame(std::uint32_t index) const noexcept {
    return area_.bytes().data() + std::size_t{index} * options_.frame_len;
}

void XskPort::change(std::uint32_t index, FrameState from, FrameState to) noexcept {
    XD_ASSERT(index < states_.size() && states_[index] == from);
    states_[index] = to;
}

std::size_t XskPort::receive(std::span<RxFrame> batch) {
    std::uint32_t slot = 0;
    const auto wanted =
        static_cast<std::uint32_t>(std::min<std::size_t>(batch.size(), options_.ring_size));
    const std::uint32_t count = xsk_ring_cons__peek(&rx_, wanted, &slot);
    if (count == 0) {
        return 0;
    }
    const std::chrono::nanoseconds now = coarse_time();
    for (std::uint32_t i = 0; i < count; ++i) {
        const xdp_desc& descriptor = *xsk_ring_cons__rx_desc(&rx_, slot + i);
        const auto index = static_cast<std::uint32_t>(descriptor.addr / options_.frame_len);
        change(index, FrameState::kFilled, FrameState::kReceived);
        std::byte* const start = area_.bytes().data() + descriptor.addr;
        batch[i] = {.bytes = {start, descriptor.len},
                    .ifindex = options_.ifindex,
                    .token = index,
                    .waited = take_waiting_time(start, now)};
    }
    xsk_ring_cons__release(&rx_, count);
    counters_.rx_frames.add(count);
    return count;
}

// Producer and consumer are free-running; the consumer is behind what receive() has taken.
unsigned XskPort::fill_permille() const noexcept {
    const std::uint32_t produced = __atomic_load_n(rx_.producer, __ATOMIC_RELAXED);
    return (produced - rx_.cached_cons) * 1000 / options_.ring_size;
}

void XskPort::release(std::span<const RxFrame> batch) {
    if (batch.empty()) {
        return;
    }
    const auto count = static_cast<std::uint32_t>(batch.size());
    std::uint32_t slot = 0;
    // The ring has two slots for every receive frame.
    const std::uint32_t reserved = xsk_ring_prod__reserve(&fill_, count, &slot);
    XD_ASSERT(reserved == count);
    for (std::uint32_t i = 0; i < count; ++i) {
        const auto index = static_cast<std::uint32_t>(batch[i].token);
        change(index, FrameState::kReceived, FrameState::kFilled);
        *xsk_ring_prod__fill_addr(&fill_, slot + i) = std::uint64_t{index} * options_.frame_len;
    }
    xsk_ring_prod__submit(&fill_, count);
    wake_receiver();
}

void XskPort::wake_receiver() noexcept {
    // Only a zero-copy driver that ran out of frames asks for this.
    if (xsk_ring_prod__needs_wakeup(&fill_) != 0) {
        static_cast<void>(::recvfrom(fd_, nullptr, 0, MSG_DONTWAIT, nullptr, nullptr));
    }
}

std::optional<TxFrame> XskPort::lend() {
    if (free_.empty()) {
        collect_completions();
    }
    if (free_.empty()) {
        counters_.tx_no_frame.add();
        return std::nullopt;
    }
    const std::uint32_t index = free_.back();
    free_.pop_back();
    change(index, FrameState::kFree, FrameState::kLent);
    return TxFrame{*this, MutableBytes{frame(index), options_.max_tx_frame_len}, index};
}

void XskPort::take_back(std::uint64_t token) noexcept {
    const auto index = static_cast<std::uint32_t>(token);
    change(index, FrameState::kLent, FrameState::kFree);
    free_.push_back(index);
}

void XskPort::submit(TxFrame frame, const TxInfo& info) {
    const auto index = static_cast<std::uint32_t>(frame.token());
    XD_ASSERT(info.frame_len > 0 && info.frame_len <= options_.max_tx_frame_len);
    change(index, FrameState::kLent, FrameState::kPending);
    frame.forget();
    pending_.push_back({.index = index, .len = info.frame_len});
}

void XskPort::flush() {
    collect_completions();
    fill_tx_ring();
    kick();
    // What did not fit before may fit now that the kernel has taken some; a full TX ring is rare.
    if (!pending_.empty()) {
        fill_tx_ring();
        kick();
    }
    wake_receiver();
}

void XskPort::collect_completions() noexcept {
    std::uint32_t slot = 0;
    const std::uint32_t count = xsk_ring_cons__peek(&completion_, options_.ring_size, &slot);
    if (count == 0) {
        return;
    }
    for (std::uint32_t i = 0; i < count; ++i) {
        const std::uint64_t address = *xsk_ring_cons__comp_addr(&completion_, slot + i);
        const auto index = static_cast<std::uint32_t>(address / options_.frame_len);
        change(index, FrameState::kSent, FrameState::kFree);
        free_.push_back(index);
    }
    xsk_ring_cons__release(&completion_, count);
    outstanding_ -= count;
    counters_.tx_frames.add(count);
}

void XskPort::fill_tx_ring() noexcept {
    const auto waiting = static_cast<std::uint32_t>(pending_.size());
    if (waiting == 0) {
        return;
    }
    const std::uint32_t count = std::min(waiting, xsk_prod_nb_free(&tx_, waiting));
    std::uint32_t slot = 0;
    if (count == 0 || xsk_ring_prod__reserve(&tx_, count, &slot) != count) {
        return;
    }
    for (std::uint32_t i = 0; i < count; ++i) {
        const Pending& next = pending_[i];
        change(next.index, FrameState::kPending, FrameState::kSent);
        xdp_desc& descriptor = *xsk_ring_prod__tx_desc(&tx_, slot + i);
        descriptor.addr = std::uint64_t{next.index} * options_.frame_len;
        descriptor.len = next.len;
        descriptor.options = 0;
    }
    xsk_ring_prod__submit(&tx_, count);
    outstanding_ += count;
    pending_.erase(pending_.begin(), pending_.begin() + count);
}

std::uint32_t XskPort::tx_ring_len() const noexcept {
    return tx_.cached_prod - __atomic_load_n(tx_.consumer, __ATOMIC_ACQUIRE);
}

void XskPort::kick() noexcept {
    // In copy mode the call itself sends, at most 32 frames (XDP_MAX_TX_SKB_BUDGET), so it is
    // repeated while it makes progress. A zero-copy driver is only woken, also to report what it
    // finished.
    std::uint32_t waiting = tx_ring_len();
    while ((waiting > 0 || (zero_copy_ && outstanding_ > 0)) &&
           xsk_ring_prod__needs_wakeup(&tx_) != 0) {
        counters_.kicks.add();
        if (::sendto(fd_, nullptr, 0, MSG_DONTWAIT, nullptr, 0) < 0) {
            (is_tolerated_kick_error(errno) ? counters_.kick_retries : counters_.tx_errors).add();
        }
        const std::uint32_t still_waiting = tx_ring_len();
        if (zero_copy_ || still_waiting >= waiting) {
            break;
        }
        waiting = still_waiting;
    }
}

}  // namespace xdhcpd
