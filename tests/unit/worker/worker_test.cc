#include "worker/worker.h"

#include <gtest/gtest.h>

#include <thread>

#include "base/random.h"
#include "engine/shedding.h"
#include "io/memory/memory_port.h"
#include "support/worker_lab.h"

namespace xdhcpd::worker {
namespace {

using dhcp4::MessageType;
using testing::Bytes;
using testing::kEth1;
using testing::Message;

std::uint32_t now_seconds = 1000;
BootTime test_clock() noexcept {
    return BootTime{std::chrono::seconds{now_seconds}};
}

class WorkerTest : public ::testing::Test {
  protected:
    void SetUp() override {
        now_seconds = 1000;
        start({});
    }
    void start(const MemoryOptions& port_options, std::vector<Port*> more_ports = {}) {
        lab = std::make_unique<testing::WorkerLab>(
            testing::WorkerLabOptions{.port = port_options,
                                      .clock = test_clock,
                                      .more_ports = std::move(more_ports),
                                      .limits = limits});
        worker = lab->worker.get();
        port = lab->port.get();
    }
    void inject(const Message& message) {
        ASSERT_TRUE(port->inject(testing::udp_frame({}, message.payload()), kEth1));
    }
    [[nodiscard]] std::uint64_t dropped(engine::DropReason reason) const {
        return worker->counters().dropped[reason.index()].value();
    }
    void expect_all_accounted_for() const {
        const WorkerCounters& counters = worker->counters();
        std::uint64_t explained = 0;
        for (const Counter& counter : counters.dropped) {
            explained += counter.value();
        }
        EXPECT_EQ(counters.received.value(), counters.answered.value() + explained);
        EXPECT_EQ(counters.in_flight(), 0u);
        EXPECT_EQ(port->rx_frames_out(), 0u);
    }

