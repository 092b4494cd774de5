// What a journal is opened with, what it finds, and what it tells about itself.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/time.h"

namespace xdhcpd::journal {

enum class Durability : std::uint8_t {
    kSync,   // durable() moves after a sync
    kAsync,  // durable() moves with append(); synced every second, or when a ring fills
};

struct JournalOptions {
    std::string directory;  // made (0700) if it does not exist; its parent must
    Durability durability = Durability::kSync;
    std::uint32_t ring_count = 1;
    std::size_t ring_len = std::size_t{4} << 20;          // of each ring, bytes
    std::uint64_t segment_len = std::uint64_t{64} << 20;  // 1 MiB..1 GiB
    std::uint32_t compact_at = 4;  // so many closed segments are merged into a snapshot
    // Former tenants are forgotten so long after their lease has ended, at the next merge.
    seconds keep_former{std::chrono::hours{24 * 30}};
    // How long stop() goes on trying while the disk refuses.
    std::chrono::milliseconds stop_patience{2000};
    // The wall clock, Unix nanoseconds; called on all threads of the journal. Unset: the system's.
    std::function<std::uint64_t()> wall_clock{};
};

// What open() found.
struct Recovery {
    std::uint64_t units = 0;             // told to `visit`
    std::uint64_t leased = 0;            // of these
    std::uint64_t records = 0;           // read, superseded ones as well
    std::uint64_t wall_clock_stamp = 0;  // the latest in any file, Unix nanoseconds; 0: none
    std::uint64_t cut_len = 0;           // bytes behind the last whole group: a torn tail
    std::uint32_t segments = 0;
    bool has_snapshot = false;
    std::vector<std::string> reports;  // sentences for the log: tails cut, formats upgraded
    std::chrono::nanoseconds duration{0};
};

struct JournalHealth {
    // The disk refuses: nothing becomes durable, retried within a second.
    bool failing = false;
    int errno_value = 0;      // of the failure; 0 if it was none of a system call
    std::string problem;      // a sentence that names the file; empty: none
    std::uint64_t since = 0;  // Unix seconds since when it fails
    // Merging fails: files pile up, leases are safe. Retried within a minute.
    std::string merge_problem;  // a sentence; empty: none

    std::uint64_t undurable_states = 0;
    std::uint64_t undurable_len = 0;  // bytes
    // Since when the sync under way has been running; 0: none is. More than a second is a stall.
    std::chrono::nanoseconds sync_running{0};
    std::chrono::nanoseconds last_sync{0};  // wall time of the last one
    std::chrono::nanoseconds longest_sync{0};
    std::uint32_t segments = 0;        // closed ones and the current one
    std::uint64_t snapshot_stamp = 0;  // Unix seconds when the snapshot was made; 0: there is none
    std::uint64_t snapshot_units = 0;

    // Counters since start.
    std::uint64_t states = 0;  // written
    std::uint64_t groups = 0;
    std::uint64_t syncs = 0;
    std::uint64_t written_len = 0;  // bytes
    std::uint64_t failures = 0;     // of writes and syncs
    std::uint64_t merges = 0;
    std::uint64_t merge_failures = 0;
};

}  // namespace xdhcpd::journal
