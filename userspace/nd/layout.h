// Lengths, offsets and bits of messages and options, for those who read and write them in this
// module.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace xdhcpd::nd {

inline constexpr std::uint8_t kMaxPrefixLength = 128;

// RFC 4861 section 4.2.
inline constexpr std::uint8_t kManagedFlag = 0x80;
inline constexpr std::uint8_t kOtherFlag = 0x40;

// RFC 4861 sections 4.6.1, 4.6.2 and 4.6.4.
inline constexpr std::size_t kLinkLayerLen = 8;  // with an Ethernet address (RFC 2464 section 6)
inline constexpr std::size_t kPrefixInformationLen = 32;
inline constexpr std::size_t kMtuLen = 8;
inline constexpr std::uint8_t kOnLinkFlag = 0x80;
inline constexpr std::uint8_t kAutonomousFlag = 0x40;
inline constexpr std::uint8_t kRouterAddressFlag = 0x20;  // RFC 6275 section 7.2
inline constexpr std::uint8_t kPdPreferredFlag = 0x10;    // RFC 9762

// RFC 4191 sections 2.2 and 2.3: the preference stands in the same bits of both octets of flags.
inline constexpr unsigned kPreferenceShift = 3;
inline constexpr std::size_t kPreferenceMask = 3;
inline constexpr std::size_t kReservedPreference = 2;
inline constexpr std::size_t kRoutePrefixAt = 8;
inline constexpr std::size_t kMaxRouteInformationLen = 24;
// The shortest option that holds a prefix of this length.
[[nodiscard]] constexpr std::size_t route_information_len(std::uint8_t prefix_length) noexcept {
    return prefix_length == 0 ? 8 : prefix_length <= 64 ? 16 : kMaxRouteInformationLen;
}

// RFC 8106 section 5: two reserved octets and a lifetime, then addresses or names.
inline constexpr std::size_t kDnsValueAt = 8;

// RFC 8781 section 4: 13 bits of lifetime in units of eight seconds, three of prefix length code,
// and the first 96 bits of the prefix.
inline constexpr std::size_t kPref64Len = 16;
inline constexpr std::size_t kPref64PrefixLen = 12;
inline constexpr std::uint16_t kPref64CodeMask = 7;
inline constexpr std::uint32_t kPref64LifetimeUnit = 8;
inline constexpr std::uint32_t kMaxPref64Lifetime = 65528;
inline constexpr std::array<std::uint8_t, 6> kPref64Lengths{96, 64, 56, 48, 40, 32};

}  // namespace xdhcpd::nd
