// The commands of operators, and what they are told.
#include "control/control.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "unit/control/lab.h"

namespace xdhcpd::control {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

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

}  // namespace
}  // namespace xdhcpd::control
