#include "packet/frame_view6.h"

#include <gtest/gtest.h>

#include <set>

#include "packet/checksum.h"
#include "support/frames.h"

namespace xdhcpd {
namespace {

using testing::Bytes;
using testing::frame6;
using testing::FrameSpec6;

const Bytes kPayload = testing::bytes({1, 2, 3, 4, 5, 6, 7});
const Bytes kSolicitation = testing::bytes({133, 0, 0, 0, 0, 0, 0, 0});
constexpr std::size_t kIp = 14;
constexpr std::size_t kUpper = kIp + 40;

void store16(Bytes& frame, std::size_t at, std::uint16_t value) {
    frame[at] = static_cast<std::byte>(value >> 8);
    frame[at + 1] = static_cast<std::byte>(value & 0xff);
}

FrameError6 error_of(ByteView frame) {
    const auto view = FrameView6::parse(frame);
    return view ? FrameError6::kCount : view.error();
}

FrameSpec6 icmp_spec() {
    FrameSpec6 spec;
    spec.next_header = 58;
    spec.hop_limit = 255;
    return spec;
}

TEST(FrameView6Test, ReadsEveryFieldOfAUdpFrame) {
    FrameSpec6 spec;
    spec.hop_limit = 7;
    spec.source_port = 1024;
    const Bytes frame = frame6(spec, kPayload);
    const auto view = FrameView6::parse(frame);
    ASSERT_TRUE(view);
    EXPECT_EQ(view->destination_mac, spec.destination_mac);
    EXPECT_EQ(view->source_mac, testing::mac(1));
    EXPECT_EQ(view->tags.count, 0);
    EXPECT_EQ(view->source, spec.source);
    EXPECT_EQ(view->destination, spec.destination);
    EXPECT_EQ(view->hop_limit, 7);
    EXPECT_EQ(view->protocol, Protocol6::kUdp);
    EXPECT_EQ(view->source_port, 1024);
    EXPECT_EQ(view->destination_port, 547);
    EXPECT_EQ(view->checksum, ChecksumState::kFull);
    EXPECT_TRUE(equal_bytes(view->payload, kPayload));
}

TEST(FrameView6Test, ReadsAnIcmpMessageFromItsTypeOn) {
    const Bytes frame = frame6(icmp_spec(), kSolicitation);
    const auto view = FrameView6::parse(frame);
    ASSERT_TRUE(view);
    EXPECT_EQ(view->protocol, Protocol6::kIcmpv6);
    EXPECT_EQ(view->hop_limit, 255);
    EXPECT_EQ(view->source_port, 0);
    ASSERT_EQ(view->payload.size(), kSolicitation.size());
    EXPECT_EQ(view->payload[0], std::byte{133});
}

// One view for frame after frame: nothing of the last one stays.
TEST(FrameView6Test, ReadingAgainForgetsTheFrameBefore) {
    FrameView6 view;
    FrameSpec6 tagged;
    tagged.tags = {{0x8100, 5}};
    const Bytes udp = frame6(tagged, kPayload);
    const Bytes icmp = frame6(icmp_spec(), kSolicitation);
    ASSERT_FALSE(view.read(udp));
    ASSERT_FALSE(view.read(icmp));
    EXPECT_EQ(view.tags.count, 0);
    EXPECT_EQ(view.source_port, 0);
    EXPECT_EQ(view.destination_port, 0);
    EXPECT_EQ(view.protocol, Protocol6::kIcmpv6);
}

TEST(FrameView6Test, ReadsOneAndTwoTagsAndRefusesAThird) {
    FrameSpec6 spec;
    spec.tags = {{0x8100, 0x6064}};
    auto view = FrameView6::parse(frame6(spec, kPayload));
    ASSERT_TRUE(view);
    ASSERT_EQ(view->tags.count, 1);
    EXPECT_EQ(view->tags.tags[0].vid(), 100);
    spec.tags = {{0x88a8, 7}, {0x8100, 4094}};
    view = FrameView6::parse(frame6(spec, kPayload));
    ASSERT_TRUE(view);
    ASSERT_EQ(view->tags.count, 2);
    EXPECT_EQ(view->tags.tags[1], (VlanTag{0x8100, 4094}));
    spec.tags.emplace_back(0x8100, 9);
    EXPECT_EQ(error_of(frame6(spec, kPayload)), FrameError6::kTooManyTags);
}

TEST(FrameView6Test, IgnoresPadding) {
    FrameSpec6 spec;
    spec.padding = Bytes(9, std::byte{0xee});
    const Bytes frame = frame6(spec, kPayload);
    const auto view = FrameView6::parse(frame);
    ASSERT_TRUE(view);
    EXPECT_TRUE(equal_bytes(view->payload, kPayload));
}

TEST(FrameView6Test, RefusesEveryTruncation) {
    FrameSpec6 spec;
    spec.tags = {{0x88a8, 7}, {0x8100, 8}};
    const Bytes frame = frame6(spec, kPayload);
    std::set<FrameError6> seen;
    for (std::size_t len = 0; len < frame.size(); ++len) {
        const Bytes cut(frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(len));
        const FrameError6 error = error_of(cut);
        EXPECT_NE(error, FrameError6::kCount) << len;
        seen.insert(error);
    }
    EXPECT_EQ(seen, (std::set<FrameError6>{FrameError6::kTruncatedEthernet,
                                           FrameError6::kTruncatedIp, FrameError6::kBadIpLength}));
}

TEST(FrameView6Test, RefusesOtherEtherTypesAndVersions) {
    Bytes frame = frame6({}, kPayload);
    store16(frame, 12, 0x0800);
    EXPECT_EQ(error_of(frame), FrameError6::kNotIpv6);
    frame = frame6({}, kPayload);
    frame[kIp] = std::byte{0x45};
    EXPECT_EQ(error_of(frame), FrameError6::kNotIpv6);
}

TEST(FrameView6Test, RefusesAMulticastSource) {
    RecordProperty("rfc", "4291 2.7");
    FrameSpec6 spec;
    spec.source = kAllNodes;
    EXPECT_EQ(error_of(frame6(spec, kPayload)), FrameError6::kMulticastSource);
}

TEST(FrameView6Test, LeavesFragmentsToTheKernel) {
    RecordProperty("rfc", "8200 4.5");
    FrameSpec6 spec;
    spec.next_header = 44;
    EXPECT_EQ(error_of(frame6(spec, kPayload)), FrameError6::kIpFragment);
}

TEST(FrameView6Test, LeavesExtensionHeadersToTheKernel) {
    RecordProperty("rfc", "8200 4");
    for (const int header : {0, 43, 50, 51, 60, 135, 139, 140, 253, 254}) {
        FrameSpec6 spec;
        spec.next_header = header;
        EXPECT_EQ(error_of(frame6(spec, kPayload)), FrameError6::kExtensionHeader) << header;
    }
}

TEST(FrameView6Test, RefusesOtherProtocols) {
    for (const int protocol : {6, 59, 89, 132, 255}) {
        FrameSpec6 spec;
        spec.next_header = protocol;
        EXPECT_EQ(error_of(frame6(spec, kPayload)), FrameError6::kOtherProtocol) << protocol;
    }
}

TEST(FrameView6Test, RefusesUdpLengthsOutsideThePacket) {
    Bytes frame = frame6({}, kPayload);
    store16(frame, kUpper + 4, 7);
    EXPECT_EQ(error_of(frame), FrameError6::kBadUdpLength);
    store16(frame, kUpper + 4, static_cast<std::uint16_t>(8 + kPayload.size() + 1));
    EXPECT_EQ(error_of(frame), FrameError6::kBadUdpLength);
    store16(frame, kIp + 4, 7);
    EXPECT_EQ(error_of(frame), FrameError6::kTruncatedUdp);
}

TEST(FrameView6Test, RefusesAUdpChecksumOfZero) {
    RecordProperty("rfc", "8200 8.1");
    Bytes frame = frame6({}, kPayload);
    store16(frame, kUpper + 6, 0);
    EXPECT_EQ(error_of(frame), FrameError6::kNoUdpChecksum);
}

TEST(FrameView6Test, AcceptsAndMarksJustThePseudoHeader) {
    const FrameSpec6 spec;
    Bytes frame = frame6(spec, kPayload);
    Bytes pseudo;
    testing::append(pseudo, spec.source.bytes());
    testing::append(pseudo, spec.destination.bytes());
    testing::append32(pseudo, static_cast<std::uint32_t>(8 + kPayload.size()));
    testing::append32(pseudo, 17);
    store16(frame, kUpper + 6, testing::slow_sum(pseudo));
    const auto view = FrameView6::parse(frame);
    ASSERT_TRUE(view);
    EXPECT_EQ(view->checksum, ChecksumState::kPseudoHeader);
}

TEST(FrameView6Test, RefusesAnyOtherUdpChecksum) {
    Bytes frame = frame6({}, kPayload);
    frame.back() ^= std::byte{1};
    EXPECT_EQ(error_of(frame), FrameError6::kBadUdpChecksum);
}

// The addresses are part of the sum: a packet that was meant for somebody else is found out.
TEST(FrameView6Test, TheChecksumCoversThePseudoHeader) {
    RecordProperty("rfc", "8200 8.1");
    Bytes frame = frame6({}, kPayload);
    frame[kIp + 39] ^= std::byte{1};
    EXPECT_EQ(error_of(frame), FrameError6::kBadUdpChecksum);
    frame = frame6(icmp_spec(), kSolicitation);
    frame[kIp + 23] ^= std::byte{1};
    EXPECT_EQ(error_of(frame), FrameError6::kBadIcmpChecksum);
}

TEST(FrameView6Test, RefusesABadIcmpChecksumAlsoThatOfThePseudoHeader) {
    RecordProperty("rfc", "4443 2.3");
    const FrameSpec6 spec = icmp_spec();
    Bytes frame = frame6(spec, kSolicitation);
    frame.back() ^= std::byte{1};
    EXPECT_EQ(error_of(frame), FrameError6::kBadIcmpChecksum);
    frame = frame6(spec, kSolicitation);
    store16(frame, kUpper + 2, 0);
    EXPECT_EQ(error_of(frame), FrameError6::kBadIcmpChecksum);
    Bytes pseudo;
    testing::append(pseudo, spec.source.bytes());
    testing::append(pseudo, spec.destination.bytes());
    testing::append32(pseudo, static_cast<std::uint32_t>(kSolicitation.size()));
    testing::append32(pseudo, 58);
    store16(frame, kUpper + 2, testing::slow_sum(pseudo));
    EXPECT_EQ(error_of(frame), FrameError6::kBadIcmpChecksum);
}

TEST(FrameView6Test, RefusesAPacketWithoutRoomForIcmp) {
    EXPECT_EQ(error_of(frame6(icmp_spec(), testing::bytes({133, 0, 0}))),
              FrameError6::kTruncatedIcmp);
}

TEST(FrameView6Test, NamesAreDistinct) {
    std::set<std::string_view> names;
    for (std::size_t i = 0; i < static_cast<std::size_t>(FrameError6::kCount); ++i) {
        names.insert(name(static_cast<FrameError6>(i)));
    }
    EXPECT_EQ(names.size(), static_cast<std::size_t>(FrameError6::kCount));
}

}  // namespace
}  // namespace xdhcpd
