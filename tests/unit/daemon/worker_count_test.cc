#include "daemon/worker_count.h"

#include <gtest/gtest.h>

#include <set>

#include "daemon/port_spread.h"

namespace xdhcpd::daemon {
namespace {

std::uint32_t automatic(std::uint64_t queues, std::uint32_t processors,
                        std::optional<double> quota = std::nullopt) {
    return choose_worker_count(std::nullopt, queues, {processors, quota}).count;
}

TEST(WorkerCountTest, WhatIsConfiguredIsWhatThereIs) {
    EXPECT_EQ(choose_worker_count(7, 1, {1, 0.5}).count, 7u);
}

TEST(WorkerCountTest, AutoIsOnePerQueueWithinWhatTheProcessMayUse) {
    EXPECT_EQ(automatic(1, 8), 1u);
    EXPECT_EQ(automatic(4, 8), 4u);
    EXPECT_EQ(automatic(16, 8), 8u);
    EXPECT_EQ(automatic(16, 8, 2.9), 2u);
    EXPECT_EQ(automatic(16, 8, 0.2), 1u);
    EXPECT_EQ(automatic(16, 8, 100), 8u);
    EXPECT_EQ(automatic(0, 8), 1u) << "packet and udp, or nothing there yet";
    EXPECT_EQ(automatic(1000, 1000), 64u);
}

TEST(WorkerCountTest, SaysWhy) {
    EXPECT_EQ(choose_worker_count(std::nullopt, 1, {8, 1.5}).reason,
              "auto: 1 queue of fast drivers, 8 processors, CPU quota 1.5");
}

TEST(WorkerCountTest, ARestartIsAdvisedOnlyWhenItBringsMore) {
    const WorkerCount two{2, {}};
    EXPECT_EQ(advise_restart(two, 4, {8, std::nullopt}),
              "a restart would make 4 workers of 2 (auto: 4 queues of fast drivers, 8 processors)");
    EXPECT_EQ(advise_restart(two, 2, {8, std::nullopt}), "");
    EXPECT_EQ(advise_restart(two, 1, {8, std::nullopt}), "");
    EXPECT_EQ(advise_restart(two, 4, {2, std::nullopt}), "") << "no processor for them";
}

TEST(WorkerCountTest, ShardsHaveRoomForAnUnevenSpread) {
    EXPECT_EQ(clients_per_shard(1000, 1), 1000u);
    EXPECT_GT(clients_per_shard(1'000'000, 4), 252'000u);
    EXPECT_LT(clients_per_shard(1'000'000, 4), 260'000u);
    EXPECT_EQ(clients_per_shard(1, 4), 1u);
    EXPECT_EQ(clients_per_shard(10, 2), 10u);
    EXPECT_EQ(side_memory_per_shard(1 << 20, 1), 1u << 20);
    EXPECT_EQ(side_memory_per_shard(1 << 20, 4), 1u << 18);
    EXPECT_EQ(side_memory_per_shard(1 << 16, 4), 1u << 16);
}

TEST(PortSpreadTest, InterfacesBeginWithTheWorkerThatHasLeast) {
    PortSpread spread{4};
    EXPECT_EQ(spread.first_for("eth0", 3), 0u);
    EXPECT_EQ(spread.first_for("eth1", 1), 3u);
    std::set<std::uint32_t> firsts;
    for (const char* const name : {"tap0", "tap1", "tap2", "tap3"}) {
        firsts.insert(spread.first_for(name, 1));
    }
    EXPECT_EQ(firsts.size(), 4u);
}

TEST(PortSpreadTest, AnInterfaceComesBackToItsWorkers) {
    PortSpread spread{2};
    EXPECT_EQ(spread.first_for("eth0", 1), 0u);
    EXPECT_EQ(spread.first_for("eth1", 1), 1u);
    EXPECT_EQ(spread.first_for("eth1", 2), 1u);
    EXPECT_EQ(spread.first_for("eth0", 1), 0u);
}

}  // namespace
}  // namespace xdhcpd::daemon
