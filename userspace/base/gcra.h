// Token buckets as one number each (the generic cell rate algorithm, ITU-T I.371 annex A): the time
// at which the bucket would be full again. A bucket that nobody has taken from for long enough
// holds any time in the past, so a bucket that is forgotten is a full one. Pure; time is an
// argument.
#pragma once

#include <compare>
#include <cstdint>

namespace xdhcpd {

// One token comes every `interval` nanoseconds, and `burst` of them fit: tolerance is
// (burst - 1) * interval.
struct RateTerms {
    std::uint64_t interval = 0;   // ns; 0: no limit
    std::uint64_t tolerance = 0;  // ns

    [[nodiscard]] constexpr bool limited() const noexcept { return interval != 0; }
    auto operator<=>(const RateTerms&) const = default;
};

// A bucket that would not be full again for twice the time that an empty one takes and this much
// more was emptied under other terms: it is taken for a full one, so that nobody waits for what a
// reload has done away with. The second is far more than two CPUs' clocks differ.
inline constexpr std::uint64_t kStaleBucketSlack = 1'000'000'000;

// Takes a token at `now` (ns, at most 2^63) out of the bucket whose state is `full_at`; false, and
// nothing changes, if there is none. `terms` are limited, and their sum is at most 2^62.
[[nodiscard]] constexpr bool take_token(std::uint64_t& full_at, std::uint64_t now,
                                        const RateTerms& terms) noexcept {
    const std::uint64_t stale = 2 * (terms.tolerance + terms.interval) + kStaleBucketSlack;
    std::uint64_t from = full_at;
    if (from < now || from - now > stale) {
        from = now;
    }
    if (from - now > terms.tolerance) {
        return false;
    }
    full_at = from + terms.interval;
    return true;
}

}  // namespace xdhcpd
