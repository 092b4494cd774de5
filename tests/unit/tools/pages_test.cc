#include "tools/xdhcpctl/pages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace xdhcpd::xdhcpctl {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(StatusPage, ShowsWhoWeAreToClientsOfDhcpv6) {
    json answer = json::parse(R"({"ok":true,"version":"0.1.0","state":"serving",
        "uptime_seconds":1,"generation":1,"configuration":"c","durability":"sync"})");
    EXPECT_THAT(status_page(answer), Not(HasSubstr("DUID")));
    answer["server_duid"] = "00:03:00:01:02:00:5e:00:53:01";
    EXPECT_THAT(status_page(answer),
                HasSubstr("DHCPv6 server DUID 00:03:00:01:02:00:5e:00:53:01\n"));
}

TEST(StatusPage, ShowsPortsAccountsAndReasons) {
    const json answer = json::parse(R"({"ok":true,"version":"0.1.0","state":"serving",
        "uptime_seconds":3700,"generation":2,"configuration":"/etc/xdhcpd.yaml","durability":"memory",
        "interfaces":[{"name":"eth1","state":"serving","rate_limit":"10/s (burst 20) per client"},
                      {"name":"eth2","state":"serving","rate_limit":""}],
        "ports":[{"interface":"eth1","queue":0,"driver":"packet","mode":"","why":"xdp: no","rx_frames":5,
                  "tx_frames":4,"tx_errors":0,"rx_truncated":2,"tx_no_frame":0,
                  "kernel_drops":{"rx_dropped":0,"rx_ring_full":7}},
                 {"interface":"eth1","queue":1,"driver":"packet","mode":"","why":"xdp: no","rx_frames":0,
                  "tx_frames":0,"tx_errors":0}],
        "received":5,"answered":4,"explained":1,"in_flight":0,
        "received_by_type":{"discover":5},"sent_by_type":{"offer":4},"dropped":{"engine.no-subnet":1},
        "xdp":{"eth1":{"redirected":5,"pass-not-ip":0}}})");
    const std::string page = status_page(answer);
    EXPECT_THAT(page,
                HasSubstr("xdhcpd 0.1.0 serving since 1h 01m, generation 2, durability memory, "
                          "configuration /etc/xdhcpd.yaml\n"));
    EXPECT_THAT(page, HasSubstr("eth1           0  packet  -            5     4       0\n"));
    EXPECT_THAT(
        page,  // each once
        HasSubstr("eth1: not xdp: no\neth1 queue 0 lost: rx_ring_full 7, rx_truncated 2\n\n"));
    EXPECT_THAT(page, HasSubstr("eth1: at most 10/s (burst 20) per client\n"));
    EXPECT_THAT(page, HasSubstr("received 5 = answered 4 + explained 1 + in flight 0\n"));
    EXPECT_THAT(page, HasSubstr("no answer, by reason:\n  engine.no-subnet  1\n"));
    EXPECT_THAT(page, HasSubstr("XDP on eth1:\n  redirected  5\n"));
    EXPECT_THAT(page, Not(HasSubstr("pass-not-ip")));
}

TEST(LeasesPage, ShowsLeasesForPeople) {
    const json answer = json::parse(R"({"leases":[
        {"address":"10.77.1.2","state":"leased","hw_address":"02:00:5e:00:53:01","client_id":"",
         "hostname":"printer\u001b[2J","expires_in":3599},
        {"address":"10.77.1.3","state":"declined","hw_address":"","client_id":"","hostname":"",
         "expires_in":null}]})");
    EXPECT_EQ(
        leases_page(answer),
        "ADDRESS          STATE     HW-ADDRESS          ENDS IN  HOSTNAME          CLIENT-ID\n"
        "10.77.1.2        leased    02:00:5e:00:53:01   59m 59s  printer?[2J       -\n"
        "10.77.1.3        declined  -                     never  -                 -\n");
    EXPECT_EQ(leases_page(json{{"leases", json::array()}}), "no leases\n");
    EXPECT_EQ(leases_page(json{{"leases", json::array()}}, false), "");
}

