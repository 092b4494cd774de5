// What a reload changes. Pure; any thread.
#pragma once

#include <string>
#include <vector>

#include "base/addresses.h"
#include "model/configuration.h"

namespace xdhcpd::control {

// Lines for people, one per change, subnets in the order of their addresses; empty if nothing
// changes. What only a restart can change ends with "needs a restart". `log_applies`: log: does not
// need one.
[[nodiscard]] std::vector<std::string> describe_changes(const model::Configuration& before,
                                                        const model::Configuration& after,
                                                        bool log_applies);

// `wanted`, but what only a restart can change as in `in_force`.
[[nodiscard]] model::Configuration applicable(const model::Configuration& in_force,
                                              model::Configuration wanted, bool log_applies);

// Which addresses a configuration would let: those reserved, and those in pools that are not
// excluded; without those of routers, relays and the server. Borrows the configuration.
class Coverage {
  public:
    explicit Coverage(const model::Configuration& configuration);

    [[nodiscard]] bool covers(Ipv4 address) const;

  private:
    struct Part {
        const model::SubnetConfiguration* subnet;
        std::vector<Ipv4> reserved;   // sorted
        std::vector<Ipv4> forbidden;  // sorted
    };
    std::vector<Part> parts_;  // by prefix
};

}  // namespace xdhcpd::control
