#include "base/addresses.h"

#include <arpa/inet.h>

#include <charconv>

namespace xdhcpd {
namespace {

constexpr char kHexDigits[] = "0123456789abcdef";

std::optional<std::uint32_t> parse_decimal(std::string_view text, std::uint32_t max) {
    std::uint32_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || value > max) {
        return std::nullopt;
    }
    return value;
}

int hex_value(char digit) {
    if (digit >= '0' && digit <= '9') {
        return digit - '0';
    }
    if (digit >= 'a' && digit <= 'f') {
        return digit - 'a' + 10;
    }
    if (digit >= 'A' && digit <= 'F') {
        return digit - 'A' + 10;
    }
    return -1;
}

}  // namespace

std::string to_hex(ByteView bytes, char separator) {
    std::string text;
    text.reserve(bytes.size() * 3);
    for (const std::byte byte : bytes) {
        if (separator != 0 && !text.empty()) {
            text += separator;
        }
        text += kHexDigits[std::to_integer<unsigned>(byte >> 4)];
        text += kHexDigits[std::to_integer<unsigned>(byte & std::byte{15})];
    }
    return text;
}

std::string to_string(Mac mac) {
    return to_hex(mac.bytes());
}

std::string to_string(Ipv4 address) {
    std::string text;
    for (int shift = 24; shift >= 0; shift -= 8) {
        text += std::to_string((address.value >> shift) & 0xff);
        if (shift != 0) {
            text += '.';
        }
    }
    return text;
}

std::string to_string(Ipv4Prefix prefix) {
    return to_string(prefix.address) + "/" + std::to_string(prefix.length);
}

std::string to_string(const Ipv6& address) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    return inet_ntop(AF_INET6, address.octets.data(), text.data(), text.size()) != nullptr
               ? std::string{text.data()}
               : std::string{};
}

std::optional<Mac> parse_mac(std::string_view text) {
    if (text.size() != Mac::kLen * 3 - 1) {
        return std::nullopt;
    }
    Mac mac;
    for (std::size_t i = 0; i < Mac::kLen; ++i) {
        const int high = hex_value(text[i * 3]);
        const int low = hex_value(text[i * 3 + 1]);
        const bool separated =
            i + 1 == Mac::kLen || text[i * 3 + 2] == ':' || text[i * 3 + 2] == '-';
        if (high < 0 || low < 0 || !separated) {
            return std::nullopt;
        }
        mac.octets[i] = static_cast<std::byte>(high * 16 + low);
    }
    return mac;
}

std::optional<Ipv4> parse_ipv4(std::string_view text) {
    std::uint32_t value = 0;
    for (int part = 0; part < 4; ++part) {
        const std::size_t dot = part < 3 ? text.find('.') : text.size();
        if (dot == std::string_view::npos || dot == 0 || dot > 3) {
            return std::nullopt;
        }
        const auto octet = parse_decimal(text.substr(0, dot), 255);
        if (!octet) {
            return std::nullopt;
        }
        value = value << 8 | *octet;
        text.remove_prefix(part < 3 ? dot + 1 : dot);
    }
    return Ipv4{value};
}

std::optional<Ipv4Prefix> parse_ipv4_prefix(std::string_view text) {
    const std::size_t slash = text.find('/');
    if (slash == std::string_view::npos) {
        return std::nullopt;
    }
    const auto address = parse_ipv4(text.substr(0, slash));
    const auto length = parse_decimal(text.substr(slash + 1), 32);
    if (!address || !length) {
        return std::nullopt;
    }
    return Ipv4Prefix{*address, static_cast<std::uint8_t>(*length)};
}

std::optional<Ipv6> parse_ipv6(std::string_view text) {
    Ipv6 address;
    const std::string terminated{text};
    if (inet_pton(AF_INET6, terminated.c_str(), address.octets.data()) != 1) {
        return std::nullopt;
    }
    return address;
}

}  // namespace xdhcpd
