// What must hold between subnets, and between them and the interfaces. One load, one thread.
#pragma once

#include <span>
#include <vector>

#include "config/interface_reader.h"
#include "config/reader.h"
#include "config/subnet_reader.h"
#include "model/configuration.h"

namespace xdhcpd::config {

// Reports prefixes that overlap, interfaces that are not listed, VLANs of two links, and subnets of
// one link that disagree about it. `interfaces` are those that `placed_interfaces` says more of, in
// the order of the list; an empty list has been reported elsewhere.
void check_subnets(Reporter& reporter, std::span<const PlacedSubnet> subnets,
                   const std::vector<model::InterfaceConfiguration>& interfaces,
                   const PlacedInterfaces& placed_interfaces);

}  // namespace xdhcpd::config
