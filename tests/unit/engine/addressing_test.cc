// RFC 2131 section 4.1: to whom a reply goes.
#include "engine/addressing.h"

#include <gtest/gtest.h>

#include "support/engine_harness.h"

namespace xdhcpd::engine {
namespace {

using dhcp4::MessageType;
using testing::bytes;
using testing::Bytes;
using testing::Engine;
using testing::FrameSpec;
using testing::kServerMac;
using testing::Message;

void expect_broadcast(const testing::Reply& reply) {
    EXPECT_EQ(reply.frame.destination_mac, kBroadcastMac);
    EXPECT_EQ(reply.frame.destination, kBroadcastIpv4);
    EXPECT_EQ(reply.frame.destination_port, 68);
    EXPECT_FALSE(reply.decision.unconfigured_destination);
}

TEST(AddressingTest, WithoutBroadcastFlagTheOfferGoesToYiaddrAndChaddr) {
    RecordProperty("rfc", "2131 4.1");
    Engine engine;
    const auto outcome = engine.send(Message{1, 1});
    ASSERT_TRUE(outcome.reply);
    const FrameView& frame = outcome.reply->frame;
    EXPECT_EQ(frame.destination_mac, testing::mac(1));
    EXPECT_EQ(frame.source_mac, kServerMac);
    EXPECT_EQ(to_string(frame.destination), "192.0.2.10");
    EXPECT_EQ(to_string(frame.source), "192.0.2.1");
    EXPECT_EQ(frame.source_port, 67);
    EXPECT_EQ(frame.destination_port, 68);
    EXPECT_TRUE(outcome.reply->decision.unconfigured_destination);
}

TEST(AddressingTest, TheBroadcastFlagIsHonoured) {
    RecordProperty("rfc", "2131 4.1");
    Engine engine;
    const auto outcome = engine.send(Message{1, 1}.broadcast());
    ASSERT_TRUE(outcome.reply);
    expect_broadcast(*outcome.reply);
    EXPECT_EQ(outcome.reply->message->flags(), 0x8000);
}

TEST(AddressingTest, ARenewalIsAnsweredToCiaddrByTheWayItCame) {
    RecordProperty("rfc", "2131 4.1");
    Engine engine;
    ASSERT_EQ(engine.get_lease(1), "192.0.2.10");
    FrameSpec spec;  // from behind a router
    spec.source_mac = testing::mac(0xaa);
    spec.source = testing::ip("192.0.2.10");
    spec.destination = testing::ip("192.0.2.1");
    const auto outcome = engine.send(Message{3, 1}.ciaddr("192.0.2.10").xid(2), spec);
    ASSERT_TRUE(outcome.reply);
    EXPECT_EQ(outcome.reply->frame.destination_mac, testing::mac(0xaa));
    EXPECT_EQ(to_string(outcome.reply->frame.destination), "192.0.2.10");
    EXPECT_FALSE(outcome.reply->decision.unconfigured_destination);
}

TEST(AddressingTest, ANakWithCiaddrIsStillBroadcastWithoutRelay) {
    RecordProperty("rfc", "2131 4.1");
    Engine engine;
    FrameSpec spec;
    spec.source = testing::ip("203.0.113.9");
    const auto outcome = engine.send(Message{3, 1}.ciaddr("203.0.113.9"), spec);
    ASSERT_TRUE(outcome.reply);
    ASSERT_EQ(outcome.reply->type(), MessageType::kNak);
    expect_broadcast(*outcome.reply);
    EXPECT_TRUE(outcome.reply->message->ciaddr().is_zero());
}

TEST(AddressingTest, ARelayedReplyGoesToTheRelaysServerPort) {
    RecordProperty("rfc", "2131 4.1");
    Engine engine;
    const auto outcome =
        engine.send_relayed(Message{1, 1}.giaddr("192.0.2.254").broadcast(), "192.0.2.254");
    ASSERT_TRUE(outcome.reply);
    EXPECT_EQ(to_string(outcome.reply->frame.destination), "192.0.2.254");
    EXPECT_EQ(outcome.reply->frame.destination_port, 67);
    EXPECT_EQ(outcome.reply->frame.destination_mac, testing::mac(0xee));
}

TEST(AddressingTest, ANakThroughARelaySetsTheBroadcastFlag) {
    RecordProperty("rfc", "2131 4.3.2");
    Engine engine;
    const auto outcome = engine.send_relayed(
        Message{3, 1}.giaddr("192.0.2.254").option_address(50, "203.0.113.7"), "192.0.2.254");
    ASSERT_TRUE(outcome.reply);
    EXPECT_EQ(outcome.reply->type(), MessageType::kNak);
    EXPECT_EQ(outcome.reply->message->flags(), 0x8000);
    EXPECT_EQ(to_string(outcome.reply->frame.destination), "192.0.2.254");
}

TEST(AddressingTest, UnusableHardwareAddressesAreNeverADestination) {
    Engine engine;
    const Bytes id = bytes({0, 'm'});
    for (const Mac& chaddr :
         {Mac{}, kBroadcastMac, parse_mac("01:00:5e:00:00:01").value(), kServerMac}) {
        const auto outcome = engine.send(Message{1, 1}.chaddr(chaddr.bytes()).option(61, id));
        ASSERT_TRUE(outcome.reply) << to_string(chaddr);
        expect_broadcast(*outcome.reply);
    }
    const auto other_type = engine.send(Message{1, 1}.htype(6).option(61, id));
    ASSERT_TRUE(other_type.reply);
    expect_broadcast(*other_type.reply);
    const auto no_hlen = engine.send(Message{1, 1}.hlen(0).option(61, id));
    ASSERT_TRUE(no_hlen.reply);
    expect_broadcast(*no_hlen.reply);
}

TEST(AddressingTest, ReplyToSourceAnswersWhereItCameFrom) {
    auto configuration = testing::small_configuration();
    configuration.ports = {1067, 1068, true};
    Engine engine{configuration};
    FrameSpec spec;
    spec.source = testing::ip("192.0.2.200");
    spec.source_port = 40000;
    spec.destination_port = 1067;
    const auto outcome = engine.send(Message{1, 1}, spec);
    ASSERT_TRUE(outcome.reply);
    EXPECT_EQ(to_string(outcome.reply->frame.destination), "192.0.2.200");
    EXPECT_EQ(outcome.reply->frame.destination_port, 40000);
    EXPECT_EQ(outcome.reply->frame.source_port, 1067);
}

TEST(AddressingTest, FramesForOthersAreNotOurs) {
    Engine engine;
    FrameSpec spec;
    spec.destination = testing::ip("192.0.2.66");
    EXPECT_EQ(engine.send(Message{1, 1}, spec).drop, DropReason{Refusal::kNotForUs});
    spec.destination = kBroadcastIpv4;
    spec.destination_port = 68;
    EXPECT_EQ(engine.send(Message{1, 1}, spec).drop, DropReason{Refusal::kNotForUs});
    spec.destination_port = 67;
    spec.destination = testing::ip("192.0.2.255");  // the directed broadcast is ours
    EXPECT_TRUE(engine.send(Message{1, 1}, spec).reply);
}

TEST(AddressingTest, FramesFromGroupsOrOurselvesAreDropped) {
    Engine engine;
    FrameSpec spec;
    spec.source_mac = kServerMac;
    EXPECT_EQ(engine.send(Message{1, 1}, spec).drop, DropReason{Refusal::kBadSourceMac});
    spec.source_mac = parse_mac("01:00:5e:00:00:01").value();
    EXPECT_EQ(engine.send(Message{1, 1}, spec).drop, DropReason{Refusal::kBadSourceMac});
}

TEST(AddressingTest, ImpossibleClientAddressesAreDropped) {
    Engine engine;
    for (const char* const address :
         {"224.0.0.1", "127.0.0.1", "255.255.255.255", "0.0.0.5", "192.0.2.1"}) {
        EXPECT_EQ(engine.send(Message{3, 1}.ciaddr(address)).drop,
                  DropReason{Refusal::kBadClientAddress})
            << address;
    }
}

}  // namespace
}  // namespace xdhcpd::engine
