// RaSchedule: when Router Advertisements of one link are due (RFC 4861 sections 6.2.4 to 6.2.6).
// Pure: time and chance come from outside. One thread.
//
// Multicasts are kMinSpacing apart, whatever is solicited. Who asked and is answered by unicast
// waits kMaxDelay at most, and never longer than the next multicast, which answers everybody. A
// flood of solicitations costs kMaxWaiting unicasts per kMaxDelay, and a multicast per kMinSpacing.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/addresses.h"
#include "base/random.h"
#include "base/time.h"

namespace xdhcpd::engine::v6 {

inline constexpr std::chrono::seconds kMaxInitialInterval{16};  // MAX_INITIAL_RTR_ADVERT_INTERVAL
inline constexpr std::uint32_t kMaxInitialCount = 3;            // MAX_INITIAL_RTR_ADVERTISEMENTS
inline constexpr std::chrono::seconds kMinSpacing{3};           // MIN_DELAY_BETWEEN_RAS
inline constexpr std::chrono::milliseconds kMaxDelay{500};      // MAX_RA_DELAY_TIME

class RaSchedule {
  public:
    // Something to send: to all nodes, or to one who asked.
    struct Due {
        std::optional<Ipv6> to;  // none: all nodes
        Mac mac;                 // of `to`
    };
    // Who may wait for an answer by unicast at a time; more are answered by the next multicast,
    // which comes forward.
    static constexpr std::size_t kMaxWaiting = 64;

    // Begins with the initial advertisements, the first at once. Intervals are in seconds, 3..1800
    // with min <= max. `seed` is random.
    RaSchedule(std::uint32_t min_interval, std::uint32_t max_interval, BootTime now,
               std::uint64_t seed) noexcept;

    // A valid Router Solicitation arrived from `source` at `mac`. From the unspecified address, or
    // with `by_unicast` false: the next multicast comes forward (RFC 4861 section 6.2.6). Equal
    // askers are answered once, by the time of the first.
    void solicit(const Ipv6& source, Mac mac, bool by_unicast, BootTime now) noexcept;
    // What is advertised has changed, or what was due could not be sent: as at the beginning, but
    // kMinSpacing after the last multicast (section 6.2.4).
    void restart(std::uint32_t min_interval, std::uint32_t max_interval, BootTime now) noexcept;

    // When next() has something. Cheap.
    [[nodiscard]] BootTime due_at() const noexcept { return due_at_; }
    // One thing that is due, until there is none. What is returned counts as sent.
    [[nodiscard]] std::optional<Due> next(BootTime now) noexcept;

  private:
    struct Waiting {
        Ipv6 source;
        Mac mac;
        BootTime at;
    };
    [[nodiscard]] BootTime::duration random_delay() noexcept;
    [[nodiscard]] BootTime::duration random_interval() noexcept;
    // `at`, or when spacing lets a multicast leave.
    [[nodiscard]] BootTime spaced(BootTime at) const noexcept;
    void bring_forward(BootTime at) noexcept;
    [[nodiscard]] Due send_to_all(BootTime now) noexcept;
    [[nodiscard]] Due send_to_first() noexcept;
    void find_due() noexcept;

    std::uint32_t min_interval_;
    std::uint32_t max_interval_;
    BootTime multicast_at_;
    std::optional<BootTime> last_multicast_;
    std::uint32_t initial_left_ = kMaxInitialCount;  // of those that are sent faster
    std::array<Waiting, kMaxWaiting> waiting_{};     // the first waiting_count_, in no order
    std::size_t waiting_count_ = 0;
    BootTime due_at_;  // the earliest of all
    Random random_;
};

}  // namespace xdhcpd::engine::v6
