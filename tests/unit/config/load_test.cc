#include "config/load.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

namespace xdhcpd::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// Every key there is.
constexpr std::string_view kEveryKey = R"(
log: {level: debug, format: json}
interfaces:
  - {name: eth1, driver: xdp, queues: [0, 2], zero-copy: on, reply-path: route}
  - {name: eth2, driver: xdp-generic, queues: all, zero-copy: off,
     rate-limit: {per-client: {rate: 600/m, burst: 12}, per-relay: 200/s, per-link: 5000/s}}
  - name: eth3
workers: 3
control-socket: /tmp/control.sock
http: 127.0.0.1:9767
durability: async
state-directory: /tmp/state
max-leases: 70000
side-memory: 8MiB
ports: {server: 67, client: 68, reply-to-source: false}
dhcp4:
  authoritative: false
  lease-time: {default: 2h, min: 10m, max: 2d}
  offer-lifetime: 20s
  decline-quarantine: 12h
  max-offers-per-relay: 1000
  bootp: true
  rapid-commit: true
  renew-time-percent: 40
  rebind-time-percent: 80
  renew-jitter-percent: 10
  options:
    domain-name-servers: [192.0.2.53, 192.0.2.54]
    domain-name: example.org
    224: {type: hex, value: "0x0102"}
    225: {type: text, value: hello}
    226: {type: ip, value: [192.0.2.1, 255.255.255.255]}
    227: {type: u8, value: [1, 255]}
    228: {type: u16, value: 258}
    229: {type: u32, value: 16909060}
    ntp-servers: {value: [192.0.2.123], always: true}
  subnets:
    - subnet: 10.77.0.0/16
      interface: eth1
      shared-network: floor-2
      server-address: 10.77.0.1
      authoritative: true
      identity: circuit-id
      lease-time: {default: 30m, min: 5m, max: 2h}
      relays: [10.77.0.254, 192.0.2.254]
      next-server: 10.77.0.5
      server-hostname: boot.example.org
      boot-file-name: pxelinux.0
      pools: [{range: 10.77.1.0-10.77.255.250}, {range: 10.77.0.128/26}]
      exclude: [10.77.1.1, 10.77.2.0-10.77.2.9, 10.77.3.0/24]
      options: {routers: [10.77.0.1]}
      reservations:
        - {hw-address: "00:11:22:33:44:55", address: 10.77.0.50, hostname: printer}
        - {client-id: "01:00:11:22:33:44:56", address: 10.77.0.51}
        - {client-id: "'abc'", next-server: 10.77.0.6, boot-file-name: other.0}
        - {circuit-id: "eth0/1:100", address: 10.77.0.52, options: {domain-name: a.example}}
        - {remote-id: "0x0011", address: 10.77.0.53}
    - subnet: 10.78.0.0/24
      interface: eth1
      shared-network: floor-2
      identity: hw-address
      lease-time: infinite
      pools: [{range: 10.78.0.10-10.78.0.19}]
    - subnet: 192.0.2.0/31
      pools: [{range: 192.0.2.0/31}]
)";

LoadResult load(std::string_view yaml) {
    return load_text(yaml, "t.yaml");
}

std::vector<std::string> texts(const LoadResult& result) {
    std::vector<std::string> lines;
    for (const Diagnostic& diagnostic : result.diagnostics) {
        lines.push_back(to_string(diagnostic));
    }
    return lines;
}

std::vector<std::string> ranges(const std::vector<model::PoolConfiguration>& pools) {
    std::vector<std::string> lines;
    lines.reserve(pools.size());
    for (const model::PoolConfiguration& pool : pools) {
        lines.push_back(to_string(AddressRange{pool.first, pool.last}));
    }
    return lines;
}

TEST(Load, WorkersAreANumberOrAuto) {
    const auto workers = [](const std::string& line) {
        return load_text(
                   "interfaces: [{name: eth1}]\ndhcp4: {subnets: [{subnet: 10.0.0.0/8}]}\n" + line,
                   "file")
            .configuration->workers;
    };
    EXPECT_EQ(workers("workers: 64\n"), 64u);
    EXPECT_EQ(workers("workers: auto\n"), std::nullopt);
    EXPECT_EQ(workers("workers: \"auto\"\n"), std::nullopt);
}

