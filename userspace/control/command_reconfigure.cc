// The command "reconfigure": asks DHCPv6 clients to renew or rebind (RFC 8415 section 18.3.11).

#include <string>
#include <utility>

#include "control/commands.h"
#include "control/lease_pages.h"
#include "control/lease_query.h"
#include "control/text.h"
#include "control/unit_name.h"

namespace xdhcpd::control {
namespace {

using nlohmann::json;
using Ask = Reconfigurer::Ask;

// What became of the leases that were meant; see Reconfigurer::Ask.
struct Outcome {
    std::uint64_t asked = 0;  // so many clients: each is asked for its first lease
    std::uint64_t again = 0;
    std::uint64_t unwilling = 0;
    std::uint64_t unreachable = 0;

    void add(Ask ask) noexcept {
        asked += ask == Ask::kAsked ? 1 : 0;
        again += ask == Ask::kAgain ? 1 : 0;
        unwilling += ask == Ask::kUnwilling ? 1 : 0;
        unreachable += ask == Ask::kUnreachable ? 1 : 0;
    }
};

Result<dhcp6::MessageType, std::string> wanted_of(const json& request) {
    const auto text = text_argument(request, "wanted");
    if (!text) {
        return Unexpected{text.error()};
    }
    const std::string name = text->value_or("renew");
    if (name != "renew" && name != "rebind") {
        return Unexpected{"wanted: '" + name + "' is unknown; renew or rebind was meant"};
    }
    return name == "renew" ? dhcp6::MessageType::kRenew : dhcp6::MessageType::kRebind;
}

}  // namespace

Answer reconfigure_command(const ServerState& state, Reconfigurer& reconfigurer,
                           const json& request) {
    const auto wanted = wanted_of(request);
    const auto name = parsed_argument(request, "address", parse_unit_name, kUnitMeant);
    const auto duid = parsed_argument(request, "client_id", parse_hex_bytes, "hexadecimal bytes");
    auto page = page_request(state, request, Control::kMaxLeases);
    const auto all = flag_argument(request, "all");
    if (!wanted || !name || !duid || !page || !all) {
        return Unexpected{!wanted ? wanted.error()
                          : !name ? name.error()
                          : !duid ? duid.error()
                          : !page ? page.error()
                                  : all.error()};
    }
    if (!*name && !*duid && page->subnet.empty() && !*all) {
        return Unexpected{std::string{"reconfigure wants address, client_id, subnet or all"}};
    }
    const model::Snapshot6& ipv6 = state.parts.snapshots.newest().ipv6;
    if (!ipv6.reconfigure) {
        return Unexpected{std::string{
            "clients have no keys: reconfigure: is not set in dhcp6 of the configuration"}};
    }
    Outcome outcome;
    bool found = false;
    const auto ask = [&](const NamedSpace& space, const HeldLease& lease) {
        if (lease.what6 && lease.state == lease::LeaseState::kLeased) {
            found = true;
            outcome.add(reconfigurer.ask(space.id, space.subnet(), lease, *wanted, state.now()));
        }
    };
    std::optional<LeaseCursor> next;
    if (*name) {
        for (const NamedUnit& unit : units_of(state, **name, true)) {
            if (const auto lease = find_lease(state.parts.workers, unit.space.id, unit.index)) {
                ask(unit.space, *lease);
            }
        }
        if (!found) {
            return Unexpected{"there is no lease of DHCPv6 of " +
                              request["address"].get<std::string>()};
        }
    } else {
        page->family = Family::kIpv6;
        next =
            visit_page(state, *page, {{}, *duid, {}},
                       [&](const NamedSpace& space, const HeldLease& lease) { ask(space, lease); });
    }
    if (*duid && !found && !next && !page->after) {
        return Unexpected{"there is no lease of DHCPv6 of the client " +
                          request["client_id"].get<std::string>()};
    }
    json answer = {{"asked", outcome.asked},
                   {"again", outcome.again},
                   {"unwilling", outcome.unwilling},
                   {"unreachable", outcome.unreachable}};
    if (next) {
        answer["next"] = to_string(*next);
    }
    return answer;
}

}  // namespace xdhcpd::control
