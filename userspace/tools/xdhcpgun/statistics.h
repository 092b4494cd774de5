// What a run counts. One thread.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/histogram.h"
#include "tools/xdhcpgun/client_table.h"
#include "tools/xdhcpgun/reply.h"

namespace xdhcpd::gun {

// Durations in microseconds, with an error of at most 1/32 (3 %), from 33 ns to 18 minutes.
class Latencies {
  public:
    void record(Time duration) noexcept { histogram_.record(duration); }
    [[nodiscard]] std::uint64_t count() const noexcept { return histogram_.count(); }
    [[nodiscard]] double max_us() const noexcept { return to_us(histogram_.max_ns()); }
    [[nodiscard]] double mean_us() const noexcept {
        return count() == 0
                   ? 0
                   : static_cast<double>(histogram_.sum_ns()) / static_cast<double>(count()) / 1e3;
    }
    // The duration that a share (0..1) of all does not exceed: the upper end of its bucket, at most
    // max_us(). 0 without any.
    [[nodiscard]] double quantile_us(double share) const noexcept {
        if (count() == 0 || share >= 1) {
            return max_us();
        }
        return std::min(to_us(histogram_.quantile_ns(share) - 1), max_us());
    }

  private:
    [[nodiscard]] static double to_us(std::uint64_t ns) noexcept {
        return static_cast<double>(ns) / 1e3;
    }

    Histogram<5, 5, 36> histogram_;
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

// Everything, at the end of a run; lives as long as what has counted it.
struct Results {
    const ExchangeCounts& exchanges;
    const FrameCounts& frames;
    const StormCounts& storm;
    const VerifyCounts& verify;
    std::uint64_t leases_held = 0;
    Time measured_for{};
    Time behind_schedule{};  // open loop: how far the generator was behind it at worst
};

}  // namespace xdhcpd::gun
