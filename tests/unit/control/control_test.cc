#include "control/control.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>

#include "unit/control/lab.h"

namespace xdhcpd::control {
namespace {

using nlohmann::json;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr Ipv4 kFirst{0xc000020a};  // 192.0.2.10

[[nodiscard]] Ipv4 nth(std::uint32_t n) {
    return Ipv4{kFirst.value + n};
}

[[nodiscard]] std::string with(std::string_view from, std::string_view to) {
    std::string text = kLabText;
    const std::size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return text.replace(at, from.size(), to);
}

[[nodiscard]] std::vector<std::string> addresses(const json& answer) {
    std::vector<std::string> result;
    for (const json& lease : answer.at("leases")) {
        result.push_back(lease.at("address"));
    }
    return result;
}

// == Requests ==

TEST(Control, StatusTellsWhatTheContractSays) {
    Lab lab;
    lab.discover(1);
    lab.discover(2, Ipv4{0xac100001});  // a relay of no subnet
    lab.inject(as_bytes("no frame"));
    const json status = lab.ask({{"command", "status"}});
    EXPECT_EQ(status["ok"], true);
    EXPECT_EQ(status["version"], XDHCPD_VERSION);
    EXPECT_EQ(status["state"], "serving");
    EXPECT_EQ(status["generation"], 1);
    EXPECT_EQ(status["configuration"], "lab.yaml");
    EXPECT_EQ(status["durability"], "sync");
    const json& port = status["ports"].at(0);
    EXPECT_EQ(port["interface"], "eth1");
    EXPECT_EQ(port["ifindex"], kLabIfindex);
    EXPECT_EQ(port["driver"], "memory");
    EXPECT_EQ(port["mode"], "native");
    EXPECT_EQ(port["why"], "the others are slower");
    EXPECT_EQ(port["rx_frames"], 3);
    EXPECT_EQ(port["tx_frames"], 1);
    EXPECT_EQ(port["rx_truncated"], 0);
    EXPECT_EQ(port["tx_no_frame"], 0);
    EXPECT_EQ(port["kick_retries"], 0);
    EXPECT_EQ(port["kernel_drops"], (json{{"rx_dropped", 0}, {"rx_ring_full", 5}}));
    EXPECT_EQ(status["received"], 3);
    EXPECT_EQ(status["answered"], 1);
    EXPECT_EQ(status["explained"], 2);
    EXPECT_EQ(status["in_flight"], 0);
    EXPECT_EQ(status["sent_by_type"], (json{{"offer", 1}}));
    EXPECT_EQ(status["dropped"]["engine.no-subnet"], 1);
    EXPECT_EQ(status["xdp"], (json{{"eth1", {{"redirected", 7}}}}));
    lab_seconds += 90;
    EXPECT_EQ(lab.ask({{"command", "status"}})["uptime_seconds"], 90);
}

TEST(Control, SubnetsCountUnitsByState) {
    Lab lab;
    lab.lease(nth(0), {1});
    lab.discover(2);
    const json answer = lab.ask({{"command", "subnets"}});
    ASSERT_EQ(answer["subnets"].size(), 1u);
    EXPECT_EQ(answer["subnets"][0], (json{{"subnet", "192.0.2.0/24"},
                                          {"interface", "eth1"},
                                          {"vlan", ""},
                                          {"shared_network", ""},
                                          {"size", 256},
                                          {"pool_addresses", 51},
                                          {"free", 49},
                                          {"offered", 1},
                                          {"leased", 1},
                                          {"declined", 0},
                                          {"reservations", 1}}));
}

TEST(Control, LeasesShowAllFields) {
    Lab lab;
    lab.lease(nth(0), {1,
                       "host\xff"
                       "1",
                       "somebody"});
    lab.lease(nth(1), {2}, 0xffffffff);
    const json answer = lab.ask({{"command", "leases"}});
    ASSERT_EQ(answer["leases"].size(), 2u);
    const json& lease = answer["leases"][0];
    EXPECT_EQ(lease["address"], "192.0.2.10");
    EXPECT_EQ(lease["subnet"], "192.0.2.0/24");
    EXPECT_EQ(lease["state"], "leased");
    EXPECT_EQ(lease["hw_address"], "02:00:5e:00:00:01");
    EXPECT_EQ(lease["client_id"], "736f6d65626f6479");
    EXPECT_EQ(lease["hostname"],
              "host\xef\xbf\xbd"
              "1");  // what is no UTF-8 is replaced
    EXPECT_EQ(lease["expires_in"], 3600);
    const std::string expires = lease["expires"];
    EXPECT_EQ(expires.size(), std::string_view{"2026-01-01T00:00:00Z"}.size()) << expires;
    EXPECT_EQ(expires.substr(0, 2) + expires[4] + expires[10] + expires.back(), "20-TZ") << expires;
    EXPECT_EQ(answer["leases"][1]["client_id"], "");
    EXPECT_TRUE(answer["leases"][1]["expires_in"].is_null());
    EXPECT_TRUE(answer["leases"][1]["expires"].is_null());
    EXPECT_NO_THROW(static_cast<void>(answer.dump()));
}

TEST(Control, LeasesOfAllWorkersComeInOrderAndUpToTheLimit) {
    Lab lab{2};
    for (std::uint32_t i = 0; i < 10; ++i) {
        lab.lease(nth(i), {i}, 3600, i % 2);
    }
    const json all = lab.ask({{"command", "leases"}, {"subnet", "192.0.2.0/24"}});
    ASSERT_EQ(all["leases"].size(), 10u);
    for (std::uint32_t i = 0; i < 10; ++i) {
        EXPECT_EQ(all["leases"][i]["address"], to_string(nth(i)));
    }
    const json some = lab.ask({{"command", "leases"}, {"limit", 3}});
    EXPECT_THAT(addresses(some), ElementsAre("192.0.2.10", "192.0.2.11", "192.0.2.12"));
    EXPECT_FALSE(some.contains("next"));
    const json rest = lab.ask({{"command", "leases"}, {"after", "192.0.2.0/24,192.0.2.16"}});
    EXPECT_THAT(addresses(rest), ElementsAre("192.0.2.17", "192.0.2.18", "192.0.2.19"));
    EXPECT_EQ(lab.ask({{"command", "leases"}, {"subnet", "198.51.100.0/24"}})["ok"], false);
}

TEST(Control, LongListsComeInParts) {
    constexpr std::uint32_t kCount = 20000;
    Lab lab{1, R"(
interfaces: [{name: eth1, driver: udp}]
max-leases: 65536
dhcp4: {subnets: [{subnet: 198.18.0.0/16, interface: eth1, pools: [{range: 198.18.0.1-198.18.255.250}]}]}
)"};
    const Ipv4Prefix prefix{Ipv4{0xc6120000}, 16};
    for (std::uint32_t i = 1; i <= kCount; ++i) {
        lab.lease(Ipv4{prefix.address.value + i}, {i}, 3600, 0, prefix);
    }
    json request = {{"command", "leases"}};
    std::set<std::string> seen;
    std::size_t parts = 0;
    for (bool more = true; more; ++parts) {
        const json answer = lab.ask(request);
        ASSERT_EQ(answer["ok"], true);
        ASSERT_LE(answer["leases"].size(), Control::kMaxLeases);
        for (const std::string& address : addresses(answer)) {
            EXPECT_TRUE(seen.insert(address).second) << address;
        }
        more = answer.contains("next");
        if (more) {
            request["after"] = answer["next"];
        }
    }
    EXPECT_EQ(seen.size(), kCount);
    EXPECT_EQ(parts, 2u);
}

TEST(Control, FindsLeasesByAnyIdentifier) {
    Lab lab{2};
    lab.lease(nth(0), {1, "alpha"}, 3600, 0);
    lab.lease(nth(1), {2, "Beta", "somebody"}, 3600, 1);
    const auto find = [&](const char* key, const char* value) {
        return addresses(lab.ask({{"command", "leases"}, {"action", "find"}, {key, value}}));
    };
    EXPECT_THAT(find("address", "192.0.2.11"), ElementsAre("192.0.2.11"));
    EXPECT_THAT(find("hw_address", "02:00:5e:00:00:01"), ElementsAre("192.0.2.10"));
    EXPECT_THAT(find("hostname", "bETA"), ElementsAre("192.0.2.11"));
    for (const char* const text :
         {"736f6d65626f6479", "0x736f6d65626f6479", "73:6f:6d:65:62:6f:64:79"}) {
        EXPECT_THAT(find("client_id", text), ElementsAre("192.0.2.11")) << text;
    }
    EXPECT_THAT(find("hostname", "gamma"), IsEmpty());
    EXPECT_THAT(find("address", "192.0.2.99"), IsEmpty());
    EXPECT_THAT(find("address", "203.0.113.1"), IsEmpty());
}

TEST(Control, DeletesALeaseInTheShardThatHoldsIt) {
    Lab lab{2};
    lab.lease(nth(0), {1}, 3600, 0);
    lab.lease(nth(1), {2}, 3600, 1);
    const json request = {{"command", "leases"}, {"action", "delete"}, {"address", "192.0.2.11"}};
    const json answer = lab.ask(request);
    EXPECT_EQ(answer["ok"], true);
    ASSERT_EQ(answer["leases"].size(), 1u);
    EXPECT_EQ(answer["leases"][0]["hw_address"], "02:00:5e:00:00:02");
    EXPECT_THAT(addresses(lab.ask({{"command", "leases"}})), ElementsAre("192.0.2.10"));
    EXPECT_EQ(lab.ask({{"command", "subnets"}})["subnets"][0]["free"], 50);
    const json again = lab.ask(request);
    EXPECT_EQ(again["ok"], false);
    EXPECT_EQ(again["error"], "there is no lease of 192.0.2.11");
    for (std::size_t i = 0; i < 2; ++i) {
        lab.worker(i).call([&] { EXPECT_EQ(lab.worker(i).shard().check_invariants(), ""); });
    }
}

TEST(Control, WorkersTellWhatTheyDid) {
    Lab lab{2};
    lab.lease(nth(0), {1, "a long hostname that needs room"});
    lab.discover(2);
    const json answer = lab.ask({{"command", "workers"}});
    ASSERT_EQ(answer["workers"].size(), 2u);
    const json& worker = answer["workers"][0];
    EXPECT_EQ(worker["id"], 0);
    EXPECT_EQ(worker["ports"], json::array({"eth1:0"}));
    EXPECT_GE(worker["cpu"].get<int>(), 0);
    EXPECT_EQ(worker["messages"], 1);
    EXPECT_EQ(worker["index_entries"], 2);
    EXPECT_EQ(worker["index_capacity"], 2048);
    EXPECT_GT(worker["side_bytes"], 0);
    EXPECT_GE(worker["side_capacity"], worker["side_bytes"]);
    EXPECT_GE(worker["latency_us"]["max"], worker["latency_us"]["p99"]);
    EXPECT_GE(worker["latency_us"]["p99"], worker["latency_us"]["p50"]);
}

TEST(Control, ExplainsDropsNewestFirst) {
    Lab lab;
    lab.discover(1, Ipv4{0xac100001});
    lab_seconds += 5;
    lab.inject(as_bytes("no frame"));
    lab_seconds += 1;
    const json answer = lab.ask({{"command", "explain"}});
    ASSERT_EQ(answer["drops"].size(), 2u);
    EXPECT_THAT(answer["drops"][0]["reason"].get<std::string>(), HasSubstr("frame."));
    EXPECT_EQ(answer["drops"][0]["message_type"], "");
    const json& drop = answer["drops"][1];
    EXPECT_EQ(drop["age_seconds"], 6.0);
    EXPECT_EQ(drop["hw_address"], "02:00:5e:00:00:01");
    EXPECT_EQ(drop["interface"], "eth1");
    EXPECT_EQ(drop["queue"], 0);
    EXPECT_EQ(drop["vlan"], "");
    EXPECT_EQ(drop["giaddr"], "172.16.0.1");
    EXPECT_EQ(drop["message_type"], "discover");
    EXPECT_EQ(drop["reason"], "engine.no-subnet");
    EXPECT_NE(drop["text"], "");
    EXPECT_EQ(
        lab.ask({{"command", "explain"}, {"hw_address", "02:00:5e:00:00:01"}})["drops"].size(), 1u);
    EXPECT_EQ(
        lab.ask({{"command", "explain"}, {"hw_address", "02:00:5e:00:00:07"}})["drops"].size(), 0u);
}

TEST(Control, StopDrainsAndCallsNoWorkerAnyMore) {
    Lab lab;
    EXPECT_TRUE(lab.control().health().ok);
    EXPECT_EQ(lab.ask({{"command", "stop"}})["ok"], true);
    EXPECT_TRUE(lab.stopped());
    EXPECT_EQ(lab.ask({{"command", "status"}})["state"], "draining");
    EXPECT_FALSE(lab.control().health().ok);
    for (const char* const command : {"leases", "workers", "explain", "reload"}) {
        EXPECT_EQ(lab.ask({{"command", command}})["ok"], false) << command;
    }
    EXPECT_FALSE(lab.control().reload(false).ok);
}

TEST(Control, RefusesMalformedRequests) {
    Lab lab;
    const char* const texts[] = {"null",
                                 "7",
                                 "[]",
                                 "\"status\"",
                                 "{}",
                                 R"({"command":null})",
                                 R"({"command":7})",
                                 R"({"command":""})",
                                 R"({"command":"no-such-command"})",
                                 R"({"command":["status"]})",
                                 R"({"command":"leases","action":"no-such-action"})",
                                 R"({"command":"leases","action":7})",
                                 R"({"command":"leases","limit":0})",
                                 R"({"command":"leases","limit":-1})",
                                 R"({"command":"leases","limit":"3"})",
                                 R"({"command":"leases","limit":1.5})",
                                 R"({"command":"leases","subnet":"192.0.2.1"})",
                                 R"({"command":"leases","subnet":{}})",
                                 R"({"command":"leases","after":"x"})",
                                 R"({"command":"leases","after":"192.0.2.0/24,10.0.0.1"})",
                                 R"({"command":"leases","action":"find"})",
                                 R"({"command":"leases","action":"find","hw_address":"02:00"})",
                                 R"({"command":"leases","action":"find","client_id":""})",
                                 R"({"command":"leases","action":"find","client_id":"0x"})",
                                 R"({"command":"leases","action":"find","address":"192.0.2.256"})",
                                 R"({"command":"leases","action":"delete"})",
                                 R"({"command":"leases","action":"delete","address":"printer"})",
                                 R"({"command":"reload","dry_run":"yes"})",
                                 R"({"command":"explain","hw_address":7})"};
    for (const char* const text : texts) {
        const json answer = lab.ask(json::parse(text));
        EXPECT_EQ(answer["ok"], false) << text;
        EXPECT_NE(answer.value("error", ""), "") << text;
    }
    EXPECT_THAT(lab.published(), IsEmpty());
}

// == Reload ==

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

// == Watching ==

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

// == Metrics ==

TEST(Metrics, HaveTheNamesOfTheContract) {
    Lab lab;
    lab.lease(nth(0), {1});
    lab.discover(2);
    lab.discover(3, Ipv4{0xac100001});
    lab.inject(as_bytes("no frame"));
    const std::string text = lab.control().metrics_text();
    for (const char* const line :
         {"xdhcpd_build_info{version=\"" XDHCPD_VERSION "\"} 1\n",
          "xdhcpd_received_total{type=\"unreadable\"} 1\n",
          "xdhcpd_received_total{type=\"discover\"} 2\n",
          "xdhcpd_sent_total{type=\"offer\"} 1\n",
          "xdhcpd_dropped_total{stage=\"engine\",reason=\"no-subnet\"} 1\n",
          "xdhcpd_dropped_total{stage=\"engine\",reason=\"no-free-address\"} 0\n",
          "xdhcpd_xdp_verdicts_total{interface=\"eth1\",verdict=\"redirected\"} 7\n",
          "xdhcpd_port_rx_frames_total{interface=\"eth1\",queue=\"0\",driver=\"memory\"} 3\n",
          "xdhcpd_port_tx_frames_total{interface=\"eth1\",queue=\"0\",driver=\"memory\"} 1\n",
          "xdhcpd_port_kernel_drops_total{interface=\"eth1\",queue=\"0\",driver=\"memory\",reason="
          "\"rx_ring_full\"} "
          "5\n",
          "xdhcpd_port_rx_truncated_total{interface=\"eth1\",queue=\"0\",driver=\"memory\"} 0\n",
          "xdhcpd_port_tx_no_frame_total{interface=\"eth1\",queue=\"0\",driver=\"memory\"} 0\n",
          "xdhcpd_port_kick_retries_total{interface=\"eth1\",queue=\"0\",driver=\"memory\"} 0\n",
          "xdhcpd_port_tx_errors_total{interface=\"eth1\",queue=\"0\",driver=\"memory\"} 0\n",
          "xdhcpd_space_units{subnet=\"192.0.2.0/24\",state=\"size\"} 256\n",
          "xdhcpd_space_units{subnet=\"192.0.2.0/24\",state=\"pool\"} 51\n",
          "xdhcpd_space_units{subnet=\"192.0.2.0/24\",state=\"free\"} 49\n",
          "xdhcpd_space_units{subnet=\"192.0.2.0/24\",state=\"offered\"} 1\n",
          "xdhcpd_space_units{subnet=\"192.0.2.0/24\",state=\"leased\"} 1\n",
          "xdhcpd_space_units{subnet=\"192.0.2.0/24\",state=\"declined\"} 0\n",
          "xdhcpd_reply_latency_seconds_bucket{le=\"+Inf\"} 1\n",
          "xdhcpd_reply_latency_seconds_count 1\n",
          "xdhcpd_index_entries 2\n",
          "xdhcpd_side_bytes 0\n",
          "xdhcpd_uptime_seconds 0\n",
          "xdhcpd_reloads_total{result=\"ok\"} 0\n"}) {
        EXPECT_THAT(text, HasSubstr(line));
    }
}

TEST(Metrics, CanBeReadWhileWorkersServeAndControlReloads) {
    Lab lab{2};
    std::atomic<bool> done{false};
    std::atomic<std::size_t> scrapes{0};
    std::thread scraper{[&] {
        while (!done) {
            EXPECT_THAT(lab.control().metrics_text(), HasSubstr("xdhcpd_build_info"));
            static_cast<void>(lab.control().health());
            ++scrapes;
        }
    }};
    for (std::uint32_t i = 0; i < 30 || scrapes < 5; ++i) {
        lab.discover(i % 40);
        if (i % 5 == 0) {
            lab.configure(with("192.0.2.10-192.0.2.60",
                               i % 10 == 0 ? "192.0.2.10-192.0.2.61" : "192.0.2.10-192.0.2.62"));
            EXPECT_TRUE(lab.control().reload(false).ok);
        }
        lab.control().tick();
        EXPECT_EQ(lab.ask({{"command", "leases"}})["ok"], true);
        const json status = lab.ask({{"command", "status"}});
        EXPECT_EQ(status["received"].get<int>(), status["answered"].get<int>() +
                                                     status["explained"].get<int>() +
                                                     status["in_flight"].get<int>());
    }
    done = true;
    scraper.join();
}

}  // namespace
}  // namespace xdhcpd::control
