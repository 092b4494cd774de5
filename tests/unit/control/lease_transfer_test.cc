// Leases go out to files and come in from them while the server serves.
#include "control/lease_transfer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "control/lease_import.h"
#include "engine/shard_choice.h"
#include "unit/control/lab.h"

namespace xdhcpd::control {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

[[nodiscard]] std::int64_t unix_now() {
    return std::chrono::duration_cast<std::chrono::seconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

// A lease of client `number` that ends in `seconds`.
[[nodiscard]] json entry(const std::string& address, std::uint32_t number, int seconds = 1000) {
    return {{"address", address},
            {"hw_address", to_string(Lab::mac(number))},
            {"expires", unix_now() + seconds}};
}

[[nodiscard]] std::string import(Lab& lab, const json& object, bool dry_run = false) {
    const json answer = lab.ask({{"command", "leases"},
                                 {"action", "import"},
                                 {"dry_run", dry_run},
                                 {"leases", json::array({object})}});
    if (answer["ok"] != true) {
        return answer["error"];
    }
    EXPECT_TRUE(answer["reasons"].contains(answer["outcomes"][0].get<std::string>()));
    return answer["outcomes"][0];
}

[[nodiscard]] json exported(Lab& lab) {
    json answer = lab.ask({{"command", "leases"}, {"action", "export"}});
    EXPECT_EQ(answer["ok"], true);
    EXPECT_FALSE(answer.contains("next"));
    return answer["leases"];
}

void expect_sound(Lab& lab) {
    lab.worker().call([&] { EXPECT_EQ(lab.worker().shard().check_invariants(), ""); });
}

TEST(LeaseTransferTest, ExportSaysEverythingOfLeasesAndNothingOfOffers) {
    Lab lab;
    lab.lease(nth(0), {1, "host\xff,", "somebody"});
    lab.lease(nth(1), {2}, 0xffffffff);
    lab.discover(3);
    const json leases = exported(lab);
    ASSERT_EQ(leases.size(), 2u);
    EXPECT_EQ(leases[0]["address"], "192.0.2.10");
    EXPECT_EQ(leases[0]["subnet"], "192.0.2.0/24");
    EXPECT_EQ(leases[0]["state"], "leased");
    EXPECT_EQ(leases[0]["hw_type"], 1);
    EXPECT_EQ(leases[0]["hw_address"], "02:00:5e:00:00:01");
    EXPECT_EQ(leases[0]["client_id"], "73:6f:6d:65:62:6f:64:79");
    EXPECT_EQ(leases[0]["hostname"], "host\\xff,");
    EXPECT_NEAR(leases[0]["expires"].get<double>(), static_cast<double>(unix_now() + 3600), 2);
    EXPECT_NEAR(leases[0]["started"].get<double>(), static_cast<double>(unix_now()), 2);
    EXPECT_TRUE(leases[1]["expires"].is_null());
    EXPECT_FALSE(leases[1].contains("client_id"));
}

TEST(LeaseTransferTest, PagesOfAnExportAddUp) {
    Lab lab{2};
    for (std::uint32_t i = 0; i < 10; ++i) {
        lab.lease(nth(i), {i}, 3600, i % 2);
    }
    json request = {{"command", "leases"}, {"action", "export"}, {"limit", 3}};
    std::vector<std::string> found;
    for (bool more = true; more;) {
        const json page = lab.ask(request);
        ASSERT_LE(page["leases"].size(), 3u);
        for (const json& lease : page["leases"]) {
            found.push_back(lease["address"]);
        }
        more = page.contains("next");
        request["after"] = page.value("next", "");
    }
    ASSERT_EQ(found.size(), 10u);
    for (std::uint32_t i = 0; i < 10; ++i) {
        EXPECT_EQ(found[i], to_string(nth(i)));
    }
    const json wrong =
        lab.ask({{"command", "leases"}, {"action", "export"}, {"subnet", "10.0.0.0/8"}});
    EXPECT_THAT(wrong["error"], HasSubstr("there is no subnet"));
}

TEST(LeaseTransferTest, ImportOfAnExportIsTheSame) {
    Lab from;
    from.lease(nth(0), {1, "host\xff,", "somebody"});
    from.lease(nth(1), {2}, 0xffffffff);
    from.lease(Ipv4{0xc0000205}, {0x5399});  // reserved for it
    const json leases = exported(from);
    Lab to{2};
    const json answer = to.ask({{"command", "leases"}, {"action", "import"}, {"leases", leases}});
    EXPECT_EQ(answer["outcomes"], (json{"imported", "imported", "imported"}));
    EXPECT_EQ(exported(to), leases);
}

TEST(LeaseTransferTest, LeaseOfAnotherClientIsNeverTaken) {
    Lab lab;
    lab.lease(nth(0), {1});
    EXPECT_EQ(import(lab, entry("192.0.2.10", 2, 100000)), "held");
    lab.discover(3);  // an offer counts as well
    const json offers = lab.ask({{"command", "leases"}});
    EXPECT_EQ(import(lab, entry(offers["leases"][1]["address"], 2)), "held");
    EXPECT_EQ(exported(lab).size(), 1u);
}

TEST(LeaseTransferTest, OfOneClientsLeasesTheLaterEndWins) {
    Lab lab;
    lab.lease(nth(0), {1}, 3600);
    EXPECT_EQ(import(lab, entry("192.0.2.10", 1, 3000)), "unchanged");
    EXPECT_EQ(import(lab, entry("192.0.2.11", 1, 3000)), "elsewhere");
    EXPECT_EQ(import(lab, entry("192.0.2.10", 1, 5000), true), "renewed");
    EXPECT_EQ(import(lab, entry("192.0.2.10", 1, 5000)), "renewed");
    EXPECT_EQ(import(lab, entry("192.0.2.11", 1, 6000), true), "imported");
    EXPECT_EQ(exported(lab)[0]["address"], "192.0.2.10") << "a dry run changes nothing";
    EXPECT_EQ(import(lab, entry("192.0.2.11", 1, 6000)), "imported");
    const json leases = exported(lab);
    ASSERT_EQ(leases.size(), 1u) << "one address per client and link";
    EXPECT_EQ(leases[0]["address"], "192.0.2.11");
    expect_sound(lab);
}

TEST(LeaseTransferTest, WhatCouldNotBeRenewedIsRefused) {
    Lab lab;
    EXPECT_EQ(import(lab, entry("198.51.100.1", 1)), "outside");
    EXPECT_EQ(import(lab, entry("192.0.2.1", 1)), "closed") << "the router";
    EXPECT_EQ(import(lab, entry("192.0.2.200", 1)), "closed");
    EXPECT_EQ(import(lab, entry("192.0.2.5", 1)), "reserved");
    EXPECT_EQ(import(lab, entry("192.0.2.10", 1, -1)), "expired");
    EXPECT_EQ(import(lab, entry("192.0.2.10", 1, 0)), "expired");
    json printer = entry("192.0.2.5", 1);
    printer["hw_address"] = "02:00:5e:00:53:99";
    EXPECT_EQ(import(lab, printer), "imported") << "reserved for this very client";
    json nobody = entry("192.0.2.11", 1);
    nobody.erase("hw_address");
    nobody["client_id"] = "01";  // too short to be one (RFC 2132 section 9.14)
    EXPECT_EQ(import(lab, nobody), "unnamed");
}

TEST(LeaseTransferTest, DeclinedAddressesAreImportedAsSuch) {
    Lab lab;
    lab.lease(nth(0), {1});
    const auto declined = [](const std::string& address, int seconds) {
        return json{{"address", address}, {"state", "declined"}, {"expires", unix_now() + seconds}};
    };
    EXPECT_EQ(import(lab, declined("192.0.2.10", 5000)), "held");
    EXPECT_EQ(import(lab, declined("192.0.2.12", 500), true), "imported");
    EXPECT_EQ(import(lab, declined("192.0.2.12", 500)), "imported");
    EXPECT_EQ(import(lab, declined("192.0.2.12", 400)), "unchanged");
    EXPECT_EQ(import(lab, declined("192.0.2.12", 900)), "renewed");
    EXPECT_EQ(import(lab, declined("192.0.2.200", 900)), "closed");
    EXPECT_EQ(import(lab, entry("192.0.2.12", 2)), "quarantined");
    EXPECT_EQ(exported(lab)[1]["state"], "declined");
    lab_seconds += 1000;
    lab.worker().call([] {});
    expect_sound(lab);
}

TEST(LeaseTransferTest, TimesOfAFileBecomeThoseOfTheServer) {
    Lab lab;
    json old = entry("192.0.2.10", 1, 1000);
    old["started"] = 1000;  // before this machine was started
    EXPECT_EQ(import(lab, old), "imported");
    json lasting = entry("192.0.2.11", 2);
    lasting["expires"] = lease_files::Entry::kMaxTime;
    EXPECT_EQ(import(lab, lasting), "imported");
    const json leases = exported(lab);
    EXPECT_FALSE(leases[0].contains("started"));
    EXPECT_EQ(leases[0]["expires"], old["expires"]);
    EXPECT_TRUE(leases[1]["expires"].is_null()) << "what boot seconds cannot say is for ever";
    const json listed = lab.ask({{"command", "leases"}});
    EXPECT_NEAR(listed["leases"][0]["expires_in"].get<double>(), 1000, 2);
}

TEST(LeaseTransferTest, FullTablesAreSaid) {
    std::string text = kLabText;
    text.replace(text.find("4096"), 4, "2");
    Lab lab{1, text.c_str()};
    EXPECT_EQ(import(lab, entry("192.0.2.10", 1)), "imported");
    EXPECT_EQ(import(lab, entry("192.0.2.11", 2)), "imported");
    EXPECT_EQ(import(lab, entry("192.0.2.12", 3)), "full");
}

TEST(LeaseTransferTest, BadRequestsChangeNothing) {
    Lab lab;
    EXPECT_THAT(import(lab, json{{"address", "192.0.2.10"}}),
                HasSubstr("lease 1: expires is missing"));
    EXPECT_THAT(import(lab, json::array()), HasSubstr("a JSON object was meant"));
    const json base = {{"command", "leases"}, {"action", "import"}};
    json request = base;
    EXPECT_THAT(lab.ask(request)["error"], HasSubstr("leases wants a list"));
    request["leases"] = json(std::vector<int>(kMaxTransfer + 1));
    EXPECT_THAT(lab.ask(request)["error"], HasSubstr("leases wants a list"));
    request["leases"] = {entry("192.0.2.10", 1), json::object()};
    EXPECT_THAT(lab.ask(request)["error"], HasSubstr("lease 2: address is missing"));
    request["leases"] = json::array();
    request["dry_run"] = 1;
    EXPECT_THAT(lab.ask(request)["error"], HasSubstr("dry_run wants"));
    EXPECT_EQ(exported(lab).size(), 0u);
}

TEST(LeaseTransferTest, NamesOfClientsBecomeFieldsOfTheFile) {
    const NamedSpace space{{}, false, *parse_ipv4_prefix("192.0.2.0/24"), std::nullopt};
    const auto describe = [&](std::vector<std::byte> identity) {
        HeldLease lease;
        lease.state = lease::LeaseState::kLeased;
        lease.identity = std::move(identity);
        return entry_of(space, lease, 0);
    };
    const auto b = [](std::initializer_list<int> values) {
        std::vector<std::byte> bytes;
        for (const int value : values) {
            bytes.push_back(static_cast<std::byte>(value));
        }
        return bytes;
    };
    const auto vlan = describe(b({5, 0, 100, 0, 7, 0xaa, 0xbb}));
    EXPECT_EQ(vlan.vlan, (lease_files::Vlan{100, 7}));
    EXPECT_EQ(to_hex(vlan.client_id), "aa:bb");
    const auto hw = describe(b({4, 0, 0, 0, 0, 6, 1, 2, 3}));
    EXPECT_EQ(hw.vlan, std::nullopt) << "untagged";
    EXPECT_EQ(hw.hw_type, 6);
    EXPECT_EQ(to_hex(hw.hw_address), "01:02:03");
    const auto circuit = describe(b({3, 192, 0, 2, 1, 'x', 'y'}));
    EXPECT_EQ(circuit.relay, parse_ipv4("192.0.2.1"));
    EXPECT_EQ(to_hex(circuit.relay_information), "01:02:78:79");
    EXPECT_EQ(to_hex(describe(b({16, 1, 2, 3})).hw_address), "02:03");
    EXPECT_EQ(to_hex(describe(b({17, 1, 2, 3})).client_id), "01:02:03");
    EXPECT_EQ(to_hex(describe(b({18, 'x'})).relay_information), "01:01:78");
    EXPECT_EQ(to_hex(describe(b({19, 'x'})).relay_information), "02:01:78");
}

// The worker that will hear of the client must know it.
TEST(LeaseTransferTest, ALeaseGoesToTheShardOfItsClient) {
    Lab lab{2};
    std::array<std::uint64_t, 2> counts{};
    for (std::uint32_t number = 1; number <= 10; ++number) {
        ASSERT_EQ(import(lab, entry(to_string(nth(number - 1)), number)), "imported");
        std::vector<std::byte> identity{std::byte{1}, std::byte{1}};
        const Mac hw = Lab::mac(number);
        identity.insert(identity.end(), hw.octets.begin(), hw.octets.end());
        ++counts[engine::shard_of(identity, kLabKey, 2)];
    }
    EXPECT_GT(counts[0], 0u);
    EXPECT_GT(counts[1], 0u);
    for (std::size_t i = 0; i < counts.size(); ++i) {
        EXPECT_EQ(lab.worker(i).shard_counters().index_entries.value(), counts[i]);
    }
    EXPECT_EQ(import(lab, entry(to_string(nth(0)), 1)), "unchanged");
}

TEST(LeaseTransferTest, AQuarantineIsProlongedWhereverItIs) {
    Lab lab{2};
    for (std::size_t i = 0; i < 2; ++i) {
        const lease::SpaceId space = lab.registry().space_for({Ipv4{0xc0000200}, 24});
        lab.worker(i).call([&] {
            lease::Shard& shard = lab.worker(i).shard();
            const lease::Unit unit =
                shard.store().space(space).unit_at(10 + static_cast<std::uint32_t>(i));
            ASSERT_TRUE(shard.quarantine_free(unit, to_boot_seconds(lab_clock())));
        });
    }
    for (std::uint32_t i = 0; i < 2; ++i) {
        json declined = {
            {"address", to_string(nth(i))}, {"state", "declined"}, {"expires", unix_now() + 5000}};
        EXPECT_EQ(import(lab, declined), "renewed") << i;
    }
}

}  // namespace
}  // namespace xdhcpd::control
