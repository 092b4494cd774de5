#include "base/addresses.h"

#include <gtest/gtest.h>

namespace xdhcpd {
namespace {

TEST(AddressesTest, Ipv4TextIsReadExactlyAndWrittenBack) {
    for (const char* const text : {"0.0.0.0", "192.0.2.1", "255.255.255.255"}) {
        ASSERT_TRUE(parse_ipv4(text)) << text;
        EXPECT_EQ(to_string(*parse_ipv4(text)), text);
    }
    for (const char* const text :
         {"", "1", "1.2.3", "1.2.3.4.5", "256.0.0.1", "1..2.3", "1.2.3.4 ", " 1.2.3.4", "1.2.3.-4",
          "1.2.3.+4", "0x1.2.3.4", "1.2.3.0004", "a.b.c.d", "1.2.3."}) {
        EXPECT_FALSE(parse_ipv4(text)) << text;
    }
}

TEST(AddressesTest, PrefixKnowsItsEdges) {
    const auto prefix = parse_ipv4_prefix("192.0.2.130/25");
    ASSERT_TRUE(prefix);
    EXPECT_EQ(to_string(prefix->network()), "192.0.2.128");
    EXPECT_EQ(to_string(prefix->broadcast()), "192.0.2.255");
    EXPECT_EQ(prefix->size(), 128u);
    EXPECT_TRUE(prefix->contains(*parse_ipv4("192.0.2.128")));
    EXPECT_FALSE(prefix->contains(*parse_ipv4("192.0.2.127")));
    EXPECT_EQ(parse_ipv4_prefix("0.0.0.0/0")->size(), std::uint64_t{1} << 32);
    EXPECT_TRUE(parse_ipv4_prefix("0.0.0.0/0")->contains(*parse_ipv4("203.0.113.1")));
    EXPECT_FALSE(parse_ipv4_prefix("192.0.2.0/33"));
    EXPECT_FALSE(parse_ipv4_prefix("192.0.2.0/"));
    EXPECT_FALSE(parse_ipv4_prefix("192.0.2.0"));
}

TEST(AddressesTest, PointToPointPrefixesHaveNoBroadcast) {
    RecordProperty("rfc", "3021 2.1");
    EXPECT_FALSE(parse_ipv4_prefix("192.0.2.0/31")->has_broadcast());
    EXPECT_TRUE(parse_ipv4_prefix("192.0.2.0/30")->has_broadcast());
}

TEST(AddressesTest, MacTextTakesColonsAndHyphens) {
    EXPECT_EQ(to_string(*parse_mac("02:00:5E:00:53:aF")), "02:00:5e:00:53:af");
    EXPECT_EQ(parse_mac("02-00-5e-00-53-af"), parse_mac("02:00:5e:00:53:af"));
    for (const char* const text : {"", "02:00:5e:00:53", "02:00:5e:00:53:0g", "02:00:5e:00:53:0",
                                   "0200.5e00.5301", "02:00:5e:00:53:01:", "02 00 5e 00 53 01"}) {
        EXPECT_FALSE(parse_mac(text)) << text;
    }
}

TEST(Ipv6Test, TextIsWrittenInItsOneForm) {
    RecordProperty("rfc", "5952 4");
    const struct {
        const char* text;
        const char* canonical;
    } known[] = {
        {"2001:0DB8:0:0:0:0:0:1", "2001:db8::1"},
        {"::", "::"},
        {"0:0:0:0:0:0:0:0", "::"},
        {"::1", "::1"},
        {"1::", "1::"},
        {"2001:db8::0:1", "2001:db8::1"},
        {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},  // 4.2.2: one group is no run
        {"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},           // 4.2.3: the longest run
        {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},     // 4.2.3: the first of equal ones
        {"1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"},            // "::" for a single group is read
        {"::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"},
        {"2001:DB8::AbCd", "2001:db8::abcd"},      // 4.3: lower case
        {"::ffff:192.0.2.1", "::ffff:192.0.2.1"},  // 5
        {"::ffff:c000:201", "::ffff:192.0.2.1"},
        {"64:ff9b::192.0.2.33", "64:ff9b::c000:221"},
        {"::13.1.68.3", "::d01:4403"},
        {"1:2:3:4:5:6:192.0.2.1", "1:2:3:4:5:6:c000:201"},
        {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
    };
    for (const auto& row : known) {
        const auto address = parse_ipv6(row.text);
        ASSERT_TRUE(address) << row.text;
        EXPECT_EQ(to_string(*address), row.canonical) << row.text;
        EXPECT_EQ(parse_ipv6(to_string(*address)), address) << row.text;
    }
}

TEST(Ipv6Test, TextThatIsNoAddressIsRefused) {
    RecordProperty("rfc", "4291 2.2");
    for (const std::string_view text : {std::string_view{""},
                                        std::string_view{":"},
                                        std::string_view{":::"},
                                        std::string_view{"2001:db8::1::2"},
                                        std::string_view{"1:2:3:4:5:6:7"},
                                        std::string_view{"1:2:3:4:5:6:7:8:9"},
                                        std::string_view{"1:2:3:4::5:6:7:8"},
                                        std::string_view{"12345::"},
                                        std::string_view{"00001::"},
                                        std::string_view{"g::"},
                                        std::string_view{"-1::"},
                                        std::string_view{"+1::"},
                                        std::string_view{"0x1::"},
                                        std::string_view{":1:2:3:4:5:6:7"},
                                        std::string_view{"1:2:3:4:5:6:7:"},
                                        std::string_view{"1:"},
                                        std::string_view{"::1:"},
                                        std::string_view{"fe80::1%eth0"},
                                        std::string_view{"::1 "},
                                        std::string_view{" ::1"},
                                        std::string_view{"[::1]"},
                                        std::string_view{"::1/128"},
                                        std::string_view{"192.0.2.1"},
                                        std::string_view{"192.0.2.1::"},
                                        std::string_view{"::192.0.2.1:1"},
                                        std::string_view{"::192.0.2"},
                                        std::string_view{"1:2:3:4:5:6:7:192.0.2.1"},
                                        std::string_view{"::1\0junk", 8}}) {
        EXPECT_FALSE(parse_ipv6(text)) << text;
    }
}

TEST(Ipv6Test, KnowsItsKind) {
    RecordProperty("rfc", "4291 2.4");
    EXPECT_TRUE(parse_ipv6("::")->is_unspecified());
    EXPECT_FALSE(parse_ipv6("::1")->is_unspecified());
    EXPECT_TRUE(parse_ipv6("::1")->is_loopback());
    EXPECT_FALSE(parse_ipv6("::2")->is_loopback());
    EXPECT_TRUE(parse_ipv6("ff02::1:2")->is_multicast());
    EXPECT_FALSE(parse_ipv6("fe02::1")->is_multicast());
    EXPECT_TRUE(parse_ipv6("fe80::1")->is_link_local());
    EXPECT_TRUE(parse_ipv6("febf::1")->is_link_local());
    EXPECT_FALSE(parse_ipv6("fec0::1")->is_link_local());
    EXPECT_FALSE(parse_ipv6("fe7f::1")->is_link_local());
    EXPECT_TRUE(parse_ipv6("fd00::1")->is_unique_local());
    EXPECT_FALSE(parse_ipv6("fe00::1")->is_unique_local());
    EXPECT_EQ(to_string(kAllNodes), "ff02::1");
    EXPECT_EQ(to_string(kAllRouters), "ff02::2");
}

TEST(Ipv6Test, SolicitedNodeAddressHasTheLastThreeOctets) {
    RecordProperty("rfc", "4291 2.7.1");
    EXPECT_EQ(to_string(parse_ipv6("4037::1:800:200e:8c6c")->solicited_node()),
              "ff02::1:ff0e:8c6c");
    EXPECT_EQ(to_string(parse_ipv6("2001:db8::1")->solicited_node()), "ff02::1:ff00:1");
}

TEST(Ipv6Test, MulticastMacHasTheLastFourOctets) {
    RecordProperty("rfc", "2464 7");
    EXPECT_EQ(to_string(kAllNodes.multicast_mac()), "33:33:00:00:00:01");
    EXPECT_EQ(to_string(parse_ipv6("ff02::1:ff0e:8c6c")->multicast_mac()), "33:33:ff:0e:8c:6c");
}

TEST(Ipv6Test, InterfaceIdentifierIsTheModifiedEui64) {
    RecordProperty("rfc", "4291 appendix A");
    EXPECT_EQ(to_string(Ipv6::link_local_of(*parse_mac("34:56:78:9a:bc:de"))),
              "fe80::3656:78ff:fe9a:bcde");
    EXPECT_EQ(to_string(Ipv6::link_local_of(*parse_mac("02:00:5e:00:53:01"))),
              "fe80::5eff:fe00:5301");
}

TEST(Ipv6Test, OrderIsThatOfTheNumbers) {
    EXPECT_LT(*parse_ipv6("2001:db8::ff"), *parse_ipv6("2001:db8::100"));
    EXPECT_LT(*parse_ipv6("7fff::"), *parse_ipv6("8000::"));
    EXPECT_EQ(Ipv6::load(parse_ipv6("2001:db8::9")->octets.data()), *parse_ipv6("2001:db8::9"));
}

TEST(Ipv6PrefixTest, KnowsItsEdges) {
    RecordProperty("rfc", "4291 2.3");
    const auto prefix = parse_ipv6_prefix("2001:db8:0:cd35::1/58");
    ASSERT_TRUE(prefix);
    EXPECT_EQ(to_string(prefix->mask()), "ffff:ffff:ffff:ffc0::");
    EXPECT_EQ(to_string(prefix->network()), "2001:db8:0:cd00::");
    EXPECT_EQ(to_string(prefix->last()), "2001:db8:0:cd3f:ffff:ffff:ffff:ffff");
    EXPECT_TRUE(prefix->contains(prefix->network()));
    EXPECT_TRUE(prefix->contains(prefix->last()));
    EXPECT_FALSE(prefix->contains(*parse_ipv6("2001:db8:0:cd40::")));
    EXPECT_FALSE(prefix->contains(*parse_ipv6("2001:db8:0:ccff:ffff::")));
    EXPECT_EQ(to_string(*prefix), "2001:db8:0:cd35::1/58");
}

TEST(Ipv6PrefixTest, ShortestAndLongest) {
    const auto all = parse_ipv6_prefix("::/0");
    EXPECT_EQ(to_string(all->mask()), "::");
    EXPECT_TRUE(all->contains(*parse_ipv6("ffff::1")));
    EXPECT_EQ(to_string(all->last()), "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
    const auto one = parse_ipv6_prefix("2001:db8::1/128");
    EXPECT_TRUE(one->contains(*parse_ipv6("2001:db8::1")));
    EXPECT_FALSE(one->contains(*parse_ipv6("2001:db8::")));
    EXPECT_EQ(one->network(), one->last());
}

TEST(Ipv6PrefixTest, ContainsOnlyPrefixesThatLieInItAsAWhole) {
    const auto prefix = *parse_ipv6_prefix("2001:db8::/32");
    EXPECT_TRUE(prefix.contains(*parse_ipv6_prefix("2001:db8::/32")));
    EXPECT_TRUE(prefix.contains(*parse_ipv6_prefix("2001:db8:ffff::/48")));
    EXPECT_FALSE(prefix.contains(*parse_ipv6_prefix("2001:db8::/31")));
    EXPECT_FALSE(prefix.contains(*parse_ipv6_prefix("2001:db9::/48")));
}

TEST(Ipv6PrefixTest, TextNeedsALengthUpTo128) {
    for (const char* const text : {"2001:db8::", "2001:db8::/", "2001:db8::/129", "2001:db8::/-1",
                                   "2001:db8::/64 ", "/64", "192.0.2.0/24", "2001:db8::/64/64"}) {
        EXPECT_FALSE(parse_ipv6_prefix(text)) << text;
    }
}

TEST(AddressesTest, HexWithAndWithoutSeparator) {
    const std::array<std::byte, 3> value{std::byte{0}, std::byte{0x9a}, std::byte{0xff}};
    EXPECT_EQ(to_hex(value), "00:9a:ff");
    EXPECT_EQ(to_hex(value, 0), "009aff");
    EXPECT_EQ(to_hex({}), "");
}

}  // namespace
}  // namespace xdhcpd
