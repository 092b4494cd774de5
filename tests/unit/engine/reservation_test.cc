#include <gtest/gtest.h>

#include "engine/decide.h"
#include "support/engine_harness.h"

namespace xdhcpd::engine {
namespace {

using dhcp4::MessageType;
using model::IdentifierKind;
using testing::bytes;
using testing::Bytes;
using testing::Engine;
using testing::Message;
using testing::small_configuration;

Bytes hw(int client) {
    Bytes value = bytes({1});
    testing::append(value, testing::mac(client).bytes());
    return value;
}

model::ReservationConfiguration reserve(IdentifierKind kind, Bytes value,
                                        std::string_view address) {
    model::ReservationConfiguration reservation;
    reservation.identifier = {kind, std::move(value)};
    if (!address.empty()) {
        reservation.address = testing::ip(address);
    }
    return reservation;
}

model::Configuration with(std::vector<model::ReservationConfiguration> reservations) {
    auto configuration = small_configuration();
    configuration.dhcp4.subnets[0].reservations = std::move(reservations);
    return configuration;
}

TEST(ReservationTest, InsideAndOutsidePoolsAndForNobodyElse) {
    Engine engine{with({reserve(IdentifierKind::kHwAddress, hw(1), "192.0.2.12"),
                        reserve(IdentifierKind::kHwAddress, hw(2), "192.0.2.99")})};
    EXPECT_EQ(engine.get_lease(1), "192.0.2.12");
    EXPECT_EQ(engine.get_lease(2), "192.0.2.99");
    EXPECT_EQ(engine.get_lease(3, "192.0.2.12"), "192.0.2.10");
    for (int client = 4; client <= 11; ++client) {
        EXPECT_NE(engine.get_lease(client), "192.0.2.12");
    }
    EXPECT_EQ(engine.send(Message{1, 12}).drop, DropReason{Refusal::kNoFreeAddress});
}

TEST(ReservationTest, AMachineThatChangesItsClientIdKeepsItsUnit) {
    Engine engine{with({reserve(IdentifierKind::kHwAddress, hw(1), "192.0.2.50")})};
    EXPECT_EQ(engine.send(Message{1, 1}.option(61, {0, 'p', 'x', 'e'})).reply->yiaddr(),
              "192.0.2.50");
    EXPECT_EQ(engine.send(Message{1, 1}.option(61, {255, 1, 2, 3, 4})).reply->yiaddr(),
              "192.0.2.50");
    EXPECT_EQ(engine.send(Message{1, 1}).reply->yiaddr(), "192.0.2.50");
    EXPECT_EQ(engine.held(lease::HeldCount::kOffered), 1u);
}

TEST(ReservationTest, MatchesClientIdCircuitIdAndRemoteId) {
    Engine engine{with({reserve(IdentifierKind::kClientId, bytes({0, 'c'}), "192.0.2.51"),
                        reserve(IdentifierKind::kCircuitId, bytes({'p', '1'}), "192.0.2.52"),
                        reserve(IdentifierKind::kRemoteId, bytes({'r'}), "192.0.2.53")})};
    EXPECT_EQ(engine.send(Message{1, 1}.option(61, {0, 'c'})).reply->yiaddr(), "192.0.2.51");
    EXPECT_EQ(engine.send(Message{1, 2}.option(82, {1, 2, 'p', '1'})).reply->yiaddr(),
              "192.0.2.52");
    EXPECT_EQ(engine.send(Message{1, 3}.option(82, {2, 1, 'r'})).reply->yiaddr(), "192.0.2.53");
    EXPECT_EQ(engine.send(Message{1, 4}.option(82, {2, 1, 's'})).reply->yiaddr(), "192.0.2.10");
}

TEST(ReservationTest, OptionsAndNameOfAReservationWin) {
    auto reservation = reserve(IdentifierKind::kHwAddress, hw(1), "192.0.2.50");
    reservation.hostname = "printer";
    reservation.options = {testing::option_value(6, bytes({192, 0, 2, 9}))};
    reservation.next_server = testing::ip("192.0.2.8");
    reservation.boot_file_name = "special";
    auto configuration = with({reservation});
    configuration.dhcp4.options = {testing::option_value(6, bytes({192, 0, 2, 53}))};
    Engine engine{configuration};
    const auto outcome = engine.send(Message{1, 1}.option(55, {6}));
    ASSERT_TRUE(outcome.reply);
    EXPECT_TRUE(equal_bytes(outcome.reply->option(6), bytes({192, 0, 2, 9})));
    EXPECT_EQ(as_text(outcome.reply->option(12)), "printer");
    EXPECT_EQ(to_string(outcome.reply->message->siaddr()), "192.0.2.8");
    EXPECT_EQ(as_text(outcome.reply->message->file()).substr(0, 7), "special");
    EXPECT_TRUE(equal_bytes(engine.send(Message{1, 2}.option(55, {6})).reply->option(6),
                            bytes({192, 0, 2, 53})));
}

TEST(ReservationTest, OptionsWithoutAddressGoWithAnyAddress) {
    auto reservation = reserve(IdentifierKind::kHwAddress, hw(1), "");
    reservation.hostname = "laptop";
    Engine engine{with({reservation})};
    const auto outcome = engine.send(Message{1, 1});
    ASSERT_TRUE(outcome.reply);
    EXPECT_EQ(outcome.reply->yiaddr(), "192.0.2.10");
    EXPECT_EQ(as_text(outcome.reply->option(12)), "laptop");
}

TEST(ReservationTest, AClientWithAReservationIsSentThere) {
    Engine engine;
    ASSERT_EQ(engine.get_lease(1), "192.0.2.10");
    engine.reload(with({reserve(IdentifierKind::kHwAddress, hw(1), "192.0.2.50")}));
    const auto nak = engine.send_unicast(Message{3, 1}.ciaddr("192.0.2.10").xid(4), "192.0.2.10");
    ASSERT_TRUE(nak.reply);
    EXPECT_EQ(nak.reply->type(), MessageType::kNak);
    EXPECT_EQ(engine.get_lease(1), "192.0.2.50");
}

TEST(ReservationTest, AnAddressReservedWhileSomebodyHoldsItWaits) {
    Engine engine;
    ASSERT_EQ(engine.get_lease(2), "192.0.2.10");
    engine.reload(with({reserve(IdentifierKind::kHwAddress, hw(1), "192.0.2.10")}));
    EXPECT_EQ(engine.get_lease(1), "192.0.2.11");  // meanwhile
    const auto nak = engine.send_unicast(Message{3, 2}.ciaddr("192.0.2.10").xid(4), "192.0.2.10");
    ASSERT_TRUE(nak.reply);
    EXPECT_EQ(nak.reply->type(), MessageType::kNak);  // and the other one has to go
    EXPECT_EQ(engine.get_lease(1), "192.0.2.10");
}

// Which key names a client depends on reservations; a reload must not make strangers of clients.
TEST(ReservationTest, AReloadThatAddsOrRemovesAReservationKeepsTheLease) {
    const auto renew = [](Engine& engine, std::uint32_t xid) {
        const auto outcome =
            engine.send_unicast(Message{3, 1}.ciaddr("192.0.2.10").xid(xid), "192.0.2.10");
        return outcome.reply ? outcome.reply->type() : MessageType::kNone;
    };
    Engine engine;
    ASSERT_EQ(engine.get_lease(1), "192.0.2.10");
    auto named = reserve(IdentifierKind::kHwAddress, hw(1), "");
    named.hostname = "pc1";
    engine.reload(with({named}));  // options only
    EXPECT_EQ(renew(engine, 1), MessageType::kAck);
    engine.reload(with({reserve(IdentifierKind::kHwAddress, hw(1), "192.0.2.10")}));  // pinned
    EXPECT_EQ(renew(engine, 2), MessageType::kAck);
    EXPECT_EQ(engine.get_lease(1), "192.0.2.10");
    engine.reload(small_configuration());  // and free again
    EXPECT_EQ(renew(engine, 3), MessageType::kAck);
    EXPECT_EQ(engine.held(lease::HeldCount::kLeased), 1u);
    EXPECT_EQ(engine.shard.check_invariants(), "");
}

TEST(ReservationTest, AClientIdentifierThatBecomesReservedKeepsItsLease) {
    Engine engine;
    ASSERT_EQ(engine.send(Message{1, 1}.option(61, {0, 'c'})).reply->yiaddr(), "192.0.2.10");
    ASSERT_TRUE(engine
                    .send(Message{3, 1}
                              .option(61, {0, 'c'})
                              .option_address(50, "192.0.2.10")
                              .option_address(54, "192.0.2.1"))
                    .reply);
    engine.reload(with({reserve(IdentifierKind::kClientId, bytes({0, 'c'}), "192.0.2.10")}));
    const auto outcome = engine.send_unicast(
        Message{3, 1}.option(61, {0, 'c'}).ciaddr("192.0.2.10").xid(5), "192.0.2.10");
    ASSERT_TRUE(outcome.reply);
    EXPECT_EQ(outcome.reply->type(), MessageType::kAck);
}

TEST(ReservationTest, ADiscoverAloneGivesUpNothing) {
    Engine engine;
    ASSERT_EQ(engine.get_lease(2), "192.0.2.10");
    engine.reload(with({reserve(IdentifierKind::kHwAddress, hw(1), "192.0.2.10")}));
    ASSERT_EQ(engine.get_lease(1), "192.0.2.11");
    engine.pass(3600 + kLeaseSlack - 10);
    ASSERT_TRUE(engine.send_unicast(Message{3, 1}.ciaddr("192.0.2.11").xid(5), "192.0.2.11").reply);
    engine.pass(10);  // the other one's lease of .10 has ended
    EXPECT_EQ(engine.send(Message{1, 1}).reply->yiaddr(), "192.0.2.10");
    EXPECT_EQ(engine.held(lease::HeldCount::kLeased), 1u);  // .11 until .10 is granted
    EXPECT_EQ(engine.get_lease(1), "192.0.2.10");
    EXPECT_EQ(engine.held(lease::HeldCount::kLeased), 1u);
}

TEST(ReservationTest, AReservationThatMovesTakesItsClientAlong) {
    Engine engine{with({reserve(IdentifierKind::kHwAddress, hw(1), "192.0.2.50")})};
    ASSERT_EQ(engine.get_lease(1), "192.0.2.50");
    engine.reload(with({reserve(IdentifierKind::kHwAddress, hw(1), "192.0.2.60")}));
    EXPECT_EQ(engine.get_lease(1), "192.0.2.60");
    EXPECT_EQ(engine.held(lease::HeldCount::kLeased), 1u);
    EXPECT_EQ(engine.shard.check_invariants(), "");
}

TEST(ReservationTest, InitRebootOfTheReservedAddressNeedsNoRecord) {
    Engine engine{with({reserve(IdentifierKind::kHwAddress, hw(1), "192.0.2.50")})};
    EXPECT_EQ(engine.send(Message{3, 1}.option_address(50, "192.0.2.50")).reply->type(),
              MessageType::kAck);
}

TEST(ReservationTest, SelectingSomebodyElsesReservationIsRefused) {
    Engine engine{with({reserve(IdentifierKind::kHwAddress, hw(1), "192.0.2.12")})};
    EXPECT_EQ(
        engine.send(Message{3, 2}.option_address(50, "192.0.2.12").option_address(54, "192.0.2.1"))
            .reply->type(),
        MessageType::kNak);
}

}  // namespace
}  // namespace xdhcpd::engine
