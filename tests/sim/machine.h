// Machine: what outlives the server: true time, the clocks that show it badly, and the disk.
#pragma once

#include <cstdint>

#include "base/time.h"
#include "sim/history.h"
#include "support/faulty_files.h"
#include "worker/lease_log.h"

namespace xdhcpd::sim {

class Machine {
  public:
    journal::FaultyFiles files;

    [[nodiscard]] Nanoseconds now() const noexcept { return now_; }
    void pass(Nanoseconds time) noexcept { now_ += time; }
    // The power was off for so long; the boot clock begins again.
    void reboot(Nanoseconds off) noexcept {
        now_ += off;
        booted_ = now_ - 5 * kSecond;
    }
    void step_wall_clock(std::int64_t seconds) noexcept { wall_offset_ += seconds; }

    // CLOCK_BOOTTIME.
    [[nodiscard]] BootTime boot_time() const noexcept {
        return BootTime{std::chrono::nanoseconds{now_ - booted_}};
    }

    // The time of leases on disk, by the rules of daemon/disk_clock.h.
    void settle(std::uint64_t stamp) noexcept;
    void tick() noexcept;
    [[nodiscard]] worker::DiskTime disk_time() const noexcept { return worker::DiskTime{epoch_}; }
    [[nodiscard]] std::uint64_t disk_now_ns() const noexcept;

  private:
    static constexpr std::int64_t kWallStart = 1'700'000'000;
    static constexpr std::int64_t kTolerance = 60;

    [[nodiscard]] std::int64_t wall() const noexcept {
        return kWallStart + wall_offset_ + now_ / kSecond;
    }
    [[nodiscard]] std::int64_t uptime() const noexcept { return (now_ - booted_) / kSecond; }

    Nanoseconds now_ = 0;
    Nanoseconds booted_ = -1000 * kSecond;
    std::int64_t wall_offset_ = 0;
    std::int64_t difference_ = 0;  // on disk
    std::uint64_t epoch_ = 0;
};

}  // namespace xdhcpd::sim
