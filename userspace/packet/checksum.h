// The Internet checksum (RFC 1071) over IPv4 headers, and over UDP and ICMPv6 with their
// pseudo-headers (RFC 768, RFC 8200 section 8.1).
#pragma once

#include <bit>
#include <cstdint>

#include "base/addresses.h"
#include "base/bytes.h"

namespace xdhcpd {

// A ones' complement sum on its way: in the machine's byte order, not folded, below 2^40. Any
// 16-bit or 32-bit word that stands at an even offset may be added as it lies in memory: wider
// words add up to the same 16-bit sum, and the byte order matters only at the end (RFC 1071
// section 2 (B) and (C)). What stands at an odd offset counts 256 times (its octets swapped).
using RawSum = std::uint64_t;

// The sum of `bytes`, an odd last byte padded with zero, plus `initial`. Inline: on the way of
// every message.
[[nodiscard, gnu::always_inline]] inline RawSum raw_sum(ByteView bytes,
                                                        RawSum initial = 0) noexcept {
    const std::byte* at = bytes.data();
    std::size_t left = bytes.size();
    std::uint64_t sum = initial;
    std::uint64_t carries = 0;  // counted apart, so that additions do not wait for each other
    const auto add = [&](std::uint64_t word) {
        carries += __builtin_add_overflow(sum, word, &sum) ? 1 : 0;
    };
    for (; left >= 64; left -= 64, at += 64) {
        add(load_raw<std::uint64_t>(at));
        add(load_raw<std::uint64_t>(at + 8));
        add(load_raw<std::uint64_t>(at + 16));
        add(load_raw<std::uint64_t>(at + 24));
        add(load_raw<std::uint64_t>(at + 32));
        add(load_raw<std::uint64_t>(at + 40));
        add(load_raw<std::uint64_t>(at + 48));
        add(load_raw<std::uint64_t>(at + 56));
    }
    for (; left >= 8; left -= 8, at += 8) {
        add(load_raw<std::uint64_t>(at));
    }
    if ((left & 4) != 0) {
        add(load_raw<std::uint32_t>(at));
        at += 4;
    }
    if ((left & 2) != 0) {
        add(load_raw<std::uint16_t>(at));
        at += 2;
    }
    if ((left & 1) != 0) {
        constexpr bool kLittle = std::endian::native == std::endian::little;
        add(kLittle ? load_u8(at) : std::uint64_t{load_u8(at)} << 8);
    }
    return (sum & 0xffffffff) + (sum >> 32) + carries;
}

// Ones' complement sum of `bytes` as big-endian 16-bit words, an odd last byte padded with zero,
// added to `initial`, folded to 16 bits, not complemented.
[[nodiscard]] std::uint16_t ones_complement_sum(ByteView bytes, std::uint32_t initial = 0) noexcept;

// Adds the carries of a sum of 16-bit or 32-bit words back in (RFC 1071 section 4.1): adding a sum
// to itself with its halves swapped leaves in the upper half what end-around carry gives. 0 only
// for 0.
[[nodiscard]] constexpr std::uint16_t fold_sum(std::uint64_t sum) noexcept {
    const auto once = static_cast<std::uint32_t>((sum + std::rotl(sum, 32)) >> 32);
    return static_cast<std::uint16_t>((once + std::rotl(once, 16)) >> 16);
}

// Sum of the IPv4 pseudo-header for UDP: addresses, protocol 17, length of UDP header and data.
[[nodiscard]] constexpr std::uint16_t udp4_pseudo_header_sum(Ipv4 source, Ipv4 destination,
                                                             std::uint16_t udp_len) noexcept {
    constexpr std::uint8_t kProtocolUdp = 17;
    return fold_sum(std::uint64_t{source.value >> 16} + (source.value & 0xffff) +
                    (destination.value >> 16) + (destination.value & 0xffff) + kProtocolUdp +
                    udp_len);
}

// Value for the checksum field of an IPv4 header whose own field is zero.
[[nodiscard]] std::uint16_t ipv4_header_checksum(ByteView header) noexcept;

// Value for the UDP checksum field, from the sum over pseudo-header, header and data. Never 0: a
// sum that computes to zero is sent as all ones (RFC 768).
[[nodiscard]] constexpr std::uint16_t udp_checksum_of(std::uint16_t sum) noexcept {
    return sum == 0xffff ? std::uint16_t{0xffff} : static_cast<std::uint16_t>(~sum);
}

// Value for the UDP checksum field; `datagram` is header (its field zero) and data.
[[nodiscard]] std::uint16_t udp4_checksum(Ipv4 source, Ipv4 destination,
                                          ByteView datagram) noexcept;

// Sum of the IPv6 pseudo-header: addresses, length of the packet behind the IPv6 header, and its
// protocol (RFC 8200 section 8.1).
[[nodiscard]] inline RawSum pseudo_header6_sum(const Ipv6& source, const Ipv6& destination,
                                               std::uint8_t protocol,
                                               std::uint32_t upper_len) noexcept {
    return raw_sum(source.bytes()) + raw_sum(destination.bytes()) +
           network_order(std::uint32_t{protocol}) + network_order(upper_len);
}

}  // namespace xdhcpd
