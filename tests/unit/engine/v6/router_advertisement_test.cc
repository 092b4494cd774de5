#include "engine/v6/router_advertisement.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "nd/message_view.h"
#include "packet/frame_view6.h"
#include "packet/port.h"
#include "support/frames.h"

namespace xdhcpd::engine::v6 {
namespace {

using testing::Bytes;

constexpr std::uint64_t kNow = 1'800'000'000;
constexpr std::byte kGuard{0xa5};
const Ipv6 kOwnAddress = *parse_ipv6("fe80::5eff:fe00:5364");
const Ipv6Prefix kPrefix = *parse_ipv6_prefix("2001:db8:1::/64");

model::HostInterface interface_of(std::vector<std::string> addresses) {
    model::HostInterface interface;
    interface.ifindex = 2;
    interface.name = "eth1";
    interface.mac = testing::mac(100);
    interface.up = true;
    for (const std::string& address : addresses) {
        interface.addresses6.push_back(*parse_ipv6_prefix(address));
    }
    return interface;
}
const model::HostInterface kInterface =
    interface_of({"2001:db8:1::1/64", "fe80::5eff:fe00:5364/64", "fe80::9/64"});

model::Advertisement with_prefix(const model::Lifetimes& lifetimes = {604800, 2592000},
                                 std::optional<std::uint64_t> until = {}) {
    model::AdvertisedPrefixConfiguration prefix;
    prefix.prefix = kPrefix;
    prefix.lifetimes = lifetimes;
    prefix.until = until;
    model::Advertisement advertisement;
    advertisement.ifindex = 2;
    advertisement.configuration.interface = "eth1";
    advertisement.configuration.prefixes = {prefix};
    return advertisement;
}

// What the parser says of a frame that was written.
struct Sent {
    explicit Sent(const model::Advertisement& advertisement, const AdvertisementTerms& terms = {},
                  const model::HostInterface& interface = kInterface)
        : bytes(kMinTxFrameLen + 8, kGuard) {
        result = write_router_advertisement(advertisement, interface, terms,
                                            MutableBytes{bytes}.first(kMinTxFrameLen));
        EXPECT_TRUE(std::all_of(bytes.begin() + kMinTxFrameLen, bytes.end(),
                                [](std::byte octet) { return octet == kGuard; }));
        bytes.resize(result.frame_len);
        frame = FrameView6::parse(bytes).value();
        view = nd::MessageView::parse(frame).value();
    }
    [[nodiscard]] nd::RouterAdvertisement header() const { return view->router_advertisement(); }
    [[nodiscard]] ByteView option(nd::OptionType type) const { return view->options().find(type); }
    [[nodiscard]] std::vector<nd::PrefixInformation> prefixes() const {
        std::vector<nd::PrefixInformation> all;
        view->options().for_each([&](nd::OptionType type, ByteView option) {
            if (type == nd::OptionType::kPrefixInformation) {
                all.push_back(*nd::read_prefix_information(option));
            }
        });
        return all;
    }
    [[nodiscard]] std::vector<nd::OptionType> types() const {
        std::vector<nd::OptionType> all;
        view->options().for_each([&](nd::OptionType type, ByteView) { all.push_back(type); });
        return all;
    }

