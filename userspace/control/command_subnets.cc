// The command "subnets": what each subnet has, and how much of it is taken.

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "control/commands.h"
#include "lease/store.h"

namespace xdhcpd::control {

using nlohmann::json;

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
    return json{{"subnets", std::move(list)}};
}

}  // namespace xdhcpd::control
