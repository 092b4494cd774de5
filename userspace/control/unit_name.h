// What an operator calls an address or a delegated prefix, and the units that it may be. Control
// thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/addresses.h"
#include "control/server_state.h"
#include "model/space_registry6.h"

namespace xdhcpd::control {

struct UnitName {
    std::optional<Ipv4> address4;
    std::optional<model::What6> what6;
};
[[nodiscard]] std::optional<UnitName> parse_unit_name(std::string_view text);
inline constexpr std::string_view kUnitMeant =
    "an address such as 192.0.2.1 or 2001:db8::1, or a prefix such as 2001:db8:8000::/56";

struct NamedUnit {
    NamedSpace space;
    std::uint32_t index = 0;
};
// All units of that name: of DHCPv6 there may be several, of which one at most is held.
// `in_prefixes`: for people an address is also in the prefix that is delegated with it.
[[nodiscard]] std::vector<NamedUnit> units_of(const ServerState& state, const UnitName& name,
                                              bool in_prefixes);

}  // namespace xdhcpd::control
