// The VLAN tags of a frame: none, one (IEEE 802.1Q) or two (802.1ad, "QinQ").
#pragma once

#include <algorithm>
#include <array>
#include <compare>
#include <cstdint>
#include <span>

namespace xdhcpd {

struct VlanTag {
    std::uint16_t tpid = 0;  // 0x8100 or 0x88a8
    std::uint16_t tci = 0;   // priority 3 bits, DEI 1 bit, identifier 12 bits

    [[nodiscard]] std::uint16_t vid() const noexcept { return tci & 0x0fff; }
    auto operator<=>(const VlanTag&) const = default;
};

struct VlanTags {
    static constexpr std::size_t kMaxCount = 2;
    static constexpr std::size_t kTagLen = 4;

    std::array<VlanTag, kMaxCount> tags{};  // outer first
    std::uint8_t count = 0;                 // 0..2

    [[nodiscard]] std::span<const VlanTag> view() const noexcept { return {tags.data(), count}; }
    // Whether both name the same network, whatever their priorities.
    [[nodiscard]] bool same_network(const VlanTags& other) const noexcept {
        return std::equal(
            view().begin(), view().end(), other.view().begin(), other.view().end(),
            [](VlanTag a, VlanTag b) { return a.tpid == b.tpid && a.vid() == b.vid(); });
    }
    auto operator<=>(const VlanTags&) const = default;
};

}  // namespace xdhcpd
