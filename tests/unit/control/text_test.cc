#include "control/text.h"

#include <gtest/gtest.h>

namespace xdhcpd::control {
namespace {

TEST(ToUtf8, KeepsWellFormedText) {
    for (const char* const text : {"", "printer", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x96\xa8",
                                   "\xed\x9f\xbf", "\xee\x80\x80", "\xf4\x8f\xbf\xbf"}) {
        EXPECT_EQ(to_utf8(as_bytes(text)), text);
    }
}

TEST(ToUtf8, ReplacesWhatIsNotWellFormed) {
    RecordProperty("rfc", "3629 4");
    const std::string r = "\xef\xbf\xbd";
    EXPECT_EQ(to_utf8(as_bytes("a\xff"
                               "b")),
              "a" + r + "b");
    EXPECT_EQ(to_utf8(as_bytes("\xc3")), r);                          // truncated
    EXPECT_EQ(to_utf8(as_bytes("\xc0\xaf")), r + r);                  // overlong
    EXPECT_EQ(to_utf8(as_bytes("\xe0\x80\xaf")), r + r + r);          // overlong
    EXPECT_EQ(to_utf8(as_bytes("\xed\xa0\x80")), r + r + r);          // surrogate
    EXPECT_EQ(to_utf8(as_bytes("\xf4\x90\x80\x80")), r + r + r + r);  // above U+10FFFF
    EXPECT_EQ(to_utf8(as_bytes("\xe2\x82"
                               "a")),
              r + r + "a");
}

TEST(FormatDuration, UsesTheLargestUnitThatFits) {
    EXPECT_EQ(format_duration(0), "0s");
    EXPECT_EQ(format_duration(90), "90s");
    EXPECT_EQ(format_duration(900), "15m");
    EXPECT_EQ(format_duration(3600), "1h");
    EXPECT_EQ(format_duration(604800), "7d");
    EXPECT_EQ(format_duration(0xffffffff), "infinite");
}

TEST(FormatTime, IsIso8601InUtc) {
    EXPECT_EQ(format_time(0), "1970-01-01T00:00:00Z");
    EXPECT_EQ(format_time(1767225600), "2026-01-01T00:00:00Z");
    EXPECT_EQ(format_time(std::int64_t{1} << 60), "9999-12-31T23:59:59Z");
}

TEST(ParseHexBytes, TakesTheUsualForms) {
    const std::vector<std::byte> expected{std::byte{0x01}, std::byte{0x02}, std::byte{0xff}};
    for (const char* const text : {"0102ff", "0x0102FF", "01:02:ff", "01-02-ff"}) {
        EXPECT_EQ(parse_hex_bytes(text), expected) << text;
    }
    EXPECT_EQ(parse_hex_bytes("7f"), std::vector{std::byte{0x7f}});
    for (const char* const text : {"", "0x", "1", "012", "01:", "01:2", "01:02-03", ":01", "0g",
                                   "+1", "01 02", "01::02", "-1", "0x01:02:"}) {
        EXPECT_FALSE(parse_hex_bytes(text)) << text;
    }
}

TEST(Describe, NamesIdentifiersAndTags) {
    const auto bytes = [](std::string_view text) {
        const ByteView view = as_bytes(text);
        return std::vector<std::byte>{view.begin(), view.end()};
    };
    using model::IdentifierKind;
    EXPECT_EQ(describe({IdentifierKind::kHwAddress, bytes({"\x01\x02\x00\x5e\x00\x53\x01", 7})}),
              "hw-address 02:00:5e:00:53:01");
    EXPECT_EQ(describe({IdentifierKind::kCircuitId, bytes("eth0/1:100")}),
              "circuit-id 'eth0/1:100'");
    EXPECT_EQ(describe({IdentifierKind::kClientId, bytes({"\x00\x11", 2})}), "client-id 0x0011");
    EXPECT_EQ(describe({IdentifierKind::kRemoteId, {}}), "remote-id 0x");
    VlanTags tags;
    EXPECT_EQ(describe(tags), "");
    tags.tags = {{{0x88a8, 100}, {0x8100, 0xe0c8}}};
    tags.count = 2;
    EXPECT_EQ(describe(tags), "100.200");
}

}  // namespace
}  // namespace xdhcpd::control
