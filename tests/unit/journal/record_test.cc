#include "journal/codec/record.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "states.h"

namespace xdhcpd::journal {
namespace {

constexpr Seed kSeed{0x1234};

UnitState longest(std::vector<std::byte>& identity, std::vector<std::byte>& text) {
    identity.assign(kMaxIdentityLen, std::byte{7});
    text.assign(kMaxHostnameLen, std::byte{'h'});
    UnitState state;
    state.key = {UnitKind::kIpv6Prefix, 56, {std::byte{0x20}, std::byte{1}}};
    state.version = 0xffffffff;
    state.status = UnitStatus::kReleased;
    state.expiry = kNever;
    state.identity = identity;
    state.hostname = text;
    state.relay_information = text;
    return state;
}

TEST(Crc32cTest, GivesTheValuesOfTheStandard) {
    RecordProperty("rfc", "3720 B.4");
    const std::array<std::byte, 32> zeros{};
    std::array<std::byte, 32> ascending{};
    for (std::size_t i = 0; i < ascending.size(); ++i) {
        ascending[i] = static_cast<std::byte>(i);
    }
    for (const auto function : {crc32c, crc32c_by_table}) {
        EXPECT_EQ(function(Seed{}, zeros), 0x8a9136aau);
        EXPECT_EQ(function(Seed{}, ascending), 0x46dd794eu);
        EXPECT_EQ(function(Seed{}, as_bytes("123456789")), 0xe3069283u);
    }
}

TEST(Crc32cTest, InstructionAndTableAgreeAtEveryLength) {
    std::vector<std::byte> bytes;
    for (std::uint32_t i = 0; i < 100; ++i) {
        ASSERT_EQ(crc32c(Seed{i}, bytes), crc32c_by_table(Seed{i}, bytes)) << i;
        bytes.push_back(static_cast<std::byte>(i * 37));
    }
}

TEST(RecordTest, StatesReadAsTheyWereWritten) {
    std::vector<std::byte> identity;
    std::vector<std::byte> text;
    std::vector<UnitState> states{UnitState{}, longest(identity, text)};
    const TestState some{5, 9};
    states.push_back(some.view());
    for (const UnitState& state : states) {
        const auto record = encoded(state);
        EXPECT_EQ(record.size() % kRecordAlign, 0u);
        EXPECT_LE(record.size(), kMaxEncodedLen);
        const auto read = decode(record);
        ASSERT_TRUE(read);
        EXPECT_EQ(read->key, state.key);
        EXPECT_EQ(read->version, state.version);
        EXPECT_EQ(read->status, state.status);
        EXPECT_EQ(read->flags, state.flags);
        EXPECT_EQ(read->expiry, state.expiry);
        EXPECT_EQ(read->told_expiry, state.told_expiry);
        EXPECT_EQ(read->started, state.started);
        EXPECT_EQ(read->last_xid, state.last_xid);
        EXPECT_EQ(read->hw_type, state.hw_type);
        EXPECT_EQ(read->hw_len, state.hw_len);
        EXPECT_EQ(read->mac, state.mac);
        EXPECT_TRUE(equal_bytes(read->identity, state.identity));
        EXPECT_TRUE(equal_bytes(read->hostname, state.hostname));
        EXPECT_TRUE(equal_bytes(read->relay_information, state.relay_information));
    }
}

TEST(RecordTest, ALeaseOfAnEthernetClientTakesEightyBytes) {
    TestState state{1, 1};
    UnitState view = state.view();
    const std::array<std::byte, 8> identity{};
    view.identity = identity;
    view.hostname = {};
    EXPECT_EQ(encoded_len(view), 80u);
}

TEST(RecordTest, EveryTruncationIsRefused) {
    const auto record = encoded(TestState{3, 4}.view());
    for (std::size_t len = 0; len < record.size(); ++len) {
        const auto cut = decode(ByteView{record}.first(len));
        ASSERT_FALSE(cut) << len;
        EXPECT_EQ(cut.error(), RecordError::kTruncated) << len;
    }
}

TEST(RecordTest, EveryFlippedBitShowsInTheChecksum) {
    auto record = encoded(TestState{3, 4}.view());
    stamp(record, kSeed);
    ASSERT_TRUE(is_intact(record, kSeed));
    for (std::size_t bit = 0; bit < record.size() * 8; ++bit) {
        const auto mask = static_cast<std::byte>(1u << (bit % 8));
        record[bit / 8] ^= mask;
        EXPECT_FALSE(is_intact(record, kSeed)) << bit;
        record[bit / 8] ^= mask;
    }
}

TEST(RecordTest, AChecksumOfAnotherFileIsWrong) {
    auto record = encoded(TestState{3, 4}.view());
    stamp(record, make_seed(7, 1));
    EXPECT_TRUE(is_intact(record, make_seed(7, 1)));
    EXPECT_FALSE(is_intact(record, make_seed(8, 1)));
    EXPECT_FALSE(is_intact(record, make_seed(7, 2)));
}

TEST(RecordTest, WhatNamesNoUnitIsRefused) {
    const auto refused = [](std::size_t at, int value, RecordError error) {
        auto record = encoded(TestState{3, 4}.view());
        record[at] = static_cast<std::byte>(value);
        const auto read = decode(record);
        ASSERT_FALSE(read) << at;
        EXPECT_EQ(read.error(), error) << at;
    };
    using namespace record_layout;
    refused(kKey, 0, RecordError::kBadKey);
    refused(kKey, 4, RecordError::kBadKey);
    refused(kKey, 2, RecordError::kBadKey);       // an IPv6 address of 32 bits
    refused(kKey + 1, 31, RecordError::kBadKey);  // an IPv4 network
    refused(kKey + 6, 1, RecordError::kBadKey);   // more than an IPv4 address
    refused(kStatus, 5, RecordError::kBadStatus);
    refused(kLen, 79, RecordError::kBadLength);
    refused(kLen, 64, RecordError::kBadLength);
    refused(kLen + 1, 0x40, RecordError::kBadLength);
    refused(kSectionsLen + 1, 4, RecordError::kBadSection);  // behind the record's end
    refused(kSections + 2, 1, RecordError::kBadSection);     // a section behind the sections' end
}

TEST(RecordTest, SectionsOfLaterVersionsArePassedOver) {
    TestState made{3, 0};
    UnitState state = made.view();
    const std::array<std::byte, 4> identity{std::byte{1}};
    state.identity = identity;
    state.hostname = as_bytes("abc");
    auto record = encoded(state);
    record[record_layout::kSections] = std::byte{200};
    const auto read = decode(record);
    ASSERT_TRUE(read);
    EXPECT_TRUE(read->identity.empty());
    EXPECT_EQ(as_text(read->hostname), "abc");
}

TEST(RecordTest, TheHigherVersionIsNewerAndEqualOnesHaveOneOrder) {
    EXPECT_TRUE(is_newer(encoded(1, 8), encoded(1, 7)));
    EXPECT_FALSE(is_newer(encoded(1, 7), encoded(1, 8)));
    EXPECT_FALSE(is_newer(encoded(1, 7), encoded(1, 7)));
    const auto a = encoded(1, 7, UnitStatus::kLeased);
    const auto b = encoded(1, 7, UnitStatus::kReleased);
    EXPECT_NE(is_newer(a, b), is_newer(b, a));
}

}  // namespace
}  // namespace xdhcpd::journal
