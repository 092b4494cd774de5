#include "config/identifier_reader.h"

#include <cstddef>
#include <string>

#include "base/bytes.h"

namespace xdhcpd::config {
namespace {

constexpr std::size_t kMaxHostnameLen = 253;  // RFC 1123 section 2.1
constexpr std::size_t kMaxLabelLen = 63;      // RFC 1035 section 2.3.1

std::vector<std::byte> to_vector(ByteView bytes) {
    return {bytes.begin(), bytes.end()};
}

bool is_hostname(std::string_view name) {
    std::size_t label_len = 0;
    char previous = '.';
    for (const char character : name) {
        const bool letter =
            (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z');
        const bool digit = character >= '0' && character <= '9';
        if (character == '.') {
            if (previous == '.' || previous == '-') {
                return false;
            }
            label_len = 0;
        } else if (letter || digit || (character == '-' && previous != '.')) {
            if (++label_len > kMaxLabelLen) {
                return false;
            }
        } else {
            return false;
        }
        previous = character;
    }
    return previous != '.' && previous != '-';
}

}  // namespace

std::optional<std::vector<std::byte>> parse_quoted_text(std::string_view text) {
    if (text.size() < 3 || text.front() != '\'' || text.back() != '\'') {
        return std::nullopt;
    }
    return to_vector(as_bytes(text.substr(1, text.size() - 2)));
}

std::optional<Mac> read_hw_address(const Reader& reader, const Value& value,
                                   std::string_view text) {
    const auto mac = parse_mac(text);
    if (!mac) {
        reader.error(value,
                     in_quotes(text) + " is not a hardware address, such as 02:00:5e:00:53:01");
        return std::nullopt;
    }
    if (mac->is_group() || mac->is_zero()) {
        reader.error(value, in_quotes(text) +
                                (mac->is_zero() ? " is zero" : " is a group address") +
                                "; no client sends from it");
        return std::nullopt;
    }
    return mac;
}

std::optional<std::vector<std::byte>> read_relay_text(const Reader& reader, const Value& value,
                                                      std::string_view text) {
    if (auto bytes = parse_quoted_text(text)) {
        return bytes;
    }
    auto bytes = parse_hex(text);
    if (text.starts_with("0x")) {
        if (!bytes) {
            reader.error(value, in_quotes(text) + " is not hexadecimal, such as 0x0102ff");
        }
        return bytes;
    }
    if (bytes && text.size() > 2) {
        reader.warning(value, in_quotes(text) + " is taken as text; 0x" + to_hex(*bytes, 0) +
                                  " would be the bytes, \"'" + std::string{text} +
                                  "'\" says that text was meant");
    }
    return to_vector(as_bytes(text));
}

std::string read_hostname(const Reader& reader, const Value& value) {
    std::string name{reader.text(value, kMaxHostnameLen).value_or("")};
    if (!name.empty() && !is_hostname(name)) {
        reader.error(value, in_quotes(name) +
                                " is not a host name; letters, digits and hyphens, parts "
                                "joined by dots, were meant");
    }
    return name;
}

}  // namespace xdhcpd::config
