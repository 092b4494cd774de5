// The command "workers": what each of them has done, and how long its batches took.

#include <sched.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "control/commands.h"

namespace xdhcpd::control {

using nlohmann::json;

Answer workers_command(const ServerState& state) {
    constexpr double kNsPerUs = 1000;
    json list = json::array();
    for (worker::Worker* const worker : state.parts.workers) {
        json ports = json::array();
        for (const worker::PortTotals& port : worker->port_totals()) {
            if (port.open) {
                ports.push_back(port.interface_name + ":" +
                                (port.role == PortRole::kDriver ? std::to_string(port.queue)
                                                                : std::string{name(port.role)}));
            }
        }
        int cpu = -1;
        worker->call([&] { cpu = sched_getcpu(); });
        const worker::WorkerCounters& counters = worker->counters();
        const lease::ShardCounters& shard = worker->shard_counters();
        const auto microseconds = [](std::uint64_t ns) {
            return static_cast<double>(ns) / kNsPerUs;
        };
        // A quantile is the upper edge of a bucket, which may lie above the greatest value in it.
        const auto quantile = [&](double share) {
            return microseconds(
                std::min(counters.latency.quantile_ns(share), counters.latency.max_ns()));
        };
        list.push_back({{"id", worker->id()},
                        {"ports", std::move(ports)},
                        {"cpu", cpu},
                        {"batches", counters.batches.value()},
                        {"messages", counters.received.value()},
                        {"handed_over", counters.handed_over.value()},
                        {"taken_over", counters.taken_over.value()},
                        {"polls", counters.polls.value()},
                        {"expired", counters.expired.value()},
                        {"index_entries", shard.index_entries.value()},
                        {"index_capacity", worker->shard_capacity()},
                        {"side_bytes", shard.side_bytes.value()},
                        {"side_capacity", worker->shard_side_capacity()},
                        {"side_failures", shard.side_failures.value()},
                        {"latency_us",
                         {{"p50", quantile(0.5)},
                          {"p99", quantile(0.99)},
                          {"max", microseconds(counters.latency.max_ns())}}}});
    }
    return json{
        {"workers", std::move(list)},
        {"why", state.parts.workers_reason},
        {"advice", state.parts.workers_advice ? state.parts.workers_advice() : std::string{}}};
}

}  // namespace xdhcpd::control
