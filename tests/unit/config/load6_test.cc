// What the loader makes of each key of IPv6.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "config/load.h"

namespace xdhcpd::config {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// Every key there is, of IPv6.
constexpr std::string_view kEveryKey = R"(
interfaces:
  - name: eth1
  - name: eth2
    driver: udp
ports: {server6: 547, client6: 546}
dhcp6:
  preferred-lifetime: 30m
  valid-lifetime: 90m
  rapid-commit: true
  preference: 200
  offer-lifetime: 20s
  decline-quarantine: 12h
  max-offers-per-relay: 1000
  information-refresh-time: 2h
  renew-time-percent: 40
  rebind-time-percent: 70
  delegated-routes: false
  reconfigure: true
  server-duid: "00:03:00:01:02:00:5e:00:53:01"
  options:
    dns-servers: ["2001:db8::53", "2001:db8::54"]
    domain-search: {value: example.org, always: true}
    solmax-rt: 7200
    65000: {type: hex, value: "0x0102"}
    65001: {type: ip, value: 2001:db8::1}
  subnets:
    - subnet: 2001:db8:1::/64
      interface: eth1
      vlan: [100-199, "300.200"]
      shared-network: floor-2
      relays: ["2001:db8:1::1"]
      preferred-lifetime: 10m
      valid-lifetime: infinite
      rapid-commit: false
      pools: [{range: 2001:db8:1::1000-2001:db8:1::1fff}, {range: "2001:db8:1:0:8000::/65"}]
      exclude: ["2001:db8:1::1001", "2001:db8:1::1010-2001:db8:1::101f", "2001:db8:1::1100/120"]
      prefix-pools:
        - {prefix: 2001:db8:8000::/40, delegated-length: 56, exclude: "2001:db8:8000:ff::/64"}
        - {prefix: 2001:db8:9000::/48, delegated-length: 48}
      options: {dns-servers: ["2001:db8:1::53"]}
      reservations:
        - {duid: "00:03:00:01:00:11:22:33:44:55", iaid: 7, address: 2001:db8:1::50,
           prefix: 2001:db8:a000::/48, hostname: printer, options: {domain-search: [a.example]}}
        - {duid: "00:03:00:01:00:11:22:33:44:55", address: ["2001:db8:1::51", "2001:db8:1::52"]}
        - {hw-address: "00:11:22:33:44:56", prefix: ["2001:db8:a001::/56", "2001:db8:a002::/56"]}
        - {relay-id: "00:02:00:00:00:09:ab", interface-id: "eth0/1:100", address: 2001:db8:1::53}
        - {relay-id: "00:02:00:00:00:09:ac", address: 2001:db8:1::54}
        - {remote-id: "9:port 7", address: 2001:db8:1::55}
        - {remote-id: 0x00000009aabb, address: 2001:db8:1::56}
        - {subscriber-id: anna, address: 2001:db8:1::57}
    - subnet: 2001:db8:2::/64
      interface-id: 0x0102
      pools: [{range: 2001:db8:2::/112}]
router-advertisements:
  - interface: eth1
    vlan: 100
    managed: true
    other: true
    preference: high
    interval: {min: 10s, max: 40s}
    router-lifetime: 30m
    hop-limit: 32
    reachable-time: 30s
    retransmit-timer: 1500ms
    mtu: 1480
    source-link-layer: false
    solicited-by-unicast: false
    prefixes:
      - {prefix: 2001:db8:1::/64, on-link: false, autonomous: false, valid-lifetime: 1d,
         preferred-lifetime: 4h, router-address: true, pd-preferred: true,
         until: 2027-01-31T12:00:00Z}
      - {prefix: 2001:db8:3::/64}
    routes: [{prefix: 2001:db8::/32, preference: low, lifetime: 10m}, {prefix: 64:ff9b::/96}]
    dns-servers: ["2001:db8::53", "fe80::53"]
    dns-search: [example.org]
    dns-lifetime: 20m
    pref64: 64:ff9b::/96
    pref64-lifetime: 15m
    captive-portal: https://example.org/api
neighbor-proxies:
  - {interface: eth1, vlan: 100.5, targets: ["2001:db8:5::/64", "2001:db8:6::1"], router: false}
hooks:
  - {command: [/usr/local/sbin/announce-route, --verbose, "a b"], events: [route-removed], timeout: 1m}
  - {command: [/bin/true]}
)";

