// What must hold between the subnets of dhcp6. One load, one thread.
#pragma once

#include <span>
#include <vector>

#include "config/interface_reader.h"
#include "config/reader.h"
#include "config/subnet6_reader.h"
#include "model/configuration.h"

namespace xdhcpd::config {

// As check_subnets() of IPv4; reports pools too that overlap, of addresses and of prefixes in any
// subnets, and two links of one interface-id. Warns of subnets that give nothing, unless dhcp6
// itself `has_options`.
void check_subnets6(Reporter& reporter, std::span<const PlacedSubnet6> subnets, bool has_options,
                    const std::vector<model::InterfaceConfiguration>& interfaces,
                    const PlacedInterfaces& placed_interfaces);

}  // namespace xdhcpd::config
