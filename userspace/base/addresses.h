// Link-layer and network addresses as values. Integers are in host order.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace xdhcpd {

// A 48-bit IEEE 802 address.
struct Mac {
    static constexpr std::size_t kLen = 6;

    std::array<std::byte, kLen> octets{};

    static Mac load(const std::byte* from) noexcept {
        Mac mac;
        std::memcpy(mac.octets.data(), from, kLen);
        return mac;
    }
    void store(std::byte* to) const noexcept { std::memcpy(to, octets.data(), kLen); }
    [[nodiscard]] bool is_zero() const noexcept { return *this == Mac{}; }
    // The group bit: multicast and broadcast.
    [[nodiscard]] bool is_group() const noexcept {
        return (octets[0] & std::byte{1}) != std::byte{0};
    }
    [[nodiscard]] ByteView bytes() const noexcept { return octets; }
    auto operator<=>(const Mac&) const = default;
};
inline constexpr Mac kBroadcastMac{{std::byte{0xff}, std::byte{0xff}, std::byte{0xff},
                                    std::byte{0xff}, std::byte{0xff}, std::byte{0xff}}};

// An IPv4 address.
struct Ipv4 {
    std::uint32_t value = 0;  // host order

    static Ipv4 load(const std::byte* from) noexcept { return Ipv4{load_be32(from)}; }
    void store(std::byte* to) const noexcept { store_be32(to, value); }
    [[nodiscard]] bool is_zero() const noexcept { return value == 0; }
    // 224.0.0.0/4 (RFC 5771).
    [[nodiscard]] bool is_multicast() const noexcept { return (value >> 28) == 0xe; }
    // 127.0.0.0/8.
    [[nodiscard]] bool is_loopback() const noexcept { return (value >> 24) == 127; }
    auto operator<=>(const Ipv4&) const = default;
};
inline constexpr Ipv4 kBroadcastIpv4{0xffffffff};

// An IPv4 prefix; `address` may carry host bits, `network()` has none.
struct Ipv4Prefix {
    Ipv4 address;
    std::uint8_t length = 0;  // 0..32

    [[nodiscard]] Ipv4 mask() const noexcept {
        return Ipv4{length == 0 ? 0 : ~std::uint32_t{0} << (32 - length)};
    }
    [[nodiscard]] Ipv4 network() const noexcept { return Ipv4{address.value & mask().value}; }
    // The directed broadcast address; for /31 and /32, which have none (RFC 3021), the last
    // address.
    [[nodiscard]] Ipv4 broadcast() const noexcept { return Ipv4{address.value | ~mask().value}; }
    [[nodiscard]] bool has_broadcast() const noexcept { return length <= 30; }
    [[nodiscard]] bool contains(Ipv4 other) const noexcept {
        return (other.value & mask().value) == network().value;
    }
    [[nodiscard]] std::uint64_t size() const noexcept { return std::uint64_t{1} << (32 - length); }
    auto operator<=>(const Ipv4Prefix&) const = default;
};

// An IPv6 address, in network order as on the wire; comparison is by its octets from the first on.
struct Ipv6 {
    static constexpr std::size_t kLen = 16;

    std::array<std::byte, kLen> octets{};

    static Ipv6 load(const std::byte* from) noexcept {
        Ipv6 address;
        std::memcpy(address.octets.data(), from, kLen);
        return address;
    }
    // From its eight 16-bit groups, first to last.
    static constexpr Ipv6 of_groups(const std::array<std::uint16_t, 8>& groups) noexcept {
        Ipv6 address;
        for (std::size_t i = 0; i < groups.size(); ++i) {
            address.octets[2 * i] = static_cast<std::byte>(groups[i] >> 8);
            address.octets[2 * i + 1] = static_cast<std::byte>(groups[i] & 0xff);
        }
        return address;
    }
    // The link-local address with the modified EUI-64 interface identifier of `mac` (RFC 4291
    // section 2.5.6 and appendix A).
    static Ipv6 link_local_of(Mac mac) noexcept;

