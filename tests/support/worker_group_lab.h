// Several workers, each with a memory port of eth1 of the small network, whose pool is large here.
// Driven with step(), in one thread, or with threads.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/shard_choice.h"
#include "io/memory/memory_port.h"
#include "journal/ring.h"
#include "lease/shard.h"
#include "lease/store.h"
#include "model/make_snapshot.h"
#include "support/engine_harness.h"
#include "worker/snapshot_slot.h"
#include "worker/worker_group.h"

namespace xdhcpd::testing {

struct WorkerGroupLabOptions {
    std::uint32_t count = 2;
    std::size_t message_slots = 256;
    MemoryOptions port{};
    BootTime (*clock)() noexcept = []() noexcept { return BootTime{std::chrono::seconds{1000}}; };
    bool has_journal = false;  // the test plays the journal, with store()
    model::Configuration configuration = large_configuration();

    [[nodiscard]] static model::Configuration large_configuration() {
        model::Configuration configuration = small_configuration();
        configuration.dhcp4.subnets[0].prefix = parse_ipv4_prefix("10.77.0.0/16").value();
        configuration.dhcp4.subnets[0].pools = {{ip("10.77.1.0"), ip("10.77.250.255")}};
        return configuration;
    }
};

class WorkerGroupLab {
  public:
    explicit WorkerGroupLab(const WorkerGroupLabOptions& options = {}) : store{options.count} {
        host.interfaces.push_back(
            {kEth1, "eth1", kServerMac, 1500, true, {parse_ipv4_prefix("10.77.0.1/16").value()}});
        publish(options.configuration);
        std::vector<worker::WorkerGroup::Member> members(options.count);
        std::vector<std::vector<Port*>> by_worker;
        for (std::uint32_t id = 0; id < options.count; ++id) {
            members[id].shard = std::make_unique<lease::Shard>(
                store, lease::ShardOptions{.capacity = 65536,
                                           .side_memory = 1 << 20,
                                           .id = static_cast<std::uint16_t>(id),
                                           .now = {1000}});
            members[id].options.clock = options.clock;
            if (options.has_journal) {
                rings.push_back(std::make_unique<journal::Ring>(1, false, waker));
                members[id].options.ring = rings.back().get();
                members[id].options.disk_time = worker::DiskTime{1'700'000'000};
            }
            MemoryOptions port = options.port;
            port.queue = id;
            ports.push_back(std::make_unique<MemoryPort>(port));
            by_worker.push_back({ports.back().get()});
        }
        group = worker::WorkerGroup::make(std::move(members), slot, options.message_slots).value();
        group->replace_ports(std::move(by_worker));
    }

    // Another configuration, as a reload would bring it.
    void publish(const model::Configuration& configuration) {
        auto made = model::make_snapshot(configuration, host, registry, {1, 2}, ++generation);
        model::apply_policy(*made.snapshot, configuration, host, registry);
        slot.publish(std::move(made.snapshot));
    }
    [[nodiscard]] worker::Worker& at(std::uint32_t id) const { return group->at(id); }
    // Until nobody has anything to do, twice: what was stored meanwhile goes back first.
    void settle() const {
        for (int idle_rounds = 0; idle_rounds < 2;) {
            std::size_t done = 0;
            for (worker::Worker* const worker : group->all()) {
                done += worker->step();
            }
            idle_rounds = done == 0 ? idle_rounds + 1 : 0;
        }
    }
    // All that was appended is on stable storage.
    void store_records() const {
        for (const auto& ring : rings) {
            while (!ring->take().empty()) {
            }
            ring->release();
        }
    }
    void inject(std::uint32_t queue, const Message& message) const {
        XD_ASSERT(ports[queue]->inject(udp_frame({}, message.payload()), kEth1));
    }
    // The shard of a client without an identifier of its own.
    [[nodiscard]] std::uint32_t shard_of(const Message& message) const {
        engine::Request request;
        const Bytes frame = udp_frame({}, message.payload());
        XD_ASSERT(request.parse(frame, kEth1, slot.newest()).has_value());
        return engine::shard_of(request.tenant().identity, slot.newest().hash_key, group->count());
    }
    // The first client from `from` on that shard `id` knows.
    [[nodiscard]] int client_of(std::uint32_t id, int from = 1) const {
        while (shard_of(Message{1, from}) != id) {
            ++from;
        }
        return from;
    }
    // Addresses of the replies that left by a queue, with their types.
    struct Sent {
        dhcp4::MessageType type;
        std::string yiaddr;
        std::string client;
    };
    [[nodiscard]] std::vector<Sent> sent(std::uint32_t queue) const {
        std::vector<Sent> result;
        for (const Bytes& frame : ports[queue]->take_sent()) {
            dhcp4::MessageView message;
            XD_ASSERT(message.parse(FrameView::parse(frame).value().payload).has_value());
            result.push_back({message.type(), to_string(message.yiaddr()),
                              to_string(Mac::load(message.chaddr().data()))});
        }
        return result;
    }
    // `client`: Message{0, n} and its options. DISCOVER by one queue, REQUEST by another; the
    // address that was granted, or what came instead.
    std::string lease(const Message& client, std::uint32_t first, std::uint32_t second) const {
        Message discover = client;
        discover.option(53, {1});
        inject(first, discover);
        settle();
        const auto offers = sent(first);
        if (offers.size() != 1) {
            return "no offer";
        }
        Message request = client;
        request.option(53, {3})
            .option_address(50, offers[0].yiaddr)
            .option_address(54, "10.77.0.1");
        inject(second, request);
        settle();
        store_records();
        settle();
        const auto acks = sent(second);
        if (acks.size() != 1) {
            return "no ack";
        }
        return acks[0].type == dhcp4::MessageType::kAck ? acks[0].yiaddr : "nak";
    }
    [[nodiscard]] std::uint64_t dropped(std::uint32_t id, engine::DropReason reason) const {
        return at(id).counters().dropped[reason.index()].value();
    }
    // What does not add up of a worker or of a port; empty if all does.
    [[nodiscard]] std::string check() const {
        for (worker::Worker* const worker : group->all()) {
            const worker::WorkerCounters& counters = worker->counters();
            const std::string who = "worker " + std::to_string(worker->id()) + ": ";
            std::uint64_t done = counters.answered.value();
            for (const Counter& counter : counters.dropped) {
                done += counter.value();
            }
            if (done != counters.received.value()) {
                return who + std::to_string(counters.received.value()) + " received, " +
                       std::to_string(done) + " answered or explained";
            }
            if (std::string wrong = worker->shard().check_invariants(); !wrong.empty()) {
                return who + wrong;
            }
        }
        for (const auto& port : ports) {
            if (port != nullptr && (port->rx_frames_out() != 0 || port->parked() != 0)) {
                return "frames of a port are out";
            }
        }
        return {};
    }

    lease::Store store;
    model::SpaceRegistry registry{store};
    model::HostState host;
    std::uint32_t generation = 0;
    worker::SnapshotSlot slot;
    journal::Waker waker;
    std::vector<std::unique_ptr<journal::Ring>> rings;  // by worker
    std::vector<std::unique_ptr<MemoryPort>> ports;     // by worker
    std::unique_ptr<worker::WorkerGroup> group;
};

}  // namespace xdhcpd::testing