TEST(Load, ReadsTheServerSettings) {
    const LoadResult result = load(kEveryKey);
    ASSERT_THAT(texts(result), IsEmpty());
    const model::Configuration& configuration = *result.configuration;
    EXPECT_EQ(configuration.log.level, model::LogLevel::kDebug);
    EXPECT_EQ(configuration.log.format, model::LogFormat::kJson);
    ASSERT_EQ(configuration.interfaces.size(), 3u);
    EXPECT_EQ(configuration.interfaces[0].name, "eth1");
    EXPECT_EQ(configuration.interfaces[0].driver, model::Driver::kXdp);
    EXPECT_THAT(configuration.interfaces[0].queues, ElementsAre(0u, 2u));
    EXPECT_EQ(configuration.interfaces[0].zero_copy, model::ZeroCopy::kOn);
    EXPECT_EQ(configuration.interfaces[0].reply_path, model::ReplyPath::kRoute);
    EXPECT_EQ(configuration.interfaces[1].reply_path, model::ReplyPath::kMirror);
    EXPECT_EQ(configuration.interfaces[1].driver, model::Driver::kXdpGeneric);
    EXPECT_THAT(configuration.interfaces[1].queues, IsEmpty());
    EXPECT_EQ(configuration.interfaces[1].zero_copy, model::ZeroCopy::kOff);
    const model::RateLimits& limits = configuration.interfaces[1].rate_limits;
    EXPECT_EQ(limits.per_client, (model::RateLimit{600, 60, 12}));
    EXPECT_EQ(limits.per_relay, (model::RateLimit{200, 1, 400}));
    EXPECT_EQ(limits.per_link, (model::RateLimit{5000, 1, 10000}));
    EXPECT_FALSE(configuration.interfaces[0].rate_limits.any());
    EXPECT_EQ(configuration.interfaces[2].name, "eth3");
    EXPECT_EQ(configuration.control_socket, "/tmp/control.sock");
    EXPECT_EQ(configuration.http, "127.0.0.1:9767");
    EXPECT_EQ(configuration.workers, 3u);
    EXPECT_EQ(configuration.max_leases, 70000u);
    EXPECT_EQ(configuration.side_memory, 8u << 20);
    EXPECT_EQ(configuration.ports.server, 67);
    EXPECT_EQ(configuration.ports.client, 68);
    EXPECT_FALSE(configuration.ports.reply_to_source);
    EXPECT_FALSE(configuration.quick_start);
}

TEST(Load, ReadsTheDhcp4Settings) {
    const LoadResult result = load(kEveryKey);
    ASSERT_TRUE(result.configuration);
    const model::Dhcp4Configuration& dhcp4 = result.configuration->dhcp4;
    EXPECT_FALSE(dhcp4.authoritative);
    EXPECT_EQ(dhcp4.lease_time.default_time, 7200u);
    EXPECT_EQ(dhcp4.lease_time.min_time, 600u);
    EXPECT_EQ(dhcp4.lease_time.max_time, 172800u);
    EXPECT_EQ(dhcp4.offer_time, 20u);
    EXPECT_EQ(dhcp4.decline_time, 43200u);
    EXPECT_EQ(dhcp4.max_offers_per_relay, 1000u);
    EXPECT_TRUE(dhcp4.bootp);
    EXPECT_TRUE(dhcp4.rapid_commit);
    EXPECT_EQ(dhcp4.renew_time_permille, 400u);
    EXPECT_EQ(dhcp4.rebind_time_permille, 800u);
    EXPECT_EQ(dhcp4.renew_jitter_permille, 100u);
}

TEST(Load, EncodesOptionsInTheirOrder) {
    const LoadResult result = load(kEveryKey);
    ASSERT_TRUE(result.configuration);
    std::vector<std::string> options;
    for (const model::OptionValue& option : result.configuration->dhcp4.options) {
        options.push_back(std::to_string(static_cast<int>(option.code)) + "=" +
                          to_hex(option.value, 0) + (option.always ? "!" : ""));
    }
    EXPECT_THAT(options, ElementsAre("6=c0000235c0000236", "15=6578616d706c652e6f7267", "224=0102",
                                     "225=68656c6c6f", "226=c0000201ffffffff", "227=01ff",
                                     "228=0102", "229=01020304", "42=c000027b!"));
}

