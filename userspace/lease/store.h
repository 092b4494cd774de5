// Store: all spaces of the process. Changed by the control thread only; looked up by any thread
// meanwhile.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>

#include "base/assert.h"
#include "lease/space.h"
#include "lease/unit.h"
#include "lease/virtual_array.h"

namespace xdhcpd::lease {

class Store {
  public:
    static constexpr std::uint32_t kMaxShards = 256;

    // For shards with the numbers 0 .. shard_count-1; 1 <= shard_count <= kMaxShards.
    explicit Store(std::uint32_t shard_count);
    Store(const Store&) = delete;
    Store& operator=(const Store&) = delete;
    ~Store();

    [[nodiscard]] std::uint32_t shard_count() const noexcept { return shard_count_; }

    // == Control thread ==

    // Whether add_space would find numbers for a space of that size; false for 0 and above
    // kMaxSpaceUnits.
    [[nodiscard]] bool has_room(std::uint32_t unit_count) const noexcept;
    // A new space, nothing allowed, nothing taken, visible to all threads. Requires
    // has_room(unit_count). The lowest free id and chunks are used.
    Space& add_space(SpaceKind kind, std::uint32_t unit_count, const SpaceName& name = {});
    // Likewise for units of IPv6: as many as `names` has, or has room for. `version_floor` as in
    // SpaceName.
    Space& add_space6(SpaceKind kind, Ipv6Names names, std::uint32_t version_floor);
    // Takes a drained, wholly forbidden space out of the tables. The caller destroys it once every
    // worker has announced a generation that no longer knows it. Former entries in the indexes may
    // go on naming its units.
    [[nodiscard]] std::unique_ptr<Space> remove_space(SpaceId id);

    // == Any thread ==

    // nullptr if there is none of that name.
    [[nodiscard]] Space* find_space(SpaceId id) const noexcept {
        return id.value < kMaxSpaces ? load(spaces_[id.value]) : nullptr;
    }
    [[nodiscard]] Space* find_space_of(Unit unit) const noexcept {
        return load(chunks_[(unit.value >> kChunkBits) % kMaxChunks]);
    }
    // All ids given out so far are below this.
    [[nodiscard]] std::uint32_t space_limit() const noexcept {
        return space_limit_.load(std::memory_order_acquire);
    }
    // The space must exist.
    [[nodiscard]] Space& space(SpaceId id) const noexcept {
        Space* const found = find_space(id);
        XD_ASSERT(found != nullptr);
        return *found;
    }
    [[nodiscard]] Space& space_of(Unit unit) const noexcept {
        Space* const found = find_space_of(unit);
        XD_ASSERT(found != nullptr);
        return *found;
    }

  private:
    struct Slot {
        Space* space;
    };
    [[nodiscard]] static Space* load(Slot& slot) noexcept {
        return std::atomic_ref{slot.space}.load(std::memory_order_acquire);
    }
    static void publish(Slot& slot, Space* space) noexcept {
        std::atomic_ref{slot.space}.store(space, std::memory_order_release);
    }
    Space& publish_space(SpaceKind kind, std::uint32_t unit_count, const SpaceName& name,
                         std::optional<Ipv6Names> ipv6_names);
    // First of `count` free chunks in a row, or 0.
    [[nodiscard]] std::uint32_t find_chunks(std::uint32_t count) const noexcept;
    [[nodiscard]] SpaceId find_id() const noexcept;

    std::uint32_t shard_count_;
    std::atomic<std::uint32_t> space_limit_{0};
    VirtualArray<Slot> spaces_;  // by id; owned
    VirtualArray<Slot> chunks_;  // by unit >> kChunkBits; borrowed from spaces_
};

}  // namespace xdhcpd::lease
