#include "io/udp/udp_port.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/socket.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <string>

#include "packet/checksum.h"
#include "packet/frame_view.h"
#include "packet/headers.h"

namespace xdhcpd {
namespace {

// BOOTP (RFC 2131 section 2): where a message names its sender's Ethernet address.
constexpr std::size_t kHtypeOffset = 1;
constexpr std::size_t kHlenOffset = 2;
constexpr std::size_t kGiaddrOffset = 24;
constexpr std::size_t kChaddrOffset = 28;
constexpr std::uint8_t kHtypeEthernet = 1;

Ipv4 from_wire(in_addr address) noexcept {
    return Ipv4{ntohl(address.s_addr)};
}
in_addr to_wire(Ipv4 address) noexcept {
    return in_addr{htonl(address.value)};
}

Mac sender_of(ByteView payload, Mac own) noexcept {
    if (payload.size() < kChaddrOffset + Mac::kLen ||
        load_u8(&payload[kHtypeOffset]) != kHtypeEthernet ||
        load_u8(&payload[kHlenOffset]) != Mac::kLen) {
        return Mac{};
    }
    const Mac chaddr = Mac::load(&payload[kChaddrOffset]);
    return chaddr.is_group() || chaddr == own ? Mac{} : chaddr;
}

// What the socket told about a datagram.
struct Datagram {
    Mac destination_mac;
    Mac interface_mac;  // of the interface it came in on; zero if it has none
    Ipv4 source;
    Ipv4 destination;
    std::uint16_t source_port = 0;
    std::uint16_t destination_port = 0;
    std::size_t payload_len = 0;
};

// Writes kUdp4HeadersLen bytes in front of the payload at `frame` + kUdp4HeadersLen.
void put_headers(std::byte* frame, const Datagram& datagram) noexcept {
    std::memset(frame, 0, kUdp4HeadersLen);
    datagram.destination_mac.store(frame);
    sender_of({frame + kUdp4HeadersLen, datagram.payload_len}, datagram.interface_mac)
        .store(frame + Mac::kLen);
    store_be16(frame + 2 * Mac::kLen, kEtherTypeIpv4);

    const auto udp_len = static_cast<std::uint16_t>(kUdpLen + datagram.payload_len);
    std::byte* const ip = frame + kEthernetLen;
    store_u8(ip, 0x45);  // version 4, five words
    store_be16(ip + 2, static_cast<std::uint16_t>(kIpv4MinLen + udp_len));
    store_u8(ip + 8, kDefaultTtl);
    store_u8(ip + 9, kProtocolUdpNumber);
    datagram.source.store(ip + 12);
    datagram.destination.store(ip + 16);
    store_be16(ip + 10, ipv4_header_checksum({ip, kIpv4MinLen}));

    std::byte* const udp = ip + kIpv4MinLen;
    store_be16(udp, datagram.source_port);
    store_be16(udp + 2, datagram.destination_port);
    store_be16(udp + 4, udp_len);
}

// Of a list of the interface's prefixes.
constexpr std::chrono::seconds kOnLinkAge{1};

// On one interface, or on all of them if the name is empty.
std::vector<Ipv4Prefix> read_prefixes(const std::string& interface_name) {
    std::vector<Ipv4Prefix> prefixes;
    ifaddrs* list = nullptr;
    if (::getifaddrs(&list) != 0) {
        return prefixes;
    }
    for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
        if (entry->ifa_addr == nullptr || entry->ifa_addr->sa_family != AF_INET ||
            entry->ifa_netmask == nullptr ||
            (!interface_name.empty() && interface_name != entry->ifa_name)) {
            continue;
        }
        sockaddr_in address{};
        sockaddr_in mask{};
        std::memcpy(&address, entry->ifa_addr, sizeof address);
        std::memcpy(&mask, entry->ifa_netmask, sizeof mask);
        const auto length = std::popcount(from_wire(mask.sin_addr).value);
        prefixes.push_back({from_wire(address.sin_addr), static_cast<std::uint8_t>(length)});
    }
    ::freeifaddrs(list);
    return prefixes;
}

bool is_relayed(ByteView payload) noexcept {
    return payload.size() < kChaddrOffset || !Ipv4::load(&payload[kGiaddrOffset]).is_zero();
}

std::chrono::nanoseconds monotonic_time() noexcept {
    return std::chrono::steady_clock::now().time_since_epoch();
}

}  // namespace

