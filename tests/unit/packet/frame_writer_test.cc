#include "packet/frame_writer.h"

#include <gtest/gtest.h>

#include "packet/frame_view.h"
#include "support/frames.h"

namespace xdhcpd {
namespace {

using testing::Bytes;
using testing::FrameSpec;

// The writer and the slow builder of the tests must agree on every byte but the fields they choose
// freely.
TEST(FrameWriterTest, WritesWhatTheBuilderWrites) {
    for (const std::size_t tag_count : {0u, 1u, 2u}) {
        FrameSpec spec;
        spec.source = testing::ip("192.0.2.1");
        spec.destination = testing::ip("192.0.2.77");
        spec.source_port = 67;
        spec.destination_port = 68;
        Udp4Headers headers;
        headers.destination_mac = spec.destination_mac;
        headers.source_mac = spec.source_mac;
        headers.source = spec.source;
        headers.destination = spec.destination;
        headers.source_port = 67;
        headers.destination_port = 68;
        headers.tags.count = static_cast<std::uint8_t>(tag_count);
        for (std::size_t i = 0; i < tag_count; ++i) {
            spec.tags.emplace_back(i == 0 ? 0x88a8 : 0x8100,
                                   static_cast<std::uint16_t>(0x2000 + i));
            headers.tags.tags[i] = {spec.tags[i].first, spec.tags[i].second};
        }
        const Bytes payload(301, std::byte{0x5a});
        Bytes frame(2000, std::byte{0xcc});
        copy_bytes(frame.data() + udp4_payload_offset(tag_count), payload);
        frame.resize(write_udp4_headers(frame, headers, payload.size()));

        Bytes expected = udp_frame(spec, payload);
        const std::size_t ip = testing::ip_offset(spec);
        expected[ip + 6] = std::byte{0x40};  // we set don't-fragment; the builder does not
        expected[ip + 10] =
            frame[ip + 10];  // hence another checksum, which the reader verifies below
        expected[ip + 11] = frame[ip + 11];
        EXPECT_EQ(frame, expected);
        const auto view = FrameView::parse(frame);
        ASSERT_TRUE(view);
        EXPECT_EQ(view->checksum, ChecksumState::kFull);
    }
}

TEST(FrameWriterTest, FillsAFrameToItsLastByte) {
    Bytes frame(udp4_payload_offset(0) + 5);
    EXPECT_EQ(write_udp4_headers(frame, {}, 5), frame.size());
}

TEST(FrameWriterDeathTest, RefusesAPayloadThatDoesNotFit) {
    Bytes frame(udp4_payload_offset(0) + 5);
    EXPECT_DEATH(write_udp4_headers(frame, {}, 6), "assertion failed");
}

}  // namespace
}  // namespace xdhcpd
