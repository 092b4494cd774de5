#include "config/neighbor_checks.h"

#include <algorithm>
#include <optional>
#include <string>

#include "config/link_checks.h"

namespace xdhcpd::config {
namespace {

// An interface, or a VLAN of one.
struct Where {
    const std::string& interface;
    const std::optional<model::VlanRange>& vlan;

    [[nodiscard]] bool is(const Where& other) const {
        return interface == other.interface && vlan == other.vlan;
    }
    // Whether direct clients of the subnet may be there. A subnet without interface may be
    // anywhere that is untagged.
    [[nodiscard]] bool may_have(const model::Subnet6Configuration& subnet) const {
        if (!subnet.interface.empty() && subnet.interface != interface) {
            return false;
        }
        return vlan ? std::ranges::any_of(
                          subnet.vlans,
                          [&](const model::VlanRange& range) { return range.overlaps(*vlan); })
                    : subnet.vlans.empty();
    }
};

[[nodiscard]] std::string to_string(const Where& where) {
    return in_quotes(where.interface) +
           (where.vlan ? " VLAN " + model::to_string(*where.vlan) : std::string{});
}

void check_driver(Reporter& reporter, const std::string& name, Place place,
                  const PlacedInterfaces& interfaces, std::string_view what) {
    const auto found = interfaces.find(name);
    if (found != interfaces.end() && found->second.driver == model::Driver::kUdp) {
        reporter.error(place, "interface: " + in_quotes(name) + " has driver udp, which cannot " +
                                  std::string{what} + "; auto, xdp, xdp-generic or packet was " +
                                  "meant");
    }
}

void check_advertisement(Reporter& reporter, const PlacedAdvertisement& placed,
                         std::span<const PlacedSubnet6> subnets) {
    const model::AdvertisementConfiguration& advertisement = placed.advertisement;
    const Where where{advertisement.interface, advertisement.vlan};
    const auto any_subnet = [&](auto has) {
        return std::ranges::any_of(subnets, [&](const PlacedSubnet6& subnet) {
            return where.may_have(subnet.subnet) && has(subnet.subnet);
        });
    };
    if (advertisement.managed && !any_subnet([](const auto&) { return true; })) {
        reporter.warning(placed.managed,
                         "managed: hosts on " + to_string(where) +
                             " will ask for addresses by DHCPv6, and no subnet of dhcp6 is there");
    }
    const bool has_prefixes = any_subnet([](const model::Subnet6Configuration& subnet) {
        return !subnet.prefix_pools.empty() ||
               std::ranges::any_of(subnet.reservations, [](const auto& reservation) {
                   return !reservation.prefixes.empty();
               });
    });
    for (const Place place : placed.pd_preferred) {
        if (place.line != 0 && !has_prefixes) {
            reporter.warning(place, "pd-preferred: hosts on " + to_string(where) +
                                        " will ask for prefixes by DHCPv6, and no subnet of dhcp6 "
                                        "there has prefix-pools");
        }
    }
}

// Whoever answers for another one's address on a link where that address belongs breaks it.
void check_target(Reporter& reporter, const Where& where, const Ipv6Prefix& target, Place place,
                  std::span<const PlacedAdvertisement> advertisements,
                  std::span<const PlacedSubnet6> subnets) {
    const auto overlaps = [&target](const Ipv6Prefix& prefix) {
        return prefix.contains(target) || target.contains(prefix);
    };
    const auto complain = [&](const std::string& what) {
        reporter.error(place, "targets: " + xdhcpd::to_string(target) + " overlaps " + what +
                                  "; hosts there have such addresses themselves");
    };
    for (const PlacedAdvertisement& placed : advertisements) {
        if (!where.is({placed.advertisement.interface, placed.advertisement.vlan})) {
            continue;
        }
        for (const model::AdvertisedPrefixConfiguration& each : placed.advertisement.prefixes) {
            if (each.on_link && overlaps(each.prefix)) {
                complain("the prefix " + xdhcpd::to_string(each.prefix) +
                         " that is advertised on-link on " + to_string(where));
                return;
            }
        }
    }
    for (const PlacedSubnet6& placed : subnets) {
        if (placed.has_prefix && where.may_have(placed.subnet) && overlaps(placed.subnet.prefix) &&
            (!placed.subnet.interface.empty() || placed.subnet.relays.empty())) {
            complain("the subnet " + xdhcpd::to_string(placed.subnet.prefix) +
                     " that is leased on " + to_string(where));
            return;
        }
    }
}

void check_proxies(Reporter& reporter, std::span<const PlacedProxy> proxies,
                   std::span<const PlacedAdvertisement> advertisements,
                   std::span<const PlacedSubnet6> subnets) {
    for (std::size_t i = 0; i < proxies.size(); ++i) {
        const model::NeighborProxyConfiguration& proxy = proxies[i].proxy;
        const Where where{proxy.interface, proxy.vlan};
        for (std::size_t t = 0; t < proxy.targets.size(); ++t) {
            const Ipv6Prefix& target = proxy.targets[t];
            check_target(reporter, where, target, proxies[i].targets[t], advertisements, subnets);
            for (std::size_t j = 0; j < i; ++j) {
                const model::NeighborProxyConfiguration& other = proxies[j].proxy;
                const auto same = std::ranges::find_if(other.targets, [&](const Ipv6Prefix& have) {
                    return have.contains(target) || target.contains(have);
                });
                if (where.is({other.interface, other.vlan}) && same != other.targets.end()) {
                    reporter.error(proxies[i].targets[t],
                                   "targets: " + xdhcpd::to_string(target) + " overlaps " +
                                       xdhcpd::to_string(*same) + " of another proxy on " +
                                       to_string(where));
                }
            }
        }
    }
}

}  // namespace

void check_neighbors(Reporter& reporter, std::span<const PlacedAdvertisement> advertisements,
                     std::span<const PlacedProxy> proxies, std::span<const PlacedSubnet6> subnets,
                     const std::vector<model::InterfaceConfiguration>& interfaces,
                     const PlacedInterfaces& placed_interfaces) {
    for (std::size_t i = 0; i < advertisements.size(); ++i) {
        const PlacedAdvertisement& placed = advertisements[i];
        const Where where{placed.advertisement.interface, placed.advertisement.vlan};
        check_interface(reporter, where.interface, placed.interface, interfaces, placed_interfaces);
        check_driver(reporter, where.interface, placed.interface, placed_interfaces,
                     "send Router Advertisements");
        for (std::size_t j = 0; j < i; ++j) {
            const model::AdvertisementConfiguration& other = advertisements[j].advertisement;
            if (where.is({other.interface, other.vlan})) {
                reporter.error(placed.interface,
                               "interface: " + to_string(where) +
                                   " already has an advertisement, on " +
                                   config::to_string(advertisements[j].interface));
                break;
            }
        }
        check_advertisement(reporter, placed, subnets);
    }
    for (const PlacedProxy& placed : proxies) {
        check_interface(reporter, placed.proxy.interface, placed.interface, interfaces,
                        placed_interfaces);
        check_driver(reporter, placed.proxy.interface, placed.interface, placed_interfaces,
                     "answer Neighbor Solicitations");
    }
    check_proxies(reporter, proxies, advertisements, subnets);
}

}  // namespace xdhcpd::config
