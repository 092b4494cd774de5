// Interface identifiers of subnets with 64 bits that no host gets.
#pragma once

#include <array>
#include <cstdint>

namespace xdhcpd::model {

struct IdentifierRange {
    std::uint64_t first;
    std::uint64_t last;
};
// RFC 5453 and the registry of IANA that it founds: the subnet-router anycast address, IANA's
// Ethernet block, the subnet anycast addresses of RFC 2526.
inline constexpr std::array<IdentifierRange, 3> kReservedIdentifiers{
    {{0, 0},
     {0x0200'5eff'fe00'0000, 0x0200'5eff'feff'ffff},
     {0xfdff'ffff'ffff'ff80, 0xfdff'ffff'ffff'ffff}}};
inline constexpr std::uint8_t kIdentifierBits = 64;

}  // namespace xdhcpd::model
