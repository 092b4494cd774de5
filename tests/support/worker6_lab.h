// One or several workers with a memory port each, which are queues of eth1 of the small IPv6
// network. Driven with step(), in one thread and with a clock that the test sets.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/v6/request.h"
#include "io/memory/memory_port.h"
#include "journal/codec/record.h"
#include "journal/ring.h"
#include "lease/shard.h"
#include "lease/store.h"
#include "model/make_snapshot.h"
#include "nd/message_view.h"
#include "packet/frame_view6.h"
#include "support/engine6_harness.h"
#include "worker/snapshot_slot.h"
#include "worker/worker_group.h"

namespace xdhcpd::testing {

struct Worker6LabOptions {
    std::uint32_t count = 1;
    bool has_journal = false;  // the test plays the journal, with take() and store()
    model::Configuration configuration = small_configuration6();
    std::uint32_t tx_frame_count = 64;
};

class Worker6Lab {
  public:
    using Milliseconds = std::chrono::milliseconds;

    explicit Worker6Lab(const Worker6LabOptions& options = {}) : store_{options.count} {
        now = BootTime{std::chrono::seconds{1000}};
        registry.ipv6().set_names_key({3, 4});
        model::HostInterface& interface = host.interfaces.emplace_back();
        interface.ifindex = kLan;
        interface.name = "eth1";
        interface.mac = kServerMac6;
        interface.up = true;
        interface.addresses6 = {*parse_ipv6_prefix("fe80::53fe/64"),
                                *parse_ipv6_prefix("2001:db8:1::1/64")};
        publish(options.configuration);
        std::vector<worker::WorkerGroup::Member> members(options.count);
        std::vector<std::vector<Port*>> by_worker;
        for (std::uint32_t id = 0; id < options.count; ++id) {
            members[id].shard = std::make_unique<lease::Shard>(
                store_, lease::ShardOptions{.capacity = 1024,
                                            .side_memory = 1 << 20,
                                            .id = static_cast<std::uint16_t>(id),
                                            .now = {1000}});
            members[id].options.clock = []() noexcept { return now; };
            members[id].options.unix_clock = []() noexcept { return std::uint64_t{1'700'000'000}; };
            if (options.has_journal) {
                rings.push_back(std::make_unique<journal::Ring>(1, false, waker));
                members[id].options.ring = rings.back().get();
                members[id].options.disk_time = worker::DiskTime{1'700'000'000};
            }
            ports.push_back(std::make_unique<MemoryPort>(MemoryOptions{
                .interface_name = "eth1", .queue = id, .tx_frame_count = options.tx_frame_count}));
            by_worker.push_back({ports.back().get()});
        }
        group = worker::WorkerGroup::make(std::move(members), slot).value();
        group->replace_ports(std::move(by_worker));
    }

    // Another configuration, as a reload would bring it.
    void publish(const model::Configuration& configuration) {
        auto made = model::make_snapshot(configuration, host, registry, {1, 2}, ++generation);
        model::apply_policy(*made.snapshot, configuration, host, registry);
        slot.publish(std::move(made.snapshot));
    }
    [[nodiscard]] worker::Worker& at(std::uint32_t id = 0) const { return group->at(id); }
    void settle() const {
        for (int idle_rounds = 0; idle_rounds < 2;) {
            std::size_t done = 0;
            for (worker::Worker* const worker : group->all()) {
                done += worker->step();
            }
            idle_rounds = done == 0 ? idle_rounds + 1 : 0;
        }
    }
    // Time passes in small steps.
    void pass(Milliseconds time, Milliseconds step = Milliseconds{100}) const {
        for (const BootTime end = now + time; now < end;) {
            now += step;
            settle();
        }
    }
    // Records that wait in the ring of a worker, oldest first.
    [[nodiscard]] std::vector<journal::UnitState> take(std::uint32_t id = 0) const {
        std::vector<journal::UnitState> states;
        for (ByteView record = rings[id]->take(); !record.empty(); record = rings[id]->take()) {
            states.push_back(journal::decode(record).value());
        }
        return states;
    }
    // All that was taken is on stable storage.
    void store(std::uint32_t id = 0) const {
        static_cast<void>(take(id));
        rings[id]->release();
        settle();
    }

    void inject(ByteView frame, std::uint32_t queue = 0) const {
        XD_ASSERT(ports[queue]->inject(frame, kLan));
    }
    void inject(const Message6& message, int client = 1, std::uint32_t queue = 0) const {
        inject(frame6(Engine6::direct(client), message.payload()), queue);
    }
    // A Router Solicitation from the client's link-local address.
    [[nodiscard]] static Bytes router_solicitation(int client) {
        FrameSpec6 spec = Engine6::direct(client);
        spec.destination = kAllRouters;
        spec.next_header = 58;
        spec.hop_limit = 255;
        return frame6(spec, join({bytes({133, 0, 0, 0, 0, 0, 0, 0, 1, 1}), mac(client).bytes()}));
    }
    [[nodiscard]] static Bytes neighbor_solicitation(int client, std::string_view target) {
        FrameSpec6 spec = Engine6::direct(client);
        spec.destination = parse_ipv6(target)->solicited_node();
        spec.next_header = 58;
        spec.hop_limit = 255;
        return frame6(spec, join({bytes({135, 0, 0, 0, 0, 0, 0, 0}), address6(target),
                                  bytes({1, 1}), mac(client).bytes()}));
    }

    // Whole frames that left by a queue since the last time.
    [[nodiscard]] std::vector<Bytes> frames(std::uint32_t queue = 0) const {
        return ports[queue]->take_sent();
    }
    // Replies of DHCPv6 among them.
    [[nodiscard]] std::vector<Reply6> replies(std::uint32_t queue = 0) const {
        std::vector<Reply6> result;
        for (Bytes& bytes : ports[queue]->take_sent()) {
            Reply6 reply{std::move(bytes), {}, std::make_unique<dhcp6::MessageView>(), {}};
            reply.frame = FrameView6::parse(reply.bytes).value();
            XD_ASSERT(reply.message->parse(reply.frame.payload));
            result.push_back(std::move(reply));
        }
        return result;
    }
    // Where Router Advertisements among them went, with the router lifetime: "ff02::1 1800".
    [[nodiscard]] std::vector<std::string> advertisements(std::uint32_t queue = 0) const {
        std::vector<std::string> result;
        for (const Bytes& bytes : ports[queue]->take_sent()) {
            const FrameView6 frame = FrameView6::parse(bytes).value();
            const auto message = nd::MessageView::parse(frame).value();
            if (message.type() == nd::MessageType::kRouterAdvertisement) {
                result.push_back(to_string(frame.destination) + " " +
                                 std::to_string(message.router_advertisement().router_lifetime));
            }
        }
        return result;
    }
    // The first client from `from` on that shard `id` knows.
    [[nodiscard]] int client_of(std::uint32_t id, int from = 1) const {
        for (;; ++from) {
            engine::v6::Request request;
            const Bytes frame =
                frame6(Engine6::direct(from), Message6{Message6::kSolicit, from}.na(1).payload());
            XD_ASSERT(request.parse(frame, kLan, slot.newest()).has_value());
            if (engine::v6::shard_of(request, group->count()) == id) {
                return from;
            }
        }
    }
    [[nodiscard]] std::uint64_t dropped(engine::DropReason reason, std::uint32_t id = 0) const {
        return at(id).counters().dropped[reason.index()].value();
    }
    // What does not add up of a worker or of a port; empty if all does.
    [[nodiscard]] std::string check() const {
        for (worker::Worker* const worker : group->all()) {
            const std::string who = "worker " + std::to_string(worker->id()) + ": ";
            if (worker->counters().in_flight() != 0) {
                return who + "a frame was neither answered nor explained";
            }
            if (std::string wrong = worker->shard().check_invariants(); !wrong.empty()) {
                return who + wrong;
            }
        }
        for (const auto& port : ports) {
            if (port->rx_frames_out() != 0 || port->parked() != 0) {
                return "frames of a port are out";
            }
        }
        return {};
    }

    static inline BootTime now;
    lease::Store store_;
    model::SpaceRegistry registry{store_};
    model::HostState host;
    std::uint32_t generation = 0;
    worker::SnapshotSlot slot;
    journal::Waker waker;
    std::vector<std::unique_ptr<journal::Ring>> rings;  // by worker
    std::vector<std::unique_ptr<MemoryPort>> ports;     // by worker
    std::unique_ptr<worker::WorkerGroup> group;
};

}  // namespace xdhcpd::testing
