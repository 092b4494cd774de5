// What check --host says about Router Advertisements and neighbor proxies of a configuration on
// this host. Pure.
#pragma once

#include <vector>

#include "host/advice.h"
#include "model/configuration.h"
#include "model/host_state.h"

namespace xdhcpd::daemon {

// A finding to mend for each target of a proxy that the kernel answers for itself, because it is an
// address of this host; a note where the source address of advertisements is missing.
[[nodiscard]] std::vector<host::Finding> check_ipv6(const model::Configuration& configuration,
                                                    const model::HostState& host);

}  // namespace xdhcpd::daemon
