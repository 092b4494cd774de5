// A page of leases over all subnets, as the actions list, find and export of "leases" give them:
// "subnet", "family", "limit" and "after" of a request, and "next" of its answer. Control thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "base/addresses.h"
#include "base/result.h"
#include "control/lease_cursor.h"
#include "control/lease_query.h"
#include "control/server_state.h"

namespace xdhcpd::control {

enum class Family : std::uint8_t { kIpv4 = 4, kIpv6 = 6 };

struct PageRequest {
    std::string subnet;                  // as NamedSpace::subnet() has it; empty: all
    std::optional<Family> family;        // none: both
    std::optional<std::uint64_t> limit;  // as it was asked for
    std::optional<LeaseCursor> after;    // goes on behind this
    std::size_t room = 0;                // leases in this page, at most
};

// What the request says; at most `max` leases. An error is a sentence for people.
[[nodiscard]] Result<PageRequest, std::string> page_request(const ServerState& state,
                                                            const nlohmann::json& request,
                                                            std::size_t max);

// Calls visit(space, lease) for the leases of the page that pass the filter: of DHCPv4 by address,
// then of DHCPv6, whose units are in no such order, those of a page and space by address. Where the
// next page goes on, if this one is full.
[[nodiscard]] std::optional<LeaseCursor> visit_page(
    const ServerState& state, const PageRequest& page, const LeaseFilter& filter,
    const std::function<void(const NamedSpace&, const HeldLease&)>& visit);

}  // namespace xdhcpd::control
