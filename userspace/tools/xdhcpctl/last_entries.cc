#include "tools/xdhcpctl/last_entries.h"

#include <algorithm>

namespace xdhcpd::xdhcpctl {

void LastEntries::add(const lease_files::Entry& entry) {
    if (entry.dhcp6) {
        constexpr std::uint16_t kPrefix = 0x100;
        const auto length = std::uint16_t{entry.dhcp6->what.length};
        const auto kind =
            static_cast<std::uint16_t>(entry.dhcp6->is_prefix ? kPrefix | length : length);
        items6_.push_back({entry.dhcp6->what.address, kind, count_++});
    } else {
        items4_.push_back({entry.address.value, count_++});
    }
    if (items4_.size() + items6_.size() >= compact_at_) {
        compact();
        compact_at_ = std::max(compact_at_, 2 * (items4_.size() + items6_.size()));
    }
}

template <typename Item>
void LastEntries::compact(std::vector<Item>& items) {
    std::sort(items.begin(), items.end());
    std::size_t kept = 0;
    for (std::size_t i = 0; i < items.size(); ++i) {
        if (i + 1 == items.size() || !items[i].is_of_same(items[i + 1])) {
            items[kept++] = items[i];
        }
    }
    items.resize(kept);
}

void LastEntries::compact() {
    compact(items4_);
    compact(items6_);
}

std::uint64_t LastEntries::finish() {
    compact();
    places_.reserve(items4_.size() + items6_.size());
    for (const Item4& item : items4_) {
        places_.push_back(item.place);
    }
    for (const Item6& item : items6_) {
        places_.push_back(item.place);
    }
    items4_ = {};
    items6_ = {};
    std::sort(places_.begin(), places_.end());
    return count_ - places_.size();
}

bool LastEntries::next_counts() noexcept {
    if (next_ < places_.size() && places_[next_] == asked_++) {
        ++next_;
        return true;
    }
    return false;
}

}  // namespace xdhcpd::xdhcpctl
