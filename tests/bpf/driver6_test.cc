// The drivers on IPv6 over a veth pair: what each takes, what it leaves to the kernel's stack, and
// which multicast the interface receives for that.
#include <gtest/gtest.h>
#include <net/if.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "daemon/drivers.h"
#include "engine/drop_reason.h"
#include "engine/v6/request.h"
#include "frames6.h"
#include "host/multicast_member.h"
#include "io/packet/packet_port.h"
#include "io/udp/udp6_port.h"
#include "io/xsk/xdp_interface.h"
#include "lab.h"
#include "lease/store.h"
#include "model/make_snapshot.h"
#include "model/snapshot.h"
#include "packet/frame_view6.h"
#include "packet/frame_writer6.h"

namespace xdhcpd {
namespace {

// NOLINTNEXTLINE(google-build-using-namespace): the lab is what all of this is about
using namespace lab;

constexpr std::chrono::milliseconds kTimeout{2000};
const Ipv6 kClientLinkLocal = ip6("fe80::5eff:fe00:5302");
const Ipv6 kRelay = ip6("2001:db8:1::2");

class Driver6Test : public ::testing::Test {
  protected:
    void SetUp() override {
        if (const auto reason = missing_privilege()) {
            GTEST_SKIP() << *reason;
        }
        ASSERT_EQ(enter_new_network(), "");
        ifindex_ = ::if_nametoindex(kServerInterface);
        peer_ = std::make_unique<RawSocket>(kPeerInterface);
        ASSERT_TRUE(peer_->is_open());
        registry_.ipv6().set_names_key({3, 4});
        make_snapshot();
    }

    // The network of frames6.h on the server's interface.
    void make_snapshot() {
        model::Configuration configuration;
        configuration.interfaces.emplace_back().name = kServerInterface;
        const auto add_subnet = [&](std::string_view prefix, std::vector<model::VlanRange> vlans) {
            model::Subnet6Configuration& subnet = configuration.dhcp6.subnets.emplace_back();
            subnet.prefix = parse_ipv6_prefix(prefix).value();
            subnet.interface = kServerInterface;
            subnet.vlans = std::move(vlans);
        };
        add_subnet("2001:db8:1::/64", {});
        add_subnet("2001:db8:8::/64", {{kVlan, kVlan, 0, 0}});
        configuration.dhcp6.server_duid = testing::duid_of(1);
        model::SubnetConfiguration& ipv4 = configuration.dhcp4.subnets.emplace_back();
        ipv4.prefix = parse_ipv4_prefix("10.78.0.0/24").value();
        ipv4.interface = kServerInterface;
        ipv4.vlans = {{kServedOuter.tci, kServedOuter.tci, kServedInner.tci, kServedInner.tci}};
        configuration.router_advertisements.emplace_back().interface = kServerInterface;
        for (const Target& target : targets()) {
            model::NeighborProxyConfiguration& proxy =
                configuration.neighbor_proxies.emplace_back();
            proxy.interface = kServerInterface;
            if (target.outer != 0) {
                proxy.vlan = model::VlanRange{target.outer, target.outer, 0, 0};
            }
            proxy.targets = {target.prefix};
        }
        model::HostState host;
        model::HostInterface& interface = host.interfaces.emplace_back();
        interface.ifindex = ifindex_;
        interface.name = kServerInterface;
        interface.mac = kServerMac;
        interface.addresses6 = {{kServerLinkLocal, 64}, {kServerGlobal, 64}, {kOwnTarget, 128}};
        snapshot_ = model::make_snapshot(configuration, host, registry_, {1, 2}, 1).snapshot;
        ASSERT_TRUE(snapshot_);
    }
    [[nodiscard]] const model::Snapshot& snapshot() const { return *snapshot_; }
    [[nodiscard]] daemon::DrivenInterface open(model::Driver driver,
                                               bool serves_dhcp6 = true) const {
        model::InterfaceConfiguration configuration;
        configuration.name = kServerInterface;
        configuration.driver = driver;
        const model::HostInterface host{.ifindex = ifindex_,
                                        .name = kServerInterface,
                                        .mac = kServerMac,
                                        .up = true,
                                        .addresses = {}};
        auto opened = daemon::DrivenInterface::open(
            configuration, {}, host, {.has_vlans = false, .serves_dhcp6 = serves_dhcp6});
        EXPECT_TRUE(opened) << opened.error().message;
        EXPECT_EQ(opened->port6_problem(), "");
        return std::move(*opened);
    }

