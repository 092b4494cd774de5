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
#include "model/space_registry6.h"
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
    // `shards`: all of the store, by their ids. They and `registry`, which made the snapshot's
    // spaces of IPv6, outlive this.
    LeaseRecovery(const model::Snapshot& snapshot, model::SpaceRegistry6& registry,
                  std::vector<lease::Shard*> shards, DiskTime time, BootSeconds now,
                  BootSeconds grace_end);

    // The last state of a unit; once per unit. What no subnet has is kept, should one come by a
    // reload. Of two leases of one client on one link, the one that was granted first is given
    // back: the client has moved, and what is on disk of the first only lasts until its horizon.
    //
    // A lease of IPv6 in a configured range that has no unit for it (beyond the window of the
    // store, or of another prefix length) gets a listed one: if registry.listed() has grown,
    // snapshot and policy must be made anew before anybody is served.
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

    // A link of the snapshot's, of one family.
    struct LinkId {
        bool is_ipv6 = false;
        std::uint32_t index = 0;
        bool operator==(const LinkId&) const = default;
    };
    // A unit of a configured subnet, and whose it is.
    struct Place {
        lease::Unit unit;
        LinkId link;
        std::uint32_t shard_id = 0;
    };
    // A prefix pool of the snapshot.
    struct PrefixPool {
        Ipv6 first;
        Ipv6 last;
        const model::Subnet6* subnet = nullptr;
    };
    void use(const model::Snapshot& snapshot, BootSeconds now);
    [[nodiscard]] const lease::Store& store() const noexcept { return shards_.front()->store(); }
    // Nothing if no subnet has the unit, or if it belongs to another shard than `only`.
    [[nodiscard]] std::optional<Place> find_place(const journal::UnitState& state,
                                                  std::optional<std::uint32_t> only);
    [[nodiscard]] std::optional<lease::Unit> find_unit4(const journal::UnitKey& key) const;
    // A listed one is made for what is held.
    [[nodiscard]] std::optional<lease::Unit> find_unit6(const journal::UnitState& state);
    [[nodiscard]] const model::Subnet6* find_subnet6(const model::What6& what) const;
    // Nothing if the snapshot has no subnet for it.
    [[nodiscard]] std::optional<LinkId> link_of(lease::Unit unit) const;
    // Whether somebody has the unit, or nobody may.
    [[nodiscard]] bool is_held(const journal::UnitState& state) const;
    void restore(const journal::UnitState& state, const Place& place);
    void keep_later_lease(lease::Shard& shard, const lease::Tenant& tenant, const Place& place,
                          std::uint64_t started);
    void remember_start(lease::Unit unit, std::uint64_t started);
    void go_on_behind(std::size_t shard_id, lease::SpaceId space, lease::UnitRange pool);
    [[nodiscard]] std::uint64_t started(const lease::Shard& shard, lease::Unit unit) const;

    const model::Snapshot* snapshot_ = nullptr;
    model::SpaceRegistry6& registry_;
    std::vector<lease::Shard*> shards_;
    DiskTime time_;
    BootSeconds now_;
    BootSeconds grace_end_;
    std::vector<PrefixPool> prefix_pools_;  // by first address; they do not overlap
    RecoveryCounts counts_;
    std::vector<std::vector<std::byte>> foreign_;  // records
    // When leases of before this boot were granted, which their records cannot say: low half of the
    // Unix seconds, by space and index. Only until all units are known.
    std::vector<std::vector<std::uint32_t>> starts_;
    std::vector<std::vector<LastGrant>> last_grants_;  // by shard, then by space
};

}  // namespace xdhcpd::worker
