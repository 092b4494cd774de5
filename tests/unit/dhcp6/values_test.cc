#include "dhcp6/values.h"

#include <gtest/gtest.h>

#include <vector>

#include "support/dhcp6.h"

namespace xdhcpd::dhcp6 {
namespace {

using testing::Bytes;
using testing::bytes;
using testing::join;
using testing::option6;

Bytes value_of(const Bytes& option) {
    return {option.begin() + 4, option.end()};
}

TEST(Dhcp6ValuesTest, IdentityAssociations) {
    RecordProperty("rfc", "8415 21.4, 21.5, 21.21");
    const Bytes with_times = value_of(testing::ia6(3, 7, option6(13, {0, 2}), 50, 80));
    for (const OptionCode code : {OptionCode::kIaNa, OptionCode::kIaPd}) {
        const auto ia = read_ia({code, with_times});
        ASSERT_TRUE(ia);
        EXPECT_EQ(ia->code, code);
        EXPECT_EQ(ia->iaid, 7u);
        EXPECT_EQ(ia->t1, 50u);
        EXPECT_EQ(ia->t2, 80u);
        EXPECT_TRUE(ia->options.has(OptionCode::kStatusCode));
    }
    const Bytes temporary = join({testing::number32(9), option6(13, {0, 2})});
    const auto ia = read_ia({OptionCode::kIaTa, temporary});
    ASSERT_TRUE(ia);
    EXPECT_EQ(ia->iaid, 9u);
    EXPECT_EQ(ia->t1, 0u);
    EXPECT_TRUE(ia->options.has(OptionCode::kStatusCode));
    EXPECT_FALSE(read_ia({OptionCode::kDnsServers, with_times}));
    EXPECT_FALSE(read_ia({OptionCode::kIaNa, ByteView{with_times}.first(11)}));
    EXPECT_FALSE(read_ia({OptionCode::kIaNa, ByteView{with_times}.first(13)}));
}

TEST(Dhcp6ValuesTest, AddressesAndPrefixes) {
    RecordProperty("rfc", "8415 21.6, 21.22");
    const Bytes address =
        value_of(testing::ia_address6("2001:db8::9", 100, 200, option6(13, {0, 0})));
    const auto read = read_ia_address(address);
    ASSERT_TRUE(read);
    EXPECT_EQ(to_string(read->address), "2001:db8::9");
    EXPECT_EQ(read->preferred_lifetime, 100u);
    EXPECT_EQ(read->valid_lifetime, 200u);
    EXPECT_TRUE(read->options.has(OptionCode::kStatusCode));
    EXPECT_FALSE(read_ia_address(ByteView{address}.first(23)));
    EXPECT_FALSE(read_ia_address(ByteView{address}.first(25)));
    const Bytes prefix = value_of(testing::ia_prefix6("2001:db8:1::", 56, 100, kInfiniteLifetime));
    const auto delegated = read_ia_prefix(prefix);
    ASSERT_TRUE(delegated);
    EXPECT_EQ(to_string(delegated->prefix), "2001:db8:1::/56");
    EXPECT_EQ(delegated->preferred_lifetime, 100u);
    EXPECT_EQ(delegated->valid_lifetime, kInfiniteLifetime);
    EXPECT_FALSE(read_ia_prefix(ByteView{prefix}.first(24)));
    EXPECT_FALSE(read_ia_prefix(value_of(testing::ia_prefix6("::", 129, 0, 0))));
}

TEST(Dhcp6ValuesTest, StatusCodes) {
    RecordProperty("rfc", "8415 21.13");
    const Bytes value = bytes({0, 3, 'g', 'o', 'n', 'e'});
    EXPECT_EQ(read_status(value)->code, StatusCode::kNoBinding);
    EXPECT_EQ(read_status(value)->message, "gone");
    EXPECT_FALSE(read_status(bytes({0})));
}

TEST(Dhcp6ValuesTest, DuidTypesAndTheirHardwareAddress) {
    RecordProperty("rfc", "8415 11.2, 11.3, 11.4, 6355 4");
    const Bytes address = bytes({2, 0, 0x5e, 0, 0x53, 1});
    const Bytes with_time = join({bytes({0, 1, 0, 1, 9, 9, 9, 9}), address});
    const Bytes plain = join({bytes({0, 3, 0, 6}), address});
    EXPECT_EQ(duid_type(with_time), DuidType::kLinkLayerTime);
    EXPECT_TRUE(equal_bytes(hardware_address_of(with_time)->address, address));
    EXPECT_EQ(hardware_address_of(with_time)->type, 1);
    EXPECT_EQ(duid_type(plain), DuidType::kLinkLayer);
    EXPECT_TRUE(equal_bytes(hardware_address_of(plain)->address, address));
    EXPECT_EQ(hardware_address_of(plain)->type, 6);
    for (const int type : {2, 4, 5, 255}) {
        EXPECT_FALSE(hardware_address_of(join({bytes({0, type, 0, 1, 9, 9, 9, 9}), address})));
    }
    EXPECT_FALSE(hardware_address_of(bytes({0, 1, 0, 1, 9, 9, 9, 9})));
    EXPECT_FALSE(hardware_address_of(bytes({0, 3, 0, 1})));
    EXPECT_FALSE(hardware_address_of(bytes({0, 3, 0})));
    EXPECT_FALSE(is_duid_length(0) || is_duid_length(2) || is_duid_length(131));
    EXPECT_TRUE(is_duid_length(3) && is_duid_length(130));
}

TEST(Dhcp6ValuesTest, UserAndVendorClasses) {
    RecordProperty("rfc", "8415 21.15, 21.16, 21.17");
    std::vector<std::string> seen;
    const auto note = [&](ByteView text) { seen.emplace_back(as_text(text)); };
    EXPECT_TRUE(for_each_text(bytes({0, 1, 'a', 0, 0, 0, 2, 'b', 'c'}), note));
    EXPECT_EQ(seen, (std::vector<std::string>{"a", "", "bc"}));
    EXPECT_FALSE(for_each_text(bytes({0}), note));
    EXPECT_FALSE(for_each_text(bytes({0, 2, 'a'}), note));
    const Bytes vendor = bytes({0, 0, 0x11, 0x8b, 0, 1, 'x'});
    EXPECT_EQ(read_vendor_class(vendor)->enterprise, 4491u);
    EXPECT_FALSE(read_vendor_class(ByteView{vendor}.first(6)));
    EXPECT_FALSE(read_vendor_class(ByteView{vendor}.first(3)));
    const Bytes options = join({bytes({0, 0, 0x11, 0x8b}), option6(17, {1})});
    EXPECT_EQ(read_vendor_options(options)->enterprise, 4491u);
    EXPECT_TRUE(read_vendor_options(options)->options.has(static_cast<OptionCode>(17)));
    EXPECT_FALSE(read_vendor_options(ByteView{options}.first(8)));
    EXPECT_FALSE(read_vendor_options(ByteView{options}.first(3)));
}

TEST(Dhcp6ValuesTest, RelayIdentifiers) {
    RecordProperty("rfc", "4649 3, 6939 4");
    EXPECT_EQ(read_remote_id(bytes({0, 0, 0, 9, 'r'}))->enterprise, 9u);
    EXPECT_FALSE(read_remote_id(bytes({0, 0, 0})));
    EXPECT_EQ(read_link_layer(bytes({0, 1, 2}))->type, 1);
    EXPECT_FALSE(read_link_layer(bytes({0})));
}

TEST(Dhcp6ValuesTest, NamesAsText) {
    const auto text = [](ByteView name, std::size_t room = 254) {
        Bytes out(room);
        out.resize(write_name_text(name, out));
        return std::string{as_text(out)};
    };
    EXPECT_EQ(text(bytes({1, 'a', 2, 'b', 'c', 0})), "a.bc");
    EXPECT_EQ(text(bytes({4, 'h', 'o', 's', 't'})), "host");  // partial
    EXPECT_EQ(text({}), "");
    EXPECT_EQ(text(bytes({0})), "");
    EXPECT_EQ(text(bytes({1, 'a', 2, 'b', 'c', 0}), 4), "a.bc");
    EXPECT_EQ(text(bytes({1, 'a', 2, 'b', 'c', 0}), 3), "");
    Bytes longest;
    for (int i = 0; i < 127; ++i) {
        longest.push_back(std::byte{1});
        longest.push_back(std::byte{'x'});
    }
    EXPECT_EQ(text(longest).size(), 253u);
}

TEST(Dhcp6ValuesTest, ClientFqdn) {
    RecordProperty("rfc", "4704 4");
    const Bytes whole = bytes({0x01, 1, 'a', 2, 'b', 'c', 0});
    const auto fqdn = read_client_fqdn(whole);
    ASSERT_TRUE(fqdn);
    EXPECT_TRUE(fqdn->server_updates);
    EXPECT_FALSE(fqdn->server_overrides || fqdn->no_updates);
    EXPECT_TRUE(equal_bytes(fqdn->name, ByteView{whole}.subspan(1)));
    EXPECT_TRUE(read_client_fqdn(bytes({2}))->server_overrides);
    EXPECT_TRUE(read_client_fqdn(bytes({4, 1, 'a'}))->no_updates);  // a partial name
    EXPECT_FALSE(read_client_fqdn({}));
    EXPECT_FALSE(read_client_fqdn(bytes({0, 2, 'a'})));
    EXPECT_FALSE(read_client_fqdn(bytes({0, 0xc0, 0})));            // 4.2: no compression
    EXPECT_FALSE(read_client_fqdn(bytes({0, 1, 'a', 0, 1, 'b'})));  // goes on behind the root
}

TEST(Dhcp6ValuesTest, ExcludedPrefixesCarryTheBitsThatTheyAdd) {
    RecordProperty("rfc", "6603 4.2");
    const auto made = make_pd_exclude(*parse_ipv6_prefix("2001:db8:dead:bee0::/59"),
                                      *parse_ipv6_prefix("2001:db8:dead:beef::/64"));
    ASSERT_TRUE(made);  // 01111 behind bee0/59, left-aligned
    EXPECT_TRUE(equal_bytes(made->bytes(), bytes({64, 0x78})));
    const char* const pairs[][2] = {
        {"2001:db8::/48", "2001:db8:0:ffff::/64"},    {"2001:db8::/56", "2001:db8::/57"},
        {"2001:db8::/56", "2001:db8:0:80::/57"},      {"::/0", "2001:db8::1/128"},
        {"2001:db8:0:10::/60", "2001:db8:0:17::/64"}, {"2001:db8::/63", "2001:db8:0:1:8000::/72"}};
    for (const auto& [outer, inner] : pairs) {
        const Ipv6Prefix delegated = *parse_ipv6_prefix(outer);
        const Ipv6Prefix excluded = *parse_ipv6_prefix(inner);
        const auto option = make_pd_exclude(delegated, excluded);
        ASSERT_TRUE(option) << inner;
        EXPECT_EQ(option->len, 1u + (excluded.length - delegated.length - 1u) / 8 + 1);
        EXPECT_EQ(read_pd_exclude(delegated, option->bytes()), excluded) << inner;
    }
    const Ipv6Prefix delegated = *parse_ipv6_prefix("2001:db8::/56");
    EXPECT_FALSE(make_pd_exclude(delegated, delegated));
    EXPECT_FALSE(make_pd_exclude(delegated, *parse_ipv6_prefix("2001:db9::/64")));
    for (const Bytes& bad :
         {bytes({}), bytes({56, 0}), bytes({64}), bytes({64, 0, 0}), bytes({129, 0})}) {
        EXPECT_FALSE(read_pd_exclude(delegated, bad));
    }
}

}  // namespace
}  // namespace xdhcpd::dhcp6
