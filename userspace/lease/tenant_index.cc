#include "lease/tenant_index.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "base/assert.h"

namespace xdhcpd::lease {

namespace {
// 85 %, as parts of 20.
constexpr std::size_t kSoftParts = 17;
constexpr std::size_t kParts = 20;
// How far one insertion looks for a former entry before it makes do with the room that is left.
constexpr std::size_t kSweepSlots = 256;

std::size_t slots_for(std::size_t capacity) noexcept {
    return std::max<std::size_t>(8,
                                 std::bit_ceil((capacity * kParts + kSoftParts - 1) / kSoftParts));
}
}  // namespace

TenantIndex::TenantIndex(std::uint32_t capacity)
    : capacity_{capacity}, mask_{slots_for(capacity) - 1}, slots_{slot_count()} {
    soft_limit_ = slot_count() * kSoftParts / kParts;
    // The rest between the limits is at least one entry; one slot always stays empty, so that
    // searches end.
    hard_limit_ = slot_count() - std::max<std::size_t>(1, slot_count() / kParts);
    XD_ASSERT(capacity >= 1 && capacity <= soft_limit_ && soft_limit_ < hard_limit_);
}

void TenantIndex::reserve(std::uint32_t capacity) {
    if (capacity <= capacity_) {
        return;
    }
    TenantIndex larger{capacity};
    visit_all([&](std::uint32_t tag, Entry entry) { larger.insert(tag, entry); });
    *this = std::move(larger);
}

std::size_t TenantIndex::position(std::uint32_t tag, Unit unit) const noexcept {
    for (std::size_t i = home(tag);; i = (i + 1) & mask_) {
        const std::uint64_t slot = slots_[i];
        if (slot == 0) {
            return slot_count();
        }
        if (tag_in(slot) == tag && entry_in(slot).unit == unit) {
            return i;
        }
    }
}

void TenantIndex::insert(std::uint32_t tag, Entry entry) noexcept {
    XD_ASSERT(entry.former || live_count() < capacity_);
    make_room();
    std::size_t i = home(tag);
    while (slots_[i] != 0) {
        i = (i + 1) & mask_;
    }
    slots_[i] = slot_of(tag, entry);
    ++entry_count_;
    former_count_ += entry.former ? 1 : 0;
}

bool TenantIndex::remove(std::uint32_t tag, Unit unit) noexcept {
    const std::size_t found = position(tag, unit);
    if (found == slot_count()) {
        return false;
    }
    remove_at(found);
    return true;
}

bool TenantIndex::set_former(std::uint32_t tag, Unit unit, bool former) noexcept {
    const std::size_t found = position(tag, unit);
    if (found == slot_count()) {
        return false;
    }
    const bool was_former = entry_in(slots_[found]).former;
    slots_[found] = slot_of(tag, {unit, former});
    former_count_ += former ? 1 : 0;
    former_count_ -= was_former ? 1 : 0;
    return true;
}

void TenantIndex::remove_at(std::size_t hole) noexcept {
    --entry_count_;
    former_count_ -= entry_in(slots_[hole]).former ? 1 : 0;
    // Whatever follows without a gap moves into the hole, unless that is before its home.
    for (std::size_t i = (hole + 1) & mask_; slots_[i] != 0; i = (i + 1) & mask_) {
        const std::size_t from_home = (i - home(tag_in(slots_[i]))) & mask_;
        const std::size_t from_hole = (i - hole) & mask_;
        if (from_home >= from_hole) {
            slots_[hole] = slots_[i];
            hole = i;
        }
    }
    slots_[hole] = 0;
}

void TenantIndex::make_room() noexcept {
    if (entry_count_ < soft_limit_ || former_count_ == 0) {
        return;
    }
    // Above the hard limit at least one entry in ten is a former one, so the long search does not
    // happen in practice.
    const std::size_t longest = entry_count_ < hard_limit_ ? kSweepSlots : slot_count();
    for (std::size_t i = 0; i < longest; ++i) {
        hand_ = (hand_ + 1) & mask_;
        if (slots_[hand_] != 0 && entry_in(slots_[hand_]).former) {
            remove_at(hand_);
            return;
        }
    }
}

bool TenantIndex::check_invariants() const noexcept {
    std::size_t entries = 0;
    std::size_t formers = 0;
    for (std::size_t i = 0; i <= mask_; ++i) {
        if (slots_[i] == 0) {
            continue;
        }
        ++entries;
        formers += entry_in(slots_[i]).former ? 1 : 0;
        // Reachable, and the only one of its kind: the search for it ends here.
        if (position(tag_in(slots_[i]), entry_in(slots_[i]).unit) != i) {
            return false;
        }
    }
    return entries == entry_count_ && formers == former_count_ && live_count() <= capacity_ &&
           entries < slot_count();
}

}  // namespace xdhcpd::lease
