#include "dhcp6/option_text.h"

#include <gtest/gtest.h>

#include "support/dhcp6.h"

namespace xdhcpd::dhcp6 {
namespace {

using testing::Bytes;
using testing::bytes;
using testing::join;
using testing::option6;
using Texts = std::vector<std::string>;

Bytes encoded(std::string_view name, const Texts& values) {
    const auto result = encode_option(find_option_code(name).value(), values);
    EXPECT_TRUE(result) << name;
    return result ? *result : Bytes{};
}
std::string refused(std::string_view name, const Texts& values) {
    const auto result = encode_option(find_option_code(name).value(), values);
    return result ? "accepted" : result.error();
}
std::string shown(std::string_view name, ByteView value) {
    return format_option(find_option_code(name).value(), value);
}

// What people write, its octets, and what they read.
TEST(Dhcp6OptionTextTest, EveryShapeIsWrittenAndRead) {
    const struct {
        std::string_view name;
        Texts values;
        Bytes wire;
        std::string_view text;
    } known[] = {
        {"rapid-commit", {}, {}, ""},
        {"preference", {"255"}, bytes({255}), "255"},
        {"s46-priority", {"64", "88"}, bytes({0, 64, 0, 88}), "64, 88"},
        {"solmax-rt", {"3600"}, bytes({0, 0, 14, 16}), "3600"},
        {"information-refresh-time", {"1d"}, bytes({0, 1, 0x51, 0x80}), "86400s"},
        {"information-refresh-time", {"infinite"}, bytes({255, 255, 255, 255}), "infinite"},
        {"dns-servers",
         {"2001:db8::53", " 2001:db8::54 "},
         join({testing::address6("2001:db8::53"), testing::address6("2001:db8::54")}),
         "2001:db8::53, 2001:db8::54"},
        {"new-posix-timezone", {"CET-1"}, bytes({'C', 'E', 'T', '-', '1'}), "CET-1"},
        {"bootfile-param", {"a", "bc"}, bytes({0, 1, 'a', 0, 2, 'b', 'c'}), "a, bc"},
        {"aftr-name", {"a.bc"}, bytes({1, 'a', 2, 'b', 'c', 0}), "a.bc"},
        {"domain-search", {"a", "b."}, bytes({1, 'a', 0, 1, 'b', 0}), "a, b"},
        {"oro",
         {"dns-servers", "24", "option-999"},
         bytes({0, 23, 0, 24, 3, 231}),
         "dns-servers, domain-search, option-999"},
        {"s46-cont-mape",
         {"90=2001:db8::1"},
         option6(90, testing::address6("2001:db8::1")),
         "90=0x20010db8000000000000000000000001"},
        {"s46-cont-mape", {"90=0x01"}, option6(90, {1}), "90=0x01"},
        {"vendor-class",
         {"4491", "docsis"},
         bytes({0, 0, 0x11, 0x8b, 0, 6, 'd', 'o', 'c', 's', 'i', 's'}),
         "4491, docsis"},
        {"vendor-opts",
         {"4491", "32=0x01"},
         join({bytes({0, 0, 0x11, 0x8b}), option6(32, {1})}),
         "4491, 32=0x01"},
        {"ntp-server",
         {"2001:db8::1", "ff05::101", "a.b"},
         join({option6(1, testing::address6("2001:db8::1")),
               option6(2, testing::address6("ff05::101")), option6(3, {1, 'a', 1, 'b', 0})}),
         "2001:db8::1, ff05::101, a.b"},
        {"v6-dnr", {"0x00010000"}, bytes({0, 1, 0, 0}), "00:01:00:00"},
        {"option-65000", {"01:02"}, bytes({1, 2}), "01:02"},
    };
    for (const auto& row : known) {
        EXPECT_EQ(encoded(row.name, row.values), row.wire) << row.name;
        EXPECT_EQ(shown(row.name, row.wire), row.text) << row.name;
    }
}

TEST(Dhcp6OptionTextTest, RefusalsSayWhatIsWanted) {
    EXPECT_EQ(refused("dns-servers", {"foo"}), "dns-servers wants IPv6 addresses, got 'foo'");
    EXPECT_EQ(refused("dns-servers", {"192.0.2.1"}),
              "dns-servers wants IPv6 addresses, got '192.0.2.1'");
    EXPECT_EQ(refused("dns-servers", {}),
              "dns-servers wants IPv6 addresses, got 0 octets where at least 16 are needed");
    EXPECT_EQ(refused("preference", {"256"}), "preference wants a number 0..255, got '256'");
    EXPECT_EQ(refused("preference", {"1", "2"}), "preference wants a number 0..255, got 2 values");
    EXPECT_EQ(refused("domain-search", {"a..b"}),
              "domain-search wants domain names such as example.org, got 'a..b'");
    EXPECT_EQ(refused("vendor-opts", {"docsis"}),
              "vendor-opts wants an enterprise number, then options such as 1=0x0102 or "
              "1=2001:db8::1, got 'docsis'");
    EXPECT_EQ(refused("oro", {"dns"}), "oro wants option names or codes, got 'dns'");
    EXPECT_EQ(refused("option-65000", {"1\n"}),
              "option-65000 wants bytes such as 0x0102 or 01:02, or text in double quotes, got "
              "'1\\x0a'");
    EXPECT_EQ(refused("bootfile-param", {std::string(65536, 'x')}).find("bootfile-param wants"),
              0u);
}

TEST(Dhcp6OptionTextTest, WhatOthersWriteIsShown) {
    RecordProperty("rfc", "8415 21");
    EXPECT_EQ(shown("status-code", bytes({0, 3, 'n', 'o', 10})), "no-binding 'no\\x0a'");
    EXPECT_EQ(shown("status-code", bytes({0, 99})), "99");
    EXPECT_EQ(shown("remote-id", bytes({0, 0, 0, 9, 1})), "9, 0x01");
    EXPECT_EQ(shown("client-linklayer-addr", bytes({0, 1, 2, 0, 0x5e, 0, 0x53, 1})),
              "type=1 02:00:5e:00:53:01");
    EXPECT_EQ(shown("client-fqdn", bytes({1, 1, 'a', 1, 'b'})), "flags=0x01 a.b");
    const Bytes ia =
        testing::ia6(3, 7,
                     join({testing::ia_address6("2001:db8::9", 10, 0xffffffff, option6(13, {0, 0})),
                           option6(13, {0, 2}), option6(200, {1})}),
                     5, 8);
    EXPECT_EQ(shown("ia-na", ByteView{ia}.subspan(4)),
              "iaid=7 t1=5s t2=8s [iaaddr 2001:db8::9 preferred=10s valid=infinite "
              "status-code=success] [status-code no-addrs-avail] [option-200 0x01]");
    const Bytes pd = testing::ia6(25, 8, testing::ia_prefix6("2001:db8::", 56, 1, 2));
    EXPECT_EQ(shown("ia-pd", ByteView{pd}.subspan(4)),
              "iaid=8 t1=0s t2=0s [iaprefix 2001:db8::/56 preferred=1s valid=2s]");
    EXPECT_EQ(shown("ia-ta", bytes({0, 0, 0, 5})), "iaid=5");
}

TEST(Dhcp6OptionTextTest, ValuesWithoutTheirShapeAreShownAsHexadecimal) {
    EXPECT_EQ(shown("dns-servers", bytes({1, 2, 3})), "0x010203");
    EXPECT_EQ(shown("dns-servers", Bytes(17)), "0x" + std::string(34, '0'));
    EXPECT_EQ(shown("rapid-commit", bytes({1})), "0x01");
    EXPECT_EQ(shown("bootfile-param", bytes({0, 9, 1})), "0x000901");
    EXPECT_EQ(shown("domain-search", bytes({5, 'a'})), "0x0561");
    EXPECT_EQ(shown("vendor-opts", bytes({0, 0, 0, 9, 0})), "0x0000000900");
    EXPECT_EQ(shown("ntp-server", option6(1, {1})), "0x0001000101");
    EXPECT_EQ(shown("client-fqdn", bytes({0, 0xc0, 0})), "0x00c000");
    EXPECT_EQ(shown("ia-na", Bytes(13)), "0x" + std::string(26, '0'));
}

}  // namespace
}  // namespace xdhcpd::dhcp6
