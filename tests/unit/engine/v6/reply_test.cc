// What replies say and where they go: RFC 8415 sections 18.3, 18.3.10 and 19.3.
#include "engine/v6/reply.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/engine6_harness.h"

namespace xdhcpd::engine::v6 {
namespace {

using testing::bytes;
using testing::Bytes;
using ::testing::ElementsAre;
using testing::Engine6;
using testing::frame6;
using testing::FrameSpec6;
using testing::Message6;
using testing::option6;
using testing::option_value6;
using testing::small_configuration6;

[[nodiscard]] model::Configuration with_options(std::vector<model::OptionValue6> options) {
    auto configuration = small_configuration6();
    configuration.dhcp6.options = std::move(options);
    return configuration;
}

// == Options ==

TEST(Reply6Test, OptionsComeInTheOrderThatTheClientNamesThem) {
    RecordProperty("rfc", "8415 18.3");
    Engine6 engine{
        with_options({option_value6(23, Bytes(16)), option_value6(24, bytes({1, 'a', 0})),
                      option_value6(31, Bytes(16)), option_value6(56, Bytes(8))})};
    const auto outcome = engine.send(Message6{Message6::kSolicit}.na(1).oro({31, 24, 99, 23, 31}));
    EXPECT_THAT(outcome.reply->order(), ElementsAre(1, 2, 3, 31, 24, 23));
}

TEST(Reply6Test, OptionsThatAreSentAlwaysFollow) {
    Engine6 engine{with_options({option_value6(23, Bytes(16)), option_value6(31, Bytes(16), true),
                                 option_value6(300, Bytes(2), true)})};
    EXPECT_THAT(engine.send(Message6{Message6::kRequest}.na(1).oro({23})).reply->order(),
                ElementsAre(1, 2, 3, 23, 31, 300));
    EXPECT_THAT(engine.send(Message6{Message6::kRequest}.na(1).oro({300, 31, 300})).reply->order(),
                ElementsAre(1, 2, 3, 300, 31));
}

TEST(Reply6Test, WhoNamesNothingGetsEverything) {
    Engine6 engine{with_options({option_value6(23, Bytes(16)), option_value6(31, Bytes(16))})};
    EXPECT_THAT(engine.send(Message6{Message6::kSolicit}.na(1)).reply->order(),
                ElementsAre(1, 2, 3, 23, 31));
    EXPECT_THAT(engine.send(Message6{Message6::kInformationRequest}).reply->order(),
                ElementsAre(1, 2, 32, 23, 31));
}

TEST(Reply6Test, WhatTheProtocolWritesIsNotTakenFromTheConfiguration) {
    std::vector<model::OptionValue6> options;
    for (const int code : {1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 18, 19, 20, 25, 26, 67}) {
        options.push_back(option_value6(code, Bytes(20), true));
    }
    Engine6 engine{with_options(options)};
    EXPECT_THAT(engine.send(Message6{Message6::kRequest}.na(1).oro({2, 13, 67})).reply->order(),
                ElementsAre(1, 2, 3));
}

TEST(Reply6Test, WhoAcceptsReconfigureGetsItsKey) {
    RecordProperty("rfc", "8415 18.3.1, 18.3.2, 20.4.1, 21.20");
    auto configuration = small_configuration6();
    configuration.dhcp6.reconfigure = true;
    configuration.dhcp6.reconfigure_keys = {.secret = {std::byte{7}}, .replay_base = 1000};
    configuration.dhcp6.rapid_commit = true;
    Engine6 engine{configuration};
    const auto solicit = [](int client) {
        return Message6{Message6::kSolicit, client}.na(1).oro({23});
    };
    const auto key = dhcp6::make_reconfigure_key(configuration.dhcp6.reconfigure_keys.secret,
                                                 testing::duid_of(1));
    const auto authentication = [&] {
        return dhcp6::carry_key(key, 1000 + std::uint64_t{1'000'000} * engine.now);
    };
    // An Advertise says that the server would like to; the key comes with a Reply.
    EXPECT_THAT(engine.send(solicit(1).option(20)).reply->order(), ElementsAre(1, 2, 20, 3));
    const auto rapid = engine.send(solicit(1).option(20).option(14));
    EXPECT_THAT(rapid.reply->order(), ElementsAre(1, 2, 14, 20, 11, 3));
    EXPECT_TRUE(equal_bytes(rapid.reply->option(11), authentication()));
    engine.now += 100;
    for (const int type : {Message6::kRequest, Message6::kRenew, Message6::kRebind}) {
        const auto reply = engine.send(Message6{type}.na(1).option(20).oro({23}));
        EXPECT_THAT(reply.reply->order(), ElementsAre(1, 2, 20, 11, 3)) << type;
        EXPECT_TRUE(equal_bytes(reply.reply->option(11), authentication())) << type;
    }
    // Nothing for who does not say so, has nothing, or only asks; nothing when it is off.
    EXPECT_THAT(engine.send(solicit(2)).reply->order(), ElementsAre(1, 2, 3));
    EXPECT_FALSE(engine.send(Message6{Message6::kRequest, 2}.option(20)).reply->has(11));
    EXPECT_FALSE(engine.send(Message6{Message6::kInformationRequest}.option(20)).reply->has(20));
    configuration.dhcp6.reconfigure = false;
    engine.reload(configuration);
    EXPECT_FALSE(engine.send(Message6{Message6::kRenew}.na(1).option(20)).reply->has(20));
}

TEST(Reply6Test, RetryLimitsAreOptionsLikeOthers) {
    RecordProperty("rfc", "8415 21.24, 21.25");
    Engine6 engine{with_options(
        {option_value6(82, testing::number32(3600)), option_value6(83, testing::number32(7200))})};
    const auto outcome = engine.send(Message6{Message6::kSolicit}.na(1).oro({82, 83}));
    EXPECT_EQ(outcome.reply->option(82), testing::number32(3600));
    EXPECT_EQ(outcome.reply->option(83), testing::number32(7200));
}

TEST(Reply6Test, WhatFindsNoRoomIsLeftOut) {
    Engine6 engine{with_options({option_value6(23, Bytes(1600)), option_value6(31, Bytes(16))})};
    EXPECT_THAT(engine.send(Message6{Message6::kSolicit}.na(1).oro({23, 31})).reply->order(),
                ElementsAre(1, 2, 3, 31));
}

TEST(Reply6Test, RepliesLeaveTheInterfaceInOnePiece) {
    auto configuration =
        with_options({option_value6(23, Bytes(1280)), option_value6(31, Bytes(16))});
    Engine6 engine{configuration};
    EXPECT_TRUE(engine.send(Message6{Message6::kSolicit}.na(1).oro({23})).reply->has(23));
    engine.host.interfaces[0].mtu = 1280;
    engine.reload(configuration);
    const auto outcome = engine.send(Message6{Message6::kSolicit}.na(1).oro({23, 31}));
    EXPECT_FALSE(outcome.reply->has(23));
    EXPECT_TRUE(outcome.reply->has(31));
    EXPECT_LE(outcome.reply->bytes.size(), 14u + 1280);
}

TEST(Reply6Test, ManyCodesAreWrittenOnceEach) {
    std::vector<model::OptionValue6> options;
    Bytes codes;
    for (int code = 290; code < 300; ++code) {
        options.push_back(option_value6(code, Bytes(1)));
        for (int i = 0; i < 20; ++i) {
            testing::append16(codes, static_cast<std::uint16_t>(code));
        }
    }
    Engine6 engine{with_options(options)};
    const auto outcome = engine.send(Message6{Message6::kSolicit}.na(1).option(6, codes));
    EXPECT_EQ(outcome.reply->order().size(), 3u + 10);
}

TEST(Reply6Test, PrefixExcludeStandsInThePrefixOfWhoUnderstandsIt) {
    RecordProperty("rfc", "6603 4.2");
    auto configuration = small_configuration6();
    configuration.dhcp6.subnets[0].prefix_pools[0].excluded =
        *parse_ipv6_prefix("2001:db8:100:ab::/64");
    Engine6 engine{configuration};
    const auto excluded = [&engine](const Message6& message) {
        const auto outcome = engine.send(message);
        std::optional<Ipv6Prefix> found;
        outcome.reply->message->for_each_ia([&](const dhcp6::IdentityAssociation& ia) {
            for (const dhcp6::Option option : ia.options) {
                const auto prefix = dhcp6::read_ia_prefix(option.value);
                const auto value =
                    prefix ? prefix->options.find(dhcp6::OptionCode::kPdExclude) : std::nullopt;
                if (value) {
                    found = dhcp6::read_pd_exclude(prefix->prefix, *value);
                }
            }
        });
        return found ? to_string(*found) : "none";
    };
    const Message6 request = Message6{Message6::kRequest}.pd(1, {"2001:db8:100:700::/56"});
    EXPECT_EQ(excluded(Message6{request}.oro({67})), "2001:db8:100:7ab::/64");
    EXPECT_EQ(excluded(Message6{request}.oro({23})), "none");
    EXPECT_EQ(excluded(request), "none");
}

TEST(Reply6Test, EveryStatusHasAText) {
    RecordProperty("rfc", "8415 21.13");
    Engine6 engine;
    const auto outcome = engine.send(Message6{Message6::kRequest}.na(1, {"2001:db8:9::1"}));
    bool has_text = false;
    outcome.reply->message->for_each_ia([&](const dhcp6::IdentityAssociation& ia) {
        const auto status = dhcp6::read_status(
            ia.options.find(dhcp6::OptionCode::kStatusCode).value_or(ByteView{}));
        has_text = status && !status->message.empty();
    });
    EXPECT_TRUE(has_text);
}

// == Where it goes ==

TEST(Addressing6Test, ADirectClientIsAnsweredAtItsAddressFromOurLinkLocalOne) {
    RecordProperty("rfc", "8415 18.3.10");
    Engine6 engine;
    const auto reply = engine.send(Message6{Message6::kSolicit, 9}.na(1), 9);
    const FrameView6& frame = reply.reply->frame;
    EXPECT_EQ(frame.destination, testing::link_local_of(9));
    EXPECT_EQ(frame.destination_mac, testing::mac(9));
    EXPECT_EQ(frame.source, testing::kServerLinkLocal);
    EXPECT_EQ(frame.source_mac, testing::kServerMac6);
    EXPECT_EQ(frame.source_port, 547);
    EXPECT_EQ(frame.destination_port, 546);
    EXPECT_EQ(frame.checksum, ChecksumState::kFull);
    EXPECT_FALSE(reply.reply->decision.routable);
}

TEST(Addressing6Test, AnInterfaceWithoutALinkLocalAddressHasTheOneOfItsMac) {
    Engine6 engine;
    engine.host.interfaces[0].addresses6.clear();
    engine.reload(small_configuration6());
    const auto reply = engine.send(Message6{Message6::kSolicit}.na(1));
    EXPECT_EQ(reply.reply->frame.source, Ipv6::link_local_of(testing::kServerMac6));
}

TEST(Addressing6Test, TagsStay) {
    auto configuration = small_configuration6();
    configuration.dhcp6.subnets[0].vlans = {*model::parse_vlan_range("20.30")};
    Engine6 engine{configuration};
    FrameSpec6 spec;
    spec.tags = {{0x88a8, 20}, {0x8100, 30}};
    const auto outcome =
        engine.send_frame(frame6(spec, Message6{Message6::kSolicit}.na(1).payload()));
    ASSERT_TRUE(outcome.reply) << outcome.why();
    EXPECT_EQ(outcome.reply->frame.tags.count, 2);
    EXPECT_EQ(outcome.reply->frame.tags.tags[1].vid(), 30);
}

TEST(Addressing6Test, ARelayIsAnsweredWhereItSentFromAtTheServerPort) {
    RecordProperty("rfc", "8415 18.3.10");
    Engine6 engine;
    const auto outcome =
        engine.send_relayed(Message6{Message6::kSolicit}.na(1), {{"2001:db8:1::5"}});
    ASSERT_TRUE(outcome.reply) << outcome.why();
    const FrameView6& frame = outcome.reply->frame;
    EXPECT_EQ(to_string(frame.destination), "2001:db8:ffff::99");
    EXPECT_EQ(to_string(frame.source), "2001:db8:ffff::1");  // where it sent to
    EXPECT_EQ(frame.destination_mac, testing::mac(0xee));
    EXPECT_EQ(frame.destination_port, 547);
    EXPECT_TRUE(outcome.reply->decision.routable);
}

TEST(Addressing6Test, ARelayWithAPortOfItsOwnIsAnsweredThere) {
    RecordProperty("rfc", "8357 5.3");
    Engine6 engine;
    FrameSpec6 spec;
    spec.source = *parse_ipv6("2001:db8:ffff::99");
    spec.destination = *parse_ipv6("2001:db8:ffff::1");
    spec.source_port = 40000;
    for (const bool says_so : {false, true}) {
        const Bytes payload =
            Engine6::relayed(Message6{Message6::kSolicit}.na(1),
                             {{"2001:db8:1::5", says_so ? option6(135, {0, 0}) : Bytes{}}});
        const auto outcome = engine.send_frame(frame6(spec, payload), testing::kUplink);
        ASSERT_TRUE(outcome.reply) << outcome.why();
        EXPECT_EQ(outcome.reply->frame.destination_port, says_so ? 40000 : 547);
    }
}

TEST(Addressing6Test, AGroupOfServersIsAnsweredFromAnAddressThatTheRelayCanReach) {
    Engine6 engine;
    FrameSpec6 spec;
    spec.destination = *parse_ipv6("ff05::1:3");
    const Bytes payload = Engine6::relayed(Message6{Message6::kSolicit}.na(1), {{"2001:db8:1::5"}});
    spec.source = *parse_ipv6("2001:db8:ffff::99");
    EXPECT_EQ(
        to_string(engine.send_frame(frame6(spec, payload), testing::kUplink).reply->frame.source),
        "2001:db8:ffff::1");
    spec.source = *parse_ipv6("fe80::99");
    const auto near = engine.send_frame(frame6(spec, payload), testing::kUplink);
    EXPECT_EQ(near.reply->frame.source, testing::kServerLinkLocal);
    EXPECT_FALSE(near.reply->decision.routable);
}

TEST(Addressing6Test, ChosenPortsAndRepliesToTheSource) {
    auto configuration = small_configuration6();
    configuration.ports.server6 = 5470;
    configuration.ports.client6 = 5460;
    Engine6 engine{configuration};
    FrameSpec6 spec;
    spec.destination_port = 5470;
    spec.source_port = 1234;
    const Bytes payload = Message6{Message6::kSolicit}.na(1).payload();
    const auto outcome = engine.send_frame(frame6(spec, payload));
    ASSERT_TRUE(outcome.reply) << outcome.why();
    EXPECT_EQ(outcome.reply->frame.source_port, 5470);
    EXPECT_EQ(outcome.reply->frame.destination_port, 5460);
    configuration.ports.reply_to_source = true;
    engine.reload(configuration);
    EXPECT_EQ(engine.send_frame(frame6(spec, payload)).reply->frame.destination_port, 1234);
}

// == Relays ==

TEST(Relay6Test, TheReplyGoesBackThroughTheChain) {
    RecordProperty("rfc", "8415 19.3");
    Engine6 engine;
    const auto outcome = engine.send_relayed(Message6{Message6::kRequest}.na(1),
                                             {{"2001:db8:1::5", option6(18, {1, 2}), "fe80::7"},
                                              {"::", option6(18, {3}), "2001:db8:1::5"}});
    ASSERT_TRUE(outcome.reply) << outcome.why();
    const auto relays = outcome.reply->message->relays();
    ASSERT_EQ(relays.size(), 2u);
    EXPECT_EQ(outcome.reply->message->relay_type(), dhcp6::MessageType::kRelayReply);
    EXPECT_EQ(relays[0].hop_count, 1);
    EXPECT_EQ(to_string(relays[0].peer_address), "2001:db8:1::5");
    EXPECT_EQ(to_string(relays[1].link_address), "2001:db8:1::5");
    EXPECT_EQ(to_string(relays[1].peer_address), "fe80::7");
    EXPECT_TRUE(equal_bytes(relays[1].interface_id().value(), bytes({1, 2})));
    EXPECT_EQ(outcome.reply->type(), 7);
    EXPECT_NE(outcome.reply->na(1).lease(), "");
}

TEST(Relay6Test, TheLongestChainIsAnswered) {
    RecordProperty("rfc", "8415 7.6");
    Engine6 engine;
    std::vector<testing::Relay6> relays{{"2001:db8:1::5"}};
    relays.resize(9, {"::"});
    const auto outcome = engine.send_relayed(Message6{Message6::kRequest}.na(1), relays);
    ASSERT_TRUE(outcome.reply) << outcome.why();
    relays.push_back({"::"});
    EXPECT_EQ(engine.send_relayed(Message6{Message6::kRequest}.na(1), relays).why(),
              "message6.relay-chain-too-long");
}

TEST(Relay6Test, ARelaysOwnAddressIsNotLeased) {
    auto configuration = small_configuration6();
    auto& pool = configuration.dhcp6.subnets[0].pools[0];
    pool.last = *parse_ipv6("2001:db8:1::1001");
    Engine6 engine{configuration};
    for (int client = 1; client <= 2; ++client) {
        const auto outcome =
            engine.send_relayed(Message6{Message6::kRequest, client}.na(1, {"2001:db8:1::1000"}),
                                {{"2001:db8:1::1000"}});
        EXPECT_EQ(outcome.reply->na(1).lease(), client == 1 ? "2001:db8:1::1001" : "");
    }
    EXPECT_EQ(engine.shard.check_invariants(), "");
}

}  // namespace
}  // namespace xdhcpd::engine::v6
