#include "model/unit_policy.h"

#include <algorithm>

namespace xdhcpd::model {

std::vector<lease::UnitRange> IndexSet::ranges() {
    const auto by_first = [](lease::UnitRange a, lease::UnitRange b) { return a.first < b.first; };
    std::sort(added_.begin(), added_.end(), by_first);
    std::sort(removed_.begin(), removed_.end(), by_first);
    std::vector<lease::UnitRange> result;
    auto hole = removed_.begin();
    std::uint64_t hole_end = 0;  // all holes so far end before it; they may overlap
    for (const lease::UnitRange range : added_) {
        std::uint64_t next = std::max<std::uint64_t>(range.first, hole_end);
        for (; hole != removed_.end() && hole->first <= range.last; ++hole) {
            if (hole->first > next) {
                result.push_back({static_cast<std::uint32_t>(next), hole->first - 1});
            }
            hole_end = std::max(hole_end, std::uint64_t{hole->last} + 1);
            next = std::max(next, hole_end);
        }
        if (next <= range.last) {
            result.push_back({static_cast<std::uint32_t>(next), range.last});
        }
    }
    return result;
}

void set_allowed(lease::UnitBitmap& bitmap, std::span<const lease::UnitRange> wanted) {
    std::uint32_t next = 0;  // first unit not yet decided
    for (const lease::UnitRange range : wanted) {
        if (range.first > next) {
            bitmap.forbid({next, range.first - 1});
        }
        bitmap.allow(range);
        next = range.last + 1;
    }
    if (next < bitmap.unit_count()) {
        bitmap.forbid({next, bitmap.unit_count() - 1});
    }
}

}  // namespace xdhcpd::model
