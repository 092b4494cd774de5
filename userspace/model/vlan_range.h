// VlanRange: the VLANs that a subnet's clients are in, by the identifiers of their frames' tags. A
// priority tag (identifier 0, IEEE 802.1Q section 6.9) names no VLAN: it is as if it were not
// there, as in the kernel's stack. Which of the two TPIDs a tag has makes no difference.
#pragma once

#include <compare>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "packet/vlan.h"

namespace xdhcpd::model {

inline constexpr std::uint16_t kMaxVlanId = 4094;  // 4095 is reserved (IEEE 802.1Q table 9-2)

// The VLAN identifiers of a frame. 0: no such tag; without an outer there is no inner one.
struct VlanIds {
    std::uint16_t outer = 0;
    std::uint16_t inner = 0;

    [[nodiscard]] bool tagged() const noexcept { return outer != 0; }
    auto operator<=>(const VlanIds&) const = default;
};

// Priority tags left out.
[[nodiscard]] constexpr VlanIds vlan_ids(const VlanTags& tags) noexcept {
    VlanIds ids;
    for (std::size_t i = 0; i < tags.count; ++i) {
        const std::uint16_t vid = tags.tags[i].vid();
        if (vid != 0) {
            (ids.outer == 0 ? ids.outer : ids.inner) = vid;
        }
    }
    return ids;
}

// Frames with one tag within outer, or with two, the second one within inner. Bounds inclusive.
struct VlanRange {
    std::uint16_t outer_first = 0;
    std::uint16_t outer_last = 0;
    std::uint16_t inner_first = 0;  // 0: one tag
    std::uint16_t inner_last = 0;

    [[nodiscard]] bool overlaps(const VlanRange& other) const noexcept {
        return outer_first <= other.outer_last && other.outer_first <= outer_last &&
               inner_first <= other.inner_last && other.inner_first <= inner_last;
    }
    // VLANs in it.
    [[nodiscard]] std::uint32_t size() const noexcept {
        return (std::uint32_t{outer_last} - outer_first + 1u) *
               (std::uint32_t{inner_last} - inner_first + 1u);
    }
    auto operator<=>(const VlanRange&) const = default;
};

// "100", "100-199", "100.200", "100.200-299", "100-101.5"; an error says what is wrong.
[[nodiscard]] Result<VlanRange, std::string_view> parse_vlan_range(std::string_view text);
[[nodiscard]] std::string to_string(const VlanRange& range);
// "100", "100.200"
[[nodiscard]] std::string to_string(VlanIds vlan);
// With commas; empty for none.
[[nodiscard]] std::string to_string(std::span<const VlanRange> ranges);

}  // namespace xdhcpd::model
