// Values of options as text: the shapes that DHCPv4 and DHCPv6 have in common. Cold path (decoder,
// logs): allocates. Pure functions; any thread. No output has control characters.
//
// What returns an optional has nothing if the value does not have the shape.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/addresses.h"
#include "base/bytes.h"

namespace xdhcpd::option_value {

// "0x0102"
[[nodiscard]] std::string hex(ByteView value);
// Octets that are not printable ASCII as "\\x0a".
[[nodiscard]] std::string printable(ByteView value);
// Likewise, between single quotes.
[[nodiscard]] std::string quoted(std::string_view text);
// Adds an element to a list that is joined by ", ".
void append_element(std::string& text, const std::string& element);

// printable() without trailing NULs, which are not part of a text (RFC 2132 section 2).
[[nodiscard]] std::string format_text(ByteView value);
// A domain name that fills the value, and names one after another; compressed ones are understood
// (RFC 1035 section 4.1.4, RFC 3397 section 2).
[[nodiscard]] std::optional<std::string> format_name(ByteView value);
[[nodiscard]] std::optional<std::string> format_names(ByteView value);
[[nodiscard]] std::optional<std::string> format_flag(ByteView value);
// "3600s" or "infinite", of four octets.
[[nodiscard]] std::string format_seconds(const std::byte* at);

// Elements of one length, each formatted by `format`.
template <typename Format>
[[nodiscard]] std::optional<std::string> format_elements(ByteView value, std::size_t element_len,
                                                         Format format) {
    if (value.size() % element_len != 0) {
        return std::nullopt;
    }
    std::string text;
    for (; !value.empty(); value = value.subspan(element_len)) {
        append_element(text, format(value.data()));
    }
    return text;
}

[[nodiscard]] inline std::optional<std::string> format_ipv4s(ByteView value) {
    return format_elements(value, sizeof(Ipv4::value),
                           [](const std::byte* at) { return to_string(Ipv4::load(at)); });
}
[[nodiscard]] inline std::optional<std::string> format_ipv6s(ByteView value) {
    return format_elements(value, Ipv6::kLen,
                           [](const std::byte* at) { return to_string(Ipv6::load(at)); });
}
// Numbers in network order, of one, two or four octets.
[[nodiscard]] inline std::optional<std::string> format_u8s(ByteView value) {
    return format_elements(value, 1,
                           [](const std::byte* at) { return std::to_string(load_u8(at)); });
}
[[nodiscard]] inline std::optional<std::string> format_u16s(ByteView value) {
    return format_elements(value, 2,
                           [](const std::byte* at) { return std::to_string(load_be16(at)); });
}
[[nodiscard]] inline std::optional<std::string> format_u32s(ByteView value) {
    return format_elements(value, 4,
                           [](const std::byte* at) { return std::to_string(load_be32(at)); });
}

}  // namespace xdhcpd::option_value
