// The engine from received frame to finished reply frame, on one core, without any driver.
//
// Messages are handled in batches of 64 in the three passes of the worker (parse and prefetch,
// prefetch records, decide), because that is how memory latency overlaps in the server too. Clients
// come in a stride through the whole population so that the caches cannot help more than they would
// in a network of that size; their frames stand in the same few buffers again and again, as in the
// ring of a driver.
#include <benchmark/benchmark.h>

#include <array>
#include <cstring>
#include <memory>
#include <span>
#include <vector>

#include "engine/decide.h"
#include "model/make_snapshot.h"
#include "support/frames.h"
#include "worker/worker.h"

namespace xdhcpd {
namespace {

using testing::Bytes;
using testing::Message;

constexpr std::uint32_t kIfindex = 2;
constexpr std::size_t kBatch = worker::Worker::kBatchLen;
constexpr std::uint32_t kStride = 7919;  // prime
constexpr BootTime kStart{std::chrono::seconds{1000}};
// All clients come once in this time: longer than a retransmission, shorter than a lease.
constexpr std::chrono::nanoseconds kLap = std::chrono::seconds{160};
// More clients would be more of the same, and take minutes to make.
constexpr std::uint32_t kMaxVisited = 4'000'000;

[[nodiscard]] Mac client_mac(std::uint32_t client) {
    Mac mac = parse_mac("02:00:00:00:00:00").value();
    store_be32(mac.octets.data() + 2, client);
    return mac;
}

// 10.0.0.0/8 on one interface, with what clients usually ask for.
class Network {
  public:
    explicit Network(std::uint32_t clients)
        : shard_{store_,
                 {.capacity = clients + 1024, .side_memory = 1 << 20, .id = 0, .now = {1000}}},
          step_{kLap / std::max<std::uint32_t>(clients / kBatch, 1)} {
        model::Configuration configuration;
        configuration.interfaces.push_back(
            {.name = "eth1", .driver = {}, .queues = {}, .zero_copy = {}});
        model::SubnetConfiguration subnet;
        subnet.prefix = parse_ipv4_prefix("10.0.0.0/8").value();
        subnet.interface = "eth1";
        subnet.pools.push_back({testing::ip("10.0.1.0"), testing::ip("10.255.255.250")});
        const auto option = [](int code, Bytes value) {
            return model::OptionValue{static_cast<dhcp4::OptionCode>(code), std::move(value),
                                      false};
        };
        subnet.options = {option(3, testing::bytes({10, 0, 0, 1})),
                          option(6, testing::bytes({10, 0, 0, 53})),
                          option(15, testing::bytes({'e', 'x', 'a', 'm', 'p', 'l', 'e'})),
                          option(42, testing::bytes({10, 0, 0, 123}))};
        configuration.dhcp4.subnets.push_back(subnet);
        model::HostState host;
        host.interfaces.push_back({kIfindex,
                                   "eth1",
                                   parse_mac("00:00:5e:00:53:01").value(),
                                   1500,
                                   true,
                                   {parse_ipv4_prefix("10.0.0.1/8").value()}});
        auto made = model::make_snapshot(configuration, host, registry_, {1, 2}, 1);
        model::apply_policy(*made.snapshot, configuration, host, registry_);
        snapshot_ = std::move(made.snapshot);
        requests_ = std::make_unique<engine::Request[]>(kBatch);
        out_.resize(kMinTxFrameLen);
    }

    // Handles a batch of frames as a worker does; returns how many got a reply.
    [[gnu::noinline]] std::size_t handle(std::span<const Bytes> frames) {
        for (std::size_t i = 0; i < frames.size(); ++i) {
            if (i + 2 < frames.size()) {
                engine::prefetch_frame(frames[i + 2]);
            }
            if (requests_[i].parse(frames[i], kIfindex, *snapshot_)) {
                shard_.prefetch(requests_[i].tenant());
            }
        }
        for (std::size_t i = 0; i < frames.size(); ++i) {
            shard_.prefetch_record(requests_[i].tenant());
        }
        std::size_t answered = 0;
        for (std::size_t i = 0; i < frames.size(); ++i) {
            const auto decision = engine::decide(requests_[i], shard_, reply_cache_, now_,
                                                 engine::Journal::kOff, out_);
            answered += decision.drop ? 0 : 1;
        }
        now_ += step_;
        return answered;
    }

    // Gives clients 0..count-1 the addresses in order.
    void fill(std::uint32_t count) {
        for (std::uint32_t client = 0; client < count; ++client) {
            const Mac mac = client_mac(client);
            Bytes identity = testing::bytes({1, 1});
            testing::append(identity, mac.bytes());
            lease::Tenant tenant;
            tenant.identity = identity;
            tenant.hw = mac;
            tenant.hw_len = 6;
            tenant.hw_type = 1;
            tenant.hash = hash_bytes(snapshot_->hash_key, identity);
            const lease::Space& space = store_.space(snapshot_->subnets[0].space);
            const auto unit = shard_.take(tenant, space.unit_at(0x100 + client), {2000});
            shard_.grant(unit.value(), {{900}, {2000}, 0});
        }
    }
    [[nodiscard]] const engine::Request& request(std::size_t i) const { return requests_[i]; }
    [[nodiscard]] const Bytes& out() const { return out_; }
    [[nodiscard]] const model::Snapshot& snapshot() const { return *snapshot_; }
    [[nodiscard]] lease::Shard& shard() { return shard_; }

