#include "control/metrics_page.h"

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <utility>

#include "control/journal_status.h"
#include "control/pools6.h"
#include "engine/drop_reason.h"
#include "engine/message_type.h"
#include "metrics/families.h"

namespace xdhcpd::control {
namespace {

using metrics::Family;
using prometheus::MetricType;
using Families = std::vector<prometheus::MetricFamily>;
using Workers = std::vector<worker::Worker*>;

using TypeCounters = std::array<Counter, engine::MessageType::kCount>;

[[nodiscard]] double number(std::uint64_t value) noexcept {
    return static_cast<double>(value);
}

[[nodiscard]] std::uint64_t sum_over(const Workers& workers,
                                     const std::function<std::uint64_t(worker::Worker&)>& value) {
    std::uint64_t sum = 0;
    for (worker::Worker* const worker : workers) {
        sum += value(*worker);
    }
    return sum;
}

// Of types that no client of ours sends, samples would only be noise.
[[nodiscard]] bool is_usual(engine::MessageType type) noexcept {
    switch (type.protocol()) {
        case engine::Protocol::kDhcp4:
            return type.code() <= static_cast<std::uint8_t>(dhcp4::MessageType::kInform);
        case engine::Protocol::kDhcp6:
            return !type.is_none() &&
                   type.code() <= static_cast<std::uint8_t>(dhcp6::MessageType::kRelayReply);
        case engine::Protocol::kNd:
            break;
    }
    return !type.is_none();
}

// One sample per message type; returns their sum.
std::uint64_t add_by_type(Family& family, const Workers& workers,
                          const std::function<const TypeCounters&(worker::Worker&)>& counters) {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < engine::MessageType::kCount; ++i) {
        const engine::MessageType type = engine::MessageType::from_index(i);
        const std::uint64_t value =
            sum_over(workers, [&](worker::Worker& worker) { return counters(worker)[i].value(); });
        if (value != 0 || is_usual(type)) {
            family.add(number(value), {{"protocol", name(type.protocol())}, {"type", type.name()}});
        }
        sum += value;
    }
    return sum;
}

void add_messages(Families& families, const Workers& workers) {
    Family received{MetricType::Counter, "xdhcpd_received_total",
                    "Frames received, by protocol and type of the message in them"};
    const std::uint64_t readable =
        add_by_type(received, workers, [](worker::Worker& worker) -> const TypeCounters& {
            return worker.counters().received_by_type;
        });
    const std::uint64_t all = sum_over(
        workers, [](worker::Worker& worker) { return worker.counters().received.value(); });
    received.add(number(all - std::min(readable, all)),
                 {{"protocol", "none"}, {"type", "unreadable"}});
    families.push_back(received.take());

    Family sent{MetricType::Counter, "xdhcpd_sent_total",
                "Messages sent, by protocol and type: replies, and Router Advertisements"};
    add_by_type(sent, workers, [](worker::Worker& worker) -> const TypeCounters& {
        return worker.counters().sent_by_type;
    });
    families.push_back(sent.take());

    Family dropped{MetricType::Counter, "xdhcpd_dropped_total",
                   "Frames that got no answer, by reason"};
    for (std::size_t i = 0; i < engine::DropReason::kCount; ++i) {
        const engine::DropReason reason = engine::DropReason::from_index(i);
        const std::uint64_t value = sum_over(
            workers, [i](worker::Worker& worker) { return worker.counters().dropped[i].value(); });
        dropped.add(number(value), {{"stage", name(reason.stage())}, {"reason", reason.name()}});
    }
    families.push_back(dropped.take());

    Family advertised{MetricType::Counter, "xdhcpd_router_advertisements_total",
                      "Router Advertisements sent, by whom they were for"};
    for (const auto kind :
         {worker::AdvertisementKind::kMulticast, worker::AdvertisementKind::kUnicast,
          worker::AdvertisementKind::kFinal}) {
        advertised.add(number(sum_over(workers,
                                       [kind](worker::Worker& worker) {
                                           return worker.advertiser_counters().sent[kind].value();
                                       })),
                       {{"kind", name(kind)}});
    }
    families.push_back(advertised.take());

    Family latency{MetricType::Histogram, "xdhcpd_reply_latency_seconds",
                   "Time from the receipt of a request to the transmission of its reply"};
    std::vector<const LatencyHistogram*> histograms;
    for (const worker::Worker* const worker : workers) {
        histograms.push_back(&worker->counters().latency);
    }
    latency.add(histograms);
    families.push_back(latency.take());

    Family handed{MetricType::Counter, "xdhcpd_messages_handed_over_total",
                  "Messages that came by a queue of one worker and were decided by another, which "
                  "knows the client"};
    Family worker_received{MetricType::Counter, "xdhcpd_worker_messages_total",
                           "Messages received by the ports of a worker"};
    for (const worker::Worker* const worker : workers) {
        const std::string id = std::to_string(worker->id());
        worker_received.add(number(worker->counters().received.value()), {{"worker", id}});
        handed.add(number(worker->counters().handed_over.value()), {{"worker", id}});
    }
    families.push_back(worker_received.take());
    families.push_back(handed.take());
}

void add_interfaces(Families& families, const Workers& workers,
                    const std::vector<InterfaceStatus>& interfaces) {
    Family up{MetricType::Gauge, "xdhcpd_interface_up",
              "1 while clients of the interface are served: it is there, its link is up, it has a "
              "driver"};
    Family reopens{MetricType::Counter, "xdhcpd_interface_reopens_total",
                   "Times the interface was opened again after it had left or changed"};
    for (const InterfaceStatus& interface : interfaces) {
        up.add(interface.state == "serving" ? 1 : 0, {{"interface", interface.name}});
        reopens.add(number(interface.reopens), {{"interface", interface.name}});
    }
    families.push_back(up.take());
    families.push_back(reopens.take());

    Family verdicts{MetricType::Counter, "xdhcpd_xdp_verdicts_total",
                    "Frames seen by the XDP program, by what it did with them"};
    for (const InterfaceStatus& interface : interfaces) {
        for (const auto& [verdict, count] : interface.verdicts) {
            verdicts.add(number(count), {{"interface", interface.name}, {"verdict", verdict}});
        }
    }
    families.push_back(verdicts.take());

    Family drops{MetricType::Counter, "xdhcpd_port_kernel_drops_total",
                 "Frames that the kernel dropped before a port could have them, by its reasons; a "
                 "frame may count under two of them"};
    for (const InterfaceStatus& interface : interfaces) {
        for (const InterfaceStatus::PortDrops& port : interface.kernel_drops) {
            const std::string queue = std::to_string(port.queue);
            for (const auto& [reason, count] : port.reasons) {
                drops.add(number(count), {{"interface", interface.name},
                                          {"queue", queue},
                                          {"driver", port.driver},
                                          {"reason", reason}});
            }
        }
    }
    families.push_back(drops.take());

    struct PortFamily {
        Family family;
        std::uint64_t worker::PortTotals::*counter;
    };
    std::array<PortFamily, 6> ports{
        {{Family{MetricType::Counter, "xdhcpd_port_rx_frames_total", "Frames received by a port"},
          &worker::PortTotals::rx_frames},
         {Family{MetricType::Counter, "xdhcpd_port_rx_truncated_total",
                 "Frames that were too long for a port"},
          &worker::PortTotals::rx_truncated},
         {Family{MetricType::Counter, "xdhcpd_port_tx_no_frame_total",
                 "Times a port had no free frame for a reply"},
          &worker::PortTotals::tx_no_frame},
         {Family{MetricType::Counter, "xdhcpd_port_kick_retries_total",
                 "Times the kernel asked a port to send later"},
          &worker::PortTotals::kick_retries},
         {Family{MetricType::Counter, "xdhcpd_port_tx_frames_total", "Frames sent by a port"},
          &worker::PortTotals::tx_frames},
         {Family{MetricType::Counter, "xdhcpd_port_tx_errors_total",
                 "Frames of a port that the kernel refused to send"},
          &worker::PortTotals::tx_errors}}};
    // Each worker has a route port of its own; they are one to who looks.
    std::vector<worker::PortTotals> all;
    for (const worker::Worker* const worker : workers) {
        for (const worker::PortTotals& totals : worker->port_totals()) {
            worker::add_totals(all, totals);
        }
    }
    for (auto& [family, counter] : ports) {
        for (const worker::PortTotals& port : all) {
            family.add(number(port.*counter), {{"interface", port.interface_name},
                                               {"queue", std::to_string(port.queue)},
                                               {"driver", port.driver}});
        }
        families.push_back(family.take());
    }
}

void add_units(Family& units, const std::vector<const lease::Space*>& spaces,
               const metrics::Labels& labels) {
    const auto add = [&](std::string_view state, std::uint64_t value) {
        metrics::Labels with_state = labels;
        with_state.emplace_back("state", state);
        units.add(number(value), with_state);
    };
    const UnitCounts counts = counts_of(spaces);
    add("size", counts.size);
    add("pool", counts.allowed);
    add("free", counts.free);
    add("offered", counts.offered);
    add("leased", counts.leased);
    add("declined", counts.declined);
}

void add_spaces(Families& families, const MetricsDescription& description) {
    Family units{MetricType::Gauge, "xdhcpd_space_units",
                 "Addresses of an IPv4 subnet, addresses or prefixes of an IPv6 pool, by state"};
    for (const MetricsDescription::Subnet& subnet : description.subnets) {
        add_units(units, {subnet.space}, {{"family", "ipv4"}, {"subnet", subnet.name}});
    }
    for (const MetricsDescription::Pool6& pool : description.pools6) {
        add_units(units, pool.spaces,
                  {{"family", "ipv6"},
                   {"subnet", pool.subnet},
                   {"pool", pool.name},
                   {"length", std::to_string(pool.length)}});
    }
    families.push_back(units.take());
}

void add_gauge(Families& families, std::string name, std::string help, std::uint64_t value) {
    Family family{MetricType::Gauge, std::move(name), std::move(help)};
    family.add(number(value));
    families.push_back(family.take());
}

// Routes to delegated prefixes, and Reconfigure.
void add_dhcp6(Families& families, const MetricsDescription& description) {
    if (const auto& routes = description.routes) {
        add_gauge(families, "xdhcpd_delegated_routes_wanted",
                  "Leased prefixes that want a route in the kernel", routes->wanted);
        add_gauge(families, "xdhcpd_delegated_routes_installed", "Leased prefixes that have one",
                  routes->installed);
        Family changes{MetricType::Counter, "xdhcpd_delegated_route_changes_total",
                       "Routes to delegated prefixes that were added or removed, or that the "
                       "kernel refused, by result"};
        changes.add(number(routes->added), {{"result", "added"}});
        changes.add(number(routes->removed), {{"result", "removed"}});
        changes.add(number(routes->failed), {{"result", "failed"}});
        families.push_back(changes.take());
    }
    const ReconfigureCounts& reconfigure = description.reconfigure;
    add_gauge(families, "xdhcpd_reconfigure_waiting",
              "DHCPv6 clients that have been asked to renew, and have not yet",
              reconfigure.waiting);
    Family messages{MetricType::Counter, "xdhcpd_reconfigure_messages_total",
                    "Reconfigure messages, by result"};
    messages.add(number(reconfigure.sent), {{"result", "sent"}});
    messages.add(number(reconfigure.refused), {{"result", "refused"}});
    families.push_back(messages.take());
    Family clients{MetricType::Counter, "xdhcpd_reconfigure_clients_total",
                   "DHCPv6 clients that were asked to renew, by what they did"};
    clients.add(number(reconfigure.answered), {{"result", "answered"}});
    clients.add(number(reconfigure.unanswered), {{"result", "unanswered"}});
    families.push_back(clients.take());
}

// Hooks with the same program and other arguments are one to who looks.
void add_hooks(Families& families, const std::vector<HookStatus>& hooks) {
    std::map<std::string, HookStatus> sums;
    for (const HookStatus& hook : hooks) {
        HookStatus& sum = sums[hook.configuration.command.front()];
        sum.ok += hook.ok;
        sum.failed += hook.failed;
        sum.timeout += hook.timeout;
        sum.lost += hook.lost;
        sum.queue_length += hook.queue_length;
    }
    Family runs{MetricType::Counter, "xdhcpd_hook_runs_total", "Runs of a hook, by result"};
    Family lost{MetricType::Counter, "xdhcpd_hook_events_lost_total",
                "Events that a hook was not told of because too many waited"};
    Family waiting{MetricType::Gauge, "xdhcpd_hook_queue_length", "Events that wait for a hook"};
    for (const auto& [path, sum] : sums) {
        for (const auto& [result, value] : {std::pair{HookResult::kOk, sum.ok},
                                            {HookResult::kFailed, sum.failed},
                                            {HookResult::kTimeout, sum.timeout}}) {
            runs.add(number(value), {{"hook", path}, {"result", name(result)}});
        }
        lost.add(number(sum.lost), {{"hook", path}});
        waiting.add(number(sum.queue_length), {{"hook", path}});
    }
    if (!sums.empty()) {
        families.push_back(runs.take());
        families.push_back(lost.take());
        families.push_back(waiting.take());
    }
}

}  // namespace

