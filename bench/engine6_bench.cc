// The IPv6 engine from received frame to finished reply frame, on one core, without any driver; see
// engine_bench.cc for how messages come.
#include <benchmark/benchmark.h>

#include <array>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/v6/decide.h"
#include "model/make_snapshot.h"
#include "support/dhcp6.h"
#include "worker/worker.h"

namespace xdhcpd {
namespace {

using testing::Bytes;

constexpr std::uint32_t kIfindex = 2;
constexpr std::size_t kBatch = worker::Worker::kBatchLen;
constexpr std::uint32_t kStride = 7919;  // prime
constexpr BootTime kStart{std::chrono::seconds{1000}};
// All clients come once in this time: longer than a retransmission, shorter than a lease.
constexpr std::chrono::nanoseconds kLap = std::chrono::seconds{160};
const Bytes kServerDuid = testing::bytes({0, 3, 0, 1, 0, 0, 0x5e, 0, 0x53, 1});

enum class Kind { kAddress, kPrefix };

[[nodiscard]] Mac client_mac(std::uint32_t client) {
    Mac mac = parse_mac("02:00:00:00:00:00").value();
    store_be32(mac.octets.data() + 2, client);
    return mac;
}
[[nodiscard]] Bytes client_duid(std::uint32_t client) {
    return testing::join({testing::bytes({0, 3, 0, 1}), client_mac(client).bytes()});
}

// 2001:db8::/64 on one interface, and prefixes of 56 bits.
class Network {
  public:
    explicit Network(std::uint32_t clients)
        : shard_{store_,
                 {.capacity = clients + 1024,
                  .side_memory = std::size_t{clients} * 128 + (1 << 20),
                  .id = 0,
                  .now = {1000}}},
          step_{kLap / std::max<std::uint32_t>(clients / kBatch, 1)} {
        registry_.ipv6().set_names_key({3, 4});
        registry_.ipv6().set_max_leases(clients);
        model::Configuration configuration;
        configuration.interfaces.emplace_back().name = "eth1";
        configuration.dhcp6.server_duid = kServerDuid;
        auto& subnet = configuration.dhcp6.subnets.emplace_back();
        subnet.prefix = *parse_ipv6_prefix("2001:db8::/64");
        subnet.interface = "eth1";
        // As large as its permutation's domain; others walk up to four times as far on average.
        subnet.pools.push_back(
            {*parse_ipv6("2001:db8::1:0:0"), *parse_ipv6("2001:db8::1:ffff:ffff")});
        subnet.prefix_pools.push_back({*parse_ipv6_prefix("2001:d00::/24"), 56, {}});
        const auto option = [](int code, Bytes value) {
            return model::OptionValue6{static_cast<dhcp6::OptionCode>(code), std::move(value),
                                       false};
        };
        subnet.options = {option(23, Bytes(32)), option(24, Bytes(13)), option(56, Bytes(20))};
        model::HostState host;
        auto& interface = host.interfaces.emplace_back();
        interface.ifindex = kIfindex;
        interface.name = "eth1";
        interface.mac = parse_mac("00:00:5e:00:53:01").value();
        interface.up = true;
        interface.addresses6 = {*parse_ipv6_prefix("fe80::1/64"),
                                *parse_ipv6_prefix("2001:db8::1/64")};
        auto made = model::make_snapshot(configuration, host, registry_, {1, 2}, 1);
        model::apply_policy(*made.snapshot, configuration, host, registry_);
        snapshot_ = std::move(made.snapshot);
        requests_ = std::make_unique<engine::v6::Request[]>(kBatch);
        out_.resize(kMinTxFrameLen);
    }

    // Handles a batch of frames as a worker does; returns how many got a reply.
    [[gnu::noinline]] std::size_t handle(std::span<const Bytes> frames) {
        for (std::size_t i = 0; i < frames.size(); ++i) {
            if (requests_[i].parse(frames[i], kIfindex, *snapshot_)) {
                shard_.prefetch(requests_[i].first_tenant());
            }
        }
        for (std::size_t i = 0; i < frames.size(); ++i) {
            shard_.prefetch_record(requests_[i].first_tenant());
        }
        std::size_t answered = 0;
        for (std::size_t i = 0; i < frames.size(); ++i) {
            const auto decision =
                engine::v6::decide(requests_[i], shard_, now_, engine::Journal::kOff, out_);
            answered += decision.drop ? 0 : 1;
        }
        now_ += step_;
        return answered;
    }

