// UdpPort: a plain UDP socket that looks like an Ethernet port. For hosts without privileges or
// packet sockets, and as the kernel lane beside the fast drivers, for what they leave to the
// kernel's stack (fragments, IP options, long frames, queues not taken).
//
// receive() puts Ethernet, IPv4 and UDP headers in front of the payload: source MAC = chaddr of the
// message where it is Ethernet (htype 1, hlen 6), else zero; destination MAC = broadcast for
// 255.255.255.255, else the MAC of the interface; real addresses and ports; UDP checksum zero,
// since the kernel has verified it. submit() takes the payload and the addresses from the reply's
// headers; Ethernet addresses and tags are ignored. A client that has no address yet cannot be
// reached by unicast: its reply is broadcast. When the kernel has no room for another neighbour
// entry (which a broadcast needs as well), a reply to a client on the link leaves as the frame it
// is, if CAP_NET_RAW is there; other replies that it refuses are told (take_unsent()). Belongs to
// one thread.
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
#include "packet/port.h"

namespace xdhcpd {

struct UdpOptions {
    std::string interface_name;      // bind to this interface only; empty for all
    Ipv4 address{};                  // local address to bind to; 0.0.0.0 also receives broadcasts
    std::uint16_t server_port = 67;  // 0: the kernel chooses, see local_port()
    std::uint32_t rx_frame_count = 64;
    std::uint32_t tx_frame_count = 1024;
    std::uint32_t receive_buffer_len = 4 * 1024 * 1024;
    // kRoute: nothing is delivered, and what is sent goes where the kernel's routing says.
    PortRole role = PortRole::kDriver;
    // Beside a packet socket, which has copies of what the kernel's stack sees: deliver only
    // datagrams that came in fragments, and those with more UDP payload than this.
    std::optional<std::uint32_t> copied_payload_len{};
};

class UdpPort final : public Port {
  public:
    // Bytes of a received frame, made-up headers included: a jumbo frame's worth. Options may fill
    // more than an MTU (RFC 3396); the kernel reassembles.
    static constexpr std::uint32_t kMaxRxFrameLen = 9216;

    // Ports below 1024 need CAP_NET_BIND_SERVICE.
    [[nodiscard]] static Result<std::unique_ptr<UdpPort>, Error> open(const UdpOptions& options);
    ~UdpPort() override;

    [[nodiscard]] std::string_view driver() const noexcept override { return "udp"; }
    [[nodiscard]] PortRole role() const noexcept override;
    [[nodiscard]] std::string_view interface_name()
        const noexcept override;  // "" when bound to all
    [[nodiscard]] std::uint32_t queue() const noexcept override { return 0; }
    [[nodiscard]] std::size_t receive(std::span<RxFrame> batch) override;
    void release(std::span<const RxFrame> batch) override;
    [[nodiscard]] std::uint32_t tx_frame_count() const noexcept override;
    [[nodiscard]] std::optional<TxFrame> lend() override;
    void submit(TxFrame frame, const TxInfo& info) override;
    void flush() override;
    [[nodiscard]] int fd() const noexcept override;

    [[nodiscard]] std::uint16_t local_port() const noexcept;
    // Datagrams the kernel dropped because the receive buffer was full, since open; any thread may
    // ask.
    [[nodiscard]] std::uint64_t kernel_drops() const noexcept;
    // ICMP errors about what was sent, those of our own kernel when nobody answers ARP included;
    // any thread may ask.
    [[nodiscard]] std::uint64_t unreachable() const noexcept;

  private:
    struct State;
    explicit UdpPort(std::unique_ptr<State> state);
    void take_back(std::uint64_t token) noexcept override;

    std::unique_ptr<State> state_;
};

}  // namespace xdhcpd
