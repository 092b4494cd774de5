// The worker's whole round over a memory port: receive, parse, decide, submit; without a capture,
// and with captures whose readers keep up or do not.
#include <benchmark/benchmark.h>

#include <memory>
#include <vector>

#include "io/memory/memory_port.h"
#include "support/engine_harness.h"
#include "worker/worker.h"

namespace xdhcpd::worker {
namespace {

constexpr std::size_t kBatch = Worker::kBatchLen;

BootTime bench_clock() noexcept {
    return BootTime{std::chrono::seconds{1000}};
}

enum class Reader { kNone, kFast, kStopped };

void run(benchmark::State& state, Reader reader) {
    lease::Store store{1};
    model::SpaceRegistry registry{store};
    SnapshotSlot slot;
    model::HostState host;
    host.interfaces.push_back({testing::kEth1,
                               "eth1",
                               testing::kServerMac,
                               1500,
                               true,
                               {parse_ipv4_prefix("192.0.2.1/24").value()}});
    const auto configuration = testing::small_configuration();
    auto made = model::make_snapshot(configuration, host, registry, {1, 2}, 1);
    model::apply_policy(*made.snapshot, configuration, host, registry);
    slot.publish(std::move(made.snapshot));
    MemoryPort port;
    WorkerOptions options;
    options.clock = bench_clock;
    auto worker =
        Worker::make(
            options,
            std::make_unique<lease::Shard>(
                store,
                lease::ShardOptions{.capacity = 100, .side_memory = 4096, .id = 0, .now = {1000}}),
            {&port}, slot)
            .value();
    Tap tap{{}};
    if (reader != Reader::kNone) {
        worker->taps().attach(tap);
    }
    const auto frame = testing::udp_frame({}, testing::Message{1, 1}.payload());
    std::uint64_t sent = 0;
    for (auto _ : state) {
        for (std::size_t i = 0; i < kBatch; ++i) {
            port.inject(frame, testing::kEth1);
        }
        worker->step();
        sent += port.drain_sent([](ByteView, const TxInfo&) {});
        while (reader == Reader::kFast && tap.front()) {
            tap.pop();
        }
    }
    if (sent != static_cast<std::uint64_t>(state.iterations()) * kBatch) {
        state.SkipWithError("not every message was answered");
    }
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kBatch));
}

void BM_WorkerDiscover(benchmark::State& state) {
    run(state, Reader::kNone);
}
BENCHMARK(BM_WorkerDiscover);

void BM_WorkerDiscoverCaptured(benchmark::State& state) {
    run(state, Reader::kFast);
}
BENCHMARK(BM_WorkerDiscoverCaptured);

void BM_WorkerDiscoverMissed(benchmark::State& state) {
    run(state, Reader::kStopped);
}
BENCHMARK(BM_WorkerDiscoverMissed);

}  // namespace
}  // namespace xdhcpd::worker
