// Tells of pools that have run out, and of their recovery. Control thread.
#pragma once

#include <map>
#include <string>

#include "control/server_state.h"
#include "lease/space.h"

namespace xdhcpd::control {

class PoolWatch {
  public:
    // Logs each change since the last look.
    void look(const ServerState& state);

  private:
    void look_at(const ServerState& state, const std::string& name, const std::string& units,
                 const std::string& whose, const lease::Space& space);

    std::map<std::string, bool> was_full_;  // of subnets and pools that have anything, by name
    std::map<std::string, bool> is_full_;
};

}  // namespace xdhcpd::control
