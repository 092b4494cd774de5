#include "dhcp6/options.h"

#include <gtest/gtest.h>

#include <set>

namespace xdhcpd::dhcp6 {
namespace {

constexpr std::string_view kNameCharacters = "abcdefghijklmnopqrstuvwxyz0123456789-";

TEST(Dhcp6RegistryTest, HasARowForEveryCodeAtItsIndex) {
    ASSERT_EQ(option_registry().size(), 149u);
    for (std::size_t i = 0; i < option_registry().size(); ++i) {
        const OptionInfo& row = option_registry()[i];
        EXPECT_EQ(static_cast<std::size_t>(row.code), i);
        EXPECT_EQ(option_info(row.code), &row);
        EXPECT_FALSE(row.reference.empty()) << i;
        EXPECT_LE(row.min_len, row.max_len) << i;
    }
    EXPECT_EQ(option_info(static_cast<OptionCode>(149)), nullptr);
    EXPECT_EQ(option_info(static_cast<OptionCode>(65535)), nullptr);
}

TEST(Dhcp6RegistryTest, NamesAreUniqueKebabCaseAndFindTheirRow) {
    std::set<std::string_view> names;
    for (const OptionInfo& row : option_registry()) {
        EXPECT_TRUE(names.insert(row.name).second) << row.name;
        EXPECT_EQ(row.name.find_first_not_of(kNameCharacters), row.name.npos) << row.name;
        EXPECT_EQ(find_option(row.name), &row);
        EXPECT_EQ(find_option_code(row.name), row.code);
        EXPECT_EQ(option_name(row.code), row.name);
    }
    EXPECT_EQ(find_option("dns-server"), nullptr);
}

TEST(Dhcp6RegistryTest, CodesAboveItGoByNumber) {
    EXPECT_EQ(option_name(static_cast<OptionCode>(65000)), "option-65000");
    EXPECT_EQ(find_option_code("option-65000"), static_cast<OptionCode>(65000));
    EXPECT_EQ(find_option_code("option-23"), OptionCode::kDnsServers);
    for (const char* const text : {"option-65536", "option-", "option--1", "option-1x", "23", ""}) {
        EXPECT_EQ(find_option_code(text), std::nullopt) << text;
    }
}

TEST(Dhcp6RegistryTest, LengthsFollowFromTheType) {
    for (const OptionInfo& row : option_registry()) {
        std::size_t len = 0;
        switch (row.type) {
            case OptionType::kU8:
                len = 1;
                break;
            case OptionType::kU16:
            case OptionType::kOptionCodes:
                len = 2;
                break;
            case OptionType::kU32:
            case OptionType::kSeconds:
                len = 4;
                break;
            case OptionType::kIpv6:
                len = 16;
                break;
            default:
                continue;
        }
        if (row.code != OptionCode::kDhcp4o6Server) {  // may be without addresses
            EXPECT_EQ(row.min_len, len) << row.name;
        }
        EXPECT_EQ(row.max_len, row.list ? kUnlimitedLen : len) << row.name;
    }
}

TEST(Dhcp6RegistryTest, SaysWhatTheStandardSays) {
    const struct {
        unsigned code;
        std::string_view name;
        OptionType type;
        bool list;
        bool configurable;
    } known[] = {
        {1, "clientid", OptionType::kBytes, false, false},
        {3, "ia-na", OptionType::kIaNa, false, false},
        {7, "preference", OptionType::kU8, false, true},
        {17, "vendor-opts", OptionType::kVendorOptions, true, true},
        {23, "dns-servers", OptionType::kIpv6, true, true},
        {24, "domain-search", OptionType::kDomainList, true, true},
        {25, "ia-pd", OptionType::kIaPd, false, false},
        {31, "sntp-servers", OptionType::kIpv6, true, true},
        {32, "information-refresh-time", OptionType::kSeconds, false, true},
        {41, "new-posix-timezone", OptionType::kText, false, true},
        {56, "ntp-server", OptionType::kNtpServers, true, true},
        {59, "bootfile-url", OptionType::kText, false, true},
        {60, "bootfile-param", OptionType::kTexts, true, true},
        {64, "aftr-name", OptionType::kDomainName, false, true},
        {82, "solmax-rt", OptionType::kU32, false, true},
        {83, "inf-max-rt", OptionType::kU32, false, true},
        {103, "v6-captive-portal", OptionType::kText, false, true},
        {135, "relay-port", OptionType::kU16, false, false},
    };
    for (const auto& row : known) {
        const OptionInfo* const info = option_info(static_cast<OptionCode>(row.code));
        ASSERT_NE(info, nullptr);
        EXPECT_EQ(info->name, row.name);
        EXPECT_EQ(info->type, row.type) << row.name;
        EXPECT_EQ(info->list, row.list) << row.name;
        EXPECT_EQ(info->configurable, row.configurable) << row.name;
    }
}

TEST(Dhcp6RegistryTest, FindsWhatAMisspeltNameMeans) {
    EXPECT_EQ(nearest_option_name("dns-server"), "dns-servers");
    EXPECT_EQ(nearest_option_name("domain_search"), "domain-search");
    EXPECT_EQ(nearest_option_name("domain-name-servers"), "dns-servers");  // DHCPv4
    EXPECT_EQ(nearest_option_name("sol-max-rt"), "solmax-rt");
    EXPECT_EQ(nearest_option_name("colour-of-the-sky"), "");
    EXPECT_EQ(nearest_option_name(""), "");
    EXPECT_EQ(nearest_option_name("option-999"), "");
    EXPECT_EQ(nearest_option_name("clienti"), "");  // not configurable
}

TEST(Dhcp6NamesTest, EveryTypeAndStatusHasItsOwn) {
    std::set<std::string_view> names;
    for (unsigned i = 0; i < kMessageTypeCount; ++i) {
        EXPECT_TRUE(names.insert(name(static_cast<MessageType>(i))).second) << i;
    }
    EXPECT_EQ(name(MessageType::kSolicit), "solicit");
    EXPECT_EQ(name(MessageType::kInformationRequest), "information-request");
    EXPECT_EQ(name(MessageType::kRelayReply), "relay-reply");
    EXPECT_EQ(name(static_cast<MessageType>(38)), "unknown");
    EXPECT_EQ(name(StatusCode::kSuccess), "success");
    EXPECT_EQ(name(StatusCode::kNoPrefixAvail), "no-prefix-avail");
    EXPECT_EQ(name(static_cast<StatusCode>(7)), "");
}

}  // namespace
}  // namespace xdhcpd::dhcp6
