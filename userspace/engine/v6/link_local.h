// What messages of Neighbor Discovery that we send have in common: our address on the link, and the
// tags of a link that no received frame names. Pure.
#pragma once

#include <optional>

#include "base/addresses.h"
#include "model/host_state.h"
#include "model/vlan_range.h"
#include "packet/headers.h"
#include "packet/vlan.h"

namespace xdhcpd::engine::v6 {

// The first link-local address of the interface; nothing while it has none that may be used.
[[nodiscard]] inline std::optional<Ipv6> link_local_address(
    const model::HostInterface& interface) noexcept {
    for (const Ipv6Prefix& prefix : interface.addresses6) {
        if (prefix.address.is_link_local()) {
            return prefix.address;
        }
    }
    return std::nullopt;
}

// The tags of frames to a VLAN: a customer tag, behind a service tag where there are two.
[[nodiscard]] inline VlanTags tags_of(model::VlanIds vlan) noexcept {
    VlanTags tags;
    if (vlan.inner != 0) {
        tags.tags = {VlanTag{kEtherTypeQinq, vlan.outer}, VlanTag{kEtherTypeVlan, vlan.inner}};
        tags.count = 2;
    } else if (vlan.outer != 0) {
        tags.tags[0] = {kEtherTypeVlan, vlan.outer};
        tags.count = 1;
    }
    return tags;
}

}  // namespace xdhcpd::engine::v6
