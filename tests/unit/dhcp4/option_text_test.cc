#include "dhcp4/option_text.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/addresses.h"
#include "message_builder.h"

namespace xdhcpd::dhcp4 {
namespace {

using testing::Bytes;
using testing::bytes;
using testing::filled;
using testing::to_bytes;
using testing::operator+;

using Values = std::vector<std::string>;

const OptionInfo& info(std::string_view name) {
    const OptionInfo* const found = find_option(name);
    EXPECT_NE(found, nullptr) << name;
    return found == nullptr ? option_info(OptionCode::kPad) : *found;
}

Bytes encoded(std::string_view name, const Values& values) {
    const auto result = encode_option(info(name), values);
    EXPECT_TRUE(result) << name << ": " << (result ? "" : result.error());
    return result ? *result : Bytes{};
}

std::string error(std::string_view name, const Values& values) {
    const auto result = encode_option(info(name), values);
    EXPECT_FALSE(result) << name;
    return result ? "" : result.error();
}

std::string formatted(std::string_view name, const Bytes& value) {
    return format_option(info(name).code, value);
}

TEST(OptionTextTest, Addresses) {
    EXPECT_EQ(encoded("routers", {"192.0.2.1", " 192.0.2.2 "}),
              bytes({192, 0, 2, 1, 192, 0, 2, 2}));
    EXPECT_EQ(encoded("subnet-mask", {"255.255.255.0"}), bytes({255, 255, 255, 0}));
    EXPECT_EQ(formatted("routers", bytes({192, 0, 2, 1, 192, 0, 2, 2})), "192.0.2.1, 192.0.2.2");
    EXPECT_EQ(error("routers", {"192.0.2.1", "foo"}), "routers wants IPv4 addresses, got 'foo'");
    EXPECT_EQ(error("subnet-mask", {"24"}), "subnet-mask wants an IPv4 address, got '24'");
    EXPECT_EQ(error("routers", {}),
              "routers wants IPv4 addresses, got 0 octets where at least 4 are needed");
    EXPECT_EQ(encoded("mobile-ip-home-agent", {}), Bytes{});
}

TEST(OptionTextTest, OneValueMeansOne) {
    EXPECT_EQ(error("subnet-mask", {"255.0.0.0", "255.0.0.0"}),
              "subnet-mask wants an IPv4 address, got 2 values");
    EXPECT_EQ(error("host-name", {}), "host-name wants text, got 0 values");
    EXPECT_EQ(formatted("subnet-mask", filled(8, 1)), "0x0101010101010101");
}

TEST(OptionTextTest, PairsOfAddresses) {
    const Bytes wire = bytes({198, 51, 100, 0, 192, 0, 2, 1});
    EXPECT_EQ(encoded("static-routes", {"198.51.100.0 192.0.2.1"}), wire);
    EXPECT_EQ(encoded("static-routes", {"198.51.100.0 - 192.0.2.1"}), wire);
    EXPECT_EQ(formatted("static-routes", wire + wire),
              "198.51.100.0 192.0.2.1, 198.51.100.0 192.0.2.1");
    error("static-routes", {"198.51.100.0"});
    error("static-routes", {"198.51.100.0 192.0.2.1 192.0.2.2"});
    error("static-routes", {"198.51.100.0 -"});
}

TEST(OptionTextTest, NumbersHaveTheirRange) {
    EXPECT_EQ(encoded("default-ip-ttl", {"255"}), bytes({255}));
    EXPECT_EQ(error("default-ip-ttl", {"256"}), "default-ip-ttl wants a number 0..255, got '256'");
    EXPECT_EQ(encoded("interface-mtu", {"1500"}), bytes({0x05, 0xdc}));
    error("interface-mtu", {"65536"});
    error("interface-mtu", {"-1"});
    error("interface-mtu", {"1500x"});
    error("interface-mtu", {""});
    EXPECT_EQ(encoded("path-mtu-plateau-table", {"68", "1500"}), bytes({0, 68, 0x05, 0xdc}));
    EXPECT_EQ(formatted("path-mtu-plateau-table", bytes({0, 68, 0x05, 0xdc})), "68, 1500");
    EXPECT_EQ(encoded("base-time", {"4294967295"}), filled(4, 255));
    error("base-time", {"4294967296"});
}

TEST(OptionTextTest, Flags) {
    for (const char* const yes : {"true", "yes", "on", "1"}) {
        EXPECT_EQ(encoded("ip-forwarding", {yes}), bytes({1}));
    }
    for (const char* const no : {"false", "no", "off", "0"}) {
        EXPECT_EQ(encoded("ip-forwarding", {no}), bytes({0}));
    }
    EXPECT_EQ(error("ip-forwarding", {"maybe"}), "ip-forwarding wants true or false, got 'maybe'");
    EXPECT_EQ(formatted("ip-forwarding", bytes({1})), "true");
    EXPECT_EQ(formatted("ip-forwarding", bytes({2})), "0x02");
}

TEST(OptionTextTest, Times) {
    EXPECT_EQ(encoded("arp-cache-timeout", {"3600"}), bytes({0, 0, 0x0e, 0x10}));
    EXPECT_EQ(encoded("arp-cache-timeout", {"90s"}), bytes({0, 0, 0, 90}));
    EXPECT_EQ(encoded("arp-cache-timeout", {"15m"}), bytes({0, 0, 0x03, 0x84}));
    EXPECT_EQ(encoded("arp-cache-timeout", {"1h"}), bytes({0, 0, 0x0e, 0x10}));
    EXPECT_EQ(encoded("arp-cache-timeout", {"1d"}), bytes({0, 1, 0x51, 0x80}));
    EXPECT_EQ(encoded("arp-cache-timeout", {"1w"}), bytes({0, 0x09, 0x3a, 0x80}));
    EXPECT_EQ(encoded("arp-cache-timeout", {"infinite"}), filled(4, 255));
    EXPECT_EQ(encoded("arp-cache-timeout", {"4294967295"}), filled(4, 255));
    error("arp-cache-timeout", {"71582789m"});  // one minute above 32 bits
    error("arp-cache-timeout", {"h"});
    error("arp-cache-timeout", {"1hm"});
    error("arp-cache-timeout", {"-1"});
    EXPECT_EQ(formatted("arp-cache-timeout", bytes({0, 0, 0x0e, 0x10})), "3600s");
    EXPECT_EQ(formatted("arp-cache-timeout", filled(4, 255)), "infinite");
}

TEST(OptionTextTest, TimeOffsetIsSigned) {
    EXPECT_EQ(encoded("time-offset", {"-3600"}), bytes({0xff, 0xff, 0xf1, 0xf0}));
    EXPECT_EQ(encoded("time-offset", {"-1h"}), bytes({0xff, 0xff, 0xf1, 0xf0}));
    EXPECT_EQ(encoded("time-offset", {"2147483647"}), bytes({0x7f, 0xff, 0xff, 0xff}));
    EXPECT_EQ(encoded("time-offset", {"-2147483648"}), bytes({0x80, 0, 0, 0}));
    error("time-offset", {"2147483648"});
    error("time-offset", {"-2147483649"});
    error("time-offset", {"--1"});
    EXPECT_EQ(formatted("time-offset", bytes({0x80, 0, 0, 0})), "-2147483648s");
}

TEST(OptionTextTest, TextIsTakenAsItIs) {
    EXPECT_EQ(encoded("host-name", {" a b\\c"}), to_bytes(" a b\\c"));
    EXPECT_EQ(error("host-name", {""}),
              "host-name wants text, got 0 octets where at least 1 are needed");
    EXPECT_EQ(encoded("host-name", {std::string(65535, 'a')}).size(), 65535U);
    error("host-name", {std::string(65536, 'a')});
}

TEST(OptionTextTest, TextIsShownWithoutControlCharacters) {
    EXPECT_EQ(formatted("host-name", bytes({'a', 0x0a, 0x1b, 0xe4, '\\', 0x7f, 0, 0})),
              "a\\x0a\\x1b\\xe4\\\\\\x7f");
    EXPECT_EQ(formatted("host-name", bytes({0, 'a'})), "\\x00a");
    EXPECT_EQ(error("routers", {"\n"}), "routers wants IPv4 addresses, got '\\x0a'");
}

TEST(OptionTextTest, BytesAreHexadecimalOrQuoted) {
    EXPECT_EQ(encoded("option-224", {"0x01fF"}), bytes({1, 255}));
    EXPECT_EQ(encoded("option-224", {"01:fF:20"}), bytes({1, 255, 32}));
    EXPECT_EQ(encoded("option-224", {"\"a:b\""}), to_bytes("a:b"));
    EXPECT_EQ(encoded("option-224", {"0x"}), Bytes{});
    for (const char* const bad : {"10", "0x1", "0xg0", "1:2", "01:", ":01", "01:2", "01-02",
                                  "01:02:", "", "\"", "01::02", "0x 1"}) {
        error("option-224", {bad});
    }
    EXPECT_EQ(formatted("option-224", bytes({1, 255})), "01:ff");
    EXPECT_EQ(formatted("option-224", bytes({1})), "0x01");
    EXPECT_EQ(formatted("option-224", {}), "0x");
}

TEST(OptionTextTest, LengthLimitsOfTheRegistryHold) {
    EXPECT_EQ(
        error("geoconf", {"0x00"}),
        "geoconf wants bytes such as 0x0102 or 01:02, or text in double quotes, got 1 octets where "
        "at least 16 are needed");
    EXPECT_EQ(
        error("v4-portparams", {"0x0102030405"}),
        "v4-portparams wants bytes such as 0x0102 or 01:02, or text in double quotes, got 5 octets "
        "where at most 4 are needed");
}

TEST(OptionTextTest, Suboptions) {
    const Bytes wire = bytes({1, 4, 192, 0, 2, 1, 2, 2, 0xab, 0xcd, 3, 0});
    EXPECT_EQ(encoded("vendor-encapsulated-options", {"1=192.0.2.1", "2=0xabcd", "3=0x"}), wire);
    EXPECT_EQ(encoded("vendor-encapsulated-options", {"0x0104c0000201"}),
              bytes({1, 4, 192, 0, 2, 1}));
    EXPECT_EQ(encoded("vendor-encapsulated-options", {"6=\"abc\""}), bytes({6, 3, 'a', 'b', 'c'}));
    EXPECT_EQ(formatted("vendor-encapsulated-options", wire), "1=0xc0000201, 2=0xabcd, 3=0x");
    EXPECT_EQ(formatted("vendor-encapsulated-options", bytes({1, 2, 3})), "0x010203");
    error("vendor-encapsulated-options", {"256=0x00"});
    error("vendor-encapsulated-options", {"1=abc"});
    error("vendor-encapsulated-options", {"=0x01"});
    EXPECT_EQ(
        encoded("vendor-encapsulated-options", {"1=\"" + std::string(255, 'a') + "\""}).size(),
        257U);
    error("vendor-encapsulated-options", {"1=\"" + std::string(256, 'a') + "\""});
    EXPECT_EQ(formatted("dhcp-agent-options", bytes({1, 1, 0xaa, 5, 4, 1, 2, 3, 4, 3, 0})),
              "circuit-id=0xaa, link-selection=0x01020304, 3=0x");
}

// The example of RFC 3442: the default route and one of 17 bits.
TEST(OptionTextTest, ClasslessRoutesCarrySignificantOctetsOnly) {
    const Bytes wire =
        bytes({0, 192, 0, 2,  1,  24, 198, 51, 100, 192, 0, 2, 2, 17, 10,  229, 0, 192,
               0, 2,   3, 32, 10, 0,  0,   1,  192, 0,   2, 4, 8, 10, 192, 0,   2, 5});
    const Values text = {"0.0.0.0/0 192.0.2.1", "198.51.100.0/24 - 192.0.2.2",
                         "10.229.0.0/17  192.0.2.3", "10.0.0.1/32 192.0.2.4",
                         "10.0.0.0/8 192.0.2.5"};
    EXPECT_EQ(encoded("classless-static-route", text), wire);
    EXPECT_EQ(formatted("classless-static-route", wire),
              "0.0.0.0/0 192.0.2.1, 198.51.100.0/24 192.0.2.2, 10.229.0.0/17 192.0.2.3, "
              "10.0.0.1/32 192.0.2.4, "
              "10.0.0.0/8 192.0.2.5");
    error("classless-static-route", {"198.51.100.1/24 192.0.2.1"});  // host bits
    error("classless-static-route", {"198.51.100.0/33 192.0.2.1"});
    error("classless-static-route", {"198.51.100.0 192.0.2.1"});
    error("classless-static-route", {"198.51.100.0/24"});
    EXPECT_EQ(formatted("classless-static-route", bytes({33, 1, 2, 3, 4, 5, 1, 2, 3, 4})),
              "0x21010203040501020304");
    EXPECT_EQ(formatted("classless-static-route", bytes({24, 1, 2, 3, 192, 0, 2})),
              "0x18010203c00002");
}

// ---- names

const Bytes kExample = bytes({7}) + to_bytes("example") + bytes({3}) + to_bytes("org") + bytes({0});

TEST(OptionTextTest, NamesAreInWireFormat) {
    EXPECT_EQ(encoded("domain-search", {"example.org", "example.org."}), kExample + kExample);
    EXPECT_EQ(encoded("v4-access-domain", {"example.org"}), kExample);
    EXPECT_EQ(encoded("domain-search", {"."}), bytes({0}));
    EXPECT_EQ(encoded("domain-search", {"a\\046b\\.c"}), bytes({5, 'a', '.', 'b', '.', 'c', 0}));
    EXPECT_EQ(formatted("domain-search", kExample + kExample), "example.org, example.org");
    EXPECT_EQ(formatted("domain-search", bytes({2, '.', 0x0a, 0})), "\\046\\010");
    EXPECT_EQ(formatted("domain-search", bytes({0})), ".");
    for (const char* const bad : {"", "a..b", ".a", "a b", "a\\", "a\\25", "a\\256", "\xc3\xa4"}) {
        error("domain-search", {bad});
    }
}

TEST(OptionTextTest, NamesKeepTheLimitsOfTheDns) {
    RecordProperty("rfc", "1035 2.3.4");
    const std::string label(63, 'a');
    EXPECT_EQ(encoded("domain-search", {label}).size(), 65U);
    error("domain-search", {label + "a"});
    const std::string longest = label + "." + label + "." + label + "." + std::string(61, 'a');
    const Bytes wire = encoded("domain-search", {longest});
    EXPECT_EQ(wire.size(), 255U);
    EXPECT_EQ(formatted("domain-search", wire), longest);
    error("domain-search", {longest + "a"});
    Bytes too_long = wire;  // 62 octets in the last label
    too_long[192] = std::byte{62};
    too_long.insert(too_long.end() - 1, std::byte{'a'});
    EXPECT_TRUE(formatted("domain-search", too_long).starts_with("0x"));
}

TEST(OptionTextTest, CompressedNamesAreRead) {
    RecordProperty("rfc", "3397 2");
    // eng.apple.com, marketing.apple.com: the second points to "apple" at offset 4
    const Bytes wire = bytes({3}) + to_bytes("eng") + bytes({5}) + to_bytes("apple") + bytes({3}) +
                       to_bytes("com") + bytes({0, 9}) + to_bytes("marketing") + bytes({0xc0, 4});
    EXPECT_EQ(formatted("domain-search", wire), "eng.apple.com, marketing.apple.com");
}

TEST(OptionTextTest, PointersThatDoNotGoBackAreShownAsBytes) {
    for (const Bytes& bad :
         {bytes({0xc0, 0}), bytes({1, 'a', 0xc0, 0}), bytes({1, 'a', 0xc0, 4, 0}),
          bytes({0, 1, 'a', 0xc0, 1}), bytes({1, 'a', 0xc0}), bytes({1, 'a'}), bytes({64, 'a'}),
          bytes({0x80, 0}), bytes({3, 'a', 'b'}), bytes({0, 0xc0, 3, 0xc0, 1})}) {
        EXPECT_TRUE(formatted("domain-search", bad).starts_with("0x")) << to_hex(bad);
    }
}

TEST(OptionTextTest, ManyPointersDoNotGrowWithoutBound) {
    Bytes wire = bytes({63}) + filled(63, 'a') + bytes({0});
    for (int i = 0; i < 10'000; ++i) {
        wire = std::move(wire) + bytes({0xc0, 0});
    }
    const std::string text = formatted("domain-search", wire);
    EXPECT_TRUE(text.starts_with("0x"));
    EXPECT_EQ(text.size(), 2 + 2 * wire.size());
}

TEST(OptionTextTest, ASingleNameFillsItsOption) {
    EXPECT_EQ(formatted("v4-access-domain", kExample), "example.org");
    EXPECT_TRUE(formatted("v4-access-domain", kExample + kExample).starts_with("0x"));
}

TEST(OptionTextTest, Fqdn) {
    RecordProperty("rfc", "4702 2");
    EXPECT_EQ(formatted("fqdn", bytes({5, 0, 0}) + kExample), "flags=0x05 example.org");
    EXPECT_EQ(formatted("fqdn", bytes({4, 0, 0, 2, 'p', 'c'})), "flags=0x04 pc");  // partial
    EXPECT_EQ(formatted("fqdn", bytes({0, 0, 0, 'p', 'c', 0})), "flags=0x00 pc");
    EXPECT_EQ(formatted("fqdn", bytes({4, 0, 0, 9, 'p', 'c'})), "0x040000097063");
    EXPECT_EQ(formatted("fqdn", bytes({4, 0, 0})), "flags=0x04 .");
    EXPECT_EQ(formatted("fqdn", bytes({4, 0})), "0x0400");
}

TEST(OptionTextTest, SipServersAreNamesOrAddresses) {
    RecordProperty("rfc", "3361 3");
    EXPECT_EQ(encoded("sip-servers", {"192.0.2.1"}), bytes({1, 192, 0, 2, 1}));
    EXPECT_EQ(encoded("sip-servers", {"example.org"}), bytes({0}) + kExample);
    error("sip-servers", {"example.org", "192.0.2.1"});
    error("sip-servers", {"192.0.2.1", "example.org"});
    error("sip-servers", {});
    EXPECT_EQ(formatted("sip-servers", bytes({1, 192, 0, 2, 1})), "192.0.2.1");
    EXPECT_EQ(formatted("sip-servers", bytes({0}) + kExample), "example.org");
    EXPECT_EQ(formatted("sip-servers", bytes({2, 1})), "0x0201");
}

TEST(OptionTextTest, Slp) {
    RecordProperty("rfc", "2610 3; 4");
    EXPECT_EQ(encoded("slp-directory-agent", {"true", "192.0.2.1"}), bytes({1, 192, 0, 2, 1}));
    EXPECT_EQ(formatted("slp-directory-agent", bytes({1, 192, 0, 2, 1})), "true, 192.0.2.1");
    error("slp-directory-agent", {"192.0.2.1"});
    EXPECT_EQ(encoded("slp-service-scope", {"false", "a,b"}), bytes({0, 'a', ',', 'b'}));
    EXPECT_EQ(encoded("slp-service-scope", {"false"}), bytes({0}));
    error("slp-service-scope", {"false", "a", "b"});
    EXPECT_EQ(formatted("slp-service-scope", bytes({0, 'a', ',', 'b'})), "false, a,b");
    EXPECT_EQ(formatted("slp-service-scope", bytes({7, 'a'})), "0x0761");
}

TEST(OptionTextTest, CodesAndTypesByName) {
    EXPECT_EQ(encoded("dhcp-parameter-request-list", {"routers", "1", "119"}), bytes({3, 1, 119}));
    EXPECT_EQ(formatted("dhcp-parameter-request-list", bytes({3, 1, 230})),
              "routers, subnet-mask, option-230");
    error("dhcp-parameter-request-list", {"router"});
    EXPECT_EQ(encoded("dhcp-message-type", {"ack"}), bytes({5}));
    EXPECT_EQ(encoded("dhcp-message-type", {"18"}), bytes({18}));
    error("dhcp-message-type", {"19"});
    error("dhcp-message-type", {"0"});
    EXPECT_EQ(formatted("dhcp-message-type", bytes({1})), "discover");
    EXPECT_EQ(formatted("dhcp-message-type", bytes({19})), "0x13");
    EXPECT_EQ(formatted("dhcp-client-identifier", bytes({1, 2, 0, 0x5e, 0, 0x53, 1})),
              "01:02:00:5e:00:53:01");
}

TEST(OptionTextTest, EmptyOptions) {
    EXPECT_EQ(encoded("rapid-commit", {}), Bytes{});
    EXPECT_EQ(encoded("rapid-commit", {"true"}), Bytes{});
    error("rapid-commit", {"false"});
    EXPECT_EQ(formatted("rapid-commit", {}), "");
    EXPECT_EQ(formatted("rapid-commit", bytes({1})), "0x01");
}

TEST(OptionTextTest, Ipv6) {
    const Bytes wire = bytes({0x20, 0x01, 0x0d, 0xb8}) + filled(11, 0) + bytes({1});
    EXPECT_EQ(encoded("option-dhcp4o6-s46-saddr", {"2001:db8::1"}), wire);
    EXPECT_EQ(formatted("option-dhcp4o6-s46-saddr", wire), "2001:db8::1");
    error("option-dhcp4o6-s46-saddr", {"192.0.2.1"});
}

// ---- the whole registry

Values sample(const OptionInfo& option) {
    switch (option.type) {
        case OptionType::kEmpty:
            return {};
        case OptionType::kFlag:
            return {"true"};
        case OptionType::kU8:
        case OptionType::kU16:
        case OptionType::kU32:
            return option.list ? Values{"17", "4"} : Values{"200"};
        case OptionType::kI32:
        case OptionType::kSeconds:
            return {"3600s"};
        case OptionType::kIpv4:
            return option.list ? Values{"192.0.2.1", "198.51.100.2"} : Values{"192.0.2.1"};
        case OptionType::kIpv4Pair:
            return {"192.0.2.0 192.0.2.1", "198.51.100.0 192.0.2.2"};
        case OptionType::kIpv6:
            return {"2001:db8::1"};
        case OptionType::kText:
            return {"some text, with a comma"};
        case OptionType::kDomainName:
            return {"example.org"};
        case OptionType::kDomainList:
        case OptionType::kSipServers:
            return {"example.org", "example.net"};
        case OptionType::kClasslessRoutes:
            return {"198.51.100.0/24 192.0.2.1", "0.0.0.0/0 192.0.2.2"};
        case OptionType::kBytes:
        case OptionType::kFqdn: {
            std::string text = "04";
            const std::size_t len = option.max_len == kUnlimitedLen
                                        ? std::max<std::size_t>(option.min_len, 3)
                                        : option.max_len;
            for (std::size_t i = 1; i < len; ++i) {
                text += ":00";
            }
            return {text};
        }
        case OptionType::kSuboptions:
            return {"1=0x0102", "200=0x"};
        case OptionType::kOptionCodes:
            return {"routers", "option-254"};
        case OptionType::kMessageType:
            return {"nak"};
        case OptionType::kSlpAgents:
            return {"true", "192.0.2.1"};
        case OptionType::kSlpScope:
            return {"true", "scope"};
    }
    return {};
}

Values split(const std::string& text) {
    Values values;
    for (std::size_t at = 0; at <= text.size();) {
        const std::size_t end = std::min(text.find(", ", at), text.size());
        values.push_back(text.substr(at, end - at));
        at = end + 2;
    }
    return values;
}

TEST(OptionTextTest, EveryOptionRoundTripsThroughText) {
    for (const OptionInfo& option : option_registry()) {
        if (option.type == OptionType::kFqdn || option.code == OptionCode::kRelayAgentInformation) {
            continue;  // shown by the meaning of their parts
        }
        const auto first = encode_option(option, sample(option));
        ASSERT_TRUE(first) << first.error();
        const std::string text = format_option(option.code, *first);
        const bool one = !option.list;
        const auto second = encode_option(option, option.type == OptionType::kEmpty
                                                      ? Values{}
                                                      : (one ? Values{text} : split(text)));
        ASSERT_TRUE(second) << second.error();
        EXPECT_EQ(*first, *second) << option.name << ": " << text;
        if (option.type != OptionType::kBytes) {
            EXPECT_FALSE(text.starts_with("0x")) << option.name << ": " << text;
        }
    }
}

TEST(OptionTextTest, EveryOptionRefusesNonsenseButText) {
    for (const OptionInfo& option : option_registry()) {
        if (option.type == OptionType::kText) {
            continue;
        }
        const auto result = encode_option(option, Values{"no such value!\x01"});
        ASSERT_FALSE(result) << option.name;
        EXPECT_EQ(result.error().find(std::string{option.name} + " wants "), 0U) << result.error();
        EXPECT_NE(result.error().find("got 'no such value!\\x01'"), std::string::npos)
            << result.error();
    }
}

TEST(OptionTextTest, AnyLengthOfAnyOptionIsPrintable) {
    for (const OptionInfo& option : option_registry()) {
        for (std::size_t len = 0; len < 40; ++len) {
            for (const unsigned octet : {0U, 1U, 0x1bU, 0xffU}) {
                const std::string text = format_option(option.code, filled(len, octet));
                for (const char c : text) {
                    ASSERT_TRUE(c >= ' ' && c < 0x7f) << option.name;
                }
            }
        }
    }
}

}  // namespace
}  // namespace xdhcpd::dhcp4
