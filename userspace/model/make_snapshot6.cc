#include "model/make_snapshot6.h"

#include <algorithm>
#include <numeric>
#include <optional>
#include <string_view>
#include <utility>

#include "lease/ipv6_names.h"
#include "lease/space.h"

namespace xdhcpd::model {
namespace {

constexpr std::uint8_t kAddressLength = 128;

using lease::SpaceKind;

// Sorted: those of this host's interfaces, link-local ones included.
[[nodiscard]] std::vector<Ipv6> local_addresses(const HostState& host) {
    std::vector<Ipv6> addresses;
    for (const HostInterface& interface : host.interfaces) {
        for (const Ipv6Prefix& address : interface.addresses6) {
            addresses.push_back(address.address);
        }
    }
    std::sort(addresses.begin(), addresses.end());
    addresses.erase(std::unique(addresses.begin(), addresses.end()), addresses.end());
    return addresses;
}

// Whether any of `sorted` lies in `prefix`.
[[nodiscard]] bool any_within(std::span<const Ipv6> sorted, const Ipv6Prefix& prefix) {
    const auto at = std::lower_bound(sorted.begin(), sorted.end(), prefix.network());
    return at != sorted.end() && prefix.contains(*at);
}

// The parts of a snapshot as they are made.
class Maker {
  public:
    Maker(const Configuration& configuration, const HostState& host, SpaceRegistry6& registry)
        : configuration_{configuration},
          dhcp6_{configuration.dhcp6},
          host_{host},
          registry_{registry},
          locals_{local_addresses(host)} {}

    [[nodiscard]] Snapshot6Result make(std::span<const HostInterface* const> interfaces,
                                       HashKey hash_key) {
        copy_settings();
        make_subnets();
        plan_links(interfaces);
        make_links();
        make_owners();
        adopt_former_pools();
        make_advertisements();
        make_proxies();
        std::vector<std::pair<std::vector<std::byte>, std::uint32_t>> interface_ids;
        for (std::size_t i = 0; i < dhcp6_.subnets.size(); ++i) {
            if (!dhcp6_.subnets[i].interface_id.empty()) {
                interface_ids.emplace_back(dhcp6_.subnets[i].interface_id, result_.plan.links[i]);
            }
        }
        snapshot_.index(hash_key, locals_, std::move(interface_ids));
        return std::move(result_);
    }

  private:
    void warn(std::string warning) { result_.warnings.push_back(std::move(warning)); }

    void copy_settings() {
        snapshot_.server_duid = dhcp6_.server_duid;
        snapshot_.preference = dhcp6_.preference;
        snapshot_.offer_time = dhcp6_.offer_time;
        snapshot_.decline_time = dhcp6_.decline_time;
        snapshot_.max_offers_per_relay = dhcp6_.max_offers_per_relay;
        snapshot_.information_refresh_time = dhcp6_.information_refresh_time;
        snapshot_.renew_time_permille = dhcp6_.renew_time_permille;
        snapshot_.rebind_time_permille = dhcp6_.rebind_time_permille;
        if (dhcp6_.reconfigure) {
            snapshot_.reconfigure = dhcp6_.reconfigure_keys;
        }
        snapshot_.server_port = configuration_.ports.server6;
        snapshot_.client_port = configuration_.ports.client6;
    }

    // Sorted by prefix for the search; place_ remembers where each one of the file went.
    void make_subnets() {
        std::vector<std::size_t> order(dhcp6_.subnets.size());
        std::iota(order.begin(), order.end(), std::size_t{0});
        std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
            return dhcp6_.subnets[a].prefix < dhcp6_.subnets[b].prefix;
        });
        place_.resize(order.size());
        for (std::size_t i = 0; i < order.size(); ++i) {
            const Subnet6Configuration& from = dhcp6_.subnets[order[i]];
            place_[order[i]] = static_cast<std::uint32_t>(i);
            make_subnet(from, static_cast<std::uint32_t>(i));
        }
        // All pools have their spaces before a reserved unit looks for its own.
        for (std::size_t i = 0; i < order.size(); ++i) {
            for (const Reservation6Configuration& from : dhcp6_.subnets[order[i]].reservations) {
                make_reservation(from, static_cast<std::uint32_t>(i));
            }
        }
    }

