#include "daemon/disk_clock.h"

#include <sys/timex.h>
#include <time.h>

#include <algorithm>
#include <cstdlib>

#include "journal/directory.h"

namespace xdhcpd::daemon {
namespace {

constexpr std::int64_t kTolerance = 60;  // seconds that no lease is about
constexpr std::uint64_t kNsPerSecond = 1'000'000'000;

[[nodiscard]] std::int64_t seconds_of(clockid_t clock) noexcept {
    timespec time{};
    static_cast<void>(clock_gettime(clock, &time));
    return time.tv_sec;
}

[[nodiscard]] std::uint64_t nanoseconds_of(clockid_t clock) noexcept {
    timespec time{};
    static_cast<void>(clock_gettime(clock, &time));
    return static_cast<std::uint64_t>(time.tv_sec) * kNsPerSecond +
           static_cast<std::uint64_t>(time.tv_nsec);
}

}  // namespace

Result<Success, Error> DiskClock::open(const std::string& directory) {
    directory_ = directory;
    auto difference = journal::read_clock(*files_, directory);
    if (!difference) {
        return Unexpected{difference.error()};
    }
    difference_ = difference->value_or(0);
    return Success{};
}

void DiskClock::settle(std::uint64_t stamp) {
    const std::int64_t uptime = seconds_of(CLOCK_BOOTTIME);
    const std::int64_t now = std::max({seconds_of(CLOCK_REALTIME) - difference_,
                                       static_cast<std::int64_t>(stamp / kNsPerSecond), uptime});
    epoch_.store(static_cast<std::uint64_t>(now - uptime), std::memory_order_relaxed);
}

std::uint64_t DiskClock::now_ns() const noexcept {
    return epoch_.load(std::memory_order_relaxed) * kNsPerSecond + nanoseconds_of(CLOCK_BOOTTIME);
}

bool DiskClock::is_synchronised() noexcept {
    timex state{};
    const int answer = adjtimex(&state);
    return answer >= 0 && answer != TIME_ERROR;
}

Result<bool, Error> DiskClock::tick() {
    const std::int64_t difference = seconds_of(CLOCK_REALTIME) -
                                    static_cast<std::int64_t>(epoch_.load()) -
                                    seconds_of(CLOCK_BOOTTIME);
    if (std::abs(difference - difference_) <= kTolerance) {
        return false;
    }
    if (auto written = journal::write_clock(*files_, directory_, difference); !written) {
        return Unexpected{written.error()};
    }
    difference_ = difference;
    return true;
}

}  // namespace xdhcpd::daemon
