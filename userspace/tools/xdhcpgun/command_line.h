// The command line as Settings, checked as a whole.
#pragma once

#include <string>

#include "base/result.h"
#include "tools/xdhcpgun/settings.h"

namespace xdhcpd::gun {

// Why there is nothing to run: a message to print and the exit code (0 for --help).
struct NoRun {
    std::string text;
    int exit_code = 2;
};

[[nodiscard]] Result<Settings, NoRun> parse_command_line(int argc, const char* const* argv);

}  // namespace xdhcpd::gun
