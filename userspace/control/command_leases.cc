// The command "leases": lists, finds and deletes them; lease_transfer.h exports and imports them.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "control/commands.h"
#include "control/lease_pages.h"
#include "control/lease_query.h"
#include "control/lease_transfer.h"
#include "control/stored.h"
#include "control/text.h"
#include "control/unit_name.h"
#include "engine/v6/known_client.h"
#include "engine/v6/lease_note.h"

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

// What a lease of DHCPv6 has instead of relay information, and who has it.
void describe_dhcp6(const HeldLease& lease, json& object) {
    const auto client = engine::v6::describe_client(lease.identity);
    object["type"] = lease.what6->kind == lease::SpaceKind::kIpv6Prefix ? "prefix" : "address";
    object["duid"] = to_hex(client.duid, 0);
    object["iaid"] = client.iaid;
    object["client_id"] = "";
    object["relay_information"] = "";
    const auto note = engine::v6::decode_lease_note(lease.relay_information);
    if (!note) {
        return;
    }
    if (note->next_hop) {
        object["next_hop"] = xdhcpd::to_string(*note->next_hop);
        object["interface"] = note->interface;
        if (note->vlan.tagged()) {
            object["vlan"] = model::to_string(note->vlan);
        }
    }
    if (note->link_address) {
        object["link_address"] = xdhcpd::to_string(*note->link_address);
    }
    if (note->peer_address) {
        object["peer_address"] = xdhcpd::to_string(*note->peer_address);
    }
    for (const auto& [name, value] :
         {std::pair{"interface_id", note->interface_id}, std::pair{"remote_id", note->remote_id},
          std::pair{"subscriber_id", note->subscriber_id}}) {
        if (!value.empty()) {
            object[name] = to_hex(value, 0);
        }
    }
}

json to_json(const ServerState& state, const NamedSpace& space, const HeldLease& lease) {
    json object = {{"address", lease.name(space)},
                   {"subnet", space.subnet()},
                   {"state", name_of(lease.state)},
                   {"hw_address", lease.hw_address()},
                   {"client_id", to_hex(client_id_in(lease.identity), 0)},
                   {"hostname", to_utf8(lease.hostname)},
                   {"relay_information", to_hex(lease.relay_information, 0)},
                   {"expires_in", nullptr},
                   {"expires", nullptr}};
    if (space.is_ipv6) {
        describe_dhcp6(lease, object);
    }
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

Answer find_unit(const ServerState& state, const UnitName& name) {
    json list = json::array();
    for (const NamedUnit& unit : units_of(state, name, true)) {
        if (const auto lease = find_lease(state.parts.workers, unit.space.id, unit.index)) {
            list.push_back(to_json(state, unit.space, *lease));
        }
    }
    return json{{"leases", std::move(list)}};
}

Answer find_leases(const ServerState& state, const json& request) {
    const auto hw_address = parsed_argument(request, "hw_address", parse_mac,
                                            "a MAC address such as 02:00:5e:00:53:01");
    const auto address = parsed_argument(request, "address", parse_unit_name, kUnitMeant);
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
        return find_unit(state, **address);
    }
    if (!*hw_address && !*client_id && !*hostname) {
        return Unexpected{std::string{"find wants hw_address, address, client_id or hostname"}};
    }
    return list_leases(state, request, {*hw_address, *client_id, *hostname});
}

Answer delete_lease(const ServerState& state, const json& request) {
    const auto name = parsed_argument(request, "address", parse_unit_name, kUnitMeant);
    if (!name || !*name) {
        return Unexpected{name ? std::string{"delete wants address"} : name.error()};
    }
    const std::string text = request["address"].get<std::string>();
    json list = json::array();
    for (const NamedUnit& unit : units_of(state, **name, false)) {
        const auto lease = erase_lease(state.parts.workers, unit.space.id, unit.index);
        if (!lease) {
            return Unexpected{"the lease of " + text +
                              " cannot be deleted now: stable storage does not keep up"};
        }
        if (*lease) {
            state.log(LogLevel::kInfo, "lease of " + (*lease)->name(unit.space) + " (" +
                                           (*lease)->hw_address() + ") deleted by an operator");
            list.push_back(to_json(state, unit.space, **lease));
        }
    }
    if (list.empty()) {
        return Unexpected{"there is no lease of " + text};
    }
    if (const auto why = await_stored(state)) {
        return Unexpected{"the lease of " + text +
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
