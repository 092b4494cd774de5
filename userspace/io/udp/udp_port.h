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

#include <netinet/in.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/addresses.h"
#include "base/error.h"
#include "base/owned_fd.h"
#include "base/result.h"
#include "io/udp/datagram_port.h"

namespace xdhcpd {

// See DatagramPort.
struct Ipv4Wire {
    using Peer = sockaddr_in;
    using PacketInfo = in_pktinfo;
    static constexpr int kLevel = IPPROTO_IP;
    static constexpr int kPacketInfo = IP_PKTINFO;
    static constexpr int kErrors = IP_RECVERR;
    static constexpr std::uint8_t kIcmp = SO_EE_ORIGIN_ICMP;
    static constexpr std::size_t kHeadersLen = kUdp4HeadersLen;
    static constexpr std::size_t kToldLen =
        CMSG_SPACE(sizeof(in_pktinfo)) + CMSG_SPACE(sizeof(int));

    static void read(const cmsghdr& control, Told<in_pktinfo>& told) noexcept;
    static std::uint32_t ifindex(const in_pktinfo& info) noexcept {
        return static_cast<std::uint32_t>(info.ipi_ifindex);
    }
    static bool has_source(const in_pktinfo& info) noexcept {
        return info.ipi_spec_dst.s_addr != 0;
    }
    static void clear_source(in_pktinfo& info) noexcept { info.ipi_spec_dst = {}; }
};

class UdpPort final : public DatagramPort<Ipv4Wire> {
  public:
    [[nodiscard]] static Result<std::unique_ptr<UdpPort>, Error> open(const UdpOptions& options);

    [[nodiscard]] std::string_view driver() const noexcept override { return "udp"; }

  private:
    UdpPort(UdpSocket socket, OwnedFd link)
        : DatagramPort{std::move(socket)}, link_{std::move(link)} {}
    std::size_t make_headers(MutableBytes room, const sockaddr_in& from,
                             const Told& told) noexcept override;
    [[nodiscard]] std::optional<Reply> read_reply(ByteView frame,
                                                  const TxInfo& info) const noexcept override;
    [[nodiscard]] bool send_otherwise(ByteView frame, const Reply& reply, const TxInfo& info,
                                      int error) override;
    [[nodiscard]] bool is_on_link(Ipv4 address);

    OwnedFd link_;                     // packet socket that receives nothing; none unprivileged
    std::vector<Ipv4Prefix> on_link_;  // of the interface, as of link_read_
    std::chrono::nanoseconds link_read_{0};
};

}  // namespace xdhcpd
