// What a reload changes of IPv6. Pure; any thread.
#pragma once

#include <string>
#include <vector>

#include "model/configuration.h"

namespace xdhcpd::control {

// Appends lines as describe_changes() has them: of dhcp6 and its subnets, of Router Advertisements
// and of neighbor proxies.
void describe_changes6(std::vector<std::string>& lines, const model::Configuration& before,
                       const model::Configuration& after);

}  // namespace xdhcpd::control
