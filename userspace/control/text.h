// Values as text for answers and logs. Pure functions; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/addresses.h"
#include "base/bytes.h"
#include "base/time.h"
#include "model/configuration.h"
#include "packet/vlan.h"

namespace xdhcpd::control {

// The bytes as they stand if they are UTF-8 (RFC 3629); each byte that does not belong to a
// well-formed sequence becomes U+FFFD. Clients send what they like as a hostname, and JSON takes
// UTF-8 only.
[[nodiscard]] std::string to_utf8(ByteView bytes);

// "90s", "15m", "12h", "7d" in the largest unit that fits exactly, "infinite" for 0xffffffff.
[[nodiscard]] std::string format_duration(std::uint32_t seconds);

// "90 s", cut to whole seconds.
[[nodiscard]] std::string whole_seconds(BootTime::duration duration);

[[nodiscard]] double to_seconds(BootTime::duration duration) noexcept;

// "2026-01-01T00:00:00Z" from seconds since 1970; times after the year 9999 become its end.
[[nodiscard]] std::string format_time(std::int64_t unix_seconds);

// "hw-address 02:00:5e:00:53:01", "client-id 0x0001", "circuit-id 'eth0/1'"
[[nodiscard]] std::string describe(const model::Identifier& identifier);

// "100.200", outer tag first; empty without tags.
[[nodiscard]] std::string describe(const VlanTags& tags);

// Bytes from "0x0102ff", "01:02:ff", "01-02-ff" or "0102ff"; nothing for any other text.
[[nodiscard]] std::optional<std::vector<std::byte>> parse_hex_bytes(std::string_view text);

}  // namespace xdhcpd::control
