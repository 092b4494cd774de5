#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "config/load.h"

namespace xdhcpd::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const std::vector<Ipv4Prefix> interface_addresses{{Ipv4{0xcb007101}, 24}, {Ipv4{0xc0000201}, 24}};

QuickStart minimal() {
    QuickStart options;
    options.interface = "eth1";
    options.range = "192.0.2.10-192.0.2.99";
    return options;
}

std::vector<std::string> texts(const LoadResult& result) {
    std::vector<std::string> lines;
    for (const Diagnostic& diagnostic : result.diagnostics) {
        lines.push_back(to_string(diagnostic));
    }
    return lines;
}

TEST(QuickStart, TakesTheSubnetOfTheInterfaceThatHoldsTheRange) {
    const LoadResult result = from_quick_start(minimal(), interface_addresses);
    EXPECT_THAT(texts(result), IsEmpty());
    ASSERT_TRUE(result.configuration);
    EXPECT_TRUE(result.configuration->quick_start);
    ASSERT_EQ(result.configuration->interfaces.size(), 1u);
    EXPECT_EQ(result.configuration->interfaces[0].name, "eth1");
    EXPECT_EQ(result.configuration->interfaces[0].driver, model::Driver::kAuto);
    EXPECT_EQ(result.configuration->http, "");
    ASSERT_EQ(result.configuration->dhcp4.subnets.size(), 1u);
    const model::SubnetConfiguration& subnet = result.configuration->dhcp4.subnets[0];
    EXPECT_EQ(to_string(subnet.prefix), "192.0.2.0/24");
    EXPECT_EQ(subnet.interface, "eth1");
    ASSERT_EQ(subnet.pools.size(), 1u);
    EXPECT_EQ(to_string(subnet.pools[0].first), "192.0.2.10");
    EXPECT_EQ(to_string(subnet.pools[0].last), "192.0.2.99");
    EXPECT_THAT(subnet.options, IsEmpty());
}

TEST(QuickStart, PrefersTheLongestPrefix) {
    const std::vector<Ipv4Prefix> nested{{Ipv4{0xc0000201}, 16}, {Ipv4{0xc0000202}, 25}};
    const LoadResult result = from_quick_start(minimal(), nested);
    ASSERT_TRUE(result.configuration);
    EXPECT_EQ(to_string(result.configuration->dhcp4.subnets[0].prefix), "192.0.2.0/25");
}

TEST(QuickStart, TakesEveryOption) {
    QuickStart options = minimal();
    options.range = "198.51.100.0/25";
    options.subnet = "198.51.100.0/24";
    options.router = "198.51.100.254";
    options.dns = "192.0.2.53,192.0.2.54";
    options.lease_time = "2d";
    options.driver = "udp";
    options.control_socket = "/tmp/x.sock";
    options.http = "[::1]:9767";
    options.log_level = "debug";
    const LoadResult result = from_quick_start(options, {});
    EXPECT_THAT(texts(result),
                ElementsAre("command line: warning: --range: the pool contains 198.51.100.0 "
                            "(network address): will not be leased"));
    ASSERT_TRUE(result.configuration);
    const model::Configuration& configuration = *result.configuration;
    EXPECT_EQ(configuration.interfaces[0].driver, model::Driver::kUdp);
    EXPECT_EQ(configuration.control_socket, "/tmp/x.sock");
    EXPECT_EQ(configuration.http, "[::1]:9767");
    EXPECT_EQ(configuration.log.level, model::LogLevel::kDebug);
    EXPECT_EQ(configuration.dhcp4.lease_time.default_time, 172800u);
    EXPECT_EQ(configuration.dhcp4.lease_time.max_time, 172800u);
    const model::SubnetConfiguration& subnet = configuration.dhcp4.subnets[0];
    EXPECT_EQ(to_string(subnet.prefix), "198.51.100.0/24");
    EXPECT_EQ(to_string(subnet.pools[0].last), "198.51.100.127");
    ASSERT_EQ(subnet.options.size(), 2u);
    EXPECT_EQ(subnet.options[0].code, dhcp4::OptionCode::kRouters);
    EXPECT_EQ(to_hex(subnet.options[0].value, 0), "c63364fe");
    EXPECT_EQ(subnet.options[1].code, dhcp4::OptionCode::kDomainNameServers);
    EXPECT_EQ(to_hex(subnet.options[1].value, 0), "c0000235c0000236");
}