    void make_subnet(const Subnet6Configuration& from, std::uint32_t index) {
        Subnet6& subnet = snapshot_.subnets.emplace_back();
        subnet.prefix = from.prefix;
        subnet.index_in_snapshot = index;
        subnet.interface = from.interface;
        subnet.vlans = from.vlans;
        subnet.shared_network = from.shared_network;
        subnet.lifetimes = from.lifetimes.value_or(dhcp6_.lifetimes);
        subnet.rapid_commit = from.rapid_commit.value_or(dhcp6_.rapid_commit);
        subnet.options.merge(dhcp6_.options);
        subnet.options.merge(from.options);
        subnet.relays = from.relays;
        std::sort(subnet.relays.begin(), subnet.relays.end());
        for (const Pool6Configuration& pool : from.pools) {
            add_pool(subnet.pools, address_range(pool.first, pool.last), pool.last, {},
                     to_string(pool.first) + "-" + to_string(pool.last));
        }
        for (const PrefixPoolConfiguration& pool : from.prefix_pools) {
            add_pool(subnet.prefix_pools, prefix_range(pool.prefix, pool.delegated_length),
                     pool.prefix.last(), pool.excluded, to_string(pool.prefix));
        }
    }

    void add_pool(std::vector<Pool6>& pools, const Range6& range, const Ipv6& last,
                  const std::optional<Ipv6Prefix>& excluded, const std::string& name) {
        std::optional<lease::SpaceId> space = registry_.find(range);
        if (!space && !registry_.has_room(range)) {
            warn("pool " + name + " has no room beside what is leased; it is not used");
            return;
        }
        if (!space) {
            space = registry_.space_for(range);
        }
        pools.push_back({range.first, last, range.unit_length, *space,
                         registry_.store().space(*space).all(), excluded});
    }

    void make_reservation(const Reservation6Configuration& from, std::uint32_t subnet_index) {
        const Subnet6& subnet = snapshot_.subnets[subnet_index];
        Reservation6& reservation = snapshot_.reservations.emplace_back();
        reservation.identifier = from.identifier;
        reservation.iaid = from.iaid;
        reservation.subnet = subnet_index;
        reservation.hostname = from.hostname;
        if (!from.options.empty()) {
            reservation.options.emplace();
            reservation.options->merge(from.options);
        }
        for (const Ipv6& address : from.addresses) {
            add_reserved(reservation.addresses, subnet, SpaceKind::kIpv6Address,
                         {address, kAddressLength});
        }
        for (const Ipv6Prefix& prefix : from.prefixes) {
            add_reserved(reservation.prefixes, subnet, SpaceKind::kIpv6Prefix, prefix);
        }
    }

    void add_reserved(std::vector<ReservedUnit>& to, const Subnet6& subnet, SpaceKind kind,
                      const Ipv6Prefix& what) {
        const bool is_address = kind == SpaceKind::kIpv6Address;
        const std::string name = is_address ? to_string(what.address) : to_string(what);
        std::string_view owner;
        if (is_address &&
            std::binary_search(subnet.relays.begin(), subnet.relays.end(), what.address)) {
            owner = "is the address of a relay";
        } else if (any_within(locals_, what)) {
            owner = is_address ? "is the address of this server"
                               : "has an address of this server inside";
        }
        if (!owner.empty()) {
            warn("reservation " + name + " in " + to_string(subnet.prefix) + " " +
                 std::string{owner} + "; it is not leased");
            return;
        }
        if (const auto unit = reserved_unit(subnet, kind, what)) {
            to.push_back({what, *unit});
        } else {
            warn("reservation " + name + " in " + to_string(subnet.prefix) +
                 " has no room beside what is leased; it is not leased");
        }
    }

