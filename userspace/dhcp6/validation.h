// Which messages a server must not act upon (RFC 8415 section 16). Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/bytes.h"
#include "dhcp6/message_view.h"

namespace xdhcpd::dhcp6 {

// Why a well-formed message is dropped: one counter each. Sections are those of RFC 8415.
enum class Refusal : std::uint8_t {
    kNotForServers,           // what servers send, and exchanges that are not ours (16.3, 16.10,
                              // 16.11, 16.14)
    kUnicast,                 // not relayed, to a unicast address (16, RFC 9915)
    kNoClientId,              // 16.2, 16.4 to 16.9
    kNoServerId,              // 16.4, 16.6, 16.8, 16.9
    kUnexpectedServerId,      // 16.2, 16.5, 16.7
    kOtherServer,             // 16.4, 16.6, 16.8, 16.9, 16.12
    kIaInInformationRequest,  // 16.12
    kCount
};
// "no-client-id"
[[nodiscard]] std::string_view name(Refusal refusal) noexcept;

struct Reception {
    ByteView server_id;       // the server's own DUID
    bool is_unicast = false;  // the datagram went to a unicast address; relays may do so
};

// Nothing: the server may act on `message`, which parse() has read. What clients may send by
// unicast needs an option that this server never gives out, and that RFC 9915 has made obsolete.
[[nodiscard]] std::optional<Refusal> check_for_server(const MessageView& message,
                                                      const Reception& reception) noexcept;

}  // namespace xdhcpd::dhcp6
