// Which subnet a message belongs to, and what relays may say about it.
#include <gtest/gtest.h>

#include "engine/decide.h"
#include "support/engine_harness.h"

namespace xdhcpd::engine {
namespace {

using dhcp4::MessageType;
using testing::bytes;
using testing::Bytes;
using testing::Engine;
using testing::FrameSpec;
using testing::kEth2;
using testing::Message;
using testing::small_configuration;

// 192.0.2.0/24 on eth1, and 203.0.113.0/24 behind relays.
model::Configuration two_subnets() {
    auto configuration = small_configuration();
    model::SubnetConfiguration remote;
    remote.prefix = parse_ipv4_prefix("203.0.113.0/24").value();
    remote.pools.push_back({testing::ip("203.0.113.10"), testing::ip("203.0.113.19")});
    configuration.dhcp4.subnets.push_back(remote);
    return configuration;
}

Bytes suboption(int code, ByteView value) {
    Bytes result = bytes({code, static_cast<int>(value.size())});
    testing::append(result, value);
    return result;
}
Bytes address_bytes(std::string_view address) {
    Bytes result;
    testing::append32(result, testing::ip(address).value);
    return result;
}

TEST(RelayTest, GiaddrChoosesTheSubnet) {
    RecordProperty("rfc", "2131 4.3.1");
    Engine engine{two_subnets()};
    EXPECT_EQ(
        engine.send_relayed(Message{1, 1}.giaddr("203.0.113.1"), "203.0.113.1").reply->yiaddr(),
        "203.0.113.10");
    EXPECT_EQ(
        engine.send_relayed(Message{1, 2}.giaddr("192.0.2.254"), "192.0.2.254").reply->yiaddr(),
        "192.0.2.10");
    EXPECT_EQ(engine.send_relayed(Message{1, 3}.giaddr("198.51.100.200"), "198.51.100.200").drop,
              DropReason{Refusal::kNoSubnet});
}

TEST(RelayTest, LinkSelectionComesBeforeGiaddr) {
    RecordProperty("rfc", "3527 3");
    Engine engine{two_subnets()};
    const auto outcome = engine.send_relayed(
        Message{1, 1}.giaddr("192.0.2.254").option(82, suboption(5, address_bytes("203.0.113.0"))),
        "192.0.2.254");
    ASSERT_TRUE(outcome.reply);
    EXPECT_EQ(outcome.reply->yiaddr(), "203.0.113.10");
    EXPECT_EQ(to_string(outcome.reply->frame.destination), "192.0.2.254");  // still to giaddr
}

TEST(RelayTest, SubnetSelectionComesAfterLinkSelectionAndBeforeGiaddr) {
    RecordProperty("rfc", "3011 2");
    Engine engine{two_subnets()};
    const auto selected = engine.send(Message{1, 1}.option_address(118, "203.0.113.0"));
    ASSERT_TRUE(selected.reply);
    EXPECT_EQ(selected.reply->yiaddr(), "203.0.113.10");
    EXPECT_TRUE(equal_bytes(selected.reply->option(118), address_bytes("203.0.113.0")));
    EXPECT_EQ(engine
                  .send_relayed(Message{1, 2}
                                    .giaddr("203.0.113.1")
                                    .option_address(118, "203.0.113.0")
                                    .option(82, suboption(5, address_bytes("192.0.2.0"))),
                                "203.0.113.1")
                  .reply->yiaddr(),
              "192.0.2.10");
    // A subnet that is not served is not answered, whatever else the message says.
    EXPECT_EQ(engine.send(Message{1, 3}.option_address(118, "198.51.100.0")).drop,
              DropReason{Refusal::kNoSubnet});
}

TEST(RelayTest, ServerIdentifierOverrideIsObeyedAndAccepted) {
    RecordProperty("rfc", "5107 4");
    Engine engine{two_subnets()};
    const Bytes override_id = suboption(11, address_bytes("203.0.113.1"));
    const auto offer = engine.send_relayed(
        Message{1, 1}.giaddr("203.0.113.1").option(82, override_id), "203.0.113.1");
    ASSERT_TRUE(offer.reply);
    EXPECT_TRUE(equal_bytes(offer.reply->option(54), address_bytes("203.0.113.1")));
    EXPECT_EQ(to_string(offer.reply->frame.source), "198.51.100.1");  // the frame comes from us
    const auto ack = engine.send_relayed(Message{3, 1}
                                             .giaddr("203.0.113.1")
                                             .option_address(50, "203.0.113.10")
                                             .option_address(54, "203.0.113.1")
                                             .option(82, override_id),
                                         "203.0.113.1");
    ASSERT_TRUE(ack.reply);
    EXPECT_EQ(ack.reply->type(), MessageType::kAck);
}

TEST(RelayTest, ServerIdentifierOverrideThatIsOursIsTheSourceToo) {
    RecordProperty("rfc", "5107 4");
    Engine engine{two_subnets()};
    const auto offer = engine.send_relayed(
        Message{1, 1}.giaddr("203.0.113.1").option(82, suboption(11, address_bytes("192.0.2.1"))),
        "203.0.113.1");
    ASSERT_TRUE(offer.reply);
    EXPECT_TRUE(equal_bytes(offer.reply->option(54), address_bytes("192.0.2.1")));
    EXPECT_EQ(to_string(offer.reply->frame.source), "192.0.2.1");
}

TEST(RelayTest, RelayInformationIsEchoedByteForByteAndLast) {
    RecordProperty("rfc", "3046 2.2");
    Engine engine{two_subnets()};
    Bytes information = suboption(200, bytes({1, 2}));
    testing::append(information, suboption(1, bytes({9})));
    testing::append(information, suboption(2, bytes({})));
    for (const char* const giaddr :
         {"203.0.113.1", "0.0.0.0"}) {  // a layer-2 relay leaves giaddr alone
        const auto outcome = engine.send(Message{1, 1}.giaddr(giaddr).option(82, information));
        ASSERT_TRUE(outcome.reply);
        EXPECT_TRUE(equal_bytes(outcome.reply->option(82), information));
        EXPECT_EQ(outcome.reply->order().back(), 82);
    }
    const auto nak =
        engine.send(Message{3, 1}.option_address(50, "198.51.100.7").option(82, information));
    ASSERT_TRUE(nak.reply);
    EXPECT_EQ(nak.reply->type(), MessageType::kNak);
    EXPECT_TRUE(equal_bytes(nak.reply->option(82), information));
}

TEST(RelayTest, MalformedRelayInformationIsDropped) {
    Engine engine{two_subnets()};
    EXPECT_EQ(engine.send(Message{1, 1}.option(82, {1, 5, 0})).drop,
              DropReason{dhcp4::ParseError::kBadRelayInformation});
    EXPECT_EQ(engine.send(Message{1, 1}.option(82, {5, 3, 192, 0, 2})).drop,
              DropReason{dhcp4::ParseError::kBadRelayInformation});
}

TEST(RelayTest, RelaySourcePortIsAnswered) {
    RecordProperty("rfc", "8357 5.2");
    Engine engine{two_subnets()};
    FrameSpec spec;
    spec.source = testing::ip("203.0.113.1");
    spec.source_port = 31415;
    spec.destination = testing::ip("198.51.100.1");
    const auto plain = engine.send(Message{1, 1}.giaddr("203.0.113.1"), spec, kEth2);
    ASSERT_TRUE(plain.reply);
    EXPECT_EQ(plain.reply->frame.destination_port, 67);
    const auto with =
        engine.send(Message{1, 1}.giaddr("203.0.113.1").option(82, {19, 0}), spec, kEth2);
    ASSERT_TRUE(with.reply);
    EXPECT_EQ(with.reply->frame.destination_port, 31415);
}

TEST(RelayTest, TheRelaysOwnAddressIsNeverLeased) {
    auto configuration = two_subnets();
    configuration.dhcp4.subnets[1].pools = {
        {testing::ip("203.0.113.10"), testing::ip("203.0.113.11")}};
    Engine engine{configuration};
    EXPECT_EQ(
        engine.send_relayed(Message{1, 1}.giaddr("203.0.113.10"), "203.0.113.10").reply->yiaddr(),
        "203.0.113.11");
    EXPECT_EQ(engine.send_relayed(Message{1, 2}.giaddr("203.0.113.10"), "203.0.113.10").drop,
              DropReason{Refusal::kNoFreeAddress});
    EXPECT_EQ(
        engine
            .send_relayed(Message{1, 3}.giaddr("203.0.113.10").option_address(50, "203.0.113.10"),
                          "203.0.113.10")
            .drop,
        DropReason{Refusal::kNoFreeAddress});
    const auto nak = engine.send_relayed(Message{3, 4}
                                             .giaddr("203.0.113.10")
                                             .option_address(50, "203.0.113.10")
                                             .option_address(54, "198.51.100.1"),
                                         "203.0.113.10");
    ASSERT_TRUE(nak.reply);
    EXPECT_EQ(nak.reply->type(), MessageType::kNak);
}

TEST(RelayTest, ARelaysAddressIsNotGivenBackEither) {
    Engine engine{two_subnets()};
    const auto ask = [&](Message message, std::string_view giaddr) {
        return engine.send_relayed(message.giaddr(giaddr), giaddr);
    };
    ASSERT_TRUE(ask(Message{1, 1}, "203.0.113.1").reply);
    ASSERT_TRUE(
        ask(Message{3, 1}.option_address(50, "203.0.113.10").option_address(54, "198.51.100.1"),
            "203.0.113.1")
            .reply);
    EXPECT_EQ(ask(Message{1, 1}, "203.0.113.10").reply->yiaddr(), "203.0.113.11");
    const auto again = ask(Message{3, 1}.option_address(50, "203.0.113.10").xid(7), "203.0.113.10");
    ASSERT_TRUE(again.reply);
    EXPECT_EQ(again.reply->type(), MessageType::kNak);
}

TEST(RelayTest, ImpossibleRelayAddressesAreDropped) {
    Engine engine{two_subnets()};
    for (const char* const giaddr :
         {"255.255.255.255", "224.0.0.1", "127.0.0.1", "192.0.2.255", "0.0.0.7"}) {
        EXPECT_EQ(engine.send(Message{1, 1}.giaddr(giaddr)).drop,
                  DropReason{Refusal::kBadRelayAddress})
            << giaddr;
    }
}

TEST(RelayTest, ListedRelaysKeepDirectClientsOut) {
    auto configuration = two_subnets();
    configuration.dhcp4.subnets[1].relays = {testing::ip("203.0.113.1")};
    Engine engine{configuration};
    EXPECT_EQ(engine.send(Message{1, 1}.option_address(118, "203.0.113.0")).drop,
              DropReason{Refusal::kRelayNotAllowed});
    EXPECT_EQ(
        engine.send(Message{1, 1}.option(82, suboption(5, address_bytes("203.0.113.0")))).drop,
        DropReason{Refusal::kRelayNotAllowed});
}

TEST(RelayTest, InformOnASharedNetworkGetsTheParametersOfItsOwnSubnet) {
    auto configuration = two_subnets();
    for (auto& subnet : configuration.dhcp4.subnets) {
        subnet.shared_network = "floor-2";
        subnet.interface = "eth1";
    }
    configuration.dhcp4.subnets[1].options = {testing::option_value(3, bytes({203, 0, 113, 1}))};
    Engine engine{configuration};
    const auto outcome = engine.send(Message{8, 1}.ciaddr("203.0.113.99"));
    ASSERT_TRUE(outcome.reply);
    EXPECT_TRUE(equal_bytes(outcome.reply->option(3), bytes({203, 0, 113, 1})));
}

TEST(RelayTest, OnlyListedRelaysMayAsk) {
    auto configuration = two_subnets();
    configuration.dhcp4.subnets[1].relays = {testing::ip("203.0.113.1"),
                                             testing::ip("203.0.113.2")};
    Engine engine{configuration};
    EXPECT_TRUE(engine.send_relayed(Message{1, 1}.giaddr("203.0.113.2"), "203.0.113.2").reply);
    EXPECT_EQ(engine.send_relayed(Message{1, 1}.giaddr("203.0.113.3"), "203.0.113.3").drop,
              DropReason{Refusal::kRelayNotAllowed});
}

TEST(RelayTest, ADirectClientOnAnInterfaceWithoutSubnetGetsNothing) {
    Engine engine{two_subnets()};
    EXPECT_EQ(engine.send(Message{1, 1}, {}, kEth2).drop, DropReason{Refusal::kNoSubnet});
    EXPECT_FALSE(engine.warnings.empty());
}

TEST(RelayTest, SharedNetworksUseTheSecondSubnetWhenTheFirstIsFull) {
    auto configuration = two_subnets();
    for (auto& subnet : configuration.dhcp4.subnets) {
        subnet.shared_network = "floor-2";
        subnet.interface = "eth1";
    }
    Engine engine{configuration};
    for (int client = 1; client <= 10; ++client) {
        ASSERT_TRUE(engine.send(Message{1, client}).reply);
    }
    const auto outcome = engine.send(Message{1, 11});
    ASSERT_TRUE(outcome.reply);
    EXPECT_EQ(outcome.reply->yiaddr(), "203.0.113.10");
    EXPECT_TRUE(equal_bytes(outcome.reply->option(1), bytes({255, 255, 255, 0})));
    // Both subnets belong to the link: neither address is wrong there.
    EXPECT_EQ(
        engine
            .send(Message{3, 11}.option_address(50, "203.0.113.10").option_address(54, "192.0.2.1"))
            .reply->type(),
        MessageType::kAck);
}

TEST(RelayTest, ARenewalByUnicastIsServedFromItsOwnSubnet) {
    Engine engine{two_subnets()};
    ASSERT_TRUE(engine.send_relayed(Message{1, 1}.giaddr("203.0.113.1"), "203.0.113.1").reply);
    ASSERT_TRUE(engine
                    .send_relayed(Message{3, 1}
                                      .giaddr("203.0.113.1")
                                      .option_address(50, "203.0.113.10")
                                      .option_address(54, "198.51.100.1"),
                                  "203.0.113.1")
                    .reply);
    FrameSpec spec;  // routed to us, past the relay
    spec.source = testing::ip("203.0.113.10");
    spec.destination = testing::ip("198.51.100.1");
    const auto outcome = engine.send(Message{3, 1}.ciaddr("203.0.113.10").xid(4), spec, kEth2);
    ASSERT_TRUE(outcome.reply);
    EXPECT_EQ(outcome.reply->type(), MessageType::kAck);
}

TEST(RelayTest, CircuitIdCanBeTheIdentity) {
    auto configuration = two_subnets();
    configuration.dhcp4.subnets[1].identity = model::Identity::kCircuitId;
    Engine engine{configuration};
    const auto ask = [&](int client, int port) {
        const auto outcome = engine.send_relayed(
            Message{1, client}.giaddr("203.0.113.1").option(82, suboption(1, bytes({port}))),
            "203.0.113.1");
        return outcome.reply ? outcome.reply->yiaddr() : "none";
    };
    EXPECT_EQ(ask(1, 1), "203.0.113.10");
    EXPECT_EQ(ask(2, 1), "203.0.113.10");  // another box on the same port
    EXPECT_EQ(ask(1, 2), "203.0.113.11");
}

}  // namespace
}  // namespace xdhcpd::engine
