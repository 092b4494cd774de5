// Values as lease files write them. Pure functions; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "lease_files/entry.h"

namespace xdhcpd::lease_files {

// Any bytes as printable ASCII: a backslash is "\\", what is not printable "\xff".
[[nodiscard]] std::string escape(ByteView bytes);
// And back; nothing for a backslash before anything else.
[[nodiscard]] std::optional<std::vector<std::byte>> unescape(std::string_view text);

// Bytes from "01:02:5e", "01-02-5e", "1:2:5e", "0x01025e" or "01025e"; no bytes from empty text.
// Nothing for any other text.
[[nodiscard]] std::optional<std::vector<std::byte>> parse_bytes(std::string_view text);

// Decimal digits, the whole text, at most `max`.
[[nodiscard]] std::optional<std::uint64_t> parse_number(std::string_view text, std::uint64_t max);

// "100" or "100.200".
[[nodiscard]] std::string to_string(Vlan vlan);
[[nodiscard]] std::optional<Vlan> parse_vlan(std::string_view text);

// A moment of UTC and its day of the week (0: Sunday).
struct CalendarTime {
    std::int64_t year = 1970;
    unsigned month = 1;
    unsigned day = 1;
    unsigned hour = 0;
    unsigned minute = 0;
    unsigned second = 0;
    unsigned weekday = 4;
};
// Of 0..Entry::kMaxTime.
[[nodiscard]] CalendarTime to_calendar(std::int64_t unix_seconds);
// Nothing if there is no such moment between 1970 and 9999. The weekday is not looked at.
[[nodiscard]] std::optional<std::int64_t> from_calendar(const CalendarTime& time);

// `text` for a message: at most some 40 characters of it, in quotes, printable.
[[nodiscard]] std::string quote(std::string_view text);

}  // namespace xdhcpd::lease_files
