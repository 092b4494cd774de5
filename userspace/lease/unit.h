// Names of what can be leased. A unit is an IPv4 address, an IPv6 address or a delegated prefix;
// this module knows it only as a number. Which address a number stands for is known in model/.
#pragma once

#include <compare>
#include <cstdint>

namespace xdhcpd::lease {

// A space of units (a subnet, an IPv6 range): index into the Store.
struct SpaceId {
    std::uint16_t value = 0;

    auto operator<=>(const SpaceId&) const = default;
};
inline constexpr SpaceId kNoSpace{0xffff};

// A unit's number in the whole process: chunk << 16 | offset, where each space occupies whole
// chunks of 65536 numbers. Chunk 0 is never given out, so that a zeroed unit is no unit; the top
// bit is always clear.
struct Unit {
    std::uint32_t value = 0;

    auto operator<=>(const Unit&) const = default;
};
inline constexpr Unit kNoUnit{0};

inline constexpr std::uint32_t kChunkBits = 16;
inline constexpr std::uint32_t kChunkUnits = 1u << kChunkBits;
inline constexpr std::uint32_t kMaxChunks = 1u
                                            << 15;  // leaves the top bit of a unit free for flags
inline constexpr std::uint32_t kMaxSpaceUnits = 1u << 26;  // `max-leases` of a space at most
inline constexpr std::uint32_t kMaxSpaces = 0xffff;        // ids 0..0xfffe

// Indices within one space, both ends included; first <= last.
struct UnitRange {
    std::uint32_t first = 0;
    std::uint32_t last = 0;

    [[nodiscard]] constexpr bool contains(std::uint32_t index) const noexcept {
        return first <= index && index <= last;
    }
    [[nodiscard]] constexpr std::uint32_t size() const noexcept { return last - first + 1; }
    auto operator<=>(const UnitRange&) const = default;
};

}  // namespace xdhcpd::lease
