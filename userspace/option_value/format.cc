#include "option_value/format.h"

#include <utility>

namespace xdhcpd::option_value {
namespace {

constexpr std::uint32_t kInfiniteTime = 0xffffffff;  // RFC 2131 section 3.3, RFC 8415 section 7.7
constexpr std::size_t kMaxLabelLen = 63;             // RFC 1035 section 2.3.4
constexpr std::size_t kMaxNameLen = 255;             // likewise, lengths and root included
constexpr unsigned kPointerBits = 0xc0;              // RFC 1035 section 4.1.4
// Names made of pointers grow when they are written out; beyond this a list is shown as
// hexadecimal.
constexpr std::size_t kMaxNameListText = 8192;

void append_label(std::string& text, ByteView label) {
    if (!text.empty()) {
        text += '.';
    }
    for (const std::byte octet : label) {
        const auto c = std::to_integer<unsigned char>(octet);
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                           (c >= '0' && c <= '9') || c == '-' || c == '_';
        if (plain) {
            text += static_cast<char>(c);
        } else {
            const std::string decimal = std::to_string(c);
            text += '\\';
            text.append(3 - decimal.size(), '0');
            text += decimal;
        }
    }
}

struct DecodedName {
    std::string text;
    std::size_t next;  // offset behind the name
};

// A name at `at`, which may point back into `value` (RFC 1035 section 4.1.4, RFC 3397 section 2). A
// pointer must go to before the labels that it continues, so that there is an end.
std::optional<DecodedName> decode_name(ByteView value, std::size_t at) {
    DecodedName name{{}, 0};
    std::size_t bound = at;
    std::size_t name_len = 1;
    while (at < value.size()) {
        const unsigned len = load_u8(&value[at]);
        if (len == 0) {
            name.next = name.next == 0 ? at + 1 : name.next;
            if (name.text.empty()) {
                name.text += '.';
            }
            return name;
        }
        if ((len & kPointerBits) == kPointerBits) {
            if (value.size() - at < 2) {
                return std::nullopt;
            }
            name.next = name.next == 0 ? at + 2 : name.next;
            at = load_be16(&value[at]) & ~(kPointerBits << 8) & 0xffff;
            if (at >= bound) {
                return std::nullopt;
            }
            bound = at;
            continue;
        }
        name_len += 1 + len;
        if (len > kMaxLabelLen || len > value.size() - at - 1 || name_len > kMaxNameLen) {
            return std::nullopt;
        }
        append_label(name.text, value.subspan(at + 1, len));
        at += 1 + len;
    }
    return std::nullopt;
}

}  // namespace

std::string hex(ByteView value) {
    std::string text{"0x"};
    text += to_hex(value, 0);
    return text;
}

void append_element(std::string& text, const std::string& element) {
    if (!text.empty()) {
        text += ", ";
    }
    text += element;
}

std::string printable(ByteView value) {
    std::string text;
    for (const std::byte octet : value) {
        const auto c = std::to_integer<unsigned char>(octet);
        if (c == '\\') {
            text += "\\\\";
        } else if (c >= ' ' && c < 0x7f) {
            text += static_cast<char>(c);
        } else {
            text += "\\x";
            text += to_hex({&octet, 1});
        }
    }
    return text;
}

std::string quoted(std::string_view text) {
    std::string result{"'"};
    result += printable(as_bytes(text));
    result += '\'';
    return result;
}

std::string format_text(ByteView value) {
    while (!value.empty() && value.back() == std::byte{0}) {
        value = value.first(value.size() - 1);
    }
    return printable(value);
}

std::optional<std::string> format_name(ByteView value) {
    auto name = decode_name(value, 0);
    return name && name->next == value.size() ? std::optional{std::move(name->text)} : std::nullopt;
}

std::optional<std::string> format_names(ByteView value) {
    std::string text;
    for (std::size_t at = 0; at < value.size();) {
        const auto name = decode_name(value, at);
        if (!name || text.size() > kMaxNameListText) {
            return std::nullopt;
        }
        append_element(text, name->text);
        at = name->next;
    }
    return text;
}

std::optional<std::string> format_flag(ByteView value) {
    if (value.size() != 1 || load_u8(value.data()) > 1) {
        return std::nullopt;
    }
    return load_u8(value.data()) == 1 ? "true" : "false";
}

std::string format_seconds(const std::byte* at) {
    const std::uint32_t seconds = load_be32(at);
    return seconds == kInfiniteTime ? "infinite" : std::to_string(seconds) + "s";
}

}  // namespace xdhcpd::option_value
