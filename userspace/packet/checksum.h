// The Internet checksum (RFC 1071) over IPv4 headers and UDP with pseudo-header (RFC 768).
#pragma once

#include <cstdint>

#include "base/addresses.h"
#include "base/bytes.h"

namespace xdhcpd {

// Ones' complement sum of `bytes` as big-endian 16-bit words, an odd last byte padded with zero,
// added to `initial`, folded to 16 bits, not complemented.
[[nodiscard]] std::uint16_t ones_complement_sum(ByteView bytes, std::uint32_t initial = 0) noexcept;

// Sum of the IPv4 pseudo-header for UDP: addresses, protocol 17, length of UDP header and data.
[[nodiscard]] std::uint16_t udp4_pseudo_header_sum(Ipv4 source, Ipv4 destination,
                                                   std::uint16_t udp_len) noexcept;

// Value for the checksum field of an IPv4 header whose own field is zero.
[[nodiscard]] std::uint16_t ipv4_header_checksum(ByteView header) noexcept;

// Value for the UDP checksum field; `datagram` is header (its field zero) and data. Never 0: a sum
// that computes to zero is sent as all ones (RFC 768).
[[nodiscard]] std::uint16_t udp4_checksum(Ipv4 source, Ipv4 destination,
                                          ByteView datagram) noexcept;

}  // namespace xdhcpd
