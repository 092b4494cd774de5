// DUIDs: who a client, server or relay is (RFC 8415 section 11). Opaque, compared octet by octet;
// what a type says of its contents is for reservations and for people.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/bytes.h"

namespace xdhcpd::dhcp6 {

// Source: IANA "DHCP Unique Identifier (DUID) Type Codes".
enum class DuidType : std::uint16_t {
    kLinkLayerTime = 1,  // RFC 8415 section 11.2
    kEnterprise = 2,     // RFC 8415 section 11.3
    kLinkLayer = 3,      // RFC 8415 section 11.4
    kUuid = 4,           // RFC 6355
};

// RFC 8415 section 11.1: a type of two octets, and 1 to 128 more.
inline constexpr std::size_t kDuidTypeLen = 2;
inline constexpr std::size_t kMinDuidLen = kDuidTypeLen + 1;
inline constexpr std::size_t kMaxDuidLen = kDuidTypeLen + 128;
[[nodiscard]] constexpr bool is_duid_length(std::size_t len) noexcept {
    return len >= kMinDuidLen && len <= kMaxDuidLen;
}

// A hardware address with its type (IANA "Hardware Types"; 1 is Ethernet).
struct HardwareAddress {
    std::uint16_t type = 0;
    ByteView address;
};

// Precondition of both: is_duid_length(duid.size()).
[[nodiscard]] inline DuidType duid_type(ByteView duid) noexcept {
    return static_cast<DuidType>(load_be16(duid.data()));
}
// The hardware address in a DUID of type 1 or 3; nothing for other types or without an address.
[[nodiscard]] inline std::optional<HardwareAddress> hardware_address_of(ByteView duid) noexcept {
    constexpr std::size_t kHardwareTypeLen = 2;
    constexpr std::size_t kTimeLen = 4;
    const DuidType type = duid_type(duid);
    if (type != DuidType::kLinkLayerTime && type != DuidType::kLinkLayer) {
        return std::nullopt;
    }
    const std::size_t address_at = kDuidTypeLen + kHardwareTypeLen +
                                   (type == DuidType::kLinkLayerTime ? kTimeLen : std::size_t{0});
    if (duid.size() <= address_at) {
        return std::nullopt;
    }
    return HardwareAddress{load_be16(&duid[kDuidTypeLen]), duid.subspan(address_at)};
}

}  // namespace xdhcpd::dhcp6
