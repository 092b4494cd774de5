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

TEST(AddressesTest, Ipv6TextFollowsRfc5952) {
    EXPECT_EQ(to_string(*parse_ipv6("2001:0DB8:0:0:0:0:0:1")), "2001:db8::1");
    EXPECT_FALSE(parse_ipv6("2001:db8::1::2"));
}

TEST(AddressesTest, HexWithAndWithoutSeparator) {
    const std::array<std::byte, 3> value{std::byte{0}, std::byte{0x9a}, std::byte{0xff}};
    EXPECT_EQ(to_hex(value), "00:9a:ff");
    EXPECT_EQ(to_hex(value, 0), "009aff");
    EXPECT_EQ(to_hex({}), "");
}

}  // namespace
}  // namespace xdhcpd
