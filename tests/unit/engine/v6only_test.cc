// IPv6-mostly networks: option 108 of DHCPv4 (RFC 8925).
#include <gtest/gtest.h>

#include "support/engine_harness.h"

namespace xdhcpd::engine {
namespace {

using dhcp4::MessageType;
using testing::Engine;
using testing::Message;
using testing::option_value;

constexpr int kOption = 108;

model::Configuration ipv6_mostly() {
    auto configuration = testing::small_configuration();
    configuration.dhcp4.subnets[0].v6only_wait = 1800;
    configuration.dhcp4.options = {option_value(6, testing::bytes({192, 0, 2, 53}))};
    return configuration;
}
Message able(int type, int client) {
    return Message{type, client}.option(55, {1, 3, 6, 108});
}

TEST(V6OnlyTest, WhoCanDoWithoutIpv4IsOfferedNoAddress) {
    RecordProperty("rfc", "8925 3.3");
    Engine engine{ipv6_mostly()};
    const auto outcome = engine.send(able(1, 1));
    ASSERT_TRUE(outcome.reply);
    EXPECT_EQ(outcome.reply->type(), MessageType::kOffer);
    EXPECT_EQ(outcome.reply->yiaddr(), "0.0.0.0");
    EXPECT_EQ(outcome.reply->u32(kOption), 1800u);
    EXPECT_TRUE(outcome.reply->has(54));
    EXPECT_TRUE(outcome.reply->has(51));
    EXPECT_EQ(outcome.reply->frame.destination, kBroadcastIpv4);
    EXPECT_FALSE(outcome.reply->decision.promised);
}

TEST(V6OnlyTest, NoAddressIsBurned) {
    RecordProperty("rfc", "8925 3.3");
    auto configuration = ipv6_mostly();
    configuration.dhcp4.max_offers_per_relay = 10;
    Engine engine{configuration};
    for (int client = 1; client <= 100; ++client) {  // the pool has ten
        ASSERT_TRUE(engine.send(able(1, client)).reply);
    }
    for (int client = 101; client <= 110; ++client) {
        const auto outcome = engine.send(Message{1, client}.option(55, {1, 3}));
        ASSERT_TRUE(outcome.reply) << client;
        EXPECT_NE(outcome.reply->yiaddr(), "0.0.0.0");
    }
}

TEST(V6OnlyTest, WhoDoesNotAskForItIsAClientLikeAnyOther) {
    RecordProperty("rfc", "8925 3.3");
    auto configuration = ipv6_mostly();
    for (const bool always : {false, true}) {
        // Not even one that names nothing, and so gets every option; nor if the operator says so.
        configuration.dhcp4.options.push_back(
            option_value(kOption, testing::bytes({0, 0, 0, 9}), always));
        Engine engine{configuration};
        for (const Message& message : {Message{1, 1}, Message{1, 1}.option(55, {1, 3, 6})}) {
            const auto outcome = engine.send(message);
            ASSERT_TRUE(outcome.reply);
            EXPECT_NE(outcome.reply->yiaddr(), "0.0.0.0");
            EXPECT_FALSE(outcome.reply->has(kOption));
            EXPECT_TRUE(outcome.reply->has(6));
        }
    }
}

TEST(V6OnlyTest, ElsewhereNobodyIsToldToStayAway) {
    RecordProperty("rfc", "8925 3.3");
    Engine engine;
    const auto outcome = engine.send(able(1, 1));
    ASSERT_TRUE(outcome.reply);
    EXPECT_NE(outcome.reply->yiaddr(), "0.0.0.0");
    EXPECT_FALSE(outcome.reply->has(kOption));
}

TEST(V6OnlyTest, RapidCommitIsNotHonoured) {
    RecordProperty("rfc", "8925 3.3");
    auto configuration = ipv6_mostly();
    configuration.dhcp4.rapid_commit = true;
    Engine engine{configuration};
    const auto outcome = engine.send(able(1, 1).option(80, {}));
    ASSERT_TRUE(outcome.reply);
    EXPECT_EQ(outcome.reply->type(), MessageType::kOffer);
    EXPECT_EQ(outcome.reply->yiaddr(), "0.0.0.0");
    EXPECT_FALSE(outcome.reply->has(80));
}

TEST(V6OnlyTest, ARequestIsServedAndTheAckTellsTheTime) {
    RecordProperty("rfc", "8925 3.3");
    Engine engine{ipv6_mostly()};
    // INIT-REBOOT with the address of a lease from before.
    ASSERT_TRUE(engine.send(Message{1, 1}.option(55, {1, 3})).reply);
    ASSERT_TRUE(engine
                    .send(Message{3, 1}
                              .option(55, {1, 3})
                              .option_address(50, "192.0.2.10")
                              .option_address(54, "192.0.2.1"))
                    .reply);
    const auto again = engine.send(able(3, 1).xid(77).option_address(50, "192.0.2.10"));
    ASSERT_TRUE(again.reply);
    EXPECT_EQ(again.reply->type(), MessageType::kAck);
    EXPECT_EQ(again.reply->yiaddr(), "192.0.2.10");
    EXPECT_EQ(again.reply->u32(kOption), 1800u);
    EXPECT_TRUE(again.reply->decision.promised);
    // What a client holds is its own until it gives it back, whatever it discovers.
    ASSERT_TRUE(engine.send(able(1, 1)).reply);
    const auto renewed = engine.send(able(3, 1).xid(78).option_address(50, "192.0.2.10"));
    ASSERT_TRUE(renewed.reply);
    EXPECT_EQ(renewed.reply->yiaddr(), "192.0.2.10");
}

TEST(V6OnlyTest, TheValueOfTheSubnetWinsOverAConfiguredOption) {
    auto configuration = ipv6_mostly();
    configuration.dhcp4.options.push_back(option_value(kOption, testing::bytes({0, 0, 0, 9})));
    Engine engine{configuration};
    const auto outcome = engine.send(Message{1, 1}.option(55, {108, 108, 6}));
    ASSERT_TRUE(outcome.reply);
    EXPECT_EQ(outcome.reply->u32(kOption), 1800u);
    EXPECT_EQ(outcome.reply->order(), (std::vector<int>{53, 54, 51, 58, 59, 1, 108, 6}));
}

TEST(V6OnlyTest, ARelayedClientIsToldThroughItsRelay) {
    auto configuration = ipv6_mostly();
    model::SubnetConfiguration relayed;
    relayed.prefix = parse_ipv4_prefix("203.0.113.0/24").value();
    relayed.pools.push_back({testing::ip("203.0.113.10"), testing::ip("203.0.113.19")});
    relayed.v6only_wait = 600;
    configuration.dhcp4.subnets.push_back(relayed);
    Engine engine{configuration};
    const auto outcome = engine.send_relayed(able(1, 1).giaddr("203.0.113.1"), "203.0.113.1");
    ASSERT_TRUE(outcome.reply);
    EXPECT_EQ(outcome.reply->yiaddr(), "0.0.0.0");
    EXPECT_EQ(outcome.reply->u32(kOption), 600u);
    EXPECT_EQ(to_string(outcome.reply->frame.destination), "203.0.113.1");
}

}  // namespace
}  // namespace xdhcpd::engine
