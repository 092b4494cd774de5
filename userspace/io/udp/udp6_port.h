// Udp6Port: a UDP socket of DHCPv6 that looks like an Ethernet port: the driver `udp` for IPv6, and
// the kernel lane of IPv6 beside the fast drivers. What UdpPort is for IPv4; an interface has both.
//
// It joins ff02::1:2 and ff05::1:3 (RFC 8415 section 7.1) on its interface. receive() puts
// Ethernet, IPv6 and UDP headers in front of the payload: source MAC zero, since a datagram does
// not show it; destination MAC that of the group or of the interface; real addresses, ports and hop
// limit; a correct checksum. submit() takes payload and addresses from the reply's headers;
// Ethernet addresses and tags are ignored. Replies that the kernel refuses, for want of a neighbour
// entry among others, are told (take_unsent()). Belongs to one thread.
#pragma once

#include <netinet/in.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "base/error.h"
#include "base/result.h"
#include "io/udp/datagram_port.h"

namespace xdhcpd {

// See DatagramPort.
struct Ipv6Wire {
    using Peer = sockaddr_in6;
    using PacketInfo = in6_pktinfo;
    static constexpr int kLevel = IPPROTO_IPV6;
    static constexpr int kPacketInfo = IPV6_PKTINFO;
    static constexpr int kErrors = IPV6_RECVERR;
    static constexpr std::uint8_t kIcmp = SO_EE_ORIGIN_ICMP6;
    static constexpr std::size_t kHeadersLen = kUdp6HeadersLen;
    static constexpr std::size_t kToldLen =
        CMSG_SPACE(sizeof(in6_pktinfo)) + 4 * CMSG_SPACE(sizeof(int));

    static void read(const cmsghdr& control, Told<in6_pktinfo>& told) noexcept;
    static std::uint32_t ifindex(const in6_pktinfo& info) noexcept { return info.ipi6_ifindex; }
    static bool has_source(const in6_pktinfo& info) noexcept;
    static void clear_source(in6_pktinfo& info) noexcept { info.ipi6_addr = {}; }
};

class Udp6Port final : public DatagramPort<Ipv6Wire> {
  public:
    // With an interface it is a member of the groups there.
    [[nodiscard]] static Result<std::unique_ptr<Udp6Port>, Error> open(const UdpOptions& options);

    [[nodiscard]] std::string_view driver() const noexcept override { return "udp6"; }

  private:
    using DatagramPort::DatagramPort;
    std::size_t make_headers(MutableBytes room, const sockaddr_in6& from,
                             const Told& told) noexcept override;
    [[nodiscard]] std::optional<Reply> read_reply(ByteView frame,
                                                  const TxInfo& info) const noexcept override;
};

}  // namespace xdhcpd
