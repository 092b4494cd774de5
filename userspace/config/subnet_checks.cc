#include "config/subnet_checks.h"

#include <algorithm>
#include <string>
#include <utility>

#include "config/link_checks.h"

namespace xdhcpd::config {
namespace {

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

}  // namespace

void check_subnets(Reporter& reporter, std::span<const PlacedSubnet> subnets,
                   const std::vector<model::InterfaceConfiguration>& interfaces,
                   const PlacedInterfaces& placed_interfaces) {
    check_overlaps(reporter, subnets);
    std::vector<PlacedLink> links;
    for (const PlacedSubnet& placed : subnets) {
        const model::SubnetConfiguration& subnet = placed.subnet;
        links.push_back({xdhcpd::to_string(subnet.prefix), subnet.interface, subnet.vlans,
                         subnet.shared_network, placed.place, placed.interface, placed.vlan,
                         placed.shared_network});
    }
    check_links(reporter, links, interfaces, placed_interfaces);
}

}  // namespace xdhcpd::config
