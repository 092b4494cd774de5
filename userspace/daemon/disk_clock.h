// DiskClock: the time that leases on disk are told in. It goes on from what the files say, so that
// a wall clock that was wrong, or is stepped while the server runs, ends no lease before its time
// and keeps none for years. Control thread, but for what says otherwise.
//
// Disk time is Unix time as long as the clock is right. When the clock is stepped, disk time goes
// on as before, and the difference is kept in the file `clock` of the state directory.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "base/error.h"
#include "base/result.h"
#include "base/time.h"
#include "journal/file_layer.h"
#include "worker/lease_log.h"

namespace xdhcpd::daemon {

class DiskClock {
  public:
    // `files` outlives the clock.
    explicit DiskClock(journal::FileLayer& files) noexcept : files_{&files} {}

    // Reads the difference; a missing file is none, a damaged one an error that names it.
    [[nodiscard]] Result<Success, Error> open(const std::string& directory);
    // Once: now is the later of what the wall clock says and `stamp`, which is the latest disk time
    // in any file, in nanoseconds (0: none).
    void settle(std::uint64_t stamp);
    [[nodiscard]] worker::DiskTime disk_time() const noexcept {
        return worker::DiskTime{epoch_.load(std::memory_order_relaxed)};
    }
    // Disk time in nanoseconds; any thread.
    [[nodiscard]] std::uint64_t now_ns() const noexcept;
    // Whether the kernel says that somebody (NTP, PTP) keeps the wall clock right.
    [[nodiscard]] static bool is_synchronised() noexcept;
    // About once a second: keeps the difference when the wall clock was stepped by more than a
    // minute. True if it was; an error when that could not be kept, and is tried again.
    [[nodiscard]] Result<bool, Error> tick();

  private:
    journal::FileLayer* files_;
    std::string directory_;
    std::int64_t difference_ = 0;          // wall clock less disk time, seconds, as it is kept
    std::atomic<std::uint64_t> epoch_{0};  // disk time at boot, seconds
};

}  // namespace xdhcpd::daemon
