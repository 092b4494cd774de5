#include "journal/codec/segment.h"

#include <gtest/gtest.h>

#include <map>
#include <vector>

#include "states.h"

namespace xdhcpd::journal {
namespace {

constexpr SegmentHeader kHeader{7, 0xabcdef, 6, 8192, 1'700'000'000'000'000'000};

// A segment as the journal writes it, in memory.
class Image {
  public:
    Image() : bytes_(std::size_t{64} << 10), group_{kMaxGroupLen} {
        encode(kHeader, MutableBytes{bytes_}.first(kSegmentHeaderLen));
    }
    // Returns where the group is. Each holds versions of units that no other has.
    std::uint64_t add_group(std::uint32_t first_unit, std::uint32_t count) {
        group_.clear();
        for (std::uint32_t unit = first_unit; unit < first_unit + count; ++unit) {
            group_.add(encoded(unit, 1));
        }
        const ByteView group = group_.finish(kHeader, {end_, durable_, kHeader.stamp + end_, 0, 0});
        copy_bytes(bytes_.data() + end_, group);
        const std::uint64_t at = end_;
        end_ += group.size();
        return at;
    }
    void sync() { durable_ = end_; }
    [[nodiscard]] std::uint64_t end() const { return end_; }
    [[nodiscard]] std::vector<std::byte>& bytes() { return bytes_; }

    [[nodiscard]] Result<SegmentScan, Damage> scan(
        std::optional<std::uint64_t> closed_at = std::nullopt) {
        units_.clear();
        return scan_segment(bytes_, kHeader, closed_at, [&](ByteView record) {
            const auto state = decode(record);
            ASSERT_TRUE(state);
            EXPECT_TRUE(is_genuine(*state));
            ++units_[unit_of(*state)];
        });
    }
    [[nodiscard]] std::size_t units() const { return units_.size(); }

