// The Internet checksum (RFC 1071) over IPv4 headers and UDP with pseudo-header (RFC 768).
#pragma once

#include <cstdint>

#include "base/addresses.h"
#include "base/bytes.h"

namespace xdhcpd {

// Ones' complement sum of `bytes` as big-endian 16-bit words, an odd last byte padded with zero,
// added to `initial`, folded to 16 bits, not complemented.
[[nodiscard]] std::uint16_t ones_complement_sum(ByteView bytes, std::uint32_t initial = 0) noexcept;

// Adds the carries of a sum of 16-bit words back in (RFC 1071 section 4.1).
[[nodiscard]] constexpr std::uint16_t fold_sum(std::uint64_t sum) noexcept {
    sum = (sum & 0xffffffff) + (sum >> 32);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<std::uint16_t>(sum);
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

}  // namespace xdhcpd
