// Reads the network interfaces and IPv4 addresses of this host from the kernel (rtnetlink). Control
// thread; each call is a snapshot of its own and keeps no state.
#pragma once

#include "base/error.h"
#include "base/result.h"
#include "model/host_state.h"

namespace xdhcpd::host {

// All interfaces in the order of their index, with their IPv4 addresses in the kernel's order
// (primary first). A dump that the kernel interrupted because something changed meanwhile is
// repeated.
[[nodiscard]] Result<model::HostState, Error> read_host_state();

}  // namespace xdhcpd::host
