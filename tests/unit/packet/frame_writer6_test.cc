#include "packet/frame_writer6.h"

#include <gtest/gtest.h>

#include "packet/frame_view6.h"
#include "support/frames.h"

namespace xdhcpd {
namespace {

using testing::Bytes;
using testing::frame6;
using testing::FrameSpec6;

struct Case {
    FrameSpec6 spec;
    Ipv6Headers headers;
};

Case with_tags(std::size_t tag_count) {
    Case made;
    made.spec.source = *parse_ipv6("fe80::1");
    made.spec.destination = *parse_ipv6("2001:db8::77");
    made.headers = {.destination_mac = made.spec.destination_mac,
                    .source_mac = made.spec.source_mac,
                    .tags = {},
                    .source = made.spec.source,
                    .destination = made.spec.destination};
    made.headers.tags.count = static_cast<std::uint8_t>(tag_count);
    for (std::size_t i = 0; i < tag_count; ++i) {
        made.spec.tags.emplace_back(i == 0 ? 0x88a8 : 0x8100,
                                    static_cast<std::uint16_t>(0x2000 + i));
        made.headers.tags.tags[i] = {made.spec.tags[i].first, made.spec.tags[i].second};
    }
    return made;
}

// The writer and the slow builder of the tests must agree on every byte.
TEST(FrameWriter6Test, WritesWhatTheBuilderWritesForUdp) {
    for (const std::size_t tag_count : {0u, 1u, 2u}) {
        for (const std::size_t payload_len : {0u, 1u, 300u, 301u}) {
            const Case made = with_tags(tag_count);
            const Bytes payload(payload_len, std::byte{0x5a});
            Bytes frame(2000, std::byte{0xcc});
            copy_bytes(frame.data() + udp6_payload_offset(tag_count), payload);
            frame.resize(write_udp6_headers(
                frame, {.ip = made.headers, .source_port = 546, .destination_port = 547},
                payload_len));
            EXPECT_EQ(frame, frame6(made.spec, payload));
        }
    }
}

TEST(FrameWriter6Test, WritesWhatTheBuilderWritesForIcmp) {
    RecordProperty("rfc", "4443 2.3");
    for (const std::size_t tag_count : {0u, 1u, 2u}) {
        Case made = with_tags(tag_count);
        made.spec.next_header = 58;
        made.spec.hop_limit = 255;
        made.headers.hop_limit = kMaxHopLimit;
        const Bytes message(33, std::byte{0x5a});
        Bytes frame(2000, std::byte{0xcc});
        copy_bytes(frame.data() + icmp6_offset(tag_count), message);
        frame.resize(write_icmp6_headers(frame, made.headers, message.size()));
        EXPECT_EQ(frame, frame6(made.spec, message));
    }
}

TEST(FrameWriter6Test, WritesTheTrafficClass) {
    RecordProperty("rfc", "8200 7");
    Bytes frame(100);
    Udp6Headers headers;
    headers.ip.traffic_class = 0xb8;
    frame.resize(write_udp6_headers(frame, headers, 4));
    EXPECT_EQ(frame[14], std::byte{0x6b});
    EXPECT_EQ(frame[15], std::byte{0x80});
    EXPECT_TRUE(FrameView6::parse(frame));
}

// A sum of zero must not be sent as zero, which would mean that there is none.
TEST(FrameWriter6Test, UdpSumOfZeroIsSentAsAllOnes) {
    RecordProperty("rfc", "8200 8.1");
    Bytes frame(udp6_payload_offset(0) + 2);
    const Udp6Headers headers{.ip = {}, .source_port = 547, .destination_port = 546};
    ASSERT_EQ(write_udp6_headers(frame, headers, 2), frame.size());
    const std::size_t checksum_at = udp6_payload_offset(0) - 2;
    // What the checksum says is missing goes into the payload.
    frame[checksum_at + 2] = frame[checksum_at];
    frame[checksum_at + 3] = frame[checksum_at + 1];
    ASSERT_EQ(write_udp6_headers(frame, headers, 2), frame.size());
    EXPECT_EQ(frame[checksum_at], std::byte{0xff});
    EXPECT_EQ(frame[checksum_at + 1], std::byte{0xff});
    EXPECT_TRUE(FrameView6::parse(frame));
}

TEST(FrameWriter6DeathTest, RefusesAPayloadThatDoesNotFit) {
    Bytes frame(udp6_payload_offset(0) + 5);
    EXPECT_EQ(write_udp6_headers(frame, {}, 5), frame.size());
    EXPECT_DEATH(write_udp6_headers(frame, {}, 6), "assertion failed");
    EXPECT_DEATH(write_icmp6_headers(frame, {}, 14), "assertion failed");
    EXPECT_DEATH(write_icmp6_headers(frame, {}, 3), "assertion failed");
}

}  // namespace
}  // namespace xdhcpd
