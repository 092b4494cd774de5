// Tells of pools that have run out, and of their recovery. Control thread.
#pragma once

#include <map>

#include "base/addresses.h"
#include "control/server_state.h"

namespace xdhcpd::control {

class PoolWatch {
  public:
    // Logs each change since the last look.
    void look(const ServerState& state);

  private:
    std::map<Ipv4Prefix, bool> is_full_;  // of subnets with a pool
};

}  // namespace xdhcpd::control