    static std::optional<Bytes> receive_one(Port& port,
                                            std::chrono::milliseconds timeout = kTimeout) {
        pollfd ready{.fd = port.fd(), .events = POLLIN, .revents = 0};
        std::array<RxFrame, 1> batch;
        if (::poll(&ready, 1, static_cast<int>(timeout.count())) <= 0 || port.receive(batch) != 1) {
            return std::nullopt;
        }
        Bytes copy(batch[0].bytes.begin(), batch[0].bytes.end());
        port.release(batch);
        return copy;
    }
    // The frames that the port gave, until none has come for a while.
    static std::vector<Bytes> receive_all(Port& port) {
        std::vector<Bytes> all;
        while (auto frame = receive_one(port, std::chrono::milliseconds{200})) {
            all.push_back(std::move(*frame));
        }
        return all;
    }
    static void send(Port& port, const Bytes& frame, std::uint32_t ifindex) {
        auto lent = port.lend();
        ASSERT_TRUE(lent);
        copy_bytes(lent->bytes().data(), frame);
        port.submit(std::move(*lent),
                    {.frame_len = static_cast<std::uint32_t>(frame.size()), .ifindex = ifindex});
        port.flush();
    }
    static std::string output_of(const std::string& command) {
        std::string text;
        // NOLINTNEXTLINE(cert-env33-c): the words are ours
        FILE* const pipe = ::popen(command.c_str(), "r");
        std::array<char, 256> line{};
        while (pipe != nullptr && std::fgets(line.data(), line.size(), pipe) != nullptr) {
            text += line.data();
        }
        if (pipe != nullptr) {
            static_cast<void>(::pclose(pipe));
        }
        return text;
    }
    [[nodiscard]] static std::string groups() {
        return output_of(std::string{"ip -6 maddress show dev "} + kServerInterface);
    }
    [[nodiscard]] static bool receives_all_multicast() {
        return output_of(std::string{"ip -d link show dev "} + kServerInterface)
                   .find("allmulti 1") != std::string::npos;
    }

