#include "model/make_snapshot.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "dhcp4/options.h"

namespace xdhcpd::model {
namespace {

// The largest number of units of one space; config/ refuses shorter prefixes.
constexpr std::uint64_t kMaxSpaceUnits = std::uint64_t{1} << 26;

// Subnets on one layer-2 link, as disjoint sets.
class Groups {
  public:
    explicit Groups(std::size_t count) : parent_(count) {
        std::iota(parent_.begin(), parent_.end(), std::size_t{0});
    }
    std::size_t find(std::size_t member) {
        while (parent_[member] != member) {
            parent_[member] = parent_[parent_[member]];
            member = parent_[member];
        }
        return member;
    }
    void join(std::size_t a, std::size_t b) { parent_[find(b)] = find(a); }

  private:
    std::vector<std::size_t> parent_;
};

[[nodiscard]] bool serves_directly(const SubnetConfiguration& subnet,
                                   const HostInterface& interface) {
    if (!subnet.vlans.empty()) {
        return false;  // an untagged client is in another network
    }
    if (!subnet.interface.empty()) {
        return subnet.interface == interface.name;
    }
    return std::any_of(interface.addresses.begin(), interface.addresses.end(),
                       [&](Ipv4Prefix address) { return subnet.prefix.contains(address.address); });
}

[[nodiscard]] Subnet make_subnet(const SubnetConfiguration& from, const Dhcp4Configuration& dhcp4,
                                 SpaceRegistry& registry) {
    Subnet subnet;
    subnet.prefix = from.prefix;
    subnet.space = registry.space_for(from.prefix);
    subnet.interface = from.interface;
    subnet.vlans = from.vlans;
    subnet.vlan_identity = from.vlan_identity;
    subnet.shared_network = from.shared_network;
    for (const PoolConfiguration& pool : from.pools) {
        subnet.pools.push_back({subnet.index(pool.first), subnet.index(pool.last)});
    }
    subnet.lease_time = from.lease_time.value_or(dhcp4.lease_time);
    subnet.options.merge(dhcp4.options);
    subnet.options.merge(from.options);
    subnet.server_address = from.server_address.value_or(Ipv4{});
    subnet.authoritative = from.authoritative.value_or(dhcp4.authoritative);
    subnet.identity = from.identity;
    subnet.next_server = from.next_server.value_or(Ipv4{});
    subnet.server_hostname = from.server_hostname;
    subnet.boot_file_name = from.boot_file_name;
    subnet.relays = from.relays;
    std::sort(subnet.relays.begin(), subnet.relays.end());
    subnet.v6only_wait = from.v6only_wait ? from.v6only_wait : dhcp4.v6only_wait;
    if (subnet.v6only_wait == kNoV6OnlyWait) {
        subnet.v6only_wait.reset();
    }
    return subnet;
}

[[nodiscard]] Reservation make_reservation(const ReservationConfiguration& from,
                                           std::uint32_t subnet) {
    Reservation reservation;
    reservation.identifier = from.identifier;
    reservation.subnet = subnet;
    reservation.address = from.address;
    if (!from.options.empty() || !from.hostname.empty()) {
        reservation.options.emplace();
        if (!from.hostname.empty()) {
            reservation.options->set(dhcp4::OptionCode::kHostName, as_bytes(from.hostname), true);
        }
        reservation.options->merge(from.options);
    }
    reservation.next_server = from.next_server;
    reservation.boot_file_name = from.boot_file_name;
    return reservation;
}

// Indices of a space: those added, which are disjoint, without those removed. Any number of both.
class IndexSet {
  public:
    void add(lease::UnitRange range) { added_.push_back(range); }
    // Removes what lies inside the subnet of an address range.
    void remove(const Subnet& subnet, Ipv4 first, Ipv4 last) {
        const Ipv4 low = std::max(first, subnet.prefix.address);
        const Ipv4 high = std::min(last, subnet.prefix.broadcast());
        if (low <= high) {
            removed_.push_back({subnet.index(low), subnet.index(high)});
        }
    }
    // Sorted and disjoint.
    [[nodiscard]] std::vector<lease::UnitRange> ranges() {
        const auto by_first = [](lease::UnitRange a, lease::UnitRange b) {
            return a.first < b.first;
        };
        std::sort(added_.begin(), added_.end(), by_first);
        std::sort(removed_.begin(), removed_.end(), by_first);
        std::vector<lease::UnitRange> result;
        auto hole = removed_.begin();
        std::uint64_t hole_end = 0;  // all holes so far end before it; they may overlap
        for (const lease::UnitRange range : added_) {
            std::uint64_t next = std::max<std::uint64_t>(range.first, hole_end);
            for (; hole != removed_.end() && hole->first <= range.last; ++hole) {
                if (hole->first > next) {
                    result.push_back({static_cast<std::uint32_t>(next), hole->first - 1});
                }
                hole_end = std::max(hole_end, std::uint64_t{hole->last} + 1);
                next = std::max(next, hole_end);
            }
            if (next <= range.last) {
                result.push_back({static_cast<std::uint32_t>(next), range.last});
            }
        }
        return result;
    }

