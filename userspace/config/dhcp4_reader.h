// dhcp4: of the configuration, with its subnets. One load, one thread.
#pragma once

#include <vector>

#include "config/reader.h"
#include "config/subnet_reader.h"
#include "model/configuration.h"

namespace xdhcpd::config {

// Reads everything but the subnets into `dhcp4`, and returns those: what must hold between them is
// checked by check_subnets().
[[nodiscard]] std::vector<PlacedSubnet> read_dhcp4(const Reader& reader, const Value& value,
                                                   Completeness completeness,
                                                   model::Dhcp4Configuration& dhcp4);

}  // namespace xdhcpd::config
