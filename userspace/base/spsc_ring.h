// SpscRing: a bounded queue between two threads, one that fills and one that empties it. Slots stay
// where they are: the producer writes into one, the consumer reads it there. Both sides work in
// batches: what was filled is seen after publish(), what was read is free after release(); one
// store each. No allocation after construction, no lock, no system call, nobody ever waits.
//
//   producer   claim() -> fill -> push() ... claim() -> fill -> push() -> publish()
//   consumer   waiting() -> at(0) ... at(n - 1) -> release(n)
//
// publish() and has_waiting() are in one total order with everybody's sequentially consistent
// flags: a consumer that says it sleeps and then looks, and a producer that publishes and then
// looks whether it sleeps, do not miss each other.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/assert.h"

namespace xdhcpd {

template <typename T>
class SpscRing {
  public:
    // `capacity` is a power of two. Slots are not initialised, so that untouched memory costs
    // nothing.
    explicit SpscRing(std::size_t capacity)
        : mask_{capacity - 1}, slots_{std::make_unique_for_overwrite<T[]>(capacity)} {
        XD_ASSERT(std::has_single_bit(capacity));
    }
    SpscRing(const SpscRing&) = delete;
    SpscRing& operator=(const SpscRing&) = delete;

    [[nodiscard]] std::size_t capacity() const noexcept { return mask_ + 1; }

    // Producer's thread -----------------------------------------------------------------------

    // The slot to fill next, or null while the ring is full. The same until push().
    [[nodiscard]] T* claim() noexcept {
        if (filled_ - released_seen_ > mask_) {
            released_seen_ = released_.load(std::memory_order_acquire);
            if (filled_ - released_seen_ > mask_) {
                return nullptr;
            }
        }
        return &slots_[filled_ & mask_];
    }
    // The slot that claim() gave is filled.
    void push() noexcept { ++filled_; }
    // Shows the consumer what was pushed. False if that was nothing.
    bool publish() noexcept {
        if (published_.load(std::memory_order_relaxed) == filled_) {
            return false;
        }
        published_.store(filled_);
        return true;
    }

    // Consumer's thread -----------------------------------------------------------------------

    // How many slots may be read.
    [[nodiscard]] std::size_t waiting() const noexcept {
        return published_.load(std::memory_order_acquire) - read_;
    }
    // Whether there are any, in the total order that the sleeper needs.
    [[nodiscard]] bool has_waiting() const noexcept { return published_.load() != read_; }
    // The slot that has waited longest but `index`; `index` < what waiting() said.
    [[nodiscard]] T& at(std::size_t index) noexcept { return slots_[(read_ + index) & mask_]; }
    // The first `count` are read: the producer may fill them again.
    void release(std::size_t count) noexcept {
        read_ += count;
        released_.store(read_, std::memory_order_release);
    }

  private:
    static constexpr std::size_t kCacheLineLen = 64;

    // Places grow for ever; within the ring they are taken modulo its capacity.
    std::size_t mask_;
    std::unique_ptr<T[]> slots_;
    alignas(kCacheLineLen) std::size_t filled_ = 0;  // the producer's
    std::size_t released_seen_ = 0;
    alignas(kCacheLineLen) std::atomic<std::size_t> published_{0};
    alignas(kCacheLineLen) std::size_t read_ = 0;  // the consumer's
    alignas(kCacheLineLen) std::atomic<std::size_t> released_{0};
};

}  // namespace xdhcpd
