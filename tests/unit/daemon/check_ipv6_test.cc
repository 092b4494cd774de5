#include "daemon/check_ipv6.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string_view>

namespace xdhcpd::daemon {
namespace {

using host::Finding;

[[nodiscard]] Ipv6Prefix net(std::string_view text) {
    return parse_ipv6_prefix(text).value();
}

class CheckIpv6Test : public testing::Test {
  protected:
    CheckIpv6Test() {
        model::HostInterface eth1;
        eth1.name = "eth1";
        eth1.addresses6 = {net("fe80::1/64"), net("2001:db8:1::1/64")};
        host_.interfaces.push_back(eth1);
        proxy_.interface = "eth1";
    }
    [[nodiscard]] std::vector<Finding> check() {
        configuration_.neighbor_proxies = {proxy_};
        return check_ipv6(configuration_, host_);
    }

    model::Configuration configuration_;
    model::HostState host_;
    model::NeighborProxyConfiguration proxy_;
};

TEST_F(CheckIpv6Test, SingleAddressElsewhereIsFine) {
    proxy_.targets = {net("2001:db8:2::1/128")};
    EXPECT_TRUE(check().empty());
}

TEST_F(CheckIpv6Test, AddressOfThisHostIsNotForUs) {
    proxy_.targets = {net("2001:db8:1::1/128")};
    const auto findings = check();
    ASSERT_EQ(findings.size(), 1u);
    EXPECT_EQ(findings[0].level, Finding::Level::kMend);
    EXPECT_THAT(findings[0].text,
                testing::HasSubstr("has 2001:db8:1::1 inside, an address of eth1"));
}

TEST_F(CheckIpv6Test, PrefixWithAnAddressOfThisHostIsNotForUs) {
    proxy_.targets = {net("2001:db8:2::/64")};
    EXPECT_TRUE(check().empty());
    proxy_.targets = {net("2001:db8:1::/64")};
    EXPECT_EQ(check().size(), 1u);
}

TEST_F(CheckIpv6Test, AdvertisementsComeFromALinkLocalAddress) {
    configuration_.router_advertisements.emplace_back().interface = "eth1";
    EXPECT_TRUE(check().empty());
    host_.interfaces[0].addresses6.erase(host_.interfaces[0].addresses6.begin());
    const auto findings = check();
    ASSERT_EQ(findings.size(), 1u);
    EXPECT_EQ(findings[0].topic, "link-local");
}

}  // namespace
}  // namespace xdhcpd::daemon
