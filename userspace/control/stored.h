// Waiting for stable storage: what an operator asked for is done when it outlives a crash. Control
// thread.
#pragma once

#include <optional>
#include <string>

#include "control/server_state.h"

namespace xdhcpd::control {

// Waits until all that the workers have written up to now is stored, for two seconds at most; not
// at all once stable storage fails. nullopt if it is, else a sentence that says why not: then it is
// in force, and stored when storage works again.
[[nodiscard]] std::optional<std::string> await_stored(const ServerState& state);

}  // namespace xdhcpd::control
