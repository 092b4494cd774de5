// A server without network for the tests of this module: real store, shards and workers on threads
// of their own, memory ports, and a configuration that a test can replace.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <new>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/hash.h"
#include "config/load.h"
#include "control/control.h"
#include "engine/decide.h"
#include "io/memory/memory_port.h"
#include "lease/shard.h"
#include "lease/store.h"
#include "model/make_snapshot.h"
#include "packet/frame_writer.h"
#include "worker/worker.h"

namespace xdhcpd::control {

inline constexpr HashKey kLabKey{1, 2};
inline constexpr std::uint32_t kLabIfindex = 2;

inline const char* const kLabText = R"(
interfaces: [{name: eth1, driver: udp}]
max-leases: 4096
dhcp4:
  subnets:
    - subnet: 192.0.2.0/24
      interface: eth1
      pools: [{range: 192.0.2.10-192.0.2.60}]
      options: {routers: [192.0.2.1]}
      reservations: [{hw-address: "02:00:5e:00:53:99", address: 192.0.2.5, hostname: printer}]
)";

// The pool's first address, and those behind it.
inline constexpr Ipv4 kFirst{0xc000020a};  // 192.0.2.10

[[nodiscard]] inline Ipv4 nth(std::uint32_t n) {
    return Ipv4{kFirst.value + n};
}

// kLabText with something else in a place of it.
[[nodiscard]] inline std::string with(std::string_view from, std::string_view to) {
    std::string text = kLabText;
    const std::size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return text.replace(at, from.size(), to);
}

// Of an answer to `leases`.
[[nodiscard]] inline std::vector<std::string> addresses(const nlohmann::json& answer) {
    std::vector<std::string> result;
    for (const nlohmann::json& lease : answer.at("leases")) {
        result.push_back(lease.at("address"));
    }
    return result;
}

inline model::HostState lab_host() {
    model::HostInterface eth1;
    eth1.ifindex = kLabIfindex;
    eth1.name = "eth1";
    eth1.mac = Mac{{std::byte{0x02}, std::byte{0}, std::byte{0x5e}, std::byte{0}, std::byte{0x53},
                    std::byte{0xfe}}};
    eth1.up = true;
    eth1.addresses = {{Ipv4{0xc0000201}, 24}};
    return {{eth1}};
}

// A time that only the test moves; starts at a day.
inline std::atomic<std::int64_t> lab_seconds{86400};
inline BootTime lab_clock() noexcept {
    return BootTime{std::chrono::seconds{lab_seconds.load()}};
}

inline constexpr std::uint64_t kLabUnixTime =
    1'800'000'000;  // when the lab's clock stands at a day
inline std::uint64_t lab_unix_time() noexcept {
    return kLabUnixTime + static_cast<std::uint64_t>(lab_seconds.load() - 86400);
}

