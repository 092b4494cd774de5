// Space: the units of one subnet or range: their bits, their records, and what each shard keeps
// about the space. Owned by the Store. Everything but the bits and what the owner of a unit may
// change is fixed at construction.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "base/assert.h"
#include "base/counters.h"
#include "lease/bitmap.h"
#include "lease/ipv6_names.h"
#include "lease/record.h"
#include "lease/unit.h"
#include "lease/virtual_array.h"

namespace xdhcpd::lease {

enum class SpaceKind : std::uint8_t { kIpv4, kIpv6Address, kIpv6Prefix };

// What the units of an IPv4 space are on disk: unit i is the address `first` + i. An index is never
// stored, so a range may change its size or its place. For those of IPv6 see Ipv6Names.
struct SpaceName {
    Ipv4 first;
    std::uint32_t version_floor = 0;  // at first; see Space
};

// How many units of a space a shard holds, by state.
enum class HeldCount : std::uint8_t { kOffered, kLeased, kDeclined, kCount };

// Place of a unit in its shard's timer wheel; owned like the record.
struct TimerLink {
    std::uint32_t next = 0;  // unit, or 0
    std::uint32_t prev = 0;  // unit, or a wheel slot with the top bit set; 0: in no list
};

// What one shard keeps about one space. Written by that shard only; the counters may be read by
// anybody.
struct alignas(64) SpaceShare {
    // Next-fit cursors of the ranges searched last.
    struct Cursor {
        UnitRange within{1, 0};  // empty: unused
        std::uint32_t next = 0;
    };
    static constexpr std::size_t kCursors = 8;

    EnumCounters<HeldCount> held_counts;
    std::array<Cursor, kCursors> cursors{};
    std::uint32_t next_cursor = 0;     // to be replaced next
    VirtualArray<std::uint64_t> held;  // one bit per unit
};

class Space {
  public:
    // `first` is the number of unit 0, at the start of a chunk.
    Space(SpaceId id, SpaceKind kind, std::uint32_t unit_count, Unit first,
          std::uint32_t shard_count, const SpaceName& name,
          std::optional<Ipv6Names> ipv6_names = std::nullopt);

    [[nodiscard]] SpaceId id() const noexcept { return id_; }
    [[nodiscard]] SpaceKind kind() const noexcept { return kind_; }
    [[nodiscard]] std::uint32_t unit_count() const noexcept { return unit_count_; }
    [[nodiscard]] const SpaceName& name() const noexcept { return name_; }
    // Versions of units that are taken from now on begin above this. Raised by the control thread
    // when the space is used again: what its units are called may have been in another one
    // meanwhile, whose versions are on disk. Any thread.
    [[nodiscard]] std::uint32_t version_floor() const noexcept {
        return version_floor_.load(std::memory_order_relaxed);
    }
    void raise_version_floor(std::uint32_t floor) noexcept {
        version_floor_.store(std::max(version_floor(), floor), std::memory_order_relaxed);
    }
    // Which address or prefix each unit is; every space of IPv6 that the model makes has them.
    [[nodiscard]] bool has_ipv6_names() const noexcept { return ipv6_names_.has_value(); }
    [[nodiscard]] const Ipv6Names& ipv6_names() const noexcept {
        XD_ASSERT(ipv6_names_.has_value());
        return *ipv6_names_;
    }
    // Likewise; for the control thread, which makes lists grow.
    [[nodiscard]] Ipv6Names& ipv6_names() noexcept {
        XD_ASSERT(ipv6_names_.has_value());
        return *ipv6_names_;
    }
    [[nodiscard]] UnitRange all() const noexcept { return {0, unit_count_ - 1}; }

    // `index` < unit_count(); `unit` is of this space.
    [[nodiscard]] Unit unit_at(std::uint32_t index) const noexcept {
        return Unit{first_.value + index};
    }
    [[nodiscard]] std::uint32_t index_of(Unit unit) const noexcept {
        return unit.value - first_.value;
    }

    [[nodiscard]] UnitBitmap& bitmap() noexcept { return bitmap_; }
    [[nodiscard]] const UnitBitmap& bitmap() const noexcept { return bitmap_; }

    // Only for the shard that holds the unit.
    [[nodiscard]] Record& record(Unit unit) const noexcept { return records_[index_of(unit)]; }
    [[nodiscard]] TimerLink& timer_link(Unit unit) const noexcept { return links_[index_of(unit)]; }

    // `shard` < shard_count of the store.
    [[nodiscard]] SpaceShare& share(std::uint32_t shard) noexcept { return shares_[shard]; }
    [[nodiscard]] const SpaceShare& share(std::uint32_t shard) const noexcept {
        return shares_[shard];
    }
    // Units held by all shards; any thread.
    [[nodiscard]] std::uint64_t held_total(HeldCount which) const noexcept;
    // No shard holds a unit: it may be removed once it is forbidden altogether. Any thread.
    [[nodiscard]] bool is_drained() const noexcept;

  private:
    SpaceId id_;
    SpaceKind kind_;
    std::uint32_t unit_count_;
    Unit first_;
    std::uint32_t shard_count_;
    SpaceName name_;
    std::atomic<std::uint32_t> version_floor_;
    std::optional<Ipv6Names> ipv6_names_;
    UnitBitmap bitmap_;
    VirtualArray<Record> records_;
    VirtualArray<TimerLink> links_;
    std::unique_ptr<SpaceShare[]> shares_;
};

}  // namespace xdhcpd::lease
