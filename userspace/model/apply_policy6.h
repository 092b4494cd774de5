// Carries the policy of the IPv6 part of a snapshot into the store's bitmaps. Control thread only;
// called by apply_policy().
#pragma once

#include "model/configuration.h"
#include "model/host_state.h"
#include "model/snapshot6.h"
#include "model/space_registry6.h"

namespace xdhcpd::model {

// Sets `allowed` of every unit of every IPv6 space to what the snapshot says: in a pool, not
// excluded, not reserved, no reserved interface identifier (RFC 5453), not of a relay or this host,
// and nothing delegated that has a subnet, a pool of addresses or an address of this host inside.
// For listed units see listed_units.h.
//
// A pool that has changed its ends is another space with the same addresses in it. Until nothing is
// held of them in the old one, they stay closed in the new one, and what is held in the old one
// stays allowed there, so that its clients renew it. Returns whether something stays closed for
// that reason: to be called again when every worker uses the snapshot, and then now and then.
[[nodiscard]] bool apply_policy6(const Snapshot6& snapshot, const Configuration& configuration,
                                 const HostState& host, SpaceRegistry6& registry);

}  // namespace xdhcpd::model