    // One exchange of a client, outside of what is measured; the name of what it got.
    [[nodiscard]] Ipv6Prefix get(std::uint32_t client, Kind kind) {
        engine::v6::Request request;
        const Bytes frame = message(3, client, kind, nullptr);
        XD_ASSERT(request.parse(frame, kIfindex, *snapshot_));
        const auto decision =
            engine::v6::decide(request, shard_, now_, engine::Journal::kOff, out_);
        XD_ASSERT(decision.promised_count == 1);
        const lease::Unit unit = decision.promised[0].unit;
        const lease::Space& space = store_.space_of(unit);
        return {space.ipv6_names().at(space.index_of(unit)), space.ipv6_names().length()};
    }
    [[nodiscard]] static Bytes message(int type, std::uint32_t client, Kind kind,
                                       const Ipv6Prefix* listed) {
        Bytes lease;
        if (listed != nullptr) {
            lease = kind == Kind::kAddress
                        ? testing::ia_address6(to_string(listed->address), 0, 0)
                        : testing::ia_prefix6(to_string(listed->address), listed->length, 0, 0);
        }
        const Bytes server = type == 1 ? Bytes{} : testing::option6(2, kServerDuid);
        const Bytes payload = testing::message6(
            type,
            {testing::option6(1, client_duid(client)), server,
             testing::option6(6, {0, 23, 0, 24, 0, 56}), testing::option6(8, {0, 0}),
             testing::ia6(kind == Kind::kAddress ? 3 : 25, 1, lease)},
            client & 0xffffff);
        testing::FrameSpec6 spec;
        spec.source_mac = client_mac(client);
        spec.source = Ipv6::link_local_of(client_mac(client));
        return testing::frame6(spec, payload);
    }

  private:
    lease::Store store_{1};
    model::SpaceRegistry registry_{store_};
    lease::Shard shard_;
    std::unique_ptr<model::Snapshot> snapshot_;
    std::chrono::nanoseconds step_;
    BootTime now_ = kStart;
    std::unique_ptr<engine::v6::Request[]> requests_;
    Bytes out_;
};

// Frames of clients in a stride through all of them; as many as memory for frames is given to.
constexpr std::uint32_t kMaxFrames = 1 << 20;

void run(benchmark::State& state, int type, Kind kind) {
    const auto clients = static_cast<std::uint32_t>(state.range(0));
    Network network{clients};
    std::vector<Bytes> frames(std::min(clients, kMaxFrames) / kBatch * kBatch);
    std::vector<Ipv6Prefix> leases(clients);
    for (std::uint32_t client = 0; client < clients; ++client) {
        leases[client] = network.get(client, kind);
    }
    for (std::uint32_t i = 0; i < frames.size(); ++i) {
        const auto client = static_cast<std::uint32_t>(std::uint64_t{i} * kStride % clients);
        frames[i] = Network::message(type, client, kind, &leases[client]);
    }
    std::size_t at = 0;
    const auto next = [&] {
        const std::span<const Bytes> batch = std::span{frames}.subspan(at, kBatch);
        at = at + kBatch == frames.size() ? 0 : at + kBatch;
        return batch;
    };
    if (network.handle(next()) != kBatch) {
        state.SkipWithError("not every message was answered");
        return;
    }
    std::size_t answered = 0;
    std::size_t wanted = 0;
    for (auto _ : state) {
        answered += network.handle(next());
        wanted += kBatch;
    }
    if (answered != wanted) {
        state.SkipWithError("not every message was answered");
    }
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kBatch));
}

void populations(benchmark::internal::Benchmark* bench) {
    bench->ArgName("leases")->Arg(1024)->Arg(131'072)->Arg(1'000'000);
}

// Renewals dominate a steady network.
void BM_Engine6RenewAddress(benchmark::State& state) {
    run(state, 5, Kind::kAddress);
}
BENCHMARK(BM_Engine6RenewAddress)->Apply(populations);

void BM_Engine6RenewPrefix(benchmark::State& state) {
    run(state, 5, Kind::kPrefix);
}
BENCHMARK(BM_Engine6RenewPrefix)->Apply(populations);

// After a power cut every client solicits, and requests what it is advertised: what it has.
void BM_Engine6Solicit(benchmark::State& state) {
    run(state, 1, Kind::kAddress);
}
BENCHMARK(BM_Engine6Solicit)->Apply(populations);

void BM_Engine6Request(benchmark::State& state) {
    run(state, 3, Kind::kAddress);
}
BENCHMARK(BM_Engine6Request)->Apply(populations);

}  // namespace
}  // namespace xdhcpd
