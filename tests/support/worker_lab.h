// A worker that serves eth1 of the small network on a memory port, for tests and benchmarks that
// drive it with step().
#pragma once

#include <chrono>
#include <memory>
#include <utility>
#include <vector>

#include "base/time.h"
#include "io/memory/memory_port.h"
#include "journal/ring.h"
#include "lease/shard.h"
#include "lease/store.h"
#include "model/make_snapshot.h"
#include "support/engine_harness.h"
#include "worker/snapshot_slot.h"
#include "worker/worker.h"

namespace xdhcpd::testing {

struct WorkerLabOptions {
    MemoryOptions port{};
    BootTime (*clock)() noexcept = []() noexcept { return BootTime{std::chrono::seconds{1000}}; };
    std::vector<Port*> more_ports{};  // behind the memory port, in turn
    journal::Ring* ring = nullptr;    // leases must be stored; the test plays the journal
    worker::DiskTime disk_time{};
    model::RateLimits limits{};  // of eth1
};

struct WorkerLab {
    explicit WorkerLab(const WorkerLabOptions& options = {})
        : port{std::make_unique<MemoryPort>(options.port)} {
        model::HostState host;
        host.interfaces.push_back(
            {kEth1, "eth1", kServerMac, 1500, true, {parse_ipv4_prefix("192.0.2.1/24").value()}});
        auto configuration = small_configuration();
        configuration.interfaces[0].rate_limits = options.limits;
        auto made = model::make_snapshot(configuration, host, registry, {1, 2}, 1);
        model::apply_policy(*made.snapshot, configuration, host, registry);
        slot.publish(std::move(made.snapshot));
        auto shard = std::make_unique<lease::Shard>(
            store,
            lease::ShardOptions{.capacity = 100, .side_memory = 4096, .id = 0, .now = {1000}});
        worker::WorkerOptions worker_options;
        worker_options.clock = options.clock;
        worker_options.ring = options.ring;
        worker_options.disk_time = options.disk_time;
        std::vector<Port*> ports{port.get()};
        ports.insert(ports.end(), options.more_ports.begin(), options.more_ports.end());
        worker =
            worker::Worker::make(worker_options, std::move(shard), std::move(ports), slot).value();
    }

    lease::Store store{1};
    model::SpaceRegistry registry{store};
    worker::SnapshotSlot slot;
    std::unique_ptr<MemoryPort> port;  // the worker's first; a test may replace it
    std::unique_ptr<worker::Worker> worker;
};

}  // namespace xdhcpd::testing
