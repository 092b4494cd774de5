#include "tools/xdhcpctl/last_entries.h"

#include <algorithm>

namespace xdhcpd::xdhcpctl {
namespace {

constexpr unsigned kAddressShift = 32;

}  // namespace

void LastEntries::add(Ipv4 address) {
    entries_.push_back(std::uint64_t{address.value} << kAddressShift | count_++);
    if (entries_.size() >= compact_at_) {
        compact();
        compact_at_ = std::max(compact_at_, 2 * entries_.size());
    }
}

// Keeps the last of each address.
void LastEntries::compact() {
    std::sort(entries_.begin(), entries_.end());
    std::size_t kept = 0;
    for (std::size_t i = 0; i < entries_.size(); ++i) {
        const bool is_last = i + 1 == entries_.size() ||
                             entries_[i] >> kAddressShift != entries_[i + 1] >> kAddressShift;
        if (is_last) {
            entries_[kept++] = entries_[i];
        }
    }
    entries_.resize(kept);
}

std::uint64_t LastEntries::finish() {
    compact();
    places_.reserve(entries_.size());
    for (const std::uint64_t entry : entries_) {
        places_.push_back(static_cast<std::uint32_t>(entry));
    }
    entries_ = {};
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
