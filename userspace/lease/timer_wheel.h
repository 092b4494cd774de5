// TimerWheel: which unit is to be looked at when, in seconds. Three levels (1 s, 1024 s, 2^20 s per
// slot) cover all of BootSeconds exactly; a unit sinks to a finer level when its time comes near.
// Lists run through the TimerLinks of the spaces, so arming and disarming cost O(1) and no memory.
// Owned by one shard, one thread; links only units that this shard holds.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "base/time.h"
#include "lease/store.h"
#include "lease/unit.h"

namespace xdhcpd::lease {

class TimerWheel {
  public:
    // Nothing is due before `start`.
    TimerWheel(Store& store, BootSeconds start) noexcept : store_{&store}, current_{start.value} {}

    // Fires at `at`; if time has advanced that far already, with the next second. The unit is not
    // armed; `at` is not never.
    void arm(Unit unit, BootSeconds at) noexcept;
    // Nothing happens if it is not armed.
    void disarm(Unit unit) noexcept;
    [[nodiscard]] bool is_armed(Unit unit) const noexcept { return link(unit).prev != 0; }
    [[nodiscard]] std::size_t armed_count() const noexcept { return armed_count_; }

    // Calls fire(Unit) for each unit armed for `now` or earlier, disarmed already; fire may arm it
    // again for later than `now` and disarm others. Touches at most `budget` units and returns how
    // many; if all of the budget was used, there may be more: call again.
    template <typename Fire>
    std::size_t advance(BootSeconds now, std::size_t budget, Fire&& fire) {
        const std::uint32_t last = now.is_never() ? now.value - 1 : now.value;
        std::size_t left = budget;
        while (current_ <= last) {  // a `now` that went back finds nothing
            current_ = std::min(next_occupied(), last + 1);
            if (current_ > last || !cascade(left)) {
                break;
            }
            const std::uint32_t slot = current_ & (kFineSlots - 1);
            while (heads_[slot] != 0 && left > 0) {
                const Unit unit{heads_[slot]};
                disarm(unit);
                --left;
                fire(unit);
            }
            if (heads_[slot] != 0) {
                break;
            }
        }
        return budget - left;
    }

    // Calls visit(Unit) for all armed units and checks that lists and count are consistent; for
    // tests.
    template <typename Visit>
    [[nodiscard]] bool check_invariants(Visit&& visit) const {
        std::size_t count = 0;
        // A slot whose bit is missing is noticed by the count.
        for (std::uint32_t slot = find_slot(0, kSlots); slot < kSlots;
             slot = find_slot(slot + 1, kSlots)) {
            if (heads_[slot] == 0) {
                return false;
            }
            std::uint32_t prev = kHeadBit | slot;
            for (std::uint32_t unit = heads_[slot]; unit != 0; unit = link(Unit{unit}).next) {
                if (link(Unit{unit}).prev != prev || ++count > armed_count_) {
                    return false;
                }
                visit(Unit{unit});
                prev = unit;
            }
        }
        return count == armed_count_;
    }

  private:
    static constexpr std::uint32_t kFineBits = 10;    // 1 s per slot
    static constexpr std::uint32_t kMiddleBits = 10;  // 1024 s per slot
    static constexpr std::uint32_t kCoarseBits = 12;  // 2^20 s per slot
    static_assert(kFineBits + kMiddleBits + kCoarseBits == 32);
    static constexpr std::uint32_t kFineSlots = 1u << kFineBits;
    static constexpr std::uint32_t kMiddleSlots = 1u << kMiddleBits;
    static constexpr std::uint32_t kSlots = kFineSlots + kMiddleSlots + (1u << kCoarseBits);
    static constexpr std::uint32_t kHeadBit = 0x80000000;

    [[nodiscard]] TimerLink& link(Unit unit) const noexcept {
        return store_->space_of(unit).timer_link(unit);
    }
    [[nodiscard]] std::uint32_t slot_for(std::uint32_t at) const noexcept;
    // Brings down the units of the coarser slots that begin at current_; false if `left` ran out
    // before the end.
    bool cascade(std::size_t& left) noexcept;
    // The first time at or after current_ at which a slot begins that is not empty, or kNever.
    [[nodiscard]] std::uint32_t next_occupied() const noexcept;
    // First slot of [first, end) that is not empty, or `end`.
    [[nodiscard]] std::uint32_t find_slot(std::uint32_t first, std::uint32_t end) const noexcept;
    void set_head(std::uint32_t slot, std::uint32_t unit) noexcept;
    bool sink_slot(std::uint32_t slot, std::size_t& left) noexcept;

    Store* store_;
    std::uint32_t current_;  // everything before is done
    std::size_t armed_count_ = 0;
    std::array<std::uint32_t, kSlots> heads_{};          // unit, or 0
    std::array<std::uint64_t, kSlots / 64> occupied_{};  // one bit per slot: head is not 0
};

}  // namespace xdhcpd::lease