    std::uint32_t ifindex_ = 0;
    std::unique_ptr<RawSocket> peer_;
    lease::Store store_{1};
    model::SpaceRegistry registry_{store_};
    std::unique_ptr<const model::Snapshot> snapshot_;
};

// What the driver gives of these is the frame as it was sent.
[[nodiscard]] std::vector<Bytes> wanted_frames() {
    FrameSpec6 relayed;
    relayed.destination = kServerGlobal;
    relayed.destination_mac = kServerMac;
    FrameSpec6 padded;
    padded.padding.resize(14);
    return {frame6({}, solicit()), frame6(relayed, solicit(kRelayForw)),
            frame6(rs_spec(), router_solicitation()), neighbor_frame(ip6("2001:db8:2::99")),
            neighbor_frame(ip6("2001:db8:3::53"))};
}
// And of these nothing.
[[nodiscard]] std::vector<Bytes> foreign_frames() {
    FrameSpec6 other_port;
    other_port.destination_port = 546;
    FrameSpec6 fragment;
    fragment.next_header = 44;
    FrameSpec6 ping = nd_spec(kServerGlobal);
    return {frame6({}, solicit(2)),
            frame6(other_port, solicit()),
            frame6(fragment, Bytes(40)),
            frame6(ping, bytes({128, 0, 0, 0, 0, 1, 0, 1})),
            neighbor_frame(ip6("2001:db8:3::54")),
            neighbor_frame(kOwnTarget),
            neighbor_frame(kServerGlobal)};
}

class WholeFrames : public Driver6Test, public ::testing::WithParamInterface<model::Driver> {};

TEST_P(WholeFrames, TakesWhatIsServedAndNothingElse) {
    auto driven = open(GetParam());
    // An interface without VLANs in metadata is not to be had here; the untagged link is served.
    static_cast<void>(driven.update(snapshot()));
    Port& port = *driven.ports().front();
    std::vector<Bytes> sent;
    for (const Bytes& frame : foreign_frames()) {
        ASSERT_TRUE(peer_->send(frame));
    }
    for (const Bytes& frame : wanted_frames()) {
        ASSERT_TRUE(peer_->send(frame));
    }
    EXPECT_EQ(receive_all(port), wanted_frames());
}

TEST_P(WholeFrames, TakesNothingBeforeItIsServedAndNothingAfter) {
    auto driven = open(GetParam(), false);
    Port& port = *driven.ports().front();
    const auto sends = [&] {
        for (const Bytes& frame : wanted_frames()) {
            EXPECT_TRUE(peer_->send(frame));
        }
        return receive_all(port).size();
    };
    EXPECT_EQ(sends(), 0U);
    static_cast<void>(driven.update(snapshot()));
    EXPECT_EQ(sends(), wanted_frames().size());
    static_cast<void>(driven.update(model::Snapshot{}));
    EXPECT_EQ(sends(), 0U);
}

TEST_P(WholeFrames, SendsFramesAsTheyAre) {
    auto driven = open(GetParam());
    FrameSpec6 spec;
    spec.source_mac = kServerMac;
    spec.destination_mac = kClientMac;
    spec.source = kServerLinkLocal;
    spec.destination = kClientLinkLocal;
    spec.source_port = 547;
    spec.destination_port = 546;
    const Bytes reply = frame6(spec, solicit(7));
    send(*driven.ports().front(), reply, ifindex_);
    EXPECT_TRUE(
        peer_->receive([&](ByteView frame) { return equal_bytes(frame, reply); }, kTimeout));
}

INSTANTIATE_TEST_SUITE_P(Drivers, WholeFrames,
                         ::testing::Values(model::Driver::kXdp, model::Driver::kXdpGeneric,
                                           model::Driver::kPacket),
                         [](const auto& driver) -> std::string {
                             switch (driver.param) {
                                 case model::Driver::kXdp:
                                     return "Xdp";
                                 case model::Driver::kXdpGeneric:
                                     return "XdpGeneric";
                                 default:
                                     return "Packet";
                             }
                         });

// Whether it takes more than headers, maps of addresses and targets to know that.
[[nodiscard]] bool is_of_userspace(const engine::DropReason& reason) {
    using engine::Refusal6;
    static const std::set<engine::DropReason> kOfHeaders = [] {
        std::set<engine::DropReason> reasons{Refusal6::kNotForUs, Refusal6::kUnservedVlan,
                                             Refusal6::kNotServed, Refusal6::kNotAllRouters,
                                             Refusal6::kNotOurTarget};
        for (std::size_t i = 0; i < static_cast<std::size_t>(FrameError6::kCount); ++i) {
            reasons.insert(static_cast<FrameError6>(i));
        }
        for (const FrameError6 error :
             {FrameError6::kBadUdpChecksum, FrameError6::kNoUdpChecksum,
              FrameError6::kBadIcmpChecksum, FrameError6::kMulticastSource}) {
            reasons.erase(error);
        }
        return reasons;
    }();
    return !kOfHeaders.contains(reason);
}

// The packet driver takes what XDP takes, and the engine refuses nothing of that for a reason that
// headers tell. What the packet driver takes beyond that the engine refuses, but for frames that
// are left to the lane under XDP: longer ones, and those to the MAC of another group.
TEST_F(Driver6Test, XdpThePacketDriverAndTheEngineAgreeOnRandomFrames) {
    constexpr int kRounds = 300;
    constexpr std::size_t kBatchLen = 32;
    constexpr std::uint64_t kDefaultSeed = 20240611;
    // NOLINTNEXTLINE(concurrency-mt-unsafe): one thread
    const char* const given = std::getenv("XDHCPD_SEED");
    const std::uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 0) : kDefaultSeed;
    std::cout << "seed " << seed << " (XDHCPD_SEED chooses another)\n";
    ASSERT_TRUE(ip(std::string{"link set xdsrv mtu 3500"}) && ip("link set xdpeer mtu 3500"));
    auto driven = open(model::Driver::kPacket);
    ASSERT_TRUE(driven.update(snapshot()));
    Port& port = *driven.ports().front();
    const Bytes fence = frame6({}, testing::message6(kSolicit, {testing::option6(6, {0, 0})}));
    FrameMaker6 maker{seed};
    const Rules rules{kMaxFrameLen};
    engine::v6::Request request;
    int taken = 0, understood = 0, left_to_lane = 0;
    for (int round = 0; round < kRounds; ++round) {
        std::vector<Bytes> frames(kBatchLen);
        std::generate(frames.begin(), frames.end(), [&] { return maker.make(); });
        for (const Bytes& frame : frames) {
            ASSERT_TRUE(peer_->send(frame));
        }
        ASSERT_TRUE(peer_->send(fence));
        std::size_t next = 0;
        std::vector<bool> delivered(frames.size());
        while (const auto frame = receive_one(port)) {
            if (*frame == fence) {
                break;
            }
            while (next < frames.size() && *frame != frames[next]) {
                ++next;
            }
            ASSERT_LT(next, frames.size()) << "a frame that nobody sent: " << to_hex(*frame);
            delivered[next++] = true;
        }
        for (std::size_t i = 0; i < frames.size(); ++i) {
            const xd_verdict verdict = rules.judge(frames[i]);
            const auto read = request.parse(frames[i], ifindex_, snapshot());
            const std::string what = to_hex(frames[i]);
            if (verdict == XD_REDIRECTED) {
                ++taken;
                EXPECT_TRUE(delivered[i]) << what;
                EXPECT_TRUE(read || is_of_userspace(read.error()))
                    << read.error().full_name() << ": " << what;
            } else if (delivered[i] && read) {
                ++left_to_lane;
                EXPECT_TRUE(verdict == XD_PASS_TOO_LONG || verdict == XD_PASS_OTHER_HOST)
                    << verdict << ": " << what;
            }
            understood += verdict == XD_REDIRECTED && read ? 1 : 0;
        }
        ASSERT_FALSE(HasFailure()) << "seed " << seed << ", round " << round;
    }
    std::cout << taken << " frames taken by XDP, of them " << understood << " read by the engine; "
              << left_to_lane << " left to the lane\n";
    EXPECT_GT(taken, kRounds * static_cast<int>(kBatchLen) / 10);
    EXPECT_GT(understood, taken / 2);
    EXPECT_GT(left_to_lane, 0);
}

TEST_F(Driver6Test, TheTwoPortsOfUdpServeAFamilyEach) {
    auto driven = open(model::Driver::kUdp);
    ASSERT_EQ(driven.ports().size(), 2U);
    EXPECT_EQ(driven.queue_count(), 1U);
    EXPECT_EQ(driven.ports()[1]->driver(), "udp6");
    EXPECT_EQ(driven.ports()[1]->role(), PortRole::kDriver);
    EXPECT_EQ(open(model::Driver::kUdp, false).ports().size(), 1U);
}

TEST_F(Driver6Test, UdpMakesFramesOfWhatGoesToServers) {
    auto driven = open(model::Driver::kUdp);
    Port& port = *driven.ports()[1];
    ASSERT_TRUE(ip("address add 2001:db8:1::1/64 dev xdsrv nodad"));
    FrameSpec6 site;
    site.destination = kSiteServersGroup;
    site.destination_mac = kSiteServersGroup.multicast_mac();
    site.hop_limit = 3;
    FrameSpec6 relayed;
    relayed.destination = kServerGlobal;
    relayed.destination_mac = kServerMac;
    relayed.source = kRelay;
    relayed.source_port = 547;
    for (FrameSpec6 spec : {FrameSpec6{}, site, relayed}) {
        ASSERT_TRUE(peer_->send(frame6(spec, solicit())));
        spec.source_mac = Mac{};  // which a socket does not tell
        EXPECT_EQ(receive_one(port), frame6(spec, solicit())) << to_string(spec.destination);
    }
    FrameSpec6 other_group;
    other_group.destination = kAllNodes;
    other_group.destination_mac = kAllNodes.multicast_mac();
    ASSERT_TRUE(peer_->send(frame6(other_group, solicit())));
    const auto stray = receive_one(port, std::chrono::milliseconds{200});
    EXPECT_TRUE(!stray || FrameView6::parse(*stray)->destination == kAllNodes);
}

// Two fragments of one message, as they follow each other.
[[nodiscard]] std::vector<Bytes> fragments_of(const FrameSpec6& spec, const Bytes& message) {
    const Bytes whole = frame6(spec, message);
    const Bytes upper(whole.begin() + kEthernetLen + kIpv6Len, whole.end());
    constexpr std::size_t kCut = 256;  // a multiple of eight
    FrameSpec6 fragment = spec;
    fragment.next_header = 44;
    const auto with_header = [&](int offset_and_more, ByteView part) {
        return frame6(
            fragment,
            testing::join(
                {bytes({17, 0, offset_and_more >> 8, offset_and_more & 0xff, 0, 0, 0, 7}), part}));
    };
    return {with_header(1, ByteView{upper}.first(kCut)),
            with_header(static_cast<int>(kCut), ByteView{upper}.subspan(kCut))};
}

TEST_F(Driver6Test, TheLaneHasWhatTheDriversLeaveOutAndNothingElse) {
    Bytes message = solicit();
    message.resize(600);
    for (const model::Driver driver : {model::Driver::kXdpGeneric, model::Driver::kPacket}) {
        auto driven = open(driver);
        static_cast<void>(driven.update(snapshot()));
        Port& fast = *driven.ports().front();
        Port& lane = *driven.ports()[2];
        ASSERT_EQ(lane.driver(), "udp6");
        EXPECT_EQ(lane.role(), PortRole::kLane);
        for (const Bytes& fragment : fragments_of({}, message)) {
            ASSERT_TRUE(peer_->send(fragment));
        }
        const auto reassembled = receive_one(lane);
        ASSERT_TRUE(reassembled) << fast.driver();
        EXPECT_TRUE(equal_bytes(FrameView6::parse(*reassembled)->payload, message));
        ASSERT_TRUE(peer_->send(frame6({}, message)));
        EXPECT_TRUE(receive_one(fast)) << fast.driver();
        EXPECT_FALSE(receive_one(lane, std::chrono::milliseconds{200})) << fast.driver();
        EXPECT_FALSE(receive_one(fast, std::chrono::milliseconds{50})) << fast.driver();
    }
}

TEST_F(Driver6Test, UdpAnswersOnTheLinkAndByRouting) {
    ASSERT_TRUE(
        ip("address add fe80::5eff:fe00:5301/64 dev xdsrv nodad") &&
        ip("address add 2001:db8:1::1/64 dev xdsrv nodad") &&
        ip("neigh add fe80::5eff:fe00:5302 lladdr " + to_string(kClientMac) +
           " dev xdsrv nud permanent") &&
        ip("neigh add 2001:db8:1::2 lladdr " + to_string(kOtherMac) + " dev xdsrv nud permanent") &&
        ip("route add 2001:db8:77::/64 via 2001:db8:1::2"));
    auto driven = open(model::Driver::kUdp);
    Port& port = *driven.ports()[1];
    FrameSpec6 spec;
    spec.source_mac = kServerMac;
    spec.destination_mac = kClientMac;
    spec.source = kServerLinkLocal;
    spec.destination = kClientLinkLocal;
    spec.source_port = 547;
    spec.destination_port = 546;
    FrameSpec6 relayed = spec;
    relayed.destination_mac = kOtherMac;
    relayed.source = kServerGlobal;
    relayed.destination = ip6("2001:db8:77::9");
    relayed.destination_port = 547;
    for (const FrameSpec6& each : {spec, relayed}) {
        const Bytes expected = frame6(each, solicit(7));
        send(port, expected, ifindex_);
        const auto reply = peer_->receive(
            [](ByteView frame) {
                const auto view = FrameView6::parse(frame);
                return view && view->protocol == Protocol6::kUdp;
            },
            kTimeout);
        ASSERT_TRUE(reply);
        const auto seen = FrameView6::parse(*reply);
        EXPECT_EQ(seen->source, each.source);
        EXPECT_EQ(seen->destination, each.destination);
        EXPECT_EQ(seen->destination_mac, each.destination_mac);
        EXPECT_EQ(seen->source_port, 547);
        EXPECT_EQ(seen->destination_port, each.destination_port);
        EXPECT_TRUE(equal_bytes(seen->payload, solicit(7)));
    }
    EXPECT_EQ(port.counters().tx_errors.value(), 0U);
}

TEST_F(Driver6Test, JoinsTheGroupsThatAreServedAndLeavesThemAgain) {
    auto driven = open(model::Driver::kPacket);
    EXPECT_NE(groups().find("ff02::1:2"), std::string::npos);
    EXPECT_NE(groups().find("ff05::1:3"), std::string::npos);
    EXPECT_EQ(groups().find("ff02::2\n"), std::string::npos);
    model::Snapshot exact;
    exact.ipv6.advertisements.emplace_back().ifindex = ifindex_;
    exact.ipv6.proxies.push_back(
        {.ifindex = ifindex_,
         .vlan = {},
         .targets = {parse_ipv6_prefix("2001:db8:3::53/128").value(),
                     parse_ipv6_prefix("2001:db8:3::5:1234/128").value()}});
    ASSERT_TRUE(driven.update_groups(exact));
    for (const char* const group : {"ff02::2\n", "ff02::1:ff00:53\n", "ff02::1:ff05:1234\n"}) {
        EXPECT_NE(groups().find(group), std::string::npos) << group << groups();
    }
    EXPECT_FALSE(receives_all_multicast());

    ASSERT_TRUE(driven.update_groups(snapshot()));  // with prefixes
    EXPECT_TRUE(receives_all_multicast());
    EXPECT_EQ(groups().find("ff02::1:ff00:53\n"), std::string::npos);
    EXPECT_NE(groups().find("ff02::2\n"), std::string::npos);

    ASSERT_TRUE(driven.update_groups(model::Snapshot{}));
    EXPECT_FALSE(receives_all_multicast());
    EXPECT_EQ(groups().find("ff02::2\n"), std::string::npos);
}

TEST_F(Driver6Test, MembershipsEndWithTheInterface) {
    {
        auto driven = open(model::Driver::kXdpGeneric);
        ASSERT_TRUE(driven.update_groups(snapshot()));
        EXPECT_TRUE(receives_all_multicast());
    }
    EXPECT_FALSE(receives_all_multicast());
    for (const char* const group : {"ff02::2\n", "ff02::1:2\n", "ff05::1:3\n"}) {
        EXPECT_EQ(groups().find(group), std::string::npos) << group;
    }
}

}  // namespace
}  // namespace xdhcpd
