// ClientLimit: how many clients all shards together may hold units for: exactly so many, and no
// number that they share on the way of most. Each shard has some places in advance, on a cache line
// of its own, and draws more from a common pool, a block at a time; when that is empty, it takes
// half of what another has left. So nobody is refused while any place is free, but for an instant
// in which one is on its way.
//
// Leases that are read back from disk take a place even if there is none. Then nobody new gets one
// before that many have been given back.
//
// Any thread, each with the shard that it owns. No lock; counters only, which order nothing else.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

namespace xdhcpd::lease {

class ClientLimit {
  public:
    // `shard_count` >= 1.
    ClientLimit(std::uint32_t limit, std::uint32_t shard_count);
    ClientLimit(const ClientLimit&) = delete;
    ClientLimit& operator=(const ClientLimit&) = delete;

    // Whether take() would find a place now. Others may be faster.
    [[nodiscard]] bool has_room(std::uint32_t shard) noexcept {
        return (debt_.load(std::memory_order_relaxed) == 0 || pay(shard)) &&
               (shares_[shard].spare.load(std::memory_order_relaxed) != 0 || has_room_elsewhere());
    }
    // One place more in use; false if there is none.
    [[nodiscard]] bool take(std::uint32_t shard) noexcept {
        return (debt_.load(std::memory_order_relaxed) == 0 || pay(shard)) && find_place(shard);
    }
    // Likewise, whatever the limit.
    void take_beyond(std::uint32_t shard) noexcept;
    // One place less in use.
    void give_back(std::uint32_t shard) noexcept;

    // Places that nobody has; about right while others take and give back.
    [[nodiscard]] std::uint64_t free() const noexcept;
    // Places in use, while no thread changes that.
    [[nodiscard]] std::uint64_t used() const noexcept;

  private:
    using Places = std::atomic<std::uint32_t>;
    struct alignas(64) Share {
        Places spare{0};
    };
    static constexpr std::uint32_t kMaxBlock = 64;
    static constexpr std::uint32_t kBlocksPerShare = 64;

    [[nodiscard]] bool find_place(std::uint32_t shard) noexcept {
        return take_one(shares_[shard].spare) || draw(shard) || rob(shard);
    }
    [[nodiscard]] static bool take_one(Places& places) noexcept;
    // One place for now, the rest to spare.
    [[nodiscard]] bool draw(std::uint32_t shard) noexcept;
    [[nodiscard]] bool rob(std::uint32_t shard) noexcept;
    [[nodiscard]] bool has_room_elsewhere() const noexcept;
    // Free places go where too many were taken; false if that is not enough.
    [[nodiscard]] bool pay(std::uint32_t shard) noexcept;

    // in use = limit + debt - pool - what all shards have to spare
    std::uint32_t limit_;
    std::uint32_t block_;
    std::vector<Share> shares_;
    alignas(64) Places pool_;
    Places debt_{0};  // places taken beyond the limit
};

}  // namespace xdhcpd::lease
