#include "dhcp4/options.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace xdhcpd::dhcp4 {
namespace {

constexpr std::string_view kNameCharacters = "abcdefghijklmnopqrstuvwxyz0123456789-";

TEST(OptionRegistryTest, HasARowForEveryCodeAtItsIndex) {
    ASSERT_EQ(option_registry().size(), 256U);
    for (std::size_t i = 0; i < 256; ++i) {
        const OptionInfo& row = option_registry()[i];
        EXPECT_EQ(static_cast<std::size_t>(row.code), i);
        EXPECT_EQ(&option_info(static_cast<OptionCode>(i)), &row);
        EXPECT_FALSE(row.reference.empty()) << i;
        EXPECT_LE(row.min_len, row.max_len) << i;
    }
}

TEST(OptionRegistryTest, NamesAreUniqueKebabCaseAndFindTheirRow) {
    std::set<std::string_view> names;
    for (const OptionInfo& row : option_registry()) {
        EXPECT_TRUE(names.insert(row.name).second) << row.name;
        EXPECT_EQ(row.name.find_first_not_of(kNameCharacters), row.name.npos) << row.name;
        EXPECT_EQ(find_option(row.name), &row);
        if (row.name.starts_with("option-") && row.name.find_first_of("0123456789") == 7 &&
            row.name != "option-6rd") {
            EXPECT_EQ(row.name, "option-" + std::to_string(static_cast<unsigned>(row.code)));
        }
    }
    EXPECT_EQ(find_option("router"), nullptr);
    EXPECT_EQ(find_option(""), nullptr);
}

TEST(OptionRegistryTest, LengthsFollowFromTheType) {
    for (const OptionInfo& row : option_registry()) {
        std::size_t len = 0;
        switch (row.type) {
            case OptionType::kFlag:
            case OptionType::kU8:
            case OptionType::kMessageType:
            case OptionType::kOptionCodes:
                len = 1;
                break;
            case OptionType::kU16:
                len = 2;
                break;
            case OptionType::kU32:
            case OptionType::kI32:
            case OptionType::kSeconds:
            case OptionType::kIpv4:
                len = 4;
                break;
            case OptionType::kIpv4Pair:
                len = 8;
                break;
            case OptionType::kIpv6:
                len = 16;
                break;
            default:
                continue;
        }
        if (row.code != OptionCode::kMobileIpHomeAgent) {  // may be without agents
            EXPECT_EQ(row.min_len, len) << row.name;
        }
        EXPECT_EQ(row.max_len, row.list ? kUnlimitedLen : len) << row.name;
    }
}

TEST(OptionRegistryTest, SaysWhatTheStandardSays) {
    const struct {
        unsigned code;
        std::string_view name;
        OptionType type;
        bool list;
    } known[] = {
        {1, "subnet-mask", OptionType::kIpv4, false},
        {3, "routers", OptionType::kIpv4, true},
        {6, "domain-name-servers", OptionType::kIpv4, true},
        {12, "host-name", OptionType::kText, false},
        {15, "domain-name", OptionType::kText, false},
        {26, "interface-mtu", OptionType::kU16, false},
        {28, "broadcast-address", OptionType::kIpv4, false},
        {33, "static-routes", OptionType::kIpv4Pair, true},
        {42, "ntp-servers", OptionType::kIpv4, true},
        {43, "vendor-encapsulated-options", OptionType::kSuboptions, true},
        {66, "tftp-server-name", OptionType::kText, false},
        {67, "boot-file-name", OptionType::kText, false},
        {108, "v6-only-preferred", OptionType::kSeconds, false},
        {114, "v4-captive-portal", OptionType::kText, false},
        {119, "domain-search", OptionType::kDomainList, true},
        {121, "classless-static-route", OptionType::kClasslessRoutes, true},
        {150, "tftp-server-address", OptionType::kIpv4, true},
    };
    for (const auto& row : known) {
        const OptionInfo& info = option_info(static_cast<OptionCode>(row.code));
        EXPECT_EQ(info.name, row.name);
        EXPECT_EQ(info.type, row.type) << row.name;
        EXPECT_EQ(info.list, row.list) << row.name;
        EXPECT_TRUE(info.configurable) << row.name;
    }
}

TEST(OptionRegistryTest, WhatTheServerComputesIsNotConfigurable) {
    for (const int code : {0, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 61, 80, 81, 82, 118, 255}) {
        EXPECT_FALSE(option_info(static_cast<OptionCode>(code)).configurable) << code;
    }
}

TEST(OptionRegistryTest, PrivateCodesAreConfigurableBytes) {
    for (unsigned code = 224; code <= 254; ++code) {
        const OptionInfo& row = option_info(static_cast<OptionCode>(code));
        EXPECT_EQ(row.name, "option-" + std::to_string(code));
        EXPECT_EQ(row.type, OptionType::kBytes);
        EXPECT_TRUE(row.configurable);
        EXPECT_EQ(row.reference, "private use");
    }
}

TEST(NearestOptionNameTest, FindsSmallErrors) {
    EXPECT_EQ(nearest_option_name("router"), "routers");
    EXPECT_EQ(nearest_option_name("domain-name-server"), "domain-name-servers");
    EXPECT_EQ(nearest_option_name("domain_name_servers"), "domain-name-servers");
    EXPECT_EQ(nearest_option_name("Interface-MTU"), "interface-mtu");
    EXPECT_EQ(nearest_option_name("boot-filename"), "boot-file-name");
}

TEST(NearestOptionNameTest, KnowsOtherPeoplesNames) {
    EXPECT_EQ(nearest_option_name("dns-servers"), "domain-name-servers");  // DHCPv6
    EXPECT_EQ(nearest_option_name("gateway"), "routers");
    EXPECT_EQ(nearest_option_name("captive-portal"), "v4-captive-portal");
}

TEST(NearestOptionNameTest, IsSilentWhenNothingIsNear) {
    EXPECT_EQ(nearest_option_name("colour-of-the-sky"), "");
    EXPECT_EQ(nearest_option_name(""), "");
    EXPECT_EQ(nearest_option_name("x"), "");
    EXPECT_EQ(nearest_option_name("option-999"), "");
    EXPECT_EQ(nearest_option_name(std::string(100'000, 'a')), "");
}

TEST(NearestOptionNameTest, NeverNamesWhatCannotBeConfigured) {
    const std::string_view nearest = nearest_option_name("dhcp-lease-tim");
    EXPECT_NE(nearest, "dhcp-lease-time");
}

TEST(MessageTypeTest, EveryTypeHasItsOwnName) {
    std::set<std::string_view> names;
    for (unsigned i = 0; i < kMessageTypeCount; ++i) {
        EXPECT_TRUE(names.insert(name(static_cast<MessageType>(i))).second) << i;
    }
    EXPECT_EQ(name(MessageType::kDiscover), "discover");
    EXPECT_EQ(name(MessageType::kNak), "nak");
    EXPECT_EQ(name(MessageType::kTls), "tls");
    EXPECT_EQ(name(MessageType::kNone), "bootp");
    EXPECT_EQ(name(static_cast<MessageType>(19)), "unknown");
}

TEST(RelaySuboptionTest, NamesOnlyWhatIanaAssigned) {
    std::set<std::string_view> names;
    for (unsigned i = 0; i < 256; ++i) {
        const std::string_view text = name(static_cast<RelaySuboption>(i));
        if (!text.empty()) {
            EXPECT_TRUE(names.insert(text).second) << i;
        }
    }
    EXPECT_EQ(names.size(), 20U);
    EXPECT_EQ(name(RelaySuboption::kLinkSelection), "link-selection");
    EXPECT_EQ(name(RelaySuboption{3}), "");
}

}  // namespace
}  // namespace xdhcpd::dhcp4
