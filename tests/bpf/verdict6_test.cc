// The XDP program on IPv6: each decision, and random frames against a classification that reads
// byte by byte and was written from the rules alone.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "frames6.h"
#include "packet/frame_view6.h"
#include "verdict_lab.h"

namespace xdhcpd {
namespace {

// NOLINTNEXTLINE(google-build-using-namespace): the lab is what all of this is about
using namespace lab;

// Offsets in an untagged frame.
constexpr std::size_t kIp = kEthernetLen;
constexpr std::size_t kUpper = kEthernetLen + kIpv6Len;

class Verdict6Test : public lab::VerdictTest {
  protected:
    void SetUp() override {
        VerdictTest::SetUp();
        if (IsSkipped() || HasFatalFailure()) {
            return;
        }
        serve({}, kAll);
        serve(lab::tags(kServedTag), XD_LINK_DHCP6 | XD_LINK_PROXY);
        serve(lab::tags(kServedOuter, kServedInner), XD_LINK_DHCP4);
        for (const Ipv6& address : {kServerLinkLocal, kServerGlobal, kOwnTarget}) {
            put(skeleton_->maps.xd_local6, std::bit_cast<xd_local6_key>(address), xd_local{});
        }
        for (const Target& target : targets()) {
            xd_nd_target_key key{};
            key.prefix_len = XD_ND_LINK_BITS + target.prefix.length;
            key.link = {ifindex_, target.outer, target.inner};
            std::memcpy(static_cast<void*>(key.target), target.prefix.address.octets.data(),
                        Ipv6::kLen);
            put(skeleton_->maps.xd_nd_targets, key, xd_nd_target{});
        }
    }
};

TEST_F(Verdict6Test, TakesWhatClientsAndRelaysSendToServers) {
    RecordProperty("rfc", "8415 7.1, 7.3");
    for (const int type : {1, 3, 4, 5, 6, 8, 9, 11, kRelayForw}) {
        expect_redirect(frame6({}, solicit(type)), "type " + std::to_string(type));
    }
    FrameSpec6 spec;
    spec.destination = kSiteServersGroup;
    spec.destination_mac = mac_of("33:33:00:01:00:03");
    expect_redirect(frame6(spec, solicit(kRelayForw)), "ff05::1:3");
    spec.destination_mac = lab::kServerMac;
    expect_redirect(frame6(spec, solicit()), "group at our MAC");
    spec.destination = kServerLinkLocal;
    expect_redirect(frame6(spec, solicit()), "link-local");
    spec.destination = kServerGlobal;
    spec.source = ip6("2001:db8:9::1");
    spec.source_port = 547;
    expect_redirect(frame6(spec, solicit(kRelayForw)), "relayed");
    spec.padding.resize(20);
    expect_redirect(frame6(spec, solicit()), "padding");
}

TEST_F(Verdict6Test, PassesMessagesThatAreNotForServers) {
    for (const int type : {0, 2, 7, 10, 13, 14, 23, 32, 33, 36, 44, 128, 255}) {
        expect_pass(frame6({}, solicit(type)), XD_PASS_NOT_REQUEST, "type " + std::to_string(type));
    }
}

TEST_F(Verdict6Test, PassesOtherPortsWhateverTheyContain) {
    FrameSpec6 spec;
    for (const int port : {0, 53, 67, 546, 548, 8962}) {  // 8962 is 547 in the wrong order
        spec.destination_port = static_cast<std::uint16_t>(port);
        const Frame frame = frame6(spec, solicit());
        expect_pass(frame, XD_PASS_OTHER_PORT, "port " + std::to_string(port));
        expect_pass(patched(frame, kIp + 4, {0xff, 0xff}), XD_PASS_OTHER_PORT, "payload length");
    }
}

TEST_F(Verdict6Test, PassesTransitAndOtherHosts) {
    FrameSpec6 spec;
    spec.destination_mac = lab::kServerMac;
    spec.destination = ip6("2001:db8:9::547");
    expect_pass(frame6(spec, solicit(kRelayForw)), XD_PASS_NOT_LOCAL, "routed through us");
    spec.destination = ip6("ff02::1");
    expect_pass(frame6(spec, solicit()), XD_PASS_NOT_LOCAL, "all nodes");
    spec.destination = ip6("ff05::1:2");
    expect_pass(frame6(spec, solicit()), XD_PASS_NOT_LOCAL, "the agents' group, site scope");
    spec.destination = kServersGroup;
    spec.destination_mac = lab::kOtherMac;
    expect_pass(frame6(spec, solicit()), XD_PASS_OTHER_HOST, "promiscuous");
    spec.destination_mac = kBroadcastMac;
    expect_pass(frame6(spec, solicit()), XD_PASS_OTHER_HOST, "broadcast");
    spec.destination_mac = mac_of("33:33:00:01:00:03");
    expect_pass(frame6(spec, solicit()), XD_PASS_OTHER_HOST, "another group's MAC");
    spec.destination_mac = kServersGroup.multicast_mac();
    spec.destination = kServerGlobal;
    expect_pass(frame6(spec, solicit()), XD_PASS_OTHER_HOST, "own address at a group's MAC");
}

TEST_F(Verdict6Test, PassesExtensionHeadersAndFragments) {
    // Hop-by-hop options, routing, fragment, destination options, none, authentication, ESP.
    for (const int header : {0, 43, 44, 60, 59, 51, 50}) {
        FrameSpec6 spec;
        spec.next_header = header;
        const Bytes behind = testing::join(
            {bytes({17, 0, 1, 4, 0, 0, 0, 0}), ByteView{frame6({}, solicit())}.subspan(kUpper)});
        expect_pass(frame6(spec, behind), XD_PASS_OTHER_HEADER,
                    "next header " + std::to_string(header));
    }
    FrameSpec6 tcp;
    tcp.next_header = 6;
    expect_pass(frame6(tcp, Bytes(20)), XD_PASS_OTHER_HEADER, "TCP");
    // RFC 3810 section 5: behind a router alert.
    FrameSpec6 report;
    report.next_header = 0;
    report.destination = ip6("ff02::16");
    report.destination_mac = report.destination.multicast_mac();
    expect_pass(frame6(report, bytes({58, 0, 5, 2, 0, 0, 1, 0, 143, 0, 0, 0, 0, 0, 0, 0})),
                XD_PASS_OTHER_HEADER, "MLD report");
}

TEST_F(Verdict6Test, PassesOtherIcmp) {
    FrameSpec6 spec = nd_spec(kServerLinkLocal);
    for (const int type : {1, 2, 3, 4, 128, 129, 130, 131, 132, 134, 136, 137, 143, 0, 255}) {
        Bytes message(32);
        message[0] = static_cast<std::byte>(type);
        expect_pass(frame6(spec, message), XD_PASS_OTHER_ICMP, "type " + std::to_string(type));
    }
}

TEST_F(Verdict6Test, PassesEveryTruncation) {
    const auto check = [this](const Frame& whole, const std::string& what) {
        for (std::size_t len = kEthernetLen; len < whole.size(); ++len) {
            const Frame cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(len));
            expect_pass(cut, XD_PASS_TRUNCATED, what + ", " + std::to_string(len) + " bytes");
        }
        expect_redirect(whole, what);
    };
    check(frame6({}, solicit()), "solicit");
    FrameSpec6 tagged;
    tagged.tags = {{0x8100, kVlan}};
    check(frame6(tagged, solicit()), "tagged solicit");
    check(frame6(rs_spec(), router_solicitation()), "router solicitation");
    check(neighbor_frame(ip6("2001:db8:2::99")), "neighbor solicitation");
}

TEST_F(Verdict6Test, PassesLengthsThatContradictEachOther) {
    const Frame frame = frame6({}, solicit());  // 18 bytes: UDP 26
    ASSERT_EQ(frame.size(), kUpper + 26);
    expect_pass(patched(frame, kIp + 4, {0, 27}), XD_PASS_TRUNCATED, "payload beyond frame");
    expect_pass(patched(frame, kIp + 4, {0, 25}), XD_PASS_TRUNCATED, "UDP beyond payload");
    expect_pass(patched(frame, kIp + 4, {0, 0}), XD_PASS_TRUNCATED, "jumbo payload");
    expect_pass(patched(frame, kUpper + 4, {0, 8}), XD_PASS_TRUNCATED, "UDP without data");
    expect_pass(patched(frame, kUpper + 4, {0, 0}), XD_PASS_TRUNCATED, "UDP length 0");
    expect_redirect(patched(frame, kUpper + 4, {0, 9}), "one byte of data");
    const Frame rs = frame6(rs_spec(), router_solicitation());
    expect_pass(patched(rs, kIp + 4, {0, 7}), XD_PASS_TRUNCATED, "short RS");
    expect_pass(patched(rs, kIp + 4, {0, 9}), XD_PASS_TRUNCATED, "RS beyond frame");
    const Frame ns = neighbor_frame(ip6("2001:db8:2::99"));
    expect_pass(patched(ns, kIp + 4, {0, 23}), XD_PASS_TRUNCATED, "short NS");
    expect_redirect(patched(ns, kIp + 4, {0, 24}), "NS without options");
}

TEST_F(Verdict6Test, PassesWhatDoesNotFitAUmemFrame) {
    Bytes message = solicit();
    message.resize(kMaxFrameLen - kUdp6HeadersLen);
    expect_redirect(frame6({}, message), "at limit");
    message.resize(message.size() + 1);
    expect_pass(frame6({}, message), XD_PASS_TOO_LONG, "one above");
    Bytes neighbor = neighbor_solicitation(ip6("2001:db8:2::99"));
    neighbor.resize(kMaxFrameLen);
    expect_pass(frame6(nd_spec(ip6("2001:db8:2::99").solicited_node()), neighbor), XD_PASS_TOO_LONG,
                "neighbor solicitation");
}

TEST_F(Verdict6Test, TakesDhcpv6OnlyWhereItIsServed) {
    const auto frame = [](Tags tags) {
        FrameSpec6 spec;
        spec.tags = std::move(tags);
        return frame6(spec, solicit());
    };
    expect_redirect(frame({{0x8100, kVlan}}), "served VLAN");
    expect_redirect(frame({{0x88a8, kVlan | 0xe000}}), "priority, other TPID");
    expect_redirect(frame({{0x8100, 0}}), "priority tag");
    expect_pass(frame({{0x8100, 101}}), XD_PASS_UNKNOWN_LINK, "other VLAN");
    expect_pass(frame({{0x88a8, kServedOuter.tci}, {0x8100, kServedInner.tci}}), XD_PASS_NOT_SERVED,
                "IPv4 only");
    expect_pass(frame({{0x8100, 0}, {0x8100, 0}, {0x8100, 0}}), XD_PASS_NOT_IP, "three tags");
    const std::uint32_t server = ifindex_;
    ifindex_ = ::if_nametoindex(lab::kPeerInterface);
    expect_pass(frame({}), XD_PASS_UNKNOWN_LINK, "peer interface");
    ifindex_ = server;
}

TEST_F(Verdict6Test, TakesDhcpv4OnlyWhereItIsServed) {
    auto headers = lab::broadcast_request();
    headers.tags = lab::tags(kServedTag);
    expect_pass(lab::frame(headers), XD_PASS_NOT_SERVED, "IPv6 only");
    headers.tags = lab::tags(kServedOuter, kServedInner);
    expect_redirect(lab::frame(headers), "IPv4 only");
}

TEST_F(Verdict6Test, TakesOnlyThePortGivenAtLoad) {
    std::unique_ptr<xdhcpd_bpf, lab::SkeletonDeleter> other{xdhcpd_bpf__open()};
    ASSERT_TRUE(other);
    other->rodata->xd_server_port6 = 5470;
    ASSERT_EQ(xdhcpd_bpf__load(other.get()), 0);
    std::swap(skeleton_, other);
    FrameSpec6 spec;
    expect_pass(frame6(spec, solicit()), XD_PASS_OTHER_PORT, "547");
    spec.destination_port = 5470;
    expect_pass(frame6(spec, solicit()), XD_PASS_UNKNOWN_LINK, "5470, no link yet");
    std::swap(skeleton_, other);
}

TEST_F(Verdict6Test, TakesRouterSolicitationsWhereWeAdvertise) {
    RecordProperty("rfc", "4861 6.1.1");
    FrameSpec6 spec = rs_spec();
    expect_redirect(frame6(spec, router_solicitation()), "all routers");
    spec.source = Ipv6{};
    expect_redirect(frame6(spec, router_solicitation()), "from nobody yet");
    expect_redirect(frame6(nd_spec(kServerLinkLocal), router_solicitation()), "link-local");
    expect_redirect(frame6(nd_spec(kServerGlobal), router_solicitation()), "own address");
    spec.tags = {{0x8100, kVlan}};
    expect_pass(frame6(spec, router_solicitation()), XD_PASS_NOT_SERVED, "not advertised there");
    expect_pass(frame6(nd_spec(ip6("2001:db8:9::9")), router_solicitation()), XD_PASS_NOT_LOCAL,
                "transit");
    expect_pass(frame6(nd_spec(ip6("ff05::2")), router_solicitation()), XD_PASS_OTHER_HOST,
                "routers of the site");
    spec = rs_spec();
    spec.destination_mac = kAllNodes.multicast_mac();
    expect_pass(frame6(spec, router_solicitation()), XD_PASS_OTHER_HOST, "another group's MAC");
}

TEST_F(Verdict6Test, PassesSolicitationsThatCameThroughARouter) {
    RecordProperty("rfc", "4861 6.1.1, 7.1.1");
    const Frame rs = frame6(rs_spec(), router_solicitation());
    const Frame ns = neighbor_frame(ip6("2001:db8:2::99"));
    for (const Frame& frame : {rs, ns}) {
        expect_pass(patched(frame, kIp + 7, {254}), XD_PASS_BAD_ND, "hop limit 254");
        expect_pass(patched(frame, kIp + 7, {0}), XD_PASS_BAD_ND, "hop limit 0");
        expect_pass(patched(frame, kUpper + 1, {1}), XD_PASS_BAD_ND, "code 1");
    }
}

TEST_F(Verdict6Test, TakesNeighborSolicitationsForTargetsOfTheLink) {
    RecordProperty("rfc", "4861 7.1.1");
    const Tags vlan{{0x8100, kVlan}};
    for (const char* const target :
         {"2001:db8:2::99", "2001:db8:2::", "2001:db8:2:0:ffff:ffff:ffff:ffff", "2001:db8:3::53",
          "2001:db8:4:8000::1", "2001:db8:4:ffff::1"}) {
        expect_redirect(neighbor_frame(ip6(target)), target);
        expect_pass(neighbor_frame(ip6(target), vlan), XD_PASS_NO_TARGET, target);
    }
    for (const char* const target : {"2001:db8:2:1::99", "2001:db8:3::54", "2001:db8:3::52",
                                     "2001:db8:4:7fff::1", "2001:db8:5::1", "fe80::1"}) {
        expect_pass(neighbor_frame(ip6(target)), XD_PASS_NO_TARGET, target);
    }
    expect_redirect(neighbor_frame(ip6("2001:db8:5::1"), vlan), "of the VLAN");
    expect_pass(neighbor_frame(ip6("2001:db8:2::1")), XD_PASS_NO_TARGET, "the host's own");
    const Tags two{{0x88a8, kServedOuter.tci}, {0x8100, kServedInner.tci}};
    expect_pass(neighbor_frame(ip6("2001:db8:2::99"), two), XD_PASS_NOT_SERVED, "no proxy there");
}

TEST_F(Verdict6Test, TakesNeighborSolicitationsToTheTargetOrItsGroupOnly) {
    const Ipv6 target = ip6("2001:db8:2::99");
    const Bytes message = neighbor_solicitation(target);
    FrameSpec6 spec = nd_spec(target);
    expect_redirect(frame6(spec, message), "is it still there?");
    spec.destination_mac = lab::kOtherMac;
    expect_pass(frame6(spec, message), XD_PASS_OTHER_HOST, "at somebody else");
    spec.destination_mac = target.solicited_node().multicast_mac();
    expect_pass(frame6(spec, message), XD_PASS_OTHER_HOST, "own address at the group's MAC");
    expect_pass(frame6(nd_spec(ip6("2001:db8:2::98").solicited_node()), message),
                XD_PASS_OTHER_HOST, "another group");
    spec = nd_spec(ip6("2001:db8:2::98").solicited_node());
    spec.destination_mac = lab::kServerMac;
    expect_pass(frame6(spec, message), XD_PASS_NOT_LOCAL, "another group at our MAC");
    spec = nd_spec(kAllNodes);
    spec.destination_mac = lab::kServerMac;
    expect_pass(frame6(spec, message), XD_PASS_NOT_LOCAL, "all nodes at our MAC");
    spec = nd_spec(target.solicited_node());
    spec.destination_mac = lab::kServerMac;
    expect_redirect(frame6(spec, message), "its group at our MAC");
    spec = nd_spec(target.solicited_node());
    spec.source = Ipv6{};
    expect_redirect(frame6(spec, message), "duplicate address detection");
}

TEST_F(Verdict6Test, PassesWhileDisabledAndWithoutSocket) {
    const std::vector<Frame> frames{frame6({}, solicit()), frame6(rs_spec(), router_solicitation()),
                                    neighbor_frame(ip6("2001:db8:2::99"))};
    enable(false);
    for (const Frame& frame : frames) {
        expect_pass(frame, XD_PASS_DISABLED, "off");
    }
    enable(true);
    const std::uint32_t queue = 0;
    ASSERT_EQ(bpf_map_delete_elem(bpf_map__fd(skeleton_->maps.xd_sockets), &queue), 0);
    for (const Frame& frame : frames) {
        expect_pass(frame, XD_PASS_NO_SOCKET, "no socket");
    }
}

// One token comes in an hour, so that none does while the test runs.
constexpr std::uint64_t kHour = 3'600'000'000'000;
constexpr xd_rate kOne{.interval = kHour, .tolerance = 0};

TEST_F(Verdict6Test, LimitsClientsOnTheLink) {
    forget_clients();
    limit(kOne, {});
    FrameSpec6 spec;
    expect_redirect(frame6(spec, solicit()), "first");
    expect_drop(frame6(spec, solicit()), XD_DROP_CLIENT_RATE, "second");
    FrameSpec6 router = rs_spec();
    expect_drop(frame6(router, router_solicitation()), XD_DROP_CLIENT_RATE, "its RS");
    router.source_mac = testing::mac(7);
    expect_redirect(frame6(router, router_solicitation()), "RS of another");
    expect_drop(frame6(router, router_solicitation()), XD_DROP_CLIENT_RATE, "once more");
    spec.tags = {{0x8100, kVlan}};
    expect_redirect(frame6(spec, solicit()), "in a VLAN");
    for (int i = 0; i < 3; ++i) {
        expect_redirect(frame6({}, solicit(kRelayForw)), "relayed");
        expect_redirect(neighbor_frame(ip6("2001:db8:2::99")), "neighbor solicitation");
    }
    expect_pass(frame6({}, solicit(2)), XD_PASS_NOT_REQUEST, "nothing of ours");
}

TEST_F(Verdict6Test, LimitsLinks) {
    limit({}, kOne);
    expect_redirect(frame6({}, solicit()), "first");
    expect_drop(frame6({}, solicit(kRelayForw)), XD_DROP_LINK_RATE, "relayed");
    expect_drop(frame6(rs_spec(), router_solicitation()), XD_DROP_LINK_RATE, "RS");
    expect_redirect(neighbor_frame(ip6("2001:db8:2::99")), "neighbor solicitation");
}

TEST_F(Verdict6Test, AgreesWithTheRulesOnRandomFrames) {
    constexpr int kRounds = 20000;
    constexpr std::uint64_t kDefaultSeed = 20240611;
    // NOLINTNEXTLINE(concurrency-mt-unsafe): one thread
    const char* const given = std::getenv("XDHCPD_SEED");
    const std::uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 0) : kDefaultSeed;
    std::cout << "seed " << seed << " (XDHCPD_SEED chooses another)\n";
    FrameMaker6 maker{seed};
    const Rules rules{kMaxFrameLen};
    std::map<std::uint32_t, int> seen;
    for (int round = 0; round < kRounds; ++round) {
        const Bytes frame = maker.make();
        const xd_verdict expected = rules.judge(frame);
        const lab::Outcome outcome = run(frame);
        ASSERT_EQ(outcome.verdict, static_cast<std::uint32_t>(expected))
            << "round " << round << ": " << to_hex(frame);
        EXPECT_TRUE(outcome.is_unchanged);
        ++seen[outcome.verdict];
        if (outcome.action != XDP_REDIRECT) {
            EXPECT_EQ(outcome.action, XDP_PASS);
            continue;
        }
        // What is taken, userspace reads or refuses for what needs more than headers.
        if (const auto view = FrameView6::parse(frame); !view) {
            EXPECT_TRUE(view.error() == FrameError6::kBadUdpChecksum ||
                        view.error() == FrameError6::kNoUdpChecksum ||
                        view.error() == FrameError6::kBadIcmpChecksum ||
                        view.error() == FrameError6::kMulticastSource)
                << name(view.error());
        }
    }
    EXPECT_GT(seen[XD_REDIRECTED], kRounds / 10);
    // Otherwise the frames prove nothing.
    for (const xd_verdict verdict :
         {XD_PASS_NOT_IP, XD_PASS_TRUNCATED, XD_PASS_OTHER_PORT, XD_PASS_NOT_REQUEST,
          XD_PASS_TOO_LONG, XD_PASS_UNKNOWN_LINK, XD_PASS_NOT_SERVED, XD_PASS_OTHER_HOST,
          XD_PASS_NOT_LOCAL, XD_PASS_OTHER_HEADER, XD_PASS_OTHER_ICMP, XD_PASS_BAD_ND,
          XD_PASS_NO_TARGET}) {
        EXPECT_GT(seen[verdict], 10) << "verdict " << verdict;
    }
}

}  // namespace
}  // namespace xdhcpd
