#include "nd/writer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "packet/frame_writer6.h"
#include "support/frames.h"

namespace xdhcpd::nd {
namespace {

using testing::Bytes;
using testing::bytes;

constexpr std::byte kGuard{0xa5};
const Ipv6 kRouter = *parse_ipv6("fe80::1");
const Ipv6Prefix kPrefix = *parse_ipv6_prefix("2001:db8:0:1::/64");

// What the parser says of a written message, headers and checksum in front.
struct Received {
    Received(ByteView message, const Ipv6& destination) : frame(1600) {
        copy_bytes(frame.data() + icmp6_offset(0), message);
        Ipv6Headers headers;
        headers.source = kRouter;
        headers.destination = destination;
        headers.hop_limit = kMaxHopLimit;
        frame.resize(write_icmp6_headers(frame, headers, message.size()));
        packet = FrameView6::parse(frame).value();
    }
    [[nodiscard]] MessageView view() const { return MessageView::parse(packet).value(); }
    Bytes frame;
    FrameView6 packet;
};

using Writer = RouterAdvertisementWriter;
const std::vector<std::function<bool(Writer&)>> kEveryOption = {
    [](Writer& writer) { return writer.add_source_link_layer(testing::mac(1)); },
    [](Writer& writer) { return writer.add_mtu(1480); },
    [](Writer& writer) {
        return writer.add_prefix_information({.prefix = kPrefix, .on_link = true});
    },
    [](Writer& writer) {
        return writer.add_route_information({.prefix = kPrefix, .preference = Preference::kLow});
    },
    [](Writer& writer) {
        return writer.add_rdnss(30, std::vector<Ipv6>{kRouter, kRouter});
    },
    [](Writer& writer) {
        return writer.add_dnssl(30, bytes({1, 'a', 0}));
    },
    [](Writer& writer) { return writer.add_pref64(*parse_ipv6_prefix("64:ff9b::/96"), 600); },
    [](Writer& writer) { return writer.add_captive_portal("https://example.org/"); },
};

TEST(RouterAdvertisementWriterTest, WritesTheFixedPartOctetForOctet) {
    RecordProperty("rfc", "4861 4.2");
    Bytes out(16, kGuard);
    const Writer writer{out,
                        {.hop_limit = 64,
                         .managed = true,
                         .other = true,
                         .preference = Preference::kHigh,
                         .router_lifetime = 1800,
                         .reachable_time = 0x01020304,
                         .retransmit_timer = 0x05060708}};
    EXPECT_EQ(writer.length(), 16u);
    EXPECT_EQ(out, bytes({134, 0, 0, 0, 64, 0xc8, 0x07, 0x08, 1, 2, 3, 4, 5, 6, 7, 8}));
}

TEST(RouterAdvertisementWriterTest, WhoIsNoDefaultRouterHasMediumPreference) {
    RecordProperty("rfc", "4191 2.2");
    Bytes out(16);
    const Writer writer{out, {.preference = Preference::kLow, .router_lifetime = 0}};
    EXPECT_EQ(out[5], std::byte{0});
}

TEST(RouterAdvertisementWriterTest, WhatIsWrittenIsReadAgain) {
    Bytes out(1400);
    const RouterAdvertisement header{.hop_limit = 64,
                                     .managed = true,
                                     .other = false,
                                     .preference = Preference::kLow,
                                     .router_lifetime = 9000,
                                     .reachable_time = 30000,
                                     .retransmit_timer = 1000};
    Writer writer{out, header};
    const PrefixInformation prefix{.prefix = kPrefix,
                                   .on_link = true,
                                   .autonomous = true,
                                   .router_address = false,
                                   .pd_preferred = true,
                                   .valid_lifetime = kInfiniteLifetime,
                                   .preferred_lifetime = 14400};
    const RouteInformation route{.prefix = *parse_ipv6_prefix("2001:db8:9::/48"),
                                 .preference = Preference::kHigh,
                                 .lifetime = 600};
    const std::vector<Ipv6> servers{*parse_ipv6("2001:db8::53"), *parse_ipv6("2001:db8::54")};
    const Bytes names = bytes({7, 'e', 'x', 'a', 'm', 'p', 'l', 'e', 3, 'o', 'r', 'g', 0});
    ASSERT_TRUE(writer.add_source_link_layer(testing::mac(1)));
    ASSERT_TRUE(writer.add_mtu(1480));
    ASSERT_TRUE(writer.add_prefix_information(prefix));
    ASSERT_TRUE(writer.add_route_information(route));
    ASSERT_TRUE(writer.add_rdnss(1800, servers));
    ASSERT_TRUE(writer.add_dnssl(1800, names));
    ASSERT_TRUE(writer.add_pref64(*parse_ipv6_prefix("64:ff9b::/96"), 600));
    ASSERT_TRUE(writer.add_captive_portal("https://example.org/"));

    const Received received{ByteView{out}.first(writer.length()), kAllNodes};
    const MessageView view = received.view();
    EXPECT_EQ(view.router_advertisement(), header);
    EXPECT_EQ(view.source_link_layer(), testing::mac(1));
    const OptionList& options = view.options();
    EXPECT_EQ(read_mtu(options.find(OptionType::kMtu)), 1480u);
    EXPECT_EQ(read_prefix_information(options.find(OptionType::kPrefixInformation)), prefix);
    EXPECT_EQ(read_route_information(options.find(OptionType::kRouteInformation)), route);
    const auto rdnss = read_rdnss(options.find(OptionType::kRdnss));
    ASSERT_TRUE(rdnss);
    EXPECT_EQ(rdnss->lifetime, 1800u);
    ASSERT_EQ(rdnss->count(), 2u);
    EXPECT_EQ(rdnss->at(1), servers[1]);
    const auto dnssl = read_dnssl(options.find(OptionType::kDnssl));
    ASSERT_TRUE(dnssl);
    EXPECT_TRUE(equal_bytes(dnssl->names.first(names.size()), names));
    EXPECT_EQ(dnssl->names.back(), std::byte{0});
    EXPECT_EQ(read_pref64(options.find(OptionType::kPref64)),
              (Pref64{*parse_ipv6_prefix("64:ff9b::/96"), 600}));
    EXPECT_EQ(read_captive_portal(options.find(OptionType::kCaptivePortal)),
              "https://example.org/");
}

TEST(RouterAdvertisementWriterTest, BitsBehindAPrefixAreZeroUnlessTheyAreTheRouters) {
    RecordProperty("rfc", "4861 4.6.2, 6275 7.2");
    Bytes out(100);
    Writer writer{out, {}};
    const Ipv6Prefix with_host_bits = *parse_ipv6_prefix("2001:db8::9/64");
    ASSERT_TRUE(writer.add_prefix_information({.prefix = with_host_bits}));
    ASSERT_TRUE(writer.add_prefix_information({.prefix = with_host_bits, .router_address = true}));
    EXPECT_EQ(read_prefix_information(ByteView{out}.subspan(16, 32))->prefix,
              *parse_ipv6_prefix("2001:db8::/64"));
    EXPECT_EQ(read_prefix_information(ByteView{out}.subspan(48, 32))->prefix, with_host_bits);
}

TEST(RouterAdvertisementWriterTest, RoutesAreAsShortAsTheyCanBe) {
    RecordProperty("rfc", "4191 2.3");
    for (const auto& [text, len] : {std::pair{"::/0", 8u},
                                    {"2000::/3", 16u},
                                    {"2001:db8::/64", 16u},
                                    {"2001:db8::/65", 24u},
                                    {"2001:db8::1/128", 24u}}) {
        Bytes out(64);
        Writer writer{out, {}};
        const RouteInformation route{.prefix = *parse_ipv6_prefix(text)};
        ASSERT_TRUE(writer.add_route_information(route));
        EXPECT_EQ(writer.length(), 16 + len) << text;
        EXPECT_EQ(read_route_information(ByteView{out}.subspan(16, len)), route) << text;
    }
}

TEST(RouterAdvertisementWriterTest, Pref64LifetimesAreMultiplesOfEightAndBounded) {
    RecordProperty("rfc", "8781 4.1");
    for (const auto& [asked, written] : {std::pair{0u, 0u},
                                         {1u, 8u},
                                         {8u, 8u},
                                         {601u, 608u},
                                         {65528u, 65528u},
                                         {65529u, 65528u},
                                         {kInfiniteLifetime, 65528u}}) {
        for (const int length : {32, 40, 48, 56, 64, 96}) {
            Bytes out(32);
            Writer writer{out, {}};
            const Ipv6Prefix prefix{*parse_ipv6("2001:db8::"), static_cast<std::uint8_t>(length)};
            ASSERT_TRUE(writer.add_pref64(prefix, asked));
            const auto read = read_pref64(ByteView{out}.subspan(16));
            ASSERT_TRUE(read);
            EXPECT_EQ(read->lifetime, written);
            EXPECT_EQ(read->prefix, prefix);
        }
    }
}

// Each option at every length of buffer: all of it or nothing, and never an octet outside.
TEST(RouterAdvertisementWriterTest, WritesAnOptionAsAWholeOrNotAtAll) {
    for (const auto& add : kEveryOption) {
        Bytes room(200);
        Writer roomy{room, {}};
        ASSERT_TRUE(add(roomy));
        const std::size_t needed = roomy.length();
        EXPECT_EQ(needed % 8, 0u);
        for (std::size_t len = 16; len < needed + 3; ++len) {
            Bytes storage(len + 8, kGuard);
            Writer writer{MutableBytes{storage}.first(len), {}};
            EXPECT_EQ(add(writer), len >= needed);
            EXPECT_EQ(writer.length(), len >= needed ? needed : 16);
            EXPECT_TRUE(std::all_of(storage.begin() + static_cast<std::ptrdiff_t>(writer.length()),
                                    storage.end(),
                                    [](std::byte octet) { return octet == kGuard; }));
        }
    }
}

TEST(RouterAdvertisementWriterTest, RefusesWhatNoOptionCanHold) {
    Bytes out(9000);
    Writer writer{out, {}};
    EXPECT_FALSE(writer.add_rdnss(0, {}));
    EXPECT_FALSE(writer.add_rdnss(0, std::vector<Ipv6>(128)));
    EXPECT_FALSE(writer.add_dnssl(0, ByteView{}));
    EXPECT_FALSE(writer.add_dnssl(0, Bytes(2033)));
    EXPECT_FALSE(writer.add_captive_portal(""));
    EXPECT_FALSE(writer.add_captive_portal(std::string(2039, 'x')));
    EXPECT_EQ(writer.length(), 16u);
    EXPECT_TRUE(writer.add_rdnss(0, std::vector<Ipv6>(127)));
    EXPECT_TRUE(writer.add_dnssl(0, Bytes(2032, std::byte{1})));
    EXPECT_TRUE(writer.add_captive_portal(std::string(2038, 'x')));
}

TEST(RouterAdvertisementWriterTest, SearchListsAreWrittenFromText) {
    RecordProperty("rfc", "8106 5.2, 1035 3.1");
    const std::string longest_label(63, 'x');
    Bytes out(600);
    Writer writer{out, {}};
    ASSERT_TRUE(writer.add_dnssl(7, std::vector<std::string>{"example.org", "lan.", "a"}));
    EXPECT_EQ(writer.length(), 16 + 32u);
    const Bytes expected =
        bytes({31, 4,   0,   0,   0, 0, 0,   7,   7,   'e', 'x', 'a', 'm', 'p', 'l', 'e',
               3,  'o', 'r', 'g', 0, 3, 'l', 'a', 'n', 0,   1,   'a', 0,   0,   0,   0});
    EXPECT_TRUE(equal_bytes(ByteView{out}.subspan(16, 32), expected));
    EXPECT_TRUE(writer.add_dnssl(7, std::vector<std::string>{longest_label + ".org"}));
    const std::string longest =
        longest_label + '.' + longest_label + '.' + longest_label + '.' + std::string(61, 'y');
    EXPECT_TRUE(writer.add_dnssl(7, std::vector<std::string>{longest}));
}

TEST(RouterAdvertisementWriterTest, RefusesWhatIsNoName) {
    RecordProperty("rfc", "1035 2.3.4");
    Bytes out(9000);
    Writer writer{out, {}};
    EXPECT_FALSE(writer.add_dnssl(7, std::span<const std::string>{}));
    const std::string label(63, 'x');
    for (const std::string& name :
         {std::string{}, std::string{"."}, std::string{"a..b"}, std::string{".a"},
          std::string{"a\\.b"}, std::string(64, 'x'),
          label + '.' + label + '.' + label + '.' + std::string(62, 'y')}) {
        EXPECT_FALSE(writer.add_dnssl(7, std::vector<std::string>{"good.org", name})) << name;
    }
    EXPECT_EQ(writer.length(), 16u);
}

TEST(NeighborAdvertisementTest, IsWrittenAndReadAgain) {
    RecordProperty("rfc", "4861 4.4");
    const Ipv6 target = *parse_ipv6("2001:db8:2::9");
    for (unsigned bits = 0; bits < 16; ++bits) {
        Bytes out(kMaxNeighborAdvertisementLen, kGuard);
        NeighborAdvertisement written{.target = target,
                                      .is_router = (bits & 1) != 0,
                                      .is_solicited = (bits & 2) != 0,
                                      .overrides = (bits & 4) != 0,
                                      .target_link_layer = {}};
        if ((bits & 8) != 0) {
            written.target_link_layer = testing::mac(3);
        }
        const std::size_t len = write_neighbor_advertisement(out, written);
        EXPECT_EQ(len, (bits & 8) != 0 ? 32u : 24u);
        const Received received{ByteView{out}.first(len), *parse_ipv6("fe80::9")};
        const MessageView view = received.view();
        EXPECT_EQ(view.type(), MessageType::kNeighborAdvertisement);
        EXPECT_EQ(view.target(), target);
        EXPECT_EQ(view.is_router(), written.is_router);
        EXPECT_EQ(view.is_solicited(), written.is_solicited);
        EXPECT_EQ(view.overrides(), written.overrides);
        EXPECT_EQ(view.target_link_layer(), written.target_link_layer);
    }
}

TEST(NeighborAdvertisementTest, ProbesAreAnsweredToAllNodesUnsolicited) {
    RecordProperty("rfc", "4861 7.2.4");
    const Ipv6 target = *parse_ipv6("2001:db8:2::9");
    Bytes solicitation = bytes({135, 0, 0, 0, 0, 0, 0, 0});
    testing::append(solicitation, target.bytes());
    for (const Ipv6& source : {Ipv6{}, *parse_ipv6("fe80::9")}) {
        testing::FrameSpec6 spec;
        spec.next_header = 58;
        spec.hop_limit = 255;
        spec.source = source;
        spec.destination = target.solicited_node();
        const Bytes frame = testing::frame6(spec, solicitation);
        const auto view = MessageView::parse(*FrameView6::parse(frame));
        ASSERT_TRUE(view);
        EXPECT_EQ(answer_address(*view), source.is_unspecified() ? (AnswerAddress{kAllNodes, false})
                                                                 : (AnswerAddress{source, true}));
    }
}

}  // namespace
}  // namespace xdhcpd::nd
