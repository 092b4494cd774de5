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

#include "base/random.h"
#include "packet/frame_view6.h"
#include "support/dhcp6.h"
#include "support/frames.h"
#include "verdict_lab.h"

namespace xdhcpd {
namespace {

using lab::Frame;
using lab::kMaxFrameLen;
using lab::kServedInner;
using lab::kServedOuter;
using lab::kServedTag;
using lab::patched;
using testing::Bytes;
using testing::bytes;
using testing::frame6;
using testing::FrameSpec6;
using Tags = std::vector<std::pair<std::uint16_t, std::uint16_t>>;

constexpr std::uint16_t kVlan = kServedTag.tci;
// Offsets in an untagged frame.
constexpr std::size_t kIp = kEthernetLen;
constexpr std::size_t kUpper = kEthernetLen + kIpv6Len;
constexpr std::size_t kType = kUdp6HeadersLen;
constexpr int kSolicit = 1;
constexpr int kRelayForw = 12;
constexpr std::uint32_t kAll = XD_LINK_DHCP4 | XD_LINK_DHCP6 | XD_LINK_ADVERTISE | XD_LINK_PROXY;

[[nodiscard]] Ipv6 ip6(std::string_view text) {
    return parse_ipv6(text).value();
}
[[nodiscard]] Mac mac_of(std::string_view text) {
    return parse_mac(text).value();
}

const Ipv6 kServerLinkLocal = ip6("fe80::5eff:fe00:5301");
const Ipv6 kServerGlobal = ip6("2001:db8:1::1");
// Inside a target prefix, and the host's own.
const Ipv6 kOwnTarget = ip6("2001:db8:2::1");
const Ipv6 kServersGroup = ip6("ff02::1:2");
const Ipv6 kSiteServersGroup = ip6("ff05::1:3");

struct Target {
    std::uint16_t outer;
    std::uint16_t inner;
    Ipv6Prefix prefix;
};
[[nodiscard]] std::vector<Target> targets() {
    return {{0, 0, parse_ipv6_prefix("2001:db8:2::/64").value()},
            {0, 0, parse_ipv6_prefix("2001:db8:3::53/128").value()},
            {0, 0, parse_ipv6_prefix("2001:db8:4:8000::/49").value()},
            {kVlan, 0, parse_ipv6_prefix("2001:db8:5::/64").value()}};
}

[[nodiscard]] Bytes solicit(int type = kSolicit) {
    return testing::message6(type, {testing::option6(1, testing::duid_of(1))});
}
[[nodiscard]] Bytes router_solicitation() {
    return bytes({133, 0, 0, 0, 0, 0, 0, 0});
}
[[nodiscard]] Bytes neighbor_solicitation(const Ipv6& target) {
    return testing::join(
        {bytes({135, 0, 0, 0, 0, 0, 0, 0}), target.bytes(), bytes({1, 1, 2, 0, 0x5e, 0, 0x53, 2})});
}
[[nodiscard]] FrameSpec6 nd_spec(const Ipv6& destination) {
    FrameSpec6 spec;
    spec.next_header = 58;
    spec.hop_limit = 255;
    spec.destination = destination;
    spec.destination_mac =
        destination.is_multicast() ? destination.multicast_mac() : lab::kServerMac;
    return spec;
}
[[nodiscard]] FrameSpec6 rs_spec() {
    return nd_spec(kAllRouters);
}
[[nodiscard]] Frame neighbor_frame(const Ipv6& target, Tags tags = {}) {
    FrameSpec6 spec = nd_spec(target.solicited_node());
    spec.tags = std::move(tags);
    return frame6(spec, neighbor_solicitation(target));
}

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

// The rules once more, byte by byte, without any of the program's helpers.
class Rules {
  public:
    explicit Rules(std::uint32_t max_len) : max_len_{max_len} {}

    [[nodiscard]] xd_verdict judge(const Bytes& frame) const {
        std::size_t at = 14;
        std::vector<int> vids;
        for (int tags = 0; tags < 2 && is_tag(frame, at - 2); ++tags) {
            if (frame.size() < at + 4) {
                return XD_PASS_TRUNCATED;
            }
            if (const int vid = (octet(frame, at) & 15) * 256 + octet(frame, at + 1); vid != 0) {
                vids.push_back(vid);
            }
            at += 4;
        }
        if (octet(frame, at - 2) != 0x86 || octet(frame, at - 1) != 0xdd) {
            return XD_PASS_NOT_IP;
        }
        if (frame.size() < at + 40) {
            return XD_PASS_TRUNCATED;
        }
        if (octet(frame, at) / 16 != 6) {
            return XD_PASS_NOT_IP;
        }
        const int next = octet(frame, at + 6);
        return next == 17   ? judge_udp(frame, at, vids)
               : next == 58 ? judge_icmp(frame, at, vids)
                            : XD_PASS_OTHER_HEADER;
    }

