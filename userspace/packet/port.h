// Port: the small batch interface behind which every driver stands (xdp, xdp-generic, packet, udp,
// memory). A port is one socket of one interface or NIC queue, with its frames. It belongs to one
// thread: only that thread may call it, construction and destruction excepted.
//
// Frames are whole Ethernet frames without FCS. A driver whose socket delivers less (udp) puts
// headers in front; a VLAN tag that the kernel moved into metadata is put back, so that a frame
// always shows what was on the wire. No driver vouches for a byte of what it delivers: parse
// everything.
//
// A reply lives in a frame that the port lends, never in the received one. A lent frame may be kept
// as long as wanted (a reply that waits for the disk) and comes back by submit() or by being
// destroyed.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/counters.h"

namespace xdhcpd {

// A received frame; readable until it is given to Port::release().
struct RxFrame {
    ByteView bytes;             // from the Ethernet destination on, 0..frame size bytes
    std::uint32_t ifindex = 0;  // interface it was received on, never 0
    std::uint64_t token = 0;    // the driver's own
    // How long it has waited between the network driver and receive(), as exactly as the kernel's
    // tick (1 to 10 ms); 0 when it is not known.
    std::chrono::nanoseconds waited{0};
};

class Port;

// An empty frame lent by a port. Move-only: destroyed without submit(), it returns to its pool
// unsent.
class TxFrame {
  public:
    TxFrame() = default;
    TxFrame(Port& owner, MutableBytes bytes, std::uint64_t token) noexcept
        : owner_{&owner}, bytes_{bytes}, token_{token} {}
    TxFrame(TxFrame&& other) noexcept
        : owner_{std::exchange(other.owner_, nullptr)},
          bytes_{other.bytes_},
          token_{other.token_} {}
    TxFrame& operator=(TxFrame&& other) noexcept;
    TxFrame(const TxFrame&) = delete;
    TxFrame& operator=(const TxFrame&) = delete;
    ~TxFrame();

    explicit operator bool() const noexcept { return owner_ != nullptr; }
    // All that may be written: at least kMinTxFrameLen bytes unless the interface's MTU is smaller.
    [[nodiscard]] MutableBytes bytes() const noexcept { return bytes_; }
    [[nodiscard]] std::uint64_t token() const noexcept { return token_; }
    // Gives up ownership without returning the frame: for the port itself, in submit().
    void forget() noexcept { owner_ = nullptr; }

  private:
    Port* owner_ = nullptr;
    MutableBytes bytes_;
    std::uint64_t token_ = 0;
};

// What a driver without link-layer access must know about a reply beyond its bytes.
struct TxInfo {
    std::uint32_t frame_len = 0;  // bytes of the lent frame to send
    std::uint32_t ifindex = 0;    // interface to send on: that of the request
    // The IP destination has no address yet and is reachable by its MAC only (RFC 2131 section 4.1,
    // broadcast bit clear): the udp driver broadcasts instead.
    bool unconfigured_destination = false;
};

// A submitted frame that the kernel refused for good.
struct UnsentFrame {
    TxFrame frame;  // as it was submitted
    TxInfo info;
};

// Written by the port's thread, readable by any.
struct PortCounters {
    Counter rx_frames;     // delivered by receive()
    Counter rx_truncated;  // longer than our buffer; not delivered
    Counter tx_frames;     // accepted by the kernel (completed, where the driver can tell)
    Counter tx_errors;     // refused by the kernel for good
    Counter tx_no_frame;   // lend() had none
    Counter kicks;         // system calls to start transmission
    Counter
        kick_retries;  // EAGAIN, EBUSY, ENOBUFS (not udp), ENETDOWN: tried again at the next flush
};

// What a port is there for.
enum class PortRole : std::uint8_t {
    kDriver,  // the interface's own driver, or one queue of it
    kLane,    // beside a faster driver: serves what that leaves to the kernel's stack
    kRoute,   // sends only, by the kernel's routing
};
// "driver", "lane" or "route"
[[nodiscard]] constexpr std::string_view name(PortRole role) noexcept {
    switch (role) {
        case PortRole::kDriver:
            return "driver";
        case PortRole::kLane:
            return "lane";
        case PortRole::kRoute:
            break;
    }
    return "route";
}

class Port {
  public:
    Port() = default;
    Port(const Port&) = delete;
    Port& operator=(const Port&) = delete;
    virtual ~Port() = default;

