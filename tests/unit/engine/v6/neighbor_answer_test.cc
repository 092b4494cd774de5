#include "engine/v6/neighbor_answer.h"

#include <gtest/gtest.h>

#include <optional>
#include <vector>

#include "packet/port.h"
#include "support/frames.h"

namespace xdhcpd::engine::v6 {
namespace {

using testing::bytes;
using testing::Bytes;

const Ipv6 kOwnAddress = *parse_ipv6("fe80::5eff:fe00:5364");
const Ipv6 kTarget = *parse_ipv6("2001:db8:2::9");

model::HostInterface interface_with(std::vector<std::string> addresses) {
    model::HostInterface interface;
    interface.mac = testing::mac(100);
    for (const std::string& address : addresses) {
        interface.addresses6.push_back(*parse_ipv6_prefix(address));
    }
    return interface;
}

struct Asked {
    explicit Asked(const Ipv6& source,
                   std::vector<std::pair<std::uint16_t, std::uint16_t>> tags = {},
                   const Ipv6& destination = kTarget.solicited_node()) {
        Bytes message = bytes({135, 0, 0, 0, 0, 0, 0, 0});
        testing::append(message, kTarget.bytes());
        if (!source.is_unspecified()) {
            testing::append(message, bytes({1, 1, 2, 0, 0x5e, 0, 0x53, 0x33}));
        }
        testing::FrameSpec6 spec;
        spec.tags = std::move(tags);
        spec.next_header = 58;
        spec.hop_limit = 255;
        spec.source = source;
        spec.destination = destination;
        spec.source_mac = testing::mac(7);
        bytes_ = testing::frame6(spec, message);
        frame = FrameView6::parse(bytes_).value();
        view = nd::MessageView::parse(frame).value();
    }
    Bytes bytes_;
    FrameView6 frame;
    std::optional<nd::MessageView> view;
};

struct Answer {
    explicit Answer(const Asked& asked, bool router = true) : bytes_(kMinTxFrameLen) {
        model::NeighborProxy proxy;
        proxy.targets = {*parse_ipv6_prefix("2001:db8:2::/64")};
        proxy.router = router;
        bytes_.resize(answer_neighbor(
            asked.frame, *asked.view, proxy,
            interface_with({"2001:db8:1::1/64", "fe80::5eff:fe00:5364/64"}), bytes_));
        frame = FrameView6::parse(bytes_).value();
        view = nd::MessageView::parse(frame).value();
    }
    Bytes bytes_;
    FrameView6 frame;
    std::optional<nd::MessageView> view;
};

TEST(NeighborAnswerTest, AnswersWhoAsks) {
    RecordProperty("rfc", "4861 7.2.4");
    for (const Ipv6& source : {*parse_ipv6("fe80::7"), *parse_ipv6("2001:db8:1::7")}) {
        const Answer answer{Asked{source}};
        EXPECT_EQ(answer.view->type(), nd::MessageType::kNeighborAdvertisement);
        EXPECT_EQ(answer.view->target(), kTarget);
        EXPECT_EQ(answer.view->target_link_layer(), testing::mac(100));
        EXPECT_TRUE(answer.view->is_solicited());
        EXPECT_EQ(answer.frame.destination, source);
        EXPECT_EQ(answer.frame.destination_mac, testing::mac(7));
        EXPECT_EQ(answer.frame.source, kOwnAddress);
        EXPECT_EQ(answer.frame.source_mac, testing::mac(100));
        EXPECT_EQ(answer.frame.hop_limit, 255);
        EXPECT_EQ(answer.bytes_.size(), 14 + 40 + 32u);
    }
}

TEST(NeighborAnswerTest, AProbeForDuplicatesIsAnsweredToAllNodes) {
    RecordProperty("rfc", "4861 7.2.4, 4862 5.4.4");
    const Answer answer{Asked{Ipv6{}}};
    EXPECT_FALSE(answer.view->is_solicited());
    EXPECT_EQ(answer.frame.destination, kAllNodes);
    EXPECT_EQ(answer.frame.destination_mac, *parse_mac("33:33:00:00:00:01"));
    EXPECT_EQ(answer.view->target(), kTarget);
    EXPECT_EQ(answer.view->target_link_layer(), testing::mac(100));
}

TEST(NeighborAnswerTest, AProxyNeverOverrides) {
    RecordProperty("rfc", "4861 7.2.8");
    EXPECT_FALSE(Answer{Asked{*parse_ipv6("fe80::7")}}.view->overrides());
    EXPECT_FALSE(Answer{Asked{Ipv6{}}}.view->overrides());
}

TEST(NeighborAnswerTest, IsARouterAsConfigured) {
    RecordProperty("rfc", "4861 7.2.4");
    const Asked asked{*parse_ipv6("fe80::7")};
    EXPECT_TRUE((Answer{asked, true}.view->is_router()));
    EXPECT_FALSE((Answer{asked, false}.view->is_router()));
}

TEST(NeighborAnswerTest, AUnicastSolicitationIsAnsweredLikewise) {
    RecordProperty("rfc", "4861 7.2.4, 7.3.3");
    const Answer answer{Asked{*parse_ipv6("fe80::7"), {}, kTarget}};
    EXPECT_TRUE(answer.view->is_solicited());
    EXPECT_EQ(answer.view->target_link_layer(), testing::mac(100));
}

TEST(NeighborAnswerTest, KeepsTheTagsOfTheSolicitation) {
    const Answer answer{Asked{*parse_ipv6("fe80::7"), {{0x88a8, 100}, {0x8100, 0x6001}}}};
    ASSERT_EQ(answer.frame.tags.count, 2);
    EXPECT_EQ(answer.frame.tags.tags[0], (VlanTag{0x88a8, 100}));
    EXPECT_EQ(answer.frame.tags.tags[1], (VlanTag{0x8100, 0x6001}));
}

TEST(NeighborAnswerTest, WithoutALinkLocalAddressThereIsNoAnswer) {
    RecordProperty("rfc", "4861 4.4");
    const Asked asked{*parse_ipv6("fe80::7")};
    Bytes out(kMinTxFrameLen);
    EXPECT_EQ(
        answer_neighbor(asked.frame, *asked.view, {}, interface_with({"2001:db8::1/64"}), out), 0u);
}

}  // namespace
}  // namespace xdhcpd::engine::v6
