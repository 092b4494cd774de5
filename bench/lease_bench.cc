// What the lease store costs per message. Tenants are visited in an order that the hardware cannot
// foresee; where it says batch, lookups are prefetched in two steps as the engine does.
#include <benchmark/benchmark.h>

#include <array>
#include <cstdlib>
#include <memory>
#include <vector>

#include "base/hash.h"
#include "base/random.h"
#include "lease/shard.h"

namespace xdhcpd::lease {
namespace {

constexpr BootSeconds kNow{1000};
constexpr BootSeconds kExpiry{1000 + 3600};
constexpr std::size_t kBatch = 64;

// A tenant with option 61 of an Ethernet client: kind, hardware type, MAC.
struct BenchTenant {
    std::array<std::byte, 8> identity{};
    Tenant tenant;

    // What the engine does for each message, hash included.
    void set(std::uint32_t number) {
        identity[0] = std::byte{61};
        identity[1] = std::byte{1};
        identity[2] = std::byte{2};
        store_be32(&identity[4], number);
        tenant.identity = identity;
        tenant.hw = Mac::load(&identity[2]);
        tenant.hw_len = 6;
        tenant.hw_type = 1;
        tenant.hash = hash_bytes({1, 2}, identity);
    }
};

void check(bool is_right) {
    if (!is_right) {
        std::abort();
    }
}

// `leases` leases in one space, number i to unit i; built once per size.
struct Filled {
    explicit Filled(std::uint32_t count, ClientLimit* limit = nullptr)
        : store{1},
          space{store.add_space(SpaceKind::kIpv4, std::max(count + count / 8, 1024u))},
          shard{store,
                {.capacity = count + count / 8,
                 .side_memory = 0,
                 .limit = limit,
                 .id = 0,
                 .now = kNow}},
          spaces{space.id()},
          leases{count} {
        space.bitmap().allow(space.all());
        BenchTenant tenant;
        for (std::uint32_t i = 0; i < leases; ++i) {
            tenant.set(i);
            const auto unit = shard.take_next(tenant.tenant, space.id(), space.all(), kExpiry);
            check(unit.has_value());
            shard.grant(*unit, {.now = kNow, .expiry = kExpiry, .xid = i});
        }
        tenant.set(leases / 2);
        check(shard.find(tenant.tenant, spaces) == space.unit_at(leases / 2));
        tenant.set(leases);
        check(!shard.find(tenant.tenant, spaces));
    }

    Store store;
    Space& space;
    Shard shard;
    std::array<SpaceId, 1> spaces;
    std::uint32_t leases;
};

Filled& filled(std::uint32_t leases) {
    static std::unique_ptr<Filled> kept;
    if (!kept || kept->leases != leases) {
        kept.reset();
        kept = std::make_unique<Filled>(leases);
    }
    return *kept;
}

// Renewals dominate a steady network; this is the store's share of one: hash, find, grant, in
// batches.
void BM_ShardRenew(benchmark::State& state) {
    Filled& with = filled(static_cast<std::uint32_t>(state.range(0)));
    Random random{1};
    std::array<BenchTenant, kBatch> batch;
    std::uint32_t xid = 0;
    for (auto _ : state) {
        for (BenchTenant& tenant : batch) {
            tenant.set(random.below(with.leases));
            with.shard.prefetch(tenant.tenant);
        }
        for (const BenchTenant& tenant : batch) {
            with.shard.prefetch_record(tenant.tenant);
        }
        for (const BenchTenant& tenant : batch) {
            const auto unit = with.shard.find(tenant.tenant, with.spaces);
            with.shard.grant(*unit, {.now = kNow, .expiry = kExpiry, .xid = ++xid});
        }
    }
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kBatch));
}

