#include "engine/v6/ra_schedule.h"

#include <algorithm>
#include <span>

namespace xdhcpd::engine::v6 {

using std::chrono::milliseconds;

RaSchedule::RaSchedule(std::uint32_t min_interval, std::uint32_t max_interval, BootTime now,
                       std::uint64_t seed) noexcept
    : min_interval_{min_interval},
      max_interval_{std::max(min_interval, max_interval)},
      multicast_at_{now},
      due_at_{now},
      random_{seed} {}

BootTime::duration RaSchedule::random_delay() noexcept {
    return milliseconds{random_.below(static_cast<std::uint32_t>(kMaxDelay.count()) + 1)};
}

// RFC 4861 section 6.2.4: evenly between the two; the first few not later than 16 s.
BootTime::duration RaSchedule::random_interval() noexcept {
    const std::uint32_t span = (max_interval_ - min_interval_) * 1000;
    const BootTime::duration interval =
        seconds{min_interval_} + milliseconds{random_.below(span + 1)};
    return initial_left_ > 0 ? std::min<BootTime::duration>(interval, kMaxInitialInterval)
                             : interval;
}

BootTime RaSchedule::spaced(BootTime at) const noexcept {
    return last_multicast_ ? std::max(at, *last_multicast_ + kMinSpacing) : at;
}

void RaSchedule::bring_forward(BootTime at) noexcept {
    multicast_at_ = std::min(multicast_at_, at);
    due_at_ = std::min(due_at_, multicast_at_);
}

void RaSchedule::solicit(const Ipv6& source, Mac mac, bool by_unicast, BootTime now) noexcept {
    const BootTime::duration delay = random_delay();
    // Within kMinSpacing of a multicast the delay counts from its end.
    const BootTime multicast_at = spaced(now) + delay;
    if (!by_unicast || source.is_unspecified()) {
        bring_forward(multicast_at);
        return;
    }
    const BootTime at = now + delay;
    if (multicast_at_ <= at) {
        return;  // answers this one too
    }
    const std::span waiting = std::span{waiting_}.first(waiting_count_);
    if (std::any_of(waiting.begin(), waiting.end(),
                    [&](const Waiting& one) { return one.source == source; })) {
        return;
    }
    if (waiting_count_ == kMaxWaiting) {
        bring_forward(multicast_at);
        return;
    }
    waiting_[waiting_count_++] = {source, mac, at};
    due_at_ = std::min(due_at_, at);
}

void RaSchedule::restart(std::uint32_t min_interval, std::uint32_t max_interval,
                         BootTime now) noexcept {
    min_interval_ = min_interval;
    max_interval_ = std::max(min_interval, max_interval);
    initial_left_ = kMaxInitialCount;
    multicast_at_ = spaced(now);
    find_due();
}

std::optional<RaSchedule::Due> RaSchedule::next(BootTime now) noexcept {
    if (due_at_ > now) {
        return std::nullopt;
    }
    return multicast_at_ <= now ? send_to_all(now) : send_to_first();
}

RaSchedule::Due RaSchedule::send_to_all(BootTime now) noexcept {
    waiting_count_ = 0;
    last_multicast_ = now;
    initial_left_ -= initial_left_ > 0 ? 1 : 0;
    multicast_at_ = spaced(now + random_interval());
    find_due();
    return {std::nullopt, kAllNodes.multicast_mac()};
}

RaSchedule::Due RaSchedule::send_to_first() noexcept {
    Waiting* const end = waiting_.data() + waiting_count_;
    Waiting* const first = std::min_element(
        waiting_.data(), end, [](const Waiting& a, const Waiting& b) { return a.at < b.at; });
    const Due due{first->source, first->mac};
    *first = *(end - 1);
    --waiting_count_;
    find_due();
    return due;
}

void RaSchedule::find_due() noexcept {
    due_at_ = multicast_at_;
    for (const Waiting& one : std::span{waiting_}.first(waiting_count_)) {
        due_at_ = std::min(due_at_, one.at);
    }
}

}  // namespace xdhcpd::engine::v6
