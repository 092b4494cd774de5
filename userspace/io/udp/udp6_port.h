// Udp6Port: a UDP socket of DHCPv6 that looks like an Ethernet port: the driver `udp` for IPv6, and
// the kernel lane of IPv6 beside the fast drivers. What UdpPort is for IPv4; an interface has both.
//
// It joins ff02::1:2 and ff05::1:3 (RFC 8415 section 7.1) on its interface. receive() puts
// Ethernet, IPv6 and UDP headers in front of the payload: source MAC zero, since a datagram does
// not show it; destination MAC that of the group or of the interface; real addresses, ports and hop
// limit; a correct checksum. submit() takes payload and addresses from the reply's headers;
// Ethernet addresses and tags are ignored. Belongs to one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/result.h"
#include "packet/port.h"

namespace xdhcpd {

struct Udp6Options {
    std::string interface_name;       // bound to it, and member of the groups there; empty: neither
    std::uint16_t server_port = 547;  // 0: the kernel chooses, see local_port()
    std::uint32_t rx_frame_count = 64;
    std::uint32_t tx_frame_count = 1024;
    std::uint32_t receive_buffer_len = 4 * 1024 * 1024;
    PortRole role = PortRole::kDriver;
    // Beside a packet socket, which has copies of what the kernel's stack sees: deliver only
    // datagrams that came in fragments or behind extension headers, and those with more UDP payload
    // than this.
    std::optional<std::uint32_t> copied_payload_len{};
};

class Udp6Port final : public Port {
  public:
    // Bytes of a received frame, made-up headers included; a longer datagram is truncated.
    static constexpr std::uint32_t kMaxRxFrameLen = 9216;

    // Ports below 1024 need CAP_NET_BIND_SERVICE.
    [[nodiscard]] static Result<std::unique_ptr<Udp6Port>, Error> open(const Udp6Options& options);
    ~Udp6Port() override;

    [[nodiscard]] std::string_view driver() const noexcept override { return "udp6"; }
    [[nodiscard]] PortRole role() const noexcept override;
    [[nodiscard]] std::string_view interface_name() const noexcept override;
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

  private:
    struct State;
    explicit Udp6Port(std::unique_ptr<State> state) noexcept;
    void take_back(std::uint64_t token) noexcept override;

    std::unique_ptr<State> state_;
};

}  // namespace xdhcpd