LoadResult load(std::string_view yaml) {
    return load_text(yaml, "t.yaml");
}
std::vector<std::string> texts(const LoadResult& result) {
    std::vector<std::string> lines;
    for (const Diagnostic& diagnostic : result.diagnostics) {
        lines.push_back(to_string(diagnostic));
    }
    return lines;
}
std::string hex(const std::vector<std::byte>& bytes) {
    return to_hex(bytes, 0);
}
template <typename Pool>
std::vector<std::string> ranges(const std::vector<Pool>& pools) {
    std::vector<std::string> lines;
    for (const Pool& pool : pools) {
        lines.push_back(to_string(AddressRange6{pool.first, pool.last}));
    }
    return lines;
}
template <typename T>
std::vector<std::string> names(const std::vector<T>& values) {
    std::vector<std::string> lines;
    for (const T& value : values) {
        lines.push_back(xdhcpd::to_string(value));
    }
    return lines;
}

class Load6 : public testing::Test {
  protected:
    Load6() : result_{load(kEveryKey)} {}
    void SetUp() override { ASSERT_THAT(texts(result_), IsEmpty()); }
    [[nodiscard]] const model::Configuration& configuration() const {
        return *result_.configuration;
    }
    [[nodiscard]] const model::Dhcp6Configuration& dhcp6() const { return configuration().dhcp6; }

    LoadResult result_;
};

TEST_F(Load6, ReadsTheSettingsOfDhcp6) {
    EXPECT_EQ(dhcp6().lifetimes, (model::Lifetimes{1800, 5400}));
    EXPECT_TRUE(dhcp6().rapid_commit);
    EXPECT_EQ(dhcp6().preference, 200);
    EXPECT_EQ(dhcp6().offer_time, 20u);
    EXPECT_EQ(dhcp6().decline_time, 43200u);
    EXPECT_EQ(dhcp6().max_offers_per_relay, 1000u);
    EXPECT_EQ(dhcp6().information_refresh_time, 7200u);
    EXPECT_EQ(dhcp6().renew_time_permille, 400u);
    EXPECT_EQ(dhcp6().rebind_time_permille, 700u);
    EXPECT_FALSE(dhcp6().delegated_routes);
    EXPECT_TRUE(dhcp6().reconfigure);
    EXPECT_EQ(hex(dhcp6().server_duid), "0003000102005e005301");
    EXPECT_TRUE(dhcp6().is_on());
    EXPECT_TRUE(configuration().dhcp4.subnets.empty());
}

TEST_F(Load6, ReadsOptionsByTheNamesOfTheRegistry) {
    const auto& options = dhcp6().options;
    ASSERT_EQ(options.size(), 5u);
    EXPECT_EQ(options[0].code, dhcp6::OptionCode::kDnsServers);
    EXPECT_EQ(hex(options[0].value),
              "20010db800000000000000000000005320010db8000000000000000000000054");
    EXPECT_FALSE(options[0].always);
    EXPECT_EQ(options[1].code, dhcp6::OptionCode::kDomainSearch);
    EXPECT_TRUE(options[1].always);
    EXPECT_EQ(options[2].code, dhcp6::OptionCode::kSolMaxRt);
    EXPECT_EQ(hex(options[2].value), "00001c20");
    EXPECT_EQ(options[3].code, static_cast<dhcp6::OptionCode>(65000));
    EXPECT_EQ(hex(options[3].value), "0102");
    EXPECT_EQ(hex(options[4].value), "20010db8000000000000000000000001");
}

