#include "model/apply_policy6.h"

#include <algorithm>
#include <cstdint>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/wide.h"
#include "lease/ipv6_names.h"
#include "lease/space.h"
#include "model/listed_units.h"
#include "model/reserved_identifiers.h"
#include "model/unit_policy.h"

namespace xdhcpd::model {
namespace {

using lease::SpaceKind;

// A space that units are let from, or were.
struct Pool {
    Ipv6 first;
    Ipv6 last;
    std::uint8_t unit_length;
    lease::Space* space;
    const Subnet6* subnet;
    IndexSet units;

    [[nodiscard]] SpaceKind kind() const noexcept { return space->kind(); }
    [[nodiscard]] const lease::Ipv6Names& names() const noexcept {
        return std::as_const(*space).ipv6_names();
    }
    [[nodiscard]] bool overlaps(const Ipv6& other_first, const Ipv6& other_last) const noexcept {
        return first <= other_last && other_first <= last;
    }
};

// Calls `visit` with the index of every unit that has an address between the two, which may lie
// outside. As many steps as there are units there, or in all.
template <typename Visit>
void visit_units(const Pool& pool, const Ipv6& first, const Ipv6& last, Visit visit) {
    if (!pool.overlaps(first, last)) {
        return;
    }
    const unsigned shift = 128u - pool.unit_length;
    const Wide low = to_wide(std::max(first, pool.first)) >> shift;
    const Wide high = to_wide(std::min(last, pool.last)) >> shift;
    const lease::Ipv6Names& names = pool.names();
    if (high - low < pool.space->unit_count()) {
        for (Wide number = low; number <= high; ++number) {
            if (const auto index = names.find(to_ipv6(number << shift))) {
                visit(*index);
            }
        }
        return;
    }
    for (std::uint32_t index = 0; index < pool.space->unit_count(); ++index) {
        const Wide number = to_wide(names.at(index)) >> shift;
        if (low <= number && number <= high) {
            visit(index);
        }
    }
}

void remove(Pool& pool, const Ipv6& first, const Ipv6& last) {
    visit_units(pool, first, last, [&](std::uint32_t index) { pool.units.remove({index, index}); });
}
void remove(Pool& pool, const Ipv6& address) {
    remove(pool, address, address);
}

// Of a pool within one /64 the few identifiers are looked up, of others all units looked at.
void remove_reserved_identifiers(Pool& pool) {
    const Ipv6Prefix& prefix = pool.subnet->prefix;
    remove(pool, prefix.network());  // RFC 4291 section 2.6.1
    if (prefix.length > kIdentifierBits) {
        return;  // identifiers are shorter there
    }
    const std::uint64_t network = load_be64(pool.first.octets.data());
    if (network == load_be64(pool.last.octets.data())) {
        for (const IdentifierRange& range : kReservedIdentifiers) {
            remove(pool, to_ipv6(Wide{network} << kIdentifierBits | range.first),
                   to_ipv6(Wide{network} << kIdentifierBits | range.last));
        }
        return;
    }
    for (std::uint32_t index = 0; index < pool.space->unit_count(); ++index) {
        const Ipv6 address = pool.names().at(index);
        const std::uint64_t identifier = load_be64(address.octets.data() + 8);
        if (std::any_of(std::begin(kReservedIdentifiers), std::end(kReservedIdentifiers),
                        [identifier](const IdentifierRange& range) {
                            return range.first <= identifier && identifier <= range.last;
                        })) {
            pool.units.remove({index, index});
        }
    }
}

class Policy {
  public:
    Policy(const Snapshot6& snapshot, const Configuration& configuration, const HostState& host,
           SpaceRegistry6& registry)
        : snapshot_{snapshot},
          configuration_{configuration},
          registry_{registry},
          store_{registry.store()} {
        for (const HostInterface& interface : host.interfaces) {
            for (const Ipv6Prefix& address : interface.addresses6) {
                if (!address.address.is_link_local()) {
                    locals_.push_back(address.address);
                }
            }
        }
    }

