#include "lease/timer_wheel.h"

#include <algorithm>
#include <bit>

#include "base/assert.h"

namespace xdhcpd::lease {

std::uint32_t TimerWheel::slot_for(std::uint32_t at) const noexcept {
    const std::uint32_t difference = at ^ current_;
    if (difference < kFineSlots) {
        return at & (kFineSlots - 1);
    }
    if (difference < kFineSlots * kMiddleSlots) {
        return kFineSlots + (at >> kFineBits & (kMiddleSlots - 1));
    }
    return kFineSlots + kMiddleSlots + (at >> (kFineBits + kMiddleBits));
}

void TimerWheel::arm(Unit unit, BootSeconds at) noexcept {
    const std::uint32_t slot = slot_for(std::max(at.value, current_));
    TimerLink& own = link(unit);
    XD_ASSERT(own.prev == 0 && !at.is_never());
    own.next = heads_[slot];
    own.prev = kHeadBit | slot;
    if (own.next != 0) {
        link(Unit{own.next}).prev = unit.value;
    }
    set_head(slot, unit.value);
    ++armed_count_;
}

void TimerWheel::disarm(Unit unit) noexcept {
    TimerLink& own = link(unit);
    if (own.prev == 0) {
        return;
    }
    if ((own.prev & kHeadBit) != 0) {
        set_head(own.prev & ~kHeadBit, own.next);
    } else {
        link(Unit{own.prev}).next = own.next;
    }
    if (own.next != 0) {
        link(Unit{own.next}).prev = own.prev;
    }
    own = TimerLink{};
    --armed_count_;
}

void TimerWheel::set_head(std::uint32_t slot, std::uint32_t unit) noexcept {
    const std::uint64_t bit = std::uint64_t{1} << (slot % 64);
    heads_[slot] = unit;
    occupied_[slot / 64] = unit != 0 ? occupied_[slot / 64] | bit : occupied_[slot / 64] & ~bit;
}

std::uint32_t TimerWheel::find_slot(std::uint32_t first, std::uint32_t end) const noexcept {
    for (std::uint32_t slot = first; slot < end; slot = (slot / 64 + 1) * 64) {
        const std::uint64_t bits = occupied_[slot / 64] >> (slot % 64);
        if (bits != 0) {
            return std::min(end, slot + static_cast<std::uint32_t>(std::countr_zero(bits)));
        }
    }
    return end;
}

std::uint32_t TimerWheel::next_occupied() const noexcept {
    constexpr std::uint32_t kMiddleEnd = kFineSlots + kMiddleSlots;
    if (armed_count_ == 0) {
        return BootSeconds::kNeverValue;
    }
    const std::uint32_t middle = current_ / kFineSlots % kMiddleSlots;
    const std::uint32_t coarse = current_ / (kFineSlots * kMiddleSlots);
    // The middle or coarse slot that begins now has not sunk, or not all of it.
    if (heads_[kFineSlots + middle] != 0 || heads_[kMiddleEnd + coarse] != 0) {
        return current_;
    }
    const std::uint32_t fine_slot = find_slot(current_ % kFineSlots, kFineSlots);
    if (fine_slot != kFineSlots) {
        return current_ - current_ % kFineSlots + fine_slot;
    }
    const std::uint32_t middle_slot = find_slot(kFineSlots + middle + 1, kMiddleEnd);
    if (middle_slot != kMiddleEnd) {
        return (coarse * kMiddleSlots + middle_slot - kFineSlots) * kFineSlots;
    }
    const std::uint32_t coarse_slot = find_slot(kMiddleEnd + coarse + 1, kSlots);
    return coarse_slot != kSlots ? (coarse_slot - kMiddleEnd) * kFineSlots * kMiddleSlots
                                 : BootSeconds::kNeverValue;
}

bool TimerWheel::cascade(std::size_t& left) noexcept {
    constexpr std::uint32_t kMiddleSpan = kFineSlots;
    constexpr std::uint32_t kCoarseSpan = kFineSlots * kMiddleSlots;
    if (current_ % kCoarseSpan == 0 &&
        !sink_slot(kFineSlots + kMiddleSlots + current_ / kCoarseSpan, left)) {
        return false;
    }
    return current_ % kMiddleSpan != 0 ||
           sink_slot(kFineSlots + current_ / kMiddleSpan % kMiddleSlots, left);
}

bool TimerWheel::sink_slot(std::uint32_t slot, std::size_t& left) noexcept {
    while (heads_[slot] != 0 && left > 0) {
        const Unit unit{heads_[slot]};
        disarm(unit);
        --left;
        // May be later than what it was armed for: then it goes straight to where it belongs now.
        const BootSeconds due = store_->space_of(unit).record(unit).expiry;
        if (!due.is_never()) {
            arm(unit, due);
        }
    }
    return heads_[slot] == 0;
}

}  // namespace xdhcpd::lease
