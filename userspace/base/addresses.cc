#include "base/addresses.h"

#include <algorithm>
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

constexpr std::size_t kGroupCount = 8;

struct GroupRun {
    std::size_t begin = 0;
    std::size_t count = 0;
};

// What "::" stands for: the longest run of zero groups, the first of equal ones, and two at least
// (RFC 5952 section 4.2).
GroupRun longest_zero_run(const Ipv6& address) {
    GroupRun longest;
    GroupRun run;
    for (std::size_t i = 0; i < kGroupCount; ++i) {
        if (address.group(i) != 0) {
            run = {};
            continue;
        }
        run = run.count == 0 ? GroupRun{i, 1} : GroupRun{run.begin, run.count + 1};
        if (run.count > longest.count) {
            longest = run;
        }
    }
    return longest.count >= 2 ? longest : GroupRun{};
}

struct Groups {
    std::array<std::uint16_t, kGroupCount> groups{};
    std::size_t count = 0;
    bool ends_in_ipv4 = false;
};

// Groups joined by single colons, the last two perhaps as a dotted quad; none for an empty text.
std::optional<Groups> parse_groups(std::string_view text) {
    Groups result;
    while (!text.empty()) {
        const std::size_t colon = text.find(':');
        const std::string_view group = text.substr(0, colon);
        if (colon == std::string_view::npos && group.find('.') != std::string_view::npos) {
            const auto quad = parse_ipv4(group);
            if (!quad || result.count + 2 > kGroupCount) {
                return std::nullopt;
            }
            result.groups[result.count++] = static_cast<std::uint16_t>(quad->value >> 16);
            result.groups[result.count++] = static_cast<std::uint16_t>(quad->value & 0xffff);
            result.ends_in_ipv4 = true;
            return result;
        }
        std::uint16_t value = 0;
        const auto [end, error] =
            std::from_chars(group.data(), group.data() + group.size(), value, 16);
        if (error != std::errc{} || end != group.data() + group.size() || group.size() > 4 ||
            result.count == kGroupCount) {
            return std::nullopt;
        }
        result.groups[result.count++] = value;
        if (colon == std::string_view::npos) {
            return result;
        }
        text.remove_prefix(colon + 1);
        if (text.empty()) {  // a colon with nothing behind it
            return std::nullopt;
        }
    }
    return result;
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
    constexpr Ipv6Prefix kMappedIpv4{Ipv6::of_groups({0, 0, 0, 0, 0, 0xffff, 0, 0}), 96};
    if (kMappedIpv4.contains(address)) {
        return "::ffff:" + to_string(Ipv4::load(address.octets.data() + 12));
    }
    const GroupRun zeros = longest_zero_run(address);
    std::string text;
    for (std::size_t i = 0; i < kGroupCount;) {
        if (i == zeros.begin && zeros.count != 0) {
            text += "::";
            i += zeros.count;
            continue;
        }
        if (!text.empty() && text.back() != ':') {
            text += ':';
        }
        std::array<char, 4> digits{};
        const auto written =
            std::to_chars(digits.data(), digits.data() + digits.size(), address.group(i), 16);
        text.append(digits.data(), written.ptr);
        ++i;
    }
    return text;
}

std::string to_string(const Ipv6Prefix& prefix) {
    return to_string(prefix.address) + "/" + std::to_string(prefix.length);
}

Ipv6 Ipv6::link_local_of(Mac mac) noexcept {
    Ipv6 address = of_groups({0xfe80, 0, 0, 0, 0, 0x00ff, 0xfe00, 0});
    std::memcpy(address.octets.data() + 8, mac.octets.data(), 3);
    std::memcpy(address.octets.data() + 13, mac.octets.data() + 3, 3);
    address.octets[8] ^= std::byte{2};  // universal/local, inverted
    return address;
}

bool Ipv6::is_loopback() const noexcept {
    return *this == of_groups({0, 0, 0, 0, 0, 0, 0, 1});
}

Ipv6 Ipv6::solicited_node() const noexcept {
    Ipv6 group = of_groups({0xff02, 0, 0, 0, 0, 1, 0xff00, 0});
    std::memcpy(group.octets.data() + 13, octets.data() + 13, 3);
    return group;
}

Mac Ipv6::multicast_mac() const noexcept {
    Mac mac{{std::byte{0x33}, std::byte{0x33}}};
    std::memcpy(mac.octets.data() + 2, octets.data() + 12, 4);
    return mac;
}

Ipv6 Ipv6Prefix::mask() const noexcept {
    Ipv6 bits;
    for (std::size_t i = 0; i < Ipv6::kLen && i * 8 < length; ++i) {
        const std::size_t ones = std::min<std::size_t>(8, length - i * 8);
        bits.octets[i] = static_cast<std::byte>(0xff00U >> ones);
    }
    return bits;
}

Ipv6 Ipv6Prefix::network() const noexcept {
    Ipv6 first = mask();
    for (std::size_t i = 0; i < Ipv6::kLen; ++i) {
        first.octets[i] &= address.octets[i];
    }
    return first;
}

Ipv6 Ipv6Prefix::last() const noexcept {
    Ipv6 last = mask();
    for (std::size_t i = 0; i < Ipv6::kLen; ++i) {
        last.octets[i] = address.octets[i] | ~last.octets[i];
    }
    return last;
}

bool Ipv6Prefix::contains(const Ipv6& other) const noexcept {
    const std::size_t whole = length / 8;
    if (std::memcmp(address.octets.data(), other.octets.data(), whole) != 0) {
        return false;
    }
    const auto rest = static_cast<std::byte>(0xff00U >> (length % 8));
    return length % 8 == 0 ||
           ((address.octets[whole] ^ other.octets[whole]) & rest) == std::byte{0};
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
    const std::size_t gap = text.find("::");
    if (gap == std::string_view::npos) {
        const auto whole = parse_groups(text);
        return whole && whole->count == kGroupCount ? std::optional{Ipv6::of_groups(whole->groups)}
                                                    : std::nullopt;
    }
    const auto before = parse_groups(text.substr(0, gap));
    const auto after = parse_groups(text.substr(gap + 2));
    // An embedded IPv4 address stands at the end and nowhere else; "::" is one group or more.
    if (!before || !after || before->ends_in_ipv4 || before->count + after->count >= kGroupCount) {
        return std::nullopt;
    }
    auto groups = before->groups;
    std::copy_n(after->groups.begin(), after->count,
                groups.begin() + static_cast<std::ptrdiff_t>(kGroupCount - after->count));
    return Ipv6::of_groups(groups);
}

std::optional<Ipv6Prefix> parse_ipv6_prefix(std::string_view text) {
    const std::size_t slash = text.find('/');
    if (slash == std::string_view::npos) {
        return std::nullopt;
    }
    const auto address = parse_ipv6(text.substr(0, slash));
    const auto length = parse_decimal(text.substr(slash + 1), 128);
    if (!address || !length) {
        return std::nullopt;
    }
    return Ipv6Prefix{*address, static_cast<std::uint8_t>(*length)};
}

}  // namespace xdhcpd
