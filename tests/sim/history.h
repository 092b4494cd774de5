// History: what happened in one run, as numbers, so that a run can be compared with another and its
// end can be read. Keeps the last events and a hash of all.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace xdhcpd::sim {

using Nanoseconds = std::int64_t;  // since the run began; true time, which no clock shows
inline constexpr Nanoseconds kSecond = 1'000'000'000;

enum class What : std::uint8_t {
    kSent,       // client, message type, address asked for, xid
    kLost,       // client, message type, xid
    kArrived,    // worker, client, message type, xid
    kStep,       // worker, frames received, messages taken over, replies that left
    kReply,      // client, message type, address, lease time
    kHeard,      // client, message type, address
    kTurn,       // calls to the disk up to now
    kMerge,      // likewise
    kPassed,     // milliseconds
    kWallStep,   // seconds, as an int
    kFault,      // errno, first call, count
    kCrashDue,   // call
    kStall,      // 1 begins, 0 ends
    kNoSpace,    // likewise
    kPowerLost,  // kind of loss
    kKilled,
    kStopped,   // 1: everything was durable
    kStarted,   // workers, leases, former tenants
    kRefused,   // 1: the disk failed meanwhile
    kReloaded,  // pool sizes of three subnets
    kErased,    // address
    kImported,  // client, address, 1: done
    kAudit,     // claims that were asked for
    kRenewed,   // client, address: the audit asks
    kCount,
};

class History {
  public:
    void add(Nanoseconds time, What what, std::uint32_t a = 0, std::uint32_t b = 0,
             std::uint32_t c = 0, std::uint32_t d = 0);
    // Of all events; equal runs have equal hashes.
    [[nodiscard]] std::uint64_t hash() const noexcept { return hash_; }
    [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
    // The last `max` events, oldest first, a line each.
    [[nodiscard]] std::string text(std::size_t max) const;

  private:
    struct Event {
        Nanoseconds time = 0;
        What what{};
        std::array<std::uint32_t, 4> values{};
    };
    static constexpr std::size_t kKept = 4096;

    std::vector<Event> events_ = std::vector<Event>(kKept);  // a ring
    std::uint64_t count_ = 0;
    std::uint64_t hash_ = 0xcbf29ce484222325;
};

}  // namespace xdhcpd::sim
