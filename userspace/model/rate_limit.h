// RateLimit: how many messages per second somebody may send (interfaces[].rate-limit), as the
// operator wrote it. Plain values.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>

#include "base/gcra.h"

namespace xdhcpd::model {

// `count` messages per `period` seconds (1, 60 or 3600) in the long run, `burst` of them at once.
// All at least 1, with the bounds of RateLimit::kMax...: terms() fit what take_token() wants.
struct RateLimit {
    static constexpr std::uint32_t kMaxCount = 10'000'000;
    static constexpr std::uint32_t kMaxBurst = 1'000'000;
    static constexpr std::uint32_t kMaxPeriod = 3600;

    std::uint32_t count = 0;
    std::uint32_t period = 1;
    std::uint32_t burst = 0;

    [[nodiscard]] constexpr RateTerms terms() const noexcept {
        constexpr std::uint64_t kSecond = 1'000'000'000;
        const std::uint64_t interval = period * kSecond / count;
        return {interval, (burst - 1) * interval};
    }
    auto operator<=>(const RateLimit&) const = default;
};
static_assert(RateLimit{1, RateLimit::kMaxPeriod, RateLimit::kMaxBurst}.terms().tolerance <
              std::uint64_t{1} << 62);
static_assert(RateLimit{RateLimit::kMaxCount, 1, 1}.terms().interval > 0);

// The burst of a limit that names none: what may come within two seconds, and at least two tries
// of a client that starts (DISCOVER, REQUEST) with one retransmission of each.
[[nodiscard]] constexpr std::uint32_t default_burst(std::uint32_t count,
                                                    std::uint32_t period) noexcept {
    constexpr std::uint32_t kMinBurst = 8;
    const std::uint32_t two_seconds = 2 * (count / period);
    return two_seconds < kMinBurst              ? kMinBurst
           : two_seconds > RateLimit::kMaxBurst ? RateLimit::kMaxBurst
                                                : two_seconds;
}

// interfaces[].rate-limit: what is not there is not limited. Whom each one counts:
// engine/rate_limiter.h.
struct RateLimits {
    std::optional<RateLimit> per_client;
    std::optional<RateLimit> per_relay;
    std::optional<RateLimit> per_link;

    [[nodiscard]] bool any() const noexcept { return per_client || per_relay || per_link; }
    auto operator<=>(const RateLimits&) const = default;
};

// "10/s (burst 20)"
[[nodiscard]] std::string to_string(const RateLimit& limit);
// "10/s (burst 20) per client, 5000/s (burst 10000) per link"; empty without a limit.
[[nodiscard]] std::string to_string(const RateLimits& limits);

}  // namespace xdhcpd::model
