// Reads the network interfaces and addresses of this host from the kernel (rtnetlink). Control
// thread; each call is a snapshot of its own and keeps no state.
#pragma once

#include "base/error.h"
#include "base/result.h"
#include "model/host_state.h"

namespace xdhcpd::host {

// All interfaces in the order of their index, with their addresses in the kernel's order (the
// primary IPv4 address first). A dump that the kernel interrupted because something changed
// meanwhile is repeated.
[[nodiscard]] Result<model::HostState, Error> read_host_state();

}  // namespace xdhcpd::host
