// RENEW and REBIND: RFC 8415 sections 18.3.4 and 18.3.5.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/engine6_harness.h"

namespace xdhcpd::engine::v6 {
namespace {

using ::testing::ElementsAre;
using testing::Engine6;
using ::testing::IsEmpty;
using testing::Message6;
using testing::ReplyLease;
using testing::small_configuration6;
using ::testing::UnorderedElementsAre;

constexpr int kNoAddrsAvail = 2;
constexpr int kNoBinding = 3;
constexpr const char* kFree = "2001:db8:1::1005";

class Extend6Test : public ::testing::TestWithParam<int> {
  protected:
    [[nodiscard]] static Message6 message(int client = 1) { return Message6{GetParam(), client}; }
};
INSTANTIATE_TEST_SUITE_P(Types, Extend6Test, ::testing::Values(Message6::kRenew, Message6::kRebind),
                         [](const auto& type) {
                             return type.param == Message6::kRenew ? "Renew" : "Rebind";
                         });

TEST_P(Extend6Test, ExtendsWhatTheClientHas) {
    RecordProperty("rfc", "8415 18.3.4");
    Engine6 engine;
    const std::string address = engine.get_address(1);
    const std::string prefix = engine.get_prefix(1);
    engine.pass(1800);
    const auto outcome = engine.send(message().na(1, {address}).pd(1, {prefix}));
    ASSERT_TRUE(outcome.reply) << outcome.why();
    EXPECT_EQ(outcome.reply->type(), 7);
    EXPECT_THAT(outcome.reply->na(1).leases, ElementsAre(ReplyLease{address, 3600, 7200}));
    EXPECT_THAT(outcome.reply->pd(1).leases, ElementsAre(ReplyLease{prefix, 3600, 7200}));
    EXPECT_EQ(outcome.reply->na(1).t1, 1800u);
    EXPECT_EQ(outcome.reply->na(1).t2, 2880u);
    EXPECT_EQ(engine.record(address).expiry.value, engine.now + 7200 + kLeaseSlack);
    EXPECT_EQ(outcome.reply->decision.promised_count, 2u);
}

TEST_P(Extend6Test, WhatTheIaListsBesideItsLeaseIsOver) {
    Engine6 engine;
    const std::string address = engine.get_address(1);
    const auto outcome = engine.send(message().na(1, {"2001:db8:9::1", address, "2001:db8:1::77"}));
    EXPECT_EQ(outcome.reply->na(1).lease(), address);
    EXPECT_THAT(outcome.reply->na(1).over(), ElementsAre("2001:db8:9::1", "2001:db8:1::77"));
}

TEST_P(Extend6Test, AnUnknownBindingIsMadeAgainWhenItsAddressIsFree) {
    RecordProperty("rfc", "8415 18.3.4");
    Engine6 engine;
    const auto outcome = engine.send(message().na(1, {kFree}).pd(1, {"2001:db8:100:300::/56"}));
    ASSERT_TRUE(outcome.reply) << outcome.why();
    EXPECT_THAT(outcome.reply->na(1).leases, ElementsAre(ReplyLease{kFree, 3600, 7200}));
    EXPECT_EQ(outcome.reply->pd(1).lease(), "2001:db8:100:300::/56");
    EXPECT_EQ(engine.held(lease::HeldCount::kLeased), 2u);
    EXPECT_EQ(outcome.reply->decision.promised_count, 2u);
}

TEST_P(Extend6Test, AnUnknownBindingOfAnAddressThatIsTakenHasNone) {
    RecordProperty("rfc", "8415 18.3.4");
    Engine6 engine;
    const std::string taken = engine.get_address(2);
    const auto outcome = engine.send(message().na(1, {taken}));
    EXPECT_EQ(outcome.reply->na(1).status, kNoBinding);
    EXPECT_THAT(outcome.reply->na(1).leases, IsEmpty());
    EXPECT_EQ(engine.held(lease::HeldCount::kLeased), 1u);
}

TEST_P(Extend6Test, AnAddressOfAnotherLinkIsOver) {
    RecordProperty("rfc", "8415 18.3.5");
    Engine6 engine;
    const auto outcome = engine.send(message().na(1, {"2001:db8:9::1"}));
    ASSERT_TRUE(outcome.reply) << outcome.why();
    EXPECT_THAT(outcome.reply->na(1).leases, ElementsAre(ReplyLease{"2001:db8:9::1", 0, 0}));
    EXPECT_EQ(outcome.reply->na(1).t1, 0u);
    EXPECT_FALSE(outcome.reply->na(1).status);
    EXPECT_EQ(outcome.reply->decision.promised_count, 0u);
}

TEST_P(Extend6Test, APrefixOfAnotherLinkIsOver) {
    auto configuration = small_configuration6();
    auto& other = configuration.dhcp6.subnets.emplace_back();
    other.prefix = *parse_ipv6_prefix("2001:db8:5::/64");
    other.relays.push_back(*parse_ipv6("2001:db8:5::1"));
    other.prefix_pools.push_back({*parse_ipv6_prefix("2001:db8:500::/52"), 56, {}});
    Engine6 engine{configuration};
    const auto outcome = engine.send(message().pd(1, {"2001:db8:500:100::/56"}));
    ASSERT_TRUE(outcome.reply) << outcome.why();
    EXPECT_THAT(outcome.reply->pd(1).over(), ElementsAre("2001:db8:500:100::/56"));
}

TEST_P(Extend6Test, AClientMovesWhenPolicyClosesWhatItHas) {
    RecordProperty("rfc", "8415 18.3.4");
    auto configuration = small_configuration6();
    Engine6 engine{configuration};
    const std::string address = engine.request(1, 1, "2001:db8:1::1002");
    configuration.dhcp6.subnets[0].excluded.push_back({*parse_ipv6(address), *parse_ipv6(address)});
    engine.reload(configuration);
    const auto outcome = engine.send(message().na(1, {address}));
    EXPECT_NE(outcome.reply->na(1).lease(), "");
    EXPECT_NE(outcome.reply->na(1).lease(), address);
    EXPECT_THAT(outcome.reply->na(1).over(), ElementsAre(address));
    EXPECT_EQ(engine.held(lease::HeldCount::kLeased), 1u);
    EXPECT_EQ(engine.shard.check_invariants(), "");
}

TEST_P(Extend6Test, AClientThatCannotMoveHearsThatItsLeaseIsOver) {
    auto configuration = small_configuration6();
    auto& pool = configuration.dhcp6.subnets[0].pools[0];
    pool.last = pool.first;
    Engine6 engine{configuration};
    const std::string address = engine.get_address(1);
    configuration.dhcp6.subnets[0].excluded.push_back({pool.first, pool.last});
    engine.reload(configuration);
    const auto outcome = engine.send(message().na(1, {address}));
    EXPECT_THAT(outcome.reply->na(1).leases, ElementsAre(ReplyLease{address, 0, 0}));
    EXPECT_FALSE(outcome.reply->na(1).status);
    EXPECT_EQ(engine.held(lease::HeldCount::kLeased), 0u);
}

TEST_P(Extend6Test, ARetransmissionGetsTheSameReplyAndChangesNothing) {
    Engine6 engine;
    const std::string address = engine.get_address(1);
    engine.pass(1800);
    const Message6 renewal = message().xid(0x777777).na(1, {address});
    const auto first = engine.send(renewal);
    const std::uint32_t version = engine.record(address).version;
    engine.pass(20);
    const auto second = engine.send(renewal);
    EXPECT_EQ(first.reply->bytes, second.reply->bytes);
    EXPECT_EQ(engine.record(address).version, version);
}

TEST_P(Extend6Test, ATimeThatIsShorterNowDoesNotShortenTheLease) {
    auto configuration = small_configuration6();
    Engine6 engine{configuration};
    const std::string address = engine.get_address(1);
    const BootSeconds expiry = engine.record(address).expiry;
    configuration.dhcp6.lifetimes = {50, 100};
    engine.reload(configuration);
    const auto outcome = engine.send(message().na(1, {address}));
    EXPECT_THAT(outcome.reply->na(1).leases, ElementsAre(ReplyLease{address, 50, 100}));
    EXPECT_EQ(engine.record(address).expiry, expiry);
}

TEST(Extend6TypesTest, RenewAddsABindingThatTheClientWouldLikeToHave) {
    RecordProperty("rfc", "8415 18.3.4");
    Engine6 engine;
    const std::string address = engine.get_address(1);
    const auto outcome = engine.send(Message6{Message6::kRenew}.na(1, {address}).na(2).pd(1));
    EXPECT_EQ(outcome.reply->na(1).lease(), address);
    EXPECT_NE(outcome.reply->na(2).lease(), "");
    EXPECT_NE(outcome.reply->pd(1).lease(), "");
    EXPECT_EQ(engine.held(lease::HeldCount::kLeased), 3u);
}

TEST(Extend6TypesTest, RenewWithoutRoomForSuchABindingSaysSo) {
    auto configuration = small_configuration6();
    configuration.dhcp6.subnets[0].pools[0].last = configuration.dhcp6.subnets[0].pools[0].first;
    Engine6 engine{configuration};
    const std::string address = engine.get_address(1);
    const auto outcome = engine.send(Message6{Message6::kRenew}.na(1, {address}).na(2));
    EXPECT_EQ(outcome.reply->na(2).status, kNoAddrsAvail);
}

TEST(Extend6TypesTest, RebindAddsBindingsWhereRapidCommitDoes) {
    RecordProperty("rfc", "8415 18.3.5");
    auto configuration = small_configuration6();
    for (const bool rapid_commit : {false, true}) {
        configuration.dhcp6.rapid_commit = rapid_commit;
        Engine6 engine{configuration};
        const std::string address = engine.get_address(1);
        const auto outcome = engine.send(Message6{Message6::kRebind}.na(1, {address}).na(2));
        EXPECT_EQ(outcome.reply->na(1).lease(), address);
        EXPECT_EQ(outcome.reply->ia(3, 2).has_value(), rapid_commit);
    }
}

TEST(Extend6TypesTest, RebindOfWhatOnlyAnotherServerCanKnowIsSilent) {
    RecordProperty("rfc", "8415 18.3.5");
    Engine6 engine;
    // On the link, but in no pool; a prefix that nobody here delegates.
    EXPECT_EQ(engine.send(Message6{Message6::kRebind}.na(1, {"2001:db8:1::77"})).why(),
              "engine6.unknown-binding");
    EXPECT_EQ(engine.send(Message6{Message6::kRebind}.pd(1, {"2001:db8:900::/56"})).why(),
              "engine6.unknown-binding");
    EXPECT_EQ(engine.send(Message6{Message6::kRebind}.na(1)).why(), "engine6.unknown-binding");
    EXPECT_EQ(engine.send(Message6{Message6::kRebind}).why(), "engine6.unknown-binding");
    EXPECT_EQ(engine.held(lease::HeldCount::kLeased), 0u);
}

TEST(Extend6TypesTest, RenewOfAnAddressInNoPoolHasNoBinding) {
    RecordProperty("rfc", "8415 18.3.4");
    Engine6 engine;
    const auto outcome =
        engine.send(Message6{Message6::kRenew}.na(1, {"2001:db8:1::77", "2001:db8:9::1"}));
    EXPECT_EQ(outcome.reply->na(1).status, kNoBinding);
    EXPECT_THAT(outcome.reply->na(1).leases, ElementsAre(ReplyLease{"2001:db8:9::1", 0, 0}));
}

TEST(Extend6TypesTest, RenewOfAPrefixThatNobodyHereDelegatesIsOver) {
    RecordProperty("rfc", "8415 18.3.4");
    Engine6 engine;
    const auto outcome = engine.send(Message6{Message6::kRenew}.pd(1, {"2001:db8:900::/56"}));
    EXPECT_THAT(outcome.reply->pd(1).over(), ElementsAre("2001:db8:900::/56"));
}

TEST(Extend6TypesTest, LinksThatAReloadJoinsLeaveAnIaWithOneLease) {
    auto configuration = small_configuration6();
    auto& second = configuration.dhcp6.subnets.emplace_back();
    second.prefix = *parse_ipv6_prefix("2001:db8:2::/64");
    second.interface = "eth2";
    second.pools.push_back({*parse_ipv6("2001:db8:2::10"), *parse_ipv6("2001:db8:2::1f")});
    Engine6 engine{configuration};
    const std::string first = engine.get_address(1);
    const auto moved = engine.send(Message6{Message6::kRequest}.na(1), 1, testing::kUplink);
    ASSERT_TRUE(moved.reply) << moved.why();
    const std::string other = moved.reply->na(1).lease();
    ASSERT_NE(first, other);
    for (auto& subnet : configuration.dhcp6.subnets) {
        subnet.interface = "eth1";
        subnet.shared_network = "all";
    }
    engine.reload(configuration);
    const auto outcome = engine.send(Message6{Message6::kRenew}.xid(5).na(1, {first}));
    EXPECT_EQ(outcome.reply->na(1).lease(), first);
    EXPECT_THAT(outcome.reply->na(1).over(), ElementsAre(other));
    EXPECT_EQ(engine.held(lease::HeldCount::kLeased), 1u);
}

}  // namespace
}  // namespace xdhcpd::engine::v6