TEST_F(Load6, ReadsSubnets) {
    ASSERT_EQ(dhcp6().subnets.size(), 2u);
    const model::Subnet6Configuration& subnet = dhcp6().subnets[0];
    EXPECT_EQ(xdhcpd::to_string(subnet.prefix), "2001:db8:1::/64");
    EXPECT_EQ(subnet.interface, "eth1");
    EXPECT_EQ(model::to_string(subnet.vlans), "100-199, 300.200");
    EXPECT_EQ(subnet.shared_network, "floor-2");
    EXPECT_THAT(names(subnet.relays), ElementsAre("2001:db8:1::1"));
    EXPECT_EQ(subnet.lifetimes, (model::Lifetimes{600, kInfinite}));
    EXPECT_EQ(subnet.rapid_commit, false);
    EXPECT_THAT(ranges(subnet.pools),
                ElementsAre("2001:db8:1::1000-2001:db8:1::1fff",
                            "2001:db8:1:0:8000::-2001:db8:1:0:ffff:ffff:ffff:ffff"));
    EXPECT_THAT(ranges(subnet.excluded), ElementsAre("2001:db8:1::1001-2001:db8:1::1001",
                                                     "2001:db8:1::1010-2001:db8:1::101f",
                                                     "2001:db8:1::1100-2001:db8:1::11ff"));
    ASSERT_EQ(subnet.prefix_pools.size(), 2u);
    EXPECT_EQ(xdhcpd::to_string(subnet.prefix_pools[0].prefix), "2001:db8:8000::/40");
    EXPECT_EQ(subnet.prefix_pools[0].delegated_length, 56);
    ASSERT_TRUE(subnet.prefix_pools[0].excluded);
    EXPECT_EQ(xdhcpd::to_string(*subnet.prefix_pools[0].excluded), "2001:db8:8000:ff::/64");
    EXPECT_FALSE(subnet.prefix_pools[1].excluded);
    EXPECT_EQ(subnet.options.size(), 1u);
    EXPECT_EQ(hex(dhcp6().subnets[1].interface_id), "0102");
    EXPECT_FALSE(dhcp6().subnets[1].lifetimes);
}

TEST_F(Load6, ReadsReservations) {
    const auto& reservations = dhcp6().subnets[0].reservations;
    ASSERT_EQ(reservations.size(), 8u);
    EXPECT_EQ(reservations[0].identifier.kind, model::IdentifierKind6::kDuid);
    EXPECT_EQ(hex(reservations[0].identifier.value), "00030001001122334455");
    EXPECT_EQ(reservations[0].iaid, 7u);
    EXPECT_THAT(names(reservations[0].addresses), ElementsAre("2001:db8:1::50"));
    EXPECT_THAT(names(reservations[0].prefixes), ElementsAre("2001:db8:a000::/48"));
    EXPECT_EQ(reservations[0].hostname, "printer");
    EXPECT_EQ(reservations[0].options.size(), 1u);
    EXPECT_EQ(reservations[1].iaid, std::nullopt);
    EXPECT_THAT(names(reservations[1].addresses), ElementsAre("2001:db8:1::51", "2001:db8:1::52"));
    EXPECT_EQ(reservations[2].identifier.kind, model::IdentifierKind6::kHwAddress);
    EXPECT_EQ(hex(reservations[2].identifier.value), "0001001122334456");
    EXPECT_THAT(names(reservations[2].prefixes),
                ElementsAre("2001:db8:a001::/56", "2001:db8:a002::/56"));
    EXPECT_EQ(reservations[3].identifier.kind, model::IdentifierKind6::kRelayId);
    // One octet of length, the DUID, the interface-id.
    EXPECT_EQ(hex(reservations[3].identifier.value), "07000200000009ab657468302f313a313030");
    EXPECT_EQ(hex(reservations[4].identifier.value), "07000200000009ac");
    EXPECT_EQ(reservations[5].identifier.kind, model::IdentifierKind6::kRemoteId);
    EXPECT_EQ(hex(reservations[5].identifier.value), "00000009706f72742037");
    EXPECT_EQ(hex(reservations[6].identifier.value), "00000009aabb");
    EXPECT_EQ(reservations[7].identifier.kind, model::IdentifierKind6::kSubscriberId);
    EXPECT_EQ(as_text(reservations[7].identifier.value), "anna");
}