// A lookup without any prefetching: latency of index and record in a row.
void BM_ShardFind(benchmark::State& state) {
    Filled& with = filled(static_cast<std::uint32_t>(state.range(0)));
    Random random{1};
    BenchTenant tenant;
    for (auto _ : state) {
        tenant.set(random.below(with.leases));
        benchmark::DoNotOptimize(with.shard.find(tenant.tenant, with.spaces));
    }
    state.SetItemsProcessed(state.iterations());
}

// Clients that come and go beside that many leases: offer, lease, release.
void take_and_release(benchmark::State& state, Filled& with) {
    BenchTenant tenant;
    std::uint32_t number = with.leases;
    for (auto _ : state) {
        tenant.set(number++);
        const auto unit =
            with.shard.take_next(tenant.tenant, with.space.id(), with.space.all(), kExpiry);
        with.shard.grant(*unit, {.now = kNow, .expiry = kExpiry, .xid = number});
        with.shard.release(*unit);
    }
    state.SetItemsProcessed(state.iterations());
}

void BM_ShardTakeRelease(benchmark::State& state) {
    take_and_release(state, filled(static_cast<std::uint32_t>(state.range(0))));
}

// As one of several shards, which have a limit in common.
void BM_ShardTakeReleaseWithinLimit(benchmark::State& state) {
    const auto leases = static_cast<std::uint32_t>(state.range(0));
    ClientLimit limit{leases + 1000, 4};
    Filled with{leases, &limit};
    take_and_release(state, with);
    check(limit.used() == leases);
}

// A million leases that all end in the same minute: cost of one expiry.
void BM_ShardExpire(benchmark::State& state) {
    const auto leases = static_cast<std::uint32_t>(state.range(0));
    for (auto _ : state) {
        state.PauseTiming();
        Filled with{leases};
        std::size_t ended = 0;
        state.ResumeTiming();
        with.shard.expire(kExpiry, ~std::size_t{0}, [&](Unit, LeaseState) { ++ended; });
        check(ended == leases);
    }
    state.SetItemsProcessed(state.iterations() * leases);
}

// Next fit in 2^20 units, of which one in so many is free, at random places; the taken one is given
// back.
void BM_BitmapTakeNext(benchmark::State& state) {
    constexpr std::uint32_t kUnits = 1u << 20;
    UnitBitmap bitmap{kUnits};
    const UnitRange all{0, kUnits - 1};
    bitmap.allow(all);
    Random random{1};
    const auto taken_count = static_cast<std::uint32_t>(
        std::uint64_t{kUnits} * static_cast<std::uint64_t>(state.range(0)) / 10000);
    for (std::uint32_t taken = 0; taken < taken_count;) {
        taken += bitmap.try_take(random.below(kUnits)) ? 1 : 0;
    }
    check(bitmap.free_count() == kUnits - taken_count);
    std::uint32_t from = 0;
    for (auto _ : state) {
        const auto index = bitmap.take_next(all, from);
        bitmap.release(*index);
        from = *index + 1;
    }
    state.SetItemsProcessed(state.iterations());
}

void sizes(benchmark::internal::Benchmark* bench) {
    bench->ArgName("leases")->Arg(1 << 10)->Arg(1 << 15)->Arg(1 << 20)->Arg(1 << 24);
}
BENCHMARK(BM_ShardRenew)->Apply(sizes);
BENCHMARK(BM_ShardFind)->Apply(sizes);
BENCHMARK(BM_ShardTakeRelease)->Apply(sizes);
BENCHMARK(BM_ShardTakeReleaseWithinLimit)->ArgName("leases")->Arg(1 << 16);
BENCHMARK(BM_ShardExpire)
    ->ArgName("leases")
    ->Arg(1 << 20)
    ->Iterations(3)
    ->Unit(benchmark::kMillisecond);
// In hundredths of a percent.
BENCHMARK(BM_BitmapTakeNext)->ArgName("taken_permyriad")->Arg(100)->Arg(9900)->Arg(9999);

}  // namespace
}  // namespace xdhcpd::lease