TEST(QuickStart, NamesBothMissingOptions) {
    const LoadResult result = from_quick_start({}, {});
    EXPECT_FALSE(result.configuration);
    EXPECT_THAT(texts(result),
                ElementsAre("command line: error: --interface: is missing; the interface to serve "
                            "was meant",
                            "command line: error: --range: is missing; FIRST-LAST was meant"));
}

TEST(QuickStart, KeepsLeasesOnlyWhereItIsTold) {
    QuickStart options;
    options.interface = "eth0";
    options.range = "192.0.2.10-192.0.2.99";
    EXPECT_EQ(from_quick_start(options, interface_addresses).configuration->durability,
              model::Durability::kMemory);
    options.state_directory = "/var/lib/here";
    const LoadResult result = from_quick_start(options, interface_addresses);
    EXPECT_EQ(result.configuration->durability, model::Durability::kSync);
    EXPECT_EQ(result.configuration->state_directory, "/var/lib/here");
}

TEST(QuickStart, ReportsEveryWrongOptionAtOnce) {
    QuickStart options;
    options.interface = "interface-name-too-long";
    options.range = "192.0.2.99-192.0.2.10";
    options.router = "192.0.2";
    options.dns = "192.0.2.53,,x";
    options.subnet = "192.0.2.1/24";
    options.lease_time = "soon";
    options.driver = "xpd";
    options.control_socket = "relative.sock";
    options.http = "9767";
    options.state_directory = "here";
    options.log_level = "loud";
    const LoadResult result = from_quick_start(options, interface_addresses);
    EXPECT_FALSE(result.configuration);
    EXPECT_THAT(
        texts(result),
        ElementsAre(HasSubstr("error: --interface: name: 'interface-name-too-long' is 23 bytes"),
                    HasSubstr("error: --range: the range ends before it begins"),
                    HasSubstr("error: --router: routers wants"),
                    HasSubstr("error: --dns: domain-name-servers wants IPv4 addresses, got ''"),
                    HasSubstr("error: --dns: domain-name-servers wants IPv4 addresses, got 'x'"),
                    HasSubstr("error: --subnet: 192.0.2.1/24 has host bits; 192.0.2.0/24 was"),
                    HasSubstr("error: --lease-time: must be a duration from"),
                    HasSubstr("error: --driver: 'xpd' is unknown; 'xdp' was meant?"),
                    HasSubstr("error: --control-socket: 'relative.sock' is not an absolute path"),
                    HasSubstr("error: --http: '9767' is not an address and port"),
                    HasSubstr("error: --log-level: level: 'loud' is unknown"),
                    HasSubstr("error: --state-directory: 'here' is not an absolute path")));
}

TEST(QuickStart, ListsTheNetworksWhenNoneHoldsTheRange) {
    QuickStart options = minimal();
    options.range = "198.51.100.10-198.51.100.99";
    EXPECT_THAT(texts(from_quick_start(options, interface_addresses)),
                ElementsAre("command line: error: --range: '198.51.100.10-198.51.100.99' is in no "
                            "network of interface 'eth1' (203.0.113.1/24, 192.0.2.1/24); another "
                            "range, or --subnet PREFIX, was meant"));
}

TEST(QuickStart, SaysWhenTheInterfaceHasNoAddress) {
    EXPECT_THAT(texts(from_quick_start(minimal(), {})),
                ElementsAre(HasSubstr("error: --range: interface 'eth1' has no IPv4 address")));
}

TEST(QuickStart, ChecksTheRestWithoutASubnet) {
    QuickStart options = minimal();
    options.range = "192.0.2.10";
    options.dns = "nowhere";
    EXPECT_THAT(texts(from_quick_start(options, interface_addresses)),
                ElementsAre(HasSubstr("error: --range: '192.0.2.10' is not a range"),
                            HasSubstr("error: --dns: domain-name-servers wants")));
}

TEST(QuickStart, RefusesARangeOutsideTheGivenSubnet) {
    QuickStart options = minimal();
    options.subnet = "198.51.100.0/24";
    EXPECT_THAT(texts(from_quick_start(options, interface_addresses)),
                ElementsAre("command line: error: --range: 192.0.2.10-192.0.2.99 is not within "
                            "subnet 198.51.100.0/24"));
}

}  // namespace
}  // namespace xdhcpd::config
