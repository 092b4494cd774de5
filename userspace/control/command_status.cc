// The command "status": the server, its interfaces and ports, and what became of the packets.

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/addresses.h"
#include "control/commands.h"
#include "control/journal_status.h"
#include "control/metrics_page.h"
#include "control/text.h"
#include "engine/drop_reason.h"
#include "engine/message_type.h"

namespace xdhcpd::control {
namespace {

using nlohmann::json;

json to_json(const CaptureStatus& capture) {
    const worker::TapFilter& filter = capture.options.filter;
    return {{"id", capture.id},
            {"pid", capture.pid},
            {"interface", filter.interface},
            {"hw_address", filter.hw_address ? xdhcpd::to_string(*filter.hw_address) : ""},
            {"dropped", filter.only_dropped},
            {"snaplen", capture.options.snaplen},
            {"seconds", capture.seconds},
            {"packets", capture.packets},
            {"missed", capture.missed}};
}

// Sums over workers by the names of what is counted; zeros are left out.
template <typename Counters, typename Name>
void add_counts(json& object, const Counters& counters, const Name& name) {
    for (std::size_t i = 0; i < counters.size(); ++i) {
        const std::uint64_t value = counters[i].value();
        if (value != 0) {
            const std::string key{name(i)};
            object[key] = object.value(key, std::uint64_t{0}) + value;
        }
    }
}

json to_json(const InterfaceStatus& interface) {
    return {{"name", interface.name},
            {"state", interface.state},
            {"detail", interface.detail},
            {"since_seconds", interface.since_seconds},
            {"reopens", interface.reopens},
            {"driver", interface.driver},
            {"mode", interface.mode},
            {"zero_copy", interface.zero_copy},
            {"why", interface.why},
            {"ifindex", interface.ifindex},
            {"link", interface.ifindex == 0 ? "absent"
                     : !interface.up        ? "set down"
                     : !interface.carrier   ? "no carrier"
                                            : "up"},
            {"mtu", interface.mtu},
            {"mac", interface.mac},
            {"queues", interface.queues},
            {"device_queues", interface.device_queues},
            {"addresses", interface.addresses},
            {"rate_limit", to_string(interface.rate_limits)}};
}

// What of IPv6 is on, and what is advertised where.
void add_ipv6(json& answer, const ServerState& state) {
    const model::Snapshot& snapshot = state.parts.snapshots.newest();
    json families = json::array();
    if (!snapshot.subnets.empty()) {
        families.push_back("ipv4");
    }
    if (snapshot.ipv6.serves_dhcp6()) {
        families.push_back("ipv6");
        answer["server_duid"] = to_hex(snapshot.ipv6.server_duid);
    }
    answer["families"] = std::move(families);
    json advertised = json::array();
    for (const model::Advertisement& one : snapshot.ipv6.advertisements) {
        const model::AdvertisementConfiguration& terms = one.configuration;
        json prefixes = json::array();
        for (const model::AdvertisedPrefixConfiguration& prefix : terms.prefixes) {
            prefixes.push_back(xdhcpd::to_string(prefix.prefix));
        }
        advertised.push_back({{"interface", terms.interface},
                              {"vlan", terms.vlan ? model::to_string(*terms.vlan) : std::string{}},
                              {"managed", terms.managed},
                              {"other", terms.other},
                              {"prefixes", std::move(prefixes)}});
    }
    answer["router_advertisements"] = std::move(advertised);
    json sent = json::object();
    for (const auto kind :
         {worker::AdvertisementKind::kMulticast, worker::AdvertisementKind::kUnicast,
          worker::AdvertisementKind::kFinal}) {
        std::uint64_t sum = 0;
        for (const worker::Worker* const worker : state.parts.workers) {
            sum += worker->advertiser_counters().sent[kind].value();
        }
        sent[std::string{name(kind)}] = sum;
    }
    answer["router_advertisements_sent"] = std::move(sent);
}

json to_json(const HookStatus& hook) {
    json events = json::array();
    for (const model::HookEvent event : hook.configuration.events) {
        events.push_back(name(event));
    }
    return {{"command", hook.configuration.command},
            {"events", std::move(events)},
            {"timeout_seconds", hook.configuration.timeout},
            {"runs",
             {{name(HookResult::kOk), hook.ok},
              {name(HookResult::kFailed), hook.failed},
              {name(HookResult::kTimeout), hook.timeout}}},
            {"queue_length", hook.queue_length},
            {"catching_up", hook.is_catching_up},
            {"lost", hook.lost},
            {"running_seconds", hook.running_seconds ? json(*hook.running_seconds) : json()},
            {"last_problem", hook.last_problem}};
}

std::string_view state_name(const ServerState& state) {
    if (state.is_stopping()) {
        return "draining";
    }
    const std::vector<InterfaceStatus> interfaces = state.parts.interfaces();
    const bool is_any_served = std::any_of(interfaces.begin(), interfaces.end(),
                                           [](const auto& each) { return each.is_served; });
    return is_any_served ? "serving" : "waiting";
}

}  // namespace

Answer status_command(const ServerState& state) {
    json answer = {
        {"version", XDHCPD_VERSION},
        {"state", state_name(state)},
        {"uptime_seconds", static_cast<std::uint64_t>(to_seconds(state.now() - state.started))},
        {"generation", state.generation},
        {"configuration", state.parts.configuration_name},
        {"durability", name(state.parts.configuration.durability)},
        {"workers", state.parts.workers.size()}};
    if (const auto& dhcp6 = state.parts.configuration.dhcp6; dhcp6.is_on()) {
        answer["server_duid"] = to_hex(dhcp6.server_duid);
    }
    if (state.parts.journal) {
        answer["journal"] = to_json(state.parts.journal());
        answer["journal"]["directory"] = state.parts.configuration.state_directory;
    }
    add_ipv6(answer, state);
    if (const auto& routes = state.route_counts) {
        answer["delegated_routes"] = {{"wanted", routes->wanted},
                                      {"installed", routes->installed},
                                      {"added", routes->added},
                                      {"removed", routes->removed},
                                      {"failed", routes->failed}};
    }
    const ReconfigureCounts& reconfigure = state.reconfigure_counts;
    answer["reconfigure"] = {{"waiting", reconfigure.waiting},
                             {"sent", reconfigure.sent},
                             {"refused", reconfigure.refused},
                             {"answered", reconfigure.answered},
                             {"unanswered", reconfigure.unanswered}};
    answer["workers_advice"] =
        state.parts.workers_advice ? state.parts.workers_advice() : std::string{};
    const std::vector<InterfaceStatus> interfaces = state.parts.interfaces();
    json xdp = json::object();
    json interface_list = json::array();
    for (const InterfaceStatus& interface : interfaces) {
        interface_list.push_back(to_json(interface));
        if (interface.verdicts.empty()) {
            continue;
        }
        json verdicts = json::object();
        for (const auto& [verdict, count] : interface.verdicts) {
            verdicts[verdict] = count;
        }
        xdp[interface.name] = std::move(verdicts);
    }
    json ports = json::array();
    json received_by_type = json::object();
    json sent_by_type = json::object();
    json dropped = json::object();
    Accounts sum;
    const auto type_name = [](std::size_t i) {
        return engine::MessageType::from_index(i).full_name();
    };
    for (const worker::Worker* const worker : state.parts.workers) {
        for (const worker::PortTotals& port : worker->port_totals()) {
            if (!port.open) {
                continue;
            }
            const auto found = std::find_if(
                interfaces.begin(), interfaces.end(),
                [&](const auto& interface) { return interface.name == port.interface_name; });
            const InterfaceStatus none;
            const InterfaceStatus& interface = found == interfaces.end() ? none : *found;
            const bool of_driver = port.role == PortRole::kDriver;
            json kernel_drops = json::object();
            for (const InterfaceStatus::PortDrops& drops : interface.kernel_drops) {
                for (const auto& [reason, frames] : drops.reasons) {
                    if (drops.queue == port.queue && drops.driver == port.driver) {
                        kernel_drops[reason] = frames;
                    }
                }
            }
            ports.push_back({{"interface", port.interface_name},
                             {"ifindex", interface.ifindex},
                             {"queue", port.queue},
                             {"worker", worker->id()},
                             {"driver", port.driver},
                             {"role", name(port.role)},
                             {"mode", of_driver ? interface.mode : std::string{}},
                             {"zero_copy", of_driver && interface.zero_copy},
                             {"why", of_driver ? interface.why : std::string{}},
                             {"mtu", interface.mtu},
                             {"rx_frames", port.rx_frames},
                             {"rx_truncated", port.rx_truncated},
                             {"tx_frames", port.tx_frames},
                             {"tx_errors", port.tx_errors},
                             {"tx_no_frame", port.tx_no_frame},
                             {"kick_retries", port.kick_retries},
                             {"kernel_drops", std::move(kernel_drops)}});
        }
        const worker::WorkerCounters& counters = worker->counters();
        add_counts(received_by_type, counters.received_by_type, type_name);
        add_counts(sent_by_type, counters.sent_by_type, type_name);
        add_counts(dropped, counters.dropped,
                   [](std::size_t i) { return engine::DropReason::from_index(i).full_name(); });
        const Accounts accounts = accounts_of(counters);
        sum.received += accounts.received;
        sum.answered += accounts.answered;
        sum.explained += accounts.explained;
        sum.in_flight += accounts.in_flight;
    }
    answer["interfaces"] = std::move(interface_list);
    answer["ports"] = std::move(ports);
    answer["received"] = sum.received;
    answer["answered"] = sum.answered;
    answer["explained"] = sum.explained;
    answer["in_flight"] = sum.in_flight;
    answer["received_by_type"] = std::move(received_by_type);
    answer["sent_by_type"] = std::move(sent_by_type);
    answer["dropped"] = std::move(dropped);
    answer["xdp"] = std::move(xdp);
    json captures = json::array();
    for (const CaptureStatus& one : state.captures.status()) {
        captures.push_back(to_json(one));
    }
    answer["captures"] = std::move(captures);
    json hooks = json::array();
    for (const HookStatus& hook : state.hooks.status(state.now())) {
        hooks.push_back(to_json(hook));
    }
    answer["hooks"] = std::move(hooks);
    return answer;
}

}  // namespace xdhcpd::control