  private:
    std::vector<std::byte> bytes_;
    GroupBuilder group_;
    std::uint64_t end_ = kSegmentHeaderLen;
    std::uint64_t durable_ = kSegmentHeaderLen;
    std::map<std::uint32_t, int> units_;
};

TEST(SegmentHeaderTest, ReadsAsItWasWritten) {
    Image image;
    const auto header = decode_segment_header(image.bytes());
    ASSERT_TRUE(header);
    EXPECT_EQ(header->generation, kHeader.generation);
    EXPECT_EQ(header->salt, kHeader.salt);
    EXPECT_EQ(header->previous, kHeader.previous);
    EXPECT_EQ(header->previous_end, kHeader.previous_end);
    EXPECT_EQ(header->stamp, kHeader.stamp);
}

TEST(SegmentHeaderTest, EveryFlippedBitIsDamage) {
    Image image;
    for (std::size_t bit = 0; bit < std::size_t{64} * 8; ++bit) {
        const auto mask = static_cast<std::byte>(1u << (bit % 8));
        image.bytes()[bit / 8] ^= mask;
        EXPECT_FALSE(decode_segment_header(image.bytes())) << bit;
        EXPECT_EQ(decode_segment_header_copy(image.bytes())->salt, kHeader.salt);
        image.bytes()[bit / 8] ^= mask;
    }
    EXPECT_FALSE(decode_segment_header(ByteView{image.bytes()}.first(kSegmentHeaderLen - 1)));
}

TEST(SegmentHeaderTest, NewerFormatIsRefusedWithWhatItNeeds) {
    Image image;
    std::vector<std::byte>& bytes = image.bytes();
    store_le(bytes.data() + 12, std::uint32_t{kFormat + 1});
    store_le(bytes.data() + 8, crc32c(Seed{}, ByteView{bytes}.subspan(12, 52)));
    const auto header = decode_segment_header(bytes);
    ASSERT_FALSE(header);
    EXPECT_NE(header.error().what.find("format 2"), std::string::npos) << header.error().what;
    EXPECT_NE(header.error().what.find("newer xdhcpd"), std::string::npos) << header.error().what;
}

TEST(SegmentScanTest, TellsEveryRecordOfEveryGroup) {
    Image image;
    image.add_group(0, 3);
    image.sync();
    image.add_group(10, 20);
    const auto scan = image.scan();
    ASSERT_TRUE(scan);
    EXPECT_EQ(scan->groups, 2u);
    EXPECT_EQ(scan->records, 23u);
    EXPECT_EQ(image.units(), 23u);
    EXPECT_EQ(scan->end, image.end());
    EXPECT_EQ(scan->cut_len, 0u);
    EXPECT_GT(scan->stamp, kHeader.stamp);
}

TEST(SegmentScanTest, WhatAnOlderSegmentLeftInTheFileIsNotSeen) {
    Image image;
    const std::uint64_t at = image.add_group(0, 3);
    const SegmentHeader next{kHeader.generation + 1, kHeader.salt, 7, at, 0};
    const auto scan = scan_segment(image.bytes(), next, std::nullopt,
                                   [](ByteView) { FAIL() << "a record of another segment"; });
    ASSERT_TRUE(scan);
    EXPECT_EQ(scan->end, kSegmentHeaderLen);
    EXPECT_EQ(scan->cut_len, 0u);
}

// Three groups: the first is known to be durable by the second; the last two are not.
struct ThreeGroups {
    ThreeGroups() {
        first = image.add_group(0, 2);
        image.sync();
        second = image.add_group(10, 2);
        third = image.add_group(20, 2);
    }
    Image image;
    std::uint64_t first;
    std::uint64_t second;
    std::uint64_t third;
};

TEST(SegmentScanTest, EveryFlippedBitIsRotBeforeWhatWasDurableAndATornTailBehind) {
    ThreeGroups groups;
    Image& image = groups.image;
    ASSERT_TRUE(image.scan());
    for (std::uint64_t at = kSegmentHeaderLen; at < image.end(); ++at) {
        const auto mask = static_cast<std::byte>(1u << (at % 8));
        image.bytes()[at] ^= mask;
        const auto scan = image.scan();
        if (at < groups.second) {
            ASSERT_FALSE(scan) << at;
            EXPECT_EQ(scan.error().offset, groups.first);
        } else {
            ASSERT_TRUE(scan) << at;
            EXPECT_EQ(scan->end, at < groups.third ? groups.second : groups.third) << at;
            // A header that was hit does not say how long its group was.
            EXPECT_TRUE(scan->cut_len == image.end() - scan->end || at >= groups.third) << at;
            EXPECT_EQ(image.units(), at < groups.third ? 2u : 4u);
        }
        image.bytes()[at] ^= mask;
    }
}

TEST(SegmentScanTest, EveryTruncationIsATornTailOrRot) {
    ThreeGroups groups;
    Image& image = groups.image;
    const std::vector<std::byte> whole = image.bytes();
    for (std::uint64_t len = kSegmentHeaderLen; len < image.end(); ++len) {
        image.bytes().assign(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(len));
        const auto open = image.scan();
        ASSERT_TRUE(open) << len;
        EXPECT_EQ(open->end, len < groups.second  ? groups.first
                             : len < groups.third ? groups.second
                                                  : groups.third);
        EXPECT_FALSE(image.scan(image.end())) << len;
    }
}

TEST(SegmentScanTest, NothingBehindTheEndOfAClosedSegmentCounts) {
    ThreeGroups groups;
    Image& image = groups.image;
    const auto scan = image.scan(groups.third);
    ASSERT_TRUE(scan);
    EXPECT_EQ(scan->end, groups.third);
    EXPECT_EQ(image.units(), 4u);
    image.bytes()[groups.third] ^= std::byte{1};
    EXPECT_TRUE(image.scan(groups.third));
    image.bytes()[groups.third - kGroupAlign] ^= std::byte{1};
    const auto rotten = image.scan(groups.third);
    ASSERT_FALSE(rotten);
    EXPECT_EQ(rotten.error().offset, groups.second);
}

TEST(SegmentScanTest, AGroupInTheWrongPlaceIsNone) {
    ThreeGroups groups;
    auto& bytes = groups.image.bytes();
    std::copy(bytes.begin() + static_cast<std::ptrdiff_t>(groups.third),
              bytes.begin() + static_cast<std::ptrdiff_t>(groups.image.end()),
              bytes.begin() + static_cast<std::ptrdiff_t>(groups.second));
    const auto scan = groups.image.scan();
    ASSERT_TRUE(scan);
    EXPECT_EQ(scan->end, groups.second);
}

TEST(SegmentSalvageTest, FindsEveryIntactRecordAroundDamage) {
    ThreeGroups groups;
    auto& bytes = groups.image.bytes();
    bytes[groups.first] ^= std::byte{1};                     // a header: its records remain
    bytes[groups.second + kGroupHeaderLen] ^= std::byte{1};  // one record of two
    std::map<std::uint32_t, int> found;
    salvage_segment(bytes, kHeader, bytes.size(), [&](ByteView record) {
        const auto state = decode(record);
        EXPECT_TRUE(is_genuine(*state));
        ++found[unit_of(*state)];
    });
    EXPECT_EQ(found, (std::map<std::uint32_t, int>{{0, 1}, {1, 1}, {11, 1}, {20, 1}, {21, 1}}));
}

}  // namespace
}  // namespace xdhcpd::journal