  private:
    std::vector<lease::UnitRange> added_;
    std::vector<lease::UnitRange> removed_;
};

// Allows exactly `wanted`. Each call of the bitmap changes only bits that differ.
void set_allowed(lease::UnitBitmap& bitmap, std::uint32_t unit_count,
                 std::span<const lease::UnitRange> wanted) {
    std::uint32_t next = 0;  // first unit not yet decided
    for (const lease::UnitRange range : wanted) {
        if (range.first > next) {
            bitmap.forbid({next, range.first - 1});
        }
        bitmap.allow(range);
        next = range.last + 1;
    }
    if (next < unit_count) {
        bitmap.forbid({next, unit_count - 1});
    }
}

[[nodiscard]] std::vector<Ipv4> routers_of(const Subnet& subnet) {
    std::vector<Ipv4> routers;
    const ByteView value = subnet.options.value(dhcp4::OptionCode::kRouters);
    for (std::size_t at = 0; at + sizeof(std::uint32_t) <= value.size();
         at += sizeof(std::uint32_t)) {
        routers.push_back(Ipv4::load(value.data() + at));
    }
    return routers;
}

// Sorted: those of this host's interfaces, and those that clients know it by.
[[nodiscard]] std::vector<Ipv4> local_addresses(const Configuration& configuration,
                                                const HostState& host) {
    std::vector<Ipv4> addresses;
    for (const HostInterface& interface : host.interfaces) {
        for (const Ipv4Prefix& address : interface.addresses) {
            addresses.push_back(address.address);
        }
    }
    for (const SubnetConfiguration& subnet : configuration.dhcp4.subnets) {
        if (subnet.server_address) {
            addresses.push_back(*subnet.server_address);
        }
    }
    std::sort(addresses.begin(), addresses.end());
    return addresses;
}

void remove_never_leased(IndexSet& units, const Subnet& subnet, std::span<const Ipv4> locals) {
    if (subnet.prefix.has_broadcast()) {
        units.remove(subnet, subnet.prefix.network(), subnet.prefix.network());
        units.remove(subnet, subnet.prefix.broadcast(), subnet.prefix.broadcast());
    }
    for (const Ipv4 router : routers_of(subnet)) {
        units.remove(subnet, router, router);
    }
    for (const Ipv4 relay : subnet.relays) {
        units.remove(subnet, relay, relay);
    }
    for (const Ipv4 address : locals) {
        units.remove(subnet, address, address);
    }
}

// The server's address in a VLAN is that of a VLAN interface, not of the one that frames come from.
[[nodiscard]] Ipv4 address_within(Ipv4Prefix prefix, const HostState& host) {
    for (const HostInterface& interface : host.interfaces) {
        for (const Ipv4Prefix& address : interface.addresses) {
            if (prefix.contains(address.address)) {
                return address.address;
            }
        }
    }
    return {};
}

void set_limits(Ingress& ingress, const RateLimits& limits) {
    const auto terms = [](const std::optional<RateLimit>& limit) {
        return limit ? limit->terms() : RateTerms{};
    };
    ingress.is_limited = limits.any();
    ingress.client_terms = terms(limits.per_client);
    ingress.relay_terms = terms(limits.per_relay);
    ingress.link_terms = terms(limits.per_link);
}

// Every VLAN of the interface's subnets, each once: config/ has seen to that, and to their number.
[[nodiscard]] std::vector<VlanLink> vlan_links(const Snapshot& snapshot,
                                               const std::string& interface) {
    std::vector<VlanLink> links;
    for (const Subnet& subnet : snapshot.subnets) {
        if (subnet.interface != interface) {
            continue;
        }
        for (const VlanRange& range : subnet.vlans) {
            for (std::uint32_t outer = range.outer_first; outer <= range.outer_last; ++outer) {
                for (std::uint32_t inner = range.inner_first; inner <= range.inner_last; ++inner) {
                    links.push_back(
                        {{static_cast<std::uint16_t>(outer), static_cast<std::uint16_t>(inner)},
                         subnet.link});
                }
            }
        }
    }
    const auto by_ids = [](const VlanLink& a, const VlanLink& b) { return a.ids < b.ids; };
    const auto same_ids = [](const VlanLink& a, const VlanLink& b) { return a.ids == b.ids; };
    std::sort(links.begin(), links.end(), by_ids);
    links.erase(std::unique(links.begin(), links.end(), same_ids), links.end());
    return links;
}

// Whose address this is, for people, if it must not be leased even to who has it reserved; empty
// otherwise. `locals` is sorted.
[[nodiscard]] std::string_view owner_of(Ipv4 address, std::span<const Ipv4> routers,
                                        const Subnet& subnet, std::span<const Ipv4> locals) {
    if (std::find(routers.begin(), routers.end(), address) != routers.end()) {
        return "a router";
    }
    if (std::binary_search(subnet.relays.begin(), subnet.relays.end(), address)) {
        return "a relay";
    }
    if (std::binary_search(locals.begin(), locals.end(), address)) {
        return "this server";
    }
    return {};
}

}  // namespace

std::uint64_t SpaceRegistry::key_of(Ipv4Prefix prefix) noexcept {
    return std::uint64_t{prefix.address.value} << 8 | prefix.length;
}

std::optional<lease::SpaceId> SpaceRegistry::find(Ipv4Prefix prefix) const {
    const auto found = spaces_.find(key_of(prefix));
    return found != spaces_.end() ? std::optional{found->second} : std::nullopt;
}

lease::SpaceId SpaceRegistry::space_for(Ipv4Prefix prefix) {
    if (const auto found = find(prefix)) {
        return *found;
    }
    XD_ASSERT(prefix.size() <= kMaxSpaceUnits);
    const lease::SpaceId id =
        store_
            .add_space(lease::SpaceKind::kIpv4, static_cast<std::uint32_t>(prefix.size()),
                       {.first = prefix.address, .version_floor = version_floor_})
            .id();
    spaces_.emplace(key_of(prefix), id);
    return id;
}

SnapshotResult make_snapshot(const Configuration& configuration, const HostState& host,
                             SpaceRegistry& registry, HashKey hash_key, std::uint32_t generation) {
    SnapshotResult result{std::make_unique<Snapshot>(), {}};
    Snapshot& snapshot = *result.snapshot;
    const Dhcp4Configuration& dhcp4 = configuration.dhcp4;
    snapshot.generation = generation;
    snapshot.hash_key = hash_key;
    snapshot.ports = configuration.ports;
    snapshot.offer_time = dhcp4.offer_time;
    snapshot.decline_time = dhcp4.decline_time;
    snapshot.max_offers_per_relay = dhcp4.max_offers_per_relay;
    snapshot.bootp = dhcp4.bootp;
    snapshot.rapid_commit = dhcp4.rapid_commit;
    snapshot.renew_time_permille = dhcp4.renew_time_permille;
    snapshot.rebind_time_permille = dhcp4.rebind_time_permille;
    snapshot.renew_jitter_permille = dhcp4.renew_jitter_permille;

    // Sorted by prefix for the search; `order` remembers which one stood where in the file.
    std::vector<std::size_t> order(dhcp4.subnets.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        return dhcp4.subnets[a].prefix < dhcp4.subnets[b].prefix;
    });
    const std::vector<Ipv4> locals = local_addresses(configuration, host);
    std::vector<std::uint32_t> place(dhcp4.subnets.size());
    for (std::size_t i = 0; i < order.size(); ++i) {
        place[order[i]] = static_cast<std::uint32_t>(i);
        snapshot.subnets.push_back(make_subnet(dhcp4.subnets[order[i]], dhcp4, registry));
        Subnet& subnet = snapshot.subnets.back();
        subnet.index_in_snapshot = static_cast<std::uint32_t>(i);
        if (!subnet.vlans.empty() && subnet.server_address.is_zero()) {
            subnet.server_address = address_within(subnet.prefix, host);
        }
        const std::vector<Ipv4> routers = routers_of(subnet);
        for (const ReservationConfiguration& from : dhcp4.subnets[order[i]].reservations) {
            Reservation& reservation = snapshot.reservations.emplace_back(
                make_reservation(from, static_cast<std::uint32_t>(i)));
            if (!reservation.address) {
                continue;
            }
            const std::string_view owner = owner_of(*reservation.address, routers, subnet, locals);
            if (!owner.empty()) {
                result.warnings.push_back("reservation " + to_string(*reservation.address) +
                                          " in " + to_string(subnet.prefix) +
                                          " is the address of " + std::string{owner} +
                                          "; it is not leased");
                reservation.address.reset();
            }
        }
    }

