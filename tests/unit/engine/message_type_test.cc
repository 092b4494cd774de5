#include "engine/message_type.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace xdhcpd::engine {
namespace {

TEST(MessageTypeTest, HasOnePlaceForEachTypeOfEachProtocol) {
    std::set<std::string> names;
    for (std::size_t i = 0; i < MessageType::kCount; ++i) {
        const MessageType type = MessageType::from_index(i);
        EXPECT_EQ(type.index(), i);
        names.insert(type.full_name());
    }
    EXPECT_EQ(MessageType{dhcp4::MessageType::kDiscover}.index(), 1u)
        << "DHCPv4 begins the row with its own codes";
    EXPECT_TRUE(names.count("discover") == 1 && names.count("request") == 1);
    EXPECT_TRUE(names.count("dhcp6.solicit") == 1 && names.count("dhcp6.request") == 1);
    EXPECT_TRUE(names.count("nd.router-solicitation") == 1);
    EXPECT_TRUE(names.count("nd.neighbor-advertisement") == 1);
}

TEST(MessageTypeTest, PutsUnknownCodesInThePlaceOfNone) {
    const MessageType none6{dhcp6::MessageType::kNone};
    EXPECT_EQ(MessageType{dhcp4::MessageType{250}}.index(), MessageType{}.index());
    EXPECT_EQ(MessageType{dhcp6::MessageType{250}}.index(), none6.index());
    const std::size_t no_nd = MessageType{nd::MessageType{0}}.index();
    for (const int code : {1, 132, 137, 255}) {
        EXPECT_EQ(MessageType{nd::MessageType{static_cast<std::uint8_t>(code)}}.index(), no_nd)
            << code;
    }
    EXPECT_EQ((std::set{MessageType{}.index(), none6.index(), no_nd}.size()), 3u);
}

TEST(MessageTypeTest, KnowsWhetherItIsOne) {
    EXPECT_TRUE(MessageType{}.is_none());
    EXPECT_TRUE(MessageType{dhcp6::MessageType::kNone}.is_none());
    EXPECT_FALSE(MessageType{nd::MessageType::kNeighborSolicitation}.is_none());
    EXPECT_EQ(MessageType{}.name(), "bootp");
    EXPECT_EQ(MessageType{dhcp6::MessageType::kNone}.full_name(), "dhcp6.unknown");
    EXPECT_EQ(name(MessageType{nd::MessageType::kRouterSolicitation}.protocol()), "nd");
}

}  // namespace
}  // namespace xdhcpd::engine
