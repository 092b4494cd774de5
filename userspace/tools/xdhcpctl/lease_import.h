// `xdhcpctl leases import`: reads a lease file and gives its leases to the server, batch by batch.
// One thread.
#pragma once

#include <string>

#include "tools/xdhcpctl/client.h"

namespace xdhcpd::xdhcpctl {

struct LeaseImportArguments {
    std::string format = "auto";
    std::string file;  // "-": standard input
    bool is_dry_run = false;
    bool is_quiet = false;
    bool as_json = false;
};

// Prints what was not taken, with its place in the file, and counts. Returns 0 if every lease of
// the file that has not ended is now the server's, 1 otherwise.
[[nodiscard]] int run_lease_import(Client& client, const LeaseImportArguments& arguments);

}  // namespace xdhcpd::xdhcpctl
