// Counters with one writer and any number of readers: plain loads and stores, no locked
// instruction.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace xdhcpd {

// A counter or gauge that exactly one thread changes; any thread may read.
class Counter {
  public:
    void add(std::uint64_t amount = 1) noexcept {
        value_.store(value_.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
    }
    void set(std::uint64_t value) noexcept { value_.store(value, std::memory_order_relaxed); }
    [[nodiscard]] std::uint64_t value() const noexcept {
        return value_.load(std::memory_order_relaxed);
    }

  private:
    std::atomic<std::uint64_t> value_{0};
};

// One counter per enumerator; the enum ends with kCount, which is not a value.
template <typename Enum>
class EnumCounters {
  public:
    static constexpr std::size_t kSize = static_cast<std::size_t>(Enum::kCount);

    Counter& operator[](Enum which) noexcept { return counters_[static_cast<std::size_t>(which)]; }
    const Counter& operator[](Enum which) const noexcept {
        return counters_[static_cast<std::size_t>(which)];
    }
    [[nodiscard]] std::uint64_t total() const noexcept {
        std::uint64_t sum = 0;
        for (const Counter& counter : counters_) {
            sum += counter.value();
        }
        return sum;
    }

  private:
    std::array<Counter, kSize> counters_{};
};

}  // namespace xdhcpd
