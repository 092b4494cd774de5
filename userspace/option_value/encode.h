// Values of options from text: the shapes that DHCPv4 and DHCPv6 have in common. Cold path
// (configuration): allocates. Pure functions; any thread.
//
// An encode_ function appends the value of one element to `out` and says whether the text was good;
// if not, `out` is good for nothing any more.
#pragma once

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"

namespace xdhcpd::option_value {

using Bytes = std::vector<std::byte>;
using Text = std::string_view;

inline void append(Bytes& out, ByteView bytes) {
    out.insert(out.end(), bytes.begin(), bytes.end());
}
inline void append_u8(Bytes& out, std::size_t value) {
    out.push_back(static_cast<std::byte>(value));
}
inline void append_u16(Bytes& out, std::uint16_t value) {
    std::byte bytes[2];
    store_be16(bytes, value);
    append(out, bytes);
}
inline void append_u32(Bytes& out, std::uint32_t value) {
    std::byte bytes[4];
    store_be32(bytes, value);
    append(out, bytes);
}

// Without blanks and tabs at its ends.
[[nodiscard]] Text trimmed(Text text);
// "first second" or "first - second".
[[nodiscard]] std::optional<std::pair<Text, Text>> split_pair(Text text);

// Decimal digits, the whole text of them, within the type's range.
template <typename Integer>
[[nodiscard]] std::optional<Integer> parse_number(Text text) {
    Integer value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc{} && end == text.data() + text.size() ? std::optional{value}
                                                                    : std::nullopt;
}

// "true", "yes", "on", "1", and their opposites.
[[nodiscard]] std::optional<bool> parse_flag(Text text);

// In network order; of one, two or four octets.
template <typename Integer>
[[nodiscard]] bool encode_number(Bytes& out, Text text) {
    const auto value = parse_number<Integer>(text);
    if (!value) {
        return false;
    }
    if constexpr (sizeof(Integer) == 1) {
        append_u8(out, *value);
    } else if constexpr (sizeof(Integer) == 2) {
        append_u16(out, *value);
    } else {
        append_u32(out, *value);
    }
    return true;
}

// One octet, 0 or 1.
[[nodiscard]] bool encode_flag(Bytes& out, Text text);
// 32-bit seconds: "3600", "90s", "15m", "12h", "7d", "2w", "infinite"; the signed one takes a minus
// sign instead of "infinite".
[[nodiscard]] bool encode_seconds(Bytes& out, Text text);
[[nodiscard]] bool encode_signed_seconds(Bytes& out, Text text);
[[nodiscard]] bool encode_ipv4(Bytes& out, Text text);
[[nodiscard]] bool encode_ipv6(Bytes& out, Text text);
// "0x0102", "01:02" (two octets at least: "10" might be meant as ten) or text in double quotes.
[[nodiscard]] bool encode_bytes(Bytes& out, Text text);
// A domain name, RFC 1035 section 3.1, without compression, which every receiver understands. "."
// is the root.
[[nodiscard]] bool encode_name(Bytes& out, Text text);

}  // namespace xdhcpd::option_value
