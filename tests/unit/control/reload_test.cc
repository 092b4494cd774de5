// A reload: what it changes, what it keeps, and what it must not do.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "control/control.h"
#include "unit/control/lab.h"

namespace xdhcpd::control {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(Reload, KeepsLeasesAndServesTheNewConfiguration) {
    Lab lab;
    lab.lease(nth(0), {1});
    lab.configure(with("192.0.2.10-192.0.2.60", "192.0.2.10-192.0.2.70") + R"(
    - subnet: 198.51.100.0/24
      pools: [{range: 198.51.100.10-198.51.100.19}]
)");
    const json answer = lab.ask({{"command", "reload"}});
    EXPECT_EQ(answer["ok"], true);
    EXPECT_EQ(
        answer["changes"],
        json::array({"subnet 192.0.2.0/24 pools: 192.0.2.10-192.0.2.60 -> 192.0.2.10-192.0.2.70",
                     "subnet 198.51.100.0/24 added, 10 addresses in pools"}));
    EXPECT_EQ(answer["leases_outside"], json::array());
    EXPECT_THAT(lab.published(), ElementsAre(2u));
    EXPECT_EQ(lab.ask({{"command", "status"}})["generation"], 2);
    EXPECT_THAT(addresses(lab.ask({{"command", "leases"}})), ElementsAre("192.0.2.10"));
    const json subnets = lab.ask({{"command", "subnets"}})["subnets"];
    ASSERT_EQ(subnets.size(), 2u);
    EXPECT_EQ(subnets[0]["pool_addresses"], 61);
    EXPECT_EQ(subnets[0]["leased"], 1);
    const json before = lab.ask({{"command", "status"}});
    lab.discover(3, Ipv4{0xc63364fe});  // a relay of the new subnet
    EXPECT_EQ(lab.ask({{"command", "status"}})["answered"], before["answered"].get<int>() + 1);
}

TEST(Reload, DryRunChangesNothing) {
    Lab lab;
    lab.lease(nth(40), {1});
    lab.configure(with("192.0.2.10-192.0.2.60", "192.0.2.10-192.0.2.40"));
    const json answer = lab.ask({{"command", "reload"}, {"dry_run", true}});
    EXPECT_EQ(answer["ok"], true);
    EXPECT_EQ(answer["changes"].size(), 1u);
    EXPECT_EQ(answer["leases_outside"],
              json::array({{{"address", "192.0.2.50"}, {"hw_address", "02:00:5e:00:00:01"}}}));
    EXPECT_EQ(lab.ask({{"command", "subnets"}})["subnets"][0]["pool_addresses"], 51);
    EXPECT_THAT(lab.published(), IsEmpty());
    EXPECT_THAT(lab.log(), IsEmpty());

    EXPECT_EQ(lab.ask({{"command", "reload"}})["leases_outside_count"], 1);
    EXPECT_EQ(lab.ask({{"command", "subnets"}})["subnets"][0]["pool_addresses"], 31);
    EXPECT_EQ(lab.ask({{"command", "leases"}})["leases"].size(), 1u);  // it ends with its time
}

TEST(Reload, KeepsTheOldConfigurationAfterAnError) {
    Lab lab;
    lab.lease(nth(0), {1});
    lab.configure("no-such-key: 1\n");
    const json answer = lab.ask({{"command", "reload"}, {"dry_run", false}});
    EXPECT_EQ(answer["ok"], false);
    ASSERT_FALSE(answer["errors"].empty());
    EXPECT_THAT(answer["errors"][0].get<std::string>(),
                ::testing::StartsWith("lab.yaml:1:1: error: "));
    EXPECT_EQ(lab.logged("lab.yaml:1:1: error: "), answer["errors"].size());
    EXPECT_THAT(lab.published(), IsEmpty());
    EXPECT_EQ(lab.ask({{"command", "leases"}})["leases"].size(), 1u);
    EXPECT_EQ(lab.ask({{"command", "subnets"}})["subnets"].size(), 1u);
    EXPECT_THAT(lab.control().metrics_text(),
                HasSubstr("xdhcpd_reloads_total{result=\"error\"} 1\n"));
}

TEST(Reload, FailsWhenTheHostCannotBeRead) {
    Lab lab;
    lab.fail_host("read interfaces: no");
    const ReloadOutcome outcome = lab.control().reload(false);
    EXPECT_FALSE(outcome.ok);
    EXPECT_THAT(outcome.errors, ElementsAre("read interfaces: no"));
    EXPECT_THAT(lab.published(), IsEmpty());
}

TEST(Reload, NamesWhatNeedsARestartEachTime) {
    Lab lab;
    lab.configure(with("max-leases: 4096", "max-leases: 8192\nhttp: off"));
    for (int i = 0; i < 2; ++i) {
        const ReloadOutcome outcome = lab.control().reload(false);
        EXPECT_TRUE(outcome.ok);
        EXPECT_THAT(outcome.changes, IsEmpty());
        EXPECT_THAT(
            outcome.needs_restart,
            ElementsAre(::testing::MatchesRegex("max-leases \\(.+:[0-9]+\\): 4096 -> 8192")));
    }
    EXPECT_EQ(lab.control().configuration().max_leases, 4096u);
}

TEST(Reload, RemovedSubnetKeepsItsLeasesUntilTheyEnd) {
    Lab lab;
    lab.lease(nth(0), {1});
    lab.configure(R"(
interfaces: [{name: eth1, driver: udp}]
max-leases: 4096
dhcp4: {subnets: [{subnet: 198.51.100.0/24, pools: [{range: 198.51.100.10-198.51.100.19}]}]}
)");
    EXPECT_EQ(lab.ask({{"command", "reload"}})["leases_outside_count"], 1);
    EXPECT_THAT(addresses(lab.ask({{"command", "leases"}})), ElementsAre("192.0.2.10"));
    EXPECT_THAT(
        addresses(lab.ask({{"command", "leases"}, {"action", "find"}, {"address", "192.0.2.10"}})),
        ElementsAre("192.0.2.10"));
    lab.configure(kLabText);
    EXPECT_EQ(lab.ask({{"command", "reload"}})["leases_outside_count"], 0);
    EXPECT_EQ(lab.ask({{"command", "subnets"}})["subnets"][0]["leased"], 1);
}

TEST(Reload, RefusesASubnetOverAddressesThatAnotherOneStillLeases) {
    Lab lab;
    lab.lease(nth(0), {1});
    lab.configure(with("subnet: 192.0.2.0/24", "subnet: 192.0.2.0/25"));
    const ReloadOutcome refused = lab.control().reload(false);
    EXPECT_FALSE(refused.ok);
    ASSERT_EQ(refused.errors.size(), 1u);
    EXPECT_THAT(refused.errors[0], HasSubstr("192.0.2.0/25 overlaps subnet 192.0.2.0/24"));
    EXPECT_EQ(
        lab.ask({{"command", "leases"}, {"action", "delete"}, {"address", "192.0.2.10"}})["ok"],
        true);
    EXPECT_TRUE(lab.control().reload(false).ok);
}

// The log says that a subnet is closed after the first look at its leases and before workers know:
// the moment in which one of them may still lease an address.
TEST(Reload, GivesNoAddressTwiceWhenAWorkerLeasesMeanwhile) {
    Lab lab{2};
    lab.configure(with("subnet: 192.0.2.0/24", "subnet: 192.0.2.0/25"));
    bool leased = false;
    lab.on_log([&](const std::string& line) {
        if (line.find("subnet 192.0.2.0/24 is closed") != std::string::npos && !leased) {
            leased = true;
            lab.lease(nth(0), {1}, 3600, 1);
        }
    });
    const ReloadOutcome refused = lab.control().reload(false);
    ASSERT_TRUE(leased);
    EXPECT_FALSE(refused.ok);
    ASSERT_EQ(refused.errors.size(), 1u);
    EXPECT_THAT(refused.errors[0], HasSubstr("192.0.2.0/25 overlaps subnet 192.0.2.0/24"));
    EXPECT_THAT(refused.changes, IsEmpty());

    // The old configuration serves again.
    const json subnets = lab.ask({{"command", "subnets"}})["subnets"];
    ASSERT_EQ(subnets.size(), 1u);
    EXPECT_EQ(subnets[0]["subnet"], "192.0.2.0/24");
    EXPECT_EQ(subnets[0]["pool_addresses"], 51);
    EXPECT_EQ(subnets[0]["free"], 50);
    EXPECT_EQ(lab.slot().newest().generation, 3u);
    lab.discover(2);
    EXPECT_EQ(lab.ask({{"command", "status"}})["answered"], 1);

    // Once nothing is leased there, the addresses go over, by way of a snapshot without them.
    for (const std::string& address : addresses(lab.ask({{"command", "leases"}}))) {
        static_cast<void>(
            lab.ask({{"command", "leases"}, {"action", "delete"}, {"address", address}}));
    }
    const ReloadOutcome done = lab.control().reload(false);
    EXPECT_TRUE(done.ok) << ::testing::PrintToString(done.errors);
    EXPECT_EQ(lab.slot().newest().generation, 5u);
    EXPECT_EQ(lab.ask({{"command", "subnets"}})["subnets"][0]["subnet"], "192.0.2.0/25");
    for (std::size_t i = 0; i < 2; ++i) {
        EXPECT_GE(lab.worker(i).announcement().generation.load(), 4u);
    }
}

TEST(Reload, DoesNotHandAddressesOverPastAWorkerThatStandsStill) {
    Lab lab{2};
    lab.configure(with("subnet: 192.0.2.0/24", "subnet: 192.0.2.0/25"));
    std::atomic<bool> stands{false};
    std::atomic<bool> go{false};
    std::thread blocker;
    lab.on_log([&](const std::string& line) {
        if (line.find("is closed") != std::string::npos) {
            blocker = std::thread{[&] {
                lab.worker(1).call([&] {
                    stands = true;
                    while (!go) {
                        std::this_thread::yield();
                    }
                });
            }};
            while (!stands) {
                std::this_thread::yield();
            }
        }
    });
    const ReloadOutcome refused = lab.control().reload(false);
    go = true;
    ASSERT_TRUE(blocker.joinable());
    blocker.join();
    EXPECT_FALSE(refused.ok);
    ASSERT_EQ(refused.errors.size(), 1u);
    EXPECT_THAT(refused.errors[0], HasSubstr("a worker stands still"));
    EXPECT_EQ(lab.ask({{"command", "subnets"}})["subnets"][0]["subnet"], "192.0.2.0/24");
    EXPECT_EQ(lab.ask({{"command", "subnets"}})["subnets"][0]["pool_addresses"], 51);
    lab.on_log({});
    EXPECT_TRUE(lab.control().reload(false).ok);
}

TEST(Reload, SurvivesTheEndOfMemory) {
    Lab lab;
    lab.run_out_of_memory(true);
    const ReloadOutcome outcome = lab.control().reload(false);
    EXPECT_FALSE(outcome.ok);
    ASSERT_EQ(outcome.errors.size(), 1u);
    EXPECT_THAT(outcome.errors[0], HasSubstr("bad_alloc"));
    EXPECT_EQ(lab.logged("bad_alloc"), 1u);
    EXPECT_EQ(lab.logged("the configuration in force stays"), 1u);
    lab.run_out_of_memory(false);
    EXPECT_TRUE(lab.control().reload(false).ok);
}

// An exception between the two snapshots of a reload: the subnet that was closed comes back.
TEST(Reload, OpensAClosedSubnetAgainAfterAnException) {
    Lab lab;
    lab.configure(with("subnet: 192.0.2.0/24", "subnet: 192.0.2.0/25"));
    lab.on_publish([&](const model::Snapshot& snapshot) {
        if (snapshot.subnets.front().prefix.length == 25) {
            throw std::bad_alloc{};
        }
    });
    EXPECT_FALSE(lab.control().reload(false).ok);
    EXPECT_THAT(lab.slot().newest().subnets, IsEmpty());
    lab.control().tick();
    EXPECT_EQ(lab.ask({{"command", "subnets"}})["subnets"][0]["subnet"], "192.0.2.0/24");
    EXPECT_EQ(lab.ask({{"command", "subnets"}})["subnets"][0]["pool_addresses"], 51);
    lab.control().tick();
    EXPECT_EQ(lab.slot().newest().generation, 3u);  // once
}

TEST(Reload, FreesOldSnapshotsOnceWorkersHaveMovedOn) {
    Lab lab{2};
    for (int i = 0; i < 50; ++i) {
        EXPECT_TRUE(lab.control().reload(false).ok);
    }
    // Each worker passes a round of its own, then nothing old may be in use.
    lab.worker(0).call([] {});
    lab.worker(1).call([] {});
    lab.worker(0).call([] {});
    lab.worker(1).call([] {});
    lab.control().tick();
    const std::vector<const worker::Announcement*> all{&lab.worker(0).announcement(),
                                                       &lab.worker(1).announcement()};
    EXPECT_TRUE(lab.slot().collect(all));
    EXPECT_EQ(lab.slot().newest().generation, 51u);
}

TEST(CheckRoom, RefusesMoreAddressesThanTheStoreCanNumber) {
    lease::Store store{1};
    model::SpaceRegistry registry{store};
    model::Configuration configuration;
    for (std::uint32_t i = 0; i < 31; ++i) {  // of 2^26 addresses each
        model::SubnetConfiguration subnet;
        subnet.prefix = {Ipv4{i << 26}, 6};
        configuration.dhcp4.subnets.push_back(subnet);
    }
    EXPECT_EQ(check_room(configuration, registry), "");
    model::SubnetConfiguration last;
    last.prefix = {Ipv4{0xc0000000}, 6};
    configuration.dhcp4.subnets.push_back(last);
    EXPECT_THAT(check_room(configuration, registry), HasSubstr("subnet 192.0.0.0/6: no room"));
}

// A pool of IPv6 with other ends is another space: what both have waits in the new one until every
// worker knows that the old one is closed.
TEST(Reload, PoolThatGrowsOpensOnceTheOldOneIsClosed) {
    const auto text = [](const std::string& last) {
        return "interfaces: [{name: eth1}]\nmax-leases: 4096\ndhcp6:\n  subnets:\n    - {subnet: "
               "2001:db8:1::/64, interface: eth1, pools: [{range: 2001:db8:1::1000-" +
               last + "}]}\n";
    };
    const std::string first = text("2001:db8:1::10ff");
    Lab lab{1, first.c_str()};
    lab.configure(text("2001:db8:1::11ff"));
    ASSERT_TRUE(lab.control().reload(false).ok);
    const auto allowed = [&] {
        const model::Snapshot6& ipv6 = lab.slot().newest().ipv6;
        return lab.registry()
            .store()
            .space(ipv6.subnets[0].pools[0].space)
            .bitmap()
            .allowed_count();
    };
    EXPECT_EQ(allowed(), 256u);
    for (int i = 0; i < 50 && allowed() != 512u; ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds{100});
        lab_seconds += 11;
        lab.control().tick();
    }
    EXPECT_EQ(allowed(), 512u);
}

}  // namespace
}  // namespace xdhcpd::control
