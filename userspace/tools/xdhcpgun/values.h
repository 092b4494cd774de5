// Values of command-line options as text. Pure; each returns nothing for text that is no such
// value.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>
#include <vector>

#include "base/addresses.h"
#include "tools/xdhcpgun/settings.h"

namespace xdhcpd::gun {

// "10s", "500ms", "250us", "2m", "1h", or seconds without a unit: "1.5".
[[nodiscard]] std::optional<std::chrono::nanoseconds> parse_duration(std::string_view text);
// "100", "100-199", "100.200", "100.200-299", "100-199.200".
[[nodiscard]] std::optional<VlanRange> parse_vlan(std::string_view text);
// "1,3,6"; empty text is an empty list.
[[nodiscard]] std::optional<std::vector<std::uint8_t>> parse_codes(std::string_view text);
// Likewise of DHCPv6, up to 65535.
[[nodiscard]] std::optional<std::vector<std::uint16_t>> parse_codes6(std::string_view text);
// "2001:db8::1,2001:db8::2"; at least one.
[[nodiscard]] std::optional<std::vector<Ipv6>> parse_addresses6(std::string_view text);
// "192.0.2.1,192.0.2.2"; at least one.
[[nodiscard]] std::optional<std::vector<Ipv4>> parse_addresses(std::string_view text);

}  // namespace xdhcpd::gun
