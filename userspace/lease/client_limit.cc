#include "lease/client_limit.h"

#include <algorithm>

#include "base/assert.h"

namespace xdhcpd::lease {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;

}  // namespace

ClientLimit::ClientLimit(std::uint32_t limit, std::uint32_t shard_count)
    : limit_{limit},
      block_{std::clamp(limit / std::max(shard_count, 1u) / kBlocksPerShare, 1u, kMaxBlock)},
      shares_(shard_count),
      pool_{limit} {
    XD_ASSERT(shard_count >= 1);
}

bool ClientLimit::take_one(Places& places) noexcept {
    std::uint32_t there = places.load(kRelaxed);
    while (there != 0 && !places.compare_exchange_weak(there, there - 1, kRelaxed)) {
    }
    return there != 0;
}

bool ClientLimit::draw(std::uint32_t shard) noexcept {
    std::uint32_t there = pool_.load(kRelaxed);
    std::uint32_t drawn = 0;
    do {
        if (there == 0) {
            return false;
        }
        drawn = std::min(there, block_);
    } while (!pool_.compare_exchange_weak(there, there - drawn, kRelaxed));
    shares_[shard].spare.fetch_add(drawn - 1, kRelaxed);
    return true;
}

bool ClientLimit::rob(std::uint32_t shard) noexcept {
    for (Share& other : shares_) {
        std::uint32_t there = &other == &shares_[shard] ? 0 : other.spare.load(kRelaxed);
        while (there != 0) {
            const std::uint32_t half = there - there / 2;
            if (other.spare.compare_exchange_weak(there, there - half, kRelaxed)) {
                shares_[shard].spare.fetch_add(half - 1, kRelaxed);
                return true;
            }
        }
    }
    return false;
}

bool ClientLimit::has_room_elsewhere() const noexcept {
    return pool_.load(kRelaxed) != 0 ||
           std::any_of(shares_.begin(), shares_.end(),
                       [](const Share& share) { return share.spare.load(kRelaxed) != 0; });
}

bool ClientLimit::pay(std::uint32_t shard) noexcept {
    while (debt_.load(kRelaxed) != 0) {
        if (!find_place(shard)) {
            return false;
        }
        if (!take_one(debt_)) {
            shares_[shard].spare.fetch_add(1, kRelaxed);  // somebody else has paid it
        }
    }
    return true;
}

void ClientLimit::take_beyond(std::uint32_t shard) noexcept {
    if (!take(shard)) {
        debt_.fetch_add(1, kRelaxed);
    }
}

void ClientLimit::give_back(std::uint32_t shard) noexcept {
    if (debt_.load(kRelaxed) != 0 && take_one(debt_)) {
        return;
    }
    shares_[shard].spare.fetch_add(1, kRelaxed);
}

std::uint64_t ClientLimit::free() const noexcept {
    std::uint64_t free = pool_.load(kRelaxed);
    for (const Share& share : shares_) {
        free += share.spare.load(kRelaxed);
    }
    return free;
}

std::uint64_t ClientLimit::used() const noexcept {
    return std::uint64_t{limit_} + debt_.load(kRelaxed) - free();
}

}  // namespace xdhcpd::lease
