// Which subnets are one layer-2 link, and which interface serves which link: the same for both
// families. Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "model/host_state.h"
#include "model/snapshot.h"
#include "model/vlan_range.h"

namespace xdhcpd::model {

// What a subnet of either family says about where its direct clients are.
struct LinkMember {
    const std::string& interface;  // empty: decided by addresses
    std::span<const VlanRange> vlans;
    const std::string& shared_network;
};

struct LinkPlan {
    std::vector<std::uint32_t> links;  // by subnet: 0..link_count-1, in the order of first subnets
    std::uint32_t link_count = 0;
    std::vector<std::optional<std::uint32_t>> untagged;  // by interface: link of untagged clients
    std::vector<std::vector<VlanLink>> vlans;            // by interface: of tagged ones, sorted
};

// Subnets of one shared network, and those that one interface serves untagged, are one link.
// `interfaces` may have null pointers, which serve nothing. `is_on(subnet, interface)`: whether the
// interface has an address inside the subnet; asked only of subnets that name no interface.
[[nodiscard]] LinkPlan plan_links(
    std::span<const LinkMember> subnets, std::span<const HostInterface* const> interfaces,
    const std::function<bool(std::size_t, const HostInterface&)>& is_on);

// Whether the plan has a link, tagged or not, of that interface.
[[nodiscard]] bool serves_any(const LinkPlan& plan, std::size_t interface);

// Warns of a subnet whose interface is not there, or that nothing serves though it is not only
// `for_relays`. `name`: of the subnet, for people.
void warn_of_unserved(const LinkPlan& plan, std::size_t subnet, const LinkMember& member,
                      bool for_relays, const std::string& name, const HostState& host,
                      std::vector<std::string>& warnings);

}  // namespace xdhcpd::model
