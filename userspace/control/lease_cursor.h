// LeaseCursor: where a list of leases goes on: "10.77.0.0/24,10.77.0.57", behind that address of
// that subnet. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/addresses.h"

namespace xdhcpd::control {

struct LeaseCursor {
    Ipv4Prefix prefix;
    Ipv4 address;
};

[[nodiscard]] std::optional<LeaseCursor> parse_lease_cursor(std::string_view text);
[[nodiscard]] std::string to_string(const LeaseCursor& cursor);

}  // namespace xdhcpd::control
