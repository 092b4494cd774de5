#include "control/lease_pages.h"

#include <algorithm>
#include <string_view>

#include "control/arguments.h"

namespace xdhcpd::control {
namespace {

// The one text of a prefix of either family.
[[nodiscard]] std::optional<std::string> canonical_prefix(std::string_view text) {
    if (const auto prefix = parse_ipv4_prefix(text)) {
        return xdhcpd::to_string(*prefix);
    }
    const auto prefix = parse_ipv6_prefix(text);
    return prefix ? std::optional{xdhcpd::to_string(*prefix)} : std::nullopt;
}

[[nodiscard]] Argument<Family> family_argument(const nlohmann::json& request) {
    const auto found = request.find("family");
    if (found == request.end()) {
        return {std::nullopt};
    }
    if (*found != static_cast<int>(Family::kIpv4) && *found != static_cast<int>(Family::kIpv6)) {
        return Unexpected{std::string{"family wants 4 or 6"}};
    }
    return std::optional{static_cast<Family>(found->get<int>())};
}

// A subnet of DHCPv6 is known as long as it is configured.
[[nodiscard]] bool has_subnet(const ServerState& state, const std::string& subnet) {
    if (const auto prefix = parse_ipv4_prefix(subnet)) {
        return state.spaces.contains(*prefix);
    }
    const auto& subnets = state.parts.snapshots.newest().ipv6.subnets;
    return std::any_of(subnets.begin(), subnets.end(), [&](const model::Subnet6& each) {
        return xdhcpd::to_string(each.prefix) == subnet;
    });
}

// The index at which a page begins in a space; nothing if the space is behind already.
[[nodiscard]] std::optional<std::uint32_t> begin_in(const NamedSpace& space,
                                                    const std::optional<LeaseCursor>& after) {
    if (!after) {
        return 0;
    }
    if (after->ipv6) {
        if (!space.is_ipv6 || space.id.value < after->ipv6->space) {
            return std::nullopt;
        }
        return space.id.value == after->ipv6->space ? after->ipv6->index + 1 : 0;
    }
    if (space.is_ipv6) {
        return 0;
    }
    if (space.prefix < after->prefix) {
        return std::nullopt;
    }
    return space.prefix == after->prefix ? after->address.value - space.prefix.address.value + 1
                                         : 0;
}

}  // namespace

Result<PageRequest, std::string> page_request(const ServerState& state,
                                              const nlohmann::json& request, std::size_t max) {
    const auto subnet = parsed_argument(request, "subnet", canonical_prefix,
                                        "a prefix such as 192.0.2.0/24 or 2001:db8::/64");
    const auto family = family_argument(request);
    const auto limit = count_argument(request, "limit");
    const auto after =
        parsed_argument(request, "after", parse_lease_cursor, "what \"next\" of an answer said");
    if (!subnet || !family || !limit || !after) {
        return Unexpected{!subnet   ? subnet.error()
                          : !family ? family.error()
                          : !limit  ? limit.error()
                                    : after.error()};
    }
    if (*subnet && !has_subnet(state, **subnet)) {
        return Unexpected{"there is no subnet " + **subnet};
    }
    return PageRequest{
        subnet->value_or(std::string{}), *family, *limit, *after,
        static_cast<std::size_t>(std::min<std::uint64_t>(limit->value_or(max), max))};
}

std::optional<LeaseCursor> visit_page(
    const ServerState& state, const PageRequest& page, const LeaseFilter& filter,
    const std::function<void(const NamedSpace&, const HeldLease&)>& visit) {
    std::size_t room = page.room;
    for (const NamedSpace& space : state.named_spaces()) {
        const std::optional<std::uint32_t> from = begin_in(space, page.after);
        if (!from || (!page.subnet.empty() && space.subnet() != page.subnet) ||
            (page.family && space.is_ipv6 != (page.family == Family::kIpv6))) {
            continue;
        }
        LeasePage found =
            collect_leases(state.parts.workers, space.id, *from, room, filter, Control::kSliceLen);
        const std::uint32_t last = found.leases.empty() ? 0 : found.leases.back().index;
        if (space.is_ipv6) {
            std::sort(found.leases.begin(), found.leases.end(),
                      [](const HeldLease& a, const HeldLease& b) { return a.what6 < b.what6; });
        }
        for (const HeldLease& lease : found.leases) {
            visit(space, lease);
        }
        room -= found.leases.size();
        if (room == 0) {
            return space.is_ipv6 ? LeaseCursor{{}, {}, LeaseCursor::Unit6{space.id.value, last}}
                                 : LeaseCursor{space.prefix, space.address(last), std::nullopt};
        }
    }
    return std::nullopt;
}

}  // namespace xdhcpd::control
