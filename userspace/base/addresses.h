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

// An IPv6 address, in network order as on the wire.
struct Ipv6 {
    static constexpr std::size_t kLen = 16;

    std::array<std::byte, kLen> octets{};

    auto operator<=>(const Ipv6&) const = default;
};

// "02:00:5e:00:53:01"
[[nodiscard]] std::string to_string(Mac mac);
// "192.0.2.1"
[[nodiscard]] std::string to_string(Ipv4 address);
// "192.0.2.0/24"
[[nodiscard]] std::string to_string(Ipv4Prefix prefix);
// RFC 5952 text form.
[[nodiscard]] std::string to_string(const Ipv6& address);
// Lower-case hexadecimal pairs joined by `separator` (0 for none): "01:02:5e".
[[nodiscard]] std::string to_hex(ByteView bytes, char separator = ':');

// Parsers accept exactly the whole text; nullopt otherwise.
[[nodiscard]] std::optional<Mac> parse_mac(std::string_view text);    // colons or hyphens
[[nodiscard]] std::optional<Ipv4> parse_ipv4(std::string_view text);  // dotted quad
[[nodiscard]] std::optional<Ipv4Prefix> parse_ipv4_prefix(std::string_view text);  // needs "/len"
[[nodiscard]] std::optional<Ipv6> parse_ipv6(std::string_view text);

}  // namespace xdhcpd
