// What a run counts. One thread.
#pragma once

#include <array>
#include <bit>
#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "tools/xdhcpgun/client_table.h"
#include "tools/xdhcpgun/reply.h"

namespace xdhcpd::gun {

// Durations with an error of at most 1/32 (3 %), from 1 ns to 18 minutes.
class Latencies {
  public:
    void record(Time duration) noexcept {
        const auto ns = static_cast<std::uint64_t>(std::max<std::int64_t>(duration.count(), 0));
        ++buckets_[bucket_of(ns)];
        sum_ns_ += ns;
        ++count_;
        max_ns_ = std::max(max_ns_, ns);
    }
    [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
    [[nodiscard]] double max_us() const noexcept { return static_cast<double>(max_ns_) / 1e3; }
    [[nodiscard]] double mean_us() const noexcept {
        return count_ == 0 ? 0 : static_cast<double>(sum_ns_) / static_cast<double>(count_) / 1e3;
    }
    // The duration that a share (0..1) of all does not exceed: the upper end of its bucket, at most
    // max_us(). 0 without any.
    [[nodiscard]] double quantile_us(double share) const noexcept {
        const auto wanted = static_cast<std::uint64_t>(share * static_cast<double>(count_));
        std::uint64_t seen = 0;
        for (std::size_t i = 0; i < buckets_.size(); ++i) {
            seen += buckets_[i];
            if (seen > wanted) {
                return std::min(static_cast<double>(upper_bound(i)) / 1e3, max_us());
            }
        }
        return max_us();
    }

  private:
    static constexpr std::size_t kPartBits = 5;
    static constexpr std::size_t kParts = std::size_t{1} << kPartBits;
    static constexpr std::size_t kOctaves = 36;  // above kPartBits

    [[nodiscard]] static std::size_t bucket_of(std::uint64_t ns) noexcept {
        if (ns < kParts) {
            return static_cast<std::size_t>(ns);
        }
        const auto shift = static_cast<std::size_t>(std::bit_width(ns)) - 1 - kPartBits;
        const std::size_t octave = std::min(shift, kOctaves - 1);
        const std::size_t part =
            shift >= kOctaves ? kParts - 1 : static_cast<std::size_t>(ns >> shift) - kParts;
        return (octave + 1) * kParts + part;
    }
    [[nodiscard]] static std::uint64_t upper_bound(std::size_t bucket) noexcept {
        if (bucket < kParts) {
            return bucket;
        }
        const std::size_t octave = bucket / kParts - 1;
        return ((kParts + bucket % kParts + 1) << octave) - 1;
    }

    std::array<std::uint64_t, (kOctaves + 1) * kParts> buckets_{};
    std::uint64_t sum_ns_ = 0;
    std::uint64_t count_ = 0;
    std::uint64_t max_ns_ = 0;
};

// Of the measured exchanges.
struct ExchangeCounts {
    std::uint64_t started = 0;
    std::uint64_t completed = 0;
    std::uint64_t completed_in_time = 0;  // before the measurement's end
    std::uint64_t lost = 0;
    std::uint64_t refused = 0;  // ended by a NAK
    Latencies offer;
    Latencies ack;
    Latencies exchange;
};

// Of the whole run, preparation and warm-up included, so that sums can be compared with others'.
struct FrameCounts {
    std::uint64_t sent = 0;
    std::uint64_t received = 0;
    std::uint64_t arp_requests = 0;
    std::uint64_t arp_answers = 0;
    std::uint64_t timeouts = 0;
    std::uint64_t retransmissions = 0;
    std::uint64_t naks = 0;
    std::uint64_t duplicate_replies = 0;
    std::uint64_t late_replies = 0;
    std::uint64_t given_twice = 0;
    std::uint64_t clients_busy = 0;  // open loop: no client was free when one was due
    std::array<std::uint64_t, static_cast<std::size_t>(BadReply::kCount)> invalid{};

    [[nodiscard]] std::uint64_t invalid_total() const noexcept {
        std::uint64_t sum = 0;
        for (const std::uint64_t count : invalid) {
            sum += count;
        }
        return sum;
    }
};

// One second of a storm.
struct StormSecond {
    std::uint64_t leases = 0;  // clients that hold one at its end
    std::uint64_t sent = 0;    // within it
    std::uint64_t received = 0;
    std::uint64_t retransmissions = 0;
};

struct StormCounts {
    // When that share of the clients held a lease.
    static constexpr std::array<double, 4> kShares{0.5, 0.9, 0.99, 1.0};
    std::array<std::optional<Time>, kShares.size()> reached{};
    std::uint64_t leases = 0;
    std::vector<StormSecond> curve;
};

struct VerifyCounts {
    std::uint64_t asked = 0;
    std::uint64_t same = 0;
    std::uint64_t refused = 0;
    std::uint64_t silent = 0;
    std::uint64_t other_address = 0;
    std::uint64_t expired = 0;  // not asked: the lease had ended
};

}  // namespace xdhcpd::gun