  private:
    lease::Store store_{1};
    model::SpaceRegistry registry_{store_};
    lease::Shard shard_;
    engine::ReplyCache reply_cache_;
    std::unique_ptr<model::Snapshot> snapshot_;
    std::chrono::nanoseconds step_;
    BootTime now_ = kStart;
    std::unique_ptr<engine::Request[]> requests_;
    Bytes out_;
};

[[nodiscard]] Bytes renewal(std::uint32_t client) {
    Message message{3, 1};
    message.chaddr(client_mac(client).bytes()).xid(client + 1).option(55, {1, 3, 6, 15, 42});
    Bytes ciaddr;
    testing::append32(ciaddr, testing::ip("10.0.1.0").value + client);
    message.ciaddr(to_string(Ipv4::load(ciaddr.data())));
    testing::FrameSpec spec;
    spec.source_mac = client_mac(client);
    spec.source = Ipv4::load(ciaddr.data());
    spec.destination = testing::ip("10.0.0.1");
    return udp_frame(spec, message.payload());
}

[[nodiscard]] Bytes discover(std::uint32_t client) {
    Message message{1, 1};
    message.chaddr(client_mac(client).bytes()).xid(client + 1).option(55, {1, 3, 6, 15, 42});
    testing::FrameSpec spec;
    spec.source_mac = client_mac(client);
    return udp_frame(spec, message.payload());
}

template <typename Make>
[[nodiscard]] std::vector<Bytes> frames_of(std::uint32_t clients, Make make) {
    std::vector<Bytes> frames;
    for (std::uint32_t i = 0; i < kBatch; ++i) {
        frames.push_back(make(static_cast<std::uint32_t>(std::uint64_t{i} * kStride % clients)));
    }
    return frames;
}

// One batch of frames, and for each client what is its own in them. Writing that into a frame costs
// about as much as the driver's own handling of a descriptor.
class Arrivals {
  public:
    template <typename Make>
    Arrivals(std::uint32_t clients, Make make) : frames_{frames_of(clients, make)} {
        const std::uint32_t count = std::min(std::max<std::uint32_t>(clients, kBatch), kMaxVisited);
        own_.reserve(count);
        for (std::uint32_t i = 0; i < count / kBatch * kBatch; ++i) {
            own_.emplace_back(
                make(static_cast<std::uint32_t>(std::uint64_t{i} * kStride % clients)));
        }
    }
    [[nodiscard]] std::span<const Bytes> next() {
        for (std::size_t i = 0; i < kBatch; ++i) {
            own_[at_ + i].put(frames_[i]);
        }
        at_ = at_ + kBatch == own_.size() ? 0 : at_ + kBatch;
        return frames_;
    }

  private:
    // Octets of a frame without tags and IP options that depend on its client.
    struct Own {
        explicit Own(const Bytes& frame) { move(frame.data(), octets.data(), true); }
        void put(Bytes& frame) const { move(octets.data(), frame.data(), false); }

        struct Range {
            std::size_t from, len;
        };
        static constexpr Range kRanges[] = {{6, 6},    // source MAC
                                            {24, 6},   // header checksum, source address
                                            {40, 2},   // UDP checksum
                                            {46, 4},   // xid
                                            {54, 4},   // ciaddr
                                            {70, 6}};  // chaddr
        static void move(const std::byte* from, std::byte* to, bool is_gather) {
            std::size_t at = 0;
            for (const Range& range : kRanges) {
                std::memcpy(to + (is_gather ? at : range.from),
                            from + (is_gather ? range.from : at), range.len);
                at += range.len;
            }
        }
        std::array<std::byte, 28> octets;
    };

    std::vector<Bytes> frames_;
    std::vector<Own> own_;
    std::size_t at_ = 0;
};

template <typename Make>
void run(benchmark::State& state, Make make) {
    const auto clients = static_cast<std::uint32_t>(state.range(0));
    Network network{clients};
    network.fill(clients);
    Arrivals arrivals{clients, make};
    if (network.handle(arrivals.next()) != kBatch) {
        state.SkipWithError("not every message was answered");
        return;
    }
    std::size_t answered = 0;
    std::size_t wanted = 0;
    for (auto _ : state) {
        answered += network.handle(arrivals.next());
        wanted += kBatch;
    }
    if (answered != wanted) {
        state.SkipWithError("not every message was answered");
    }
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kBatch));
}

void populations(benchmark::internal::Benchmark* bench) {
    bench->ArgName("leases")->Arg(1000)->Arg(100'000)->Arg(1'000'000)->Arg(4'000'000)->Arg(
        16'000'000);
}

// Renewals dominate a steady network.
void BM_EngineRenew(benchmark::State& state) {
    run(state, renewal);
}
BENCHMARK(BM_EngineRenew)->Apply(populations);

// After a power cut every client discovers, and is offered the address that it has.
void BM_EngineDiscover(benchmark::State& state) {
    run(state, discover);
}
BENCHMARK(BM_EngineDiscover)->Apply(populations);

// The first of the three passes alone: frame, checksums, message, options, subnet, client key.
void BM_EngineParse(benchmark::State& state) {
    Network network{1000};
    const std::vector<Bytes> frames = frames_of(1000, renewal);
    engine::Request request;
    std::size_t at = 0;
    for (auto _ : state) {
        benchmark::DoNotOptimize(
            request.parse(frames[at], kIfindex, network.snapshot()).has_value());
        at = at + 1 == frames.size() ? 0 : at + 1;
    }
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_EngineParse);

// The checksums of a frame alone, both ways: what no server can leave out.
void BM_FrameView(benchmark::State& state) {
    const std::vector<Bytes> frames = frames_of(1000, renewal);
    std::size_t at = 0;
    for (auto _ : state) {
        benchmark::DoNotOptimize(FrameView::parse(frames[at]).has_value());
        at = at + 1 == frames.size() ? 0 : at + 1;
    }
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_FrameView);

}  // namespace
}  // namespace xdhcpd
