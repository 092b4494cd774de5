// LeaseRecovery: gives a shard back what the journal remembers, before anything is served.
#pragma once

#include <cstdint>
#include <vector>

#include "base/time.h"
#include "journal/codec/unit_state.h"
#include "lease/shard.h"
#include "model/snapshot.h"
#include "worker/lease_log.h"

namespace xdhcpd::worker {

struct RecoveryCounts {
    std::uint64_t leases = 0;
    std::uint64_t declined = 0;
    std::uint64_t former = 0;   // tenants of released or expired leases, who get theirs again
    std::uint64_t foreign = 0;  // units of no configured subnet: left on disk as they are
    std::uint64_t refused = 0;  // found no memory; limits count for new leases only
};

class LeaseRecovery {
  public:
    // Leases that have ended by `now` go to former tenants at once, or, while the wall clock cannot
    // be trusted, stay theirs until `grace_end` (zero: no grace).
    LeaseRecovery(const model::Snapshot& snapshot, lease::Shard& shard, DiskTime time,
                  BootSeconds now, BootSeconds grace_end)
        : snapshot_{&snapshot}, shard_{shard}, time_{time}, now_{now}, grace_end_{grace_end} {}

    // The last state of a unit; once per unit. What no subnet has is kept, should one come by a
    // reload. Of two leases of one client on one link, the one that was granted first is given
    // back: the client has moved, and what is on disk of the first only lasts until its horizon.
    void add(const journal::UnitState& state);
    // Before a snapshot with other subnets is served, on the shard's thread: what was foreign and
    // is not any more.
    void adopt(const model::Snapshot& snapshot, BootSeconds now);
    // After all of them: free units are given on behind the one that was granted last.
    void finish();

    [[nodiscard]] const RecoveryCounts& counts() const noexcept { return counts_; }

  private:
    struct LastGrant {
        std::uint64_t started = 0;
        std::uint32_t index = 0;
    };

    [[nodiscard]] bool restore(const journal::UnitState& state);
    void keep_later_lease(const lease::Tenant& tenant, lease::Unit unit,
                          const model::Subnet& subnet, std::uint64_t started);
    void remember_start(const model::Subnet& subnet, std::uint32_t index, std::uint64_t started);
    [[nodiscard]] std::uint64_t started(lease::Unit unit) const;

    const model::Snapshot* snapshot_;
    lease::Shard& shard_;
    DiskTime time_;
    BootSeconds now_;
    BootSeconds grace_end_;
    RecoveryCounts counts_;
    std::vector<std::vector<std::byte>> foreign_;  // records
    std::vector<LastGrant> last_grants_;           // by index of the subnet in the snapshot
    // When leases of before this boot were granted, which their records cannot say: low half of the
    // Unix seconds, by space and index. Only until all units are known.
    std::vector<std::vector<std::uint32_t>> starts_;
};

}  // namespace xdhcpd::worker
