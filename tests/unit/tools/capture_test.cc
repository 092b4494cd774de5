#include "tools/xdhcpctl/capture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "tools/xdhcpctl/packet_line.h"

namespace xdhcpd::xdhcpctl {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;

TEST(ParseDuration, WantsANumberAndAUnit) {
    EXPECT_EQ(parse_duration("500ms"), 500u);
    EXPECT_EQ(parse_duration("10s"), 10'000u);
    EXPECT_EQ(parse_duration("5m"), 300'000u);
    EXPECT_EQ(parse_duration("1h"), 3'600'000u);
    for (const char* const text : {"", "10", "0s", "-1s", "s", "10 s", "1.5s", "99999999999s"}) {
        EXPECT_FALSE(parse_duration(text)) << text;
    }
}

TEST(CaptureRequest, LeavesOutWhatWasNotSaid) {
    EXPECT_EQ(capture_request({})->dump(), R"({"command":"capture","dropped":false})");
    CaptureArguments arguments;
    arguments.duration = "2s";
    arguments.count = 3;
    EXPECT_EQ((*capture_request(arguments))["duration_ms"], 2000);
    EXPECT_EQ((*capture_request(arguments))["count"], 3);
    arguments.duration = "soon";
    EXPECT_FALSE(capture_request(arguments));
}

TEST(PacketLine, ShowsWhatCannotBeReadToo) {
    constexpr std::array<std::byte, 14> kFrame{std::byte{0xff}, std::byte{0xff}};
    pcapng::Packet packet;
    packet.frame = kFrame;
    packet.frame_len = kFrame.size();
    packet.direction = pcapng::Direction::kInbound;
    packet.comment = "frame.not-ipv4: not a \x1b[2J datagram";
    packet.queue = 3;
    packet.missed_before = 2;
    const nlohmann::json object = packet_json(packet, "eth1");
    EXPECT_EQ(object["verdict"], "frame.not-ipv4");
    EXPECT_EQ(object["hw_address"], "00:00:00:00:00:00");
    const std::string line = packet_line(object);
    EXPECT_THAT(line, HasSubstr("  in   eth1:3    -         00:00:00:00:00:00  -  "));
    EXPECT_THAT(line, EndsWith("frame.not-ipv4: not a ?[2J datagram (2 packets missed before)"));
    static_cast<void>(packet_line(packet_json(pcapng::Packet{}, "")));
}

}  // namespace
}  // namespace xdhcpd::xdhcpctl
