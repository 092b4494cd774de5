// UnitBitmap: which units of a space may be let and which are. Two bits per unit:
//   allowed  policy, written by the control thread at any time;
//   taken    fact, written by the workers. Whoever sets it owns the unit until he clears it.
// Free is allowed and not taken. Summary levels above (one bit per 64 below: "something free here")
// let a search cost a handful of loads at any size up to 2^26 units.
//
// Any thread may call anything at any time; allow() and forbid() come from one thread at a time.
// When nothing is in flight the summaries are exact. While another thread is just changing the same
// 64 units, take_next() may overlook a unit of them; it never gives out one that is taken or that
// was forbidden before the call.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>

#include "lease/unit.h"
#include "lease/virtual_array.h"

namespace xdhcpd::lease {

class UnitBitmap {
  public:
    // Nothing allowed, nothing taken. 1 <= unit_count <= kMaxSpaceUnits.
    explicit UnitBitmap(std::uint32_t unit_count);

    [[nodiscard]] std::uint32_t unit_count() const noexcept { return unit_count_; }

    // Control thread. `range.last` < unit_count().
    void allow(UnitRange range) noexcept;
    void forbid(UnitRange range) noexcept;

    // Takes unit `index` if it is free. Acquires: what the last owner wrote to the record is
    // visible.
    [[nodiscard]] bool try_take(std::uint32_t index) noexcept;
    // Likewise, whatever `allowed` says: for reservations and for leases read back from disk.
    [[nodiscard]] bool try_take_reserved(std::uint32_t index) noexcept;
    // Gives back a unit that the caller took. The caller's last access to it.
    void release(std::uint32_t index) noexcept;
    // Takes the first free unit at or after `from`, going round inside `within`. If `from` is
    // outside, it starts at within.first. `loads`, if given, is increased by the number of words
    // looked at.
    [[nodiscard]] std::optional<std::uint32_t> take_next(UnitRange within, std::uint32_t from,
                                                         std::uint32_t* loads = nullptr) noexcept;

    [[nodiscard]] bool allowed(std::uint32_t index) const noexcept;
    [[nodiscard]] bool taken(std::uint32_t index) const noexcept;
    void prefetch(std::uint32_t index) const noexcept { __builtin_prefetch(&words_[index / 64]); }

    [[nodiscard]] std::uint32_t allowed_count() const noexcept {
        return allowed_count_.load(std::memory_order_relaxed);
    }
    // These look at every word (2 ms at 2^26 units): for metrics.
    [[nodiscard]] std::uint32_t taken_count() const noexcept;
    [[nodiscard]] std::uint32_t free_count() const noexcept;
    [[nodiscard]] std::uint32_t free_count(UnitRange range) const noexcept;

    // True if the summaries are exact; only with no other thread at work. For tests.
    [[nodiscard]] bool check_invariants() const noexcept;

  private:
    // Accessed through std::atomic_ref only, always sequentially consistent: a setter writes a word
    // and then looks at its summary bit, a clearer clears the summary bit and then looks at the
    // word, so one of them sees the other.
    struct Word {
        std::uint64_t allowed;
        std::uint64_t taken;
    };
    static constexpr std::uint32_t kMaxLevels = 4;

    [[nodiscard]] std::uint64_t load_allowed(std::uint32_t word) const noexcept;
    [[nodiscard]] std::uint64_t load_taken(std::uint32_t word) const noexcept;
    [[nodiscard]] std::uint64_t load_free(std::uint32_t word) const noexcept;
    [[nodiscard]] std::atomic_ref<std::uint64_t> summary(std::uint32_t level,
                                                         std::uint32_t word) const noexcept;
    // Number of words below a summary level.
    [[nodiscard]] std::uint32_t child_count(std::uint32_t level) const noexcept {
        return level == 0 ? word_count_ : level_size_[level - 1];
    }
    [[nodiscard]] bool is_child_empty(std::uint32_t level, std::uint32_t child) const noexcept;
    // "Something is free in this child" of a level, and so in those above / "perhaps nothing is any
    // more".
    void mark(std::uint32_t level, std::uint32_t child) noexcept;
    void unmark_if_full(std::uint32_t word) noexcept;
    // First marked word at or after `word`, or word_count_.
    [[nodiscard]] std::uint32_t next_marked(std::uint32_t word,
                                            std::uint32_t& loads) const noexcept;
    [[nodiscard]] std::optional<std::uint32_t> take_between(std::uint32_t first, std::uint32_t last,
                                                            std::uint32_t& loads) noexcept;

    std::uint32_t unit_count_;
    std::uint32_t word_count_;
    std::uint32_t level_count_ = 0;               // of summary levels, >= 1; the last has one word
    std::uint32_t level_start_[kMaxLevels] = {};  // in summaries_
    std::uint32_t level_size_[kMaxLevels] = {};   // in words
    VirtualArray<Word> words_;
    VirtualArray<std::uint64_t> summaries_;
    std::atomic<std::uint32_t> allowed_count_{0};
};

}  // namespace xdhcpd::lease