    model::RateLimits limits;  // for start()
    std::unique_ptr<testing::WorkerLab> lab;
    Worker* worker = nullptr;
    MemoryPort* port = nullptr;
};

TEST_F(WorkerTest, AnswersAndCounts) {
    inject(Message{1, 1});
    EXPECT_EQ(worker->step(), 1u);
    EXPECT_EQ(worker->step(), 0u);
    const auto sent = port->take_sent();
    ASSERT_EQ(sent.size(), 1u);
    EXPECT_EQ(FrameView::parse(sent[0])->destination_port, 68);
    const WorkerCounters& counters = worker->counters();
    EXPECT_EQ(counters.received_by_type[1].value(), 1u);
    EXPECT_EQ(counters.sent_by_type[2].value(), 1u);
    EXPECT_EQ(counters.latency.count(), 1u);
    EXPECT_EQ(counters.checksums[ChecksumState::kFull].value(), 1u);
    expect_all_accounted_for();
}

TEST_F(WorkerTest, EveryFrameIsAnsweredOrExplained) {
    Random random{3};
    const Bytes good = testing::udp_frame({}, Message{1, 1}.payload());
    for (int round = 0; round < 2000; ++round) {
        Bytes frame = round % 3 == 0
                          ? testing::udp_frame({}, Message{1 + round % 9, round % 30}.payload())
                          : good;
        for (std::uint32_t flips = random.below(4); flips > 0; --flips) {
            frame[random.below(static_cast<std::uint32_t>(frame.size()))] ^=
                static_cast<std::byte>(1u << random.below(8));
        }
        if (round % 5 == 0) {
            const std::size_t kept = frame.size() - random.below(250);
            frame = Bytes(frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(kept));
        }
        ASSERT_TRUE(port->inject(frame, kEth1));
        worker->step();
        static_cast<void>(port->take_sent());
    }
    expect_all_accounted_for();
    EXPECT_EQ(worker->counters().received.value(), 2000u);
    EXPECT_GT(worker->counters().answered.value(), 100u);
    EXPECT_EQ(port->tx_frames_out(), 0u);
    EXPECT_EQ(worker->shard().check_invariants(), "");
}

TEST_F(WorkerTest, ExplainsWhoGotNoAnswerAndWhy) {
    inject(Message{3, 7}.option_address(50, "192.0.2.15"));
    worker->step();
    const auto drops = worker->drop_log().newest(10);
    ASSERT_EQ(drops.size(), 1u);
    EXPECT_EQ(drops[0].reason, engine::DropReason{engine::Refusal::kUnknownClient});
    EXPECT_EQ(drops[0].client, testing::mac(7));
    EXPECT_EQ(drops[0].ifindex, kEth1);
    EXPECT_EQ(to_string(drops[0].address), "192.0.2.15");
    EXPECT_EQ(drops[0].type, MessageType::kRequest);
    expect_all_accounted_for();
}

TEST_F(WorkerTest, WithoutAFrameForTheReplyNoLeaseChanges) {
    start({.interface_name = "m",
           .queue = 0,
           .rx_frame_count = 8,
           .tx_frame_count = 1,
           .frame_len = 2048});
    inject(Message{1, 1});
    inject(Message{1, 2});
    worker->step();
    EXPECT_EQ(dropped(engine::Shed::kNoTxFrame), 1u);
    const lease::Space& space = lab->store.space(lab->slot.newest().subnets[0].space);
    EXPECT_EQ(space.held_total(lease::HeldCount::kOffered), 1u);
    expect_all_accounted_for();
}

TEST_F(WorkerTest, AFullRingShedsDiscoversAndAnswersRequests) {
    start({.interface_name = "m",
           .queue = 0,
           .rx_frame_count = 128,
           .tx_frame_count = 128,
           .frame_len = 2048});
    for (int client = 0; client < 64; ++client) {
        inject(Message{1, client});
    }
    for (int client = 0; client < 64; ++client) {
        inject(Message{3, 1}.option_address(50, "192.0.2.10").option_address(54, "192.0.2.1"));
    }
    worker->step();  // half of the ring still waits behind this batch
    EXPECT_EQ(dropped(engine::Shed::kDiscover), 64u);
    worker->step();
    EXPECT_EQ(dropped(engine::Shed::kRequest), 0u);
    EXPECT_EQ(worker->counters().answered.value(), 64u);
    expect_all_accounted_for();
}

TEST_F(WorkerTest, WhatIsBeyondTheRateIsNotAnsweredButExplained) {
    limits.per_client = model::RateLimit{1, 1, 2};
    start({});
    for (int i = 0; i < 5; ++i) {
        inject(Message{1, 1});
    }
    worker->step();
    EXPECT_EQ(worker->counters().answered.value(), 2u);
    EXPECT_EQ(dropped(engine::Shed::kClientRate), 3u);
    EXPECT_EQ(worker->drop_log().newest(1).at(0).client, testing::mac(1));
    now_seconds += 1;
    inject(Message{1, 1});
    worker->step();
    EXPECT_EQ(worker->counters().answered.value(), 3u);
    expect_all_accounted_for();
}

TEST_F(WorkerTest, MessagesThatWaitedTooLongAreNotAnswered) {
    ASSERT_TRUE(port->inject(testing::udp_frame({}, Message{1, 1}.payload()), kEth1,
                             engine::kStaleWait + std::chrono::milliseconds{1}));
    worker->step();
    EXPECT_EQ(dropped(engine::Shed::kStale), 1u);
    EXPECT_EQ(worker->counters().answered.value(), 0u);
    expect_all_accounted_for();
}

TEST_F(WorkerTest, TimePassesWithoutTraffic) {
    inject(Message{1, 1});
    worker->step();
    now_seconds += 31;
    worker->step();
    EXPECT_EQ(worker->counters().expired.value(), 1u);
}

TEST_F(WorkerTest, ManyUnitsThatEndTogetherAreFreedWithoutSleepingInBetween) {
    constexpr std::uint32_t kUnits = 2000;
    const lease::Space& space = lab->store.add_space(lease::SpaceKind::kIpv4, kUnits);
    for (std::uint32_t index = 0; index < kUnits; ++index) {
        ASSERT_TRUE(worker->shard().quarantine_free(space.unit_at(index), {1005}));
    }
    now_seconds += 6;
    const std::uint64_t polls = worker->counters().polls.value();
    std::thread thread{[this] { worker->run(); }};
    while (worker->counters().expired.value() < kUnits) {
        std::this_thread::yield();
    }
    worker->stop();
    thread.join();
    EXPECT_LE(worker->counters().polls.value() - polls, 2u);
}

TEST_F(WorkerTest, RunsUntilStoppedAndDoesItsMailMeanwhile) {
    std::thread thread{[this] { worker->run(); }};
    std::thread::id where;
    worker->call([&] { where = std::this_thread::get_id(); });
    EXPECT_EQ(where, thread.get_id());
    worker->stop();
    thread.join();
    EXPECT_EQ(worker->announcement().generation.load(), 1u);
}

TEST_F(WorkerTest, AStoppedWorkerStillAnswersWhatHasArrived) {
    for (int client = 1; client <= 5; ++client) {
        inject(Message{1, client});
    }
    worker->stop();
    worker->run();
    EXPECT_EQ(port->take_sent().size(), 5u);
}

// The reply's way is longer than the port's only by a copy: it leaves before the next port is
// served.
TEST_F(WorkerTest, ARoutedReplyLeavesWithTheBatchThatMadeIt) {
    struct Watch final : MemoryPort {
        using MemoryPort::MemoryPort;
        std::size_t receive(std::span<RxFrame> batch) override {
            sent_before = route->take_sent().size();
            return MemoryPort::receive(batch);
        }
        MemoryPort* route = nullptr;
        std::size_t sent_before = 0;
    };
    MemoryPort route{MemoryOptions{.interface_name = "route", .role = PortRole::kRoute}};
    Watch next{MemoryOptions{.interface_name = "next"}};
    next.route = &route;
    start({}, {&next, &route});
    port->set_route(&route);
    inject(Message{1, 1}.giaddr("192.0.2.200"));
    EXPECT_EQ(worker->step(), 1u);
    EXPECT_EQ(next.sent_before, 1u);
    EXPECT_TRUE(port->take_sent().empty());
    expect_all_accounted_for();
}

// What the kernel refused for the moment goes out in a later round, though nothing arrives.
TEST_F(WorkerTest, ARouteIsFlushedOncePerRoundAndNeverAskedForFrames) {
    struct Counting final : MemoryPort {
        using MemoryPort::MemoryPort;
        std::size_t receive(std::span<RxFrame> batch) override {
            ++receives;
            return MemoryPort::receive(batch);
        }
        void flush() override {
            ++flushes;
            MemoryPort::flush();
        }
        int receives = 0;
        int flushes = 0;
    };
    Counting route{MemoryOptions{.interface_name = "route", .role = PortRole::kRoute}};
    start({}, {&route});
    port->set_route(&route);
    inject(Message{1, 1}.giaddr("192.0.2.200"));
    EXPECT_EQ(worker->step(), 1u);
    EXPECT_EQ(route.flushes, 1);
    EXPECT_EQ(worker->step(), 0u);
    EXPECT_EQ(route.flushes, 2);
    EXPECT_EQ(route.receives, 0);
}

TEST(DropLogTest, KeepsTheNewest) {
    DropLog log{4};
    for (std::uint32_t i = 1; i <= 10; ++i) {
        Drop drop;
        drop.ifindex = i;
        log.add(drop);
    }
    const auto newest = log.newest(3);
    ASSERT_EQ(newest.size(), 3u);
    EXPECT_EQ(newest[0].ifindex, 10u);
    EXPECT_EQ(newest[2].ifindex, 8u);
    EXPECT_EQ(log.newest(100).size(), 4u);
}

TEST_F(WorkerTest, AnswersWhatHasArrivedAtAPortThatGoesAndForgetsIt) {
    inject(Message{1, 1});
    worker->replace_ports({});
    EXPECT_EQ(port->counters().rx_frames.value(), 1u);
    EXPECT_EQ(worker->counters().answered.value(), 1u);
    expect_all_accounted_for();
    lab->port.reset();
    EXPECT_EQ(worker->step(), 0u);
}

TEST_F(WorkerTest, KeepsTheSumsOfPortsThatAreGone) {
    inject(Message{1, 1});
    EXPECT_EQ(worker->step(), 1u);
    auto second = std::make_unique<MemoryPort>(MemoryOptions{});
    worker->replace_ports({second.get()});
    lab->port = std::move(second);  // the first is destroyed
    port = lab->port.get();
    ASSERT_EQ(worker->port_totals().size(), 1u);
    EXPECT_TRUE(worker->port_totals()[0].open);
    EXPECT_EQ(worker->port_totals()[0].rx_frames, 1u);
    inject(Message{1, 2});
    EXPECT_EQ(worker->step(), 1u);
    EXPECT_EQ(worker->port_totals()[0].rx_frames, 2u);
    worker->replace_ports({});
    ASSERT_EQ(worker->port_totals().size(), 1u);
    EXPECT_FALSE(worker->port_totals()[0].open);
    EXPECT_EQ(worker->port_totals()[0].rx_frames, 2u);
}

}  // namespace
}  // namespace xdhcpd::worker
