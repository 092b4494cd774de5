// Where a reply goes (RFC 2131 section 4.1), and what its Ethernet and IP headers say. Inline: what
// is chosen here goes from registers into the frame.
#pragma once

#include <optional>

#include "dhcp4/options.h"
#include "engine/request.h"
#include "packet/frame_writer.h"

namespace xdhcpd::engine {

struct Addressing {
    Udp4Headers headers;
    // The destination is reachable by its MAC only: see TxInfo.
    bool unconfigured_destination = false;
    // The destination is a relay, or a client that has its address: the kernel can route to it.
    bool routable = false;
    // The broadcast bit must be set in the reply so that the relay broadcasts it.
    bool set_broadcast_flag = false;
};

namespace detail {
inline constexpr std::uint8_t kHtypeEthernet = 1;  // IANA "Hardware Types"
inline constexpr std::uint8_t kDscpCs6 = 0xc0;     // network control (RFC 4594 section 3.1)

// Whether a frame may be sent to the client's own hardware address: never to one that would reach
// somebody else, everybody, or ourselves.
[[nodiscard]] inline bool is_usable_chaddr(const Request& request) noexcept {
    const dhcp4::MessageView& message = request.message();
    if (message.htype() != kHtypeEthernet || message.hlen() != Mac::kLen) {
        return false;
    }
    const Mac mac = Mac::load(message.chaddr().data());
    const bool own = request.ingress() != nullptr && request.ingress()->interface.mac == mac;
    return !mac.is_zero() && !mac.is_group() && !own;
}

// The address that the client has and can be reached by. A NAK says that it is wrong.
[[nodiscard]] inline std::optional<Ipv4> client_address(const Request& request,
                                                        dhcp4::MessageType reply_type) noexcept {
    const dhcp4::MessageView& message = request.message();
    if (reply_type == dhcp4::MessageType::kNak) {
        return std::nullopt;
    }
    if (!message.ciaddr().is_zero()) {
        return message.ciaddr();
    }
    // Deviation from RFC 2131 section 4.3.5, which knows no INFORM with ciaddr 0: its IP source is
    // the address that it would have had to write there.
    return message.type() == dhcp4::MessageType::kInform ? std::optional{request.frame().source}
                                                         : std::nullopt;
}

inline void broadcast(Udp4Headers& headers) noexcept {
    headers.destination_mac = kBroadcastMac;
    headers.destination = kBroadcastIpv4;
}

// By the way that the request came: to the host or router that sent the frame.
inline void unicast_back(Addressing& addressing, const Request& request,
                         Ipv4 destination) noexcept {
    addressing.headers.destination_mac = request.frame().source_mac;
    addressing.headers.destination = destination;
    addressing.routable = true;
}
}  // namespace detail

// `yiaddr` is zero for a NAK and for the answer to an INFORM.
[[nodiscard, gnu::always_inline]] inline Addressing choose_addressing(const Request& request,
                                                                      dhcp4::MessageType reply_type,
                                                                      Ipv4 yiaddr) noexcept {
    const dhcp4::MessageView& message = request.message();
    const FrameView& frame = request.frame();
    const model::PortConfiguration& ports = request.snapshot().ports;

    Addressing addressing;
    Udp4Headers& headers = addressing.headers;
    headers.source_mac =
        request.ingress() != nullptr ? request.ingress()->interface.mac : frame.destination_mac;
    headers.tags = frame.tags;
    headers.source = request.source_address();
    headers.source_port = ports.server;
    headers.destination_port = ports.client;
    headers.traffic_class = detail::kDscpCs6;

    if (ports.reply_to_source) {
        detail::unicast_back(addressing, request, frame.source);
        headers.destination_port = frame.source_port;
    } else if (request.relayed()) {
        detail::unicast_back(addressing, request, message.giaddr());
        // RFC 8357 section 5.2: a relay that has room for its port only there names it by
        // sub-option 19.
        headers.destination_port = request.relay().has(dhcp4::RelaySuboption::kRelaySourcePort)
                                       ? frame.source_port
                                       : ports.server;
        addressing.set_broadcast_flag = reply_type == dhcp4::MessageType::kNak;
    } else if (const auto address = detail::client_address(request, reply_type)) {
        detail::unicast_back(addressing, request, *address);
    } else if (message.broadcast() || yiaddr.is_zero() || !detail::is_usable_chaddr(request)) {
        detail::broadcast(headers);
    } else {
        headers.destination_mac = Mac::load(message.chaddr().data());
        headers.destination = yiaddr;
        addressing.unconfigured_destination = true;
    }
    return addressing;
}

}  // namespace xdhcpd::engine