    // Subnets of one shared network, and those of one interface, are one link.
    Groups groups{dhcp4.subnets.size()};
    std::unordered_map<std::string, std::size_t> by_network;
    for (std::size_t i = 0; i < dhcp4.subnets.size(); ++i) {
        const std::string& shared_network = dhcp4.subnets[i].shared_network;
        if (!shared_network.empty()) {
            groups.join(by_network.emplace(shared_network, i).first->second, i);
        }
    }
    std::vector<std::optional<std::size_t>> first_subnet(configuration.interfaces.size());
    for (std::size_t i = 0; i < configuration.interfaces.size(); ++i) {
        const HostInterface* const interface = host.find(configuration.interfaces[i].name);
        if (interface == nullptr) {
            result.warnings.push_back("interface " + configuration.interfaces[i].name +
                                      " does not exist; it is not served");
            continue;
        }
        for (std::size_t subnet = 0; subnet < dhcp4.subnets.size(); ++subnet) {
            if (!serves_directly(dhcp4.subnets[subnet], *interface)) {
                continue;
            }
            if (first_subnet[i]) {
                groups.join(*first_subnet[i], subnet);
            } else {
                first_subnet[i] = subnet;
            }
        }
        const bool has_vlans = std::any_of(
            dhcp4.subnets.begin(), dhcp4.subnets.end(), [&](const SubnetConfiguration& subnet) {
                return !subnet.vlans.empty() && subnet.interface == interface->name;
            });
        if (!first_subnet[i] && !has_vlans) {
            result.warnings.push_back("interface " + interface->name +
                                      " has no subnet: only relayed clients are served there");
        }
    }
    std::unordered_map<std::size_t, std::uint32_t> link_of_group;
    for (std::size_t i = 0; i < dhcp4.subnets.size(); ++i) {
        const auto [found, added] = link_of_group.emplace(
            groups.find(i), static_cast<std::uint32_t>(snapshot.links.size()));
        if (added) {
            snapshot.links.emplace_back();
        }
        Subnet& subnet = snapshot.subnets[place[i]];
        subnet.link = found->second;
        snapshot.links[found->second].subnets.push_back(place[i]);
        snapshot.links[found->second].spaces.push_back(subnet.space);
    }