TEST_F(Load6, ReadsAdvertisements) {
    ASSERT_EQ(configuration().router_advertisements.size(), 1u);
    const model::AdvertisementConfiguration& ra = configuration().router_advertisements[0];
    EXPECT_EQ(ra.interface, "eth1");
    EXPECT_EQ(ra.vlan, (model::VlanRange{100, 100, 0, 0}));
    EXPECT_TRUE(ra.managed);
    EXPECT_TRUE(ra.other);
    EXPECT_EQ(ra.preference, nd::Preference::kHigh);
    EXPECT_EQ(ra.min_interval, 10u);
    EXPECT_EQ(ra.max_interval, 40u);
    EXPECT_EQ(ra.router_lifetime, 1800);
    EXPECT_EQ(ra.hop_limit, 32);
    EXPECT_EQ(ra.reachable_time, 30000u);
    EXPECT_EQ(ra.retransmit_timer, 1500u);
    EXPECT_EQ(ra.mtu, 1480u);
    EXPECT_FALSE(ra.source_link_layer);
    EXPECT_FALSE(ra.solicited_by_unicast);
    ASSERT_EQ(ra.prefixes.size(), 2u);
    const model::AdvertisedPrefixConfiguration& prefix = ra.prefixes[0];
    EXPECT_EQ(xdhcpd::to_string(prefix.prefix), "2001:db8:1::/64");
    EXPECT_FALSE(prefix.on_link);
    EXPECT_FALSE(prefix.autonomous);
    EXPECT_TRUE(prefix.router_address);
    EXPECT_TRUE(prefix.pd_preferred);
    EXPECT_EQ(prefix.lifetimes, (model::Lifetimes{14400, 86400}));
    EXPECT_EQ(prefix.until, 1801396800u);
    EXPECT_TRUE(ra.prefixes[1].on_link);
    EXPECT_TRUE(ra.prefixes[1].autonomous);
    EXPECT_EQ(ra.prefixes[1].lifetimes, (model::Lifetimes{604800, 2592000}));
    ASSERT_EQ(ra.routes.size(), 2u);
    EXPECT_EQ(ra.routes[0].preference, nd::Preference::kLow);
    EXPECT_EQ(ra.routes[0].lifetime, 600u);
    EXPECT_EQ(ra.routes[1].lifetime, std::nullopt);
    EXPECT_THAT(names(ra.dns_servers), ElementsAre("2001:db8::53", "fe80::53"));
    EXPECT_THAT(ra.dns_search, ElementsAre("example.org"));
    EXPECT_EQ(ra.dns_lifetime, 1200u);
    EXPECT_EQ(xdhcpd::to_string(*ra.pref64), "64:ff9b::/96");
    EXPECT_EQ(ra.pref64_lifetime, 900u);
    EXPECT_EQ(ra.captive_portal, "https://example.org/api");
}

TEST_F(Load6, ReadsNeighborProxies) {
    ASSERT_EQ(configuration().neighbor_proxies.size(), 1u);
    const model::NeighborProxyConfiguration& proxy = configuration().neighbor_proxies[0];
    EXPECT_EQ(proxy.interface, "eth1");
    EXPECT_EQ(proxy.vlan, (model::VlanRange{100, 100, 5, 5}));
    EXPECT_THAT(names(proxy.targets), ElementsAre("2001:db8:5::/64", "2001:db8:6::1/128"));
    EXPECT_FALSE(proxy.router);
}

TEST_F(Load6, ReadsHooksAndWhereTheyStand) {
    const std::vector<model::HookConfiguration>& hooks = configuration().hooks;
    ASSERT_EQ(hooks.size(), 2u);
    EXPECT_THAT(hooks[0].command,
                ElementsAre("/usr/local/sbin/announce-route", "--verbose", "a b"));
    EXPECT_THAT(hooks[0].events, ElementsAre(model::HookEvent::kRouteRemoved));
    EXPECT_EQ(hooks[0].timeout, 60u);
    EXPECT_EQ(hooks[1], (model::HookConfiguration{.command = {"/bin/true"},
                                                  .events = {model::HookEvent::kRouteAdded,
                                                             model::HookEvent::kRouteRemoved},
                                                  .timeout = 10}));
    const Place list = result_.places.at("hooks");
    EXPECT_EQ(result_.places.at("hooks[1]"), (Place{list.line + 1, 5}));
    EXPECT_FALSE(result_.places.contains("hooks[2]"));
}

TEST(Load6Defaults, AreThoseOfTheModel) {
    const LoadResult result = load(
        "interfaces: [{name: eth1}]\n"
        "dhcp6: {subnets: [{subnet: 2001:db8:1::/64, pools: [{range: 2001:db8:1::/112}]}]}\n");
    ASSERT_THAT(texts(result), IsEmpty());
    const model::Dhcp6Configuration& dhcp6 = result.configuration->dhcp6;
    EXPECT_EQ(dhcp6.lifetimes, (model::Lifetimes{3600, 7200}));
    EXPECT_FALSE(dhcp6.rapid_commit);
    EXPECT_EQ(dhcp6.preference, std::nullopt);
    EXPECT_TRUE(dhcp6.server_duid.empty());
    EXPECT_TRUE(dhcp6.delegated_routes);
    EXPECT_FALSE(dhcp6.reconfigure);
}

