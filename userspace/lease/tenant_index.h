// TenantIndex: from a tenant's tag to its units, a multimap. Open addressing in slots of eight
// bytes (32-bit tag, former bit, 31-bit unit), linear probing, deletion by shifting back, so there
// are no tombstones. Tags may collide; the caller compares identities. Former entries give way
// when room gets short, live ones never. Owned by one shard, one thread. Memory is allocated by the
// constructor and by reserve() only.
//
// The tag is the upper half of the tenant's hash: the lower half is free to choose the shard.
#pragma once

#include <cstddef>
#include <cstdint>

#include "lease/unit.h"
#include "lease/virtual_array.h"

namespace xdhcpd::lease {

class TenantIndex {
  public:
    struct Entry {
        Unit unit;
        bool former = false;  // the unit is not held: its record is nobody's to read
    };

    static constexpr std::uint32_t kMaxCapacity = 0x7fffffff;  // there are no more units

    // Room for `capacity` live entries at a load of at most 85 %.
    explicit TenantIndex(std::uint32_t capacity);

    [[nodiscard]] static std::uint32_t tag_of(std::uint64_t hash) noexcept {
        return static_cast<std::uint32_t>(hash >> 32);
    }

    void prefetch(std::uint32_t tag) const noexcept { __builtin_prefetch(&slots_[home(tag)]); }
    // Calls visit(Entry) for each entry of that tag until it returns true; visit must not change
    // the index.
    template <typename Visit>
    void visit(std::uint32_t tag, Visit&& visit) const {
        for (std::size_t i = home(tag);; i = (i + 1) & mask_) {
            const std::uint64_t slot = slots_[i];
            if (slot == 0) {
                return;
            }
            if (tag_in(slot) == tag && visit(entry_in(slot))) {
                return;
            }
        }
    }

    // There is at most one entry of a (tag, unit). insert() requires that there is none and that
    // live entries are below the capacity; it may drop a former entry of somebody else.
    void insert(std::uint32_t tag, Entry entry) noexcept;
    // False if there is no such entry.
    bool remove(std::uint32_t tag, Unit unit) noexcept;
    bool set_former(std::uint32_t tag, Unit unit, bool former) noexcept;

    // Room for at least `capacity` live entries, at most kMaxCapacity. Takes about 20 ns per slot.
    void reserve(std::uint32_t capacity);

    [[nodiscard]] std::uint32_t capacity() const noexcept { return capacity_; }
    [[nodiscard]] std::size_t live_count() const noexcept { return entry_count_ - former_count_; }
    [[nodiscard]] std::size_t former_count() const noexcept { return former_count_; }
    [[nodiscard]] std::size_t slot_count() const noexcept { return mask_ + 1; }

    // Calls visit(tag, Entry) for all entries.
    template <typename Visit>
    void visit_all(Visit&& visit) const {
        for (std::size_t i = 0; i <= mask_; ++i) {
            if (slots_[i] != 0) {
                visit(tag_in(slots_[i]), entry_in(slots_[i]));
            }
        }
    }
    // Every entry is reachable from its home, counts are right; for tests.
    [[nodiscard]] bool check_invariants() const noexcept;

  private:
    static constexpr std::uint32_t kFormerBit = 0x80000000;

    [[nodiscard]] static std::uint32_t tag_in(std::uint64_t slot) noexcept {
        return static_cast<std::uint32_t>(slot >> 32);
    }
    [[nodiscard]] static Entry entry_in(std::uint64_t slot) noexcept {
        const auto low = static_cast<std::uint32_t>(slot);
        return {Unit{low & ~kFormerBit}, (low & kFormerBit) != 0};
    }
    [[nodiscard]] static std::uint64_t slot_of(std::uint32_t tag, Entry entry) noexcept {
        return std::uint64_t{tag} << 32 | (entry.former ? kFormerBit : 0) | entry.unit.value;
    }
    [[nodiscard]] std::size_t home(std::uint32_t tag) const noexcept { return tag & mask_; }
    // Slot of (tag, unit), or slot_count().
    [[nodiscard]] std::size_t position(std::uint32_t tag, Unit unit) const noexcept;
    void remove_at(std::size_t hole) noexcept;
    void make_room() noexcept;

    std::uint32_t capacity_;
    std::size_t mask_;
    std::size_t soft_limit_;  // of entries: above it former ones are looked for, within reason
    std::size_t hard_limit_;  // of entries: above it one is dropped whatever it costs
    std::size_t entry_count_ = 0;
    std::size_t former_count_ = 0;
    std::size_t hand_ = 0;  // where the search for former entries goes on
    VirtualArray<std::uint64_t> slots_;
};

}  // namespace xdhcpd::lease