  private:
    static int octet(const Bytes& frame, std::size_t at) {
        return std::to_integer<int>(frame.at(at));
    }
    static bool is_tag(const Bytes& frame, std::size_t at) {
        const int type = octet(frame, at) * 256 + octet(frame, at + 1);
        return type == 0x8100 || type == 0x88a8;
    }
    static Ipv6 address(const Bytes& frame, std::size_t at) { return Ipv6::load(&frame.at(at)); }

    // Which flags there are on the link; nothing: unknown.
    static std::optional<std::uint32_t> flags_of(const std::vector<int>& vids) {
        if (vids.empty()) {
            return kAll;
        }
        if (vids == std::vector<int>{kVlan}) {
            return XD_LINK_DHCP6 | XD_LINK_PROXY;
        }
        if (vids == std::vector<int>{kServedOuter.tci, kServedInner.tci}) {
            return XD_LINK_DHCP4;
        }
        return std::nullopt;
    }
    static bool is_own(const Ipv6& address) {
        return address == kServerLinkLocal || address == kServerGlobal || address == kOwnTarget;
    }
    static std::optional<xd_verdict> judge_link(const Bytes& frame, std::size_t ip,
                                                const std::vector<int>& vids, std::uint32_t flag,
                                                bool is_group) {
        const auto flags = flags_of(vids);
        if (!flags) {
            return XD_PASS_UNKNOWN_LINK;
        }
        if ((*flags & flag) == 0) {
            return XD_PASS_NOT_SERVED;
        }
        const Mac mac = Mac::load(frame.data());
        const bool to_group = is_group && mac == address(frame, ip + 24).multicast_mac();
        return mac == lab::kServerMac || to_group ? std::nullopt
                                                  : std::optional{XD_PASS_OTHER_HOST};
    }

    [[nodiscard]] xd_verdict judge_udp(const Bytes& frame, std::size_t ip,
                                       const std::vector<int>& vids) const {
        static const std::set<int> kTypes{1, 3, 4, 5, 6, 8, 9, 11, 12};
        const std::size_t udp = ip + 40;
        if (frame.size() < udp + 8) {
            return XD_PASS_TRUNCATED;
        }
        if (octet(frame, udp + 2) * 256 + octet(frame, udp + 3) != 547) {
            return XD_PASS_OTHER_PORT;
        }
        if (frame.size() < udp + 9) {
            return XD_PASS_TRUNCATED;
        }
        if (frame.size() > max_len_) {
            return XD_PASS_TOO_LONG;
        }
        const int payload_len = octet(frame, ip + 4) * 256 + octet(frame, ip + 5);
        const int udp_len = octet(frame, udp + 4) * 256 + octet(frame, udp + 5);
        if (payload_len > static_cast<int>(frame.size() - udp) || udp_len > payload_len ||
            udp_len < 9) {
            return XD_PASS_TRUNCATED;
        }
        if (!kTypes.contains(octet(frame, udp + 8))) {
            return XD_PASS_NOT_REQUEST;
        }
        const Ipv6 destination = address(frame, ip + 24);
        const bool is_group = destination == kServersGroup || destination == kSiteServersGroup;
        if (const auto verdict = judge_link(frame, ip, vids, XD_LINK_DHCP6, is_group)) {
            return *verdict;
        }
        return is_group || is_own(destination) ? XD_REDIRECTED : XD_PASS_NOT_LOCAL;
    }

    [[nodiscard]] xd_verdict judge_icmp(const Bytes& frame, std::size_t ip,
                                        const std::vector<int>& vids) const {
        const std::size_t icmp = ip + 40;
        if (frame.size() < icmp + 8) {
            return XD_PASS_TRUNCATED;
        }
        const int type = octet(frame, icmp);
        if (type != 133 && type != 135) {
            return XD_PASS_OTHER_ICMP;
        }
        const std::size_t least_len = type == 133 ? 8 : 24;
        if (frame.size() < icmp + least_len) {
            return XD_PASS_TRUNCATED;
        }
        if (octet(frame, ip + 7) != 255 || octet(frame, icmp + 1) != 0) {
            return XD_PASS_BAD_ND;
        }
        if (frame.size() > max_len_) {
            return XD_PASS_TOO_LONG;
        }
        const int payload_len = octet(frame, ip + 4) * 256 + octet(frame, ip + 5);
        if (payload_len > static_cast<int>(frame.size() - icmp) ||
            payload_len < static_cast<int>(least_len)) {
            return XD_PASS_TRUNCATED;
        }
        const Ipv6 destination = address(frame, ip + 24);
        if (type == 133) {
            const bool is_group = destination == ip6("ff02::2");
            if (const auto verdict = judge_link(frame, ip, vids, XD_LINK_ADVERTISE, is_group)) {
                return *verdict;
            }
            return is_group || is_own(destination) ? XD_REDIRECTED : XD_PASS_NOT_LOCAL;
        }
        const Ipv6 target = address(frame, icmp + 8);
        const bool is_group = destination == target.solicited_node();
        if (const auto verdict = judge_link(frame, ip, vids, XD_LINK_PROXY, is_group)) {
            return *verdict;
        }
        if (!is_group && destination != target) {
            return XD_PASS_NOT_LOCAL;
        }
        const int vid = vids.empty() ? 0 : vids.front();
        const auto all = targets();
        const bool is_target = std::any_of(all.begin(), all.end(), [&](const Target& each) {
            return each.outer == vid && each.prefix.contains(target);
        });
        return is_target && !is_own(target) ? XD_REDIRECTED : XD_PASS_NO_TARGET;
    }