    [[nodiscard]] bool apply() {
        apply_listed_policy6(snapshot_, configuration_,
                             registry_);  // before it is seen who has what
        gather_pools();
        for (std::vector<Pool>* const pools : {&current_, &former_}) {
            for (Pool& pool : *pools) {
                if (pool.kind() == SpaceKind::kIpv6Address) {
                    remove_addresses(pool);
                } else {
                    remove_prefixes(pool);
                }
            }
            remove_reserved(*pools);
        }
        const bool withheld = withhold();
        write();
        return withheld;
    }

  private:
    void gather_pools() {
        for (const Subnet6& subnet : snapshot_.subnets) {
            for (const std::vector<Pool6>* const pools : {&subnet.pools, &subnet.prefix_pools}) {
                for (const Pool6& pool : *pools) {
                    current_.push_back({pool.first,
                                        pool.last,
                                        pool.unit_length,
                                        &store_.space(pool.space),
                                        &subnet,
                                        {}});
                    current_.back().units.add(pool.units);
                    current_spaces_.insert(pool.space.value);
                }
            }
        }
        for (const auto& [range, id] : registry_.ranges()) {
            const SpaceOwner* const owner = snapshot_.find_owner(id);
            lease::Space& space = store_.space(id);
            if (owner == nullptr || is_current(space)) {
                continue;
            }
            const Subnet6& subnet = snapshot_.subnets[owner->subnet];
            Pool& former = former_.emplace_back(
                Pool{range.first, range.last(), range.unit_length, &space, &subnet, {}});
            add_held(former);
        }
    }

    [[nodiscard]] bool is_current(const lease::Space& space) const {
        return current_spaces_.contains(space.id().value);
    }

    // What is let of a former pool and lies in one of its subnet's pools.
    void add_held(Pool& former) const {
        const lease::UnitBitmap& bitmap = former.space->bitmap();
        for (std::uint32_t index = 0; index < former.space->unit_count(); ++index) {
            if (!bitmap.allowed(index) || !bitmap.taken(index)) {
                continue;
            }
            const Ipv6 address = former.names().at(index);
            if (std::any_of(current_.begin(), current_.end(), [&](const Pool& pool) {
                    return pool.kind() == former.kind() && pool.subnet == former.subnet &&
                           pool.unit_length == former.unit_length && pool.first <= address &&
                           address <= pool.last;
                })) {
                former.units.add({index, index});
            }
        }
    }

    void remove_addresses(Pool& pool) const {
        remove_reserved_identifiers(pool);
        for (const Ipv6& relay : pool.subnet->relays) {
            remove(pool, relay);
        }
        for (const Ipv6& address : locals_) {
            remove(pool, address);
        }
    }

    // What has a link of ours inside is not delegated.
    void remove_prefixes(Pool& pool) const {
        for (const Ipv6& address : locals_) {
            remove(pool, address);
        }
        const auto remove_around = [&](const Ipv6Prefix& prefix) {
            if (pool.unit_length <= prefix.length) {
                remove(pool, prefix.network());
            }
        };
        for (const Subnet6& subnet : snapshot_.subnets) {
            remove_around(subnet.prefix);
            for (const Pool6& addresses : subnet.pools) {
                remove(pool, addresses.first, addresses.last);
            }
        }
        for (const Advertisement& advertisement : snapshot_.advertisements) {
            for (const AdvertisedPrefixConfiguration& each : advertisement.configuration.prefixes) {
                remove_around(each.prefix);
            }
        }
    }

