#include "model/make_snapshot.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "dhcp4/options.h"
#include "model/apply_policy6.h"
#include "model/make_snapshot6.h"
#include "model/subnet_links.h"
#include "model/unit_policy.h"

namespace xdhcpd::model {
namespace {

// The largest number of units of one space; config/ refuses shorter prefixes.
constexpr std::uint64_t kMaxSpaceUnits = std::uint64_t{1} << 26;

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

// Removes what lies inside the subnet of an address range.
void remove(IndexSet& units, const Subnet& subnet, Ipv4 first, Ipv4 last) {
    const Ipv4 low = std::max(first, subnet.prefix.address);
    const Ipv4 high = std::min(last, subnet.prefix.broadcast());
    if (low <= high) {
        units.remove({subnet.index(low), subnet.index(high)});
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
        remove(units, subnet, subnet.prefix.network(), subnet.prefix.network());
        remove(units, subnet, subnet.prefix.broadcast(), subnet.prefix.broadcast());
    }
    for (const Ipv4 router : routers_of(subnet)) {
        remove(units, subnet, router, router);
    }
    for (const Ipv4 relay : subnet.relays) {
        remove(units, subnet, relay, relay);
    }
    for (const Ipv4 address : locals) {
        remove(units, subnet, address, address);
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
        std::uint64_t& last = last_rounds_[found->value];
        if (last + 1 < round_) {
            store_.space(*found).raise_version_floor(version_floor_);
        }
        last = round_;
        return *found;
    }
    XD_ASSERT(prefix.size() <= kMaxSpaceUnits);
    const lease::SpaceId id =
        store_
            .add_space(lease::SpaceKind::kIpv4, static_cast<std::uint32_t>(prefix.size()),
                       {.first = prefix.address, .version_floor = version_floor_})
            .id();
    spaces_.emplace(key_of(prefix), id);
    last_rounds_[id.value] = round_;
    return id;
}

SnapshotResult make_snapshot(const Configuration& configuration, const HostState& host,
                             SpaceRegistry& registry, HashKey hash_key, std::uint32_t generation) {
    registry.begin_snapshot();
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

    std::vector<const HostInterface*> interfaces;  // as configured; null: not there
    for (const InterfaceConfiguration& interface : configuration.interfaces) {
        interfaces.push_back(host.find(interface.name));
    }
    std::vector<LinkMember> members;
    for (const SubnetConfiguration& subnet : dhcp4.subnets) {
        members.push_back({subnet.interface, subnet.vlans, subnet.shared_network});
    }
    const LinkPlan plan =
        plan_links(members, interfaces, [&](std::size_t subnet, const HostInterface& interface) {
            return std::any_of(interface.addresses.begin(), interface.addresses.end(),
                               [&](Ipv4Prefix address) {
                                   return dhcp4.subnets[subnet].prefix.contains(address.address);
                               });
        });
    snapshot.links.resize(plan.link_count);
    for (std::size_t i = 0; i < dhcp4.subnets.size(); ++i) {
        Subnet& subnet = snapshot.subnets[place[i]];
        subnet.link = plan.links[i];
        snapshot.links[subnet.link].subnets.push_back(place[i]);
        snapshot.links[subnet.link].spaces.push_back(subnet.space);
    }
    Snapshot6Result ipv6 =
        make_snapshot6(configuration, host, interfaces, registry.ipv6(), hash_key);

    std::vector<Ingress> ingresses;
    for (std::size_t i = 0; i < interfaces.size(); ++i) {
        const std::string& name = configuration.interfaces[i].name;
        if (interfaces[i] == nullptr) {
            result.warnings.push_back("interface " + name + " does not exist; it is not served");
            continue;
        }
        if (!serves_any(plan, i) && !serves_any(ipv6.plan, i) &&
            !advertises_or_answers(ipv6.snapshot, interfaces[i]->ifindex)) {
            result.warnings.push_back("interface " + name +
                                      " has no subnet: only relayed clients are served there");
        }
        Ingress& ingress = ingresses.emplace_back();
        ingress.interface = *interfaces[i];
        ingress.link = plan.untagged[i];
        ingress.vlans = plan.vlans[i];
        ingress.link6 = ipv6.plan.untagged[i];
        ingress.vlans6 = ipv6.plan.vlans[i];
        set_limits(ingress, configuration.interfaces[i].rate_limits);
    }
    for (std::size_t i : order) {
        warn_of_unserved(plan, i, members[i], !dhcp4.subnets[i].relays.empty(),
                         to_string(dhcp4.subnets[i].prefix), host, result.warnings);
    }
    result.warnings.insert(result.warnings.end(), ipv6.warnings.begin(), ipv6.warnings.end());
    snapshot.ipv6 = std::move(ipv6.snapshot);
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

bool apply_policy(const Snapshot& snapshot, const Configuration& configuration,
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
            remove(units, *subnet, excluded.first, excluded.last);
        }
        for (const ReservationConfiguration& reservation : from.reservations) {
            if (reservation.address) {
                remove(units, *subnet, *reservation.address, *reservation.address);
            }
        }
    }
    for (const auto& [prefix, id] : registry.spaces()) {
        lease::Space& space = registry.store().space(id);
        set_allowed(space.bitmap(), wanted[id.value].ranges());
    }
    return apply_policy6(snapshot.ipv6, configuration, host, registry.ipv6());
}

}  // namespace xdhcpd::model
