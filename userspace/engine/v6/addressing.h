// Where a reply of DHCPv6 goes (RFC 8415 section 18.3.10), and what its Ethernet, IP and UDP
// headers say.
#pragma once

#include "engine/v6/request.h"
#include "packet/frame_writer6.h"

namespace xdhcpd::engine::v6 {

struct Addressing {
    Udp6Headers headers;
    bool routable = false;  // to a relay that the kernel can route to
};

// By the way that the request came: to the host or relay that sent the frame.
[[nodiscard]] inline Addressing choose_addressing(const Request& request) noexcept {
    constexpr std::uint8_t kDscpCs6 = 0xc0;  // network control (RFC 4594 section 3.1)
    const FrameView6& frame = request.frame();
    const model::Snapshot& snapshot = request.snapshot();
    Addressing addressing;
    Udp6Headers& headers = addressing.headers;
    headers.ip.destination_mac = frame.source_mac;
    headers.ip.source_mac =
        request.ingress() != nullptr ? request.ingress()->interface.mac : frame.destination_mac;
    headers.ip.tags = frame.tags;
    headers.ip.source = request.source_address();
    headers.ip.destination = frame.source;
    headers.ip.traffic_class = kDscpCs6;
    headers.source_port = snapshot.ipv6.server_port;
    headers.destination_port = snapshot.ipv6.client_port;
    if (request.relayed()) {
        addressing.routable = !frame.source.is_link_local();
        // RFC 8357 section 5.3: to the port that the relay named, which is where it sent from.
        headers.destination_port = request.message().relays().front().source_port()
                                       ? frame.source_port
                                       : snapshot.ipv6.server_port;
    }
    if (snapshot.ports.reply_to_source) {
        headers.destination_port = frame.source_port;
        addressing.routable = !frame.source.is_link_local();
    }
    return addressing;
}

}  // namespace xdhcpd::engine::v6
