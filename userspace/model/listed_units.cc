#include "model/listed_units.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>
#include <vector>

#include "base/wide.h"
#include "model/address_intervals.h"
#include "model/reserved_identifiers.h"

namespace xdhcpd::model {
namespace {

using lease::SpaceKind;

class ListedPolicy {
  public:
    ListedPolicy(const Snapshot6& snapshot, const Configuration& configuration,
                 SpaceRegistry6& registry)
        : snapshot_{snapshot}, registry_{registry} {
        find_pools();
        close_addresses(configuration);
        close_prefixes();
        for (AddressIntervals& closed : closed_) {
            closed.settle();
        }
    }

    void apply(const What6& what, lease::Unit unit) const {
        lease::Space& space = registry_.store().space_of(unit);
        lease::UnitBitmap& bitmap = space.bitmap();
        const std::uint32_t index = space.index_of(unit);
        if (!may_be_let(what)) {
            bitmap.forbid({index, index});
            return;
        }
        // Where a pool has a unit for it, only who has this one keeps it. What is closed first and
        // free then stays free.
        const bool is_home = registry_.find_unit(what.kind, what.prefix) == unit;
        if (!is_home && !bitmap.taken(index)) {
            bitmap.forbid({index, index});
        }
        if (is_home || bitmap.taken(index)) {
            bitmap.allow({index, index});
        }
    }

  private:
    [[nodiscard]] AddressIntervals& closed(SpaceKind kind) {
        return closed_[kind == SpaceKind::kIpv6Prefix ? 1 : 0];
    }

    void find_pools() {
        pools_.resize(registry_.store().space_limit());
        for (const Subnet6& subnet : snapshot_.subnets) {
            for (const auto* const pools : {&subnet.pools, &subnet.prefix_pools}) {
                for (const Pool6& pool : *pools) {
                    pools_[pool.space.value] = true;
                }
            }
            for (const Pool6& pool : subnet.prefix_pools) {
                prefix_pools_.emplace_back(pool.first, pool.last);
            }
        }
        std::sort(prefix_pools_.begin(), prefix_pools_.end());
    }

    void close_common(AddressIntervals& closed) const {
        for (const Ipv6& address : snapshot_.local_addresses()) {
            closed.add(address);
        }
        for (const Subnet6& subnet : snapshot_.subnets) {
            for (const Ipv6& relay : subnet.relays) {
                closed.add(relay);
            }
        }
    }

    void close_addresses(const Configuration& configuration) {
        AddressIntervals& closed = this->closed(SpaceKind::kIpv6Address);
        close_common(closed);
        for (const Subnet6& subnet : snapshot_.subnets) {
            closed.add(subnet.prefix.network());  // RFC 4291 section 2.6.1
            if (subnet.prefix.length != kIdentifierBits) {
                continue;
            }
            const Wide network = to_wide(subnet.prefix.network());
            for (const IdentifierRange& range : kReservedIdentifiers) {
                closed.add(to_ipv6(network | range.first), to_ipv6(network | range.last));
            }
        }
        for (const Subnet6Configuration& subnet : configuration.dhcp6.subnets) {
            for (const Pool6Configuration& excluded : subnet.excluded) {
                closed.add(excluded.first, excluded.last);
            }
        }
        for (const Reservation6& reservation : snapshot_.reservations) {
            for (const ReservedUnit& reserved : reservation.addresses) {
                closed.add(reserved.prefix);
            }
        }
    }

    void close_prefixes() {
        AddressIntervals& closed = this->closed(SpaceKind::kIpv6Prefix);
        close_common(closed);
        for (const Subnet6& subnet : snapshot_.subnets) {
            close_network(subnet.prefix);
            for (const Pool6& pool : subnet.pools) {
                closed.add(pool.first, pool.last);
            }
        }
        for (const Advertisement& advertisement : snapshot_.advertisements) {
            for (const AdvertisedPrefixConfiguration& each : advertisement.configuration.prefixes) {
                close_network(each.prefix);
            }
        }
        for (const Reservation6& reservation : snapshot_.reservations) {
            for (const ReservedUnit& reserved : reservation.prefixes) {
                closed.add(reserved.prefix);
            }
        }
    }

    // A network that hosts are on; not where the operator delegates parts of it.
    void close_network(const Ipv6Prefix& network) {
        const auto within = std::lower_bound(
            prefix_pools_.begin(), prefix_pools_.end(), network.network(),
            [](const auto& pool, const Ipv6& first) { return pool.first < first; });
        if (within == prefix_pools_.end() || within->second > network.last()) {
            closed(SpaceKind::kIpv6Prefix).add(network);
        }
    }

    [[nodiscard]] bool may_be_let(const What6& what) const {
        const auto range = registry_.find_range(what.kind, what.prefix);
        return range && range->value < pools_.size() && pools_[range->value] &&
               !closed_[what.kind == SpaceKind::kIpv6Prefix ? 1 : 0].meets(what.prefix);
    }

    const Snapshot6& snapshot_;
    SpaceRegistry6& registry_;
    std::vector<bool> pools_;                          // by space: a pool of the snapshot
    std::vector<std::pair<Ipv6, Ipv6>> prefix_pools_;  // first and last addresses, sorted
    std::array<AddressIntervals, 2> closed_;           // for addresses, for prefixes
};

}  // namespace

void apply_listed_policy6(const Snapshot6& snapshot, const Configuration& configuration,
                          SpaceRegistry6& registry) {
    if (registry.listed().empty()) {
        return;
    }
    const ListedPolicy policy{snapshot, configuration, registry};
    for (const auto& [what, unit] : registry.listed()) {
        policy.apply(what, unit);
    }
}

void apply_listed_policy6(const Snapshot6& snapshot, const Configuration& configuration,
                          SpaceRegistry6& registry, std::span<const What6> wanted_units) {
    const ListedPolicy policy{snapshot, configuration, registry};
    for (const What6& what : wanted_units) {
        if (const auto found = registry.listed().find(what); found != registry.listed().end()) {
            policy.apply(what, found->second);
        }
    }
}

}  // namespace xdhcpd::model
