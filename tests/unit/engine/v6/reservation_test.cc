#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/engine6_harness.h"

namespace xdhcpd::engine::v6 {
namespace {

using model::IdentifierKind6;
using testing::bytes;
using testing::Bytes;
using testing::duid_of;
using ::testing::ElementsAre;
using testing::Engine6;
using testing::join;
using testing::mac;
using testing::Message6;
using testing::option6;
using testing::option_value6;
using testing::small_configuration6;

constexpr const char* kReserved = "2001:db8:1::abcd";  // in no pool
constexpr const char* kPooled = "2001:db8:1::1003";

model::Reservation6Configuration& reserve(model::Configuration& configuration, IdentifierKind6 kind,
                                          Bytes value, const std::vector<std::string>& addresses,
                                          const std::vector<std::string>& prefixes = {}) {
    auto& reservation = configuration.dhcp6.subnets[0].reservations.emplace_back();
    reservation.identifier = {kind, std::move(value)};
    for (const std::string& address : addresses) {
        reservation.addresses.push_back(*parse_ipv6(address));
    }
    for (const std::string& prefix : prefixes) {
        reservation.prefixes.push_back(*parse_ipv6_prefix(prefix));
    }
    return reservation;
}

[[nodiscard]] Bytes hw_of(int client) {
    return join({bytes({0, 1}), mac(client).bytes()});
}

TEST(Reservation6Test, ADuidGetsWhatIsReservedForIt) {
    auto configuration = small_configuration6();
    reserve(configuration, IdentifierKind6::kDuid, duid_of(1), {kReserved}, {"2001:db8:aaaa::/48"});
    Engine6 engine{configuration};
    EXPECT_EQ(engine.get_address(1), kReserved);
    EXPECT_EQ(engine.get_prefix(1), "2001:db8:aaaa::/48");
    EXPECT_NE(engine.get_address(2), kReserved);
}

TEST(Reservation6Test, LeasesShowTheNameThatIsReserved) {
    auto configuration = small_configuration6();
    reserve(configuration, IdentifierKind6::kDuid, duid_of(1), {kReserved}, {"2001:db8:aaaa::/48"})
        .hostname = "printer";
    Engine6 engine{configuration};
    ASSERT_EQ(engine.get_address(1), kReserved);
    ASSERT_NE(engine.get_prefix(1), "");
    ASSERT_NE(engine.get_address(2), "");
    std::vector<std::string> names;
    const lease::Store& store = engine.shard.store();
    for (std::uint32_t id = 0; id < store.space_limit(); ++id) {
        engine.shard.walk(lease::SpaceId{static_cast<std::uint16_t>(id)}, 0, 100,
                          [&](lease::Unit unit, const lease::Record& /*record*/) {
                              names.emplace_back(as_text(engine.shard.hostname(unit)));
                          });
    }
    EXPECT_THAT(names, ::testing::UnorderedElementsAre("printer", "printer", ""));
}

TEST(Reservation6Test, LeasesShowTheNameThatTheClientSays) {
    RecordProperty("rfc", "4704 4");
    auto configuration = small_configuration6();
    reserve(configuration, IdentifierKind6::kDuid, duid_of(1), {kReserved}, {}).hostname =
        "printer";
    Engine6 engine{configuration};
    const Bytes fqdn = bytes({1, 6, 'l', 'a', 'p', 't', 'o', 'p', 2, 'd', 'e', 0});
    for (const int client : {1, 2}) {
        const auto reply =
            engine.send(Message6{Message6::kRequest, client}.na(1).option(39, fqdn), client);
        const auto unit = engine.find(reply.reply->na(1).lease());
        EXPECT_EQ(as_text(engine.shard.hostname(*unit)), client == 1 ? "printer" : "laptop.de");
        // A renewal without a name, or with none that can be read, changes nothing.
        engine.send(Message6{Message6::kRenew, client}.xid(9).na(1), client);
        engine.send(Message6{Message6::kRenew, client}.xid(10).na(1).option(39, {0, 9, 'x'}),
                    client);
        EXPECT_EQ(as_text(engine.shard.hostname(*unit)), client == 1 ? "printer" : "laptop.de");
    }
}

TEST(Reservation6Test, AReplyThatDoesNotFitLeavesBothLeasesOfJoinedLinksAlone) {
    auto configuration = small_configuration6();
    auto& second = configuration.dhcp6.subnets.emplace_back();
    second.prefix = *parse_ipv6_prefix("2001:db8:2::/64");
    second.interface = "eth2";
    auto& reservation = second.reservations.emplace_back();
    reservation.identifier = {IdentifierKind6::kDuid, duid_of(1)};
    reservation.addresses.push_back(*parse_ipv6("2001:db8:2::abcd"));
    Engine6 engine{configuration};
    ASSERT_NE(engine.get_address(1), "");
    const auto there = engine.send(Message6{Message6::kRequest}.na(1), 1, testing::kUplink);
    ASSERT_TRUE(there.reply) << there.why();
    ASSERT_EQ(there.reply->na(1).lease(), "2001:db8:2::abcd");
    for (auto& subnet : configuration.dhcp6.subnets) {
        subnet.interface = "eth1";
        subnet.shared_network = "all";
    }
    engine.reload(configuration);
    engine.tx_len = 130;
    for (const int type : {Message6::kSolicit, Message6::kRenew}) {
        EXPECT_EQ(engine.send(Message6{type}.na(1)).why(), "engine6.reply-too-long");
    }
    EXPECT_EQ(engine.held(lease::HeldCount::kLeased), 2u);
    EXPECT_EQ(engine.shard.check_invariants(), "");
}

TEST(Reservation6Test, NobodyElseGetsAReservedUnitOfAPool) {
    auto configuration = small_configuration6();
    reserve(configuration, IdentifierKind6::kDuid, duid_of(1), {kPooled});
    Engine6 engine{configuration};
    EXPECT_NE(engine.request(2, 1, kPooled), kPooled);
    for (int client = 3; client <= 30; ++client) {
        EXPECT_NE(engine.get_address(client), kPooled);
    }
    EXPECT_EQ(engine.get_address(1), kPooled);
    const auto renewed = engine.send(Message6{Message6::kRenew, 2}.na(9, {kPooled}), 2);
    EXPECT_EQ(renewed.reply->na(9).status, 3);
}

TEST(Reservation6Test, AHardwareAddressIsKnownByRelayDuidOrFrame) {
    RecordProperty("rfc", "6939 6");
    auto configuration = small_configuration6();
    reserve(configuration, IdentifierKind6::kHwAddress, hw_of(7), {kReserved});
    {
        Engine6 engine{configuration};
        EXPECT_EQ(engine.get_address(7), kReserved);  // its DUID has it
    }
    {
        Engine6 engine{configuration};
        const auto outcome = engine.send_relayed(Message6{Message6::kSolicit, 3}.na(1),
                                                 {{"2001:db8:1::5", option6(79, hw_of(7))}});
        EXPECT_EQ(outcome.reply->na(1).lease(), kReserved);
    }
    {
        Engine6 engine{configuration};
        const Bytes uuid(18, std::byte{4});
        const auto outcome =
            engine.send(Message6::empty(Message6::kSolicit).option(1, uuid).na(1), 7);
        EXPECT_EQ(outcome.reply->na(1).lease(), kReserved);
    }
}

TEST(Reservation6Test, RelayAndInterfaceNameAClient) {
    RecordProperty("rfc", "5460 5.4.1");
    const Bytes relay_id = bytes({0, 3, 0, 1, 9, 9, 9, 9, 9, 9});
    const Bytes name = join({bytes({10}), relay_id});
    const Bytes named = join({name, bytes({'p', '1'})});
    auto configuration = small_configuration6();
    reserve(configuration, IdentifierKind6::kRelayId, named, {kReserved});
    reserve(configuration, IdentifierKind6::kRelayId, name, {kPooled});
    Engine6 engine{configuration};
    const auto lease = [&](const Bytes& options, int client) {
        const auto outcome =
            engine.send_relayed(Message6{Message6::kRequest, client}.xid(engine.fresh()).na(1),
                                {{"2001:db8:1::5", options}});
        return outcome.reply->na(1).lease();
    };
    const Bytes id = option6(53, relay_id);
    EXPECT_EQ(lease(join({id, option6(18, bytes({'p', '1'}))}), 1), kReserved);
    EXPECT_EQ(lease(join({id, option6(18, bytes({'p', '1'}))}), 2), kReserved);  // another machine
    EXPECT_EQ(lease(join({id, option6(18, bytes({'p', '2'}))}), 3), kPooled);
    EXPECT_EQ(engine.held(lease::HeldCount::kLeased), 2u);
}

TEST(Reservation6Test, RemoteIdAndSubscriberIdNameAClient) {
    RecordProperty("rfc", "4649 3, 4580 2");
    const Bytes remote = bytes({0, 0, 0, 9, 'r', '1'});
    const Bytes subscriber = bytes({'s', '1'});
    auto configuration = small_configuration6();
    reserve(configuration, IdentifierKind6::kRemoteId, remote, {kReserved});
    reserve(configuration, IdentifierKind6::kSubscriberId, subscriber, {kPooled});
    Engine6 engine{configuration};
    const auto lease = [&](const Bytes& options, int client) {
        return engine
            .send_relayed(Message6{Message6::kSolicit, client}.na(1), {{"2001:db8:1::5", options}})
            .reply->na(1)
            .lease();
    };
    EXPECT_EQ(lease(option6(37, remote), 1), kReserved);
    EXPECT_EQ(lease(option6(38, subscriber), 2), kPooled);
    // Only the relay next to the client is believed.
    const auto outcome = engine.send_relayed(Message6{Message6::kSolicit, 3}.na(1),
                                             {{"2001:db8:1::5"}, {"::", option6(37, remote)}});
    EXPECT_NE(outcome.reply->na(1).lease(), kReserved);
}

TEST(Reservation6Test, TheFirstKindThatNamesTheClientCounts) {
    auto configuration = small_configuration6();
    reserve(configuration, IdentifierKind6::kHwAddress, hw_of(1), {kPooled});
    reserve(configuration, IdentifierKind6::kDuid, duid_of(1), {kReserved});
    EXPECT_EQ(Engine6{configuration}.get_address(1), kReserved);
}

TEST(Reservation6Test, AnIaidMayHaveItsOwnReservation) {
    auto configuration = small_configuration6();
    reserve(configuration, IdentifierKind6::kDuid, duid_of(1), {kReserved}).iaid = 5;
    reserve(configuration, IdentifierKind6::kDuid, duid_of(1), {"2001:db8:1::beef"}).iaid = 6;
    Engine6 engine{configuration};
    const auto outcome = engine.send(Message6{Message6::kRequest}.na(6).na(5).na(7));
    EXPECT_EQ(outcome.reply->na(5).lease(), kReserved);
    EXPECT_EQ(outcome.reply->na(6).lease(), "2001:db8:1::beef");
    EXPECT_TRUE(outcome.reply->na(7).lease().starts_with("2001:db8:1::100"));
}

TEST(Reservation6Test, SeveralUnitsAreGivenInTheOrderOfTheIaids) {
    auto configuration = small_configuration6();
    reserve(configuration, IdentifierKind6::kDuid, duid_of(1), {"2001:db8:1::a", "2001:db8:1::b"},
            {"2001:db8:aaaa::/56", "2001:db8:bbbb::/56"});
    Engine6 engine{configuration};
    const auto outcome = engine.send(Message6{Message6::kRequest}.na(30).na(10).na(20).pd(9).pd(8));
    EXPECT_EQ(outcome.reply->na(10).lease(), "2001:db8:1::a");
    EXPECT_EQ(outcome.reply->na(20).lease(), "2001:db8:1::b");
    EXPECT_TRUE(outcome.reply->na(30).lease().starts_with("2001:db8:1::100"));
    EXPECT_EQ(outcome.reply->pd(8).lease(), "2001:db8:aaaa::/56");
    EXPECT_EQ(outcome.reply->pd(9).lease(), "2001:db8:bbbb::/56");
    // And stay, in whatever message the IA comes.
    const auto renewed = engine.send(Message6{Message6::kRenew}.na(20, {"2001:db8:1::b"}));
    EXPECT_THAT(renewed.reply->na(20).leases.size(), 1u);
    EXPECT_EQ(renewed.reply->na(20).lease(), "2001:db8:1::b");
}

TEST(Reservation6Test, WhatSomebodyHoldsIsReplacedByAnother) {
    auto configuration = small_configuration6();
    Engine6 engine{configuration};
    ASSERT_EQ(engine.request(2, 1, kPooled), kPooled);
    reserve(configuration, IdentifierKind6::kDuid, duid_of(1), {kPooled});
    engine.reload(configuration);
    const std::string meanwhile = engine.get_address(1);
    EXPECT_TRUE(meanwhile.starts_with("2001:db8:1::100"));
    EXPECT_NE(meanwhile, kPooled);
    // The other client has to move at its renewal; then the reserved one is free.
    const auto moved = engine.send(Message6{Message6::kRenew, 2}.na(1, {kPooled}), 2);
    EXPECT_THAT(moved.reply->na(1).over(), ElementsAre(kPooled));
    const auto renewed = engine.send(Message6{Message6::kRenew}.xid(77).na(1, {meanwhile}));
    EXPECT_EQ(renewed.reply->na(1).lease(), kPooled);
    EXPECT_THAT(renewed.reply->na(1).over(), ElementsAre(meanwhile));
    EXPECT_EQ(engine.held(lease::HeldCount::kLeased), 2u);
}

TEST(Reservation6Test, WhatIsAdvertisedToAClientThatHasALeaseIsGrantedToo) {
    auto configuration = small_configuration6();
    Engine6 engine{configuration};
    const std::string before = engine.get_address(1);
    reserve(configuration, IdentifierKind6::kDuid, duid_of(1), {kReserved});
    engine.reload(configuration);
    const auto offer = engine.send(Message6{Message6::kSolicit}.na(1));
    EXPECT_EQ(offer.reply->na(1).lease(), kReserved);
    const auto outcome = engine.send(Message6{Message6::kRequest}.na(1, {kReserved}));
    EXPECT_EQ(outcome.reply->na(1).lease(), kReserved);
    EXPECT_THAT(outcome.reply->na(1).over(), ElementsAre(before));
    EXPECT_EQ(engine.held(lease::HeldCount::kLeased), 1u);
    EXPECT_EQ(engine.held(lease::HeldCount::kOffered), 0u);
}

TEST(Reservation6Test, AReloadThatReservesOrNoMoreKeepsTheLease) {
    auto configuration = small_configuration6();
    Engine6 engine{configuration};
    const std::string address = engine.get_address(7);
    auto reserved = configuration;
    reserve(reserved, IdentifierKind6::kHwAddress, hw_of(7), {});
    engine.reload(reserved);
    const auto first = engine.send(Message6{Message6::kRenew, 7}.xid(1).na(1, {address}), 7);
    EXPECT_EQ(first.reply->na(1).lease(), address);
    EXPECT_THAT(first.reply->na(1).leases.size(), 1u);
    engine.reload(configuration);
    const auto second = engine.send(Message6{Message6::kRenew, 7}.xid(2).na(1, {address}), 7);
    EXPECT_EQ(second.reply->na(1).lease(), address);
    EXPECT_EQ(engine.held(lease::HeldCount::kLeased), 1u);
    EXPECT_EQ(engine.shard.check_invariants(), "");
}

TEST(Reservation6Test, OptionsOfTheReservationWin) {
    auto configuration = small_configuration6();
    configuration.dhcp6.options = {option_value6(31, Bytes(16, std::byte{1})),
                                   option_value6(56, bytes({0, 1, 0, 0}))};
    auto& reservation = reserve(configuration, IdentifierKind6::kDuid, duid_of(1), {});
    reservation.options = {option_value6(31, Bytes(16, std::byte{2})),
                           option_value6(59, bytes({'u'}), true)};
    Engine6 engine{configuration};
    const auto mine = engine.send(Message6{Message6::kSolicit}.na(1).oro({31, 56}));
    EXPECT_EQ(mine.reply->option(31), Bytes(16, std::byte{2}));
    EXPECT_TRUE(mine.reply->has(56));
    EXPECT_EQ(mine.reply->option(59), bytes({'u'}));
    const auto others = engine.send(Message6{Message6::kSolicit, 2}.na(1).oro({31}), 2);
    EXPECT_EQ(others.reply->option(31), Bytes(16, std::byte{1}));
    EXPECT_FALSE(others.reply->has(59));
}

TEST(Reservation6Test, AnIdentifierThatIsLongerThanAKeyIsRefused) {
    auto configuration = small_configuration6();
    const Bytes remote(300, std::byte{5});
    reserve(configuration, IdentifierKind6::kRemoteId, remote, {kReserved});
    Engine6 engine{configuration};
    EXPECT_EQ(engine
                  .send_relayed(Message6{Message6::kSolicit}.na(1),
                                {{"2001:db8:1::5", option6(37, remote)}})
                  .why(),
              "engine6.identity-too-long");
}

}  // namespace
}  // namespace xdhcpd::engine::v6