TEST(ReloadPage, ShowsChangesAndLeasesOutside) {
    const json answer =
        json::parse(R"({"changes":["subnet 10.0.0.0/24 added, 10 addresses in pools"],
        "warnings":["f:1:1: warning: odd"],
        "leases_outside":[{"address":"10.77.0.50","hw_address":"02:00:5e:00:53:01"}],
        "leases_outside_count":3})");
    EXPECT_EQ(
        reload_page(answer, true),
        "f:1:1: warning: odd\nwould change:\n  subnet 10.0.0.0/24 added, 10 addresses in pools\n"
        "3 leases outside the pools; a client that renews one is refused and gets another "
        "address:\n"
        "  10.77.0.50  02:00:5e:00:53:01\n"
        "  and 2 more\n");
    EXPECT_EQ(reload_page({{"needs_restart", {"workers (f:7): 2 -> 3"}}}, false),
              "reloaded; nothing has changed\nneeds a restart: workers (f:7): 2 -> 3\n"
              "until then the value on the left stays in force\n");
    EXPECT_EQ(reload_page(json::object(), true), "nothing would change\n");
    EXPECT_EQ(reload_page(json::object(), false), "reloaded; nothing has changed\n");
}

TEST(ExplainPage, ShowsReasonAndMeaning) {
    const json answer =
        json::parse(R"({"drops":[{"age_seconds":1.9,"hw_address":"02:00:5e:00:53:01",
        "interface":"eth1","queue":3,"vlan":"100","giaddr":"172.16.0.1","message_type":"discover",
        "reason":"engine.no-subnet","text":"no subnet serves the link"}]})");
    EXPECT_THAT(explain_page(answer),
                HasSubstr(" 1s  02:00:5e:00:53:01  discover  eth1:3 vlan 100  172.16.0.1  "
                          "engine.no-subnet  no subnet serves the link\n"));
    EXPECT_THAT(explain_page(json::parse(R"({"drops":[{"age_seconds":1,"hw_address":
        "02:00:5e:00:53:01","duid":"00:03:00:01:02:00:5e:00:53:01","interface":"eth1","queue":0,
        "giaddr":"0.0.0.0","link_address":"2001:db8::1","message_type":"dhcp6.solicit",
        "reason":"engine6.no-subnet","text":"no subnet serves the link"}]})")),
                HasSubstr("  02:00:5e:00:53:01  00:03:00:01:02:00:5e:00:53:01  dhcp6.solicit  "
                          "eth1:0  2001:db8::1  engine6.no-subnet  "))
        << "a column more, where there is a DUID";
    EXPECT_EQ(explain_page(json::object()), "every message has been answered\n");
    EXPECT_EQ(explain_page({{"waiting", 3u}}),
              "no message has been dropped\nanswers that wait for stable storage: 3\n");
}

TEST(SubnetsPage, ShowsCounts) {
    const json answer = json::parse(R"({"subnets":[{"subnet":"10.77.0.0/16","interface":"eth1",
        "vlan":"100-199","shared_network":"","size":65536,"pool_addresses":100,"free":90,"offered":1,"leased":8,
        "declined":1,"reservations":2}]})");
    EXPECT_THAT(
        subnets_page(answer),
        HasSubstr("10.77.0.0/16  eth1       100-199  -         100    90        1       8"));
}

TEST(SubnetsPage, ShowsAPoolOfIpv6InEachLine) {
    const json answer = json::parse(R"({"subnets":[],"subnets6":[{"subnet":"2001:db8:1::/64",
        "interface":"eth1","vlan":"","shared_network":"","reservations":1,"pools":[
        {"pool":"2001:db8:1::1000-2001:db8:1::100f","length":128,"size":16,"allowed":16,"free":9,
         "offered":3,"leased":4,"declined":0},
        {"pool":"2001:db8:100::/52","length":56,"size":16,"allowed":16,"free":15,"offered":0,
         "leased":1,"declined":0}]},{"subnet":"2001:db8:2::/64","pools":[]}]})");
    const std::string page = subnets_page(answer);
    EXPECT_THAT(page, HasSubstr("2001:db8:1::1000-2001:db8:1::100f     128     16     9        3"));
    EXPECT_THAT(page, HasSubstr("2001:db8:100::/52                      56     16    15        0"));
    EXPECT_THAT(page, HasSubstr("\n2001:db8:2::/64  -"));
}

