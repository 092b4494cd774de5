// LeaseRecovery: gives the shards back what the journal remembers, before anything is served: each
// the clients that belong to it, however many shards there were before.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
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
    // `shards`: all of the store, by their ids; they outlive this.
    LeaseRecovery(const model::Snapshot& snapshot, std::vector<lease::Shard*> shards, DiskTime time,
                  BootSeconds now, BootSeconds grace_end)
        : snapshot_{&snapshot},
          shards_{std::move(shards)},
          time_{time},
          now_{now},
          grace_end_{grace_end},
          last_grants_(shards_.size()) {}

    // The last state of a unit; once per unit. What no subnet has is kept, should one come by a
    // reload. Of two leases of one client on one link, the one that was granted first is given
    // back: the client has moved, and what is on disk of the first only lasts until its horizon.
    void add(const journal::UnitState& state);
    // Before a snapshot with other subnets is served, on the thread of shard `shard_id`, and one
    // after the other: what was foreign, is not any more and belongs to that shard.
    void adopt(const model::Snapshot& snapshot, BootSeconds now, std::uint32_t shard_id);
    // After all of them: free units are given on behind the one that was granted last.
    void finish();

    [[nodiscard]] const RecoveryCounts& counts() const noexcept { return counts_; }

  private:
    struct LastGrant {
        std::uint64_t started = 0;
        std::uint32_t index = 0;
    };

    // A unit of a configured subnet, and whose it is.
    struct Place {
        const model::Subnet* subnet = nullptr;
        std::uint32_t index = 0;
        std::uint32_t shard_id = 0;
    };
    // Nothing if no subnet has the unit.
    [[nodiscard]] std::optional<Place> find_place(const journal::UnitState& state) const;
    void restore(const journal::UnitState& state, const Place& place);
    void keep_later_lease(lease::Shard& shard, const lease::Tenant& tenant, lease::Unit unit,
                          const model::Subnet& subnet, std::uint64_t started);
    void remember_start(const model::Subnet& subnet, std::uint32_t index, std::uint64_t started);
    [[nodiscard]] std::uint64_t started(const lease::Shard& shard, lease::Unit unit) const;

    const model::Snapshot* snapshot_;
    std::vector<lease::Shard*> shards_;
    DiskTime time_;
    BootSeconds now_;
    BootSeconds grace_end_;
    RecoveryCounts counts_;
    std::vector<std::vector<std::byte>> foreign_;  // records
    // When leases of before this boot were granted, which their records cannot say: low half of the
    // Unix seconds, by space and index. Only until all units are known.
    std::vector<std::vector<std::uint32_t>> starts_;
    std::vector<std::vector<LastGrant>>
        last_grants_;  // by shard, then by index of the subnet in the snapshot
};

}  // namespace xdhcpd::worker
