// Clients in VLANs: which subnet they get, and who is whose equal.
#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "support/engine_harness.h"

namespace xdhcpd {
namespace {

using dhcp4::MessageType;
using engine::DropReason;
using engine::Refusal;
using testing::Engine;
using testing::FrameSpec;
using testing::ip;
using testing::Message;

model::SubnetConfiguration vlan_subnet(std::string_view prefix, std::string_view first,
                                       std::string_view last, std::vector<model::VlanRange> vlans) {
    model::SubnetConfiguration subnet;
    subnet.prefix = parse_ipv4_prefix(prefix).value();
    subnet.interface = "eth1";
    subnet.pools.push_back({ip(first), ip(last)});
    subnet.vlans = std::move(vlans);
    return subnet;
}

// eth1: untagged 192.0.2.0/24, VLAN 100, VLANs 200 to 299, and 7.8 within two tags.
model::Configuration vlan_configuration() {
    auto configuration = testing::small_configuration();
    auto& subnets = configuration.dhcp4.subnets;
    subnets.push_back(vlan_subnet("10.1.0.0/24", "10.1.0.10", "10.1.0.99", {{100, 100, 0, 0}}));
    subnets.push_back(vlan_subnet("10.2.0.0/24", "10.2.0.10", "10.2.0.99", {{200, 299, 0, 0}}));
    subnets.push_back(vlan_subnet("10.3.0.0/24", "10.3.0.10", "10.3.0.99", {{7, 7, 8, 9}}));
    return configuration;
}

using Tags = std::vector<std::pair<std::uint16_t, std::uint16_t>>;  // TPID, TCI

FrameSpec tagged(Tags tags) {
    FrameSpec spec;
    spec.tags = std::move(tags);
    return spec;
}

TEST(VlanTest, EachVlanGetsItsOwnSubnetAndItsTagsBack) {
    Engine engine{vlan_configuration()};
    const struct {
        Tags tags;
        std::string_view start;
    } cases[] = {{{}, "192.0.2."},
                 {{{0x8100, 0x6064}}, "10.1.0."},
                 {{{0x88a8, 0x1064}}, "10.1.0."},
                 {{{0x8100, 250}}, "10.2.0."},
                 {{{0x88a8, 0x2007}, {0x8100, 0x0008}}, "10.3.0."},
                 {{{0x8100, 7}, {0x88a8, 9}}, "10.3.0."},
                 {{{0x8100, 0xe000}}, "192.0.2."},  // a priority tag is no VLAN
                 {{{0x8100, 0xe000}, {0x8100, 100}}, "10.1.0."},
                 {{{0x8100, 100}, {0x8100, 0xe000}}, "10.1.0."}};
    int client = 1;
    for (const auto& [tags, start] : cases) {
        SCOPED_TRACE(client);
        const auto offer = engine.send(Message{1, client++}, tagged(tags));
        ASSERT_TRUE(offer.reply);
        EXPECT_TRUE(offer.reply->yiaddr().starts_with(start)) << offer.reply->yiaddr();
        ASSERT_EQ(offer.reply->frame.tags.count, tags.size());
        for (std::size_t i = 0; i < tags.size(); ++i) {
            EXPECT_EQ(offer.reply->frame.tags.tags[i], (VlanTag{tags[i].first, tags[i].second}));
        }
    }
}

TEST(VlanTest, UnservedVlansGetNothing) {
    Engine engine{vlan_configuration()};
    const std::vector<Tags> cases{{{0x8100, 101}},
                                  {{0x8100, 199}},
                                  {{0x8100, 300}},
                                  {{0x8100, 7}},
                                  {{0x8100, 8}},
                                  {{0x8100, 7}, {0x8100, 10}},
                                  {{0x8100, 100}, {0x8100, 100}}};
    for (const auto& tags : cases) {
        EXPECT_EQ(engine.send(Message{1, 1}, tagged(tags)).drop,
                  DropReason{Refusal::kUnservedVlan});
    }
    EXPECT_EQ(engine.send(Message{1, 1}, tagged({{0x8100, 100}}), testing::kEth2).drop,
              DropReason{Refusal::kUnservedVlan});
}

TEST(VlanTest, AddressOfAnotherVlanIsRefused) {
    ::testing::Test::RecordProperty("rfc", "2131 4.3.2");
    Engine engine{vlan_configuration()};
    Message request{3, 1};
    request.option_address(50, "10.1.0.20");  // INIT-REBOOT
    const auto outcome = engine.send(request, tagged({{0x8100, 200}}));
    ASSERT_TRUE(outcome.reply);
    EXPECT_EQ(outcome.reply->type(), MessageType::kNak);
    const auto untagged = engine.send(request);
    ASSERT_TRUE(untagged.reply);
    EXPECT_EQ(untagged.reply->type(), MessageType::kNak);
}

TEST(VlanTest, VlansArePartOfTheIdentityOnlyWhereConfigured) {
    auto configuration = vlan_configuration();
    Engine engine{configuration};
    const auto address = [&engine](std::uint16_t vid) {
        const auto outcome = engine.send(Message{1, 1}, tagged({{0x8100, vid}}));
        return outcome.reply ? outcome.reply->yiaddr() : outcome.drop->full_name();
    };
    EXPECT_EQ(address(200), address(201));
    configuration.dhcp4.subnets[2].vlan_identity = true;
    engine.reload(configuration);
    const std::string first = address(202);
    EXPECT_NE(first, address(203));
    EXPECT_EQ(first, address(202));
}

TEST(VlanTest, LongClientIdentifierWithVlansIsRefusedNotCut) {
    auto configuration = vlan_configuration();
    configuration.dhcp4.subnets[2].vlan_identity = true;
    Engine engine{configuration};
    Message longest{1, 1};
    longest.option(61, testing::Bytes(251, std::byte{9}));
    EXPECT_TRUE(engine.send(longest, tagged({{0x8100, 200}})).reply);
    Message longer{1, 1};
    longer.option(61, testing::Bytes(252, std::byte{9}));
    EXPECT_EQ(engine.send(longer, tagged({{0x8100, 200}})).drop,
              DropReason{Refusal::kBadClientIdentity});
    EXPECT_TRUE(engine.send(longer, tagged({{0x8100, 100}})).reply);
}

TEST(VlanTest, ServerIdentifierIsTheHostsAddressInTheVlan) {
    Engine engine;
    engine.host.interfaces.push_back({9,
                                      "eth1.100",
                                      testing::kServerMac,
                                      1500,
                                      true,
                                      {parse_ipv4_prefix("10.1.0.1/24").value()}});
    engine.reload(vlan_configuration());
    const auto offer = engine.send(Message{1, 1}, tagged({{0x8100, 100}}));
    ASSERT_TRUE(offer.reply);
    EXPECT_EQ(to_string(Ipv4::load(offer.reply->option(54).data())), "10.1.0.1");
}

TEST(VlanTest, ReloadAddsAndRemovesAVlan) {
    auto configuration = vlan_configuration();
    Engine engine{configuration};
    EXPECT_FALSE(engine.send(Message{1, 1}, tagged({{0x8100, 300}})).reply);
    configuration.dhcp4.subnets[2].vlans = {{200, 300, 0, 0}};
    engine.reload(configuration);
    EXPECT_TRUE(engine.send(Message{1, 1}, tagged({{0x8100, 300}})).reply);
    configuration.dhcp4.subnets[2].vlans = {{200, 299, 0, 0}};
    engine.reload(configuration);
    EXPECT_FALSE(engine.send(Message{1, 1}, tagged({{0x8100, 300}})).reply);
}

}  // namespace
}  // namespace xdhcpd
