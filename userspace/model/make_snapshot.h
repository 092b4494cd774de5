// Builds a Snapshot from configuration and host, and carries its policy into the store's bitmaps.
// Control thread only.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/hash.h"
#include "lease/store.h"
#include "model/snapshot.h"
#include "model/space_registry6.h"

namespace xdhcpd::model {

// Spaces live as long as the store; a subnet that comes back after a reload finds its space again.
class SpaceRegistry {
  public:
    explicit SpaceRegistry(lease::Store& store) : store_{store}, ipv6_{store} {}

    // The space of this subnet, made when it is new.
    [[nodiscard]] lease::SpaceId space_for(Ipv4Prefix prefix);
    // Likewise, but nothing is made: no value when it is new.
    [[nodiscard]] std::optional<lease::SpaceId> find(Ipv4Prefix prefix) const;
    // Before a snapshot is made. A space that the one before did not ask for is used again.
    void begin_snapshot() noexcept {
        ++round_;
        ipv6_.begin_snapshot();
    }
    // Spaces made or used again from now on: see lease::Space.
    void set_version_floor(std::uint32_t floor) noexcept {
        version_floor_ = floor;
        ipv6_.set_version_floor(floor);
    }
    [[nodiscard]] SpaceRegistry6& ipv6() noexcept { return ipv6_; }
    [[nodiscard]] const SpaceRegistry6& ipv6() const noexcept { return ipv6_; }
    [[nodiscard]] lease::Store& store() noexcept { return store_; }
    [[nodiscard]] const lease::Store& store() const noexcept { return store_; }
    // All spaces ever made, with their subnets.
    [[nodiscard]] const std::unordered_map<std::uint64_t, lease::SpaceId>& spaces() const noexcept {
        return spaces_;
    }

  private:
    [[nodiscard]] static std::uint64_t key_of(Ipv4Prefix prefix) noexcept;

    lease::Store& store_;
    std::uint32_t version_floor_ = 0;
    std::unordered_map<std::uint64_t, lease::SpaceId> spaces_;      // by prefix
    std::unordered_map<std::uint16_t, std::uint64_t> last_rounds_;  // by space: last asked for
    std::uint64_t round_ = 0;
    SpaceRegistry6 ipv6_;
};

struct SnapshotResult {
    std::unique_ptr<Snapshot> snapshot;
    std::vector<std::string> warnings;  // interface without subnet, subnet that nothing serves, ...
};

// `configuration` has been checked by config/. Interfaces that the host lacks are warned of and
// left out. A reservation of an address that belongs to a router, a relay or this host keeps its
// options and loses the address, with a warning.
[[nodiscard]] SnapshotResult make_snapshot(const Configuration& configuration,
                                           const HostState& host, SpaceRegistry& registry,
                                           HashKey hash_key, std::uint32_t generation);

// Sets `allowed` of every unit of every space to what the snapshot says: in a pool, not excluded,
// not reserved, not network, broadcast, router, relay, local or server address. Spaces of subnets
// that the snapshot no longer has are closed. Units whose policy does not change are not touched,
// not even for an instant. Returns whether units of IPv6 stay closed for a while: see
// apply_policy6().
bool apply_policy(const Snapshot& snapshot, const Configuration& configuration,
                  const HostState& host, SpaceRegistry& registry);

}  // namespace xdhcpd::model
