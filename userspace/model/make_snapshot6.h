// Builds the IPv6 part of a Snapshot from configuration and host. Control thread only; called by
// make_snapshot().
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/hash.h"
#include "model/configuration.h"
#include "model/host_state.h"
#include "model/snapshot6.h"
#include "model/space_registry6.h"
#include "model/subnet_links.h"

namespace xdhcpd::model {

struct Snapshot6Result {
    Snapshot6 snapshot;
    LinkPlan plan;  // of configuration.interfaces, in their order
    std::vector<std::string> warnings;
};

// `interfaces` are those of `configuration` in their order, null where the host has none. What
// belongs to one of those is left out; the caller warns of them. A pool or a reserved unit that the
// store has no room for is left out with a warning; a reservation of what belongs to this host or
// to a relay keeps its options and loses it, with a warning.
[[nodiscard]] Snapshot6Result make_snapshot6(const Configuration& configuration,
                                             const HostState& host,
                                             std::span<const HostInterface* const> interfaces,
                                             SpaceRegistry6& registry, HashKey hash_key);

// Whether an interface has something to do with IPv6 besides the subnets of the plan.
[[nodiscard]] bool advertises_or_answers(const Snapshot6& snapshot, std::uint32_t ifindex);

}  // namespace xdhcpd::model
