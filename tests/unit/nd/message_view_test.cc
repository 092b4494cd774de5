#include "nd/message_view.h"

#include <gtest/gtest.h>

#include <set>

#include "support/frames.h"

namespace xdhcpd::nd {
namespace {

using testing::Bytes;
using testing::bytes;
using testing::frame6;
using testing::FrameSpec6;

const Ipv6 kTarget = *parse_ipv6("2001:db8::77");
const Ipv6 kNeighbor = *parse_ipv6("fe80::5eff:fe00:5301");
const Bytes kSourceLinkLayer = bytes({1, 1, 2, 0, 0x5e, 0, 0x53, 1});
const Bytes kTargetLinkLayer = bytes({2, 1, 2, 0, 0x5e, 0, 0x53, 9});

Bytes with(Bytes message, ByteView options) {
    testing::append(message, options);
    return message;
}
Bytes router_solicitation() {
    return bytes({133, 0, 0, 0, 0, 0, 0, 0});
}
Bytes router_advertisement() {
    return bytes({134, 0, 0, 0, 64, 0xc8, 0x07, 0x08, 0, 0, 0, 1, 0, 0, 0, 2});
}
Bytes neighbor_solicitation(const Ipv6& target = kTarget) {
    return with(bytes({135, 0, 0, 0, 0, 0, 0, 0}), target.bytes());
}
Bytes neighbor_advertisement(int flags, const Ipv6& target = kTarget) {
    return with(bytes({136, 0, 0, 0, flags, 0, 0, 0}), target.bytes());
}
const Bytes kEveryMessage[] = {router_solicitation(), router_advertisement(),
                               neighbor_solicitation(), neighbor_advertisement(0)};

// A packet as it comes out of FrameView6, which borrows the frame.
struct Packet {
    explicit Packet(const Bytes& message, const Ipv6& source = kNeighbor,
                    const Ipv6& destination = kAllNodes, int hop_limit = 255) {
        FrameSpec6 spec;
        spec.next_header = 58;
        spec.source = source;
        spec.destination = destination;
        spec.hop_limit = hop_limit;
        frame = frame6(spec, message);
        view = FrameView6::parse(frame).value();
    }
    Bytes frame;
    FrameView6 view;
};

ParseError error_of(const Packet& packet) {
    const auto view = MessageView::parse(packet.view);
    return view ? ParseError::kCount : view.error();
}

TEST(NdMessageViewTest, ReadsARouterSolicitation) {
    RecordProperty("rfc", "4861 4.1");
    const Packet packet{with(router_solicitation(), kSourceLinkLayer), kNeighbor, kAllRouters};
    const auto view = MessageView::parse(packet.view);
    ASSERT_TRUE(view);
    EXPECT_EQ(view->type(), MessageType::kRouterSolicitation);
    EXPECT_EQ(view->source(), kNeighbor);
    EXPECT_EQ(view->destination(), kAllRouters);
    EXPECT_EQ(view->source_link_layer(), testing::mac(1));
    EXPECT_EQ(view->target_link_layer(), std::nullopt);
    EXPECT_EQ(view->target(), Ipv6{});
    EXPECT_FALSE(view->detects_duplicates());
    EXPECT_EQ(view->router_advertisement(), RouterAdvertisement{});
}

TEST(NdMessageViewTest, ReadsARouterAdvertisement) {
    RecordProperty("rfc", "4861 4.2");
    const Packet packet{router_advertisement()};
    const auto view = MessageView::parse(packet.view);
    ASSERT_TRUE(view);
    EXPECT_EQ(view->router_advertisement(), (RouterAdvertisement{.hop_limit = 64,
                                                                 .managed = true,
                                                                 .other = true,
                                                                 .preference = Preference::kHigh,
                                                                 .router_lifetime = 1800,
                                                                 .reachable_time = 1,
                                                                 .retransmit_timer = 2}));
    EXPECT_FALSE(view->is_router());
}

TEST(NdMessageViewTest, TheReservedRouterPreferenceMeansMedium) {
    RecordProperty("rfc", "4191 2.2");
    Bytes message = router_advertisement();
    message[5] = std::byte{0x10};
    const Packet packet{message};
    EXPECT_EQ(MessageView::parse(packet.view)->router_advertisement().preference,
              Preference::kMedium);
    message[5] = std::byte{0x18};
    const Packet low{message};
    EXPECT_EQ(MessageView::parse(low.view)->router_advertisement().preference, Preference::kLow);
}

TEST(NdMessageViewTest, ReadsANeighborSolicitation) {
    RecordProperty("rfc", "4861 4.3");
    const Packet packet{with(neighbor_solicitation(), kSourceLinkLayer), kNeighbor,
                        kTarget.solicited_node()};
    const auto view = MessageView::parse(packet.view);
    ASSERT_TRUE(view);
    EXPECT_EQ(view->target(), kTarget);
    EXPECT_EQ(view->source_link_layer(), testing::mac(1));
    EXPECT_FALSE(view->detects_duplicates());
}

TEST(NdMessageViewTest, ReadsANeighborAdvertisement) {
    RecordProperty("rfc", "4861 4.4");
    for (const int flags : {0, 0x80, 0x40, 0x20, 0xe0}) {
        const Packet packet{with(neighbor_advertisement(flags), kTargetLinkLayer), kNeighbor,
                            kTarget};
        const auto view = MessageView::parse(packet.view);
        ASSERT_TRUE(view);
        EXPECT_EQ(view->target(), kTarget);
        EXPECT_EQ(view->is_router(), (flags & 0x80) != 0);
        EXPECT_EQ(view->is_solicited(), (flags & 0x40) != 0);
        EXPECT_EQ(view->overrides(), (flags & 0x20) != 0);
        EXPECT_EQ(view->target_link_layer(), testing::mac(9));
    }
}

TEST(NdMessageViewTest, RefusesAHopLimitOtherThan255) {
    RecordProperty("rfc", "4861 6.1.1, 6.1.2, 7.1.1, 7.1.2");
    for (const Bytes& message : kEveryMessage) {
        EXPECT_EQ(error_of(Packet{message}), ParseError::kCount);
        for (const int hop_limit : {0, 1, 64, 254}) {
            EXPECT_EQ(error_of(Packet{message, kNeighbor, kAllNodes, hop_limit}),
                      ParseError::kBadHopLimit);
        }
    }
}

TEST(NdMessageViewTest, RefusesACodeOtherThanZero) {
    RecordProperty("rfc", "4861 6.1.1, 6.1.2, 7.1.1, 7.1.2");
    for (Bytes message : kEveryMessage) {
        message[1] = std::byte{1};
        EXPECT_EQ(error_of(Packet{message}), ParseError::kBadCode);
    }
}

TEST(NdMessageViewTest, RefusesEveryTruncationOfTheFixedPart) {
    RecordProperty("rfc", "4861 6.1.1, 6.1.2, 7.1.1, 7.1.2");
    for (const Bytes& message : kEveryMessage) {
        for (std::size_t len = 4; len < message.size(); ++len) {
            EXPECT_EQ(
                error_of(Packet{Bytes(message.begin(), message.begin() + static_cast<long>(len))}),
                ParseError::kTruncated)
                << len;
        }
    }
}

TEST(NdMessageViewTest, RefusesAnOptionOfLengthZero) {
    RecordProperty("rfc", "4861 4.6, 6.1.1, 6.1.2, 7.1.1, 7.1.2");
    for (const Bytes& message : kEveryMessage) {
        EXPECT_EQ(error_of(Packet{with(message, bytes({14, 0, 0, 0, 0, 0, 0, 0}))}),
                  ParseError::kZeroLengthOption);
        EXPECT_EQ(error_of(Packet{with(with(message, kTargetLinkLayer), bytes({14, 0}))}),
                  ParseError::kZeroLengthOption);
    }
}

TEST(NdMessageViewTest, RefusesOptionsThatRunPastTheEnd) {
    for (const Bytes& message : kEveryMessage) {
        EXPECT_EQ(error_of(Packet{with(message, bytes({14}))}), ParseError::kOptionTruncated);
        EXPECT_EQ(error_of(Packet{with(message, bytes({14, 2, 0, 0, 0, 0, 0, 0}))}),
                  ParseError::kOptionTruncated);
    }
}

TEST(NdMessageViewTest, StepsOverUnknownOptions) {
    RecordProperty("rfc", "4861 6.1.1, 9");
    const Packet packet{with(
        with(router_solicitation(), bytes({200, 2, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14})),
        kSourceLinkLayer)};
    EXPECT_EQ(MessageView::parse(packet.view)->source_link_layer(), testing::mac(1));
}

TEST(NdMessageViewTest, RefusesALinkLayerAddressOfAnUnspecifiedSource) {
    RecordProperty("rfc", "4861 6.1.1, 7.1.1");
    EXPECT_EQ(error_of(Packet{with(router_solicitation(), kSourceLinkLayer), {}, kAllRouters}),
              ParseError::kLinkLayerOfUnspecified);
    EXPECT_EQ(error_of(Packet{router_solicitation(), {}, kAllRouters}), ParseError::kCount);
    EXPECT_EQ(error_of(Packet{
                  with(neighbor_solicitation(), kSourceLinkLayer), {}, kTarget.solicited_node()}),
              ParseError::kLinkLayerOfUnspecified);
}

TEST(NdMessageViewTest, RoutersAdvertiseFromTheirLinkLocalAddress) {
    RecordProperty("rfc", "4861 6.1.2");
    EXPECT_EQ(error_of(Packet{router_advertisement(), kTarget}), ParseError::kSourceNotLinkLocal);
    EXPECT_EQ(error_of(Packet{router_advertisement(), {}}), ParseError::kSourceNotLinkLocal);
}

TEST(NdMessageViewTest, RefusesAMulticastTarget) {
    RecordProperty("rfc", "4861 7.1.1, 7.1.2");
    EXPECT_EQ(error_of(Packet{neighbor_solicitation(kAllNodes)}), ParseError::kMulticastTarget);
    EXPECT_EQ(error_of(Packet{neighbor_advertisement(0, kAllNodes)}), ParseError::kMulticastTarget);
}

TEST(NdMessageViewTest, ProbesGoToASolicitedNodeGroup) {
    RecordProperty("rfc", "4861 7.1.1");
    const Packet probe{neighbor_solicitation(), {}, kTarget.solicited_node()};
    ASSERT_TRUE(MessageView::parse(probe.view));
    EXPECT_TRUE(MessageView::parse(probe.view)->detects_duplicates());
    for (const Ipv6& destination : {kAllNodes, kTarget, *parse_ipv6("ff02::1:fe00:77")}) {
        EXPECT_EQ(error_of(Packet{neighbor_solicitation(), {}, destination}),
                  ParseError::kProbeNotToSolicitedNode);
    }
}

TEST(NdMessageViewTest, MulticastAdvertisementsAreNotSolicited) {
    RecordProperty("rfc", "4861 7.1.2");
    EXPECT_EQ(error_of(Packet{neighbor_advertisement(0x40), kNeighbor, kAllNodes}),
              ParseError::kSolicitedFlagInMulticast);
    EXPECT_EQ(error_of(Packet{neighbor_advertisement(0x40), kNeighbor, kTarget}),
              ParseError::kCount);
}

TEST(NdMessageViewTest, LeavesOtherPacketsAlone) {
    for (const int type : {1, 128, 130, 132, 137, 143}) {
        EXPECT_EQ(error_of(Packet{bytes({type, 0, 0, 0, 0, 0, 0, 0})}), ParseError::kOtherMessage)
            << type;
    }
    FrameSpec6 udp;
    const Bytes frame = frame6(udp, router_solicitation());
    EXPECT_EQ(MessageView::parse(*FrameView6::parse(frame)).error(), ParseError::kOtherMessage);
}

TEST(NdMessageViewTest, NamesAreDistinct) {
    std::set<std::string_view> names;
    for (std::size_t i = 0; i < static_cast<std::size_t>(ParseError::kCount); ++i) {
        names.insert(name(static_cast<ParseError>(i)));
    }
    EXPECT_EQ(names.size(), static_cast<std::size_t>(ParseError::kCount));
    EXPECT_EQ(name(MessageType::kNeighborSolicitation), "neighbor-solicitation");
}

}  // namespace
}  // namespace xdhcpd::nd
