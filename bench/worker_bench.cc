// The worker's whole round over a memory port: receive, parse, decide, submit; without a capture,
// and with captures whose readers keep up or do not.
#include <benchmark/benchmark.h>

#include "support/worker_group_lab.h"
#include "support/worker_lab.h"

namespace xdhcpd::worker {
namespace {

constexpr std::size_t kBatch = Worker::kBatchLen;

enum class Reader { kNone, kFast, kStopped };

void run(benchmark::State& state, Reader reader) {
    testing::WorkerLab lab;
    MemoryPort& port = *lab.port;
    Worker* const worker = lab.worker.get();
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

// Both ends in one thread: what a message costs in all that comes by a queue of one worker and
// belongs to another. The wake-up, which needs a sleeper, is not in it.
void BM_WorkerDiscoverHandedOver(benchmark::State& state) {
    const testing::WorkerGroupLab lab;
    const auto frame = testing::udp_frame({}, testing::Message{1, lab.client_of(1)}.payload());
    MemoryPort& port = *lab.ports[0];
    std::uint64_t sent = 0;
    for (auto _ : state) {
        for (std::size_t i = 0; i < kBatch; ++i) {
            port.inject(frame, testing::kEth1);
        }
        lab.at(0).step();  // receives and hands over
        lab.at(1).step();  // decides
        lab.at(0).step();  // sends
        sent += port.drain_sent([](ByteView, const TxInfo&) {});
    }
    if (sent != static_cast<std::uint64_t>(state.iterations()) * kBatch) {
        state.SkipWithError("not every message was answered");
    }
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kBatch));
}
BENCHMARK(BM_WorkerDiscoverHandedOver);

}  // namespace
}  // namespace xdhcpd::worker
