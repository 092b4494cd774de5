#include "control/changes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/load.h"

namespace xdhcpd::control {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

[[nodiscard]] model::Configuration parse(const std::string& text) {
    auto loaded = config::load_text(text, "f");
    for (const config::Diagnostic& diagnostic : loaded.diagnostics) {
        EXPECT_NE(diagnostic.severity, config::Diagnostic::Severity::kError)
            << config::to_string(diagnostic);
    }
    return loaded.configuration.value_or(model::Configuration{});
}

[[nodiscard]] std::vector<std::string> changes(const std::string& before, const std::string& after,
                                               bool log_applies = false) {
    return describe_changes(parse(before), parse(after), log_applies);
}

[[nodiscard]] std::vector<std::string> restarts(const std::string& before, const std::string& after,
                                                bool log_applies = false) {
    const auto loaded = config::load_text(after, "f");
    return describe_restarts(parse(before), parse(after), loaded.places, "f", log_applies);
}

// A configuration of one subnet with these members.
[[nodiscard]] std::string subnet(const std::string& members, const std::string& dhcp4 = "") {
    return "interfaces: [{name: eth1, driver: udp}]\ndhcp4:\n  lease-time: 1h\n" + dhcp4 +
           "  subnets:\n    - {subnet: 192.0.2.0/24, interface: eth1, "
           "pools: [{range: 192.0.2.10-192.0.2.19}]" +
           (members.empty() ? "" : ", " + members) + "}\n";
}

TEST(DescribeChanges, SaysNothingOfNothing) {
    EXPECT_THAT(changes(subnet(""), subnet("")), IsEmpty());
}

TEST(DescribeChanges, NamesWhatChangesInASubnet) {
    EXPECT_THAT(changes(subnet(""), subnet("lease-time: 30m")),
                ElementsAre("subnet 192.0.2.0/24 lease-time: none -> default 30m, min 5m, max 1d"));
    EXPECT_THAT(
        changes(subnet("exclude: [192.0.2.12]"), subnet("exclude: [192.0.2.12-192.0.2.13]")),
        ElementsAre("subnet 192.0.2.0/24 exclude: 192.0.2.12 -> 192.0.2.12-192.0.2.13"));
    EXPECT_THAT(changes(subnet(""), subnet("options: {routers: [192.0.2.1]}")),
                ElementsAre("subnet 192.0.2.0/24 option routers added: 192.0.2.1"));
    EXPECT_THAT(changes(subnet("options: {routers: [192.0.2.1]}"),
                        subnet("options: {routers: [192.0.2.2]}")),
                ElementsAre("subnet 192.0.2.0/24 option routers: 192.0.2.1 -> 192.0.2.2"));
    EXPECT_THAT(changes(subnet("options: {routers: [192.0.2.1]}"), subnet("")),
                ElementsAre("subnet 192.0.2.0/24 option routers removed"));
    EXPECT_THAT(changes(subnet(""), subnet("identity: hw-address, authoritative: false")),
                ElementsAre("subnet 192.0.2.0/24 authoritative: none -> false",
                            "subnet 192.0.2.0/24 identity: client-id -> hw-address"));
}

TEST(DescribeChanges, NamesReservations) {
    const std::string one =
        R"(reservations: [{hw-address: "02:00:5e:00:53:01", address: 192.0.2.5}])";
    const std::string other =
        R"(reservations: [{hw-address: "02:00:5e:00:53:01", address: 192.0.2.6, hostname: p}])";
    EXPECT_THAT(
        changes(subnet(""), subnet(one)),
        ElementsAre(
            "subnet 192.0.2.0/24 reservation for hw-address 02:00:5e:00:53:01 added: 192.0.2.5"));
    EXPECT_THAT(
        changes(subnet(one), subnet(other)),
        ElementsAre(
            "subnet 192.0.2.0/24 reservation for hw-address 02:00:5e:00:53:01: 192.0.2.5 -> "
            "192.0.2.6, hostname p"));
    EXPECT_THAT(
        changes(subnet(one), subnet("")),
        ElementsAre("subnet 192.0.2.0/24 reservation for hw-address 02:00:5e:00:53:01 removed"));
}

TEST(DescribeChanges, SumsUpManyReservations) {
    std::string members = "reservations: [";
    for (int i = 10; i < 160; ++i) {
        members += (i == 10 ? "" : ", ") + std::string{"{client-id: \"'c"} + std::to_string(i) +
                   "'\", address: 192.0.2." + std::to_string(i + 20) + "}";
    }
    const auto lines = changes(subnet(""), subnet(members + "]"));
    ASSERT_EQ(lines.size(), 101u);
    EXPECT_EQ(lines.back(), "subnet 192.0.2.0/24 and 50 more changes of reservations");
}

TEST(DescribeChanges, NamesWhatChangesForAllSubnets) {
    EXPECT_THAT(
        changes(subnet(""), subnet("", "  offer-lifetime: 1m\n  rapid-commit: true\n")),
        ElementsAre("dhcp4 offer-lifetime: 30s -> 1m", "dhcp4 rapid-commit: false -> true"));
}

TEST(DescribeChanges, TellsWhatNeedsARestartApart) {
    const std::string before = subnet("");
    std::string after = subnet("");
    after.replace(after.find("driver: udp"), 11, "driver: packet, queues: [0, 2]");
    EXPECT_THAT(
        changes(before, after + "http: 127.0.0.1:9767\nlog: {level: debug}\nside-memory: 1MiB\n"),
        ElementsAre("interface eth1 driver: udp -> packet", "interface eth1 queues: none -> 0, 2"));
    EXPECT_THAT(
        restarts(before, after + "http: 127.0.0.1:9767\nlog: {level: debug}\nside-memory: 1MiB\n"),
        ElementsAre("log (f:7): info as text -> debug as text", "http (f:6): off -> 127.0.0.1:9767",
                    "side-memory (f:8): 67108864 -> 1048576"));
    EXPECT_THAT(
        restarts(before + "workers: 3\nstate-directory: /a\n",
                 before + "durability: async\nmax-leases: 5000\ncontrol-socket: /b\n"
                          "ports:\n  server: 6767\n"),
        ElementsAre("workers (f): 3 -> auto",
                    "control-socket (f:8): /run/xdhcpd/control.sock -> /b",
                    "durability (f:6): sync -> async", "state-directory (f): /a -> /var/lib/xdhcpd",
                    "max-leases (f:7): 1048576 -> 5000", "ports server (f:10): 67 -> 6767"));
    EXPECT_THAT(restarts(before, before + "log: {level: debug}\n", true), IsEmpty());
    EXPECT_THAT(changes(before, before + "log: {level: debug}\n", true),
                ElementsAre("log: info as text -> debug as text"));
}

TEST(DescribeChanges, NamesLimitsOfRates) {
    const auto limited = [](const std::string& limits) {
        std::string text = subnet("");
        text.replace(text.find("driver: udp"), 11, "driver: udp, rate-limit: {" + limits + "}");
        return text;
    };
    EXPECT_THAT(changes(subnet(""), limited("per-client: 10/s, per-link: 5/m")),
                ElementsAre("interface eth1 rate-limit: none -> 10/s (burst 20) per client, 5/m "
                            "(burst 8) per link"));
    EXPECT_THAT(changes(limited("per-client: 10/s"), limited("per-client: {rate: 10/s, burst: 9}")),
                ElementsAre("interface eth1 rate-limit: 10/s (burst 20) per client -> 10/s (burst "
                            "9) per client"));
    EXPECT_THAT(changes(limited("per-client: 10/s"), limited("per-client: 10/s")), ElementsAre());
}

TEST(Applicable, LeavesWhatNeedsARestartAsItIs) {
    const model::Configuration before = parse(subnet(""));
    const model::Configuration wanted =
        parse(subnet("lease-time: 30m") + "max-leases: 77\nlog: {level: debug}\n");
    const model::Configuration result = applicable(before, wanted, true);
    EXPECT_THAT(describe_changes(before, result, true),
                ElementsAre("subnet 192.0.2.0/24 lease-time: none -> default 30m, min 5m, max 1d",
                            "log: info as text -> debug as text"));
    EXPECT_EQ(applicable(before, wanted, false).log.level, before.log.level);
}

TEST(Coverage, IsPoolsAndReservationsWithoutWhatIsNeverLet) {
    const model::Configuration configuration = parse(subnet(
        R"(exclude: [192.0.2.12], server-address: 192.0.2.13, options: {routers: [192.0.2.14, 192.0.2.60]},
           relays: [192.0.2.16],
           reservations: [{hw-address: "02:00:5e:00:53:01", address: 192.0.2.50},
                          {hw-address: "02:00:5e:00:53:02", address: 192.0.2.15},
                          {hw-address: "02:00:5e:00:53:03", address: 192.0.2.60}])"));
    const Coverage coverage{configuration};
    const auto covers = [&](std::uint32_t last) {
        return coverage.covers(Ipv4{0xc0000200 + last});
    };
    EXPECT_TRUE(covers(10));
    EXPECT_TRUE(covers(19));
    EXPECT_TRUE(covers(15));
    EXPECT_TRUE(covers(50));
    for (const std::uint32_t last : {9u, 20u, 12u, 13u, 14u, 16u, 51u, 60u, 0u, 255u}) {
        EXPECT_FALSE(covers(last)) << last;
    }
    EXPECT_FALSE(coverage.covers(Ipv4{0xc0000100}));
    EXPECT_FALSE(coverage.covers(Ipv4{0xc0000300}));
    EXPECT_FALSE(Coverage{model::Configuration{}}.covers(Ipv4{0xc000020a}));
}

// Of IPv6: one subnet with these members, and more at the root.
[[nodiscard]] std::string subnet6(const std::string& members, const std::string& more = "") {
    return "interfaces: [{name: eth1}]\ndhcp6:\n  subnets:\n    - {subnet: 2001:db8:1::/64, "
           "interface: eth1, pools: [{range: 2001:db8:1::10-2001:db8:1::19}]" +
           (members.empty() ? "" : ", " + members) + "}\n" + more;
}

TEST(DescribeChanges6, SaysNothingOfNothing) {
    EXPECT_THAT(changes(subnet6(""), subnet6("")), IsEmpty());
}

TEST(DescribeChanges6, NamesWhatChangesInDhcp6AndItsSubnets) {
    EXPECT_THAT(changes(subnet6(""), subnet6("", "  preference: 7\n  valid-lifetime: 3h\n")),
                ElementsAre("dhcp6 lifetimes: preferred 1h, valid 2h -> preferred 1h, valid 3h",
                            "dhcp6 preference: none -> 7"));
    EXPECT_THAT(
        changes(subnet6(""), subnet6("prefix-pools: [{prefix: 2001:db8:8000::/40, "
                                     "delegated-length: 56}]")),
        ElementsAre("subnet 2001:db8:1::/64 prefix-pools: none -> 2001:db8:8000::/40 in /56"));
    EXPECT_THAT(changes(subnet6(""), subnet6("options: {dns-servers: \"2001:db8::53\"}")),
                ElementsAre("subnet 2001:db8:1::/64 option dns-servers: none -> 2001:db8::53"));
    EXPECT_THAT(
        changes(subnet6("reservations: [{subscriber-id: a, address: 2001:db8:1::5}]"),
                subnet6("reservations: [{subscriber-id: a, address: 2001:db8:1::6}]")),
        ElementsAre("subnet 2001:db8:1::/64 reservation for subscriber-id 61: 2001:db8:1::5 -> "
                    "2001:db8:1::6"));
    EXPECT_THAT(changes(subnet6(""), subnet("")),
                testing::Contains("subnet 2001:db8:1::/64 removed"));
}

TEST(DescribeChanges6, NamesAdvertisementsAndProxies) {
    const std::string one =
        "router-advertisements: [{interface: eth1, prefixes: [{prefix: 2001:db8:1::/64}]}]\n";
    const std::string other =
        "router-advertisements: [{interface: eth1, other: true, prefixes: [{prefix: "
        "2001:db8:2::/64}]}]\n";
    EXPECT_THAT(changes(subnet6(""), subnet6("", one)),
                ElementsAre("router-advertisements on eth1 added"));
    EXPECT_THAT(
        changes(subnet6("", one), subnet6("", other)),
        ElementsAre(
            "router-advertisements on eth1 other: false -> true",
            "router-advertisements on eth1 prefix 2001:db8:1::/64: preferred 7d, valid 30d, "
            "on-link, autonomous -> none",
            "router-advertisements on eth1 prefix 2001:db8:2::/64: none -> preferred 7d, "
            "valid 30d, on-link, autonomous"));
    EXPECT_THAT(
        changes(subnet6(""),
                subnet6("", "neighbor-proxies: [{interface: eth1, targets: 2001:db8:5::/64}]\n")),
        ElementsAre("neighbor-proxies on eth1: none -> 2001:db8:5::/64"));
}

TEST(DescribeChanges, NamesIpv6Mostly) {
    EXPECT_THAT(changes(subnet(""), subnet("ipv6-mostly: true")),
                ElementsAre("subnet 192.0.2.0/24 ipv6-mostly: none -> 30m"));
}

}  // namespace
}  // namespace xdhcpd::control