    // Addresses are reserved in their own subnet, prefixes wherever they are.
    void remove_reserved(std::vector<Pool>& pools) const {
        std::unordered_multimap<const Subnet6*, Pool*> address_pools;
        std::vector<Pool*> prefix_pools;
        for (Pool& pool : pools) {
            if (pool.kind() == SpaceKind::kIpv6Address) {
                address_pools.emplace(pool.subnet, &pool);
            } else {
                prefix_pools.push_back(&pool);
            }
        }
        for (const Subnet6Configuration& from : configuration_.dhcp6.subnets) {
            const Subnet6* const subnet = snapshot_.find_subnet(from.prefix.address);
            const auto [first, last] = address_pools.equal_range(subnet);
            for (auto at = first; at != last; ++at) {
                for (const Pool6Configuration& excluded : from.excluded) {
                    remove(*at->second, excluded.first, excluded.last);
                }
                for (const Reservation6Configuration& reservation : from.reservations) {
                    for (const Ipv6& address : reservation.addresses) {
                        remove(*at->second, address);
                    }
                }
            }
            for (const Reservation6Configuration& reservation : from.reservations) {
                for (const Ipv6Prefix& prefix : reservation.prefixes) {
                    for (Pool* const pool : prefix_pools) {
                        remove(*pool, prefix.network(), prefix.last());
                    }
                }
            }
        }
    }

    // Closes in the pools what another space has. A space that still lets new units closes only
    // now, so all that it shares with a pool waits for the next time.
    [[nodiscard]] bool withhold() {
        bool withheld = false;
        for (const auto& [range, id] : registry_.ranges()) {
            lease::Space& space = store_.space(id);
            if (is_current(space)) {
                continue;
            }
            const bool is_open = space.bitmap().free_count() != 0;
            for (Pool& pool : current_) {
                if (pool.kind() != space.kind() || !pool.overlaps(range.first, range.last())) {
                    continue;
                }
                if (is_open) {
                    remove(pool, range.first, range.last());
                    withheld = true;
                } else {
                    withheld = remove_held(pool, space) || withheld;
                }
            }
        }
        for (const auto& [what, unit] : registry_.listed()) {
            lease::Space& space = store_.space_of(unit);
            if (!space.bitmap().taken(space.index_of(unit))) {
                continue;
            }
            for (Pool& pool : current_) {
                if (pool.kind() == what.kind &&
                    pool.overlaps(what.prefix.network(), what.prefix.last())) {
                    withheld = remove_units(pool, what.prefix) || withheld;
                }
            }
        }
        return withheld;
    }

    [[nodiscard]] static bool remove_held(Pool& pool, const lease::Space& space) {
        bool removed = false;
        const lease::Ipv6Names& names = space.ipv6_names();
        for (std::uint32_t index = 0; index < space.unit_count(); ++index) {
            if (!space.bitmap().taken(index)) {
                continue;
            }
            removed = remove_units(pool, {names.at(index), names.length()}) || removed;
        }
        return removed;
    }

    // Whether there are any.
    static bool remove_units(Pool& pool, const Ipv6Prefix& held) {
        bool removed = false;
        visit_units(pool, held.address, held.last(), [&](std::uint32_t unit) {
            pool.units.remove({unit, unit});
            removed = true;
        });
        return removed;
    }

    // Every space, those that the snapshot does not know any more included.
    void write() {
        std::unordered_map<std::uint16_t, IndexSet*> wanted;
        for (std::vector<Pool>* const pools : {&current_, &former_}) {
            for (Pool& pool : *pools) {
                wanted.emplace(pool.space->id().value, &pool.units);
            }
        }
        for (const auto& [range, id] : registry_.ranges()) {
            const auto found = wanted.find(id.value);
            set_allowed(store_.space(id).bitmap(), found != wanted.end()
                                                       ? found->second->ranges()
                                                       : std::vector<lease::UnitRange>{});
        }
    }

    const Snapshot6& snapshot_;
    const Configuration& configuration_;
    SpaceRegistry6& registry_;
    lease::Store& store_;
    std::vector<Ipv6> locals_;
    std::vector<Pool> current_;
    std::unordered_set<std::uint16_t> current_spaces_;
    std::vector<Pool> former_;  // of ranges that are configured no more, but whose leases go on
};

}  // namespace

bool apply_policy6(const Snapshot6& snapshot, const Configuration& configuration,
                   const HostState& host, SpaceRegistry6& registry) {
    return Policy{snapshot, configuration, host, registry}.apply();
}

}  // namespace xdhcpd::model
