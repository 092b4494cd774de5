#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/addresses.h"
#include "pcapng/reader.h"
#include "pcapng/writer.h"

namespace xdhcpd::pcapng {
namespace {

using Bytes = std::vector<std::byte>;

[[nodiscard]] std::string hex(const Bytes& bytes) {
    return to_hex(bytes, 0);
}

[[nodiscard]] Block only_block(const Bytes& bytes) {
    const auto block = first_block(bytes);
    EXPECT_TRUE(block && *block);
    EXPECT_EQ((*block)->bytes.size(), bytes.size());
    return **block;
}

TEST(PcapngWriterTest, ASectionSaysItsByteOrderAndWhoWroteIt) {
    RecordProperty("rfc", "draft-ietf-opsawg-pcapng 4.1");
    Bytes out;
    append(out, Section{"m", "", "xdhcpd"});
    EXPECT_EQ(hex(out),
              "0a0d0d0a00000034"                  // type, length
              "1a2b3c4d00010000ffffffffffffffff"  // magic, version, length not known
              "000200016d000000"
              "00040006786468637064"
              "0000"
              "00000000"  // hardware, application, end
              "00000034");
}

TEST(PcapngWriterTest, AnInterfaceIsEthernetInNanoseconds) {
    RecordProperty("rfc", "draft-ietf-opsawg-pcapng 4.2");
    Bytes out;
    append(out, Interface{"eth1", {}, 96});
    EXPECT_EQ(hex(out),
              "0000000100000028"
              "0001000000000060"
              "0002000465746831"
              "0009000109000000"
              "00000000"
              "00000028");
}

TEST(PcapngWriterTest, APacketCarriesDirectionQueueDropsAndComment) {
    RecordProperty("rfc", "draft-ietf-opsawg-pcapng 4.3");
    const Bytes frame{std::byte{1}, std::byte{2}, std::byte{3}, std::byte{4}, std::byte{5}};
    Packet packet;
    packet.interface_id = 7;
    packet.time_ns = 0x0102030405060708;
    packet.frame = frame;
    packet.frame_len = 300;
    packet.direction = Direction::kOutbound;
    packet.reception = Reception::kBroadcast;
    packet.queue = 3;
    packet.missed_before = 9;
    packet.comment = "why";
    Bytes out;
    append(out, packet);
    EXPECT_EQ(hex(out),
              "0000000600000050"
              "00000007"
              "01020304"
              "05060708"
              "00000005"
              "0000012c"
              "0102030405000000"
              "0001000377687900"
              "000200040000000e"
              "000400080000000000000009"
              "0006000400000003"
              "00000000"
              "00000050");
}

TEST(PcapngWriterTest, StatisticsCloseAnInterface) {
    RecordProperty("rfc", "draft-ietf-opsawg-pcapng 4.6");
    Bytes out;
    append(out, Statistics{1, 2, 3, 4, 5, 6});
    EXPECT_EQ(hex(out),
              "000000050000004c"
              "00000001"
              "0000000000000002"
              "000200080000000000000003"
              "000300080000000000000004"
              "000400080000000000000005"
              "000500080000000000000006"
              "00000000"
              "0000004c");
}

TEST(PcapngReaderTest, ReadsWhatTheWriterWrites) {
    for (std::size_t len = 0; len < 70; ++len) {
        const Bytes frame(len, std::byte{0xa5});
        const std::string comment(len, 'c');
        Packet packet;
        packet.time_ns = 1234567890123456789;
        packet.frame = frame;
        packet.frame_len = 1500;
        packet.direction = Direction::kInbound;
        packet.reception = Reception::kUnicast;
        packet.missed_before = len;
        packet.comment = comment;
        Bytes out;
        append(out, packet);
        const auto read = read_packet(only_block(out));
        ASSERT_TRUE(read);
        EXPECT_TRUE(equal_bytes(read->frame, frame));
        EXPECT_EQ(read->comment, comment);
        EXPECT_EQ(read->time_ns, packet.time_ns);
        EXPECT_EQ(read->missed_before, len);
        EXPECT_FALSE(read->queue);
        EXPECT_EQ(read->direction, Direction::kInbound);
        EXPECT_EQ(read->reception, Reception::kUnicast);
    }
    Bytes out;
    append(out, Section{"x86_64", "Linux", "xdhcpd"});
    EXPECT_EQ(read_section(only_block(out))->application, "xdhcpd");
    out.clear();
    append(out, Interface{"eth1", "driver xdp", 60});
    EXPECT_EQ(read_interface(only_block(out))->name, "eth1");
    EXPECT_EQ(read_interface(only_block(out))->snaplen, 60u);
    out.clear();
    append(out, Statistics{1, 2, 3, 4, 5, 6});
    EXPECT_EQ(read_statistics(only_block(out))->missed, 6u);
}

TEST(PcapngReaderTest, WaitsForTheRestOfABlock) {
    Bytes out;
    append(out, Interface{"eth1", {}, 0});
    for (std::size_t len = 0; len < out.size(); ++len) {
        const auto block = first_block(ByteView{out}.first(len));
        ASSERT_TRUE(block);
        EXPECT_FALSE(*block) << len;
    }
}

TEST(PcapngReaderTest, RefusesLengthsThatLie) {
    Bytes good;
    append(good, Interface{"eth1", {}, 0});
    for (const std::uint32_t len : {0u, 11u, 13u, 0xfffffff0u}) {
        Bytes bad = good;
        store_be32(bad.data() + 4, len);
        EXPECT_EQ(first_block(bad).error(), ReadError::kBadBlockLength);
    }
    Bytes bad = good;
    store_be32(bad.data() + bad.size() - 4, 12);
    EXPECT_EQ(first_block(bad).error(), ReadError::kBadBlockLength);
    bad = good;
    store_be16(bad.data() + 18, 200);  // length of the name
    EXPECT_EQ(read_interface(only_block(bad)).error(), ReadError::kBadOption);
    bad = good;
    store_be16(bad.data() + 8, 113);  // link type
    EXPECT_EQ(read_interface(only_block(bad)).error(), ReadError::kBadInterface);
    Bytes packet;
    append(packet, Packet{});
    store_be32(packet.data() + 20, 5000);  // bytes kept
    EXPECT_EQ(read_packet(only_block(packet)).error(), ReadError::kBadPacket);
    Bytes section;
    append(section, Section{});
    store_be32(section.data() + 8, 0x4d3c2b1a);
    EXPECT_EQ(read_section(only_block(section)).error(), ReadError::kBadSection);
    EXPECT_EQ(name(ReadError::kBadOption), "bad-option");
}

}  // namespace
}  // namespace xdhcpd::pcapng
