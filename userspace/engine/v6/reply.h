// Writes replies of DHCPv6 (RFC 8415 sections 18.3 and 21). Pure; knows nothing of leases but what
// their plans say.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "base/bytes.h"
#include "dhcp6/options.h"
#include "dhcp6/reconfigure.h"
#include "engine/v6/ia_plan.h"
#include "engine/v6/places.h"
#include "engine/v6/request.h"

namespace xdhcpd::engine::v6 {

// What the decision adds to what the request says.
struct ReplyTerms {
    dhcp6::MessageType type = dhcp6::MessageType::kReply;  // or kAdvertise
    std::optional<dhcp6::StatusCode> status;               // of the whole message
    bool rapid_commit = false;
    std::span<const IaPlan> plans{};
    // The message has more IAs than that; they get this status (for prefixes its counterpart).
    std::optional<dhcp6::StatusCode> rest;
    // Seconds, the same for all IAs (RFC 8415 section 18.3.2).
    std::uint32_t t1 = 0;
    std::uint32_t t2 = 0;
    // Whose options are sent, and those of the client's reservation, which win; null: none.
    const model::Subnet6* subnet = nullptr;
    const model::OptionTable6* own_options = nullptr;
    bool refresh_time = false;                                          // option 32
    bool reconfigure_accept = false;                                    // option 20
    std::optional<dhcp6::ReconfigureAuthentication> reconfigure_key{};  // option 11
};

struct ReplyFrame {
    std::uint32_t len = 0;  // 0: mandatory options did not fit
    bool routable = false;
};

[[nodiscard]] ReplyFrame write_reply(const Request& request, const Places& places,
                                     const ReplyTerms& terms, MutableBytes out) noexcept;

}  // namespace xdhcpd::engine::v6
