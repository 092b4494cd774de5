#include "config/link_checks.h"

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <unordered_map>

namespace xdhcpd::config {
namespace {

// Of one interface: each is an entry of the XDP program's map, which has room for a few others too.
constexpr std::uint32_t kMaxVlans = 16000;

// A tagged frame names one link.
void check_vlans(Reporter& reporter, std::span<const PlacedLink> links) {
    std::unordered_map<std::string, std::uint32_t> counts;  // by interface
    for (std::size_t i = 0; i < links.size(); ++i) {
        const PlacedLink& placed = links[i];
        std::uint32_t& count = counts[placed.interface];
        for (const model::VlanRange& range : placed.vlans) {
            const bool had_room = count <= kMaxVlans;
            count = std::min(count + range.size(), 2 * kMaxVlans);
            if (had_room && count > kMaxVlans) {
                reporter.error(placed.vlan_place,
                               "vlan: interface " + in_quotes(placed.interface) +
                                   " has more than " + std::to_string(kMaxVlans) +
                                   " VLANs with this; narrower ranges were meant");
            }
        }
        for (std::size_t j = 0; j < i; ++j) {
            const PlacedLink& other = links[j];
            const bool one_link =
                !placed.shared_network.empty() && placed.shared_network == other.shared_network;
            if (one_link || placed.interface != other.interface) {
                continue;
            }
            for (const model::VlanRange& range : placed.vlans) {
                const auto taken = std::ranges::find_if(
                    other.vlans,
                    [&](const model::VlanRange& have) { return have.overlaps(range); });
                if (taken != other.vlans.end()) {
                    reporter.error(placed.vlan_place,
                                   "vlan: " + model::to_string(range) + " overlaps " +
                                       model::to_string(*taken) + " of subnet " + other.name +
                                       " on " + to_string(other.vlan_place) +
                                       "; subnets of one VLAN have the same shared-network");
                }
            }
        }
    }
}

void check_shared_networks(Reporter& reporter, std::span<const PlacedLink> links) {
    std::unordered_map<std::string, const PlacedLink*> first_of;
    for (const PlacedLink& placed : links) {
        if (placed.shared_network.empty()) {
            continue;
        }
        const auto [first, is_new] = first_of.emplace(placed.shared_network, &placed);
        const PlacedLink& other = *first->second;
        if (!is_new && placed.interface == other.interface && placed.vlans != other.vlans) {
            const auto vlan_of = [](const PlacedLink& link) {
                return link.vlans.empty() ? std::string{"no vlan"} : model::to_string(link.vlans);
            };
            reporter.error(placed.vlans.empty() ? placed.shared_network_place : placed.vlan_place,
                           "shared-network: " + in_quotes(placed.shared_network) + " has " +
                               vlan_of(placed) + " here and " + vlan_of(other) + " on " +
                               to_string(other.place) + "; subnets of one link name the same vlan");
        }
        if (is_new || placed.interface == other.interface) {
            continue;
        }
        const auto name_of = [](const PlacedLink& link) {
            return link.interface.empty() ? std::string{"no interface"} : in_quotes(link.interface);
        };
        reporter.error(
            placed.interface.empty() ? placed.shared_network_place : placed.interface_place,
            "shared-network: " + in_quotes(placed.shared_network) + " has " + name_of(placed) +
                " here and " + name_of(other) + " on " + to_string(other.place) +
                "; subnets of one link name the same interface");
    }
}

}  // namespace

void check_interface(Reporter& reporter, const std::string& name, Place place,
                     const std::vector<model::InterfaceConfiguration>& interfaces,
                     const PlacedInterfaces& placed_interfaces) {
    if (interfaces.empty() || placed_interfaces.contains(name)) {
        return;
    }
    std::vector<std::string_view> names;
    names.reserve(interfaces.size());
    for (const model::InterfaceConfiguration& interface : interfaces) {
        names.push_back(interface.name);
    }
    reporter.error(
        place, "interface: " + in_quotes(name) + " is not in interfaces" + suggestion(name, names));
}

void check_links(Reporter& reporter, std::span<const PlacedLink> links,
                 const std::vector<model::InterfaceConfiguration>& interfaces,
                 const PlacedInterfaces& placed_interfaces) {
    for (const PlacedLink& placed : links) {
        if (!placed.interface.empty()) {
            check_interface(reporter, placed.interface, placed.interface_place, interfaces,
                            placed_interfaces);
        }
    }
    check_vlans(reporter, links);
    check_shared_networks(reporter, links);
}

}  // namespace xdhcpd::config
