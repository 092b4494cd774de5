#include "io/udp/udp6_port.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "base/addresses.h"
#include "packet/frame_view6.h"
#include "packet/frame_writer6.h"
#include "packet/headers.h"

namespace xdhcpd {
namespace {

// All_DHCP_Relay_Agents_and_Servers and All_DHCP_Servers (RFC 8415 section 7.1).
constexpr std::array<Ipv6, 2> kGroups{Ipv6::of_groups({0xff02, 0, 0, 0, 0, 0, 1, 2}),
                                      Ipv6::of_groups({0xff05, 0, 0, 0, 0, 0, 1, 3})};

in6_addr to_wire(const Ipv6& address) noexcept {
    in6_addr wire{};
    std::memcpy(wire.s6_addr, address.octets.data(), Ipv6::kLen);
    return wire;
}
Ipv6 from_wire(const in6_addr& wire) noexcept {
    return Ipv6::load(reinterpret_cast<const std::byte*>(wire.s6_addr));
}

// What a destination means on one interface only (RFC 4007 section 4).
bool needs_scope(const Ipv6& address) noexcept {
    return address.is_link_local() || address.is_multicast();
}

[[nodiscard]] Result<Success, Error> join_groups(const UdpSocket& socket) {
    for (const Ipv6& group : kGroups) {
        ipv6_mreq membership{};
        membership.ipv6mr_multiaddr = to_wire(group);
        membership.ipv6mr_interface = socket.ifindex();
        if (::setsockopt(socket.fd(), IPPROTO_IPV6, IPV6_JOIN_GROUP, &membership,
                         sizeof membership) != 0) {
            return Unexpected{system_error(
                errno, "join " + to_string(group) + " on " + socket.options().interface_name)};
        }
    }
    return Success{};
}

}  // namespace

void Ipv6Wire::read(const cmsghdr& control, Told<in6_pktinfo>& told) noexcept {
    switch (control.cmsg_type) {
        case IPV6_PKTINFO:
            told.info = read_control<in6_pktinfo>(control);
            break;
        case IPV6_HOPLIMIT:
            if (const auto limit = read_control<int>(control)) {
                told.hop_limit = static_cast<std::uint8_t>(*limit);
            }
            break;
        case IPV6_RECVFRAGSIZE:
        case IPV6_HOPOPTS:
        case IPV6_DSTOPTS:
        case IPV6_RTHDR:
            told.special = true;
            break;
        default:
            break;
    }
}

bool Ipv6Wire::has_source(const in6_pktinfo& info) noexcept {
    return !from_wire(info.ipi6_addr).is_unspecified();
}

Result<std::unique_ptr<Udp6Port>, Error> Udp6Port::open(const UdpOptions& options) {
    auto socket = UdpSocket::open(AF_INET6, options);
    if (!socket) {
        return Unexpected{socket.error()};
    }
    const auto enable = [&](int option) { return socket->enable(IPPROTO_IPV6, option); };
    if (!enable(IPV6_V6ONLY) || !enable(IPV6_RECVPKTINFO) || !enable(IPV6_RECVHOPLIMIT) ||
        !enable(IPV6_RECVERR)) {
        return Unexpected{system_error(errno, "set options of IPv6 UDP socket")};
    }
    if (options.copied_payload_len && (!enable(IPV6_RECVFRAGSIZE) || !enable(IPV6_RECVHOPOPTS) ||
                                       !enable(IPV6_RECVDSTOPTS) || !enable(IPV6_RECVRTHDR))) {
        return Unexpected{system_error(errno, "ask which datagrams had extension headers")};
    }
    if (!options.interface_name.empty()) {
        if (auto joined = join_groups(*socket); !joined) {
            return Unexpected{joined.error()};
        }
    }
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    if (auto bound = socket->bind(address); !bound) {
        return Unexpected{bound.error()};
    }
    return std::unique_ptr<Udp6Port>{new Udp6Port{std::move(*socket)}};
}

std::size_t Udp6Port::make_headers(MutableBytes room, const sockaddr_in6& from,
                                   const Told& told) noexcept {
    Udp6Headers headers;
    headers.ip.source = from_wire(from.sin6_addr);
    headers.ip.destination = from_wire(told.info->ipi6_addr);
    headers.ip.destination_mac = headers.ip.destination.is_multicast()
                                     ? headers.ip.destination.multicast_mac()
                                     : socket().mac();
    headers.ip.hop_limit = told.hop_limit;
    headers.source_port = ntohs(from.sin6_port);
    headers.destination_port = local_port();
    return write_udp6_headers(room, headers, room.size() - kUdp6HeadersLen);
}

std::optional<Udp6Port::Reply> Udp6Port::read_reply(ByteView frame,
                                                    const TxInfo& info) const noexcept {
    const auto view = FrameView6::parse(frame);
    if (!view || view->protocol != Protocol6::kUdp) {
        return std::nullopt;
    }
    const bool scoped = needs_scope(view->destination);
    Reply reply{.peer = {}, .info = {}, .payload = view->payload};
    reply.peer.sin6_family = AF_INET6;
    reply.peer.sin6_addr = to_wire(view->destination);
    reply.peer.sin6_port = htons(view->destination_port);
    reply.peer.sin6_scope_id = scoped ? info.ifindex : 0;
    reply.info.ipi6_ifindex = role() == PortRole::kRoute && !scoped ? 0 : info.ifindex;
    reply.info.ipi6_addr = to_wire(view->source);
    return reply;
}

}  // namespace xdhcpd
