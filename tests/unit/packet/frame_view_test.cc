#include "packet/frame_view.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "base/random.h"
#include "packet/checksum.h"
#include "support/frames.h"

namespace xdhcpd {
namespace {

using testing::Bytes;
using testing::FrameSpec;
using testing::udp_frame;

const Bytes kPayload = testing::bytes({1, 2, 3, 4, 5, 6, 7});

void store16(Bytes& frame, std::size_t at, std::uint16_t value) {
    frame[at] = static_cast<std::byte>(value >> 8);
    frame[at + 1] = static_cast<std::byte>(value & 0xff);
}

// Makes the IPv4 header checksum right again after a change.
void mend_ip_checksum(Bytes& frame, std::size_t ip) {
    store16(frame, ip + 10, 0);
    const std::size_t len = (std::to_integer<std::size_t>(frame[ip]) & 15) * 4;
    store16(frame, ip + 10,
            static_cast<std::uint16_t>(~testing::slow_sum(ByteView{frame}.subspan(ip, len))));
}

FrameError error_of(ByteView frame) {
    const auto view = FrameView::parse(frame);
    return view ? FrameError::kCount : view.error();
}

TEST(FrameViewTest, ReadsEveryFieldOfAnUntaggedFrame) {
    FrameSpec spec;
    spec.source = testing::ip("192.0.2.9");
    spec.destination = testing::ip("192.0.2.1");
    const Bytes frame = udp_frame(spec, kPayload);
    const auto view = FrameView::parse(frame);
    ASSERT_TRUE(view);
    EXPECT_EQ(view->destination_mac, kBroadcastMac);
    EXPECT_EQ(view->source_mac, testing::mac(1));
    EXPECT_EQ(view->source, testing::ip("192.0.2.9"));
    EXPECT_EQ(view->destination, testing::ip("192.0.2.1"));
    EXPECT_EQ(view->source_port, 68);
    EXPECT_EQ(view->destination_port, 67);
    EXPECT_EQ(view->tags.count, 0);
    EXPECT_EQ(view->checksum, ChecksumState::kFull);
    EXPECT_TRUE(equal_bytes(view->payload, kPayload));
}

TEST(FrameViewTest, ReadsOneAndTwoTags) {
    FrameSpec spec;
    spec.tags = {{0x8100, 0x6064}};
    auto view = FrameView::parse(udp_frame(spec, kPayload));
    ASSERT_TRUE(view);
    ASSERT_EQ(view->tags.count, 1);
    EXPECT_EQ(view->tags.tags[0].vid(), 100);
    EXPECT_EQ(view->tags.tags[0].tci, 0x6064);
    spec.tags = {{0x88a8, 7}, {0x8100, 4094}};
    view = FrameView::parse(udp_frame(spec, kPayload));
    ASSERT_TRUE(view);
    ASSERT_EQ(view->tags.count, 2);
    EXPECT_EQ(view->tags.tags[0], (VlanTag{0x88a8, 7}));
    EXPECT_EQ(view->tags.tags[1], (VlanTag{0x8100, 4094}));
}

TEST(FrameViewTest, RefusesAThirdTag) {
    FrameSpec spec;
    spec.tags = {{0x88a8, 7}, {0x8100, 8}, {0x8100, 9}};
    EXPECT_EQ(error_of(udp_frame(spec, kPayload)), FrameError::kTooManyTags);
}

TEST(FrameViewTest, StepsOverIpOptionsAndIgnoresPadding) {
    FrameSpec spec;
    spec.ip_options = testing::bytes({1, 1, 1, 0});
    spec.padding = Bytes(18, std::byte{0xee});
    const Bytes frame = udp_frame(spec, kPayload);  // which the view borrows
    const auto view = FrameView::parse(frame);
    ASSERT_TRUE(view);
    EXPECT_TRUE(equal_bytes(view->payload, kPayload));
}

// Any prefix of a good frame is an error, and never the same as the whole.
TEST(FrameViewTest, RefusesEveryTruncation) {
    FrameSpec spec;
    spec.tags = {{0x88a8, 7}, {0x8100, 8}};
    const Bytes frame = udp_frame(spec, kPayload);
    std::set<FrameError> seen;
    for (std::size_t len = 0; len < frame.size(); ++len) {
        const Bytes cut(frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(len));
        const FrameError error = error_of(cut);
        EXPECT_NE(error, FrameError::kCount) << len;
        seen.insert(error);
    }
    EXPECT_EQ(seen, (std::set<FrameError>{FrameError::kTruncatedEthernet, FrameError::kTruncatedIp,
                                          FrameError::kBadIpLength}));
}

TEST(FrameViewTest, RefusesOtherEtherTypesAndVersions) {
    Bytes frame = udp_frame({}, kPayload);
    store16(frame, 12, 0x0806);
    EXPECT_EQ(error_of(frame), FrameError::kNotIpv4);
    frame = udp_frame({}, kPayload);
    frame[14] = std::byte{0x65};
    EXPECT_EQ(error_of(frame), FrameError::kNotIpv4);
}

TEST(FrameViewTest, RefusesHeaderLengthsOutsideTheFrame) {
    Bytes frame = udp_frame({}, kPayload);
    frame[14] = std::byte{0x44};
    EXPECT_EQ(error_of(frame), FrameError::kTruncatedIp);
    frame[14] = std::byte{0x4f};
    EXPECT_EQ(error_of(frame), FrameError::kTruncatedIp);
}

TEST(FrameViewTest, RefusesTotalLengthsOutsideTheFrame) {
    Bytes frame = udp_frame({}, kPayload);
    store16(frame, 16, 19);
    EXPECT_EQ(error_of(frame), FrameError::kBadIpLength);
    store16(frame, 16, static_cast<std::uint16_t>(frame.size() - 14 + 1));
    EXPECT_EQ(error_of(frame), FrameError::kBadIpLength);
}

TEST(FrameViewTest, RefusesABadIpChecksum) {
    RecordProperty("rfc", "1122 3.2.1.2");
    Bytes frame = udp_frame({}, kPayload);
    frame[22] = std::byte{63};
    EXPECT_EQ(error_of(frame), FrameError::kBadIpChecksum);
}

TEST(FrameViewTest, RefusesFragments) {
    for (const std::uint16_t field :
         {std::uint16_t{0x2000}, std::uint16_t{1}, std::uint16_t{0x1fff}}) {
        Bytes frame = udp_frame({}, kPayload);
        store16(frame, 20, field);
        mend_ip_checksum(frame, 14);
        EXPECT_EQ(error_of(frame), FrameError::kIpFragment);
    }
    Bytes whole = udp_frame({}, kPayload);
    store16(whole, 20, 0x4000);  // don't fragment
    mend_ip_checksum(whole, 14);
    EXPECT_EQ(error_of(whole), FrameError::kCount);
}

TEST(FrameViewTest, RefusesOtherProtocols) {
    Bytes frame = udp_frame({}, kPayload);
    frame[23] = std::byte{6};
    mend_ip_checksum(frame, 14);
    EXPECT_EQ(error_of(frame), FrameError::kNotUdp);
}

TEST(FrameViewTest, RefusesUdpLengthsOutsideThePacket) {
    Bytes frame = udp_frame({}, kPayload);
    store16(frame, 38, 7);
    EXPECT_EQ(error_of(frame), FrameError::kBadUdpLength);
    store16(frame, 38, static_cast<std::uint16_t>(8 + kPayload.size() + 1));
    EXPECT_EQ(error_of(frame), FrameError::kBadUdpLength);
}

TEST(FrameViewTest, RefusesAPacketWithoutRoomForUdp) {
    Bytes frame = udp_frame({}, kPayload);
    store16(frame, 16, 20 + 7);
    mend_ip_checksum(frame, 14);
    EXPECT_EQ(error_of(frame), FrameError::kTruncatedUdp);
}

TEST(FrameViewTest, AcceptsUdpChecksumsThatAreZeroOrJustThePseudoHeader) {
    RecordProperty("rfc", "768");
    Bytes frame = udp_frame({}, kPayload);
    store16(frame, 40, 0);
    auto view = FrameView::parse(frame);
    ASSERT_TRUE(view);
    EXPECT_EQ(view->checksum, ChecksumState::kZero);
    store16(frame, 40,
            udp4_pseudo_header_sum({}, kBroadcastIpv4,
                                   static_cast<std::uint16_t>(8 + kPayload.size())));
    view = FrameView::parse(frame);
    ASSERT_TRUE(view);
    EXPECT_EQ(view->checksum, ChecksumState::kPseudoHeader);
}

TEST(FrameViewTest, RefusesAnyOtherUdpChecksum) {
    Bytes frame = udp_frame({}, kPayload);
    frame.back() ^= std::byte{1};
    EXPECT_EQ(error_of(frame), FrameError::kBadUdpChecksum);
}

// Frames of every kind, some of their octets changed, by both ways: the short one must refuse what
// it does not understand, and understand what most frames are.
TEST(FrameViewTest, TheShortWayReadsWhatTheLongWayReads) {
    Random random{5};
    std::size_t read_by_both = 0;
    for (int i = 0; i < 30'000; ++i) {
        FrameSpec spec;
        spec.source = Ipv4{static_cast<std::uint32_t>(random.next())};
        spec.tags.resize(random.below(8) == 0 ? random.below(4) : 0, {0x8100, 7});
        spec.ip_options.resize(random.below(8) == 0 ? 4 * random.below(11) : 0, std::byte{1});
        spec.padding.resize(random.below(3));
        Bytes frame = udp_frame(spec, Bytes(random.below(400), std::byte{0x5a}));
        const std::size_t ip = ip_offset(spec);
        const std::uint32_t kind = random.below(8);
        if (kind < 4) {
            const std::size_t at = random.below(4) == 0 ? random.below(60) : 12 + random.below(32);
            frame[std::min(at, frame.size() - 1)] = static_cast<std::byte>(random.next());
        } else if (kind == 4) {
            frame.resize(random.below(static_cast<std::uint32_t>(frame.size())));
        } else if (kind == 5) {
            store16(frame, ip + 20 + spec.ip_options.size() + 6, 0);
        }
        if (kind < 3 && frame.size() >= ip + 60) {
            mend_ip_checksum(frame, ip);
        }
        FrameView by_long_way;
        FrameView by_short_way;
        const bool is_good = !by_long_way.read_any(frame);
        const bool is_common = by_short_way.read_common(frame);
        const bool is_plain =
            is_good && by_long_way.tags.count == 0 && frame[14] == std::byte{0x45};
        ASSERT_EQ(is_common, is_plain) << i;
        if (is_common) {
            ++read_by_both;
            ASSERT_EQ(by_short_way.destination_mac, by_long_way.destination_mac);
            ASSERT_EQ(by_short_way.source_mac, by_long_way.source_mac);
            ASSERT_EQ(by_short_way.tags, by_long_way.tags);
            ASSERT_EQ(by_short_way.source, by_long_way.source);
            ASSERT_EQ(by_short_way.destination, by_long_way.destination);
            ASSERT_EQ(by_short_way.source_port, by_long_way.source_port);
            ASSERT_EQ(by_short_way.destination_port, by_long_way.destination_port);
            ASSERT_EQ(by_short_way.checksum, by_long_way.checksum);
            ASSERT_EQ(by_short_way.payload.data(), by_long_way.payload.data());
            ASSERT_EQ(by_short_way.payload.size(), by_long_way.payload.size());
        }
    }
    EXPECT_GT(read_by_both, 6'000u);
}

TEST(FrameViewTest, NamesAreDistinct) {
    std::set<std::string_view> names;
    for (std::size_t i = 0; i < static_cast<std::size_t>(FrameError::kCount); ++i) {
        names.insert(name(static_cast<FrameError>(i)));
    }
    EXPECT_EQ(names.size(), static_cast<std::size_t>(FrameError::kCount));
}

}  // namespace
}  // namespace xdhcpd