TEST(StatusPage, ShowsWhatIsAdvertised) {
    const json answer = json::parse(R"({"router_advertisements":[{"interface":"eth1","vlan":"100",
        "prefixes":["2001:db8::/64"]},{"interface":"eth2","vlan":"","prefixes":[]}],
        "router_advertisements_sent":{"multicast":5,"unicast":2,"final":1}})");
    EXPECT_THAT(status_page(answer),
                HasSubstr("\nadvertising on eth1 vlan 100: 2001:db8::/64\n"
                          "advertising on eth2: no prefix\n"
                          "advertisements sent: 5 multicast, 2 unicast, 1 final\n"));
}

TEST(StatusPage, ShowsHooks) {
    const json hook = {{"command", {"/sbin/announce", "-v"}},
                       {"events", {"route-added"}},
                       {"queue_length", 3u},
                       {"runs", {{"ok", 7u}, {"failed", 2u}, {"timeout", 1u}}},
                       {"lost", 5u},
                       {"last_problem", "route-added 2001:db8::/56: exit code 3"}};
    const std::string page = status_page({{"ok", true}, {"hooks", {hook}}});
    EXPECT_NE(page.find("/sbin/announce -v  route-added        3   7       2        1     5"),
              std::string::npos)
        << page;
    EXPECT_NE(page.find("last failed: route-added 2001:db8::/56: exit code 3"), std::string::npos);
    EXPECT_EQ(status_page({{"ok", true}}).find("hooks"), std::string::npos);
}

TEST(WorkersPage, ShowsLatencies) {
    const json answer = json::parse(R"({"workers":[{"id":0,"ports":["eth1:0","eth1:1"],"cpu":1,
        "batches":7,"messages":9,"polls":3,"index_entries":5,"index_capacity":1000,"side_bytes":64,
        "side_capacity":1048576,"latency_us":{"p50":3.5,"p99":20.0,"max":1500.0}}]})");
    const std::string page = workers_page(answer);
    EXPECT_THAT(page, HasSubstr("eth1:0 eth1:1"));
    EXPECT_THAT(page, HasSubstr("5/1000"));
    EXPECT_THAT(page, HasSubstr("64 B/1.0 MiB  3.5 us  20.0 us  1.5 ms\n"));
}

TEST(ErrorText, GivesEveryErrorThenTheSentence) {
    EXPECT_EQ(error_text(json::parse(R"({"ok":false,"error":"no","errors":["a","b"]})")),
              "a\nb\nno\n");
    EXPECT_EQ(error_text(json::parse(R"({"ok":false,"error":"no"})")), "no\n");
    EXPECT_EQ(error_text(json::object()), "xdhcpd refused without a reason\n");
}

// Servers of another version, or something else altogether, must not crash the tool.
TEST(Pages, SurviveAnyAnswer) {
    for (
        const char* const text :
        {"{}", "[]", "7", "null",
         R"({"ports":7,"leases":{"a":1},"subnets":["x",null,3],"workers":[[]]})",
         R"({"leases":[{"address":7,"expires_in":"x"}],"drops":[{"age_seconds":"x"}],"xdp":[1]})",
         R"({"ports":[{"kernel_drops":[1,"x"],"rx_truncated":"x"},{"kernel_drops":{"a":"b"}}]})",
         R"({"hooks":[7,{"command":7,"runs":[1],"events":{"a":1},"last_problem":[]}]})",
         R"({"workers":[{"ports":[7],"latency_us":3,"id":-1}],"changes":[7],"leases_outside":[7]})"}) {
        const json answer = json::parse(text);
        static_cast<void>(status_page(answer) + subnets_page(answer) + leases_page(answer) +
                          workers_page(answer) + reload_page(answer, true) + explain_page(answer) +
                          error_text(answer));
    }
}

}  // namespace
}  // namespace xdhcpd::xdhcpctl