TEST(Load, ReadsASubnetWithAllItsParts) {
    const LoadResult result = load(kEveryKey);
    ASSERT_TRUE(result.configuration);
    ASSERT_EQ(result.configuration->dhcp4.subnets.size(), 3u);
    const model::SubnetConfiguration& subnet = result.configuration->dhcp4.subnets[0];
    EXPECT_EQ(to_string(subnet.prefix), "10.77.0.0/16");
    EXPECT_EQ(subnet.interface, "eth1");
    EXPECT_EQ(subnet.shared_network, "floor-2");
    EXPECT_EQ(subnet.server_address, parse_ipv4("10.77.0.1"));
    EXPECT_EQ(subnet.authoritative, true);
    EXPECT_EQ(subnet.identity, model::Identity::kCircuitId);
    ASSERT_TRUE(subnet.lease_time);
    EXPECT_EQ(subnet.lease_time->default_time, 1800u);
    EXPECT_EQ(subnet.lease_time->min_time, 300u);
    EXPECT_EQ(subnet.lease_time->max_time, 7200u);
    EXPECT_THAT(subnet.relays, ElementsAre(parse_ipv4("10.77.0.254"), parse_ipv4("192.0.2.254")));
    EXPECT_EQ(subnet.next_server, parse_ipv4("10.77.0.5"));
    EXPECT_EQ(subnet.server_hostname, "boot.example.org");
    EXPECT_EQ(subnet.boot_file_name, "pxelinux.0");
    EXPECT_THAT(ranges(subnet.pools),
                ElementsAre("10.77.1.0-10.77.255.250", "10.77.0.128-10.77.0.191"));
    EXPECT_THAT(ranges(subnet.excluded),
                ElementsAre("10.77.1.1-10.77.1.1", "10.77.2.0-10.77.2.9", "10.77.3.0-10.77.3.255"));
    ASSERT_EQ(subnet.options.size(), 1u);
    EXPECT_EQ(subnet.options[0].code, dhcp4::OptionCode::kRouters);
}

TEST(Load, LeavesOutWhatASubnetDoesNotSay) {
    const LoadResult result = load(kEveryKey);
    ASSERT_TRUE(result.configuration);
    const model::SubnetConfiguration& subnet = result.configuration->dhcp4.subnets[2];
    EXPECT_EQ(subnet.interface, "");
    EXPECT_EQ(subnet.authoritative, std::nullopt);
    EXPECT_FALSE(subnet.lease_time);
    EXPECT_EQ(subnet.server_address, std::nullopt);
    EXPECT_EQ(subnet.identity, model::Identity::kClientId);
}

TEST(Load, ReadsEveryKindOfReservation) {
    const LoadResult result = load(kEveryKey);
    ASSERT_TRUE(result.configuration);
    const auto& reservations = result.configuration->dhcp4.subnets[0].reservations;
    ASSERT_EQ(reservations.size(), 5u);
    using Kind = model::IdentifierKind;
    EXPECT_EQ(reservations[0].identifier.kind, Kind::kHwAddress);
    EXPECT_EQ(to_hex(reservations[0].identifier.value), "01:00:11:22:33:44:55");
    EXPECT_EQ(reservations[0].address, parse_ipv4("10.77.0.50"));
    EXPECT_EQ(reservations[0].hostname, "printer");
    EXPECT_EQ(reservations[1].identifier.kind, Kind::kClientId);
    EXPECT_EQ(to_hex(reservations[1].identifier.value), "01:00:11:22:33:44:56");
    EXPECT_EQ(to_hex(reservations[2].identifier.value), "61:62:63");
    EXPECT_EQ(reservations[2].address, std::nullopt);
    EXPECT_EQ(reservations[2].next_server, parse_ipv4("10.77.0.6"));
    EXPECT_EQ(reservations[2].boot_file_name, "other.0");
    EXPECT_EQ(reservations[3].identifier.kind, Kind::kCircuitId);
    EXPECT_EQ(as_text(reservations[3].identifier.value), "eth0/1:100");
    ASSERT_EQ(reservations[3].options.size(), 1u);
    EXPECT_EQ(as_text(reservations[3].options[0].value), "a.example");
    EXPECT_EQ(reservations[4].identifier.kind, Kind::kRemoteId);
    EXPECT_EQ(to_hex(reservations[4].identifier.value), "00:11");
}

