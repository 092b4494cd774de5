// `xdhcpd check -c FILE`: whether the state directory would do. Changes nothing.
#pragma once

#include <string>
#include <vector>

#include "config/diagnostic.h"
#include "config/load.h"

namespace xdhcpd::daemon {

// What keeps a server from starting with the directory is an error; what may depend on the user who
// runs this, or makes it of less use, is a warning; that a server is using it is a note. `file`
// names the configuration. Nothing under `durability: memory`.
[[nodiscard]] std::vector<config::Diagnostic> check_state_directory(
    const std::string& file, const config::LoadResult& loaded);

}  // namespace xdhcpd::daemon
