// Which listed units of IPv6 whoever has them may keep. Control thread only.
#pragma once

#include <span>

#include "model/configuration.h"
#include "model/snapshot6.h"
#include "model/space_registry6.h"

namespace xdhcpd::model {

// Sets `allowed` of every listed unit: it lies in a pool of the snapshot that is larger than its
// space and has no unit for it, and on the terms of apply_policy6(). Nobody chooses such a unit;
// it was leased before, here with another window or by another server. Part of apply_policy().
void apply_listed_policy6(const Snapshot6& snapshot, const Configuration& configuration,
                          SpaceRegistry6& registry);
// Only of these, which are listed: for a few that have just been added.
void apply_listed_policy6(const Snapshot6& snapshot, const Configuration& configuration,
                          SpaceRegistry6& registry, std::span<const What6> wanted_units);

}  // namespace xdhcpd::model
