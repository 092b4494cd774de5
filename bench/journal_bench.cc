// What the journal costs: a state in the ring, states made durable by group commit, a start with
// many leases, a merge. Files are made below $XDHCPD_BENCH_DIRECTORY, or the directory it runs in:
// a temporary file system has no syncs to measure. $XDHCPD_BENCH_LARGE adds ten million leases.
#include <benchmark/benchmark.h>
#include <stdlib.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>

#include "journal/codec/record.h"
#include "journal/directory.h"
#include "journal/journal.h"
#include "journal/merger.h"
#include "journal/posix_files.h"
#include "journal/recovery.h"

namespace xdhcpd::journal {
namespace {

void check(bool is_right) {
    if (!is_right) {
        std::abort();
    }
}

// A directory for one benchmark.
class Scratch {
  public:
    Scratch() {
        // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody changes the environment
        const char* const below = std::getenv("XDHCPD_BENCH_DIRECTORY");
        path_ = std::string{below != nullptr ? below : "."} + "/journal-bench-XXXXXX";
        check(mkdtemp(path_.data()) != nullptr);
    }
    ~Scratch() { std::filesystem::remove_all(path_); }
    [[nodiscard]] const std::string& path() const { return path_; }

  private:
    std::string path_;
};

// A lease of an Ethernet client with a client identifier and a hostname: 96 bytes.
class Lease {
  public:
    Lease() {
        state_.version = 1;
        state_.status = UnitStatus::kLeased;
        state_.expiry = state_.told_expiry = 2'000'000'000;
        state_.hw_type = 1;
        state_.hw_len = 6;
        identity_[0] = std::byte{61};
        identity_[1] = std::byte{1};
        state_.identity = identity_;
        state_.hostname = as_bytes("host-name");
    }
    const UnitState& number(std::uint32_t unit) {
        state_.key = UnitKey::ipv4(Ipv4{0x0a000000 + unit});
        store_be32(&identity_[4], unit);
        store_be32(state_.mac.octets.data() + 2, unit);
        return state_;
    }

