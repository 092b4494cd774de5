#include "config/values.h"

#include <gtest/gtest.h>

#include <array>
#include <optional>
#include <string>

namespace xdhcpd::config {
namespace {

TEST(ParseDuration, UnderstandsEveryUnit) {
    EXPECT_EQ(parse_duration("90"), 90u);
    EXPECT_EQ(parse_duration("90s"), 90u);
    EXPECT_EQ(parse_duration("15m"), 900u);
    EXPECT_EQ(parse_duration("12h"), 43200u);
    EXPECT_EQ(parse_duration("7d"), 604800u);
    EXPECT_EQ(parse_duration("2w"), 1209600u);
    EXPECT_EQ(parse_duration("0"), 0u);
}

TEST(ParseDuration, InfiniteIsAllOnes) {
    RecordProperty("rfc", "2131 3.3");
    EXPECT_EQ(parse_duration("infinite"), 0xffffffffu);
}

TEST(ParseDuration, NumbersStopShortOfInfinite) {
    EXPECT_EQ(parse_duration("4294967294"), 0xfffffffeu);
    EXPECT_EQ(parse_duration("4294967295"), std::nullopt);
    EXPECT_EQ(parse_duration("49710d"), 4294944000u);
    EXPECT_EQ(parse_duration("49711d"), std::nullopt);
    EXPECT_EQ(parse_duration("99999999999999999999d"), std::nullopt);
}

TEST(ParseDuration, RefusesAnythingElse) {
    for (const char* text : {"", "s", "1.5h", "1h30m", "5 m", " 5m", "5m ", "-5m", "+5m", "05m",
                             "5M", "5min", "1e3", "Infinite", "never"}) {
        EXPECT_EQ(parse_duration(text), std::nullopt) << text;
    }
}

TEST(ParseRate, UnderstandsSecondsMinutesAndHours) {
    const auto rate = [](std::string_view text) {
        const auto parsed = parse_rate(text);
        return parsed ? std::optional{std::pair{parsed->count, parsed->period}} : std::nullopt;
    };
    EXPECT_EQ(rate("10/s"), (std::pair{std::uint64_t{10}, 1u}));
    EXPECT_EQ(rate("600/m"), (std::pair{std::uint64_t{600}, 60u}));
    EXPECT_EQ(rate("5/h"), (std::pair{std::uint64_t{5}, 3600u}));
    for (const std::string_view text : {"", "/s", "10", "10/", "10/S", "10/d", "10 /s", "10/s ",
                                        "010/s", "-1/s", "1.5/s", "99999999999999999999/s"}) {
        EXPECT_EQ(rate(text), std::nullopt) << text;
    }
}

TEST(ParseSize, UnderstandsBinaryUnits) {
    EXPECT_EQ(parse_size("4096"), 4096u);
    EXPECT_EQ(parse_size("512KiB"), 524288u);
    EXPECT_EQ(parse_size("64MiB"), 67108864u);
    EXPECT_EQ(parse_size("2GiB"), 2147483648u);
    for (const char* text : {"", "MiB", "64MB", "64 MiB", "64mib", "-1", "1.5GiB", "0x10",
                             "18446744073709551616", "17179869184GiB"}) {
        EXPECT_EQ(parse_size(text), std::nullopt) << text;
    }
}

TEST(ParseRange, TakesTwoAddressesAndAHyphen) {
    const AddressRange expected{Ipv4{0xc000020a}, Ipv4{0xc0000263}};
    EXPECT_EQ(parse_range("192.0.2.10-192.0.2.99"), expected);
    EXPECT_EQ(parse_range("192.0.2.10 - 192.0.2.99"), expected);
    EXPECT_EQ(to_string(expected), "192.0.2.10-192.0.2.99");
    for (const char* text : {"", "-", "192.0.2.10", "192.0.2.10-", "-192.0.2.10", "192.0.2.10-20",
                             "192.0.2.10-192.0.2.20-192.0.2.30", "192.0.2.010-192.0.2.999"}) {
        EXPECT_EQ(parse_range(text), std::nullopt) << text;
    }
}

TEST(ParseRange, LeavesTheOrderToTheCaller) {
    const auto range = parse_range("192.0.2.99-192.0.2.10");
    ASSERT_TRUE(range);
    EXPECT_GT(range->first, range->last);
}

TEST(ParseHex, TakesAPrefixOrSeparators) {
    const std::vector<std::byte> expected{std::byte{1}, std::byte{0xab}, std::byte{0xff}};
    for (const char* text : {"0x01abff", "0X01ABff", "01:ab:ff", "01-AB-ff"}) {
        EXPECT_EQ(parse_hex(text), expected) << text;
    }
    EXPECT_EQ(parse_hex("7f"), std::vector<std::byte>{std::byte{0x7f}});
}

TEST(ParseHex, RefusesHalfBytesAndMixtures) {
    for (const char* text : {"", "0x", "0x1", "1", "01:", ":01", "01:2", "01:02-03", "01ab",
                             "0x01:02", "01 02", "0xzz", "+1:02", "0x+1"}) {
        EXPECT_EQ(parse_hex(text), std::nullopt) << text;
    }
}

TEST(Nearest, FindsTheWordThatWasMeant) {
    constexpr std::array<std::string_view, 4> kWords{"interface", "interfaces", "subnets", "http"};
    EXPECT_EQ(nearest("intefaces", kWords), "interfaces");
    EXPECT_EQ(nearest("interfcae", kWords), "interface");
    EXPECT_EQ(nearest("subnet", kWords), "subnets");
    EXPECT_EQ(nearest("htpt", kWords), "http");
}

TEST(Nearest, StaysSilentWhenNothingIsNear) {
    constexpr std::array<std::string_view, 2> kWords{"http", "log"};
    EXPECT_EQ(nearest("subnets", kWords), "");
    EXPECT_EQ(nearest("", kWords), "");
    EXPECT_EQ(nearest("xyz", kWords), "");
    EXPECT_EQ(nearest(std::string(100000, 'h'), kWords), "");
}

TEST(InQuotes, EscapesControlCharactersAndCutsLongText) {
    EXPECT_EQ(in_quotes("a"), "'a'");
    EXPECT_EQ(in_quotes("a\n\x7f"), "'a\\x0a\\x7f'");
    EXPECT_EQ(in_quotes(std::string(64, 'x')), "'" + std::string(64, 'x') + "'");
    EXPECT_EQ(in_quotes(std::string(65, 'x')), "'" + std::string(64, 'x') + "...'");
}

TEST(InQuotes, NeverCutsACharacterInHalf) {
    EXPECT_EQ(in_quotes(std::string(63, 'x') + "\xc3\xa9 and more"),
              "'" + std::string(63, 'x') + "...'");
}

}  // namespace
}  // namespace xdhcpd::config