class Lab {
  public:
    // `change_host` changes the host after the first snapshot and before Control is made; `ring` is
    // of the only worker and outlives the lab; `complete` adds to each configuration that is read.
    explicit Lab(std::uint32_t worker_count = 1, const char* first_text = kLabText,
                 const std::function<void(model::HostState&)>& change_host = {},
                 journal::Ring* ring = nullptr,
                 std::function<void(model::Configuration&)> complete = {})
        : store_{worker_count},
          registry_{store_},
          text_{first_text},
          complete_{std::move(complete)} {
        lab_seconds = 86400;
        model::Configuration configuration = *load().configuration;
        auto made = model::make_snapshot(configuration, host_, registry_, kLabKey, 1);
        model::apply_policy(*made.snapshot, configuration, host_, registry_);
        slot_.publish(std::move(made.snapshot));
        const model::HostState first_host = host_;
        if (change_host) {
            change_host(host_);
        }
        std::vector<worker::Worker*> pointers;
        for (std::uint32_t id = 0; id < worker_count; ++id) {
            ports_.push_back(
                std::make_unique<MemoryPort>(MemoryOptions{.interface_name = "eth1", .queue = id}));
            lease::ShardOptions shard;
            shard.capacity = configuration.max_leases / worker_count;
            shard.side_memory = 1 << 20;
            shard.id = static_cast<std::uint16_t>(id);
            shard.now = to_boot_seconds(lab_clock());
            worker::WorkerOptions options;
            options.id = id;
            options.drop_log_len = 64;
            options.clock = lab_clock;
            options.ring = ring;
            workers_.push_back(std::move(
                *worker::Worker::make(options, std::make_unique<lease::Shard>(store_, shard),
                                      std::vector<Port*>{ports_.back().get()}, slot_)));
            pointers.push_back(workers_.back().get());
        }
        for (const auto& worker : workers_) {
            threads_.emplace_back([&worker = *worker] { worker.run(); });
        }
        control_ = std::make_unique<Control>(ControlParts{
            .configuration_name = "lab.yaml",
            .load =
                [this] {
                    if (out_of_memory_) {
                        throw std::bad_alloc{};
                    }
                    return load();
                },
            .snapshots = slot_,
            .registry = registry_,
            .workers = pointers,
            .hash_key = kLabKey,
            .configuration = configuration,
            .host = first_host,
            .host_state = [this]() -> Result<model::HostState, Error> {
                if (!host_error_.empty()) {
                    return Unexpected{Error{0, host_error_}};
                }
                return host_;
            },
            .interfaces =
                [] {
                    InterfaceStatus status;
                    status.name = "eth1";
                    status.ifindex = kLabIfindex;
                    status.driver = "memory";
                    status.mode = "native";
                    status.why = "the others are slower";
                    status.verdicts = {{"redirected", 7}};
                    status.kernel_drops = {{0, {{"rx_dropped", 0}, {"rx_ring_full", 5}}, "memory"}};
                    return std::vector{status};
                },
            .on_snapshot =
                [this](const model::Snapshot& snapshot) {
                    if (on_publish_) {
                        on_publish_(snapshot);
                    }
                    published_.push_back(snapshot.generation);
                },
            .advertised_sets = &advertised_sets_,
            .journal = [this] { return journal_health_; },
            .on_host = {},
            .on_stop = [this] { stopped_ = true; },
            .log =
                [this](model::LogLevel, const std::string& line) {
                    log_.push_back(line);
                    if (on_log_) {
                        on_log_(line);
                    }
                },
            .on_log_configuration = {},
            .clock = lab_clock,
            .unix_time = lab_unix_time});
    }
    Lab(const Lab&) = delete;
    Lab& operator=(const Lab&) = delete;
    ~Lab() {
        control_->stop();
        for (const auto& worker : workers_) {
            worker->stop();
        }
        for (std::thread& thread : threads_) {
            thread.join();
        }
    }

    [[nodiscard]] config::LoadResult load() const {
        config::LoadResult result = config::load_text(text_, "lab.yaml");
        if (complete_ && result.configuration) {
            complete_(*result.configuration);
        }
        return result;
    }
    [[nodiscard]] Control& control() { return *control_; }
    [[nodiscard]] worker::Worker& worker(std::size_t index = 0) { return *workers_[index]; }
    [[nodiscard]] MemoryPort& port(std::size_t index = 0) { return *ports_[index]; }
    [[nodiscard]] model::SpaceRegistry& registry() { return registry_; }
    [[nodiscard]] worker::SnapshotSlot& slot() { return slot_; }
    [[nodiscard]] const std::vector<std::string>& log() const { return log_; }
    [[nodiscard]] const std::vector<std::uint32_t>& published() const { return published_; }
    [[nodiscard]] bool stopped() const { return stopped_; }
    void configure(std::string text) { text_ = std::move(text); }
    [[nodiscard]] model::HostState& host() { return host_; }
    // Called with each line of the log, on the control thread.
    void on_log(std::function<void(const std::string&)> function) { on_log_ = std::move(function); }
    // Called right before a snapshot that drivers are told of is published.
    void on_publish(std::function<void(const model::Snapshot&)> function) {
        on_publish_ = std::move(function);
    }
    // Of stable storage; the test that gives a ring plays the journal.
    [[nodiscard]] journal::JournalHealth& journal_health() { return journal_health_; }
    void run_out_of_memory(bool out) { out_of_memory_ = out; }
    void fail_host(std::string message) { host_error_ = std::move(message); }

    [[nodiscard]] nlohmann::json ask(const nlohmann::json& request) {
        return control_->handle(request);
    }
    [[nodiscard]] AdvertisedSets& advertised_sets() { return advertised_sets_; }
    [[nodiscard]] std::size_t logged(std::string_view part) const {
        return static_cast<std::size_t>(std::count_if(
            log_.begin(), log_.end(),
            [part](const std::string& line) { return line.find(part) != std::string::npos; }));
    }