    std::uint32_t max_len_;
};

// Frames that are nearly right: each field is mostly what is taken, sometimes something else.
class FrameMaker6 {
  public:
    explicit FrameMaker6(std::uint64_t seed) : random_{seed} {}

    [[nodiscard]] Bytes make() {
        FrameSpec6 spec;
        Bytes payload;
        const auto kind = random_.below(3);
        if (kind == 0) {
            payload = solicit(pick({1, 3, 4, 5, 6, 8, 9, 11, 12, 1, 3, 12, 2, 7, 13, 255}));
            spec.destination = pick({kServersGroup, kServersGroup, kSiteServersGroup, kServerGlobal,
                                     kServerLinkLocal, ip6("2001:db8:9::1"), kAllNodes});
            spec.destination_port = pick<std::uint16_t>({547, 547, 547, 547, 547, 547, 546, 67});
        } else {
            const Ipv6 target =
                pick({ip6("2001:db8:2::99"), ip6("2001:db8:3::53"), ip6("2001:db8:4:9000::1"),
                      ip6("2001:db8:5::1"), kOwnTarget, ip6("2001:db8:3::52"), ip6("fe80::9")});
            payload = kind == 1 ? router_solicitation() : neighbor_solicitation(target);
            spec = nd_spec(kind == 1 ? pick({kAllRouters, kAllRouters, kServerLinkLocal, kAllNodes})
                                     : pick({target.solicited_node(), target.solicited_node(),
                                             target, kAllNodes}));
            spec.hop_limit = one_in(10) ? pick({0, 1, 64, 254}) : 255;
        }
        spec.destination_mac = spec.destination.is_multicast() && !one_in(5)
                                   ? spec.destination.multicast_mac()
                                   : lab::kServerMac;
        if (one_in(10)) {
            spec.destination_mac = pick({lab::kOtherMac, kBroadcastMac, kAllNodes.multicast_mac()});
        }
        if (one_in(12)) {
            spec.next_header = pick({0, 6, 17, 43, 44, 58, 59, 60});
        }
        if (one_in(8)) {
            spec.padding.resize(random_.below(60));
        }
        if (one_in(40)) {
            payload.resize(kMaxFrameLen - 70 + random_.below(20));
        }
        if (one_in(3)) {
            for (std::uint32_t i = 1 + random_.below(3); i > 0; --i) {
                spec.tags.emplace_back(
                    pick<std::uint16_t>({0x8100, 0x88a8}),
                    pick<std::uint16_t>({kVlan, kVlan, kServedOuter.tci, kServedInner.tci, 0, 101,
                                         0xf000 | kVlan}));
            }
        }
        Bytes frame = frame6(spec, payload);
        if (one_in(3)) {
            for (std::uint32_t i = 1 + random_.below(3); i > 0; --i) {
                const auto reach = static_cast<std::uint32_t>(one_in(2) ? 80 : frame.size());
                frame.at(
                    random_.below(std::min(reach, static_cast<std::uint32_t>(frame.size())))) ^=
                    std::byte{static_cast<std::uint8_t>(1U << random_.below(8))};
            }
        }
        if (one_in(10)) {
            frame.resize(std::max<std::size_t>(
                kEthernetLen, random_.below(static_cast<std::uint32_t>(frame.size()))));
        }
        return frame;
    }

  private:
    [[nodiscard]] bool one_in(std::uint32_t count) { return random_.below(count) == 0; }
    template <typename T>
    [[nodiscard]] T pick(std::initializer_list<T> values) {
        return values.begin()[random_.below(static_cast<std::uint32_t>(values.size()))];
    }

    Random random_;
};

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