    // Where it is held already, before a reload perhaps as the unit of another space; else the unit
    // of a pool of this subnet, else one of the subnet's list.
    [[nodiscard]] std::optional<lease::Unit> reserved_unit(const Subnet6& subnet, SpaceKind kind,
                                                           const Ipv6Prefix& what) {
        if (const auto held = held_unit(kind, what)) {
            return held;
        }
        const bool is_address = kind == SpaceKind::kIpv6Address;
        for (const Pool6& pool : is_address ? subnet.pools : subnet.prefix_pools) {
            const lease::Space& space = registry_.store().space(pool.space);
            const auto index = pool.unit_length == what.length
                                   ? space.ipv6_names().find(what.address)
                                   : std::nullopt;
            if (index) {
                return space.unit_at(*index);
            }
        }
        return registry_.listed_unit(subnet.prefix, kind, what);
    }

    [[nodiscard]] std::optional<lease::Unit> held_unit(SpaceKind kind,
                                                       const Ipv6Prefix& what) const {
        const lease::Store& store = registry_.store();
        for (const auto& [range, id] : registry_.ranges()) {
            if (range.kind != kind || range.unit_length != what.length ||
                what.address < range.first || range.last() < what.address) {
                continue;
            }
            const lease::Space& space = store.space(id);
            const auto index = space.ipv6_names().find(what.address);
            if (index && space.bitmap().taken(*index)) {
                return space.unit_at(*index);
            }
        }
        const auto listed = registry_.listed().find({kind, what});
        if (listed == registry_.listed().end()) {
            return std::nullopt;
        }
        const lease::Space& space = store.space_of(listed->second);
        return space.bitmap().taken(space.index_of(listed->second)) ? std::optional{listed->second}
                                                                    : std::nullopt;
    }

    void plan_links(std::span<const HostInterface* const> interfaces) {
        std::vector<LinkMember> members;
        for (const Subnet6Configuration& subnet : dhcp6_.subnets) {
            members.push_back({subnet.interface, subnet.vlans, subnet.shared_network});
        }
        const auto is_on = [&](std::size_t subnet, const HostInterface& interface) {
            return std::any_of(interface.addresses6.begin(), interface.addresses6.end(),
                               [&](const Ipv6Prefix& address) {
                                   return !address.address.is_link_local() &&
                                          dhcp6_.subnets[subnet].prefix.contains(address.address);
                               });
        };
        result_.plan = model::plan_links(members, interfaces, is_on);
        for (std::size_t i = 0; i < members.size(); ++i) {
            const Subnet6Configuration& subnet = dhcp6_.subnets[i];
            const bool for_relays = !subnet.relays.empty() || !subnet.interface_id.empty();
            warn_of_unserved(result_.plan, i, members[i], for_relays, to_string(subnet.prefix),
                             host_, result_.warnings);
        }
    }

    void make_links() {
        snapshot_.links.resize(result_.plan.link_count);
        for (std::size_t i = 0; i < place_.size(); ++i) {
            Subnet6& subnet = snapshot_.subnets[place_[i]];
            subnet.link = result_.plan.links[i];
            Link6& link = snapshot_.links[subnet.link];
            link.subnets.push_back(place_[i]);
            for (const Pool6& pool : subnet.pools) {
                link.address_spaces.push_back(pool.space);
                link.has_address_pool = true;
            }
            for (const Pool6& pool : subnet.prefix_pools) {
                link.prefix_spaces.push_back(pool.space);
                link.has_prefix_pool = true;
            }
        }
        for (const std::uint32_t place : place_) {
            const Subnet6& subnet = snapshot_.subnets[place];
            Link6& link = snapshot_.links[subnet.link];
            const auto append_lists = [&](std::vector<lease::SpaceId>& to, SpaceKind kind) {
                const auto spaces = registry_.list_spaces(subnet.prefix, kind);
                to.insert(to.end(), spaces.begin(), spaces.end());
            };
            append_lists(link.address_spaces, SpaceKind::kIpv6Address);
            append_lists(link.prefix_spaces, SpaceKind::kIpv6Prefix);
        }
    }

    void set_owner(lease::SpaceId space, SpaceOwner owner) {
        if (snapshot_.owners.size() <= space.value) {
            snapshot_.owners.resize(space.value + std::size_t{1});
        }
        snapshot_.owners[space.value] = owner;
    }

