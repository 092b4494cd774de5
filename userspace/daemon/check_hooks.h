// Part of `xdhcpd check`: whether the commands of hooks could be run.
#pragma once

#include <string>
#include <vector>

#include "config/load.h"

namespace xdhcpd::daemon {

// Warnings, at the places of the hooks: a command may be installed later, and who runs the check
// may see less than the server.
[[nodiscard]] std::vector<config::Diagnostic> check_hooks(const std::string& file,
                                                          const config::LoadResult& loaded);

}  // namespace xdhcpd::daemon