std::string format_metrics(const MetricsInput& input) {
    Families families;
    Family build{MetricType::Gauge, "xdhcpd_build_info", "Always 1; the version is in the label"};
    build.add(1, {{"version", XDHCPD_VERSION}});
    families.push_back(build.take());
    add_messages(families, input.workers);
    add_interfaces(families, input.workers, input.description.interfaces);
    add_spaces(families, input.description);
    add_hooks(families, input.description.hooks);
    add_gauge(families, "xdhcpd_index_entries", "Clients known, those of ended leases included",
              sum_over(input.workers, [](worker::Worker& worker) {
                  return worker.shard_counters().index_entries.value();
              }));
    add_gauge(families, "xdhcpd_side_bytes",
              "Memory for hostnames, relay information and long identifiers in use",
              sum_over(input.workers, [](worker::Worker& worker) {
                  return worker.shard_counters().side_bytes.value();
              }));
    add_dhcp6(families, input.description);
    if (input.journal) {
        add_journal(families, *input.journal, sum_over(input.workers, [](worker::Worker& worker) {
                        return worker.unwritten_ends();
                    }));
    }
    Family uptime{MetricType::Gauge, "xdhcpd_uptime_seconds", "Time since the start"};
    uptime.add(input.uptime_seconds);
    families.push_back(uptime.take());
    Family reloads{MetricType::Counter, "xdhcpd_reloads_total",
                   "Reloads of the configuration, by result"};
    reloads.add(number(input.reloads_ok), {{"result", "ok"}});
    reloads.add(number(input.reloads_failed), {{"result", "error"}});
    families.push_back(reloads.take());
    return metrics::to_text(families);
}

Accounts accounts_of(const worker::WorkerCounters& counters) noexcept {
    // A worker counts a frame as received before it counts what became of it: read in the other
    // order.
    Accounts accounts;
    accounts.answered = counters.answered.value();
    for (const Counter& counter : counters.dropped) {
        accounts.explained += counter.value();
    }
    const std::uint64_t done = accounts.answered + accounts.explained;
    accounts.received = std::max(counters.received.value(), done);
    accounts.in_flight = accounts.received - done;
    return accounts;
}

}  // namespace xdhcpd::control
