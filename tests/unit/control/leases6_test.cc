// Leases of DHCPv6 as operators see them, and on their way out and in.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "engine/shard_choice.h"
#include "engine/v6/known_client.h"
#include "engine/v6/lease_note.h"
#include "unit/control/lab.h"

namespace xdhcpd::control {
namespace {

using engine::v6::Association;
using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

std::int64_t unix_now() {
    return std::chrono::duration_cast<std::chrono::seconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

// DUID-LL of the client's address.
std::vector<std::byte> duid_of(std::uint32_t number) {
    std::vector<std::byte> duid{std::byte{0}, std::byte{3}, std::byte{0}, std::byte{1}};
    const Mac mac = Lab::mac(number);
    duid.insert(duid.end(), mac.octets.begin(), mac.octets.end());
    return duid;
}

struct Terms {
    const char* first = "2001:db8:1::1000";
    const char* last = "2001:db8:1::10ff";
};

// Adds a subnet with a pool of addresses, one of prefixes, and reservations for client 0x5399.
std::function<void(model::Configuration&)> with_dhcp6(const Terms& terms = {}) {
    return [terms](model::Configuration& configuration) {
        model::Subnet6Configuration& subnet = configuration.dhcp6.subnets.emplace_back();
        subnet.prefix = parse_ipv6_prefix("2001:db8:1::/64").value();
        subnet.interface = "eth1";
        subnet.pools = {{parse_ipv6(terms.first).value(), parse_ipv6(terms.last).value()}};
        model::PrefixPoolConfiguration prefixes;
        prefixes.prefix = parse_ipv6_prefix("2001:db8:8000::/40").value();
        prefixes.delegated_length = 56;
        subnet.prefix_pools = {prefixes};
        model::Reservation6Configuration reservation;
        reservation.identifier = {model::IdentifierKind6::kDuid, duid_of(0x5399)};
        reservation.addresses = {parse_ipv6("2001:db8:1::50").value()};
        subnet.reservations.push_back(reservation);
        configuration.dhcp6.lifetimes = {1800, 7200};
        configuration.dhcp6.server_duid = duid_of(0xfefe);
    };
}

class Leases6Test : public ::testing::Test {
  protected:
    explicit Leases6Test(const Terms& terms = {})
        : lab_{2, kLabText, {}, nullptr, with_dhcp6(terms)} {}

    // Leases what has a unit to a client, past the protocol.
    void lease(const std::string& name, std::uint32_t number, std::uint32_t iaid = 1,
               const std::string& hostname = {}) {
        const bool is_prefix = name.find('/') != std::string::npos;
        const Ipv6Prefix what =
            is_prefix ? parse_ipv6_prefix(name).value() : Ipv6Prefix{parse_ipv6(name).value(), 128};
        const auto unit = lab_.registry().ipv6().find_unit(
            is_prefix ? lease::SpaceKind::kIpv6Prefix : lease::SpaceKind::kIpv6Address, what);
        ASSERT_TRUE(unit) << name;
        const model::Snapshot& snapshot = lab_.slot().newest();
        const std::vector<std::byte> duid = duid_of(number);
        const auto known = engine::v6::know_client(
            {.association = is_prefix ? Association::kPrefix : Association::kAddress,
             .iaid = iaid,
             .duid = duid},
            snapshot, snapshot.ipv6.subnets[0]);
        ASSERT_TRUE(known);
        worker::Worker& worker = lab_.worker(engine::shard_of(known->identity(), kLabKey, 2));
        worker.call([&] {
            const BootSeconds now = to_boot_seconds(lab_clock());
            const BootSeconds expiry = add_seconds(add_seconds(now, 3600), engine::kLeaseSlack);
            const auto taken = worker.shard().take_reserved(known->tenant(kLabKey), *unit, expiry);
            XD_ASSERT(taken.has_value());
            worker.shard().grant(*unit, {now, expiry, 1});
            worker.shard().set_hostname(*unit, as_bytes(hostname));
        });
    }
    [[nodiscard]] json leases(json request) {
        request["command"] = "leases";
        const json answer = lab_.ask(request);
        EXPECT_EQ(answer["ok"], true) << answer;
        return answer["leases"];
    }
    [[nodiscard]] std::vector<std::string> names(json request) {
        std::vector<std::string> result;
        for (const json& lease : leases(std::move(request))) {
            result.push_back(lease["address"]);
        }
        return result;
    }
    [[nodiscard]] static json entry(const std::string& name, std::uint32_t number,
                                    int seconds = 5000, std::uint32_t iaid = 1) {
        return {{"address", name},
                {"duid", to_hex(duid_of(number))},
                {"iaid", iaid},
                {"expires", unix_now() + seconds}};
    }
    [[nodiscard]] std::string import(const json& object, bool dry_run = false) {
        const json answer = lab_.ask({{"command", "leases"},
                                      {"action", "import"},
                                      {"dry_run", dry_run},
                                      {"leases", json::array({object})}});
        return answer["ok"] == true ? answer["outcomes"][0] : answer["error"];
    }
    void expect_sound() {
        for (std::size_t i = 0; i < 2; ++i) {
            lab_.worker(i).call([&] { EXPECT_EQ(lab_.worker(i).shard().check_invariants(), ""); });
        }
    }

    Lab lab_;
};

TEST_F(Leases6Test, AListHasBothFamilies) {
    lab_.lease(Ipv4{0xc000020a}, {1});
    lease("2001:db8:1::1001", 2, 7, "printer");
    lease("2001:db8:8000:100::/56", 2, 8);
    EXPECT_THAT(names({}),
                UnorderedElementsAre("192.0.2.10", "2001:db8:1::1001", "2001:db8:8000:100::/56"));
    EXPECT_THAT(names({{"family", 4}}), ElementsAre("192.0.2.10"));
    EXPECT_THAT(names({{"family", 6}}),
                UnorderedElementsAre("2001:db8:1::1001", "2001:db8:8000:100::/56"));
    EXPECT_THAT(names({{"subnet", "2001:DB8:1:0::/64"}}),
                UnorderedElementsAre("2001:db8:1::1001", "2001:db8:8000:100::/56"));
    EXPECT_THAT(names({{"subnet", "192.0.2.0/24"}}), ElementsAre("192.0.2.10"));
    const json lease = leases({{"action", "find"}, {"address", "2001:db8:1::1001"}})[0];
    EXPECT_EQ(lease["subnet"], "2001:db8:1::/64");
    EXPECT_EQ(lease["state"], "leased");
    EXPECT_EQ(lease["type"], "address");
    EXPECT_EQ(lease["duid"], to_hex(duid_of(2), 0));
    EXPECT_EQ(lease["iaid"], 7);
    EXPECT_EQ(lease["hw_address"], to_string(Lab::mac(2)));
    EXPECT_EQ(lease["hostname"], "printer");
    EXPECT_EQ(lease["expires_in"], 3600);
    for (const json& wrong : {json{{"family", 5}}, json{{"family", "6"}},
                              json{{"subnet", "2001:db8:2::/64"}}, json{{"after", "space x,1"}},
                              json{{"after", "space 1,"}}, json{{"after", "space 70000,1"}}}) {
        json request = wrong;
        request["command"] = "leases";
        EXPECT_EQ(lab_.ask(request)["ok"], false) << wrong;
    }
}

TEST_F(Leases6Test, WhatIsLookedForIsFound) {
    lease("2001:db8:1::1001", 2, 7, "printer");
    lease("2001:db8:8000:100::/56", 2, 8);
    lease("2001:db8:1::50", 0x5399);
    const auto find = [&](const char* key, const std::string& value) {
        return names({{"action", "find"}, {key, value}});
    };
    EXPECT_THAT(find("address", "2001:db8:1::50"), ElementsAre("2001:db8:1::50"));
    EXPECT_THAT(find("address", "2001:db8:8000:100::/56"), ElementsAre("2001:db8:8000:100::/56"));
    EXPECT_THAT(find("address", "2001:db8:8000:1ff::7"), ElementsAre("2001:db8:8000:100::/56"))
        << "whose address is this?";
    EXPECT_THAT(find("address", "2001:db8:8000:100::/60"), IsEmpty());
    EXPECT_THAT(find("address", "2001:db8:1::1002"), IsEmpty());
    EXPECT_THAT(find("address", "2001:db9::1"), IsEmpty());
    EXPECT_THAT(find("client_id", to_hex(duid_of(2))),
                UnorderedElementsAre("2001:db8:1::1001", "2001:db8:8000:100::/56"));
    EXPECT_THAT(find("hw_address", to_string(Lab::mac(0x5399))), ElementsAre("2001:db8:1::50"));
    EXPECT_THAT(find("hostname", "Printer"), ElementsAre("2001:db8:1::1001"));
}

TEST_F(Leases6Test, OneIsDeleted) {
    lease("2001:db8:1::1001", 2);
    lease("2001:db8:8000:100::/56", 2);
    const auto remove = [&](const std::string& name) {
        return lab_.ask({{"command", "leases"}, {"action", "delete"}, {"address", name}});
    };
    EXPECT_THAT(remove("2001:db8:8000:1ff::7")["error"], HasSubstr("there is no lease"));
    EXPECT_EQ(remove("2001:db8:8000:100::/56")["leases"][0]["address"], "2001:db8:8000:100::/56");
    EXPECT_THAT(names({}), ElementsAre("2001:db8:1::1001"));
    EXPECT_EQ(remove("2001:db8:1::1001")["ok"], true);
    EXPECT_THAT(names({}), IsEmpty());
    expect_sound();
}

TEST_F(Leases6Test, PagesAddUp) {
    std::vector<std::string> expected;
    for (std::uint32_t i = 0; i < 20; ++i) {
        expected.push_back(to_string(Ipv6::of_groups(
            {0x2001, 0xdb8, 1, 0, 0, 0, 0, static_cast<std::uint16_t>(0x1000 + i)})));
        lease(expected.back(), i);
        expected.push_back("2001:db8:80" + std::to_string(10 + i) + "::/56");
        lease(expected.back(), i);
    }
    json request = {{"command", "leases"}, {"action", "export"}, {"limit", 3}};
    std::vector<std::string> found;
    for (bool more = true; more;) {
        const json page = lab_.ask(request);
        ASSERT_LE(page["leases"].size(), 3u);
        for (const json& lease : page["leases"]) {
            found.push_back(lease["address"]);
        }
        more = page.contains("next");
        request["after"] = page.value("next", "");
        ASSERT_LE(found.size(), expected.size());
    }
    EXPECT_THAT(found, ::testing::UnorderedElementsAreArray(expected));
}

TEST_F(Leases6Test, ImportOfAnExportIsTheSame) {
    lease("2001:db8:1::1001", 2, 7, "printer");
    lease("2001:db8:8000:100::/56", 2, 8);
    lease("2001:db8:1::50", 0x5399);
    const json exported = leases({{"action", "export"}});
    ASSERT_EQ(exported.size(), 3u);
    for (const json& lease : exported) {
        EXPECT_EQ(lease["subnet"], "2001:db8:1::/64");
        EXPECT_EQ(lease["preferred_lifetime"], 1800);
    }
    Lab other{2, kLabText, {}, nullptr, with_dhcp6()};
    const json answer =
        other.ask({{"command", "leases"}, {"action", "import"}, {"leases", exported}});
    EXPECT_EQ(answer["outcomes"], (json{"imported", "imported", "imported"}));
    EXPECT_EQ(other.ask({{"command", "leases"}, {"action", "export"}})["leases"], exported);
}

TEST_F(Leases6Test, AnImportKeepsTheRules) {
    lease("2001:db8:1::1001", 2);
    EXPECT_EQ(import(entry("2001:db8:1::1001", 3)), "held");
    EXPECT_EQ(import(entry("2001:db8:1::1001", 2, 1000)), "unchanged");
    EXPECT_EQ(import(entry("2001:db8:1::1001", 2), true), "renewed");
    EXPECT_EQ(import(entry("2001:db8:1::1001", 2)), "renewed");
    EXPECT_EQ(import(entry("2001:db8:1::1002", 2, 3000)), "elsewhere");
    EXPECT_EQ(import(entry("2001:db8:1::1002", 2, 3000, 2)), "imported")
        << "another association has another address";
    EXPECT_EQ(import(entry("2001:db8:8000:100::/56", 2, 3000)), "imported")
        << "and a prefix beside it";
    EXPECT_EQ(import(entry("2001:db8:1::1003", 2, 9000)), "imported");
    EXPECT_THAT(names({{"action", "find"}, {"address", "2001:db8:1::1001"}}), IsEmpty())
        << "one per association";
    EXPECT_EQ(import(entry("2001:db8:1::50", 3)), "reserved");
    EXPECT_EQ(import(entry("2001:db8:1::50", 0x5399)), "imported");
    EXPECT_EQ(import(entry("2001:db8:1::51", 3)), "closed");
    EXPECT_EQ(import(entry("2001:db8:2::1", 3)), "outside");
    EXPECT_EQ(import(entry("2001:db8:9000::/56", 3)), "outside");
    EXPECT_EQ(import(entry("2001:db8:8000:200::/60", 3)), "outside") << "of another length";
    EXPECT_EQ(import(entry("2001:db8:1::1004", 3, -5)), "expired");
    json declined = entry("2001:db8:1::1005", 3);
    declined["state"] = "declined";
    EXPECT_EQ(import(declined), "imported");
    EXPECT_THAT(import(entry("2001:db8:1::1005", 3)),
                ::testing::AnyOf("quarantined", "held"));  // by the client's shard, or another one
    json nameless = entry("2001:db8:1::1006", 3);
    nameless.erase("duid");
    nameless["remote_id"] = "00:00:00:09:61";
    EXPECT_EQ(import(nameless), "unnamed");
    expect_sound();
}

// A pool that is larger than its space: other servers have leased other addresses of it.
class LargePool6Test : public Leases6Test {
  protected:
    LargePool6Test() : Leases6Test{{"2001:db8:1::", "2001:db8:1::ffff:ffff:ffff:ffff"}} {}
};

TEST_F(LargePool6Test, LeasesOfOtherServersGetUnitsOfTheirOwn) {
    ASSERT_FALSE(lab_.registry().ipv6().find_unit(lease::SpaceKind::kIpv6Address,
                                                  {parse_ipv6("2001:db8:1::1001").value(), 128}));
    EXPECT_EQ(import(entry("2001:db8:1::1001", 2), true), "imported");
    EXPECT_THAT(names({}), IsEmpty());
    EXPECT_EQ(import(entry("2001:db8:1::1001", 2)), "imported");
    const auto is_allowed = [&](const char* address) {
        const auto unit = lab_.registry().ipv6().find_unit(lease::SpaceKind::kIpv6Address,
                                                           {parse_ipv6(address).value(), 128});
        const lease::Space& space = lab_.registry().store().space_of(unit.value());
        return space.ipv6_names().is_list() && space.bitmap().allowed(space.index_of(*unit));
    };
    EXPECT_TRUE(is_allowed("2001:db8:1::1001")) << "its client may renew it";
    const std::uint32_t generation = lab_.slot().newest().generation;
    EXPECT_EQ(import(entry("2001:db8:1::1002", 3)), "imported");
    EXPECT_EQ(lab_.slot().newest().generation, generation) << "no snapshot for each";
    EXPECT_TRUE(is_allowed("2001:db8:1::1002"));
    EXPECT_EQ(import(entry("2001:db8:1::1002", 4)), "held");
    EXPECT_EQ(import(entry("2001:db8:1::", 5)), "closed") << "subnet-router anycast";
    EXPECT_THAT(names({{"family", 6}}), ElementsAre("2001:db8:1::1001", "2001:db8:1::1002"));
    const model::Snapshot6& snapshot = lab_.slot().newest().ipv6;
    const auto lists = lab_.registry().ipv6().list_spaces(snapshot.subnets[0].prefix,
                                                          lease::SpaceKind::kIpv6Address);
    ASSERT_EQ(lists.size(), 1u);
    const auto& spaces = snapshot.links[snapshot.subnets[0].link].address_spaces;
    EXPECT_NE(std::find(spaces.begin(), spaces.end(), lists[0]), spaces.end())
        << "workers look for the client there";
    expect_sound();
}

}  // namespace
}  // namespace xdhcpd::control