TEST(Load, DefaultsStandWhenOnlyTheNecessaryIsSaid) {
    const LoadResult result = load(
        "interfaces: [{name: eth1}]\n"
        "dhcp4: {subnets: [{subnet: 192.0.2.0/24, pools: [{range: 192.0.2.10-192.0.2.99}]}]}\n");
    ASSERT_THAT(texts(result), IsEmpty());
    const model::Configuration defaults;
    EXPECT_EQ(result.configuration->control_socket, defaults.control_socket);
    EXPECT_EQ(result.configuration->http, "");
    EXPECT_FALSE(result.configuration->workers);
    EXPECT_EQ(result.configuration->max_leases, defaults.max_leases);
    EXPECT_EQ(result.configuration->side_memory, defaults.side_memory);
    EXPECT_EQ(result.configuration->dhcp4.lease_time.default_time, 3600u);
    EXPECT_TRUE(result.configuration->dhcp4.authoritative);
}

TEST(Load, OtherPortsAreFineWithDriverUdp) {
    const LoadResult result = load(
        "interfaces: [{name: eth1, driver: udp}]\n"
        "ports: {server: 6767, client: 6868, reply-to-source: true}\n"
        "dhcp4: {subnets: [{subnet: 192.0.2.0/24, pools: [{range: 192.0.2.10-192.0.2.99}]}]}\n");
    ASSERT_THAT(texts(result), IsEmpty());
    EXPECT_EQ(result.configuration->ports.server, 6767);
    EXPECT_EQ(result.configuration->ports.client, 6868);
    EXPECT_TRUE(result.configuration->ports.reply_to_source);
}

TEST(Load, TakesJson) {
    const LoadResult result = load(
        "{\"interfaces\": [{\"name\": \"eth1\", \"queues\": [1]}], \"max-leases\": 100,\n"
        " \"dhcp4\": {\"bootp\": true, \"lease-time\": \"15m\", \"subnets\": [{\"subnet\": "
        "\"192.0.2.0/24\",\n \"pools\": [{\"range\": \"192.0.2.10-192.0.2.19\"}]}]}}\n");
    ASSERT_THAT(texts(result), IsEmpty());
    EXPECT_TRUE(result.configuration->dhcp4.bootp);
    EXPECT_EQ(result.configuration->dhcp4.lease_time.default_time, 900u);
}

// What a lease-time of the server, then of a subnet, comes to: default, min, max.
struct LeaseTimeCase {
    const char* server;
    const char* subnet;
    std::uint32_t expected[3];
};

TEST(Load, LeaseTimesThatAreNotGivenGiveWay) {
    constexpr LeaseTimeCase kCases[] = {
        {"1h", "1h", {3600, 300, 86400}},
        {"1h", "60s", {60, 60, 86400}},
        {"1h", "7d", {604800, 300, 604800}},
        {"1h", "infinite", {0xffffffff, 300, 0xffffffff}},
        {"{max: 30m}", "{}", {1800, 300, 1800}},
        {"{min: 2h}", "{}", {7200, 7200, 86400}},
        {"{default: 1m}", "{min: 30s}", {60, 30, 86400}},
        {"{default: 2h, min: 2h, max: 2h}", "{max: 1h}", {3600, 3600, 3600}},
        {"{default: 2h, min: 2h, max: 2h}", "{default: 3h}", {10800, 7200, 10800}},
    };
    for (const LeaseTimeCase& lease_time : kCases) {
        const LoadResult result = load(
            "interfaces: [{name: eth1}]\ndhcp4:\n  lease-time: " + std::string{lease_time.server} +
            "\n  subnets: [{subnet: 192.0.2.0/24, pools: [{range: 192.0.2.10-192.0.2.99}], "
            "lease-time: " +
            lease_time.subnet + "}]\n");
        SCOPED_TRACE(std::string{lease_time.server} + " / " + lease_time.subnet);
        ASSERT_THAT(texts(result), IsEmpty());
        const model::LeaseTimes& times = *result.configuration->dhcp4.subnets[0].lease_time;
        EXPECT_EQ(times.default_time, lease_time.expected[0]);
        EXPECT_EQ(times.min_time, lease_time.expected[1]);
        EXPECT_EQ(times.max_time, lease_time.expected[2]);
    }
}

