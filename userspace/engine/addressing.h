// Where a reply goes (RFC 2131 section 4.1), and what its Ethernet and IP headers say.
#pragma once

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

// `yiaddr` is zero for a NAK and for the answer to an INFORM.
[[nodiscard]] Addressing choose_addressing(const Request& request, dhcp4::MessageType reply_type,
                                           Ipv4 yiaddr) noexcept;

}  // namespace xdhcpd::engine