    struct Client {
        std::uint32_t number = 0;  // in its MAC
        std::string hostname = {};
        std::string client_id = {};  // option 61; empty: known by its MAC
    };
    [[nodiscard]] static Mac mac(std::uint32_t number) {
        Mac mac{{std::byte{0x02}, std::byte{0}, std::byte{0x5e}, std::byte{0}, std::byte{0},
                 std::byte{0}}};
        store_be16(mac.octets.data() + 4, static_cast<std::uint16_t>(number));
        return mac;
    }
    // Leases an address of a subnet's space to a client, past the protocol.
    void lease(Ipv4 address, const Client& client, std::uint32_t seconds = 3600,
               std::size_t shard = 0, Ipv4Prefix prefix = {Ipv4{0xc0000200}, 24}) {
        const lease::SpaceId space = registry_.space_for(prefix);
        worker(shard).call([&] {
            lease::Shard& own = worker(shard).shard();
            std::vector<std::byte> identity{client.client_id.empty() ? std::byte{1} : std::byte{2}};
            const Mac hw = mac(client.number);
            if (client.client_id.empty()) {
                identity.push_back(std::byte{1});
                identity.insert(identity.end(), hw.octets.begin(), hw.octets.end());
            } else {
                const ByteView bytes = as_bytes(client.client_id);
                identity.insert(identity.end(), bytes.begin(), bytes.end());
            }
            const lease::Tenant tenant{.identity = identity,
                                       .hw = hw,
                                       .hw_len = 6,
                                       .hw_type = 1,
                                       .hash = hash_bytes(kLabKey, identity)};
            const BootSeconds now = to_boot_seconds(lab_clock());
            const BootSeconds expiry = add_seconds(add_seconds(now, seconds), engine::kLeaseSlack);
            const lease::Unit unit =
                own.store().space(space).unit_at(address.value - prefix.address.value);
            const auto taken = own.take_reserved(tenant, unit, expiry);
            XD_ASSERT(taken.has_value());
            own.grant(unit, {now, expiry, 1});
            own.set_hostname(unit, as_bytes(client.hostname));
        });
    }
    // A DHCPDISCOVER of this client arrives; returns once it has been dealt with.
    void discover(std::uint32_t number, Ipv4 giaddr = {}) {
        std::vector<std::byte> frame(udp4_payload_offset(0) + 300);
        std::byte* const message = frame.data() + udp4_payload_offset(0);
        store_be32(message, 0x01010600);
        store_be32(message + 4, number);
        giaddr.store(message + 24);
        mac(number).store(message + 28);
        store_be32(message + 236, 0x63825363);
        store_be32(message + 240, 0x350101ff);
        Udp4Headers headers;
        headers.destination_mac = kBroadcastMac;
        headers.source_mac = mac(number);
        headers.destination = kBroadcastIpv4;
        headers.source_port = 68;
        headers.destination_port = 67;
        frame.resize(write_udp4_headers(frame, headers, 300));
        inject(frame);
    }
    void inject(ByteView frame) {
        worker().call([&] { XD_ASSERT(port().inject(frame, kLabIfindex)); });
        worker().call([] {});  // a round in between
        worker().call([&] { port().drain_sent([](ByteView, const TxInfo&) {}); });
    }

  private:
    lease::Store store_;
    model::SpaceRegistry registry_;
    std::string text_;
    std::function<void(model::Configuration&)> complete_;
    model::HostState host_ = lab_host();
    journal::JournalHealth journal_health_;
    std::string host_error_;
    bool out_of_memory_ = false;
    std::function<void(const model::Snapshot&)> on_publish_;
    std::function<void(const std::string&)> on_log_;
    worker::SnapshotSlot slot_;
    std::vector<std::unique_ptr<MemoryPort>> ports_;
    std::vector<std::unique_ptr<worker::Worker>> workers_;
    std::vector<std::thread> threads_;
    std::vector<std::string> log_;
    std::vector<std::uint32_t> published_;
    bool stopped_ = false;
    AdvertisedSets advertised_sets_;
    std::unique_ptr<Control> control_;
};

}  // namespace xdhcpd::control
