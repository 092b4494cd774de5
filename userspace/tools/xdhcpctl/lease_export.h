// `xdhcpctl leases export`: leases as a lease file, page by page while the server serves. One
// thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/addresses.h"
#include "base/result.h"
#include "tools/xdhcpctl/client.h"

namespace xdhcpd::xdhcpctl {

struct LeaseExportArguments {
    std::string format = "json";
    std::string file;                         // empty or "-": standard output
    std::string subnet;                       // empty: all
    std::uint64_t family = 0;                 // 4, 6 or 0: what the format can hold
    std::vector<std::string> kea_subnet_ids;  // "PREFIX=ID"
};

// Kea's numbers of subnets ("192.0.2.0/24", "2001:db8::/64"): those given, and for the others their
// place in `subnets`, from 1 on. An error says which of `given` is wrong.
[[nodiscard]] Result<std::map<std::string, std::uint32_t>, std::string> kea_subnet_ids(
    const std::vector<std::string>& subnets, const std::vector<std::string>& given);

// Returns the exit code; what went wrong has been printed. A file is there as a whole or not at
// all.
[[nodiscard]] int run_lease_export(Client& client, const LeaseExportArguments& arguments);

}  // namespace xdhcpd::xdhcpctl
