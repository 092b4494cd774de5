// A set of IPv6 addresses as intervals. Pure.
#pragma once

#include <algorithm>
#include <vector>

#include "base/addresses.h"

namespace xdhcpd::model {

// First intervals are added, then settle() is called, then it is asked.
class AddressIntervals {
  public:
    void add(const Ipv6& first, const Ipv6& last) { intervals_.push_back({first, last}); }
    void add(const Ipv6& address) { add(address, address); }
    void add(const Ipv6Prefix& prefix) { add(prefix.network(), prefix.last()); }

    // Makes them sorted and disjoint.
    void settle() {
        std::sort(intervals_.begin(), intervals_.end());
        std::vector<Interval> merged;
        for (const Interval& next : intervals_) {
            if (!merged.empty() && next.first <= merged.back().last) {
                merged.back().last = std::max(merged.back().last, next.last);
            } else {
                merged.push_back(next);
            }
        }
        intervals_ = std::move(merged);
    }

    // Whether any address of the prefix is in the set.
    [[nodiscard]] bool meets(const Ipv6Prefix& prefix) const {
        const auto behind = std::upper_bound(
            intervals_.begin(), intervals_.end(), prefix.last(),
            [](const Ipv6& last, const Interval& interval) { return last < interval.first; });
        return behind != intervals_.begin() && prefix.network() <= std::prev(behind)->last;
    }

  private:
    struct Interval {
        Ipv6 first;
        Ipv6 last;
        auto operator<=>(const Interval&) const = default;
    };
    std::vector<Interval> intervals_;
};

}  // namespace xdhcpd::model
