// dhcp6: of the configuration. One load, one thread.
#pragma once

#include <vector>

#include "config/reader.h"
#include "config/subnet6_reader.h"
#include "model/configuration.h"

namespace xdhcpd::config {

// Reports what is wrong within dhcp6 and within each subnet, not between subnets. Returns the
// subnets, which are not yet in `dhcp6`.
[[nodiscard]] std::vector<PlacedSubnet6> read_dhcp6(const Reader& reader, const Value& value,
                                                    Completeness completeness,
                                                    model::Dhcp6Configuration& dhcp6);

}  // namespace xdhcpd::config
