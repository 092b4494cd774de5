#include "config/subnet_checks.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace xdhcpd::config {
namespace {

// Of one interface: each is an entry of the XDP program's map, which has room for a few others too.
constexpr std::uint32_t kMaxVlans = 16000;

void check_overlaps(Reporter& reporter, std::span<const PlacedSubnet> subnets) {
    std::vector<const PlacedSubnet*> sorted;
    for (const PlacedSubnet& placed : subnets) {
        if (placed.has_prefix) {
            sorted.push_back(&placed);
        }
    }
    std::ranges::stable_sort(sorted, {}, [](const PlacedSubnet* placed) {
        return std::pair{placed->subnet.prefix.address, placed->subnet.prefix.length};
    });
    const PlacedSubnet* covering = nullptr;
    for (const PlacedSubnet* placed : sorted) {
        const bool overlaps =
            covering != nullptr && covering->subnet.prefix.contains(placed->subnet.prefix.address);
        if (!overlaps) {
            covering = placed;
            continue;
        }
        const bool in_order = covering->place < placed->place;
        const PlacedSubnet& earlier = in_order ? *covering : *placed;
        const PlacedSubnet& later = in_order ? *placed : *covering;
        const std::string name = xdhcpd::to_string(later.subnet.prefix);
        if (earlier.subnet.prefix == later.subnet.prefix) {
            reporter.error(later.place, "subnet: " + name + " is listed twice; it is first on " +
                                            to_string(earlier.place));
        } else {
            reporter.error(later.place, "subnet: " + name + " overlaps " +
                                            xdhcpd::to_string(earlier.subnet.prefix) + " on " +
                                            to_string(earlier.place));
        }
    }
}

void check_interfaces(Reporter& reporter, std::span<const PlacedSubnet> subnets,
                      const std::vector<model::InterfaceConfiguration>& interfaces,
                      const PlacedInterfaces& placed_interfaces) {
    std::vector<std::string_view> names;
    names.reserve(interfaces.size());
    for (const model::InterfaceConfiguration& interface : interfaces) {
        names.push_back(interface.name);
    }
    for (const PlacedSubnet& placed : subnets) {
        const std::string& name = placed.subnet.interface;
        if (name.empty() || names.empty() || placed_interfaces.contains(name)) {
            continue;
        }
        reporter.error(placed.interface, "interface: " + in_quotes(name) + " is not in interfaces" +
                                             suggestion(name, names));
    }
}

// A tagged frame names one link.
void check_vlans(Reporter& reporter, std::span<const PlacedSubnet> subnets) {
    std::unordered_map<std::string, std::uint32_t> counts;  // by interface
    for (std::size_t i = 0; i < subnets.size(); ++i) {
        const PlacedSubnet& placed = subnets[i];
        std::uint32_t& count = counts[placed.subnet.interface];
        for (const model::VlanRange& range : placed.subnet.vlans) {
            const bool had_room = count <= kMaxVlans;
            count = std::min(count + range.size(), 2 * kMaxVlans);
            if (had_room && count > kMaxVlans) {
                reporter.error(placed.vlan, "vlan: interface " +
                                                in_quotes(placed.subnet.interface) +
                                                " has more than " + std::to_string(kMaxVlans) +
                                                " VLANs with this; narrower ranges were meant");
            }
        }
        for (std::size_t j = 0; j < i; ++j) {
            const PlacedSubnet& other = subnets[j];
            const bool one_link = !placed.subnet.shared_network.empty() &&
                                  placed.subnet.shared_network == other.subnet.shared_network;
            if (one_link || placed.subnet.interface != other.subnet.interface) {
                continue;
            }
            for (const model::VlanRange& range : placed.subnet.vlans) {
                const auto taken = std::ranges::find_if(
                    other.subnet.vlans,
                    [&](const model::VlanRange& have) { return have.overlaps(range); });
                if (taken != other.subnet.vlans.end()) {
                    reporter.error(placed.vlan,
                                   "vlan: " + model::to_string(range) + " overlaps " +
                                       model::to_string(*taken) + " of subnet " +
                                       xdhcpd::to_string(other.subnet.prefix) + " on " +
                                       to_string(other.vlan) +
                                       "; subnets of one VLAN have the same shared-network");
                }
            }
        }
    }
}

void check_shared_networks(Reporter& reporter, std::span<const PlacedSubnet> subnets) {
    std::unordered_map<std::string, const PlacedSubnet*> first_of;
    for (const PlacedSubnet& placed : subnets) {
        if (placed.subnet.shared_network.empty()) {
            continue;
        }
        const auto [first, is_new] = first_of.emplace(placed.subnet.shared_network, &placed);
        const PlacedSubnet& other = *first->second;
        if (!is_new && placed.subnet.interface == other.subnet.interface &&
            placed.subnet.vlans != other.subnet.vlans) {
            const auto vlan_of = [](const PlacedSubnet& subnet) {
                return subnet.subnet.vlans.empty() ? std::string{"no vlan"}
                                                   : model::to_string(subnet.subnet.vlans);
            };
            reporter.error(placed.subnet.vlans.empty() ? placed.shared_network : placed.vlan,
                           "shared-network: " + in_quotes(placed.subnet.shared_network) + " has " +
                               vlan_of(placed) + " here and " + vlan_of(other) + " on " +
                               to_string(other.place) + "; subnets of one link name the same vlan");
        }
        if (is_new || placed.subnet.interface == other.subnet.interface) {
            continue;
        }
        const auto name_of = [](const PlacedSubnet& subnet) {
            return subnet.subnet.interface.empty() ? std::string{"no interface"}
                                                   : in_quotes(subnet.subnet.interface);
        };
        reporter.error(placed.subnet.interface.empty() ? placed.shared_network : placed.interface,
                       "shared-network: " + in_quotes(placed.subnet.shared_network) + " has " +
                           name_of(placed) + " here and " + name_of(other) + " on " +
                           to_string(other.place) +
                           "; subnets of one link name the same interface");
    }
}

}  // namespace

void check_subnets(Reporter& reporter, std::span<const PlacedSubnet> subnets,
                   const std::vector<model::InterfaceConfiguration>& interfaces,
                   const PlacedInterfaces& placed_interfaces) {
    check_overlaps(reporter, subnets);
    check_interfaces(reporter, subnets, interfaces, placed_interfaces);
    check_vlans(reporter, subnets);
    check_shared_networks(reporter, subnets);
}

void warn_of_unserved_interfaces(Reporter& reporter, std::span<const PlacedSubnet> subnets,
                                 const PlacedInterfaces& interfaces) {
    const bool any_interface = std::ranges::any_of(subnets, [&](const PlacedSubnet& placed) {
        // One that is not listed may be a misspelt one, which is reported.
        return placed.subnet.interface.empty() || !placed.subnet.relays.empty() ||
               !interfaces.contains(placed.subnet.interface);
    });
    if (any_interface || subnets.empty()) {
        return;
    }
    for (const auto& [name, interface] : interfaces) {
        const bool named = std::ranges::any_of(subnets, [&name = name](const PlacedSubnet& placed) {
            return placed.subnet.interface == name;
        });
        if (!named) {
            reporter.warning(interface.place,
                             "no subnet can be reached through interface " + in_quotes(name));
        }
    }
}

}  // namespace xdhcpd::config
