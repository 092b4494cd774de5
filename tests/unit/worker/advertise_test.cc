// Router Advertisements and answers to Neighbor Solicitations through workers, with a clock that
// the test sets.
#include <gtest/gtest.h>

#include "support/worker6_lab.h"

namespace xdhcpd::worker {
namespace {

using engine::Refusal6;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::bytes;
using testing::Bytes;
using testing::Engine6;
using testing::frame6;
using testing::FrameSpec6;
using testing::Worker6Lab;
using Lab = Worker6Lab;

model::Configuration advertising(std::uint32_t max_interval = 600) {
    model::Configuration configuration = testing::small_configuration6();
    model::AdvertisementConfiguration& link = configuration.router_advertisements.emplace_back();
    link.interface = "eth1";
    link.min_interval = max_interval / 3;
    link.max_interval = max_interval;
    link.prefixes.emplace_back().prefix = *parse_ipv6_prefix("2001:db8:1::/64");
    model::NeighborProxyConfiguration& proxy = configuration.neighbor_proxies.emplace_back();
    proxy.interface = "eth1";
    proxy.targets = {*parse_ipv6_prefix("2001:db8:5::/64")};
    return configuration;
}
using Sent = std::vector<std::string>;

std::uint64_t sent(const Lab& lab, AdvertisementKind kind, std::uint32_t id = 0) {
    return lab.at(id).advertiser_counters().sent[kind].value();
}

TEST(Advertise, BeginsAtOnceAndGoesOnInTurn) {
    RecordProperty("rfc", "4861 6.2.4");
    const Lab lab{{.configuration = advertising()}};
    lab.settle();
    EXPECT_EQ(lab.advertisements(), Sent{"ff02::1 1800"});
    lab.pass(seconds{15});
    EXPECT_EQ(lab.advertisements(), Sent{}) << "the second is not due before 16 s";
    lab.pass(seconds{2});
    EXPECT_EQ(lab.advertisements().size(), 1u);
    lab.pass(seconds{16});
    EXPECT_EQ(lab.advertisements().size(), 1u);
    lab.pass(seconds{199});
    EXPECT_EQ(lab.advertisements(), Sent{}) << "then not before the shortest interval";
    lab.pass(seconds{402});
    EXPECT_GE(lab.advertisements().size(), 1u);
    EXPECT_EQ(lab.check(), "");
}

TEST(Advertise, WhoAsksIsAnsweredSoonAndAlone) {
    RecordProperty("rfc", "4861 6.2.6");
    const Lab lab{{.configuration = advertising()}};
    lab.settle();
    static_cast<void>(lab.frames());
    lab.pass(seconds{5});
    lab.inject(Lab::router_solicitation(7));
    lab.settle();
    EXPECT_EQ(lab.dropped(Refusal6::kScheduled), 1u);
    EXPECT_EQ(lab.at().drop_log().newest(9).size(), 0u) << "as it should be";
    lab.pass(milliseconds{600}, milliseconds{10});
    const auto frames = lab.frames();
    ASSERT_EQ(frames.size(), 1u);
    const FrameView6 frame = FrameView6::parse(frames[0]).value();
    EXPECT_EQ(frame.destination, testing::link_local_of(7));
    EXPECT_EQ(frame.destination_mac, testing::mac(7));
    EXPECT_EQ(frame.source, testing::kServerLinkLocal);
    EXPECT_EQ(sent(lab, AdvertisementKind::kUnicast), 1u);
    EXPECT_EQ(sent(lab, AdvertisementKind::kMulticast), 1u);
    EXPECT_EQ(lab.check(), "") << "received = answered + dropped";
}

TEST(Advertise, AnAnswerToOneHostNeverGoesToAGroupAddress) {
    const Lab lab{{.configuration = advertising()}};
    lab.settle();
    static_cast<void>(lab.frames());
    lab.pass(seconds{5});
    for (const int first : {0xff, 0x33, 0x01}) {
        FrameSpec6 spec = Engine6::direct(first);
        spec.destination = kAllRouters;
        spec.next_header = 58;
        spec.hop_limit = 255;
        lab.inject(frame6(spec, bytes({133, 0, 0, 0, 0, 0, 0, 0, 1, 1, first, 0, 0, 0, 0, 1})));
    }
    lab.settle();
    lab.pass(milliseconds{600}, milliseconds{10});
    const auto frames = lab.frames();
    ASSERT_EQ(frames.size(), 3u);
    for (const Bytes& each : frames) {
        EXPECT_FALSE(FrameView6::parse(each).value().destination_mac.is_group());
    }
}

TEST(Advertise, AnEqualAdvertisementGoesOnAndAChangedOneBeginsAnew) {
    Lab lab{{.configuration = advertising()}};
    lab.settle();
    static_cast<void>(lab.frames());
    lab.pass(seconds{40});
    static_cast<void>(lab.frames());
    model::Configuration configuration = advertising();
    configuration.dhcp6.preference = 7;  // something else
    lab.publish(configuration);
    lab.pass(seconds{5});
    EXPECT_EQ(lab.advertisements(), Sent{});
    configuration.router_advertisements[0].router_lifetime = 1234;
    lab.publish(configuration);
    lab.settle();
    EXPECT_EQ(lab.advertisements(), Sent{"ff02::1 1234"});
}

TEST(Advertise, ANewLinkLocalAddressIsAdvertisedAtOnce) {
    Lab lab{{.configuration = advertising()}};
    lab.settle();
    static_cast<void>(lab.frames());
    lab.pass(seconds{40});
    static_cast<void>(lab.frames());
    lab.host.interfaces[0].addresses6[0] = *parse_ipv6_prefix("fe80::77/64");
    lab.publish(advertising());
    lab.settle();
    const auto frames = lab.frames();
    ASSERT_EQ(frames.size(), 1u);
    EXPECT_EQ(to_string(FrameView6::parse(frames[0]).value().source), "fe80::77");
}

TEST(Advertise, WhatIsNoLongerAdvertisedTakesLeave) {
    RecordProperty("rfc", "4861 6.2.5");
    Lab lab{{.configuration = advertising()}};
    lab.settle();
    static_cast<void>(lab.frames());
    model::Configuration without = advertising();
    without.router_advertisements.clear();
    lab.publish(without);
    lab.settle();
    EXPECT_EQ(lab.advertisements(), Sent{"ff02::1 0"});
    EXPECT_EQ(sent(lab, AdvertisementKind::kFinal), 1u);
    lab.pass(seconds{700}, seconds{1});
    EXPECT_EQ(lab.advertisements(), Sent{});
    lab.inject(Lab::router_solicitation(7));
    lab.settle();
    EXPECT_EQ(lab.dropped(Refusal6::kNotAllRouters), 1u);
}

// The interface is opened again: hosts must not lose their router meanwhile.
TEST(Advertise, APortThatGoesTakesNoLeaveAndTheNextOneBegins) {
    const Lab lab{{.configuration = advertising()}};
    lab.settle();
    static_cast<void>(lab.frames());
    lab.group->replace_ports({{}});
    EXPECT_EQ(lab.advertisements(), Sent{});
    lab.pass(seconds{30});
    EXPECT_EQ(lab.advertisements(), Sent{});
    lab.group->replace_ports({{lab.ports[0].get()}});
    lab.settle();
    EXPECT_EQ(lab.advertisements(), Sent{"ff02::1 1800"});
    EXPECT_EQ(sent(lab, AdvertisementKind::kFinal), 0u);
}

TEST(Advertise, AServerThatStopsTakesLeave) {
    const Lab lab{{.count = 2, .configuration = advertising()}};
    lab.settle();
    static_cast<void>(lab.frames());
    lab.group->start([](std::uint32_t) {});
    lab.group->stop();
    EXPECT_EQ(lab.advertisements(0), Sent{"ff02::1 0"});
    EXPECT_EQ(lab.advertisements(1), Sent{});
}

TEST(Advertise, OneWorkerAdvertisesAndTheOthersHandSolicitationsOver) {
    const Lab lab{{.count = 2, .configuration = advertising()}};
    lab.settle();
    EXPECT_EQ(lab.advertisements(0), Sent{"ff02::1 1800"});
    EXPECT_EQ(lab.advertisements(1), Sent{});
    lab.pass(seconds{5});
    lab.inject(Lab::router_solicitation(7), 1);
    lab.settle();
    EXPECT_EQ(lab.dropped(Refusal6::kScheduled, 1), 1u) << "the receiver counts";
    lab.pass(milliseconds{600}, milliseconds{10});
    EXPECT_EQ(lab.advertisements(0), Sent{to_string(testing::link_local_of(7)) + " 1800"});
    EXPECT_EQ(lab.advertisements(1), Sent{});
    EXPECT_EQ(lab.check(), "");
}

TEST(Advertise, AnotherWorkerTakesOverWithoutALeave) {
    const Lab lab{{.count = 2, .configuration = advertising()}};
    lab.settle();
    static_cast<void>(lab.frames(0));
    lab.group->replace_ports({{}, {lab.ports[1].get()}});
    lab.settle();
    EXPECT_EQ(lab.advertisements(0), Sent{});
    EXPECT_EQ(lab.advertisements(1), Sent{"ff02::1 1800"});
}

TEST(Advertise, WithoutAFreeFrameItWaits) {
    const Lab lab{{.configuration = advertising(), .tx_frame_count = 4}};
    std::vector<TxFrame> taken;
    while (auto frame = lab.ports[0]->lend()) {
        taken.push_back(std::move(*frame));
    }
    lab.settle();
    EXPECT_EQ(lab.advertisements(), Sent{});
    EXPECT_GE(lab.at().advertiser_counters().no_tx_frame.value(), 1u);
    taken.clear();
    lab.pass(milliseconds{200});
    EXPECT_EQ(lab.advertisements(), Sent{"ff02::1 1800"});
}

TEST(Advertise, WithoutALinkLocalAddressNothingLeaves) {
    Lab lab{{.configuration = advertising()}};
    lab.host.interfaces[0].addresses6.erase(lab.host.interfaces[0].addresses6.begin());
    lab.publish(advertising());
    lab.settle();
    EXPECT_EQ(lab.frames().size(), 0u);
    EXPECT_EQ(lab.at().advertiser_counters().no_source.value(), 1u);
}

TEST(Advertise, SaysWhatIsSentToACapture) {
    const Lab lab{{.configuration = advertising()}};
    Tap tap{{}, 512, 8192};
    lab.at().taps().attach(tap);
    lab.settle();
    const auto packet = tap.front();
    ASSERT_TRUE(packet);
    EXPECT_TRUE(packet->record.outbound);
    EXPECT_EQ(lab.frames().at(0).size(), packet->record.frame_len);
    lab.at().taps().detach(tap);
}

// == Neighbor proxies ==

TEST(AnswerNeighbor, AtOnceByWhoeverReceives) {
    RecordProperty("rfc", "4861 7.2.4");
    const Lab lab{{.count = 2, .configuration = advertising()}};
    lab.settle();
    static_cast<void>(lab.frames(0));
    for (const std::uint32_t queue : {0u, 1u}) {
        lab.inject(Lab::neighbor_solicitation(3, "2001:db8:5::42"), queue);
        lab.settle();
        const auto frames = lab.frames(queue);
        ASSERT_EQ(frames.size(), 1u);
        const FrameView6 frame = FrameView6::parse(frames[0]).value();
        const auto answer = nd::MessageView::parse(frame).value();
        EXPECT_EQ(answer.type(), nd::MessageType::kNeighborAdvertisement);
        EXPECT_EQ(to_string(answer.target()), "2001:db8:5::42");
        EXPECT_EQ(frame.destination, testing::link_local_of(3));
        EXPECT_EQ(lab.at(queue).counters().answered.value(), 1u);
    }
    lab.inject(Lab::neighbor_solicitation(3, "2001:db8:6::42"));
    lab.settle();
    EXPECT_EQ(lab.frames(0).size(), 0u);
    EXPECT_EQ(lab.dropped(Refusal6::kNotOurTarget), 1u);
    EXPECT_EQ(to_string(lab.at(0).drop_log().newest(1).at(0).address6), "2001:db8:6::42");
    EXPECT_EQ(lab.check(), "");
}

}  // namespace
}  // namespace xdhcpd::worker
