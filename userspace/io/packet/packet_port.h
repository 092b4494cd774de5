// PacketPort: an AF_PACKET socket on one interface, for interfaces and kernels without XDP.
//
// A classic BPF filter lets through only IPv4 UDP to the server port that is no fragment and starts
// with BOOTREQUEST, of at most kMaxPayloadLen bytes, and what set_take6() says of IPv6. A VLAN tag
// that the kernel keeps beside the packet is put back into the frame. The kernel's own stack sees
// every frame as well: a UDP socket on the same port receives a second copy of broadcasts and of
// unicast to this host. Needs CAP_NET_RAW to open, nothing afterwards. Belongs to one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/addresses.h"
#include "base/error.h"
#include "base/result.h"
#include "io/packet/request_filter.h"
#include "packet/port.h"

namespace xdhcpd {

// What the socket takes.
enum class PacketTake : std::uint8_t {
    kRequests,  // to this host: what a server wants
    // Replies to clients and relays, and ARP requests, to any MAC address: what a load generator
    // wants whose clients have MAC addresses of their own. The interface is made promiscuous.
    kReplies,
};

struct PacketOptions {
    std::string interface_name;
    PacketTake take = PacketTake::kRequests;
    std::uint16_t server_port = 67;
    std::uint16_t server_port6 = 547;
    std::uint32_t rx_frame_count = 256;   // received and not yet released, at most
    std::uint32_t tx_frame_count = 1024;  // lent and not yet sent, at most
    std::uint32_t receive_buffer_len =
        8 * 1024 * 1024;  // bytes the kernel may queue; less if it refuses
};

class PacketPort final : public Port {
  public:
    // UDP payload of the longest request taken, so that it fits a frame of 2048 bytes behind one
    // tag and the longest IPv4 header. Longer ones are left to the kernel's stack.
    static constexpr std::uint32_t kMaxPayloadLen = 2048 - 14 - 4 - 60 - 8;

    [[nodiscard]] static Result<std::unique_ptr<PacketPort>, Error> open(
        const PacketOptions& options);
    ~PacketPort() override;

    [[nodiscard]] std::string_view driver() const noexcept override { return "packet"; }
    [[nodiscard]] std::string_view interface_name() const noexcept override;
    [[nodiscard]] std::uint32_t queue() const noexcept override { return 0; }
    [[nodiscard]] std::size_t receive(std::span<RxFrame> batch) override;
    void release(std::span<const RxFrame> batch) override;
    [[nodiscard]] std::uint32_t tx_frame_count() const noexcept override;
    [[nodiscard]] std::optional<TxFrame> lend() override;
    void submit(TxFrame frame, const TxInfo& info) override;
    void flush() override;
    [[nodiscard]] int fd() const noexcept override;

    [[nodiscard]] std::uint32_t ifindex() const noexcept;
    [[nodiscard]] Mac mac() const noexcept;
    // What of IPv6 is taken from now on, nothing at first; any thread. For kRequests.
    [[nodiscard]] Result<Success, Error> set_take6(const PacketTake6& take);
    // Frames the kernel dropped because the receive buffer was full, since open (SO_MEMINFO, which
    // unlike PACKET_STATISTICS is not reset by reading); any thread may ask.
    [[nodiscard]] std::uint64_t kernel_drops() const noexcept;

  private:
    struct State;
    explicit PacketPort(std::unique_ptr<State> state) noexcept;
    void take_back(std::uint64_t token) noexcept override;

    std::unique_ptr<State> state_;
};

}  // namespace xdhcpd
