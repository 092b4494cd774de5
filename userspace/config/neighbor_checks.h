// What must hold between Router Advertisements, neighbor proxies, subnets of dhcp6 and interfaces.
// One load, one thread.
#pragma once

#include <span>
#include <vector>

#include "config/advertisement_reader.h"
#include "config/interface_reader.h"
#include "config/neighbor_proxy_reader.h"
#include "config/reader.h"
#include "config/subnet6_reader.h"
#include "model/configuration.h"

namespace xdhcpd::config {

// Reports interfaces that are not listed or have driver udp, two advertisements of one link, and
// targets of proxies that are told to be on the link itself, by an advertisement or by DHCPv6, or
// that two proxies have. Warns of flags that promise a DHCPv6 that is not there.
void check_neighbors(Reporter& reporter, std::span<const PlacedAdvertisement> advertisements,
                     std::span<const PlacedProxy> proxies, std::span<const PlacedSubnet6> subnets,
                     const std::vector<model::InterfaceConfiguration>& interfaces,
                     const PlacedInterfaces& placed_interfaces);

}  // namespace xdhcpd::config