    // "xdp", "xdp-generic", "packet", "udp", "udp6" or "memory".
    [[nodiscard]] virtual std::string_view driver() const noexcept = 0;
    [[nodiscard]] virtual PortRole role() const noexcept { return PortRole::kDriver; }
    // Name of the interface ("" for all of them), and the queue on it (0 where the driver has
    // no queues).
    [[nodiscard]] virtual std::string_view interface_name() const noexcept = 0;
    [[nodiscard]] virtual std::uint32_t queue() const noexcept = 0;

    // Takes up to batch.size() waiting frames, returns how many. Never blocks.
    [[nodiscard]] virtual std::size_t receive(std::span<RxFrame> batch) = 0;
    // Whether what arrives here has been held to the rates of its clients and links already.
    [[nodiscard]] virtual bool filters_rate() const noexcept { return false; }
    // How much of the room for waiting frames is taken now, in thousandths; 0 where the driver
    // cannot say (it tells of each frame how long it waited).
    [[nodiscard]] virtual unsigned fill_permille() const noexcept { return 0; }
    // Gives received frames back; each exactly once, in any order.
    virtual void release(std::span<const RxFrame> batch) = 0;

    // Frames that lend() can have out at a time.
    [[nodiscard]] virtual std::uint32_t tx_frame_count() const noexcept = 0;
    // An empty frame, or nothing when all are out.
    [[nodiscard]] virtual std::optional<TxFrame> lend() = 0;
    // Queues a frame of this port. It leaves at the next flush() at the latest.
    virtual void submit(TxFrame frame, const TxInfo& info) = 0;
    // Hands queued frames to the kernel and collects finished ones. Call once per batch and after
    // each poll.
    virtual void flush() = 0;
    // Gives `tell` each frame that could not be sent, by drivers that can tell which; it may keep
    // the frame.
    template <typename Tell>
    void take_unsent(const Tell& tell) {
        for (UnsentFrame& unsent : unsent_) {
            tell(unsent);
        }
        unsent_.clear();
    }

    // Readable when receive() has something; -1 for the memory driver, and for a port that receives
    // nothing.
    [[nodiscard]] virtual int fd() const noexcept = 0;
    [[nodiscard]] const PortCounters& counters() const noexcept { return counters_; }

    // The port by which replies leave that the kernel can route; null: they leave by this one. Set
    // before a worker has the port; it belongs to the same worker and is flushed with this port,
    // right behind the batch, and only so.
    void set_route(Port* route) noexcept { route_ = route; }
    [[nodiscard]] Port* route() const noexcept { return route_; }
    // Lent frames that wait for something other than the network; kept by who has them.
    void set_parked(std::uint32_t count) noexcept { parked_ = count; }
    [[nodiscard]] std::uint32_t parked() const noexcept { return parked_; }

  protected:
    friend class TxFrame;
    // Takes back a lent frame that was not submitted.
    virtual void take_back(std::uint64_t token) noexcept = 0;

    PortCounters counters_;
    // Empty before the driver's own part is destroyed: the frames go back to it.
    std::vector<UnsentFrame> unsent_;

  private:
    Port* route_ = nullptr;
    std::uint32_t parked_ = 0;
};

// Room that a lent frame must offer: 14 Ethernet, 8 for two tags, 20 IP, 8 UDP, 1472 of DHCP.
inline constexpr std::size_t kMinTxFrameLen = 1522;

inline TxFrame& TxFrame::operator=(TxFrame&& other) noexcept {
    if (this != &other) {
        if (owner_ != nullptr) {
            owner_->take_back(token_);
        }
        owner_ = std::exchange(other.owner_, nullptr);
        bytes_ = other.bytes_;
        token_ = other.token_;
    }
    return *this;
}

inline TxFrame::~TxFrame() {
    if (owner_ != nullptr) {
        owner_->take_back(token_);
    }
}

}  // namespace xdhcpd
