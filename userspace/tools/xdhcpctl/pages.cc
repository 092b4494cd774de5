#include "tools/xdhcpctl/pages.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "tools/xdhcpctl/table.h"

namespace xdhcpd::xdhcpctl {
namespace {

using nlohmann::json;
using Align = Table::Align;

[[nodiscard]] std::string text(const json& object, const char* key) {
    if (!object.is_object()) {
        return {};
    }
    const auto found = object.find(key);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

[[nodiscard]] std::uint64_t count(const json& object, const char* key) {
    if (!object.is_object()) {
        return 0;
    }
    const auto found = object.find(key);
    return found != object.end() && found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
}

[[nodiscard]] double number(const json& object, const char* key) {
    if (!object.is_object()) {
        return 0;
    }
    const auto found = object.find(key);
    return found != object.end() && found->is_number() ? found->get<double>() : 0;
}

// The elements of an array, or the members of an object; nothing if it is neither.
[[nodiscard]] const json& list(const json& object, const char* key) {
    static const json none = json::array();
    if (!object.is_object()) {
        return none;
    }
    const auto found = object.find(key);
    return found != object.end() && found->is_structured() ? *found : none;
}

[[nodiscard]] std::string or_dash(const std::string& value) {
    return value.empty() ? "-" : value;
}

[[nodiscard]] std::string figure(const json& object, const char* key) {
    return std::to_string(count(object, key));
}

// "eth1 queue 0 lost: rx_ring_full 5, tx_no_frame 1" if anything was.
[[nodiscard]] std::string losses(const json& port) {
    std::string result;
    const auto add = [&](const std::string& reason, std::uint64_t frames) {
        if (frames != 0) {
            result += (result.empty() ? "" : ", ") + reason + " " + std::to_string(frames);
        }
    };
    for (const auto& [reason, frames] : list(port, "kernel_drops").items()) {
        add(reason, frames.is_number_unsigned() ? frames.get<std::uint64_t>() : 0);
    }
    for (const char* const reason : {"rx_truncated", "tx_no_frame"}) {
        add(reason, count(port, reason));
    }
    return result.empty() ? result
                          : printable(text(port, "interface") + " queue " + figure(port, "queue") +
                                      " lost: " + result) +
                                "\n";
}

// "  discover       12" for each member that is a number.
[[nodiscard]] std::string counts(std::string_view heading, const json& object) {
    Table table{{{""}, {"", Align::kRight}}};
    for (const auto& [name, value] : object.items()) {
        if (value.is_number_unsigned() && value.get<std::uint64_t>() != 0) {
            table.add({"  " + name, std::to_string(value.get<std::uint64_t>())});
        }
    }
    return table.empty() ? std::string{} : "\n" + std::string{heading} + ":\n" + table.text(false);
}

[[nodiscard]] std::string lines(const json& texts, std::string_view prefix) {
    std::string result;
    for (const json& line : texts) {
        if (line.is_string()) {
            result += std::string{prefix} + printable(line.get<std::string>()) + "\n";
        }
    }
    return result;
}

}  // namespace

namespace {

// One row per interface of the configuration, and why one is not served, or not better.
[[nodiscard]] std::string interfaces_table(const json& answer) {
    Table table{{{"INTERFACE"},
                 {"STATE"},
                 {"SINCE", Align::kRight},
                 {"LINK"},
                 {"MTU", Align::kRight},
                 {"QUEUES", Align::kRight},
                 {"REOPENED", Align::kRight},
                 {"ADDRESSES"}}};
    std::string reasons;
    std::string limits;
    for (const json& interface : list(answer, "interfaces")) {
        std::string addresses;
        for (const json& address : list(interface, "addresses")) {
            if (address.is_string()) {
                addresses += (addresses.empty() ? "" : " ") + address.get<std::string>();
            }
        }
        table.add({text(interface, "name"), text(interface, "state"),
                   duration(count(interface, "since_seconds")), or_dash(text(interface, "link")),
                   figure(interface, "mtu"), figure(interface, "device_queues"),
                   figure(interface, "reopens"), or_dash(addresses)});
        if (const std::string limit{text(interface, "rate_limit")}; !limit.empty()) {
            limits += printable(text(interface, "name") + ": at most " + limit) + "\n";
        }
        if (text(interface, "state") != "serving") {
            reasons += printable(text(interface, "name") + ": " + text(interface, "detail")) + "\n";
        }
    }
    return table.empty() ? std::string{} : table.text() + reasons + limits + "\n";
}

}  // namespace

namespace {

// "advertising on eth1 vlan 100: 2001:db8::/64" for each link, and how often.
[[nodiscard]] std::string advertisements(const json& answer) {
    std::string result;
    for (const json& one : list(answer, "router_advertisements")) {
        const std::string vlan = text(one, "vlan");
        std::string prefixes;
        for (const json& prefix : list(one, "prefixes")) {
            prefixes += prefix.is_string() ? " " + prefix.get<std::string>() : "";
        }
        result += printable("advertising on " + text(one, "interface") +
                            (vlan.empty() ? "" : " vlan " + vlan) + ":" +
                            (prefixes.empty() ? " no prefix" : prefixes)) +
                  "\n";
    }
    if (result.empty()) {
        return result;
    }
    const json& sent = list(answer, "router_advertisements_sent");
    return "\n" + result + "advertisements sent: " + figure(sent, "multicast") + " multicast, " +
           figure(sent, "unicast") + " unicast, " + figure(sent, "final") + " final\n";
}

[[nodiscard]] std::string delegated_routes(const json& answer) {
    const json& routes = list(answer, "delegated_routes");
    return count(routes, "wanted") == 0
               ? std::string{}
               : "routes to delegated prefixes: " + figure(routes, "installed") + " of " +
                     figure(routes, "wanted") + " in the kernel, " + figure(routes, "failed") +
                     " refused\n";
}

// As soon as anybody was asked.
[[nodiscard]] std::string reconfigured(const json& answer) {
    const json& counts = list(answer, "reconfigure");
    return count(counts, "waiting") + count(counts, "answered") + count(counts, "unanswered") == 0
               ? std::string{}
               : "asked to renew: " + figure(counts, "answered") + " have, " +
                     figure(counts, "waiting") + " have not yet, " + figure(counts, "unanswered") +
                     " did not answer\n";
}

// A row for each hook, and how the last run that was not ok ended.
[[nodiscard]] std::string hooks(const json& answer) {
    Table table{{{"  HOOK"},
                 {"EVENTS"},
                 {"WAITING", Align::kRight},
                 {"OK", Align::kRight},
                 {"FAILED", Align::kRight},
                 {"TIMEOUT", Align::kRight},
                 {"LOST", Align::kRight}}};
    std::string problems;
    const auto joined = [](const json& texts) {
        std::string result;
        for (const json& one : texts) {
            result += result.empty() ? "" : " ";
            result += one.is_string() ? one.get<std::string>() : "";
        }
        return result;
    };
    for (const json& hook : list(answer, "hooks")) {
        const std::string command = joined(list(hook, "command"));
        const json& runs = list(hook, "runs");
        table.add({"  " + command, joined(list(hook, "events")), figure(hook, "queue_length"),
                   figure(runs, "ok"), figure(runs, "failed"), figure(runs, "timeout"),
                   figure(hook, "lost")});
        if (const std::string problem = text(hook, "last_problem"); !problem.empty()) {
            problems.append("  ").append(printable(command)).append(" last failed: ");
            problems.append(printable(problem)).append("\n");
        }
    }
    return table.empty() ? std::string{} : "\nhooks:\n" + table.text() + problems;
}

}  // namespace

std::string journal_problem(const json& status) {
    return status.contains("journal") ? text(status["journal"], "problem") : std::string{};
}

std::string status_page(const json& answer) {
    const std::string problem = journal_problem(answer);
    std::string page =
        "xdhcpd " + printable(text(answer, "version")) + " " + printable(text(answer, "state")) +
        (problem.empty() ? "" : " without storing leases") + " since " +
        duration(count(answer, "uptime_seconds")) + ", generation " + figure(answer, "generation") +
        ", durability " + printable(text(answer, "durability")) + ", configuration " +
        printable(text(answer, "configuration")) + "\n\n";
    if (answer.contains("server_duid")) {
        page += "DHCPv6 server DUID " + printable(text(answer, "server_duid")) + "\n\n";
    }
    page += problem.empty() ? std::string{} : printable("TROUBLE: " + problem) + "\n\n";
    if (answer.contains("journal")) {
        const std::string merging = text(answer["journal"], "merge_problem");
        page += merging.empty() ? std::string{} : printable("journal: " + merging) + "\n\n";
    }
    if (const std::string advice = text(answer, "workers_advice"); !advice.empty()) {
        page += printable("workers: " + advice) + "\n\n";
    }
    page += interfaces_table(answer);
    Table ports{{{"INTERFACE"},
                 {"QUEUE", Align::kRight},
                 {"DRIVER"},
                 {"MODE"},
                 {"RECEIVED", Align::kRight},
                 {"SENT", Align::kRight},
                 {"ERRORS", Align::kRight}}};
    std::string reasons;
    std::string lost;
    std::string last_interface;
    for (const json& port : list(answer, "ports")) {
        const std::string interface = text(port, "interface");
        ports.add({interface, figure(port, "queue"), text(port, "driver"),
                   or_dash(text(port, text(port, "role") == "lane" ? "role" : "mode")),
                   figure(port, "rx_frames"), figure(port, "tx_frames"),
                   figure(port, "tx_errors")});
        const std::string why = text(port, "why");
        if (!why.empty() && interface != last_interface) {
            std::string reason = interface;
            reason += ": not ";
            reason += why;
            reasons += printable(reason);
            reasons += '\n';
        }
        last_interface = interface;
        lost += losses(port);
    }
    page += ports.empty() ? "no ports\n" : ports.text();
    page += reasons + lost;
    page += "\nreceived " + figure(answer, "received") + " = answered " +
            figure(answer, "answered") + " + explained " + figure(answer, "explained") +
            " + in flight " + figure(answer, "in_flight") + "\n";
    page += advertisements(answer) + delegated_routes(answer) + reconfigured(answer);
    page += counts("received by type", list(answer, "received_by_type"));
    page += counts("sent by type", list(answer, "sent_by_type"));
    page += counts("no answer, by reason", list(answer, "dropped"));
    Table captures{{{"  PID", Align::kRight},
                    {"INTERFACE"},
                    {"HW-ADDRESS"},
                    {"PACKETS", Align::kRight},
                    {"MISSED", Align::kRight}}};
    for (const json& one : list(answer, "captures")) {
        captures.add({"  " + figure(one, "pid"), or_dash(text(one, "interface")),
                      or_dash(text(one, "hw_address")), figure(one, "packets"),
                      figure(one, "missed")});
    }
    page += captures.empty() ? "" : "\ncaptures:\n" + captures.text();
    page += hooks(answer);
    for (const auto& [interface, verdicts] : list(answer, "xdp").items()) {
        page += counts("XDP on " + printable(interface), verdicts);
    }
    return page;
}

std::string subnets_page(const json& answer) {
    Table table{{{"SUBNET"},
                 {"INTERFACE"},
                 {"VLAN"},
                 {"NETWORK"},
                 {"POOL", Align::kRight},
                 {"FREE", Align::kRight},
                 {"OFFERED", Align::kRight},
                 {"LEASED", Align::kRight},
                 {"DECLINED", Align::kRight},
                 {"RESERVED", Align::kRight}}};
    for (const json& subnet : list(answer, "subnets")) {
        table.add({text(subnet, "subnet"), or_dash(text(subnet, "interface")),
                   or_dash(text(subnet, "vlan")), or_dash(text(subnet, "shared_network")),
                   figure(subnet, "pool_addresses"), figure(subnet, "free"),
                   figure(subnet, "offered"), figure(subnet, "leased"), figure(subnet, "declined"),
                   figure(subnet, "reservations")});
    }
    Table pools{{{"SUBNET"},
                 {"INTERFACE"},
                 {"VLAN"},
                 {"NETWORK"},
                 {"POOL"},
                 {"LENGTH", Align::kRight},
                 {"UNITS", Align::kRight},
                 {"FREE", Align::kRight},
                 {"OFFERED", Align::kRight},
                 {"LEASED", Align::kRight},
                 {"DECLINED", Align::kRight}}};
    for (const json& subnet : list(answer, "subnets6")) {
        const auto add = [&](const json& pool) {
            pools.add({text(subnet, "subnet"), or_dash(text(subnet, "interface")),
                       or_dash(text(subnet, "vlan")), or_dash(text(subnet, "shared_network")),
                       or_dash(text(pool, "pool")), figure(pool, "length"), figure(pool, "size"),
                       figure(pool, "free"), figure(pool, "offered"), figure(pool, "leased"),
                       figure(pool, "declined")});
        };
        for (const json& pool : list(subnet, "pools")) {
            add(pool);
        }
        if (list(subnet, "pools").empty()) {
            add(json::object());
        }
    }
    if (table.empty() && pools.empty()) {
        return "no subnets\n";
    }
    const std::string first = table.empty() ? std::string{} : table.text();
    return first + (pools.empty() ? "" : (first.empty() ? "" : "\n") + pools.text());
}

std::string leases_page(const json& answer, bool headings) {
    // Widths that fit nearly everything, so that the pages of a long list stand under each other.
    Table table{{{"ADDRESS", Align::kLeft, 15},
                 {"STATE", Align::kLeft, 8},
                 {"HW-ADDRESS", Align::kLeft, 17},
                 {"ENDS IN", Align::kRight, 8},
                 {"HOSTNAME", Align::kLeft, 16},
                 {"CLIENT-ID"}}};
    for (const json& lease : list(answer, "leases")) {
        const bool ends = lease.is_object() && lease.contains("expires_in") &&
                          lease["expires_in"].is_number_unsigned();
        table.add({text(lease, "address"), text(lease, "state"), or_dash(text(lease, "hw_address")),
                   ends ? duration(count(lease, "expires_in")) : "never",
                   or_dash(text(lease, "hostname")),
                   or_dash(text(lease, text(lease, "duid").empty() ? "client_id" : "duid"))});
    }
    if (table.empty()) {
        return headings ? "no leases\n" : "";
    }
    return table.text(headings);
}

std::string workers_page(const json& answer) {
    Table table{{{"WORKER", Align::kRight},
                 {"CPU", Align::kRight},
                 {"PORTS"},
                 {"MESSAGES", Align::kRight},
                 {"HANDED OVER", Align::kRight},
                 {"BATCHES", Align::kRight},
                 {"CLIENTS", Align::kRight},
                 {"SIDE MEMORY", Align::kRight},
                 {"P50", Align::kRight},
                 {"P99", Align::kRight},
                 {"MAX", Align::kRight}}};
    for (const json& worker : list(answer, "workers")) {
        std::string ports;
        for (const json& port : list(worker, "ports")) {
            if (port.is_string()) {
                ports += (ports.empty() ? "" : " ") + port.get<std::string>();
            }
        }
        const json& latency = list(worker, "latency_us");
        table.add({figure(worker, "id"), figure(worker, "cpu"), or_dash(ports),
                   figure(worker, "messages"), figure(worker, "handed_over"),
                   figure(worker, "batches"),
                   figure(worker, "index_entries") + "/" + figure(worker, "index_capacity"),
                   bytes(count(worker, "side_bytes")) + "/" + bytes(count(worker, "side_capacity")),
                   microseconds(number(latency, "p50")), microseconds(number(latency, "p99")),
                   microseconds(number(latency, "max"))});
    }
    if (table.empty()) {
        return "no workers\n";
    }
    const std::string why = text(answer, "why");
    const std::string advice = text(answer, "advice");
    return (why.empty()
                ? std::string{}
                : printable("workers: " + why + (advice.empty() ? "" : "; " + advice)) + "\n\n") +
           table.text();
}

std::string reload_page(const json& answer, bool dry_run) {
    std::string page = lines(list(answer, "warnings"), "");
    const std::string changes = lines(list(answer, "changes"), "  ");
    if (changes.empty()) {
        page += dry_run ? "nothing would change\n" : "reloaded; nothing has changed\n";
    } else {
        page += (dry_run ? "would change:\n" : "reloaded; changed:\n") + changes;
    }
    const std::string restarts = lines(list(answer, "needs_restart"), "needs a restart: ");
    page += restarts;
    page += restarts.empty() ? "" : "until then the value on the left stays in force\n";
    const json& outside = list(answer, "leases_outside");
    if (outside.empty()) {
        return page;
    }
    const std::uint64_t total =
        std::max<std::uint64_t>(count(answer, "leases_outside_count"), outside.size());
    page += counted(total, "lease") +
            " outside the pools; a client that renews one is "
            "refused and gets another address:\n";
    Table table{{{""}, {""}}};
    for (const json& lease : outside) {
        table.add({"  " + text(lease, "address"), or_dash(text(lease, "hw_address"))});
    }
    page += table.text(false);
    if (total > outside.size()) {
        page += "  and " + std::to_string(total - outside.size()) + " more\n";
    }
    return page;
}

std::string reconfigure_page(const json& answer, std::string_view verb) {
    std::string page =
        "asked " + figure(answer, "asked") + " clients to " + std::string{verb} + "\n";
    if (count(answer, "again") != 0) {
        page += "asked again or for another lease: " + figure(answer, "again") + " leases\n";
    }
    if (count(answer, "unwilling") != 0) {
        page += "not asked: " + figure(answer, "unwilling") +
                " leases of clients that did not say that they accept Reconfigure\n";
    }
    if (count(answer, "unreachable") != 0) {
        page += "not asked: " + figure(answer, "unreachable") +
                " leases of clients without an address that can only be reached through relays\n";
    }
    return page;
}

std::string explain_page(const json& answer) {
    const json& drops = list(answer, "drops");
    const bool has_duids = std::any_of(
        drops.begin(), drops.end(), [](const json& drop) { return !text(drop, "duid").empty(); });
    std::vector<Table::Column> columns{{"AGO", Align::kRight},
                                       {"HW-ADDRESS"},
                                       {"TYPE"},
                                       {"PORT"},
                                       {"RELAY"},
                                       {"REASON"},
                                       {"MEANING"}};
    if (has_duids) {
        columns.insert(columns.begin() + 2, {"DUID"});
    }
    Table table{columns};
    for (const json& drop : drops) {
        std::string port = text(drop, "interface") + ":" + figure(drop, "queue");
        const std::string vlan = text(drop, "vlan");
        if (!vlan.empty()) {
            port += " vlan " + vlan;
        }
        const std::string giaddr = text(drop, "giaddr");
        const std::string relay =
            giaddr.empty() || giaddr == "0.0.0.0" ? text(drop, "link_address") : giaddr;
        std::vector<std::string> row{
            duration(static_cast<std::uint64_t>(std::max(number(drop, "age_seconds"), 0.0))),
            or_dash(text(drop, "hw_address")),
            or_dash(text(drop, "message_type")),
            port,
            or_dash(relay),
            text(drop, "reason"),
            text(drop, "text")};
        if (has_duids) {
            row.insert(row.begin() + 2, or_dash(text(drop, "duid")));
        }
        table.add(row);
    }
    const std::string waiting =
        number(answer, "waiting") > 0
            ? "answers that wait for stable storage: " + figure(answer, "waiting") + "\n"
            : "";
    if (!table.empty()) {
        return table.text() + waiting;
    }
    return waiting.empty() ? "every message has been answered\n"
                           : "no message has been dropped\n" + waiting;
}

std::string error_text(const json& answer) {
    const std::string errors = lines(list(answer, "errors"), "");
    const std::string error = text(answer, "error");
    return errors + (error.empty() && errors.empty() ? "xdhcpd refused without a reason\n"
                     : error.empty()                 ? ""
                                                     : printable(error) + "\n");
}

}  // namespace xdhcpd::xdhcpctl
