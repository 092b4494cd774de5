// UnitState: all that is on disk about one unit, whatever it is and whoever has it. A view for one
// call; owns nothing. A newer state replaces an older one as a whole: the higher version wins, so
// neither the order of records nor their number matters.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>

#include "base/addresses.h"
#include "base/bytes.h"

namespace xdhcpd::journal {

enum class UnitKind : std::uint8_t { kIpv4 = 1, kIpv6Address = 2, kIpv6Prefix = 3 };

// Names a unit by what it is, never by its place in a range, so that a changed range renumbers
// nothing. Ordered by kind, then length, then address: the order of a snapshot.
struct UnitKey {
    UnitKind kind = UnitKind::kIpv4;
    std::uint8_t length = 32;  // 32 for kIpv4, 128 for kIpv6Address, 1..128 for kIpv6Prefix
    // In network order. An IPv4 address is the first four bytes, the rest is 0.
    std::array<std::byte, 16> address{};

    [[nodiscard]] static UnitKey ipv4(Ipv4 address) noexcept {
        UnitKey key;
        address.store(key.address.data());
        return key;
    }
    // kIpv6Address with a length of 128, or kIpv6Prefix without bits behind it.
    [[nodiscard]] static UnitKey ipv6(UnitKind kind, const Ipv6Prefix& what) noexcept {
        return {kind, what.length, what.address.octets};
    }
    [[nodiscard]] Ipv6Prefix to_ipv6() const noexcept { return {Ipv6{address}, length}; }
    [[nodiscard]] Ipv4 to_ipv4() const noexcept { return Ipv4::load(address.data()); }
    auto operator<=>(const UnitKey&) const = default;
};

enum class UnitStatus : std::uint8_t {
    kFree = 0,      // erased: nobody has it and nobody is remembered
    kLeased = 1,    // granted to the identity until `expiry`
    kDeclined = 2,  // somebody else uses the address: nobody may have it before `expiry`
    kReleased = 3,  // free; the identity is the former tenant's
    kExpired = 4,   // likewise
};
inline constexpr UnitStatus kLastUnitStatus = UnitStatus::kExpired;

// Unix seconds that never come.
inline constexpr std::uint64_t kNever = ~std::uint64_t{0};

// An identity has at most 256 bytes today (its kind and an option of 255); the rest is for VLANs
// and DHCPv6 associations.
inline constexpr std::size_t kMaxIdentityLen = 384;
inline constexpr std::size_t kMaxHostnameLen = 255;
inline constexpr std::size_t kMaxRelayInformationLen = 255;

struct UnitState {
    UnitKey key{};
    std::uint32_t version = 0;
    UnitStatus status = UnitStatus::kFree;
    std::uint8_t flags = 0;  // the caller's; kept as they are
    // Unix seconds. `expiry` is the horizon: nobody else may have the unit before. The client was
    // told `told_expiry` <= `expiry`.
    std::uint64_t expiry = 0;
    std::uint64_t told_expiry = 0;
    std::uint64_t started = 0;  // of the last grant, Unix seconds; 0: never
    std::uint32_t last_xid = 0;
    std::uint8_t hw_type = 0;
    std::uint8_t hw_len = 0;
    Mac mac{};
    ByteView identity{};           // 0..kMaxIdentityLen bytes; the first is the kind
    ByteView hostname{};           // 0..kMaxHostnameLen
    ByteView relay_information{};  // 0..kMaxRelayInformationLen

    // No part is longer than a record can hold.
    [[nodiscard]] bool fits() const noexcept {
        return identity.size() <= kMaxIdentityLen && hostname.size() <= kMaxHostnameLen &&
               relay_information.size() <= kMaxRelayInformationLen;
    }
};

}  // namespace xdhcpd::journal
