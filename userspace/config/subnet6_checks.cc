#include "config/subnet6_checks.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "config/link_checks.h"

namespace xdhcpd::config {
namespace {

// Reports ranges that overlap one that stands earlier; `what` is what the earlier one is.
void check_ranges(Reporter& reporter, std::vector<PlacedRange6> ranges, std::string_view what) {
    std::ranges::stable_sort(ranges, {}, [](const PlacedRange6& each) { return each.range.first; });
    const PlacedRange6* reaching = nullptr;  // the one with the highest last address so far
    for (const PlacedRange6& each : ranges) {
        if (reaching != nullptr && each.range.first <= reaching->range.last) {
            const bool in_order = reaching->place < each.place;
            const PlacedRange6& earlier = in_order ? *reaching : each;
            const PlacedRange6& later = in_order ? each : *reaching;
            const std::string other = earlier.name.substr(earlier.name.find(' ') + 1);
            reporter.error(later.place, later.range == earlier.range
                                            ? later.name + " is listed twice; it is first on " +
                                                  to_string(earlier.place)
                                            : later.name + " overlaps " + std::string{what} +
                                                  other + " on " + to_string(earlier.place));
        }
        if (reaching == nullptr || reaching->range.last < each.range.last) {
            reaching = &each;
        }
    }
}

void check_overlaps(Reporter& reporter, std::span<const PlacedSubnet6> subnets) {
    std::vector<PlacedRange6> prefixes;
    std::vector<PlacedRange6> pools;
    for (const PlacedSubnet6& placed : subnets) {
        if (placed.has_prefix) {
            prefixes.push_back({{placed.subnet.prefix.network(), placed.subnet.prefix.last()},
                                placed.place,
                                "subnet: " + xdhcpd::to_string(placed.subnet.prefix)});
        }
        pools.insert(pools.end(), placed.pools.begin(), placed.pools.end());
        pools.insert(pools.end(), placed.prefix_pools.begin(), placed.prefix_pools.end());
    }
    check_ranges(reporter, std::move(prefixes), "");
    check_ranges(reporter, std::move(pools), "the pool ");
}

// Relays of several links may not say the same: it is all that names the link.
void check_interface_ids(Reporter& reporter, std::span<const PlacedSubnet6> subnets) {
    std::map<std::vector<std::byte>, const PlacedSubnet6*> first_of;
    for (const PlacedSubnet6& placed : subnets) {
        if (placed.subnet.interface_id.empty()) {
            continue;
        }
        const auto [first, is_new] = first_of.emplace(placed.subnet.interface_id, &placed);
        const std::string& network = placed.subnet.shared_network;
        const bool one_link = !network.empty() && network == first->second->subnet.shared_network;
        if (!is_new && !one_link) {
            reporter.error(placed.interface_id,
                           "interface-id: subnet " +
                               xdhcpd::to_string(first->second->subnet.prefix) +
                               " has the same on " + to_string(first->second->interface_id) +
                               "; subnets of one link have the same shared-network");
        }
    }
}

}  // namespace

void check_subnets6(Reporter& reporter, std::span<const PlacedSubnet6> subnets, bool has_options,
                    const std::vector<model::InterfaceConfiguration>& interfaces,
                    const PlacedInterfaces& placed_interfaces) {
    check_overlaps(reporter, subnets);
    std::vector<PlacedLink> links;
    for (const PlacedSubnet6& placed : subnets) {
        const model::Subnet6Configuration& subnet = placed.subnet;
        links.push_back({xdhcpd::to_string(subnet.prefix), subnet.interface, subnet.vlans,
                         subnet.shared_network, placed.place, placed.interface, placed.vlan,
                         placed.shared_network});
        if (!placed.gives_something && !has_options) {
            reporter.warning(placed.place,
                             "the subnet has neither pools nor reservations nor options: nothing "
                             "to give");
        }
    }
    check_links(reporter, links, interfaces, placed_interfaces);
    check_interface_ids(reporter, subnets);
}

}  // namespace xdhcpd::config
