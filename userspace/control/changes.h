// What a reload changes. Pure; any thread.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/addresses.h"
#include "config/load.h"
#include "model/configuration.h"
#include "model/space_registry6.h"

namespace xdhcpd::control {

// Lines for people, one per change, subnets in the order of their addresses; empty if nothing
// changes. Without what only a restart can change, to which log: belongs unless `log_applies`.
[[nodiscard]] std::vector<std::string> describe_changes(const model::Configuration& before,
                                                        const model::Configuration& after,
                                                        bool log_applies);

// The rest: "workers (FILE:12): 2 -> 4", without the line if the key is not in the file. `places`:
// of the keys of `after`.
[[nodiscard]] std::vector<std::string> describe_restarts(const model::Configuration& before,
                                                         const model::Configuration& after,
                                                         const config::LoadResult::Places& places,
                                                         const std::string& file, bool log_applies);

// `wanted`, but what only a restart can change as in `in_force`.
[[nodiscard]] model::Configuration applicable(const model::Configuration& in_force,
                                              model::Configuration wanted, bool log_applies);

// Which addresses a configuration would let: those reserved, and those in pools that are not
// excluded; without those of routers, relays and the server. Borrows the configuration.
class Coverage {
  public:
    explicit Coverage(const model::Configuration& configuration);

    [[nodiscard]] bool covers(Ipv4 address) const;
    // Of DHCPv6: what lies in a pool of its kind, of that length, and not in an excluded range, or
    // is reserved.
    [[nodiscard]] bool covers(const model::What6& what) const;

  private:
    struct Part {
        const model::SubnetConfiguration* subnet;
        std::vector<Ipv4> reserved;   // sorted
        std::vector<Ipv4> forbidden;  // sorted
    };
    struct Range {
        Ipv6 first;
        Ipv6 last;
        auto operator<=>(const Range&) const = default;
    };
    void add_dhcp6(const model::Dhcp6Configuration& dhcp6);

    std::vector<Part> parts_;  // by prefix
    // Of DHCPv6, all sorted. Pools do not overlap; nor do excluded ranges, once they are joined.
    std::vector<Range> pools6_;
    std::vector<Range> excluded6_;
    std::vector<std::pair<Range, std::uint8_t>> prefix_pools_;  // with the length of their units
    std::vector<model::What6> reserved6_;
};

}  // namespace xdhcpd::control