TEST(Load6Services, OneOfThemIsEnough) {
    const std::string interfaces = "interfaces: [{name: eth1}]\n";
    EXPECT_THAT(texts(load(interfaces + "router-advertisements: [{interface: eth1}]\n")),
                IsEmpty());
    EXPECT_THAT(
        texts(load(interfaces + "neighbor-proxies: [{interface: eth1, targets: 2001:db8::1}]\n")),
        IsEmpty());
}

TEST(Load6Services, InterfaceThatServesNeitherIsWarnedOf) {
    EXPECT_THAT(texts(load("interfaces: [{name: eth1}, {name: eth2}, {name: eth3}]\n"
                           "dhcp6: {subnets: [{subnet: 2001:db8:1::/64, interface: eth2,\n"
                           "  pools: [{range: 2001:db8:1::/112}]}]}\n"
                           "router-advertisements: [{interface: eth1}]\n")),
                ElementsAre("t.yaml:1:49: warning: no subnet can be reached through interface "
                            "'eth3'"));
}

TEST(Load6Lifetimes, OneGivesWayToTheOtherThatIsGiven) {
    const auto lifetimes = [](const std::string& line) {
        const LoadResult result = load(
            "interfaces: [{name: eth1}]\n"
            "dhcp6:\n  subnets: [{subnet: 2001:db8:1::/64, pools: [{range: 2001:db8:1::/112}]}]\n" +
            line);
        return result.configuration->dhcp6.lifetimes;
    };
    EXPECT_EQ(lifetimes("  valid-lifetime: 10m\n"), (model::Lifetimes{600, 600}));
    EXPECT_EQ(lifetimes("  preferred-lifetime: 3h\n"), (model::Lifetimes{10800, 10800}));
}

TEST(Load6Intervals, ShortestIsAThirdOfTheLongestUnlessGiven) {
    const auto intervals = [](const std::string& max) {
        const LoadResult result = load(
            "interfaces: [{name: eth1}]\nrouter-advertisements:\n"
            "  - {interface: eth1, interval: {max: " +
            max + "}}\n");
        const auto& ra = result.configuration->router_advertisements[0];
        return std::vector{ra.min_interval, ra.max_interval};
    };
    EXPECT_THAT(intervals("30m"), ElementsAre(600u, 1800u));
    EXPECT_THAT(intervals("9s"), ElementsAre(3u, 9u));
    EXPECT_THAT(intervals("8s"), ElementsAre(6u, 8u));
    EXPECT_THAT(intervals("4s"), ElementsAre(3u, 4u));
}

TEST(Load6MaxLeases, CountsPoolsThatAreUsedAsAWhole) {
    const auto max_leases = [](const std::string& parts) {
        return load("interfaces: [{name: eth1}]\ndhcp6: {subnets: [{subnet: 2001:db8:1::/64, " +
                    parts + "}]}\n")
            .configuration->max_leases;
    };
    EXPECT_EQ(max_leases("pools: [{range: 2001:db8:1::/64}]"), 1u << 20);
    EXPECT_EQ(max_leases("pools: [{range: 2001:db8:1::/108}], "
                         "prefix-pools: [{prefix: 2001:db8:8000::/36, delegated-length: 56}]"),
              1u << 21);
}

TEST(Ipv6Mostly, IsASwitchOrHowLong) {
    const LoadResult result = load(
        "interfaces: [{name: eth1}]\n"
        "dhcp4:\n"
        "  ipv6-mostly: true\n"
        "  subnets:\n"
        "    - {subnet: 192.0.2.0/25, ipv6-mostly: false, pools: [{range: 192.0.2.8/29}]}\n"
        "    - {subnet: 192.0.2.128/25, ipv6-mostly: {wait: 1h}, pools: [{range: "
        "192.0.2.136/29}]}\n"
        "    - {subnet: 198.51.100.0/24, pools: [{range: 198.51.100.8/29}]}\n");
    ASSERT_THAT(texts(result), IsEmpty());
    const model::Dhcp4Configuration& dhcp4 = result.configuration->dhcp4;
    EXPECT_EQ(dhcp4.v6only_wait, 1800u);
    EXPECT_EQ(dhcp4.subnets[0].v6only_wait, model::kNoV6OnlyWait);
    EXPECT_EQ(dhcp4.subnets[1].v6only_wait, 3600u);
    EXPECT_EQ(dhcp4.subnets[2].v6only_wait, std::nullopt);
}

}  // namespace
}  // namespace xdhcpd::config