void Ipv4Wire::read(const cmsghdr& control, Told<in_pktinfo>& told) noexcept {
    if (control.cmsg_type == IP_PKTINFO) {
        told.info = read_control<in_pktinfo>(control);
    } else if (control.cmsg_type == IP_RECVFRAGSIZE) {
        told.special = true;
    }
}

Result<std::unique_ptr<UdpPort>, Error> UdpPort::open(const UdpOptions& options) {
    auto socket = UdpSocket::open(AF_INET, options);
    if (!socket) {
        return Unexpected{socket.error()};
    }
    // Without IP_RECVERR the kernel drops a datagram for which it has no neighbour entry and says
    // that it was sent.
    if (!socket->enable(SOL_SOCKET, SO_BROADCAST) || !socket->enable(IPPROTO_IP, IP_PKTINFO) ||
        !socket->enable(IPPROTO_IP, IP_RECVERR)) {
        return Unexpected{system_error(errno, "set options of UDP socket")};
    }
    if (options.copied_payload_len && !socket->enable(IPPROTO_IP, IP_RECVFRAGSIZE)) {
        return Unexpected{system_error(errno, "ask which datagrams came in fragments")};
    }
    sockaddr_in address{};
    address.sin_family = AF_INET;
    if (auto bound = socket->bind(address); !bound) {
        return Unexpected{bound.error()};
    }
    // For when the kernel has no room for neighbours; who lacks the privilege does without.
    OwnedFd link{::socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    return std::unique_ptr<UdpPort>{new UdpPort{std::move(*socket), std::move(link)}};
}

std::size_t UdpPort::make_headers(MutableBytes room, const sockaddr_in& from,
                                  const Told& told) noexcept {
    const Ipv4 destination = from_wire(told.info->ipi_addr);
    put_headers(room.data(),
                {.destination_mac = destination == kBroadcastIpv4 ? kBroadcastMac : socket().mac(),
                 .interface_mac = socket().mac(),
                 .source = from_wire(from.sin_addr),
                 .destination = destination,
                 .source_port = ntohs(from.sin_port),
                 .destination_port = local_port(),
                 .payload_len = room.size() - kUdp4HeadersLen});
    return room.size();
}

std::optional<UdpPort::Reply> UdpPort::read_reply(ByteView frame,
                                                  const TxInfo& info) const noexcept {
    const auto view = FrameView::parse(frame);
    if (!view) {
        return std::nullopt;
    }
    Reply reply{.peer = {}, .info = {}, .payload = view->payload};
    reply.peer.sin_family = AF_INET;
    reply.peer.sin_addr =
        to_wire(info.unconfigured_destination ? kBroadcastIpv4 : view->destination);
    reply.peer.sin_port = htons(view->destination_port);
    reply.info.ipi_ifindex = role() == PortRole::kRoute ? 0 : static_cast<int>(info.ifindex);
    reply.info.ipi_spec_dst = to_wire(view->source);
    return reply;
}

bool UdpPort::is_on_link(Ipv4 address) {
    const std::chrono::nanoseconds now = monotonic_time();
    if (link_read_.count() == 0 || now - link_read_ > kOnLinkAge) {
        link_read_ = now;
        on_link_ = read_prefixes(socket().options().interface_name);
    }
    return std::any_of(on_link_.begin(), on_link_.end(),
                       [address](Ipv4Prefix prefix) { return prefix.contains(address); });
}

// Sends the frame as it was written, to the client's own MAC: the kernel has no room for another
// neighbour. Not to relays and not through a router, whose MAC is not known.
bool UdpPort::send_otherwise(ByteView frame, const Reply& reply, const TxInfo& info, int error) {
    const Mac to_mac = Mac::load(frame.data());
    const Ipv4 destination = from_wire(reply.peer.sin_addr);
    if (error != ENOBUFS || !link_.is_open() || info.ifindex == 0 || to_mac.is_zero() ||
        is_relayed(reply.payload) || (destination != kBroadcastIpv4 && !is_on_link(destination))) {
        return false;
    }
    sockaddr_ll to{};
    to.sll_family = AF_PACKET;
    to.sll_protocol = htons(kEtherTypeIpv4);
    to.sll_ifindex = static_cast<int>(info.ifindex);
    to.sll_halen = Mac::kLen;
    to_mac.store(reinterpret_cast<std::byte*>(to.sll_addr));
    return ::sendto(link_.get(), frame.data(), frame.size(), MSG_DONTWAIT,
                    reinterpret_cast<const sockaddr*>(&to),
                    sizeof to) == static_cast<ssize_t>(frame.size());
}

}  // namespace xdhcpd
