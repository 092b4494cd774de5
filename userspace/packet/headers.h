// Layout of the headers that we read and write. Offsets and lengths in bytes.
#pragma once

#include <cstddef>
#include <cstdint>

namespace xdhcpd {

// Ethernet II (IEEE 802.3 clause 3).
inline constexpr std::size_t kEthernetLen = 14;
inline constexpr std::uint16_t kEtherTypeIpv4 = 0x0800;
inline constexpr std::uint16_t kEtherTypeIpv6 = 0x86dd;
inline constexpr std::uint16_t kEtherTypeVlan = 0x8100;  // IEEE 802.1Q customer tag
inline constexpr std::uint16_t kEtherTypeQinq = 0x88a8;  // IEEE 802.1ad service tag

// IPv4 (RFC 791 section 3.1).
inline constexpr std::size_t kIpv4MinLen = 20;
inline constexpr std::uint8_t kProtocolUdpNumber = 17;
inline constexpr std::uint8_t kDefaultTtl = 64;  // RFC 1700

// UDP (RFC 768).
inline constexpr std::size_t kUdpLen = 8;

// IPv6 (RFC 8200 section 3), numbers behind it, and ICMPv6 (RFC 4443 section 2.1).
inline constexpr std::size_t kIpv6Len = 40;
inline constexpr std::uint8_t kProtocolIcmpv6Number = 58;
inline constexpr std::uint8_t kDefaultHopLimit = 64;
inline constexpr std::uint8_t kMaxHopLimit = 255;
inline constexpr std::uint32_t kMinLinkMtu = 1280;  // RFC 8200 section 5
inline constexpr std::size_t kIcmpv6Len = 4;        // type, code, checksum

// Everything in front of the UDP data of an untagged frame without IP options.
inline constexpr std::size_t kUdp4HeadersLen = kEthernetLen + kIpv4MinLen + kUdpLen;
inline constexpr std::size_t kUdp6HeadersLen = kEthernetLen + kIpv6Len + kUdpLen;

}  // namespace xdhcpd