TEST(Load, AliasesRepeatWhatTheyName) {
    const LoadResult result = load(
        "interfaces: [{name: eth1}]\n"
        "dhcp4:\n"
        "  subnets:\n"
        "    - {subnet: 192.0.2.0/24, options: &o {domain-name: a.example}, pools: [{range: "
        "192.0.2.10-192.0.2.19}]}\n"
        "    - {subnet: 198.51.100.0/24, options: *o, pools: [{range: 198.51.100.0/25}], exclude: "
        "[198.51.100.0]}\n");
    ASSERT_THAT(texts(result), IsEmpty());
    EXPECT_EQ(as_text(result.configuration->dhcp4.subnets[1].options.at(0).value), "a.example");
}

TEST(Load, TakesAByteOrderMarkAndCarriageReturns) {
    const LoadResult result = load(
        "\xef\xbb\xbfinterfaces: [{name: eth1}]\r\nhttp: x\r\n"
        "dhcp4: {subnets: [{subnet: 192.0.2.0/24, pools: [{range: 192.0.2.10-192.0.2.99}]}]}\r\n");
    EXPECT_THAT(texts(result), ElementsAre(HasSubstr("t.yaml:2:7: error: http: 'x' is not")));
}

TEST(Load, AHundredThousandReservationsTakeNotLong) {
    std::string yaml =
        "interfaces: [{name: eth1}]\ndhcp4:\n  subnets:\n"
        "    - subnet: 10.0.0.0/8\n      reservations:\n";
    for (unsigned i = 0; i < 100000; ++i) {
        const std::string bytes = to_string(Ipv4{0x0a010000 + i});
        yaml.append("        - {client-id: \"'").append(bytes).append("'\", address: ");
        yaml.append(bytes).append("}\n");
    }
    // The second to last line again: found among all of them.
    yaml += "        - {client-id: \"'10.2.134.158'\", address: 10.2.134.158}\n";
    const auto start = std::chrono::steady_clock::now();
    const LoadResult result = load(yaml);
    const auto elapsed = std::chrono::steady_clock::now() - start;
    EXPECT_THAT(texts(result),
                ElementsAre("t.yaml:100006:23: error: client-id: ''10.2.134.158'' is already "
                            "reserved on line 100004",
                            "t.yaml:100006:50: error: address: '10.2.134.158' is already reserved "
                            "on line 100004"));
    // Two seconds are the aim of an idle release build; a quadratic search would take minutes.
    EXPECT_LT(elapsed, std::chrono::seconds{30});
}

TEST(LoadFile, NamesTheFileThatIsNotThere) {
    EXPECT_THAT(
        texts(load_file("/nonexistent/xdhcpd.yaml")),
        ElementsAre(
            "/nonexistent/xdhcpd.yaml: error: cannot be opened: No such file or directory"));
}

TEST(LoadFile, RefusesADirectory) {
    EXPECT_THAT(texts(load_file("/")), ElementsAre("/: error: cannot be read: Is a directory"));
}

TEST(LoadFile, ReadsWhatStandsInTheFile) {
    const std::string path = testing::TempDir() + "xdhcpd_config_load_test.yaml";
    std::ofstream{path} << kEveryKey;
    const LoadResult result = load_file(path);
    EXPECT_THAT(texts(result), IsEmpty());
    EXPECT_TRUE(result.configuration);
    static_cast<void>(std::remove(path.c_str()));
}

TEST(LoadFile, RefusesMoreThanSixtyFourMebibytes) {
    const std::string path = testing::TempDir() + "xdhcpd_config_load_test_large.yaml";
    std::ofstream{path} << std::string((64u << 20) + 1, '#');
    EXPECT_THAT(texts(load_file(path)), ElementsAre(path + ": error: larger than 64 MiB"));
    static_cast<void>(std::remove(path.c_str()));
}

TEST(LoadFile, TheExampleIsFlawless) {
    const LoadResult result = load_file(XDHCPD_EXAMPLE_FILE);
    EXPECT_THAT(texts(result), IsEmpty());
    ASSERT_TRUE(result.configuration);
    EXPECT_FALSE(result.configuration->dhcp4.subnets.empty());
}

}  // namespace
}  // namespace xdhcpd::config
