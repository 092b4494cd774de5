#include "option_value/encode.h"

#include <limits>

#include "base/addresses.h"

namespace xdhcpd::option_value {
namespace {

constexpr std::uint32_t kInfiniteTime = 0xffffffff;  // RFC 2131 section 3.3, RFC 8415 section 7.7
constexpr std::size_t kMaxLabelLen = 63;             // RFC 1035 section 2.3.4
constexpr std::size_t kMaxNameLen = 255;             // likewise, lengths and root included

// A count with an optional unit, in seconds.
std::optional<std::uint64_t> parse_time_span(Text text) {
    std::uint64_t unit = 1;
    if (!text.empty()) {
        constexpr std::pair<char, std::uint32_t> kUnits[] = {
            {'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 604800}};
        for (const auto& [letter, unit_seconds] : kUnits) {
            if (text.back() == letter) {
                unit = unit_seconds;
                text.remove_suffix(1);
                break;
            }
        }
    }
    const auto count = parse_number<std::uint32_t>(text);
    return count ? std::optional{*count * unit} : std::nullopt;
}

std::optional<unsigned> hex_digit(char digit) {
    unsigned value = 0;
    const auto [end, error] = std::from_chars(&digit, &digit + 1, value, 16);
    return error == std::errc{} && end == &digit + 1 ? std::optional{value} : std::nullopt;
}

// Pairs of digits that are `step` characters apart.
bool encode_hex_pairs(Bytes& out, Text text, std::size_t step) {
    for (std::size_t i = 0; i < text.size(); i += step) {
        const auto high = hex_digit(text[i]);
        const auto low = i + 1 < text.size() ? hex_digit(text[i + 1]) : std::nullopt;
        const bool separated =
            step == 2 || i + 2 == text.size() || (i + 3 < text.size() && text[i + 2] == ':');
        if (!high || !low || !separated) {
            return false;
        }
        append_u8(out, *high * 16 + *low);
    }
    return true;
}

// One character of a name in text form, `\DDD` and `\c` included (RFC 1035 section 5.1); takes it
// off `text`.
std::optional<std::byte> take_name_octet(Text& text) {
    const char first = text.front();
    text.remove_prefix(1);
    if (first != '\\') {
        const bool plain = first > ' ' && first < 0x7f;
        return plain ? std::optional{static_cast<std::byte>(first)} : std::nullopt;
    }
    if (text.empty()) {
        return std::nullopt;
    }
    if (text.front() < '0' || text.front() > '9') {
        const char escaped = text.front();
        text.remove_prefix(1);
        return static_cast<std::byte>(escaped);
    }
    const auto value =
        text.size() >= 3 ? parse_number<std::uint8_t>(text.substr(0, 3)) : std::nullopt;
    if (!value) {
        return std::nullopt;
    }
    text.remove_prefix(3);
    return std::byte{*value};
}

}  // namespace

Text trimmed(Text text) {
    const std::size_t first = text.find_first_not_of(" \t");
    return first == Text::npos ? Text{}
                               : text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

std::optional<bool> parse_flag(Text text) {
    if (text == "true" || text == "yes" || text == "on" || text == "1") {
        return true;
    }
    if (text == "false" || text == "no" || text == "off" || text == "0") {
        return false;
    }
    return std::nullopt;
}

bool encode_seconds(Bytes& out, Text text) {
    if (text == "infinite" || text == "infinity") {
        append_u32(out, kInfiniteTime);
        return true;
    }
    const auto seconds = parse_time_span(text);
    if (!seconds || *seconds > kInfiniteTime) {
        return false;
    }
    append_u32(out, static_cast<std::uint32_t>(*seconds));
    return true;
}

bool encode_signed_seconds(Bytes& out, Text text) {
    const bool negative = text.starts_with('-');
    const auto seconds = parse_time_span(negative ? text.substr(1) : text);
    constexpr std::uint64_t kMax = std::numeric_limits<std::int32_t>::max();
    if (!seconds || *seconds > (negative ? kMax + 1 : kMax)) {
        return false;
    }
    const auto magnitude = static_cast<std::uint32_t>(*seconds);
    append_u32(out, negative ? 0 - magnitude : magnitude);
    return true;
}

bool encode_ipv4(Bytes& out, Text text) {
    const auto address = parse_ipv4(text);
    if (!address) {
        return false;
    }
    append_u32(out, address->value);
    return true;
}

bool encode_ipv6(Bytes& out, Text text) {
    const auto address = parse_ipv6(text);
    if (!address) {
        return false;
    }
    append(out, address->octets);
    return true;
}

std::optional<std::pair<Text, Text>> split_pair(Text text) {
    const std::size_t space = text.find_first_of(" \t");
    if (space == Text::npos) {
        return std::nullopt;
    }
    Text second = trimmed(text.substr(space));
    if (second.starts_with("- ")) {
        second = trimmed(second.substr(1));
    }
    return std::pair{text.substr(0, space), second};
}

bool encode_bytes(Bytes& out, Text text) {
    if (text.starts_with("0x") || text.starts_with("0X")) {
        return encode_hex_pairs(out, text.substr(2), 2);
    }
    if (text.size() >= 2 && text.front() == '"' && text.back() == '"') {
        append(out, as_bytes(text.substr(1, text.size() - 2)));
        return true;
    }
    return text.find(':') != Text::npos && encode_hex_pairs(out, text, 3);
}

bool encode_name(Bytes& out, Text text) {
    const std::size_t start = out.size();
    if (text != ".") {
        do {
            const std::size_t length_at = out.size();
            append_u8(out, 0);
            while (!text.empty() && text.front() != '.') {
                const auto octet = take_name_octet(text);
                if (!octet) {
                    return false;
                }
                out.push_back(*octet);
            }
            const std::size_t label_len = out.size() - length_at - 1;
            if (label_len == 0 || label_len > kMaxLabelLen) {
                return false;
            }
            out[length_at] = static_cast<std::byte>(label_len);
            if (!text.empty()) {
                text.remove_prefix(1);  // the dot, which may be the last character
            }
        } while (!text.empty());
    }
    append_u8(out, 0);
    return out.size() - start <= kMaxNameLen;
}

bool encode_flag(Bytes& out, Text text) {
    const auto flag = parse_flag(text);
    if (!flag) {
        return false;
    }
    append_u8(out, *flag ? 1 : 0);
    return true;
}

}  // namespace xdhcpd::option_value
