#include "nd/options.h"

#include <gtest/gtest.h>

#include "support/frames.h"

namespace xdhcpd::nd {
namespace {

using testing::Bytes;
using testing::bytes;

// An option padded with zeros to `units` times eight octets.
Bytes option(int type, int units, std::initializer_list<int> value) {
    Bytes result = bytes({type, units});
    testing::append(result, bytes(value));
    result.resize(static_cast<std::size_t>(units) * 8);
    return result;
}

TEST(NdOptionListTest, VisitsOptionsInTheirOrderAndFindsTheFirst) {
    Bytes list = option(1, 1, {2, 0, 0x5e, 0, 0x53, 1});
    testing::append(list, option(77, 3, {9}));
    testing::append(list, option(1, 1, {2, 0, 0x5e, 0, 0x53, 2}));
    const auto options = OptionList::parse(list);
    ASSERT_TRUE(options);
    std::vector<std::pair<int, std::size_t>> seen;
    options->for_each([&](OptionType type, ByteView value) {
        seen.emplace_back(static_cast<int>(type), value.size());
    });
    EXPECT_EQ(seen, (std::vector<std::pair<int, std::size_t>>{{1, 8}, {77, 24}, {1, 8}}));
    EXPECT_EQ(read_link_layer(options->find(OptionType::kSourceLinkLayer)), testing::mac(1));
    EXPECT_TRUE(options->find(OptionType::kMtu).empty());
    EXPECT_TRUE(OptionList::parse({})->bytes().empty());
}

TEST(NdOptionListTest, RefusesZeroLengthsAndTruncation) {
    RecordProperty("rfc", "4861 4.6");
    EXPECT_EQ(OptionList::parse(bytes({1, 0, 0, 0, 0, 0, 0, 0})).error(), OptionError::kZeroLength);
    EXPECT_EQ(OptionList::parse(bytes({1})).error(), OptionError::kTruncated);
    EXPECT_EQ(OptionList::parse(bytes({1, 1, 0, 0, 0, 0, 0})).error(), OptionError::kTruncated);
}

TEST(NdOptionsTest, LinkLayerAddressOfAnotherLengthIsIgnored) {
    RecordProperty("rfc", "4861 4.6.1");
    EXPECT_EQ(read_link_layer(option(1, 2, {2, 0, 0x5e, 0, 0x53, 1})), std::nullopt);
}

TEST(NdOptionsTest, PrefixInformation) {
    RecordProperty("rfc", "4861 4.6.2, 9762");
    const auto made = [](int flags) {
        return option(3, 4, {64,   flags, 0,    0, 0x0e, 0x10, 0, 0, 0x07, 0x08, 0, 0, 0, 0, 0x20,
                             0x01, 0x0d,  0xb8, 0, 0,    0,    1, 0, 0,    0,    0, 0, 0, 0, 9});
    };
    const auto all = read_prefix_information(made(0xf0));
    ASSERT_TRUE(all);
    EXPECT_EQ(to_string(all->prefix), "2001:db8:0:1::9/64");
    EXPECT_EQ(all->valid_lifetime, 3600u);
    EXPECT_EQ(all->preferred_lifetime, 1800u);
    EXPECT_TRUE(all->on_link && all->autonomous && all->router_address && all->pd_preferred);
    EXPECT_TRUE(read_prefix_information(made(0x80))->on_link);
    EXPECT_FALSE(read_prefix_information(made(0x7f))->on_link);
    EXPECT_TRUE(read_prefix_information(made(0x40))->autonomous);
    EXPECT_FALSE(read_prefix_information(made(0xbf))->autonomous);
    EXPECT_TRUE(read_prefix_information(made(0x20))->router_address);
    EXPECT_FALSE(read_prefix_information(made(0xdf))->router_address);
    EXPECT_TRUE(read_prefix_information(made(0x10))->pd_preferred);
    EXPECT_FALSE(read_prefix_information(made(0xef))->pd_preferred);
    EXPECT_FALSE(read_prefix_information(option(3, 3, {64})));
    EXPECT_FALSE(read_prefix_information(option(3, 4, {129})));
}

TEST(NdOptionsTest, Mtu) {
    RecordProperty("rfc", "4861 4.6.4");
    EXPECT_EQ(read_mtu(option(5, 1, {0, 0, 0, 0, 0x05, 0xdc})), 1500u);
    EXPECT_EQ(read_mtu(option(5, 2, {0, 0, 0, 0, 0x05, 0xdc})), std::nullopt);
}

TEST(NdOptionsTest, RouteInformation) {
    RecordProperty("rfc", "4191 2.3");
    const auto route =
        read_route_information(option(24, 2, {48, 0x08, 0, 0, 0, 60, 0x20, 1, 0x0d, 0xb8, 0, 9}));
    ASSERT_TRUE(route);
    EXPECT_EQ(to_string(route->prefix), "2001:db8:9::/48");
    EXPECT_EQ(route->preference, Preference::kHigh);
    EXPECT_EQ(route->lifetime, 60u);
    EXPECT_EQ(to_string(read_route_information(option(24, 1, {0, 0, 0, 0, 0, 60}))->prefix),
              "::/0");
    EXPECT_TRUE(read_route_information(option(24, 3, {128})));
    EXPECT_FALSE(read_route_information(option(24, 1, {1})));   // no room for a prefix
    EXPECT_FALSE(read_route_information(option(24, 2, {65})));  // nor for more than 64 bits
    EXPECT_FALSE(read_route_information(option(24, 3, {129})));
    EXPECT_FALSE(read_route_information(option(24, 4, {64})));
    EXPECT_FALSE(read_route_information(option(24, 2, {48, 0x10})));  // the reserved preference
}

TEST(NdOptionsTest, Rdnss) {
    RecordProperty("rfc", "8106 5.1, 5.3.1");
    const Bytes two =
        option(25, 5, {0, 0, 0, 0,    0,    30, 0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                       0, 0, 1, 0xfe, 0x80, 0,  0,    0, 0,    0,    0, 0, 0, 0, 0, 0, 0, 0, 2});
    const auto servers = read_rdnss(two);
    ASSERT_TRUE(servers);
    EXPECT_EQ(servers->lifetime, 30u);
    ASSERT_EQ(servers->count(), 2u);
    EXPECT_EQ(to_string(servers->at(0)), "2001:db8::1");
    EXPECT_EQ(to_string(servers->at(1)), "fe80::2");
    EXPECT_FALSE(read_rdnss(option(25, 1, {})));  // no address
    EXPECT_FALSE(read_rdnss(option(25, 4, {})));  // half an address too much
}

TEST(NdOptionsTest, Dnssl) {
    RecordProperty("rfc", "8106 5.2, 5.3.1");
    const Bytes one = option(31, 2, {0, 0, 0, 0, 0, 30, 1, 'a', 0});
    const auto search = read_dnssl(one);
    ASSERT_TRUE(search);
    EXPECT_EQ(search->lifetime, 30u);
    EXPECT_TRUE(equal_bytes(search->names, bytes({1, 'a', 0, 0, 0, 0, 0, 0})));
    EXPECT_FALSE(read_dnssl(option(31, 1, {})));
}

TEST(NdOptionsTest, Pref64) {
    RecordProperty("rfc", "8781 4, 5.1");
    const std::pair<int, const char*> codes[] = {{0, "64:ff9b::/96"}, {1, "64:ff9b::/64"},
                                                 {2, "64:ff9b::/56"}, {3, "64:ff9b::/48"},
                                                 {4, "64:ff9b::/40"}, {5, "64:ff9b::/32"}};
    for (const auto& [code, prefix] : codes) {
        const auto read = read_pref64(option(38, 2, {0x02, 0x58 | code, 0, 0x64, 0xff, 0x9b}));
        ASSERT_TRUE(read) << code;
        EXPECT_EQ(to_string(read->prefix), prefix);
        EXPECT_EQ(read->lifetime, 600);
        EXPECT_TRUE(is_pref64_length(read->prefix.length));
    }
    EXPECT_EQ(read_pref64(option(38, 2, {0xff, 0xf8}))->lifetime, 65528);
    EXPECT_FALSE(read_pref64(option(38, 2, {0x02, 0x5e})));
    EXPECT_FALSE(read_pref64(option(38, 2, {0x02, 0x5f})));
    EXPECT_FALSE(read_pref64(option(38, 3, {0x02, 0x58})));
    EXPECT_FALSE(is_pref64_length(72));
}

TEST(NdOptionsTest, CaptivePortal) {
    RecordProperty("rfc", "8910 2.3");
    EXPECT_EQ(read_captive_portal(option(37, 2, {'u', 'r', 'n', ':', 'x'})), "urn:x");
    EXPECT_EQ(read_captive_portal(option(37, 1, {'u', 'r', 'n', ':', 'x', 'y'})), "urn:xy");
    EXPECT_FALSE(read_captive_portal(option(37, 1, {})));
}

}  // namespace
}  // namespace xdhcpd::nd
