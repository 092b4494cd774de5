// The command "leases": lists, finds and deletes them; lease_transfer.h exports and imports them.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "control/commands.h"
#include "control/lease_pages.h"
#include "control/lease_query.h"
#include "control/lease_transfer.h"
#include "control/stored.h"
#include "control/text.h"

namespace xdhcpd::control {
namespace {

using model::LogLevel;
using nlohmann::json;

std::string_view name_of(lease::LeaseState state) noexcept {
    switch (state) {
        case lease::LeaseState::kOffered:
            return "offered";
        case lease::LeaseState::kLeased:
            return "leased";
        case lease::LeaseState::kDeclined:
            return "declined";
        default:
            return "free";
    }
}

json to_json(const ServerState& state, const NamedSpace& space, const HeldLease& lease) {
    json object = {{"address", xdhcpd::to_string(space.address(lease.index))},
                   {"subnet", xdhcpd::to_string(space.prefix)},
                   {"state", name_of(lease.state)},
                   {"hw_address", lease.hw_address()},
                   {"client_id", to_hex(client_id_in(lease.identity), 0)},
                   {"hostname", to_utf8(lease.hostname)},
                   {"relay_information", to_hex(lease.relay_information, 0)},
                   {"expires_in", nullptr},
                   {"expires", nullptr}};
    if (!lease.expiry.is_never()) {
        const std::uint32_t current = to_boot_seconds(state.now()).value;
        const std::uint32_t left = lease.expiry.value - std::min(current, lease.expiry.value);
        // When the machine started, to the second: the same whenever somebody asks.
        const auto boot = std::chrono::round<std::chrono::seconds>(
            std::chrono::system_clock::now().time_since_epoch() - state.now().time_since_epoch());
        object["expires_in"] = left;
        object["expires"] = format_time(boot.count() + lease.expiry.value);
    }
    return object;
}

Answer list_leases(const ServerState& state, const json& request, const LeaseFilter& filter) {
    const auto page = page_request(state, request, Control::kMaxLeases);
    if (!page) {
        return Unexpected{page.error()};
    }
    json list = json::array();
    const auto next =
        visit_page(state, *page, filter, [&](const NamedSpace& space, const HeldLease& lease) {
            list.push_back(to_json(state, space, lease));
        });
    json answer{{"leases", std::move(list)}};
    // Only a list that we cut ourselves goes on; who sets a limit has what he wanted.
    if (next && page->limit.value_or(Control::kMaxLeases + 1) > Control::kMaxLeases) {
        answer["next"] = to_string(*next);
    }
    return answer;
}

Answer find_address(const ServerState& state, Ipv4 address) {
    json list = json::array();
    for (const NamedSpace& space : state.named_spaces()) {
        if (!space.prefix.contains(address)) {
            continue;
        }
        const std::uint32_t index = address.value - space.prefix.address.value;
        if (const auto lease = find_lease(state.parts.workers, space.id, index)) {
            list.push_back(to_json(state, space, *lease));
        }
    }
    return json{{"leases", std::move(list)}};
}

Answer find_leases(const ServerState& state, const json& request) {
    const auto hw_address = parsed_argument(request, "hw_address", parse_mac,
                                            "a MAC address such as 02:00:5e:00:53:01");
    const auto address =
        parsed_argument(request, "address", parse_ipv4, "an address such as 192.0.2.1");
    const auto client_id =
        parsed_argument(request, "client_id", parse_hex_bytes, "hexadecimal bytes");
    const auto hostname = text_argument(request, "hostname");
    if (!hw_address || !address || !client_id || !hostname) {
        return Unexpected{!hw_address  ? hw_address.error()
                          : !address   ? address.error()
                          : !client_id ? client_id.error()
                                       : hostname.error()};
    }
    if (*address) {
        return find_address(state, **address);
    }
    if (!*hw_address && !*client_id && !*hostname) {
        return Unexpected{std::string{"find wants hw_address, address, client_id or hostname"}};
    }
    return list_leases(state, request, {*hw_address, *client_id, *hostname});
}

Answer delete_lease(const ServerState& state, const json& request) {
    const auto address =
        parsed_argument(request, "address", parse_ipv4, "an address such as 192.0.2.1");
    if (!address || !*address) {
        return Unexpected{address ? std::string{"delete wants address"} : address.error()};
    }
    json list = json::array();
    for (const NamedSpace& space : state.named_spaces()) {
        if (!space.prefix.contains(**address)) {
            continue;
        }
        const std::uint32_t index = (*address)->value - space.prefix.address.value;
        const auto lease = erase_lease(state.parts.workers, space.id, index);
        if (!lease) {
            return Unexpected{"the lease of " + xdhcpd::to_string(**address) +
                              " cannot be deleted now: stable storage does not keep up"};
        }
        if (*lease) {
            state.log(LogLevel::kInfo, "lease of " + xdhcpd::to_string(**address) + " (" +
                                           (*lease)->hw_address() + ") deleted by an operator");
            list.push_back(to_json(state, space, **lease));
        }
    }
    if (list.empty()) {
        return Unexpected{"there is no lease of " + xdhcpd::to_string(**address)};
    }
    if (const auto why = await_stored(state)) {
        return Unexpected{"the lease of " + xdhcpd::to_string(**address) +
                          " is deleted, but a crash may bring it back: " + *why};
    }
    return json{{"leases", std::move(list)}};
}

}  // namespace

Answer leases_command(ServerState& state, const json& request) {
    const auto action = text_argument(request, "action");
    if (!action) {
        return Unexpected{action.error()};
    }
    const std::string name = action->value_or("list");
    if (name == "list") {
        return list_leases(state, request, {});
    }
    if (name == "find") {
        return find_leases(state, request);
    }
    if (name == "delete") {
        return delete_lease(state, request);
    }
    if (name == "export") {
        return export_leases(state, request);
    }
    if (name == "import") {
        return import_leases(state, request);
    }
    return Unexpected{"unknown action '" + name +
                      "'; list, find, delete, export or import was meant"};
}

}  // namespace xdhcpd::control
