// The small languages inside configuration values: durations, sizes, address ranges, hexadecimal
// bytes. Pure functions; any thread. Every parser accepts exactly the whole text, nullopt
// otherwise.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/addresses.h"

namespace xdhcpd::config {

// The duration that never ends (RFC 2131 section 3.3).
inline constexpr std::uint32_t kInfinite = 0xffffffff;

// First and last address, both inclusive. The last may be below the first: callers report that.
struct AddressRange {
    Ipv4 first;
    Ipv4 last;

    [[nodiscard]] bool contains(Ipv4 address) const noexcept {
        return first <= address && address <= last;
    }
    auto operator<=>(const AddressRange&) const = default;
};

// Likewise of IPv6.
struct AddressRange6 {
    Ipv6 first;
    Ipv6 last;

    [[nodiscard]] bool overlaps(const AddressRange6& other) const noexcept {
        return first <= other.last && other.first <= last;
    }
    auto operator<=>(const AddressRange6&) const = default;
};

// Seconds: "90s", "15m", "12h", "7d", "2w", a plain number of seconds, or "infinite" (kInfinite).
// Decimal without leading zeros; at most 0xfffffffe seconds.
[[nodiscard]] std::optional<std::uint32_t> parse_duration(std::string_view text);

// Milliseconds: "500ms", or seconds and more as in parse_duration(), but not "infinite".
[[nodiscard]] std::optional<std::uint32_t> parse_milliseconds(std::string_view text);

// Seconds since 1970 in UTC: "2027-01-31T12:00:00Z", "2027-01-31", or the number itself.
[[nodiscard]] std::optional<std::uint64_t> parse_instant(std::string_view text);

// `count` per `period` seconds.
struct Rate {
    std::uint64_t count = 0;
    std::uint32_t period = 1;  // 1, 60 or 3600
};

// "10/s", "600/m" or "5/h"; a decimal number without leading zeros, 0 and far too much included.
[[nodiscard]] std::optional<Rate> parse_rate(std::string_view text);

// Bytes: "4096", "512KiB", "64MiB", "2GiB".
[[nodiscard]] std::optional<std::uint64_t> parse_size(std::string_view text);

// "192.0.2.10-192.0.2.99", spaces around the hyphen allowed.
[[nodiscard]] std::optional<AddressRange> parse_range(std::string_view text);

// "2001:db8::1000-2001:db8::1fff", likewise.
[[nodiscard]] std::optional<AddressRange6> parse_range6(std::string_view text);

// A decimal number without sign and leading zeros, at most `max`.
[[nodiscard]] std::optional<std::uint64_t> parse_number(std::string_view text, std::uint64_t max);

// "0x0102ff" or "01:02:ff" (also with hyphens); at least one byte.
[[nodiscard]] std::optional<std::vector<std::byte>> parse_hex(std::string_view text);

// "192.0.2.10-192.0.2.99"
[[nodiscard]] std::string to_string(AddressRange range);
[[nodiscard]] std::string to_string(const AddressRange6& range);

// The candidate with the smallest edit distance (insert, delete, replace, swap neighbours) to
// `word`; empty if none is near enough to be meant. The first of equally near ones.
[[nodiscard]] std::string_view nearest(std::string_view word,
                                       std::span<const std::string_view> candidates);

// `text` in single quotes for a message: control characters escaped, cut after 64 bytes.
[[nodiscard]] std::string in_quotes(std::string_view text);

}  // namespace xdhcpd::config
