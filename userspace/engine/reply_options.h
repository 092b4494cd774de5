// Which configured options a client gets, and in which order: RFC 2131 section 4.3.1. Pure.
#pragma once

#include <algorithm>
#include <array>
#include <bitset>
#include <cstddef>

#include "base/bytes.h"
#include "dhcp4/options.h"
#include "model/snapshot.h"

namespace xdhcpd::engine {

namespace detail {
using OptionSet = std::bitset<dhcp4::kOptionCodeCount>;

// What the protocol itself writes, or what makes no sense as a configured value.
[[nodiscard]] inline OptionSet protocol_options() noexcept {
    using dhcp4::OptionCode;
    OptionSet set;
    for (const OptionCode code :
         {OptionCode::kPad, OptionCode::kEnd, OptionCode::kMessageType,
          OptionCode::kServerIdentifier, OptionCode::kLeaseTime, OptionCode::kRenewalTime,
          OptionCode::kRebindingTime, OptionCode::kOverload, OptionCode::kRelayAgentInformation,
          OptionCode::kClientIdentifier, OptionCode::kRapidCommit, OptionCode::kMessage,
          OptionCode::kSubnetSelection, OptionCode::kSubnetMask}) {
        set.set(static_cast<std::size_t>(code));
    }
    return set;
}
}  // namespace detail

// Whether a client that can do without IPv4 says so: only then option 108 may be sent (RFC 8925
// section 3.3).
[[nodiscard]] inline bool asks_for_ipv6_only(ByteView list) noexcept {
    return std::find(list.begin(), list.end(),
                     static_cast<std::byte>(dhcp4::OptionCode::kIpv6OnlyPreferred)) != list.end();
}

// Calls visit(OptionCode, ByteView value) once for each option, in the client's order; then for
// those that are sent always; a client that names nothing gets everything but option 108. `own` are
// the options of the client's reservation, which win, or null. Ends when visit returns false, and
// returns whether it never did.
template <typename Visit>
bool visit_requested_options(const model::Subnet& subnet, const model::OptionTable* own,
                             ByteView list, Visit&& visit) {
    using dhcp4::OptionCode;
    detail::OptionSet done = detail::protocol_options();
    if (!asks_for_ipv6_only(list)) {
        done.set(static_cast<std::size_t>(OptionCode::kIpv6OnlyPreferred));
    }
    const auto give = [&](OptionCode code) {
        const auto bit = static_cast<std::size_t>(code);
        if (done.test(bit)) {
            return true;
        }
        done.set(bit);
        if (own != nullptr && own->has(code)) {
            return visit(code, own->value(code));
        }
        if (code == OptionCode::kIpv6OnlyPreferred && subnet.v6only_wait) {
            std::array<std::byte, 4> seconds{};
            store_be32(seconds.data(), *subnet.v6only_wait);
            return visit(code, ByteView{seconds});
        }
        if (subnet.options.has(code)) {
            return visit(code, subnet.options.value(code));
        }
        if (code == OptionCode::kBroadcastAddress && subnet.prefix.has_broadcast()) {
            std::array<std::byte, 4> address{};
            subnet.prefix.broadcast().store(address.data());
            return visit(code, ByteView{address});
        }
        return true;
    };
    const auto give_all = [&](std::span<const OptionCode> codes) {
        for (const OptionCode code : codes) {
            if (!give(code)) {
                return false;
            }
        }
        return true;
    };
    for (const std::byte code : list) {
        if (!give(static_cast<OptionCode>(code))) {
            return false;
        }
    }
    return list.empty()
               ? (own == nullptr || give_all(own->codes())) && give_all(subnet.options.codes())
               : (own == nullptr || give_all(own->always())) && give_all(subnet.options.always());
}

}  // namespace xdhcpd::engine
