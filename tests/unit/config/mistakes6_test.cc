// One text per mistake about IPv6, with all that the loader says about it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <vector>

#include "config/load.h"

namespace xdhcpd::config {
namespace {

using testing::ElementsAre;

// Four good lines, then `line` in dhcp6, which is the fifth; its text begins in column 3.
std::string dhcp6(const std::string& line) {
    return "interfaces: [{name: eth1}, {name: eth2, driver: udp}]\ndhcp6:\n  subnets:\n    - "
           "{subnet: 2001:db8:1::/64, pools: [{range: 2001:db8:1::1000/116}]}\n  " +
           line + "\n";
}
// Four good lines, then `line` within a subnet without pools, the fifth; its text begins in
// column 7.
std::string subnet(const std::string& line) {
    return "interfaces: [{name: eth1}, {name: eth2}]\ndhcp6:\n  subnets:\n    - subnet: "
           "2001:db8:1::/64\n      " +
           line + "\n";
}
// Likewise, but one element of its reservations on the sixth, in column 9.
std::string reservation(const std::string& element) {
    return subnet("reservations:\n      - " + element);
}
// One line, then subnets from line 4, column 8.
std::string subnets(const std::vector<std::string>& elements) {
    std::string text = "interfaces: [{name: eth1}]\ndhcp6:\n  subnets:\n";
    for (const std::string& element : elements) {
        text += "    - {" + element + "}\n";
    }
    return text;
}
// One line, then advertisements from line 3, column 6.
std::string advertisements(const std::vector<std::string>& elements) {
    std::string text = "interfaces: [{name: eth1}]\nrouter-advertisements:\n";
    for (const std::string& element : elements) {
        text += "  - {" + element + "}\n";
    }
    return text;
}
// On line 3, from column 24 on.
std::string advertisement(const std::string& keys) {
    return advertisements({"interface: eth1, " + keys});
}
std::string proxies(const std::vector<std::string>& elements, const std::string& more = {}) {
    std::string text = "interfaces: [{name: eth1}]\nneighbor-proxies:\n";
    for (const std::string& element : elements) {
        text += "  - {" + element + "}\n";
    }
    return text + more;
}

struct Mistake {
    const char* claim;
    std::string yaml;
    const char* expected;
};
std::ostream& operator<<(std::ostream& out, const Mistake& mistake) {
    return out << mistake.claim;
}
std::string claim_of(const testing::TestParamInfo<Mistake>& info) {
    return info.param.claim;
}

class Mistakes6 : public testing::TestWithParam<Mistake> {};

TEST_P(Mistakes6, AreExplained) {
    const LoadResult result = load_text(GetParam().yaml, "t.yaml");
    std::vector<std::string> lines;
    for (const Diagnostic& diagnostic : result.diagnostics) {
        lines.push_back(to_string(diagnostic));
    }
    const std::string expected = "t.yaml:" + std::string{GetParam().expected};
    EXPECT_THAT(lines, ElementsAre(expected));
    const bool is_error = expected.find(": error: ") != std::string::npos;
    EXPECT_EQ(result.configuration.has_value(), !is_error);
}

const Mistake dhcp6_mistakes[] = {
    {"SubnetsMissing", "interfaces: [{name: eth1}]\ndhcp6: {preference: 1}\n",
     "2:8: error: dhcp6: subnets is missing; a list such as [{subnet: 2001:db8:1::/64}] was meant; "
     "nothing to serve"},
    {"SubnetsEmpty", "interfaces: [{name: eth1}]\ndhcp6: {subnets: []}\n",
     "2:18: error: subnets: the list is empty; nothing to serve"},
    {"UnknownKey", dhcp6("prefered-lifetime: 1h"),
     "5:3: error: dhcp6: unknown key 'prefered-lifetime'; 'preferred-lifetime' was meant?"},
    {"PreferredLonger", dhcp6("preferred-lifetime: 2h\n  valid-lifetime: 1h"),
     "5:23: error: preferred-lifetime: '2h' is longer than valid-lifetime (RFC 8415 section 21.6)"},
    {"Preference", dhcp6("preference: 256"),
     "5:15: error: preference: must be a whole number from 0 to 255, not '256'"},
    {"RefreshTime", dhcp6("information-refresh-time: 1m"),
     "5:29: error: information-refresh-time: must be a duration from 10m to infinite, such as 90s, "
     "15m, 12h or 7d, not '1m'"},
    {"RenewAfterRebind", dhcp6("renew-time-percent: 80"),
     "5:23: error: renew-time-percent: renewing (T1, 80) must come before rebinding (T2, 80)"},
    {"ServerDuid", dhcp6("server-duid: server"),
     "5:16: error: server-duid: 'server' is not a DUID; bytes such as "
     "00:03:00:01:02:00:5e:00:53:01 were meant"},
    {"ServerDuidShort", dhcp6("server-duid: \"00:01\""),
     "5:16: error: server-duid: 2 bytes; a DUID has 3 to 130 (RFC 8415 section 11.1)"},
    {"OptionUnknown", dhcp6("options: {dns-server: \"2001:db8::53\"}"),
     "5:13: error: unknown option 'dns-server'; 'dns-servers' was meant?"},
    {"OptionNumber", dhcp6("options: {023: \"2001:db8::53\"}"),
     "5:13: error: unknown option '023'; numbers are 1 to 65535, without leading zeros"},
    {"OptionZero", dhcp6("options: {0: x}"),
     "5:13: error: option 'option-0' carries no value; numbers are 1 to 65535"},
    {"OptionComputed", dhcp6("options: {serverid: \"00:01:02\"}"),
     "5:13: error: option 'serverid' cannot be configured; the server computes it, or only clients "
     "and relays send it"},
    {"OptionOfAnotherFamily", dhcp6("options: {dns-servers: 192.0.2.53}"),
     "5:26: error: dns-servers wants IPv6 addresses, got '192.0.2.53'"},
    {"OptionAddress", dhcp6("options: {65000: {type: ip, value: 192.0.2.1}}"),
     "5:38: error: option-65000: '192.0.2.1' is not an IPv6 address, such as 2001:db8::1"},
    {"OptionWithItsOwnKey", dhcp6("options: {preference: 1}"),
     "5:12: error: options: preference is a key of dhcp6 itself, not one of its options"},
    {"SolMaxRt", dhcp6("options: {solmax-rt: 30}"),
     "5:12: error: options: solmax-rt: 30 is out of range; 60 to 86400 was meant, clients ignore "
     "others (RFC 8415 section 21.24)"},
    {"Ipv6MostlyShort",
     "interfaces: [{name: eth1}]\ndhcp4: {ipv6-mostly: {wait: 10s}, subnets: [{subnet: "
     "192.0.2.0/24, pools: [{range: 192.0.2.8/29}]}]}\n",
     "2:29: error: wait: must be a duration from 5m to 4294967294s, such as 90s, 15m, 12h or 7d, "
     "not '10s'"},
    {"PortNeedsUdp",
     "interfaces: [{name: eth1}]\nports: {server6: 10547}\n"
     "router-advertisements: [{interface: eth1}]\n",
     "2:18: error: server6: a port other than 547 needs driver udp on every interface; leave it "
     "out, or set driver: udp"},
};
INSTANTIATE_TEST_SUITE_P(Dhcp6, Mistakes6, testing::ValuesIn(dhcp6_mistakes), claim_of);

const Mistake subnet_mistakes[] = {
    {"NothingToGive", subnets({"subnet: 2001:db8:1::/64"}),
     "4:16: warning: the subnet has neither pools nor reservations nor options: nothing to give"},
    {"NotAPrefix", subnets({"subnet: \"2001:db8:1::\", pools: [{range: 2001:db8:1::/112}]"}),
     "4:16: error: subnet: '2001:db8:1::' is an address; its prefix length is missing, such as "
     "2001:db8:1::/64"},
    {"HostBits", subnets({"subnet: 2001:db8:1::1/64, pools: [{range: 2001:db8:1::/112}]"}),
     "4:16: error: subnet: 2001:db8:1::1/64 has bits behind its length; 2001:db8:1::/64 was "
     "meant?"},
    {"TooLarge", subnets({"subnet: 2000::/3, pools: [{range: 2001:db8:1::/112}]"}),
     "4:16: error: subnet: 2000::/3 is too large; /16 is the largest"},
    {"LinkLocal", subnets({"subnet: fe80::/64, pools: [{range: fe80::/112}]"}),
     "4:16: error: subnet: fe80::/64 has no addresses that are leased"},
    {"Twice",
     subnets({"subnet: 2001:db8:1::/64, pools: [{range: 2001:db8:1::/112}]",
              "subnet: 2001:db8:1::/64, pools: [{range: 2001:db8:1::1:0/112}]"}),
     "5:16: error: subnet: 2001:db8:1::/64 is listed twice; it is first on line 4"},
    {"Overlap",
     subnets({"subnet: 2001:db8:1::/48, pools: [{range: 2001:db8:1::/112}]",
              "subnet: 2001:db8:1:5::/64, pools: [{range: 2001:db8:1:5::/112}]"}),
     "5:16: error: subnet: 2001:db8:1:5::/64 overlaps 2001:db8:1::/48 on line 4"},
    {"UnknownInterface", subnet("interface: eht1\n      pools: [{range: 2001:db8:1::/112}]"),
     "5:18: error: interface: 'eht1' is not in interfaces; 'eth1' was meant?"},
    {"VlanWithoutInterface", subnet("vlan: 100\n      pools: [{range: 2001:db8:1::/112}]"),
     "5:13: error: vlan: needs an interface beside it, the one that the tags come in on"},
    {"VlanTwice",
     subnets({"subnet: 2001:db8:1::/64, interface: eth1, vlan: 5, pools: [{range: "
              "2001:db8:1::/112}]",
              "subnet: 2001:db8:2::/64, interface: eth1, vlan: 5, pools: [{range: "
              "2001:db8:2::/112}]"}),
     "5:56: error: vlan: 5 overlaps 5 of subnet 2001:db8:1::/64 on line 4; subnets of one VLAN "
     "have the same shared-network"},
    {"InterfaceIdTwice",
     subnets({"subnet: 2001:db8:1::/64, interface-id: a, pools: [{range: 2001:db8:1::/112}]",
              "subnet: 2001:db8:2::/64, interface-id: a, pools: [{range: 2001:db8:2::/112}]"}),
     "5:47: error: interface-id: subnet 2001:db8:1::/64 has the same on line 4; subnets of one "
     "link have the same shared-network"},
    {"RangeOutside",
     subnet("pools: [{range: 2001:db8:2::1-2001:db8:2::9}]\n      options: "
            "{dns-servers: \"2001:db8::53\"}"),
     "5:23: error: range: 2001:db8:2::1-2001:db8:2::9 is not within subnet 2001:db8:1::/64"},
    {"RangeBackwards",
     subnet("pools: [{range: 2001:db8:1::9-2001:db8:1::1}]\n      options: "
            "{dns-servers: \"2001:db8::53\"}"),
     "5:23: error: range: the range ends before it begins; 2001:db8:1::1-2001:db8:1::9 was meant?"},
    {"RangesOverlap",
     subnet("pools: [{range: 2001:db8:1::1-2001:db8:1::9}, {range: 2001:db8:1::9-2001:db8:1::f}]"),
     "5:61: error: range: 2001:db8:1::9-2001:db8:1::f overlaps the pool "
     "2001:db8:1::1-2001:db8:1::9 on line 5"},
    {"ExcludeOutside",
     subnet("exclude: [\"2001:db8:2::1\"]\n      pools: [{range: 2001:db8:1::/112}]"),
     "5:17: error: exclude: '2001:db8:2::1' is not within subnet 2001:db8:1::/64"},
    {"PreferredLongerInSubnet",
     subnet("preferred-lifetime: 3h\n      valid-lifetime: 2h\n      pools: [{range: "
            "2001:db8:1::/112}]"),
     "5:27: error: preferred-lifetime: '3h' is longer than valid-lifetime (RFC 8415 section 21.6)"},
    {"DelegatedShorter",
     subnet("prefix-pools: [{prefix: 2001:db8:8000::/40, delegated-length: 32}]\n      options: "
            "{dns-servers: \"2001:db8::53\"}"),
     "5:69: error: delegated-length: 32 is shorter than the pool 2001:db8:8000::/40 itself; 40 to "
     "128 was meant"},
    {"DelegatedMuchLonger",
     subnet("prefix-pools: [{prefix: 2001:db8::/32, delegated-length: 96}]\n      options: "
            "{dns-servers: \"2001:db8::53\"}"),
     "5:64: error: delegated-length: 96 is more than 48 bits longer than the pool 2001:db8::/32; a "
     "smaller pool was meant"},
    {"DelegatedLengthMissing",
     subnet("prefix-pools: [{prefix: 2001:db8:8000::/40}]\n      options: {dns-servers: "
            "\"2001:db8::53\"}"),
     "5:22: error: prefix-pools: delegated-length is missing; {prefix: 2001:db8:8000::/40, "
     "delegated-length: 56} was meant"},
    {"PrefixPoolsOverlap",
     subnets({"subnet: 2001:db8:1::/64, prefix-pools: [{prefix: 2001:db8:8000::/40, "
              "delegated-length: 56}]",
              "subnet: 2001:db8:2::/64, prefix-pools: [{prefix: 2001:db8:8000:8000::/50, "
              "delegated-length: 56}]"}),
     "5:57: error: prefix: 2001:db8:8000:8000::/50 overlaps the pool 2001:db8:8000::/40 on line 4"},
    {"PrefixPoolOverPool",
     subnets({"subnet: 2001:db8:1::/64, pools: [{range: 2001:db8:1::1-2001:db8:1::9}], "
              "prefix-pools: [{prefix: 2001:db8::/40, delegated-length: 56}]"}),
     "4:104: error: prefix: 2001:db8::/40 overlaps the pool 2001:db8:1::1-2001:db8:1::9 on line 4"},
    {"ExcludedPrefixOutside",
     subnet("prefix-pools: [{prefix: 2001:db8:8000::/40, delegated-length: 56, exclude: "
            "\"2001:db8:8001::/64\"}]"),
     "5:82: error: exclude: 2001:db8:8001::/64 is not inside 2001:db8:8000::/56, the first "
     "delegated prefix, whose excluded part was meant"},
};
INSTANTIATE_TEST_SUITE_P(Subnets, Mistakes6, testing::ValuesIn(subnet_mistakes), claim_of);

constexpr const char* kDuid = "duid: \"00:03:00:01:02:00:5e:00:53:01\"";

const Mistake reservation_mistakes[] = {
    {"NoIdentifier", reservation("{address: 2001:db8:1::7}"),
     "6:9: error: reservations: no identifier; duid, hw-address, relay-id, remote-id or "
     "subscriber-id was meant"},
    {"TwoIdentifiers", reservation("{" + std::string{kDuid} + ", subscriber-id: x}"),
     "6:64: error: subscriber-id: the reservation already has duid; one identifier each"},
    {"DuidMalformed", reservation("{duid: printer}"),
     "6:16: error: duid: 'printer' is not a DUID; bytes such as 00:03:00:01:02:00:5e:00:53:01 were "
     "meant"},
    {"IaidWithoutDuid", reservation("{subscriber-id: x, iaid: 1}"),
     "6:34: error: iaid: needs duid: beside it"},
    {"InterfaceIdWithoutRelay", reservation("{subscriber-id: x, interface-id: y}"),
     "6:42: error: interface-id: needs relay-id: beside it, the DUID of the relay"},
    {"RemoteIdWithoutEnterprise", reservation("{remote-id: port}"),
     "6:21: error: remote-id: 'port' is not a remote id; an enterprise number and what the relay "
     "says, such as '9:port 7' or 9:0x0102, or all of it in hexadecimal was meant"},
    {"SameClientTwice",
     reservation("{" + std::string{kDuid} + "}\n      - {" + std::string{kDuid} + "}"),
     "7:9: error: reservations: the same client has a reservation on line 6"},
    {"AddressOutside", reservation("{" + std::string{kDuid} + ", address: 2001:db8:2::1}"),
     "6:58: error: address: '2001:db8:2::1' is not within subnet 2001:db8:1::/64"},
    {"AddressOfRouters", reservation("{" + std::string{kDuid} + ", address: \"2001:db8:1::\"}"),
     "6:58: error: address: '2001:db8:1::' is the anycast address of the routers of "
     "2001:db8:1::/64 (RFC 4291 section 2.6.1)"},
    {"AddressTwice",
     reservation("{" + std::string{kDuid} +
                 ", address: 2001:db8:1::7}\n      - {subscriber-id: x, address: 2001:db8:1::7}"),
     "7:37: error: address: '2001:db8:1::7' is already reserved on line 6"},
    {"PrefixesOverlap",
     reservation("{" + std::string{kDuid} +
                 ", prefix: 2001:db8:a000::/48}\n      - {subscriber-id: x, prefix: "
                 "\"2001:db8:a000:ff00::/56\"}"),
     "7:36: error: prefix: '2001:db8:a000:ff00::/56' overlaps 2001:db8:a000::/48, which is "
     "reserved on line 6"},
    {"PrefixOverlapsOneInside",
     reservation("{" + std::string{kDuid} +
                 ", prefix: \"2001:db8:a000:ff00::/56\"}\n      - {subscriber-id: x, prefix: "
                 "2001:db8:a000::/48}"),
     "7:36: error: prefix: '2001:db8:a000::/48' overlaps 2001:db8:a000:ff00::/56, which is "
     "reserved on line 6"},
    {"PrefixOfTheSubnet", reservation("{" + std::string{kDuid} + ", prefix: 2001:db8:1::/48}"),
     "6:57: error: prefix: '2001:db8:1::/48' has the subnet 2001:db8:1::/64 itself inside"},
};
INSTANTIATE_TEST_SUITE_P(Reservations, Mistakes6, testing::ValuesIn(reservation_mistakes),
                         claim_of);

const Mistake advertisement_mistakes[] = {
    {"InterfaceMissing", advertisements({"managed: false"}),
     "3:5: error: router-advertisements: interface is missing; {interface: eth0} was meant"},
    {"InterfaceNotListed", advertisements({"interface: eth3"}),
     "3:17: error: interface: 'eth3' is not in interfaces; 'eth1' was meant?"},
    {"DriverUdp",
     "interfaces: [{name: eth2, driver: udp}]\nrouter-advertisements:\n  - {interface: eth2}\n",
     "3:17: error: interface: 'eth2' has driver udp, which cannot send Router Advertisements; "
     "auto, xdp, xdp-generic or packet was meant"},
    {"LinkTwice", advertisements({"interface: eth1", "interface: eth1"}),
     "4:17: error: interface: 'eth1' already has an advertisement, on line 3"},
    {"VlanRange", advertisement("vlan: 5-6"),
     "3:29: error: vlan: '5-6' is several VLANs; each has its own entry, such as 100 or 100.200"},
    {"ManagedWithoutSubnet", advertisement("managed: true"),
     "3:32: warning: managed: hosts on 'eth1' will ask for addresses by DHCPv6, and no subnet of "
     "dhcp6 is there"},
    {"IntervalMax", advertisement("interval: {max: 31m}"),
     "3:39: error: max: must be a duration from 4s to 30m, such as 90s, 15m, 12h or 7d, not '31m'"},
    {"IntervalMin", advertisement("interval: {min: 80s, max: 100s}"),
     "3:39: error: min: '80s' is more than three quarters of max (100s); 3s to 75s was meant (RFC "
     "4861 section 6.2.1)"},
    {"RouterLifetimeShort", advertisement("router-lifetime: 9m"),
     "3:40: error: router-lifetime: '9m' is shorter than the longest interval (600s); 0s for no "
     "default router, or longer was meant (RFC 4861 section 6.2.1)"},
    {"RouterLifetimeLong", advertisement("router-lifetime: 65536s"),
     "3:40: error: router-lifetime: must be a duration from 0s to 65535s, such as 90s, 15m, 12h or "
     "7d, not '65536s'"},
    {"PreferenceOfNoRouter", advertisement("router-lifetime: 0s, preference: high"),
     "3:40: error: router-lifetime: 0s is no default router, which has no preference either (RFC "
     "4191 section 2.2)"},
    {"Mtu", advertisement("mtu: 1279"),
     "3:28: error: mtu: must be a whole number from 1280 to 65535, not '1279'"},
    {"ReachableTime", advertisement("reachable-time: 2h"),
     "3:39: error: reachable-time: '2h' is out of range; at most 3600000ms was meant"},
    {"PrefixLinkLocal", advertisement("prefixes: [{prefix: fe80::/64}]"),
     "3:43: error: prefix: fe80::/64 is not advertised to hosts"},
    {"PrefixTwice",
     advertisement("prefixes: [{prefix: 2001:db8:1::/64}, {prefix: 2001:db8:1::/64}]"),
     "3:70: error: prefix: 2001:db8:1::/64 is listed twice"},
    {"PrefixNotOfHosts", advertisement("prefixes: [{prefix: 2001:db8:1::/60}]"),
     "3:43: warning: prefix: 2001:db8:1::/60 has no effect on addresses of hosts: they make them "
     "of /64 (RFC 4862 section 5.5.3); autonomous: false was meant?"},
    {"PrefixLifetimes",
     advertisement("prefixes: [{prefix: 2001:db8:1::/64, valid-lifetime: 1h, preferred-lifetime: "
                   "2h}]"),
     "3:100: error: preferred-lifetime: '2h' is longer than valid-lifetime (RFC 4862 section "
     "5.5.3)"},
    {"Until", advertisement("prefixes: [{prefix: 2001:db8:1::/64, until: 2027-02-30T12:00:00Z}]"),
     "3:67: error: until: '2027-02-30T12:00:00Z' is not an instant; UTC such as "
     "2027-01-31T12:00:00Z was meant"},
    {"PdPreferredWithoutPools",
     advertisement("prefixes: [{prefix: 2001:db8:1::/64, pd-preferred: true}]"),
     "3:74: warning: pd-preferred: hosts on 'eth1' will ask for prefixes by DHCPv6, and no subnet "
     "of dhcp6 there has prefix-pools"},
    {"RouteTwice", advertisement("routes: [{prefix: 2001:db8::/32}, {prefix: 2001:db8::/32}]"),
     "3:66: error: prefix: 2001:db8::/32 is listed twice"},
    {"DnsServer", advertisement("dns-servers: [\"ff02::1\"]"),
     "3:37: error: dns-servers: 'ff02::1' is a multicast address; the address of a host was meant"},
    {"DnsSearch", advertisement("dns-search: [\"exa mple..org\"]"),
     "3:36: error: dns-search: 'exa mple..org' is not a domain, such as example.org"},
    {"DnsSearchRoot", advertisement("dns-search: [\".\"]"),
     "3:36: error: dns-search: '.' is not a domain, such as example.org"},
    {"DnsSearchEscape", advertisement("dns-search: [\"a\\\\.b.org\"]"),
     "3:36: error: dns-search: 'a\\.b.org' is not a domain, such as example.org"},
    {"DnsLifetimeAlone", advertisement("dns-lifetime: 1h"),
     "3:37: warning: dns-lifetime: no effect without dns-servers or dns-search"},
    {"Pref64Length", advertisement("pref64: 2001:db8:64::/72"),
     "3:31: error: pref64: '2001:db8:64::/72' cannot be the prefix of a NAT64; a length of 32, 40, "
     "48, 56, 64 or 96 was meant (RFC 8781 section 4)"},
    {"CaptivePortal", advertisement("captive-portal: http://example.org/"),
     "3:39: error: captive-portal: 'http://example.org/' is not the address of a captive portal's "
     "API; https://... was meant (RFC 8910 section 2)"},
};
INSTANTIATE_TEST_SUITE_P(Advertisements, Mistakes6, testing::ValuesIn(advertisement_mistakes),
                         claim_of);

const Mistake proxy_mistakes[] = {
    {"TargetsMissing", proxies({"interface: eth1"}),
     "3:5: error: neighbor-proxies: targets is missing; addresses or prefixes were meant"},
    {"TargetsEmpty", proxies({"interface: eth1, targets: []"}),
     "3:32: error: targets: the list is empty; addresses or prefixes were meant"},
    {"ProxyDriverUdp",
     "interfaces: [{name: eth2, driver: udp}]\nneighbor-proxies:\n  - {interface: eth2, targets: "
     "2001:db8:2::1}\n",
     "3:17: error: interface: 'eth2' has driver udp, which cannot answer Neighbor Solicitations; "
     "auto, xdp, xdp-generic or packet was meant"},
    {"TargetLinkLocal", proxies({"interface: eth1, targets: [\"fe80::1\"]"}),
     "3:33: error: targets: 'fe80::1' is a link-local address; the address of a host was meant"},
    {"TargetsOverlap",
     proxies({"interface: eth1, targets: [\"2001:db8:2::/64\", \"2001:db8:2::1\"]"}),
     "3:52: error: targets: '2001:db8:2::1' overlaps 2001:db8:2::/64 of the same list"},
    {"TargetOfTwoProxies",
     proxies(
         {"interface: eth1, targets: 2001:db8:2::/64", "interface: eth1, targets: 2001:db8:2::1"}),
     "4:32: error: targets: 2001:db8:2::1/128 overlaps 2001:db8:2::/64 of another proxy on 'eth1'"},
    {"TargetOnLink",
     proxies({"interface: eth1, targets: 2001:db8:2::5"},
             "router-advertisements: [{interface: eth1, prefixes: [{prefix: 2001:db8:2::/64}]}]\n"),
     "3:32: error: targets: 2001:db8:2::5/128 overlaps the prefix 2001:db8:2::/64 that is "
     "advertised on-link on 'eth1'; hosts there have such addresses themselves"},
    {"TargetLeased",
     proxies({"interface: eth1, targets: 2001:db8:2::/48"},
             "dhcp6: {subnets: [{subnet: 2001:db8:2::/64, interface: eth1, pools: [{range: "
             "2001:db8:2::/112}]}]}\n"),
     "3:32: error: targets: 2001:db8:2::/48 overlaps the subnet 2001:db8:2::/64 that is leased on "
     "'eth1'; hosts there have such addresses themselves"},
};
INSTANTIATE_TEST_SUITE_P(Proxies, Mistakes6, testing::ValuesIn(proxy_mistakes), claim_of);

// Five good lines, then elements of hooks from line 7, column 5.
std::string hooks(const std::vector<std::string>& elements) {
    std::string text = dhcp6("preference: 1") + "hooks:\n";
    for (const std::string& element : elements) {
        text += "  - {" + element + "}\n";
    }
    return text;
}
// Seventeen programs.
std::vector<std::string> too_many_hooks() {
    std::vector<std::string> elements;
    for (int i = 0; i < 17; ++i) {
        elements.push_back("command: [/bin/hook" + std::to_string(i) + "]");
    }
    return elements;
}
std::string many_arguments() {
    std::string text = "command: [/bin/true";
    for (int i = 0; i < 64; ++i) {
        text += ", x";
    }
    return text + "]";
}

const Mistake hook_mistakes[] = {
    {"NoList", dhcp6("preference: 1") + "hooks: {command: [/bin/true]}\n",
     "6:8: error: hooks: a map stands here; a list was meant"},
    {"CommandMissing", hooks({"timeout: 1s"}),
     "7:5: error: hooks: command is missing; {command: [/usr/local/sbin/announce-route]} was "
     "meant"},
    {"CommandEmpty", hooks({"command: []"}),
     "7:15: error: command: the list is empty; a path and arguments were meant"},
    {"CommandAsText", hooks({"command: /bin/true"}),
     "7:15: error: command: a single value stands here; a list was meant, such as [/bin/true]"},
    {"CommandRelative", hooks({"command: [announce-route, --verbose]"}),
     "7:16: error: command: 'announce-route' is not an absolute path of a program, such as "
     "/usr/local/sbin/announce-route"},
    {"CommandLong", hooks({many_arguments()}),
     "7:15: error: command: 65 elements; at most 64 are allowed"},
    {"CommandTwice",
     hooks({"command: [/bin/true, a]", "command: [/bin/true, b]",
            "command: [/bin/true, a], events: [route-added]"}),
     "9:15: error: command: another hook has the same command"},
    {"EventsEmpty", hooks({"command: [/bin/true], events: []"}),
     "7:36: error: events: the list is empty; leave it out for all events"},
    {"EventUnknown", hooks({"command: [/bin/true], events: [route-add]"}),
     "7:37: error: events: 'route-add' is unknown; 'route-added' was meant?"},
    {"EventTwice", hooks({"command: [/bin/true], events: [route-added, route-added]"}),
     "7:50: error: events: 'route-added' is in the list already"},
    {"TimeoutLong", hooks({"command: [/bin/true], timeout: 2h"}),
     "7:37: error: timeout: must be a duration from 1s to 1h, such as 90s, 15m, 12h or 7d, not "
     "'2h'"},
    {"KeyUnknown", hooks({"command: [/bin/true], time-out: 2s"}),
     "7:28: error: hooks: unknown key 'time-out'; 'timeout' was meant?"},
    {"TooMany", hooks(too_many_hooks()), "23:5: error: hooks: more than 16 hooks"},
    {"NothingToTell",
     "interfaces: [{name: eth1}]\ndhcp4:\n  subnets: [{subnet: 192.0.2.0/24, interface: eth1, "
     "pools: [{range: 192.0.2.10-192.0.2.20}]}]\nhooks:\n  - {command: [/bin/true]}\n",
     "5:3: warning: hooks: dhcp6, which delegates prefixes, is missing; there are no events"},
};
INSTANTIATE_TEST_SUITE_P(Hooks, Mistakes6, testing::ValuesIn(hook_mistakes), claim_of);

TEST(Neighbors6, WhatIsElsewhereDoesNotMatter) {
    // Off-link prefixes, other VLANs and subnets of other interfaces.
    const LoadResult result = load_text(
        "interfaces: [{name: eth1}, {name: eth2}]\n"
        "dhcp6: {subnets: [{subnet: 2001:db8:2::/64, interface: eth2, pools: [{range: "
        "2001:db8:2::/112}]}]}\n"
        "router-advertisements:\n"
        "  - {interface: eth1, vlan: 5, prefixes: [{prefix: 2001:db8:3::/64}]}\n"
        "  - {interface: eth1, prefixes: [{prefix: 2001:db8:4::/64, on-link: false}]}\n"
        "  - {interface: eth2, managed: true}\n"
        "neighbor-proxies:\n"
        "  - {interface: eth1, targets: [\"2001:db8:2::/64\", \"2001:db8:3::1\", "
        "\"2001:db8:4::1\"]}\n"
        "  - {interface: eth1, vlan: 6, targets: [\"2001:db8:2::/64\"]}\n",
        "t.yaml");
    EXPECT_TRUE(result.diagnostics.empty());
    EXPECT_TRUE(result.configuration);
}

}  // namespace
}  // namespace xdhcpd::config
