// The states of a client and the messages of RFC 2131, seen from the server.
#include "engine/decide.h"

#include <gtest/gtest.h>

#include <set>

#include "support/engine_harness.h"

namespace xdhcpd::engine {
namespace {

using dhcp4::MessageType;
using lease::HeldCount;
using testing::bytes;
using testing::Bytes;
using testing::Engine;
using testing::FrameSpec;
using testing::Message;
using testing::small_configuration;

Message discover(int client = 1) {
    return Message{1, client};
}
Message selecting(std::string_view address, int client = 1, std::string_view server = "192.0.2.1") {
    Message message{3, client};
    message.option_address(50, address).option_address(54, server);
    return message;
}
Message init_reboot(std::string_view address, int client = 1) {
    Message message{3, client};
    message.option_address(50, address);
    return message;
}
Message renewing(std::string_view address, int client = 1) {
    Message message{3, client};
    message.ciaddr(address).xid(0x77000000u + static_cast<std::uint32_t>(client));
    return message;
}

TEST(DecideTest, DiscoverIsOfferedAnAddressOfThePool) {
    RecordProperty("rfc", "2131 4.3.1");
    Engine engine;
    const auto outcome = engine.send(discover());
    ASSERT_TRUE(outcome.reply);
    EXPECT_EQ(outcome.reply->type(), MessageType::kOffer);
    EXPECT_EQ(outcome.reply->yiaddr(), "192.0.2.10");
    EXPECT_EQ(outcome.reply->u32(51), 3600u);
    EXPECT_FALSE(outcome.reply->decision.promised);  // an offer waits for nothing
    EXPECT_EQ(engine.held(HeldCount::kOffered), 1u);
}

TEST(DecideTest, SelectingTheOfferIsAcknowledgedAndMustBeJournalled) {
    RecordProperty("rfc", "2131 4.3.2");
    Engine engine;
    engine.journal = Journal::kOpen;
    ASSERT_TRUE(engine.send(discover()).reply);
    const auto outcome = engine.send(selecting("192.0.2.10"));
    ASSERT_TRUE(outcome.reply);
    EXPECT_EQ(outcome.reply->type(), MessageType::kAck);
    EXPECT_EQ(outcome.reply->yiaddr(), "192.0.2.10");
    EXPECT_TRUE(outcome.reply->decision.promised);
    EXPECT_TRUE(outcome.reply->decision.must_write);
    EXPECT_EQ(engine.held(HeldCount::kLeased), 1u);
    EXPECT_EQ(engine.held(HeldCount::kOffered), 0u);
}

TEST(DecideTest, EachClientGetsItsOwnAddressUntilThePoolIsEmpty) {
    Engine engine;
    std::set<std::string> seen;
    for (int client = 1; client <= 10; ++client) {
        seen.insert(engine.get_lease(client));
    }
    EXPECT_EQ(seen.size(), 10u);
    EXPECT_EQ(*seen.begin(), "192.0.2.10");
    EXPECT_EQ(*seen.rbegin(), "192.0.2.19");
    EXPECT_EQ(engine.send(discover(11)).drop, DropReason{Refusal::kNoFreeAddress});
}

TEST(DecideTest, ARepeatedDiscoverIsOfferedTheSameAddress) {
    Engine engine;
    ASSERT_TRUE(engine.send(discover()).reply);
    EXPECT_EQ(engine.send(discover()).reply->yiaddr(), "192.0.2.10");
    EXPECT_EQ(engine.held(HeldCount::kOffered), 1u);
}

TEST(DecideTest, TheRequestedAddressIsOfferedIfFree) {
    RecordProperty("rfc", "2131 4.3.1");
    Engine engine;
    EXPECT_EQ(engine.send(discover(1).option_address(50, "192.0.2.15")).reply->yiaddr(),
              "192.0.2.15");
    EXPECT_EQ(engine.send(discover(2).option_address(50, "192.0.2.15")).reply->yiaddr(),
              "192.0.2.10");
    EXPECT_EQ(engine.send(discover(3).option_address(50, "192.0.2.200")).reply->yiaddr(),
              "192.0.2.11");
}

TEST(DecideTest, ALeasedClientThatDiscoversKeepsItsAddressAndItsLease) {
    Engine engine;
    ASSERT_EQ(engine.get_lease(1), "192.0.2.10");
    EXPECT_EQ(engine.send(discover(1).option_address(50, "192.0.2.17")).reply->yiaddr(),
              "192.0.2.10");
    EXPECT_EQ(engine.held(HeldCount::kLeased), 1u);
}

TEST(DecideTest, AFormerTenantGetsItsAddressBack) {
    RecordProperty("rfc", "2131 4.3.1");
    Engine engine;
    ASSERT_EQ(engine.get_lease(1), "192.0.2.10");
    ASSERT_EQ(engine.get_lease(2), "192.0.2.11");
    engine.pass(3600 + kLeaseSlack);
    EXPECT_EQ(engine.held(HeldCount::kLeased), 0u);
    EXPECT_EQ(engine.get_lease(2), "192.0.2.11");
    EXPECT_EQ(engine.get_lease(1), "192.0.2.10");
}

TEST(DecideTest, AnOfferNotTakenIsFreeAgain) {
    auto configuration = small_configuration();
    configuration.dhcp4.max_offers_per_relay = 100;
    Engine engine{configuration};
    for (int client = 1; client <= 10; ++client) {
        ASSERT_TRUE(engine.send(discover(client)).reply);
    }
    EXPECT_TRUE(engine.send(discover(11)).drop);
    engine.pass(29);
    EXPECT_TRUE(engine.send(discover(11)).drop);
    engine.pass(1);
    EXPECT_TRUE(engine.send(discover(11)).reply);
}

TEST(DecideTest, SelectingAnotherServerWithdrawsOurOfferAtOnce) {
    RecordProperty("rfc", "2131 3.1");
    Engine engine;
    ASSERT_TRUE(engine.send(discover()).reply);
    const auto outcome = engine.send(selecting("192.0.2.10", 1, "192.0.2.250"));
    EXPECT_EQ(outcome.drop, DropReason{Refusal::kOtherServer});
    EXPECT_EQ(engine.held(HeldCount::kOffered), 0u);
}

TEST(DecideTest, SelectingAnotherServerLeavesALeaseAlone) {
    Engine engine;
    ASSERT_EQ(engine.get_lease(1), "192.0.2.10");
    EXPECT_TRUE(engine.send(selecting("192.0.2.99", 1, "192.0.2.250")).drop);
    EXPECT_EQ(engine.held(HeldCount::kLeased), 1u);
}

TEST(DecideTest, SelectingAfterTheOfferWasLostIsGrantedIfFree) {
    Engine engine;
    const auto outcome = engine.send(selecting("192.0.2.14"));
    ASSERT_TRUE(outcome.reply);
    EXPECT_EQ(outcome.reply->type(), MessageType::kAck);
    EXPECT_EQ(outcome.reply->yiaddr(), "192.0.2.14");
}

TEST(DecideTest, SelectingATakenOrClosedAddressIsRefused) {
    RecordProperty("rfc", "2131 3.1");
    Engine engine;
    ASSERT_EQ(engine.get_lease(1), "192.0.2.10");
    EXPECT_EQ(engine.send(selecting("192.0.2.10", 2)).reply->type(), MessageType::kNak);
    EXPECT_EQ(engine.send(selecting("192.0.2.200", 2)).reply->type(), MessageType::kNak);
    EXPECT_EQ(engine.send(selecting("203.0.113.5", 2)).reply->type(), MessageType::kNak);
}

TEST(DecideTest, SelectingAnotherFreeAddressThanOfferedMovesTheClient) {
    Engine engine;
    ASSERT_EQ(engine.send(discover()).reply->yiaddr(), "192.0.2.10");
    EXPECT_EQ(engine.send(selecting("192.0.2.15")).reply->yiaddr(), "192.0.2.15");
    EXPECT_EQ(engine.held(HeldCount::kOffered), 0u);
    EXPECT_EQ(engine.held(HeldCount::kLeased), 1u);
}

TEST(DecideTest, ARetransmittedRequestGetsTheSameAckAndChangesNothing) {
    RecordProperty("rfc", "2131 3.1");
    Engine engine;
    ASSERT_TRUE(engine.send(discover()).reply);
    const auto first = engine.send(selecting("192.0.2.10").option_u32(51, 1000));
    ASSERT_TRUE(first.reply);
    engine.pass(10);
    const auto second = engine.send(selecting("192.0.2.10").option_u32(51, 1000));
    ASSERT_TRUE(second.reply);
    EXPECT_EQ(first.reply->bytes, second.reply->bytes);
    EXPECT_TRUE(second.reply->decision.promised) << "it waits for the record of the first";
    EXPECT_FALSE(second.reply->decision.must_write);
    engine.pass(989 + kLeaseSlack);
    EXPECT_EQ(engine.held(HeldCount::kLeased), 1u);
    engine.pass(1);  // the first grant's end, not the second's
    EXPECT_EQ(engine.held(HeldCount::kLeased), 0u);
}

TEST(DecideTest, AClientThatNeverChangesItsXidCanStillRenew) {
    Engine engine;
    ASSERT_TRUE(engine.send(discover()).reply);
    ASSERT_TRUE(engine.send(selecting("192.0.2.10").option_u32(51, 600)).reply);
    engine.pass(300);
    Message renewal{3, 1};
    renewal.ciaddr("192.0.2.10").option_u32(51, 600);
    ASSERT_TRUE(engine.send_unicast(renewal, "192.0.2.10").reply);
    engine.pass(301 + kLeaseSlack);
    EXPECT_EQ(engine.held(HeldCount::kLeased), 1u);
}

TEST(DecideTest, InitRebootWithARecordIsConfirmed) {
    RecordProperty("rfc", "2131 4.3.2");
    Engine engine;
    ASSERT_EQ(engine.get_lease(1), "192.0.2.10");
    engine.pass(100);
    EXPECT_EQ(engine.send(init_reboot("192.0.2.10").xid(5)).reply->type(), MessageType::kAck);
}

TEST(DecideTest, InitRebootOfAnotherAddressThanRecordedIsRefused) {
    RecordProperty("rfc", "2131 4.3.2");
    Engine engine;
    ASSERT_EQ(engine.get_lease(1), "192.0.2.10");
    EXPECT_EQ(engine.send(init_reboot("192.0.2.11")).reply->type(), MessageType::kNak);
    EXPECT_EQ(engine.held(HeldCount::kLeased), 1u);
}

TEST(DecideTest, InitRebootWithoutARecordIsSilence) {
    RecordProperty("rfc", "2131 4.3.2");
    Engine engine;
    EXPECT_EQ(engine.send(init_reboot("192.0.2.10")).drop, DropReason{Refusal::kUnknownClient});
    EXPECT_EQ(engine.held(HeldCount::kOffered), 0u);
}

TEST(DecideTest, InitRebootOnTheWrongLinkIsRefused) {
    RecordProperty("rfc", "2131 4.3.2");
    Engine engine;
    const auto outcome = engine.send(init_reboot("203.0.113.9"));
    ASSERT_TRUE(outcome.reply);
    EXPECT_EQ(outcome.reply->type(), MessageType::kNak);
}

TEST(DecideTest, InitRebootAfterExpiryIsConfirmedWhileNobodyElseHadIt) {
    Engine engine;
    ASSERT_EQ(engine.get_lease(1), "192.0.2.10");
    engine.pass(3700);
    EXPECT_EQ(engine.send(init_reboot("192.0.2.10").xid(9)).reply->type(), MessageType::kAck);
    ASSERT_EQ(engine.get_lease(2), "192.0.2.11");
    engine.pass(3700);
    ASSERT_EQ(engine.get_lease(3, "192.0.2.11"), "192.0.2.11");
    EXPECT_EQ(engine.send(init_reboot("192.0.2.11", 2)).drop, DropReason{Refusal::kUnknownClient});
}

TEST(DecideTest, NothingIsRefusedWhereWeAreNotAuthoritative) {
    auto configuration = small_configuration();
    configuration.dhcp4.authoritative = false;
    Engine engine{configuration};
    EXPECT_EQ(engine.send(init_reboot("203.0.113.9")).drop, DropReason{Refusal::kNotAuthoritative});
    EXPECT_TRUE(engine.send(discover()).reply);
}

TEST(DecideTest, RenewingExtendsTheLease) {
    RecordProperty("rfc", "2131 4.3.2");
    Engine engine;
    ASSERT_EQ(engine.get_lease(1), "192.0.2.10");
    engine.pass(1800);
    const auto outcome = engine.send_unicast(renewing("192.0.2.10"), "192.0.2.10");
    ASSERT_TRUE(outcome.reply);
    EXPECT_EQ(outcome.reply->type(), MessageType::kAck);
    EXPECT_EQ(to_string(outcome.reply->message->ciaddr()), "192.0.2.10");
    engine.pass(1801 + kLeaseSlack);
    EXPECT_EQ(engine.held(HeldCount::kLeased), 1u);
    engine.pass(1799);
    EXPECT_EQ(engine.held(HeldCount::kLeased), 0u);
}

// An offer of the time when the subnet of its lease was not configured.
TEST(DecideTest, ADiscoverIsAnsweredWithTheLeaseRatherThanWithAnOpenOffer) {
    RecordProperty("rfc", "2131 4.3.1");
    auto both = small_configuration();
    both.dhcp4.subnets[0].shared_network = "one";
    model::SubnetConfiguration second = both.dhcp4.subnets[0];
    second.prefix = parse_ipv4_prefix("198.51.100.0/24").value();
    second.pools = {{testing::ip("198.51.100.10"), testing::ip("198.51.100.19")}};
    auto first_only = both;
    both.dhcp4.subnets.push_back(second);
    Engine engine{both};
    ASSERT_EQ(engine.get_lease(1, "198.51.100.15"), "198.51.100.15");
    engine.reload(first_only);
    ASSERT_EQ(engine.send(Message{1, 1}).reply->yiaddr(), "192.0.2.10");
    engine.reload(both);
    EXPECT_EQ(engine.send(Message{1, 1}).reply->yiaddr(), "198.51.100.15");
}

// A lease of the time when the subnet of the first one was not configured.
TEST(DecideTest, WhoRenewsOneOfTwoLeasesKeepsThatOne) {
    RecordProperty("rfc", "2131 4.3.1");
    auto both = small_configuration();
    both.dhcp4.subnets[0].shared_network = "one";
    model::SubnetConfiguration second = both.dhcp4.subnets[0];
    second.prefix = parse_ipv4_prefix("198.51.100.0/24").value();
    second.pools = {{testing::ip("198.51.100.10"), testing::ip("198.51.100.19")}};
    auto first_only = both;
    both.dhcp4.subnets.push_back(second);
    for (const bool is_first : {false, true}) {
        Engine engine{both};
        ASSERT_EQ(engine.get_lease(1, "198.51.100.15"), "198.51.100.15");
        engine.reload(first_only);
        ASSERT_EQ(engine.get_lease(1), "192.0.2.10");
        engine.reload(both);
        const std::string kept = is_first ? "192.0.2.10" : "198.51.100.15";
        EXPECT_EQ(engine.send(renewing(kept).xid(99)).reply->type(), MessageType::kAck);
        EXPECT_EQ(engine.send(Message{1, 1}).reply->yiaddr(), kept);
        EXPECT_EQ(engine.send(renewing(kept).xid(100)).reply->type(), MessageType::kAck);
    }
}

// Its ACK may be lost, and then the client goes by the one before.
TEST(DecideTest, AShorterRenewalKeepsTheAddressForTheTimeThatWasToldBefore) {
    Engine engine;
    ASSERT_EQ(engine.get_lease(1), "192.0.2.10");
    Message renewal{3, 1};
    renewal.xid(77).ciaddr("192.0.2.10").option_u32(51, 300);
    EXPECT_EQ(engine.send(renewal).reply->u32(51), 300u);
    engine.pass(10);
    EXPECT_EQ(engine.send(renewal).reply->u32(51), 300u) << "a retransmission hears the same";
    engine.pass(3580);
    Message other{3, 2};
    other.option_address(50, "192.0.2.10").option_address(54, "192.0.2.1");
    EXPECT_EQ(engine.send(other).reply->type(), MessageType::kNak);
    engine.pass(kLeaseSlack + 10);
    EXPECT_EQ(engine.send(other).reply->type(), MessageType::kAck);
}

TEST(DecideTest, RenewingWithoutARecordIsGrantedIfFreeAndRefusedIfTaken) {
    Engine engine;
    EXPECT_EQ(engine.send_unicast(renewing("192.0.2.12"), "192.0.2.12").reply->type(),
              MessageType::kAck);
    EXPECT_EQ(engine.send_unicast(renewing("192.0.2.12", 2), "192.0.2.12").reply->type(),
              MessageType::kNak);
    EXPECT_EQ(engine.send_unicast(renewing("192.0.2.200", 2), "192.0.2.200").reply->type(),
              MessageType::kNak);
}

TEST(DecideTest, RebindingOnTheWrongLinkIsRefused) {
    RecordProperty("rfc", "2131 4.3.2");
    Engine engine;
    FrameSpec spec;
    spec.source = testing::ip("203.0.113.9");
    EXPECT_EQ(engine.send(renewing("203.0.113.9"), spec).reply->type(), MessageType::kNak);
}

TEST(DecideTest, RequestsWithoutAnyAddressAreIncomplete) {
    Engine engine;
    EXPECT_EQ(engine.send(Message{3, 1}).drop, DropReason{Refusal::kIncompleteRequest});
    EXPECT_EQ(engine.send(Message{3, 1}.option_address(54, "192.0.2.1")).drop,
              DropReason{Refusal::kIncompleteRequest});
}

TEST(DecideTest, ReleaseByItsOwnerFreesTheAddress) {
    RecordProperty("rfc", "2131 4.3.4");
    Engine engine;
    ASSERT_EQ(engine.get_lease(1), "192.0.2.10");
    Message release{7, 1};
    release.ciaddr("192.0.2.10").option_address(54, "192.0.2.1");
    const auto outcome = engine.send_unicast(release, "192.0.2.10");
    EXPECT_EQ(outcome.drop, DropReason{Refusal::kReleased});
    EXPECT_EQ(engine.held(HeldCount::kLeased), 0u);
    EXPECT_EQ(engine.get_lease(1), "192.0.2.10");
}

TEST(DecideTest, ReleaseBySomebodyElseIsIgnored) {
    RecordProperty("rfc", "2131 4.3.4");
    Engine engine;
    ASSERT_EQ(engine.get_lease(1), "192.0.2.10");
    ASSERT_EQ(engine.get_lease(2), "192.0.2.11");
    Message release{7, 2};
    release.ciaddr("192.0.2.10").option_address(54, "192.0.2.1");
    EXPECT_EQ(engine.send_unicast(release, "192.0.2.10").drop, DropReason{Refusal::kNotOwner});
    EXPECT_EQ(engine.held(HeldCount::kLeased), 2u);
    Message elsewhere{7, 1};
    elsewhere.ciaddr("192.0.2.10").option_address(54, "192.0.2.250");
    EXPECT_EQ(engine.send_unicast(elsewhere, "192.0.2.10").drop, DropReason{Refusal::kOtherServer});
    EXPECT_EQ(engine.send_unicast(Message{7, 1}, "192.0.2.10").drop,
              DropReason{Refusal::kIncompleteRequest});
}

TEST(DecideTest, DeclineQuarantinesTheAddress) {
    RecordProperty("rfc", "2131 4.3.3");
    auto configuration = small_configuration();
    configuration.dhcp4.decline_time = 500;
    Engine engine{configuration};
    ASSERT_EQ(engine.get_lease(1), "192.0.2.10");
    Message decline{4, 1};
    decline.option_address(50, "192.0.2.10").option_address(54, "192.0.2.1");
    EXPECT_EQ(engine.send(decline).drop, DropReason{Refusal::kDeclined});
    EXPECT_EQ(engine.held(HeldCount::kDeclined), 1u);
    EXPECT_EQ(engine.get_lease(1, "192.0.2.10"), "192.0.2.11");
    engine.pass(500);
    EXPECT_EQ(engine.held(HeldCount::kDeclined), 0u);
    EXPECT_EQ(engine.get_lease(3, "192.0.2.10"), "192.0.2.10");
}

TEST(DecideTest, DeclineOfAnAddressNotHeldIsIgnored) {
    RecordProperty("rfc", "2131 4.3.3");
    Engine engine;
    ASSERT_EQ(engine.get_lease(1), "192.0.2.10");
    EXPECT_EQ(engine.send(Message{4, 2}.option_address(50, "192.0.2.10")).drop,
              DropReason{Refusal::kNotOwner});
    EXPECT_EQ(engine.send(Message{4, 2}).drop, DropReason{Refusal::kIncompleteRequest});
    EXPECT_EQ(
        engine
            .send(Message{4, 1}.option_address(50, "192.0.2.10").option_address(54, "192.0.2.250"))
            .drop,
        DropReason{Refusal::kOtherServer});
    EXPECT_EQ(engine.held(HeldCount::kLeased), 1u);
}

TEST(DecideTest, InformGetsParametersButNoLease) {
    RecordProperty("rfc", "2131 4.3.5");
    Engine engine;
    Message inform{8, 1};
    inform.ciaddr("192.0.2.77");
    const auto outcome = engine.send_unicast(inform, "192.0.2.77");
    ASSERT_TRUE(outcome.reply);
    EXPECT_EQ(outcome.reply->type(), MessageType::kAck);
    EXPECT_EQ(outcome.reply->yiaddr(), "0.0.0.0");
    EXPECT_FALSE(outcome.reply->has(51));
    EXPECT_FALSE(outcome.reply->has(58));
    EXPECT_FALSE(outcome.reply->has(59));
    EXPECT_EQ(to_string(outcome.reply->frame.destination), "192.0.2.77");
    EXPECT_EQ(engine.held(HeldCount::kLeased) + engine.held(HeldCount::kOffered), 0u);
}

TEST(DecideTest, InformWithoutCiaddrAnswersTheIpSource) {
    Engine engine;
    FrameSpec spec;
    spec.source = testing::ip("192.0.2.78");
    EXPECT_EQ(to_string(engine.send(Message{8, 1}, spec).reply->frame.destination), "192.0.2.78");
    EXPECT_EQ(engine.send(Message{8, 1}).drop, DropReason{Refusal::kIncompleteRequest});
}

TEST(DecideTest, TheLeaseTimeAskedForIsKeptWithinBounds) {
    RecordProperty("rfc", "2131 4.3.1");
    Engine engine;
    EXPECT_EQ(engine.send(discover().option_u32(51, 1000)).reply->u32(51), 1000u);
    EXPECT_EQ(engine.send(discover().option_u32(51, 1)).reply->u32(51), 300u);
    EXPECT_EQ(engine.send(discover().option_u32(51, 0)).reply->u32(51), 300u);
    EXPECT_EQ(engine.send(discover().option_u32(51, 0xffffffff)).reply->u32(51), 86400u);
    EXPECT_EQ(engine.send(discover()).reply->u32(51), 3600u);
}

TEST(DecideTest, AnInfiniteLeaseNeverEndsAndHasNoTimers) {
    RecordProperty("rfc", "2131 3.3");
    auto configuration = small_configuration();
    configuration.dhcp4.lease_time.max_time = 0xffffffff;
    Engine engine{configuration};
    ASSERT_TRUE(engine.send(discover()).reply);
    const auto outcome = engine.send(selecting("192.0.2.10").option_u32(51, 0xffffffff));
    ASSERT_TRUE(outcome.reply);
    EXPECT_EQ(outcome.reply->u32(51), 0xffffffffu);
    EXPECT_FALSE(outcome.reply->has(58));
    EXPECT_FALSE(outcome.reply->has(59));
    engine.pass(400'000'000);
    EXPECT_EQ(engine.held(HeldCount::kLeased), 1u);
    EXPECT_EQ(engine.send(selecting("192.0.2.10").option_u32(51, 0xffffffff).xid(3)).reply->u32(51),
              0xffffffffu);
}

TEST(DecideTest, RapidCommitAcknowledgesTheDiscover) {
    RecordProperty("rfc", "4039 3.1");
    auto configuration = small_configuration();
    Engine plain{configuration};
    EXPECT_EQ(plain.send(discover().option(80, {})).reply->type(), MessageType::kOffer);
    configuration.dhcp4.rapid_commit = true;
    Engine engine{configuration};
    engine.journal = Journal::kOpen;
    const auto outcome = engine.send(discover().option(80, {}));
    ASSERT_TRUE(outcome.reply);
    EXPECT_EQ(outcome.reply->type(), MessageType::kAck);
    EXPECT_TRUE(outcome.reply->has(80));
    EXPECT_TRUE(outcome.reply->decision.must_write);
    EXPECT_EQ(engine.held(HeldCount::kLeased), 1u);
    EXPECT_EQ(engine.send(discover(2)).reply->type(), MessageType::kOffer);
}

TEST(DecideTest, MessagesOfServersAndUnservedTypesAreDropped) {
    Engine engine;
    for (const int type : {2, 5, 6, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18}) {
        EXPECT_EQ(engine.send(Message{type, 1}).drop, DropReason{Refusal::kUnexpectedType}) << type;
    }
    EXPECT_EQ(engine.send(discover().op(2)).drop, DropReason{Refusal::kNotRequest});
}

TEST(DecideTest, HopsAbove16AreDropped) {
    RecordProperty("rfc", "1542 4.1.1");
    Engine engine;
    EXPECT_TRUE(engine.send(discover().hops(16)).reply);
    EXPECT_EQ(engine.send(discover().hops(17)).drop, DropReason{Refusal::kTooManyHops});
}

TEST(DecideTest, AddressesThatMustNotBeLeasedAreNot) {
    auto configuration = small_configuration();
    auto& subnet = configuration.dhcp4.subnets[0];
    subnet.prefix = parse_ipv4_prefix("192.0.2.0/29").value();
    subnet.pools = {{testing::ip("192.0.2.0"), testing::ip("192.0.2.7")}};
    subnet.options.push_back(testing::option_value(3, bytes({192, 0, 2, 2})));
    subnet.excluded.push_back({testing::ip("192.0.2.3"), testing::ip("192.0.2.3")});
    Engine engine{configuration};  // network .0, server .1, router .2, excluded .3, broadcast .7
    std::set<std::string> seen;
    for (int client = 1; client <= 3; ++client) {
        seen.insert(engine.get_lease(client));
    }
    EXPECT_EQ(seen, (std::set<std::string>{"192.0.2.4", "192.0.2.5", "192.0.2.6"}));
    EXPECT_EQ(engine.send(discover(4)).drop, DropReason{Refusal::kNoFreeAddress});
    for (const char* const address :
         {"192.0.2.0", "192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.7"}) {
        EXPECT_EQ(engine.send(selecting(address, 5)).reply->type(), MessageType::kNak) << address;
    }
}

TEST(DecideTest, PointToPointPrefixesHaveNoAddressToSpare) {
    RecordProperty("rfc", "3021 2.1");
    auto configuration = small_configuration();
    auto& subnet = configuration.dhcp4.subnets[0];
    subnet.prefix = parse_ipv4_prefix("192.0.2.4/31").value();
    subnet.pools = {{testing::ip("192.0.2.4"), testing::ip("192.0.2.5")}};
    Engine engine{configuration};
    EXPECT_EQ(engine.get_lease(1), "192.0.2.4");
    EXPECT_EQ(engine.get_lease(2), "192.0.2.5");
}

TEST(DecideTest, ClientIdentifierNamesTheClientWhateverItsAddress) {
    RecordProperty("rfc", "2131 4.2");
    Engine engine;
    EXPECT_EQ(engine.send(discover(1).option(61, {0, 'a', 'b'})).reply->yiaddr(), "192.0.2.10");
    EXPECT_EQ(engine.send(discover(2).option(61, {0, 'a', 'b'})).reply->yiaddr(), "192.0.2.10");
    EXPECT_EQ(engine.send(discover(1)).reply->yiaddr(), "192.0.2.11");
}

TEST(DecideTest, AClientIdentifierBelowTwoBytesFallsBackToTheHardwareAddress) {
    RecordProperty("rfc", "2132 9.14");
    Engine engine;
    EXPECT_EQ(engine.send(discover(1)).reply->yiaddr(), "192.0.2.10");
    EXPECT_EQ(engine.send(discover(1).option(61, {7})).reply->yiaddr(), "192.0.2.10");
    EXPECT_EQ(engine.send(discover(2).option(61, {7})).reply->yiaddr(), "192.0.2.11");
}

TEST(DecideTest, WithoutHardwareAddressAClientIdentifierIsNeeded) {
    RecordProperty("rfc", "4390 2.1");
    Engine engine;
    EXPECT_EQ(engine.send(discover().hlen(0)).drop, DropReason{Refusal::kNoClientIdentity});
    EXPECT_EQ(engine.send(discover().chaddr(Bytes(6))).drop,
              DropReason{Refusal::kNoClientIdentity});
    EXPECT_TRUE(engine.send(discover().hlen(0).htype(32).option(61, {255, 1, 2, 3})).reply);
}

TEST(DecideTest, IdentityHwAddressIgnoresTheClientIdentifier) {
    auto configuration = small_configuration();
    configuration.dhcp4.subnets[0].identity = model::Identity::kHwAddress;
    Engine engine{configuration};
    EXPECT_EQ(engine.send(discover(1).option(61, {0, 'a', 'b'})).reply->yiaddr(), "192.0.2.10");
    EXPECT_EQ(engine.send(discover(1).option(61, {0, 'x', 'y'})).reply->yiaddr(), "192.0.2.10");
    EXPECT_EQ(engine.send(discover(2).option(61, {0, 'a', 'b'})).reply->yiaddr(), "192.0.2.11");
}

TEST(DecideTest, ARangeTakenAwayByReloadDrains) {
    Engine engine;
    ASSERT_EQ(engine.get_lease(1), "192.0.2.10");
    auto configuration = small_configuration();
    configuration.dhcp4.subnets[0].pools = {
        {testing::ip("192.0.2.100"), testing::ip("192.0.2.109")}};
    engine.reload(configuration);
    EXPECT_EQ(engine.send_unicast(renewing("192.0.2.10"), "192.0.2.10").reply->type(),
              MessageType::kNak);
    EXPECT_EQ(engine.get_lease(1), "192.0.2.100");
    EXPECT_EQ(engine.held(HeldCount::kLeased), 1u);
}

TEST(DecideTest, AFullClientTableIsSaidSo) {
    Engine engine{small_configuration(), 2};
    ASSERT_EQ(engine.get_lease(1), "192.0.2.10");
    ASSERT_EQ(engine.get_lease(2), "192.0.2.11");
    EXPECT_EQ(engine.send(discover(3)).drop, DropReason{Refusal::kClientTableFull});
    EXPECT_EQ(engine.send(selecting("192.0.2.15", 3)).drop, DropReason{Refusal::kClientTableFull});
}

TEST(DecideTest, AClosedLeaseIsGivenUpWhenItsClientDiscovers) {
    Engine engine;
    ASSERT_EQ(engine.get_lease(1), "192.0.2.10");
    auto configuration = small_configuration();
    configuration.dhcp4.subnets[0].pools = {
        {testing::ip("192.0.2.100"), testing::ip("192.0.2.109")}};
    engine.reload(configuration);
    EXPECT_EQ(engine.send(discover(1)).reply->yiaddr(), "192.0.2.100");
    EXPECT_EQ(engine.held(HeldCount::kLeased), 0u);
    EXPECT_EQ(engine.held(HeldCount::kOffered), 1u);
}

TEST(DecideTest, InitRebootWithARecordOfAnotherAddressThatHasEndedIsRefused) {
    RecordProperty("rfc", "2131 4.3.2");
    Engine engine;
    ASSERT_EQ(engine.get_lease(1), "192.0.2.10");
    engine.pass(3700);
    EXPECT_EQ(engine.send(init_reboot("192.0.2.15")).reply->type(), MessageType::kNak);
    EXPECT_EQ(engine.held(HeldCount::kOffered), 0u);
}

TEST(DecideTest, HostNameAndRelayInformationAreRemembered) {
    Engine engine;
    ASSERT_TRUE(engine.send(discover(1)).reply);
    ASSERT_TRUE(
        engine.send(selecting("192.0.2.10").option(12, {'p', 'c'}).option(82, {1, 1, 9})).reply);
    const lease::Unit unit = engine.store.space(engine.snapshot().subnets[0].space).unit_at(10);
    EXPECT_EQ(as_text(engine.shard.hostname(unit)), "pc");
    EXPECT_TRUE(equal_bytes(engine.shard.relay_information(unit), bytes({1, 1, 9})));
    ASSERT_TRUE(engine.send(selecting("192.0.2.10").xid(8).option(12, {'x'})).reply);
    EXPECT_EQ(as_text(engine.shard.hostname(unit)), "x");
}

TEST(DecideTest, ClientIdentifiersAbove255BytesAreRefused) {
    Engine engine;
    const Bytes part(200, std::byte{7});
    EXPECT_EQ(engine.send(discover(1).option(61, part).option(61, part)).drop,
              DropReason{Refusal::kBadClientIdentity});
}

TEST(DecideTest, WithoutAnyAddressOfOursThereIsNoServerIdentifier) {
    Engine engine;
    engine.host.interfaces[1].addresses.clear();
    engine.reload(small_configuration());
    EXPECT_EQ(engine.send(discover(1)).drop, DropReason{Refusal::kNoServerAddress});
    auto configuration = small_configuration();
    configuration.dhcp4.subnets[0].server_address = testing::ip("192.0.2.3");
    engine.reload(configuration);
    const auto outcome = engine.send(discover(1));
    ASSERT_TRUE(outcome.reply);
    EXPECT_EQ(to_string(outcome.reply->frame.source), "192.0.2.3");
}

TEST(DecideTest, UnreadableMessagesSayWhy) {
    Engine engine;
    EXPECT_EQ(engine.send(discover(1).hlen(17)).drop, DropReason{dhcp4::ParseError::kBadHlen});
    EXPECT_EQ(engine.send_frame(testing::udp_frame({}, bytes({1, 1, 6, 0}))).drop,
              DropReason{dhcp4::ParseError::kTruncated});
}

// 200 addresses: one way in may hold three times as many open offers as are left.
model::Configuration with_200() {
    auto configuration = small_configuration();
    configuration.dhcp4.subnets[0].pools = {
        {testing::ip("192.0.2.10"), testing::ip("192.0.2.209")}};
    return configuration;
}

TEST(DecideTest, OffersPerInterfaceAreLimitedAndLeasesAreNot) {
    Engine engine{with_200()};
    int offers = 0;
    while (engine.send(discover(1 + offers)).reply) {
        ++offers;
    }
    EXPECT_EQ(offers, 150);
    EXPECT_EQ(engine.send(discover(500)).drop, DropReason{Refusal::kOfferLimit});
    EXPECT_TRUE(engine.send(discover(1)).reply);  // an open offer is repeated
    // Another way in still gets something.
    Message relayed{1, 600};
    relayed.giaddr("192.0.2.254");
    EXPECT_TRUE(engine.send_relayed(relayed, "192.0.2.254").reply);
    // Offers that become leases make room.
    for (int client = 1; client <= 4; ++client) {
        EXPECT_TRUE(engine.send(discover(501)).drop);
        ASSERT_TRUE(engine.send(selecting("192.0.2." + std::to_string(9 + client), client)).reply);
    }
    EXPECT_TRUE(engine.send(discover(501)).reply);
}

TEST(DecideTest, AllClientsGetAnAddressThoughOffersAreLimited) {
    Engine engine{with_200()};
    std::set<std::string> seen;
    for (int client = 1; client <= 200; ++client) {
        seen.insert(engine.get_lease(client));
    }
    EXPECT_EQ(seen.size(), 200u);
    EXPECT_EQ(engine.held(HeldCount::kLeased), 200u);
}

TEST(DecideTest, ForgedRelaysAndCircuitsDoNotGetAroundTheLimit) {
    Engine engine{with_200()};
    int offers = 0;
    for (int client = 1; client <= 400; ++client) {
        Message forged = discover(client);
        if (client % 2 == 0) {
            forged.giaddr("192.0.2." + std::to_string(210 + client % 40));
        }
        forged.option(82, {1, 2, client & 0xff, client >> 8});
        offers += engine.send(forged).reply ? 1 : 0;
    }
    EXPECT_EQ(offers, 150);
}

TEST(DecideTest, ReservedLeasesDoNotCountAgainstThePool) {
    auto configuration = small_configuration();
    for (int client = 1; client <= 60; ++client) {
        Bytes hw = bytes({1});
        testing::append(hw, testing::mac(client).bytes());
        model::ReservationConfiguration reservation;
        reservation.identifier = {model::IdentifierKind::kHwAddress, hw};
        reservation.address =
            Ipv4{testing::ip("192.0.2.100").value + static_cast<std::uint32_t>(client)};
        configuration.dhcp4.subnets[0].reservations.push_back(reservation);
    }
    Engine engine{configuration};
    for (int client = 1; client <= 60; ++client) {
        ASSERT_EQ(engine.get_lease(client), "192.0.2." + std::to_string(100 + client));
    }
    int offers = 0;
    for (int client = 101; client <= 110; ++client) {
        offers += engine.send(discover(client)).reply ? 1 : 0;
    }
    EXPECT_EQ(offers, 8);
}

TEST(DecideTest, DecliningAnOfferCostsNoAddress) {
    Engine engine;
    ASSERT_TRUE(engine.send(discover(1)).reply);
    EXPECT_EQ(
        engine.send(Message{4, 1}.option_address(50, "192.0.2.10").option_address(54, "192.0.2.1"))
            .drop,
        DropReason{Refusal::kDeclined});
    EXPECT_EQ(engine.held(HeldCount::kDeclined), 0u);
    EXPECT_EQ(engine.held(HeldCount::kOffered), 0u);
}

TEST(DecideTest, ALeaseOutlivesWhatARetransmissionWasTold) {
    Engine engine;
    ASSERT_TRUE(engine.send(discover()).reply);
    ASSERT_TRUE(engine.send(selecting("192.0.2.10").option_u32(51, 300)).reply);
    engine.pass(63);
    ASSERT_EQ(engine.send(selecting("192.0.2.10").option_u32(51, 300)).reply->u32(51), 300u);
    engine.pass(300);
    EXPECT_EQ(engine.send(selecting("192.0.2.10", 2)).reply->type(), MessageType::kNak);
}

TEST(DecideTest, AConfiguredOfferLimitCounts) {
    auto configuration = small_configuration();
    configuration.dhcp4.max_offers_per_relay = 3;
    Engine engine{configuration};
    for (int client = 1; client <= 3; ++client) {
        ASSERT_TRUE(engine.send(discover(client)).reply);
    }
    EXPECT_EQ(engine.send(discover(4)).drop, DropReason{Refusal::kOfferLimit});
    engine.pass(31);
    EXPECT_TRUE(engine.send(discover(4)).reply);
}

TEST(DecideTest, PlainBootpIsServedFromReservationsOnly) {
    RecordProperty("rfc", "1534 2");
    auto configuration = small_configuration();
    configuration.dhcp4.bootp = true;
    Bytes hw = bytes({1});
    testing::append(hw, testing::mac(7).bytes());
    model::ReservationConfiguration reservation;
    reservation.identifier = {model::IdentifierKind::kHwAddress, hw};
    reservation.address = testing::ip("192.0.2.50");
    configuration.dhcp4.subnets[0].reservations.push_back(reservation);
    Engine engine{configuration};
    const auto outcome = engine.send(Message{0, 7});
    ASSERT_TRUE(outcome.reply);
    EXPECT_EQ(outcome.reply->yiaddr(), "192.0.2.50");
    EXPECT_EQ(outcome.reply->type(), MessageType::kNone);
    EXPECT_FALSE(outcome.reply->has(51));
    EXPECT_FALSE(outcome.reply->has(54));
    EXPECT_EQ(engine.send(Message{0, 8}).drop, DropReason{Refusal::kBootpNotServed});
    EXPECT_EQ(engine.send(Message{0, 7}.xid(9)).reply->yiaddr(), "192.0.2.50");
    configuration.dhcp4.bootp = false;
    engine.reload(configuration);
    EXPECT_EQ(engine.send(Message{0, 7}).drop, DropReason{Refusal::kBootpNotServed});
}

}  // namespace
}  // namespace xdhcpd::engine