    void store(std::byte* to) const noexcept { std::memcpy(to, octets.data(), kLen); }
    [[nodiscard]] ByteView bytes() const noexcept { return octets; }
    // 0..7
    [[nodiscard]] std::uint16_t group(std::size_t index) const noexcept {
        return load_be16(octets.data() + 2 * index);
    }
    // RFC 4291 sections 2.5.2, 2.5.3, 2.7 and 2.5.6 (fe80::/10).
    [[nodiscard]] bool is_unspecified() const noexcept { return *this == Ipv6{}; }
    [[nodiscard]] bool is_loopback() const noexcept;
    [[nodiscard]] bool is_multicast() const noexcept { return octets[0] == std::byte{0xff}; }
    [[nodiscard]] bool is_link_local() const noexcept {
        return octets[0] == std::byte{0xfe} && (octets[1] & std::byte{0xc0}) == std::byte{0x80};
    }
    // fc00::/7 (RFC 4193 section 3.1).
    [[nodiscard]] bool is_unique_local() const noexcept {
        return (octets[0] & std::byte{0xfe}) == std::byte{0xfc};
    }
    // ff02::1:ff00:0/104 with the last three octets of this address (RFC 4291 section 2.7.1).
    [[nodiscard]] Ipv6 solicited_node() const noexcept;
    // Where Ethernet carries packets to this multicast address: 33:33 and its last four octets (RFC
    // 2464 section 7).
    [[nodiscard]] Mac multicast_mac() const noexcept;

    auto operator<=>(const Ipv6&) const = default;
};
inline constexpr Ipv6 kAllNodes = Ipv6::of_groups({0xff02, 0, 0, 0, 0, 0, 0, 1});
inline constexpr Ipv6 kAllRouters = Ipv6::of_groups({0xff02, 0, 0, 0, 0, 0, 0, 2});

// An IPv6 prefix; `address` may carry bits behind it, `network()` has none.
struct Ipv6Prefix {
    Ipv6 address;
    std::uint8_t length = 0;  // 0..128

    // `length` ones, then zeros.
    [[nodiscard]] Ipv6 mask() const noexcept;
    // The first and the last address.
    [[nodiscard]] Ipv6 network() const noexcept;
    [[nodiscard]] Ipv6 last() const noexcept;
    [[nodiscard]] bool contains(const Ipv6& other) const noexcept;
    // Whether all of `other` lies in this one.
    [[nodiscard]] bool contains(const Ipv6Prefix& other) const noexcept {
        return other.length >= length && contains(other.address);
    }
    auto operator<=>(const Ipv6Prefix&) const = default;
};

// "02:00:5e:00:53:01"
[[nodiscard]] std::string to_string(Mac mac);
// "192.0.2.1"
[[nodiscard]] std::string to_string(Ipv4 address);
// "192.0.2.0/24"
[[nodiscard]] std::string to_string(Ipv4Prefix prefix);
// "2001:db8::1", the one text form of RFC 5952; dotted quad for ::ffff:0:0/96 (section 5).
[[nodiscard]] std::string to_string(const Ipv6& address);
// "2001:db8::/32"
[[nodiscard]] std::string to_string(const Ipv6Prefix& prefix);
// Lower-case hexadecimal pairs joined by `separator` (0 for none): "01:02:5e".
[[nodiscard]] std::string to_hex(ByteView bytes, char separator = ':');

// Parsers accept exactly the whole text; nullopt otherwise.
[[nodiscard]] std::optional<Mac> parse_mac(std::string_view text);    // colons or hyphens
[[nodiscard]] std::optional<Ipv4> parse_ipv4(std::string_view text);  // dotted quad
[[nodiscard]] std::optional<Ipv4Prefix> parse_ipv4_prefix(std::string_view text);  // needs "/len"
[[nodiscard]] std::optional<Ipv6> parse_ipv6(std::string_view text);  // RFC 4291 section 2.2
[[nodiscard]] std::optional<Ipv6Prefix> parse_ipv6_prefix(std::string_view text);  // needs "/len"

}  // namespace xdhcpd
