// `hooks:`, the commands that run for events.
#pragma once

#include <vector>

#include "config/reader.h"
#include "model/configuration.h"

namespace xdhcpd::config {

// At most 16 hooks, no two with the same command. Whether a command exists is not looked at.
[[nodiscard]] std::vector<model::HookConfiguration> read_hooks(const Reader& reader,
                                                               const Value& list);

}  // namespace xdhcpd::config
