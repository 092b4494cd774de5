#include "tools/xdhcpctl/capture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "support/dhcp6.h"
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

TEST(PacketLine, ShowsMessagesOfIpv6) {
    using namespace xdhcpd::testing;
    const Bytes solicit =
        message6(1, {option6(1, duid_of(7)), ia6(3, 1, ia_address6("2001:db8::7", 0, 0))});
    const Bytes frame = frame6({.source = *parse_ipv6("2001:db8::1"), .source_port = 547},
                               relay6(12, 0, "2001:db8:1::1", "fe80::7",
                                      option6(79, join({bytes({0, 1}), mac(9).bytes()})), solicit));
    pcapng::Packet packet;
    packet.frame = frame;
    nlohmann::json object = packet_json(packet, "eth1");
    EXPECT_EQ(object["message_type"], "dhcp6.solicit");
    EXPECT_EQ(object["duid"], "00:03:00:01:02:00:5e:00:53:07");
    EXPECT_EQ(object["hw_address"], "02:00:5e:00:53:09") << "as the relay says";
    EXPECT_EQ(object["address"], "2001:db8::7");
    EXPECT_EQ(object["link_address"], "2001:db8:1::1");
    EXPECT_EQ(object["source"], "[2001:db8::1]:547");
    EXPECT_EQ(object["xid"], "0x123456");

    const Bytes neighbor =
        frame6({.destination = *parse_ipv6("ff02::1:ff00:7"), .next_header = 58, .hop_limit = 255},
               join({bytes({135, 0, 0, 0, 0, 0, 0, 0}), address6("2001:db8::7")}));
    packet.frame = neighbor;
    object = packet_json(packet, "eth1");
    EXPECT_EQ(object["message_type"], "nd.neighbor-solicitation");
    EXPECT_EQ(object["address"], "2001:db8::7");
    EXPECT_EQ(object["source"], "fe80::5eff:fe00:5301");
}

}  // namespace
}  // namespace xdhcpd::xdhcpctl
