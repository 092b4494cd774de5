// The command "subnets": what each subnet has, and how much of it is taken.

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "control/commands.h"
#include "control/pools6.h"
#include "lease/store.h"

namespace xdhcpd::control {

using nlohmann::json;

namespace {

json to_json(const NamedPool6& pool) {
    const UnitCounts counts = counts_of(pool.spaces);
    return {{"pool", pool.name},         {"length", pool.length},      {"size", counts.size},
            {"allowed", counts.allowed}, {"free", counts.free},        {"offered", counts.offered},
            {"leased", counts.leased},   {"declined", counts.declined}};
}

json subnets6(const ServerState& state) {
    const model::Snapshot6& snapshot = state.parts.snapshots.newest().ipv6;
    std::vector<std::uint64_t> reservations(snapshot.subnets.size());
    for (const model::Reservation6& reservation : snapshot.reservations) {
        ++reservations[reservation.subnet];
    }
    json list = json::array();
    for (const model::Subnet6& subnet : snapshot.subnets) {
        list.push_back({{"subnet", xdhcpd::to_string(subnet.prefix)},
                        {"interface", subnet.interface},
                        {"vlan", model::to_string(subnet.vlans)},
                        {"shared_network", subnet.shared_network},
                        {"reservations", reservations[subnet.index_in_snapshot]},
                        {"pools", json::array()}});
    }
    for (const NamedPool6& pool : named_pools(snapshot, state.parts.registry.store())) {
        list[pool.subnet->index_in_snapshot]["pools"].push_back(to_json(pool));
    }
    return list;
}

}  // namespace

Answer subnets_command(const ServerState& state) {
    const model::Snapshot& snapshot = state.parts.snapshots.newest();
    std::vector<std::uint64_t> reservations(snapshot.subnets.size());
    for (const model::Reservation& reservation : snapshot.reservations) {
        ++reservations[reservation.subnet];
    }
    json list = json::array();
    for (std::size_t i = 0; i < snapshot.subnets.size(); ++i) {
        const model::Subnet& subnet = snapshot.subnets[i];
        const lease::Space& space = state.parts.registry.store().space(subnet.space);
        list.push_back({{"subnet", xdhcpd::to_string(subnet.prefix)},
                        {"interface", subnet.interface},
                        {"vlan", model::to_string(subnet.vlans)},
                        {"shared_network", subnet.shared_network},
                        {"size", subnet.prefix.size()},
                        {"pool_addresses", space.bitmap().allowed_count()},
                        {"free", space.bitmap().free_count()},
                        {"offered", space.held_total(lease::HeldCount::kOffered)},
                        {"leased", space.held_total(lease::HeldCount::kLeased)},
                        {"declined", space.held_total(lease::HeldCount::kDeclined)},
                        {"reservations", reservations[i]}});
    }
    return json{{"subnets", std::move(list)}, {"subnets6", subnets6(state)}};
}

}  // namespace xdhcpd::control
