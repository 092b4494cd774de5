// What control notices by itself: full pools, workers that stand still, changes of the host.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "control/control.h"
#include "unit/control/lab.h"

namespace xdhcpd::control {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(Watch, ReportsAFullPoolOnceAndItsEndOnce) {
    Lab lab{1, R"(
interfaces: [{name: eth1, driver: udp}]
max-leases: 4096
dhcp4: {subnets: [{subnet: 192.0.2.0/24, interface: eth1, pools: [{range: 192.0.2.10-192.0.2.11}]}]}
)"};
    lab.control().tick();
    EXPECT_THAT(lab.log(), IsEmpty());
    lab.lease(nth(0), {1});
    lab.lease(nth(1), {2});
    for (int i = 0; i < 3; ++i) {
        lab.control().tick();
    }
    EXPECT_THAT(lab.log(),
                ElementsAre("subnet 192.0.2.0/24: all 2 addresses of its pools are taken"));
    EXPECT_EQ(
        lab.ask({{"command", "leases"}, {"action", "delete"}, {"address", "192.0.2.10"}})["ok"],
        true);
    for (int i = 0; i < 3; ++i) {
        lab.control().tick();
    }
    EXPECT_EQ(lab.logged("are taken"), 1u);
    EXPECT_EQ(lab.logged("1 of 2 addresses are free again"), 1u);
}

TEST(Watch, HealthTellsWhoStandsStill) {
    Lab lab;
    lab.control().tick();
    EXPECT_TRUE(lab.control().health().ok);
    lab_seconds += 31;  // nobody calls tick()
    EXPECT_THAT(lab.control().health().reason, HasSubstr("control thread stands still"));

    // The worker is held in a call, so that it can neither receive nor sleep.
    const auto polls = [&] { return lab.worker().counters().polls.value(); };
    const std::uint64_t before = polls();
    while (polls() == before) {
        std::this_thread::sleep_for(std::chrono::milliseconds{5});
    }
    std::atomic<bool> held{false};
    std::atomic<bool> go{false};
    std::thread holder{[&] {
        lab.worker().call([&] {
            held = true;
            while (!go) {
                std::this_thread::yield();
            }
        });
    }};
    while (!held) {
        std::this_thread::yield();
    }
    lab.control().tick();
    lab_seconds += 7;
    lab.control().tick();
    EXPECT_FALSE(lab.control().health().ok);
    EXPECT_EQ(lab.control().health().reason, "worker 0 stands still since 7 s");
    EXPECT_EQ(lab.logged("worker 0 stands still"), 1u);
    go = true;
    holder.join();
    while (!lab.control().health().ok) {
        std::this_thread::sleep_for(std::chrono::milliseconds{20});
        lab.control().tick();
    }
    EXPECT_EQ(lab.logged("worker 0 moves again"), 1u);
}

TEST(Watch, TakesNewAddressesOfTheHostIntoANewSnapshot) {
    Lab lab;
    lab.host().interfaces[0].addresses.push_back({Ipv4{0xc000020a}, 24});  // inside the pool
    lab.control().tick();
    EXPECT_THAT(lab.published(), IsEmpty());  // not at every tick
    lab_seconds += 11;
    lab.control().tick();
    EXPECT_THAT(lab.published(), ElementsAre(2u));
    EXPECT_TRUE(lab.slot().newest().is_local(Ipv4{0xc000020a}));
    EXPECT_EQ(lab.ask({{"command", "subnets"}})["subnets"][0]["pool_addresses"], 50);
    lab_seconds += 11;
    lab.control().tick();
    EXPECT_THAT(lab.published(), ElementsAre(2u));
}

// The daemon reads the host, opens its interfaces, and only then makes Control.
TEST(Watch, SeesWhatHasChangedSinceTheFirstSnapshot) {
    Lab lab{1, kLabText, [](model::HostState& host) {
                host.interfaces[0].addresses.push_back({Ipv4{0xc000020a}, 24});
            }};
    lab_seconds += 11;
    lab.control().tick();
    EXPECT_THAT(lab.published(), ElementsAre(2u));
    EXPECT_TRUE(lab.slot().newest().is_local(Ipv4{0xc000020a}));
}

TEST(Watch, ReportsAHostThatCannotBeReadOnce) {
    Lab lab;
    lab.fail_host("read interfaces: no");
    for (int i = 0; i < 3; ++i) {
        lab_seconds += 11;
        lab.control().tick();
    }
    EXPECT_EQ(lab.logged("read interfaces: no"), 1u);
}

}  // namespace
}  // namespace xdhcpd::control
