// Runs the XDP program on single frames with the kernel's own test run: which verdict, which
// counter, and that a frame that passes is unchanged.
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <unistd.h>
#include <xdhcpd.skel.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <ctime>
#include <initializer_list>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "bpf/xdhcpd_abi.h"
#include "io/xsk/xsk_port.h"
#include "lab.h"
#include "packet/frame_view.h"
#include "packet/headers.h"
#include "support/test_run.h"
#include "verdict_lab.h"

namespace xdhcpd {
namespace {

using lab::Frame;
using lab::kDirectedBroadcast;
using lab::kMaxFrameLen;
using lab::kServedInner;
using lab::kServedOuter;
using lab::kServedTag;
using lab::Outcome;
using lab::patched;
using lab::SkeletonDeleter;
using lab::VerdictTest;

constexpr Ipv4 kForeignIp{0xc6336401};  // 198.51.100.1
// Offsets in an untagged frame.
constexpr std::size_t kIp = kEthernetLen;
constexpr std::size_t kUdp = kEthernetLen + kIpv4MinLen;
constexpr std::size_t kOp = kUdp4HeadersLen;

TEST_F(VerdictTest, TakesBroadcastRequest) {
    expect_redirect(lab::frame(lab::broadcast_request()), "DISCOVER");
}

TEST_F(VerdictTest, PriorityTagsNameNoVlanAndTpidsMakeNoDifference) {
    constexpr VlanTag kPriority{.tpid = kEtherTypeVlan, .tci = 0xe000};
    constexpr VlanTag kOtherTpid{.tpid = kEtherTypeQinq, .tci = kServedTag.tci};
    constexpr VlanTag kUnserved{.tpid = kEtherTypeVlan, .tci = 101};
    const auto frame = [](const VlanTags& tags) {
        auto headers = lab::broadcast_request();
        headers.tags = tags;
        return lab::frame(headers);
    };
    constexpr VlanTag kServicePriority{.tpid = kEtherTypeQinq, .tci = 0x2000};
    expect_redirect(frame(lab::tags(kPriority)), "priority");
    expect_redirect(frame(lab::tags(kServicePriority)), "priority, 0x88a8");
    expect_redirect(frame(lab::tags(kServicePriority, kPriority)), "two priority tags");
    expect_redirect(frame(lab::tags(kPriority, kServedTag)), "priority outside");
    expect_redirect(frame(lab::tags(kServedTag, kPriority)), "priority inside");
    expect_redirect(frame(lab::tags(kOtherTpid)), "0x88a8");
    expect_pass(frame(lab::tags(kPriority, kUnserved)), XD_PASS_UNKNOWN_LINK, "unserved inside");
    expect_pass(frame(lab::tags(kUnserved, kPriority)), XD_PASS_UNKNOWN_LINK, "unserved outside");
    expect_pass(frame(lab::tags(kServedTag, kServedTag)), XD_PASS_UNKNOWN_LINK, "second tag");
    expect_pass(frame(lab::tags(kServedOuter)), XD_PASS_UNKNOWN_LINK, "outer of two alone");
}

TEST_F(VerdictTest, SaysWhenARedirectedFrameCame) {
    const auto now = [] {
        timespec time{};
        EXPECT_EQ(::clock_gettime(CLOCK_MONOTONIC_COARSE, &time), 0);
        return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000 +
               static_cast<std::uint64_t>(time.tv_nsec);
    };
    const std::uint64_t before = now();
    const Outcome outcome = run(lab::frame(lab::broadcast_request()));
    ASSERT_TRUE(outcome.has_metadata);
    EXPECT_EQ(outcome.arrival.magic, XD_ARRIVAL_MAGIC);
    EXPECT_EQ(outcome.arrival.spare, 0U);
    EXPECT_GE(outcome.arrival.time, before);
    EXPECT_LE(outcome.arrival.time, now());
}

TEST_F(VerdictTest, TakesRequestToLocalAddressesAndDirectedBroadcast) {
    auto headers = lab::broadcast_request();
    headers.source = lab::kClientIp;
    headers.destination_mac = lab::kServerMac;
    headers.destination = lab::kServerIp;
    expect_redirect(lab::frame(headers), "renewal");
    headers.source_port = lab::kServerPort;
    expect_redirect(lab::frame(headers), "relayed");
    headers.destination_mac = kBroadcastMac;
    headers.destination = kDirectedBroadcast;
    expect_redirect(lab::frame(headers), "directed broadcast");
}

TEST_F(VerdictTest, TakesBroadcastToOurMac) {
    auto headers = lab::broadcast_request();
    headers.destination_mac = lab::kServerMac;
    expect_redirect(lab::frame(headers), "relay without ARP");
}

TEST_F(VerdictTest, TakesServedTagsWhateverTheirPriority) {
    auto headers = lab::broadcast_request();
    headers.tags = lab::tags(kServedTag);
    expect_redirect(lab::frame(headers), "one tag");
    headers.tags = lab::tags({.tpid = kEtherTypeVlan, .tci = 100 | 0xf000});
    expect_redirect(lab::frame(headers), "priority and DEI");
    headers.tags = lab::tags(kServedOuter, kServedInner);
    expect_redirect(lab::frame(headers), "two tags");
}

TEST_F(VerdictTest, PassesTagsThatAreNotServed) {
    auto headers = lab::broadcast_request();
    const auto pass = [&](const VlanTags& tags, const std::string& what) {
        headers.tags = tags;
        expect_pass(lab::frame(headers), XD_PASS_UNKNOWN_LINK, what);
    };
    pass(lab::tags({.tpid = kEtherTypeVlan, .tci = 101}), "other VID");
    pass(lab::tags(kServedOuter), "outer tag alone");
    pass(lab::tags(kServedInner, kServedOuter), "swapped");
    pass(lab::tags(kServedOuter, {.tpid = kEtherTypeVlan, .tci = 301}), "other inner VID");
}

TEST_F(VerdictTest, PassesThirdTag) {
    auto headers = lab::broadcast_request();
    headers.tags = lab::tags(kServedOuter, kServedInner);
    Frame frame = lab::frame(headers);
    const Frame tag = patched(Frame(4), 0, {0x81, 0x00, 0x00, 0x64});
    frame.insert(frame.begin() + 12, tag.begin(), tag.end());
    expect_pass(frame, XD_PASS_NOT_IP, "three tags");
}

TEST_F(VerdictTest, PassesOtherInterface) {
    const std::uint32_t server = ifindex_;
    ifindex_ = ::if_nametoindex(lab::kPeerInterface);
    expect_pass(lab::frame(lab::broadcast_request()), XD_PASS_UNKNOWN_LINK, "peer interface");
    ifindex_ = server;
}

TEST_F(VerdictTest, PassesWhatIsNotIpv4) {
    const Frame request = lab::frame(lab::broadcast_request());
    expect_pass(patched(request, 12, {0x08, 0x06}), XD_PASS_NOT_IP, "ARP");
    expect_pass(patched(request, 12, {0x86, 0xdd}), XD_PASS_NOT_IP, "IP version 4 as IPv6");
    expect_pass(patched(request, 12, {0x00, 0x26}), XD_PASS_NOT_IP, "802.3 length");
    expect_pass(patched(request, kIp, {0x65}), XD_PASS_NOT_IP, "IP version 6 as IPv4");
}

TEST_F(VerdictTest, PassesOtherProtocols) {
    const Frame request = lab::frame(lab::broadcast_request());
    for (const std::uint8_t protocol :
         std::initializer_list<std::uint8_t>{1, 2, 6, 47, 50, 132, 136}) {
        expect_pass(patched(request, kIp + 9, {protocol}), XD_PASS_NOT_UDP,
                    "protocol " + std::to_string(protocol));
    }
}

TEST_F(VerdictTest, PassesFragmentsBeforeLookingAtThePort) {
    const Frame request = lab::frame(lab::broadcast_request());
    expect_pass(patched(request, kIp + 6, {0x20, 0x00}), XD_PASS_FRAGMENT, "first");
    expect_pass(patched(request, kIp + 6, {0x20, 0xb9}), XD_PASS_FRAGMENT, "middle");
    expect_pass(patched(request, kIp + 6, {0x00, 0xb9}), XD_PASS_FRAGMENT, "last");
    expect_pass(patched(request, kIp + 6, {0x00, 0x01}), XD_PASS_FRAGMENT, "lowest offset");
    expect_pass(patched(request, kIp + 6, {0x10, 0x00}), XD_PASS_FRAGMENT, "highest offset bit");
    // A first fragment announces more than it holds, and a later one has data where ports would be.
    Frame foreign = patched(request, kIp + 6, {0x20, 0x00});
    foreign = patched(foreign, kUdp, {0x00, 0x35, 0xff, 0x00, 0xff, 0xff});
    expect_pass(foreign, XD_PASS_FRAGMENT, "foreign");
    expect_redirect(patched(request, kIp + 6, {0x40, 0x00}), "do not fragment");
}

TEST_F(VerdictTest, PassesIpOptionsBeforeLookingAtThePort) {
    const Frame request = lab::frame(lab::broadcast_request());
    for (const auto version_and_len : std::initializer_list<std::uint8_t>{0x40, 0x44, 0x46, 0x4f}) {
        expect_pass(patched(request, kIp, {version_and_len}), XD_PASS_IP_OPTIONS,
                    "header length " + std::to_string(version_and_len & 15));
    }
}

TEST_F(VerdictTest, PassesOtherPortsWhateverTheyContain) {
    auto headers = lab::broadcast_request();
    for (const std::uint16_t port : std::initializer_list<std::uint16_t>{
             0, 53, 66, 68, 547, 17152}) {  // 17152 is 67 in the wrong order
        headers.destination_port = port;
        const Frame frame = lab::frame(headers);
        expect_pass(frame, XD_PASS_OTHER_PORT, "port " + std::to_string(port));
        expect_pass(patched(frame, kUdp + 4, {0xff, 0xff}), XD_PASS_OTHER_PORT, "bad UDP length");
        expect_pass(patched(frame, kIp + 2, {0xff, 0xff}), XD_PASS_OTHER_PORT, "bad IP length");
    }
}

TEST_F(VerdictTest, TakesOnlyThePortGivenAtLoad) {
    std::unique_ptr<xdhcpd_bpf, SkeletonDeleter> other{xdhcpd_bpf__open()};
    ASSERT_TRUE(other);
    other->rodata->xd_server_port = 6767;
    ASSERT_EQ(xdhcpd_bpf__load(other.get()), 0);
    std::swap(skeleton_, other);
    auto headers = lab::broadcast_request();
    expect_pass(lab::frame(headers), XD_PASS_OTHER_PORT, "67");
    headers.destination_port = 6767;
    expect_pass(lab::frame(headers), XD_PASS_UNKNOWN_LINK, "6767, no link yet");
    std::swap(skeleton_, other);
}

TEST_F(VerdictTest, PassesWhatIsNoBootRequest) {
    const Frame request = lab::frame(lab::broadcast_request());
    for (const std::uint8_t op : std::initializer_list<std::uint8_t>{0, 2, 3, 255}) {
        expect_pass(patched(request, kOp, {op}), XD_PASS_NOT_REQUEST, "op " + std::to_string(op));
    }
}

TEST_F(VerdictTest, PassesEveryTruncation) {
    auto headers = lab::broadcast_request();
    for (const VlanTags& tags :
         {VlanTags{}, lab::tags(kServedTag), lab::tags(kServedOuter, kServedInner)}) {
        headers.tags = tags;
        const Frame whole = lab::frame(headers, lab::kBootRequest, 244);
        for (std::size_t len = kEthernetLen; len < whole.size(); ++len) {
            const Frame cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(len));
            expect_pass(cut, XD_PASS_TRUNCATED,
                        std::to_string(tags.count) + " tags, " + std::to_string(len) + " bytes");
        }
        expect_redirect(whole, "whole");
    }
}

TEST_F(VerdictTest, PassesLengthsThatContradictEachOther) {
    const Frame request = lab::frame(lab::broadcast_request());  // 300 bytes: IP 328, UDP 308
    expect_pass(patched(request, kIp + 2, {0x01, 0x49}), XD_PASS_TRUNCATED, "IP beyond frame");
    expect_pass(patched(request, kUdp + 4, {0x01, 0x35}), XD_PASS_TRUNCATED, "UDP beyond IP");
    expect_pass(patched(request, kIp + 2, {0x00, 0x00}), XD_PASS_TRUNCATED, "IP length 0");
    expect_pass(patched(request, kIp + 2, {0x00, 0x13}), XD_PASS_TRUNCATED, "IP length 19");
    expect_pass(patched(request, kIp + 2, {0x00, 0x1c}), XD_PASS_TRUNCATED, "IP without UDP data");
    expect_pass(patched(request, kUdp + 4, {0x00, 0x08}), XD_PASS_TRUNCATED, "UDP without data");
    expect_pass(patched(request, kUdp + 4, {0x00, 0x00}), XD_PASS_TRUNCATED, "UDP length 0");
    expect_redirect(patched(request, kUdp + 4, {0x00, 0x09}), "one byte of data");
}

TEST_F(VerdictTest, TakesPaddedFrames) {
    Frame padded = lab::frame(lab::broadcast_request());
    padded.resize(padded.size() + 22);
    expect_redirect(padded, "Ethernet padding");
}

TEST_F(VerdictTest, PassesWhatDoesNotFitAUmemFrame) {
    const std::size_t longest = kMaxFrameLen - kUdp4HeadersLen;
    expect_redirect(lab::frame(lab::broadcast_request(), lab::kBootRequest, longest), "at limit");
    expect_pass(lab::frame(lab::broadcast_request(), lab::kBootRequest, longest + 1),
                XD_PASS_TOO_LONG, "one above");
    expect_pass(lab::frame(lab::broadcast_request(), lab::kBootRequest, 8000), XD_PASS_TOO_LONG,
                "several buffers");
}

TEST_F(VerdictTest, PassesForeignTransit) {
    auto headers = lab::broadcast_request();
    headers.source = lab::kClientIp;
    headers.destination_mac = lab::kServerMac;
    headers.destination = kForeignIp;
    expect_pass(lab::frame(headers), XD_PASS_NOT_LOCAL, "routed through us");
    headers.destination_mac = kBroadcastMac;
    headers.destination = Ipv4{0xe0000001};
    expect_pass(lab::frame(headers), XD_PASS_NOT_LOCAL, "multicast address");
    headers.destination = Ipv4{};
    expect_pass(lab::frame(headers), XD_PASS_NOT_LOCAL, "0.0.0.0");
}

TEST_F(VerdictTest, PassesFramesForAnotherHost) {
    auto headers = lab::broadcast_request();
    headers.destination_mac = lab::kOtherMac;
    expect_pass(lab::frame(headers), XD_PASS_OTHER_HOST, "promiscuous");
    headers.destination_mac = lab::kServerMac;
    headers.destination_mac.octets[5] ^= std::byte{1};
    expect_pass(lab::frame(headers), XD_PASS_OTHER_HOST, "differs in the last bit");
    headers.destination_mac = kBroadcastMac;
    headers.destination_mac.octets[0] = std::byte{0xfe};
    expect_pass(lab::frame(headers), XD_PASS_OTHER_HOST, "nearly broadcast");
}

TEST_F(VerdictTest, PassesWhileDisabled) {
    const Frame request = lab::frame(lab::broadcast_request());
    enable(false);
    expect_pass(request, XD_PASS_DISABLED, "off");
    enable(true);
    expect_redirect(request, "on again");
}

TEST_F(VerdictTest, PassesWithoutSocketOnTheQueue) {
    const std::uint32_t queue = 0;
    ASSERT_EQ(bpf_map_delete_elem(bpf_map__fd(skeleton_->maps.xd_sockets), &queue), 0);
    expect_pass(lab::frame(lab::broadcast_request()), XD_PASS_NO_SOCKET, "empty slot");
}

// Rates: one token comes in an hour, so that none does while the test runs.
constexpr std::uint64_t kHour = 3'600'000'000'000;
constexpr xd_rate kThree{.interval = kHour, .tolerance = 2 * kHour};
// Of the message in an untagged frame.
constexpr std::size_t kCiaddr = kUdp4HeadersLen + 12;
constexpr std::size_t kGiaddr = kUdp4HeadersLen + 24;
constexpr std::size_t kChaddr = kUdp4HeadersLen + 28;

// A client that has no address asks on its own link.
Frame direct_request(const Mac& client, const VlanTags& tags = {}) {
    auto headers = lab::broadcast_request();
    headers.source_mac = client;
    headers.tags = tags;
    const std::size_t giaddr = kGiaddr + VlanTags::kTagLen * tags.count;
    return patched(lab::frame(headers), giaddr, {0, 0, 0, 0});
}

TEST_F(VerdictTest, DropsWhatAClientSendsBeyondItsBurst) {
    forget_clients();
    limit(kThree, {});
    const Frame request = direct_request(lab::kClientMac);
    for (int i = 0; i < 3; ++i) {
        expect_redirect(request, "within the burst");
    }
    expect_drop(request, XD_DROP_CLIENT_RATE, "beyond it");
    expect_drop(patched(request, kChaddr + 5, {0x77}), XD_DROP_CLIENT_RATE, "other chaddr");
    expect_redirect(direct_request(lab::kOtherMac), "other client");
    expect_redirect(direct_request(lab::kClientMac, lab::tags(kServedTag)), "in a VLAN");
    expect_redirect(direct_request(lab::kClientMac, lab::tags(kServedOuter, kServedInner)), "two");
    // Its other traffic is no business of ours.
    expect_pass(patched(request, kUdp + 2, {0x00, 0x35}), XD_PASS_OTHER_PORT, "DNS");
    expect_pass(patched(request, 0, {0x02, 0, 0, 0, 0, 1}), XD_PASS_OTHER_HOST, "other server");
    expect_pass(patched(request, kOp, {lab::kBootReply}), XD_PASS_NOT_REQUEST, "reply");
}

TEST_F(VerdictTest, GivesAClientItsRateAfterTheBurst) {
    constexpr std::uint64_t kInterval = 40'000'000;
    forget_clients();
    limit({.interval = kInterval, .tolerance = 0}, {});
    const Frame request = direct_request(lab::kClientMac);
    expect_redirect(request, "first");
    expect_drop(request, XD_DROP_CLIENT_RATE, "at once");
    std::this_thread::sleep_for(std::chrono::nanoseconds{kInterval});
    expect_redirect(request, "an interval later");
    limit({}, {});
    expect_redirect(request, "no limit any more");
}

TEST_F(VerdictTest, LeavesClientsBehindRelaysAndRoutersToUserspace) {
    forget_clients();
    limit({.interval = kHour, .tolerance = 0}, {});
    auto headers = lab::broadcast_request();
    headers.destination_mac = lab::kServerMac;
    headers.destination = lab::kServerIp;
    headers.source = lab::kClientIp;
    headers.source_mac = lab::kOtherMac;
    const Frame renewal = patched(lab::frame(headers), kGiaddr, {0, 0, 0, 0});
    for (int i = 0; i < 3; ++i) {
        expect_redirect(lab::frame(headers), "relayed");
        expect_redirect(renewal, "from behind a router");
    }
    const Frame own = patched(renewal, kChaddr, {0x02, 0x00, 0x5e, 0x00, 0x53, 0x99});
    expect_redirect(own, "renewal on the link");
    expect_drop(own, XD_DROP_CLIENT_RATE, "again");
    expect_drop(patched(renewal, kCiaddr, {0, 0, 0, 0}), XD_DROP_CLIENT_RATE, "without address");
    expect_drop(direct_request(lab::kOtherMac), XD_DROP_CLIENT_RATE, "broadcast");
    // Too short to say anything: whoever sends it.
    headers.source_mac = lab::kClientMac;
    const Frame brief = lab::frame(headers, lab::kBootRequest, 20);
    expect_redirect(brief, "short");
    expect_drop(brief, XD_DROP_CLIENT_RATE, "short again");
}

TEST_F(VerdictTest, DropsWhatALinkBringsBeyondItsBurst) {
    limit({}, kThree);
    for (int i = 0; i < 3; ++i) {
        Mac client = lab::kClientMac;
        client.octets[5] = static_cast<std::byte>(i);
        expect_redirect(direct_request(client), "within the burst");
    }
    expect_drop(direct_request(lab::kOtherMac), XD_DROP_LINK_RATE, "beyond it");
    expect_drop(lab::frame(lab::broadcast_request()), XD_DROP_LINK_RATE, "relayed");
    expect_redirect(direct_request(lab::kOtherMac, lab::tags(kServedTag)), "other link");
    expect_pass(patched(direct_request(lab::kOtherMac), kUdp + 2, {0x00, 0x35}), XD_PASS_OTHER_PORT,
                "DNS");
}

TEST_F(VerdictTest, AClientThatIsStoppedDoesNotEmptyItsLink) {
    forget_clients();
    limit({.interval = kHour, .tolerance = 0}, kThree);
    expect_redirect(direct_request(lab::kClientMac), "first");
    for (int i = 0; i < 5; ++i) {
        expect_drop(direct_request(lab::kClientMac), XD_DROP_CLIENT_RATE, "again");
    }
    expect_redirect(direct_request(lab::kOtherMac), "other client");
    expect_redirect(direct_request(lab::kServerMac), "a third");
    expect_drop(direct_request({}), XD_DROP_LINK_RATE, "a fourth");
}

TEST_F(VerdictTest, OnlyWhatWouldBeTakenIsCountedAndDropped) {
    forget_clients();
    limit({.interval = kHour, .tolerance = 0}, {.interval = kHour, .tolerance = 0});
    const std::uint32_t queue = 0;
    ASSERT_EQ(bpf_map_delete_elem(bpf_map__fd(skeleton_->maps.xd_sockets), &queue), 0);
    const Frame request = direct_request(lab::kClientMac);
    for (int i = 0; i < 3; ++i) {
        expect_pass(request, XD_PASS_NO_SOCKET, "no socket");
    }
    put(skeleton_->maps.xd_sockets, queue, port_->fd());
    expect_redirect(request, "with a socket");
    ASSERT_EQ(bpf_map_delete_elem(bpf_map__fd(skeleton_->maps.xd_sockets), &queue), 0);
    expect_pass(request, XD_PASS_NO_SOCKET, "no token, but no socket either");
}

TEST_F(VerdictTest, WithoutAMapOfClientsOnlyLinksAreLimited) {
    limit({.interval = kHour, .tolerance = 0}, kThree);
    for (int i = 0; i < 3; ++i) {
        expect_redirect(direct_request(lab::kClientMac), "no map");
    }
    expect_drop(direct_request(lab::kClientMac), XD_DROP_LINK_RATE, "no map");
}

TEST_F(VerdictTest, ABucketThatAnotherRateEmptiedIsFull) {
    forget_clients();
    limit(kThree, {});
    const Frame request = direct_request(lab::kClientMac);
    for (int i = 0; i < 3; ++i) {
        expect_redirect(request, "slow rate");
    }
    limit({.interval = 1'000'000, .tolerance = 0}, {});
    expect_redirect(request, "fast rate");
}

// Every CPU takes from the same bucket. Who loses the race several times over gets a token for
// nothing; that is rare.
TEST_F(VerdictTest, SeveralCpusShareABucket) {
    constexpr std::uint64_t kBurst = 20'000;
    constexpr int kThreads = 4;
    constexpr std::uint32_t kRepeats = 20'000;
    limit({}, {.interval = kHour / 1000, .tolerance = (kBurst - 1) * (kHour / 1000)});
    const Frame request = direct_request(lab::kClientMac);
    std::vector<std::thread> threads;
    threads.reserve(kThreads);
    for (int i = 0; i < kThreads; ++i) {
        threads.emplace_back([&] {
            EXPECT_EQ(lab::run_xdp(program(), ifindex_, request, {.repeat = kRepeats}).error, 0);
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    const auto counts = counters();
    EXPECT_EQ(counts[XD_REDIRECTED] + counts[XD_DROP_LINK_RATE],
              static_cast<std::uint64_t>(kThreads) * kRepeats);
    EXPECT_GE(counts[XD_REDIRECTED], kBurst);
    EXPECT_LE(counts[XD_REDIRECTED], kBurst + kBurst / 100);
}

// What the program takes, userspace must be able to read or to count as a bad checksum: both look
// at the same lengths, fragments, tags and ports. Frames differ from a valid one in a few bytes,
// mostly in the headers.
TEST_F(VerdictTest, AgreesWithTheUserspaceParser) {
    constexpr int kRounds = 4000;
    std::mt19937 random{20240611};  // NOLINT(cert-msc51-cpp): the same frames in every run
    int taken = 0;
    for (int round = 0; round < kRounds; ++round) {
        auto headers = lab::broadcast_request();
        if (round % 3 == 1) {
            headers.tags = lab::tags(kServedTag);
        } else if (round % 3 == 2) {
            headers.tags = lab::tags(kServedOuter, kServedInner);
        }
        Frame frame = lab::frame(headers, lab::kBootRequest, 240 + random() % 100);
        for (std::size_t i = 0; i < 1 + random() % 2; ++i) {
            const std::size_t at = random() % (round % 4 == 0 ? frame.size() : 54);
            frame[at] ^= std::byte{static_cast<std::uint8_t>(1U << (random() % 8))};
        }
        if (random() % 4 == 0) {
            frame.resize(std::max<std::size_t>(kEthernetLen, random() % frame.size()));
        }
        const Outcome outcome = run(frame);
        EXPECT_TRUE(outcome.is_unchanged);
        if (outcome.action != XDP_REDIRECT) {
            EXPECT_EQ(outcome.action, XDP_PASS);
            continue;
        }
        ++taken;
        const auto view = FrameView::parse(frame);
        if (!view) {
            EXPECT_TRUE(view.error() == FrameError::kBadIpChecksum ||
                        view.error() == FrameError::kBadUdpChecksum)
                << name(view.error());
        } else {
            EXPECT_EQ(view->destination_port, lab::kServerPort);
            EXPECT_EQ(load_u8(view->payload.data()), lab::kBootRequest);
        }
    }
    EXPECT_GT(taken, kRounds / 20);
    EXPECT_LT(taken, kRounds);
}

}  // namespace
}  // namespace xdhcpd