    void make_owners() {
        for (const Subnet6& subnet : snapshot_.subnets) {
            const auto own = [&](const std::vector<Pool6>& pools, SpaceKind kind) {
                const bool is_prefix = kind == SpaceKind::kIpv6Prefix;
                for (const lease::SpaceId space : registry_.list_spaces(subnet.prefix, kind)) {
                    set_owner(space, {subnet.index_in_snapshot, SpaceOwner{}.pool, is_prefix});
                }
                for (std::size_t i = 0; i < pools.size(); ++i) {
                    set_owner(pools[i].space,
                              {subnet.index_in_snapshot, static_cast<std::uint32_t>(i), is_prefix});
                }
            };
            own(subnet.pools, SpaceKind::kIpv6Address);
            own(subnet.prefix_pools, SpaceKind::kIpv6Prefix);
        }
    }

    // A pool that has changed its ends leaves a space with leases behind, whose clients go on with
    // them (see apply_policy6()).
    void adopt_former_pools() {
        for (const auto& [range, id] : registry_.ranges()) {
            const lease::UnitBitmap& bitmap = registry_.store().space(id).bitmap();
            const bool is_in_use = bitmap.allowed_count() != 0 || bitmap.taken_count() != 0;
            if (is_in_use && snapshot_.find_owner(id) == nullptr) {
                adopt(range, id);
            }
        }
    }
    void adopt(const Range6& range, lease::SpaceId space) {
        const bool is_prefix = range.kind == SpaceKind::kIpv6Prefix;
        for (const Subnet6& subnet : snapshot_.subnets) {
            const std::vector<Pool6>& pools = is_prefix ? subnet.prefix_pools : subnet.pools;
            for (std::uint32_t i = 0; i < pools.size(); ++i) {
                if (pools[i].unit_length == range.unit_length && pools[i].first <= range.last() &&
                    range.first <= pools[i].last) {
                    set_owner(space, {subnet.index_in_snapshot, i, is_prefix});
                    Link6& link = snapshot_.links[subnet.link];
                    (is_prefix ? link.prefix_spaces : link.address_spaces).push_back(space);
                    return;
                }
            }
        }
    }

    [[nodiscard]] static VlanIds vlan_of(const std::optional<VlanRange>& vlan) {
        return vlan ? VlanIds{vlan->outer_first, vlan->inner_first} : VlanIds{};
    }

    void make_advertisements() {
        for (const AdvertisementConfiguration& from : configuration_.router_advertisements) {
            if (const HostInterface* const interface = host_.find(from.interface)) {
                Advertisement& advertisement = snapshot_.advertisements.emplace_back();
                advertisement.ifindex = interface->ifindex;
                advertisement.vlan = vlan_of(from.vlan);
                advertisement.configuration = from;
            }
        }
    }

    void make_proxies() {
        for (const NeighborProxyConfiguration& from : configuration_.neighbor_proxies) {
            if (const HostInterface* const interface = host_.find(from.interface)) {
                NeighborProxy& proxy = snapshot_.proxies.emplace_back();
                proxy.ifindex = interface->ifindex;
                proxy.vlan = vlan_of(from.vlan);
                proxy.targets = from.targets;
                proxy.router = from.router;
                std::sort(proxy.targets.begin(), proxy.targets.end());
            }
        }
    }

    const Configuration& configuration_;
    const Dhcp6Configuration& dhcp6_;
    const HostState& host_;
    SpaceRegistry6& registry_;
    std::vector<Ipv6> locals_;  // sorted
    Snapshot6Result result_;
    Snapshot6& snapshot_ = result_.snapshot;
    std::vector<std::uint32_t> place_;  // in the snapshot, by subnet as configured
};

}  // namespace

Snapshot6Result make_snapshot6(const Configuration& configuration, const HostState& host,
                               std::span<const HostInterface* const> interfaces,
                               SpaceRegistry6& registry, HashKey hash_key) {
    return Maker{configuration, host, registry}.make(interfaces, hash_key);
}

bool advertises_or_answers(const Snapshot6& snapshot, std::uint32_t ifindex) {
    const auto is_there = [ifindex](const auto& each) { return each.ifindex == ifindex; };
    return std::any_of(snapshot.advertisements.begin(), snapshot.advertisements.end(), is_there) ||
           std::any_of(snapshot.proxies.begin(), snapshot.proxies.end(), is_there);
}

}  // namespace xdhcpd::model
