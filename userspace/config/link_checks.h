// What must hold between subnets of one family and the interfaces that their clients are on. One
// load, one thread.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "config/interface_reader.h"
#include "config/reader.h"
#include "model/configuration.h"
#include "model/vlan_range.h"

namespace xdhcpd::config {

// Where a subnet of either family says its direct clients are, and where those words stand.
struct PlacedLink {
    std::string name;  // of the subnet, for people
    const std::string& interface;
    const std::vector<model::VlanRange>& vlans;
    const std::string& shared_network;
    Place place;            // of the prefix
    Place interface_place;  // line 0 if there is none, like the others
    Place vlan_place;
    Place shared_network_place;
};

// Reports interfaces that are not listed, VLANs of two links, and subnets of one link that disagree
// about it. `interfaces` are those that `placed_interfaces` says more of, in the order of the list;
// an empty list has been reported elsewhere.
void check_links(Reporter& reporter, std::span<const PlacedLink> links,
                 const std::vector<model::InterfaceConfiguration>& interfaces,
                 const PlacedInterfaces& placed_interfaces);

// Reports an interface that is not listed, unless none is.
void check_interface(Reporter& reporter, const std::string& name, Place place,
                     const std::vector<model::InterfaceConfiguration>& interfaces,
                     const PlacedInterfaces& placed_interfaces);

}  // namespace xdhcpd::config