    Bytes bytes;
    AdvertisementFrame result;
    FrameView6 frame;
    std::optional<nd::MessageView> view;
};

TEST(RouterAdvertisementTest, ComesFromTheLinkLocalAddressWithHopLimit255) {
    RecordProperty("rfc", "4861 4.2, 6.1.2");
    const Sent sent{with_prefix()};
    EXPECT_EQ(sent.frame.source, kOwnAddress);
    EXPECT_EQ(sent.frame.source_mac, testing::mac(100));
    EXPECT_EQ(sent.frame.hop_limit, 255);
    EXPECT_EQ(sent.frame.destination, kAllNodes);
    EXPECT_EQ(sent.frame.destination_mac, *parse_mac("33:33:00:00:00:01"));
    EXPECT_EQ(sent.frame.tags.count, 0);
    EXPECT_EQ(sent.view->type(), nd::MessageType::kRouterAdvertisement);
    EXPECT_EQ(sent.view->source_link_layer(), testing::mac(100));
}

TEST(RouterAdvertisementTest, NothingIsSentWithoutALinkLocalAddress) {
    RecordProperty("rfc", "4861 4.2");
    Bytes out(kMinTxFrameLen, kGuard);
    for (const auto& interface : {interface_of({}), interface_of({"2001:db8:1::1/64"})}) {
        EXPECT_EQ(write_router_advertisement(with_prefix(), interface, {}, out).frame_len, 0u);
    }
}

TEST(RouterAdvertisementTest, MayGoToOneWhoAsked) {
    RecordProperty("rfc", "4861 6.2.6");
    AdvertisementTerms terms;
    terms.destination = *parse_ipv6("fe80::77");
    terms.destination_mac = testing::mac(77);
    const Sent sent{with_prefix(), terms};
    EXPECT_EQ(sent.frame.destination, terms.destination);
    EXPECT_EQ(sent.frame.destination_mac, testing::mac(77));
}

TEST(RouterAdvertisementTest, LeavesInTheVlanOfItsLink) {
    model::Advertisement advertisement = with_prefix();
    advertisement.vlan = {100, 0};
    const Sent one{advertisement};
    ASSERT_EQ(one.frame.tags.count, 1);
    EXPECT_EQ(one.frame.tags.tags[0], (VlanTag{0x8100, 100}));
    advertisement.vlan = {100, 200};
    const Sent two{advertisement};
    ASSERT_EQ(two.frame.tags.count, 2);
    EXPECT_EQ(two.frame.tags.tags[0], (VlanTag{0x88a8, 100}));
    EXPECT_EQ(two.frame.tags.tags[1], (VlanTag{0x8100, 200}));
}

TEST(RouterAdvertisementTest, SaysWhatWasConfigured) {
    RecordProperty("rfc", "4861 4.2, 4191 2.2");
    model::Advertisement advertisement = with_prefix();
    auto& configuration = advertisement.configuration;
    configuration.managed = true;
    configuration.preference = nd::Preference::kHigh;
    configuration.router_lifetime = 1234;
    configuration.hop_limit = 61;
    configuration.reachable_time = 30000;
    configuration.retransmit_timer = 1000;
    EXPECT_EQ(Sent{advertisement}.header(),
              (nd::RouterAdvertisement{.hop_limit = 61,
                                       .managed = true,
                                       .other = false,
                                       .preference = nd::Preference::kHigh,
                                       .router_lifetime = 1234,
                                       .reachable_time = 30000,
                                       .retransmit_timer = 1000}));
    configuration.managed = false;
    configuration.other = true;
    EXPECT_TRUE(Sent{advertisement}.header().other);
    EXPECT_FALSE(Sent{advertisement}.header().managed);
}

TEST(RouterAdvertisementTest, LifetimesThatNobodyConfiguredAreThreeTimesTheLongestInterval) {
    RecordProperty("rfc", "4861 6.2.1, 8106 5.1, 8781 4.1");
    model::Advertisement advertisement = with_prefix();
    auto& configuration = advertisement.configuration;
    configuration.max_interval = 100;
    configuration.routes = {{.prefix = *parse_ipv6_prefix("2001:db8:9::/48"), .lifetime = {}}};
    configuration.dns_servers = {*parse_ipv6("2001:db8::53")};
    configuration.dns_search = {"example.org"};
    configuration.pref64 = *parse_ipv6_prefix("64:ff9b::/96");
    const Sent sent{advertisement};
    EXPECT_EQ(sent.header().router_lifetime, 300);
    EXPECT_EQ(nd::read_route_information(sent.option(nd::OptionType::kRouteInformation))->lifetime,
              300u);
    EXPECT_EQ(nd::read_rdnss(sent.option(nd::OptionType::kRdnss))->lifetime, 300u);
    EXPECT_EQ(nd::read_dnssl(sent.option(nd::OptionType::kDnssl))->lifetime, 300u);
    EXPECT_EQ(nd::read_pref64(sent.option(nd::OptionType::kPref64))->lifetime, 304u);
}

TEST(RouterAdvertisementTest, HoldsEveryOptionThatWasConfiguredAndNoOther) {
    RecordProperty("rfc", "4861 4.2, 4191 2.3, 8106 5, 8781 4, 8910 2.3, 9762");
    model::Advertisement advertisement = with_prefix();
    auto& configuration = advertisement.configuration;
    configuration.prefixes[0].pd_preferred = true;
    configuration.mtu = 1480;
    configuration.routes = {{.prefix = *parse_ipv6_prefix("2001:db8:9::/48"),
                             .preference = nd::Preference::kLow,
                             .lifetime = 600}};
    configuration.dns_servers = {*parse_ipv6("2001:db8::53"), *parse_ipv6("2001:db8::54")};
    configuration.dns_search = {"example.org"};
    configuration.dns_lifetime = 77;
    configuration.pref64 = *parse_ipv6_prefix("64:ff9b::/96");
    configuration.pref64_lifetime = 800;
    configuration.captive_portal = "https://example.org/";
    const Sent sent{advertisement};
    EXPECT_EQ(sent.result.left_out, 0u);
    EXPECT_EQ(nd::read_mtu(sent.option(nd::OptionType::kMtu)), 1480u);
    ASSERT_EQ(sent.prefixes().size(), 1u);
    EXPECT_EQ(sent.prefixes()[0], (nd::PrefixInformation{.prefix = kPrefix,
                                                         .on_link = true,
                                                         .autonomous = true,
                                                         .router_address = false,
                                                         .pd_preferred = true,
                                                         .valid_lifetime = 2592000,
                                                         .preferred_lifetime = 604800}));
    EXPECT_EQ(
        nd::read_route_information(sent.option(nd::OptionType::kRouteInformation)),
        (nd::RouteInformation{*parse_ipv6_prefix("2001:db8:9::/48"), nd::Preference::kLow, 600}));
    const auto rdnss = nd::read_rdnss(sent.option(nd::OptionType::kRdnss));
    EXPECT_EQ(rdnss->count(), 2u);
    EXPECT_EQ(rdnss->at(1), *parse_ipv6("2001:db8::54"));
    EXPECT_EQ(rdnss->lifetime, 77u);
    EXPECT_EQ(nd::read_dnssl(sent.option(nd::OptionType::kDnssl))->lifetime, 77u);
    EXPECT_EQ(nd::read_pref64(sent.option(nd::OptionType::kPref64)),
              (nd::Pref64{*parse_ipv6_prefix("64:ff9b::/96"), 800}));
    EXPECT_EQ(nd::read_captive_portal(sent.option(nd::OptionType::kCaptivePortal)),
              "https://example.org/");

    model::Advertisement bare;
    bare.configuration.source_link_layer = false;
    EXPECT_TRUE(Sent{bare}.types().empty());
}

TEST(RouterAdvertisementTest, FixedLifetimesStay) {
    RecordProperty("rfc", "4861 6.2.1");
    for (const std::uint64_t now : {kNow, kNow + 100'000}) {
        AdvertisementTerms terms;
        terms.unix_time = now;
        const Sent sent{with_prefix({14400, 86400}), terms};
        EXPECT_EQ(sent.prefixes()[0].valid_lifetime, 86400u);
        EXPECT_EQ(sent.prefixes()[0].preferred_lifetime, 14400u);
    }
    const Sent infinite{with_prefix({0xffffffff, 0xffffffff})};
    EXPECT_EQ(infinite.prefixes()[0].valid_lifetime, nd::kInfiniteLifetime);
}

TEST(RouterAdvertisementTest, LifetimesWithAnEndCountDownToIt) {
    RecordProperty("rfc", "4861 6.2.1");
    struct Case {
        std::uint64_t now;
        std::uint32_t preferred;
        std::uint32_t valid;
    };
    const std::uint64_t until = kNow + 100'000;
    for (const Case& expected :
         {Case{until - 100'000, 14400, 86400}, Case{until - 86400, 14400, 86400},
          Case{until - 86399, 14400, 86399}, Case{until - 14400, 14400, 14400},
          Case{until - 1, 1, 1}, Case{until, 0, 0}, Case{until + 9, 0, 0}}) {
        AdvertisementTerms terms;
        terms.unix_time = expected.now;
        const Sent sent{with_prefix({14400, 86400}, until), terms};
        EXPECT_EQ(sent.prefixes()[0].valid_lifetime, expected.valid) << until - expected.now;
        EXPECT_EQ(sent.prefixes()[0].preferred_lifetime, expected.preferred);
    }
    AdvertisementTerms terms;  // an infinite one that has an end is not infinite
    const Sent sent{with_prefix({0xffffffff, 0xffffffff}, 1ull << 40), terms};
    EXPECT_EQ(sent.prefixes()[0].valid_lifetime, 0xfffffffeu);
}

TEST(RouterAdvertisementTest, TheFinalOneSaysThatWeAreNoRouterAnyMore) {
    RecordProperty("rfc", "4861 6.2.5, 4191 4");
    model::Advertisement advertisement = with_prefix({14400, 86400});
    advertisement.configuration.preference = nd::Preference::kHigh;
    advertisement.configuration.routes = {
        {.prefix = *parse_ipv6_prefix("2001:db8:9::/48"), .lifetime = {}}};
    advertisement.configuration.dns_servers = {*parse_ipv6("2001:db8::53")};
    advertisement.configuration.dns_lifetime = 900;
    AdvertisementTerms terms;
    terms.is_final = true;
    const Sent sent{advertisement, terms};
    EXPECT_EQ(sent.header().router_lifetime, 0);
    EXPECT_EQ(sent.header().preference, nd::Preference::kMedium);
    EXPECT_EQ(nd::read_route_information(sent.option(nd::OptionType::kRouteInformation))->lifetime,
              0u);
    EXPECT_EQ(sent.prefixes()[0].valid_lifetime, 86400u);
    EXPECT_EQ(sent.prefixes()[0].preferred_lifetime, 14400u);
    EXPECT_EQ(nd::read_rdnss(sent.option(nd::OptionType::kRdnss))->lifetime, 900u);
}

TEST(RouterAdvertisementTest, WhatWasWithdrawnHasNoLifetimeLeft) {
    RecordProperty("rfc", "4861 6.2.4, 4862 5.5.3, 9096 3.5");
    model::Advertisement advertisement = with_prefix();
    const Ipv6Prefix old = *parse_ipv6_prefix("2001:db8:2::/64");
    advertisement.withdrawn_prefixes = with_prefix().configuration.prefixes;
    advertisement.withdrawn_prefixes[0].prefix = old;
    advertisement.withdrawn_prefixes[0].on_link = false;
    advertisement.withdrawn_routes = {
        {.prefix = *parse_ipv6_prefix("2001:db8:9::/48"), .lifetime = 600}};
    advertisement.withdrawn_dns_servers = {*parse_ipv6("2001:db8::99")};
    advertisement.withdrawn_dns_search = {"old.example"};
    const Sent sent{advertisement};
    ASSERT_EQ(sent.prefixes().size(), 2u);
    EXPECT_EQ(sent.prefixes()[0].prefix, kPrefix);
    EXPECT_EQ(sent.prefixes()[1], (nd::PrefixInformation{.prefix = old,
                                                         .on_link = false,
                                                         .autonomous = true,
                                                         .valid_lifetime = 0,
                                                         .preferred_lifetime = 0}));
    EXPECT_EQ(nd::read_route_information(sent.option(nd::OptionType::kRouteInformation))->lifetime,
              0u);
    EXPECT_EQ(nd::read_rdnss(sent.option(nd::OptionType::kRdnss))->lifetime, 0u);
    EXPECT_EQ(nd::read_dnssl(sent.option(nd::OptionType::kDnssl))->lifetime, 0u);
    EXPECT_GT(sent.header().router_lifetime, 0);
}

TEST(RouterAdvertisementTest, WhatDoesNotFitTheLinkIsLeftOutAndCounted) {
    RecordProperty("rfc", "4861 6.2.3");
    model::Advertisement advertisement = with_prefix();
    advertisement.configuration.prefixes.resize(60, advertisement.configuration.prefixes[0]);
    advertisement.configuration.captive_portal = "https://example.org/" + std::string(100, 'x');
    for (const auto& [mtu, most] : {std::pair{1500u, 1500u},
                                    {1280u, 1280u},
                                    {100u, 1280u},
                                    {9000u, static_cast<unsigned>(kMinTxFrameLen - 14)}}) {
        AdvertisementTerms terms;
        terms.mtu = mtu;
        const Sent sent{advertisement, terms};
        const std::size_t packet_len = sent.bytes.size() - 14;
        EXPECT_LE(packet_len, most);
        EXPECT_GT(packet_len, most - 32);
        EXPECT_EQ(sent.prefixes().size() + sent.result.left_out, 61u);
    }
}

TEST(RouterAdvertisementTest, ManyServersTakeMoreThanOneOption) {
    RecordProperty("rfc", "8106 5.1");
    model::Advertisement advertisement;
    advertisement.configuration.dns_servers.assign(130, *parse_ipv6("2001:db8::53"));
    Bytes out(9000);
    AdvertisementTerms terms;
    terms.mtu = 9000;
    const auto result = write_router_advertisement(advertisement, kInterface, terms, out);
    EXPECT_EQ(result.left_out, 0u);
    EXPECT_EQ(result.frame_len, 14 + 40 + 16 + 8 + (8 + 127 * 16) + (8 + 3 * 16));
}

}  // namespace
}  // namespace xdhcpd::engine::v6
