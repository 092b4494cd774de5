#include "control/lease_pages.h"

#include <algorithm>

#include "control/arguments.h"

namespace xdhcpd::control {

Result<PageRequest, std::string> page_request(const ServerState& state,
                                              const nlohmann::json& request, std::size_t max) {
    const auto subnet =
        parsed_argument(request, "subnet", parse_ipv4_prefix, "a prefix such as 192.0.2.0/24");
    const auto limit = count_argument(request, "limit");
    const auto after =
        parsed_argument(request, "after", parse_lease_cursor, "what \"next\" of an answer said");
    if (!subnet || !limit || !after) {
        return Unexpected{!subnet ? subnet.error() : !limit ? limit.error() : after.error()};
    }
    if (*subnet && !state.spaces.contains(**subnet)) {
        return Unexpected{"there is no subnet " + xdhcpd::to_string(**subnet)};
    }
    return PageRequest{
        *subnet, *limit, *after,
        static_cast<std::size_t>(std::min<std::uint64_t>(limit->value_or(max), max))};
}

std::optional<LeaseCursor> visit_page(
    const ServerState& state, const PageRequest& page, const LeaseFilter& filter,
    const std::function<void(const NamedSpace&, const HeldLease&)>& visit) {
    std::size_t room = page.room;
    for (const NamedSpace& space : state.named_spaces()) {
        if ((page.subnet && space.prefix != *page.subnet) ||
            (page.after && space.prefix < page.after->prefix)) {
            continue;
        }
        std::uint32_t from = 0;
        if (page.after && space.prefix == page.after->prefix) {
            from = page.after->address.value - space.prefix.address.value + 1;
        }
        const LeasePage found =
            collect_leases(state.parts.workers, space.id, from, room, filter, Control::kSliceLen);
        for (const HeldLease& lease : found.leases) {
            visit(space, lease);
        }
        room -= found.leases.size();
        if (room == 0) {
            return LeaseCursor{space.prefix, space.address(found.leases.back().index)};
        }
    }
    return std::nullopt;
}

}  // namespace xdhcpd::control
