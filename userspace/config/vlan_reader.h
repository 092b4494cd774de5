// vlan: of the configuration. One load, one thread.
#pragma once

#include <optional>
#include <vector>

#include "config/reader.h"
#include "model/vlan_range.h"

namespace xdhcpd::config {

// One VLAN or range, or a list of them that do not overlap; what is wrong is reported and left out.
[[nodiscard]] std::vector<model::VlanRange> read_vlans(const Reader& reader, const Value& value);
// Exactly one VLAN: 100 or 100.200.
[[nodiscard]] std::optional<model::VlanRange> read_vlan(const Reader& reader, const Value& value);

}  // namespace xdhcpd::config
