// Time in memory is CLOCK_BOOTTIME (it goes on during suspend and never steps); Unix time is for
// disks and people. Pure code takes the time as an argument; only rows above the purity line read a
// clock.
#pragma once

#include <chrono>
#include <cstdint>

namespace xdhcpd {

// Tag of the clock; it has no now() on purpose.
struct BootClock {
    using duration = std::chrono::nanoseconds;
    using rep = duration::rep;
    using period = duration::period;
    using time_point = std::chrono::time_point<BootClock, duration>;
    // NOLINTNEXTLINE(readability-identifier-naming): the standard names the members of a clock
    static constexpr bool is_steady = true;
};
using BootTime = BootClock::time_point;

using std::chrono::seconds;

// Whole seconds since boot, as records keep them. kNever is the infinite lease of RFC 2131
// section 3.3.
struct BootSeconds {
    std::uint32_t value = 0;

    static constexpr std::uint32_t kNeverValue = 0xffffffff;

    [[nodiscard]] static constexpr BootSeconds never() noexcept { return {kNeverValue}; }
    [[nodiscard]] constexpr bool is_never() const noexcept { return value == kNeverValue; }
    auto operator<=>(const BootSeconds&) const = default;
};

[[nodiscard]] constexpr BootSeconds to_boot_seconds(BootTime time) noexcept {
    return {static_cast<std::uint32_t>(
        std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count())};
}

// `start` + `length`, where an infinite length (0xffffffff) or an overflow is never.
[[nodiscard]] constexpr BootSeconds add_seconds(BootSeconds start, std::uint32_t length) noexcept {
    const std::uint64_t sum = std::uint64_t{start.value} + length;
    return sum >= BootSeconds::kNeverValue ? BootSeconds::never()
                                           : BootSeconds{static_cast<std::uint32_t>(sum)};
}

}  // namespace xdhcpd
