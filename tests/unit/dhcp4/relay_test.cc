#include "dhcp4/relay.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "message_builder.h"

namespace xdhcpd::dhcp4 {
namespace {

using testing::Bytes;
using testing::bytes;
using testing::filled;
using testing::to_bytes;
using testing::operator+;

TEST(RelayInformationTest, FindsSuboptions) {
    RecordProperty("rfc", "3046 2.0");
    const Bytes value = bytes({1, 4, 'e', 't', 'h', '1', 2, 0, 151, 1, 0xff});
    const auto relay = RelayInformation::parse(value);
    ASSERT_TRUE(relay);
    EXPECT_EQ(to_bytes(relay->suboption(RelaySuboption::kCircuitId)), to_bytes("eth1"));
    EXPECT_TRUE(relay->has(RelaySuboption::kRemoteId));
    EXPECT_TRUE(relay->suboption(RelaySuboption::kRemoteId).empty());
    EXPECT_EQ(to_bytes(relay->suboption(RelaySuboption::kVirtualSubnet)), bytes({0xff}));
    EXPECT_FALSE(relay->has(RelaySuboption::kSubscriberId));
    EXPECT_TRUE(relay->suboption(RelaySuboption::kSubscriberId).empty());
    EXPECT_FALSE(relay->link_selection());
    EXPECT_FALSE(relay->server_id_override());
    EXPECT_EQ(relay->bytes().data(), value.data());
    EXPECT_FALSE(relay->empty());
}

TEST(RelayInformationTest, ReadsAddresses) {
    RecordProperty("rfc", "3527 3; 5107 4");
    const Bytes value = bytes({5, 4, 198, 51, 100, 1, 11, 4, 192, 0, 2, 1});
    const auto relay = RelayInformation::parse(value);
    ASSERT_TRUE(relay);
    EXPECT_EQ(relay->link_selection(), (Ipv4{0xc6336401}));
    EXPECT_EQ(relay->server_id_override(), (Ipv4{0xc0000201}));
}

TEST(RelayInformationTest, ThereIsNeitherPadNorEnd) {
    RecordProperty("rfc", "3046 2.0");
    const Bytes value = bytes({0, 1, 9, 255, 1, 8, 1, 1, 7});
    const auto relay = RelayInformation::parse(value);
    ASSERT_TRUE(relay);
    EXPECT_EQ(to_bytes(relay->suboption(RelaySuboption::kCircuitId)), bytes({7}));
    EXPECT_EQ(to_bytes(relay->suboption(RelaySuboption{255})), bytes({8}));
}

TEST(RelayInformationTest, TheFirstOfEqualSuboptionsCounts) {
    const Bytes value = bytes({1, 1, 7, 1, 1, 8});
    const auto relay = RelayInformation::parse(value);
    ASSERT_TRUE(relay);
    EXPECT_EQ(to_bytes(relay->suboption(RelaySuboption::kCircuitId)), bytes({7}));
}

TEST(RelayInformationTest, NothingIsNoSuboptions) {
    const auto relay = RelayInformation::parse({});
    ASSERT_TRUE(relay);
    EXPECT_TRUE(relay->empty());
    EXPECT_FALSE(relay->has(RelaySuboption::kCircuitId));
}

TEST(RelayInformationTest, SuboptionsFillTheValueExactly) {
    for (const Bytes& value : {bytes({1}), bytes({1, 1}), bytes({1, 2, 9}), bytes({1, 1, 9, 2}),
                               bytes({1, 0, 2, 255}) + filled(254, 1)}) {
        const auto relay = RelayInformation::parse(value);
        ASSERT_FALSE(relay) << to_hex(value);
        EXPECT_EQ(relay.error(), ParseError::kBadRelayInformation);
    }
    EXPECT_TRUE(RelayInformation::parse(bytes({1, 0, 2, 255}) + filled(255, 1)));
}

TEST(RelayInformationTest, AddressesHaveFourOctets) {
    for (const unsigned code : {5U, 11U}) {
        for (unsigned len = 0; len <= 8; ++len) {
            const auto relay = RelayInformation::parse(bytes({code, len}) + filled(len, 1));
            EXPECT_EQ(relay.has_value(), len == 4) << code << " " << len;
        }
        // also behind a good one
        EXPECT_FALSE(RelayInformation::parse(bytes({code, 4, 1, 1, 1, 1, code, 1, 1})));
    }
}

TEST(RelayInformationTest, VisitsSuboptionsInTheirOrder) {
    const Bytes value = bytes({9, 1, 1, 2, 0, 9, 2, 3, 4});
    const auto relay = RelayInformation::parse(value);
    ASSERT_TRUE(relay);
    std::vector<std::pair<unsigned, Bytes>> seen;
    relay->for_each([&](RelaySuboption code, ByteView suboption) {
        seen.emplace_back(static_cast<unsigned>(code), to_bytes(suboption));
    });
    EXPECT_THAT(seen, ::testing::ElementsAre(std::pair{9U, bytes({1})}, std::pair{2U, Bytes{}},
                                             std::pair{9U, bytes({3, 4})}));
}

}  // namespace
}  // namespace xdhcpd::dhcp4
