// `xdhcpd check --host`: prints what of the host helps or hinders, with the command that mends it.
#pragma once

#include <string>
#include <vector>

namespace xdhcpd::daemon {

struct CheckHostOptions {
    std::string file;                     // its interfaces; empty: `interfaces`
    std::vector<std::string> interfaces;  // empty: all that are up, but for the loopback
    bool as_json = false;
};

// The exit code: 0 when all is good, 1 when something needs mending or the file is bad.
[[nodiscard]] int check_host(const CheckHostOptions& options);

}  // namespace xdhcpd::daemon