    std::vector<Ingress> ingresses;
    for (std::size_t i = 0; i < configuration.interfaces.size(); ++i) {
        const HostInterface* const interface = host.find(configuration.interfaces[i].name);
        if (interface != nullptr) {
            Ingress ingress;
            ingress.interface = *interface;
            ingress.vlans = vlan_links(snapshot, interface->name);
            set_limits(ingress, configuration.interfaces[i].rate_limits);
            if (first_subnet[i]) {
                ingress.link = snapshot.subnets[place[*first_subnet[i]]].link;
            }
            ingresses.push_back(std::move(ingress));
        }
    }
    for (const Subnet& subnet : snapshot.subnets) {
        const bool served =
            std::any_of(ingresses.begin(), ingresses.end(), [&](const Ingress& ingress) {
                return ingress.link == subnet.link ||
                       (!subnet.vlans.empty() && subnet.interface == ingress.interface.name);
            });
        if (!subnet.interface.empty() && host.find(subnet.interface) == nullptr) {
            result.warnings.push_back("subnet " + to_string(subnet.prefix) +
                                      " waits for interface " + subnet.interface);
        } else if (!served && subnet.relays.empty()) {
            result.warnings.push_back("subnet " + to_string(subnet.prefix) +
                                      ": no interface serves it; only clients behind relays are "
                                      "answered");
        }
    }
    std::vector<Ipv4> broadcasts;
    for (const HostInterface& interface : host.interfaces) {
        for (const Ipv4Prefix& address : interface.addresses) {
            if (address.has_broadcast()) {
                broadcasts.push_back(address.broadcast());
            }
        }
    }
    snapshot.index(std::move(ingresses), locals, broadcasts);
    return result;
}

void apply_policy(const Snapshot& snapshot, const Configuration& configuration,
                  const HostState& host, SpaceRegistry& registry) {
    const std::vector<Ipv4> locals = local_addresses(configuration, host);
    std::unordered_map<std::uint16_t, IndexSet> wanted;  // by space
    for (const Subnet& subnet : snapshot.subnets) {
        IndexSet& units = wanted[subnet.space.value];
        for (const lease::UnitRange pool : subnet.pools) {
            units.add(pool);
        }
        remove_never_leased(units, subnet, locals);
    }
    for (const SubnetConfiguration& from : configuration.dhcp4.subnets) {
        const Subnet* const subnet = snapshot.find_subnet(from.prefix.address);
        XD_ASSERT(subnet != nullptr);
        IndexSet& units = wanted[subnet->space.value];
        for (const PoolConfiguration& excluded : from.excluded) {
            units.remove(*subnet, excluded.first, excluded.last);
        }
        for (const ReservationConfiguration& reservation : from.reservations) {
            if (reservation.address) {
                units.remove(*subnet, *reservation.address, *reservation.address);
            }
        }
    }
    for (const auto& [prefix, id] : registry.spaces()) {
        lease::Space& space = registry.store().space(id);
        set_allowed(space.bitmap(), space.unit_count(), wanted[id.value].ranges());
    }
}

}  // namespace xdhcpd::model