  private:
    UnitState state_;
    std::array<std::byte, 8> identity_{};
};

void append(benchmark::State& bench) {
    Waker waker;
    Ring ring{std::size_t{4} << 20, false, waker};
    Lease lease;
    std::uint32_t unit = 0;
    for (auto _ : bench) {
        if (!ring.has_room()) {
            bench.PauseTiming();
            ring.kick();
            while (!ring.take().empty()) {
            }
            ring.release();
            bench.ResumeTiming();
        }
        benchmark::DoNotOptimize(ring.append(lease.number(unit++)));
    }
    bench.SetItemsProcessed(bench.iterations());
}
BENCHMARK(append);

void checksum(benchmark::State& bench) {
    Lease lease;
    std::array<std::byte, kMaxRecordLen> record{};
    const std::size_t len = encode(lease.number(1), record);
    for (auto _ : bench) {
        stamp(MutableBytes{record}.first(len), Seed{1});
        benchmark::ClobberMemory();
    }
    bench.SetItemsProcessed(bench.iterations());
}
BENCHMARK(checksum);

// The first seconds of a journal's life, in which its segment grows, are not what is measured.
void wait_for_spare(FileLayer& files, const std::string& directory) {
    for (int i = 0; i < 6000; ++i) {
        const auto names = files.list(directory);
        check(names.has_value());
        if (std::any_of(names->begin(), names->end(), [&](const std::string& name) {
                const auto file = files.open(path_of(directory, name), OpenMode::kRead);
                return name.starts_with("spare-") && file &&
                       *(*file)->size() == JournalOptions{}.segment_len;
            })) {
            return;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds{10});
    }
}

// So many states at a time, and the next when all of them are durable: as many clients, each of
// which waits for its own.
void commit(benchmark::State& bench) {
    const Scratch scratch;
    JournalOptions options;
    options.directory = scratch.path();
    options.durability = bench.range(1) == 0 ? Durability::kSync : Durability::kAsync;
    PosixFiles files;
    Recovery found;
    auto journal = Journal::open(
        options, files, [](const UnitState&) {}, found);
    check(journal.has_value());
    (*journal)->start();
    wait_for_spare(files, scratch.path());
    Ring& ring = (*journal)->ring(0);
    Lease lease;
    std::uint32_t unit = 0;
    for (auto _ : bench) {
        std::uint64_t last = 0;
        for (std::int64_t i = 0; i < bench.range(0); ++i) {
            while (!ring.has_room()) {
                std::this_thread::yield();
            }
            last = ring.append(lease.number(unit++ % 1'000'000));
        }
        ring.kick();
        while (ring.durable() < last) {
            std::this_thread::yield();
        }
    }
    check((*journal)->stop());
    const JournalHealth health = (*journal)->health();
    check(health.states == std::uint64_t(bench.iterations()) * std::uint64_t(bench.range(0)));
    bench.SetItemsProcessed(bench.iterations() * bench.range(0));
    bench.counters["leases_per_sync"] =
        double(health.states) / double(std::max<std::uint64_t>(health.syncs, 1));
    bench.counters["sync_us"] = double(health.last_sync.count()) / 1000;
}
BENCHMARK(commit)
    ->ArgNames({"waiting", "async"})
    ->Args({1, 0})
    ->Args({10, 0})
    ->Args({100, 0})
    ->Args({1000, 0})
    ->Args({1000, 1})
    ->UseRealTime();

void make_leases(FileLayer& files, const std::string& directory, std::uint32_t count) {
    Lease lease;
    std::array<std::byte, kMaxRecordLen> record{};
    const auto made =
        write_snapshot(files, directory, 1, 1, 1, [&](const std::function<void(ByteView)>& emit) {
            for (std::uint32_t unit = 0; unit < count; ++unit) {
                emit(ByteView{record}.first(encode(lease.number(unit), record)));
            }
            return Status{Success{}};
        });
    check(made.has_value());
}

void start(benchmark::State& bench) {
    const Scratch scratch;
    PosixFiles files;
    make_leases(files, scratch.path(), static_cast<std::uint32_t>(bench.range(0)));
    for (auto _ : bench) {
        std::uint64_t sum = 0;
        Recovery found;
        JournalOptions options;
        options.directory = scratch.path();
        const auto journal = Journal::open(
            options, files, [&](const UnitState& state) { sum += state.expiry; }, found);
        check(journal.has_value() && found.units == std::uint64_t(bench.range(0)));
        benchmark::DoNotOptimize(sum);
    }
    bench.SetItemsProcessed(bench.iterations() * bench.range(0));
}

// A snapshot and four segments of 64 MiB with renewals of its leases.
void merge_segments(benchmark::State& bench) {
    const Scratch scratch;
    PosixFiles files;
    const auto count = static_cast<std::uint32_t>(bench.range(0));
    make_leases(files, scratch.path(), count);
    JournalOptions options;
    options.directory = scratch.path();
    options.compact_at = 1'000'000;  // not by itself
    options.wall_clock = [] { return std::uint64_t{1'700'000'000'000'000'000}; };
    {
        Recovery found;
        auto journal = Journal::open(
            options, files, [](const UnitState&) {}, found);
        check(journal.has_value());
        (*journal)->start();
        Lease lease;
        const auto renewals =
            static_cast<std::uint32_t>((std::uint64_t{4} * options.segment_len) / 96);
        Ring& ring = (*journal)->ring(0);
        for (std::uint32_t i = 0; i < renewals; ++i) {
            while (!ring.has_room()) {
                std::this_thread::yield();
            }
            ring.append(lease.number((i * 7919) % count));
            if (i % 1000 == 0) {
                ring.kick();
            }
        }
        ring.kick();
        check((*journal)->stop());
    }
    for (auto _ : bench) {
        Recovery found;
        const auto recovered = recover(
            files, options, [](const UnitState&) {}, found);
        check(recovered.has_value() && found.units == count);
        const auto made = make_snapshot(files, options, recovered->chain);
        check(made.has_value() && made->units == count);
    }
    bench.SetItemsProcessed(bench.range(0));
}

[[maybe_unused]] const bool registered = [] {
    auto* const starts = benchmark::RegisterBenchmark("start", start);
    starts->ArgName("leases")->Unit(benchmark::kMillisecond)->Arg(1'000'000)->UseRealTime();
    // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody changes the environment
    if (std::getenv("XDHCPD_BENCH_LARGE") != nullptr) {
        starts->Arg(10'000'000);
        benchmark::RegisterBenchmark("start_and_merge", merge_segments)
            ->ArgName("leases")
            ->Unit(benchmark::kMillisecond)
            ->Iterations(1)
            ->UseRealTime()
            ->Arg(1'000'000)
            ->Arg(10'000'000);
    }
    return true;
}();

}  // namespace
}  // namespace xdhcpd::journal
