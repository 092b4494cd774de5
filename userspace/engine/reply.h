// Writes replies: header fields and options by RFC 2131 section 4.3.1 table 3, addresses by
// section 4.1. Pure; knows nothing of leases.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/bytes.h"
#include "dhcp4/options.h"
#include "engine/reply_cache.h"
#include "engine/request.h"

namespace xdhcpd::engine {

// What the decision adds to what the request says.
struct ReplyTerms {
    dhcp4::MessageType type = dhcp4::MessageType::kNone;  // kOffer, kAck, kNak; kNone: BOOTP
    Ipv4 yiaddr;  // zero in a NAK and in the answer to INFORM
    std::optional<std::uint32_t>
        lease_time;             // seconds; none in a NAK and in the answers to INFORM and BOOTP
    bool rapid_commit = false;  // echo option 80 (RFC 4039)
    std::string_view message;   // option 56, for a NAK
    // The subnet that yiaddr is in, which on a shared network need not be the request's own.
    const model::Subnet* subnet = nullptr;
};

struct ReplyFrame {
    std::uint32_t len = 0;  // 0: mandatory options did not fit
    bool unconfigured_destination = false;
    bool routable = false;  // see Addressing
};

[[nodiscard]] ReplyFrame write_reply(const Request& request, const ReplyTerms& terms,
                                     ReplyCache& cache, MutableBytes out) noexcept;

}  // namespace xdhcpd::engine
