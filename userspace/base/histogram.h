// Histogram: durations in buckets of equal parts of an octave. One writer, any readers.
#pragma once

#include <array>
#include <bit>
#include <chrono>
#include <cstdint>

#include "base/counters.h"

namespace xdhcpd {

// 2^part_bits buckets per octave, from 2^first_bit ns on; what is shorter is in the first bucket,
// what is longer than all octaves in the last.
template <std::size_t part_bits, std::size_t first_bit, std::size_t octaves>
class Histogram {
    static_assert(part_bits <= first_bit && first_bit + octaves < 64);

  public:
    static constexpr std::size_t kPerOctave = std::size_t{1} << part_bits;
    static constexpr std::size_t kFirstBit = first_bit;
    static constexpr std::size_t kOctaves = octaves;
    static constexpr std::size_t kBuckets = kOctaves * kPerOctave;

    // Adds `count` observations of the same duration; negative counts as zero.
    void record(std::chrono::nanoseconds duration, std::uint64_t count = 1) noexcept {
        const std::uint64_t ns =
            duration.count() < 0 ? 0 : static_cast<std::uint64_t>(duration.count());
        buckets_[bucket_of(ns)].add(count);
        sum_ns_.add(ns * count);
        count_.add(count);
        if (ns > max_ns_.value()) {
            max_ns_.set(ns);
        }
    }

    [[nodiscard]] std::uint64_t count() const noexcept { return count_.value(); }
    [[nodiscard]] std::uint64_t sum_ns() const noexcept { return sum_ns_.value(); }
    [[nodiscard]] std::uint64_t max_ns() const noexcept { return max_ns_.value(); }
    [[nodiscard]] std::uint64_t bucket(std::size_t index) const noexcept {
        return buckets_[index].value();
    }
    // Durations of bucket `index` are below this, in nanoseconds.
    [[nodiscard]] static std::uint64_t upper_bound_ns(std::size_t index) noexcept {
        const std::size_t octave = index / kPerOctave;
        const std::size_t part = index % kPerOctave + 1;
        return (std::uint64_t{1} << (kFirstBit + octave)) / kPerOctave * (kPerOctave + part);
    }
    // The upper bound of the bucket in which the given share (0..1) of observations lies; 0 without
    // any.
    [[nodiscard]] std::uint64_t quantile_ns(double share) const noexcept {
        const std::uint64_t total = count();
        const auto wanted = static_cast<std::uint64_t>(share * static_cast<double>(total));
        std::uint64_t seen = 0;
        for (std::size_t i = 0; i < kBuckets; ++i) {
            seen += bucket(i);
            if (seen > wanted) {
                return upper_bound_ns(i);
            }
        }
        return total == 0 ? 0 : max_ns();
    }

  private:
    [[nodiscard]] static std::size_t bucket_of(std::uint64_t ns) noexcept {
        if (ns < (std::uint64_t{1} << kFirstBit)) {
            return 0;
        }
        const auto bit = static_cast<std::size_t>(std::bit_width(ns)) - 1;
        const std::size_t octave = bit - kFirstBit;
        if (octave >= kOctaves) {
            return kBuckets - 1;
        }
        return octave * kPerOctave +
               static_cast<std::size_t>((ns >> (bit - part_bits)) & (kPerOctave - 1));
    }

    std::array<Counter, kBuckets> buckets_{};
    Counter sum_ns_;
    Counter count_;
    Counter max_ns_;
};

// Quarters of an octave, from 64 ns to 2^37 ns, 137 s.
using LatencyHistogram = Histogram<2, 6, 31>;

}  // namespace xdhcpd
