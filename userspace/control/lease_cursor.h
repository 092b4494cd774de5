// LeaseCursor: where a list of leases goes on: "10.77.0.0/24,10.77.0.57", behind that address of
// that subnet; of DHCPv6 "space 7,1234", behind that unit of that space. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/addresses.h"

namespace xdhcpd::control {

struct LeaseCursor {
    struct Unit6 {
        std::uint16_t space = 0;
        std::uint32_t index = 0;
    };
    Ipv4Prefix prefix;
    Ipv4 address;
    std::optional<Unit6> ipv6;  // then the others say nothing
};

[[nodiscard]] std::optional<LeaseCursor> parse_lease_cursor(std::string_view text);
[[nodiscard]] std::string to_string(const LeaseCursor& cursor);

}  // namespace xdhcpd::control
