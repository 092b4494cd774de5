#include "dhcp4/writer.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "message_builder.h"

namespace xdhcpd::dhcp4 {
namespace {

using testing::Bytes;
using testing::bytes;
using testing::counting;
using testing::filled;
using testing::kEndOption;
using testing::option;
using testing::to_bytes;
using testing::operator+;

constexpr auto kHostName = OptionCode::kHostName;
constexpr auto kDomainName = OptionCode::kDomainName;
constexpr auto kRootPath = OptionCode::kRootPath;
constexpr auto kVendorOptions = OptionCode::kVendorEncapsulatedOptions;
constexpr unsigned kGuard = 0xa5;

// A buffer with guards around it and old octets in it.
class Buffer {
  public:
    explicit Buffer(std::size_t len) : storage_{filled(len + 2 * kGuardLen, kGuard)}, len_{len} {}
    MutableBytes span() { return MutableBytes{storage_}.subspan(kGuardLen, len_); }
    // Whether only the first `len` octets of the span have been touched.
    [[nodiscard]] bool intact_behind(std::size_t len) const {
        const auto is_guard = [](std::byte octet) { return octet == std::byte{kGuard}; };
        return std::all_of(storage_.begin(), storage_.begin() + kGuardLen, is_guard) &&
               std::all_of(storage_.begin() + static_cast<std::ptrdiff_t>(kGuardLen + len),
                           storage_.end(), is_guard);
    }
    Bytes first(std::size_t len) { return to_bytes(span().first(len)); }

  private:
    static constexpr std::ptrdiff_t kGuardLen = 64;
    Bytes storage_;
    std::size_t len_;
};

Bytes slice(const Bytes& whole, std::size_t offset, std::size_t len) {
    return to_bytes(ByteView{whole}.subspan(offset, len));
}

// A message without options but a fixed part, all octets known.
const Bytes kChaddr = bytes({2, 0, 0x5e, 0, 0x53, 1});
ReplyHeader header() {
    return {.htype = 1,
            .hlen = 6,
            .hops = 2,
            .xid = 0xdeadbeef,
            .secs = 7,
            .flags = 0x8000,
            .ciaddr = {0xc0000201},
            .yiaddr = {0xc0000202},
            .siaddr = {0xc0000203},
            .giaddr = {0xc0000204},
            .chaddr = kChaddr,
            .sname = {},
            .file = {}};
}

TEST(ReplyWriterTest, WritesTheFixedFieldsOctetForOctet) {
    RecordProperty("rfc", "2131 2");
    Buffer buffer{600};
    ReplyHeader fields = header();
    const Bytes sname = to_bytes("server");
    const Bytes file = to_bytes("boot.img");
    fields.sname = sname;
    fields.file = file;
    ReplyWriter writer{buffer.span(), fields, kDefaultMaxLen};
    ASSERT_TRUE(writer.add_message_type(MessageType::kOffer));
    const std::size_t len = writer.finish({});
    EXPECT_EQ(len, 300U);
    EXPECT_TRUE(buffer.intact_behind(len));
    const Bytes expected =
        bytes({2, 1, 6, 2,   0xde, 0xad, 0xbe, 0xef, 0, 7, 0x80, 0, 192, 0,    2, 1,    192,
               0, 2, 2, 192, 0,    2,    3,    192,  0, 2, 4,    2, 0,   0x5e, 0, 0x53, 1}) +
        filled(10, 0) + sname + filled(58, 0) + file + filled(120, 0) +
        bytes({99, 130, 83, 99, 53, 1, 2, 255}) + filled(56, 0);
    EXPECT_EQ(buffer.first(len), expected);
    EXPECT_FALSE(writer.relay_information_dropped());
}

TEST(ReplyWriterTest, FillsEveryFieldToItsEnd) {
    Buffer buffer{300};
    ReplyHeader fields = header();
    const Bytes chaddr = filled(16, 1);
    const Bytes sname = filled(64, 2);
    const Bytes file = filled(128, 3);
    fields.hlen = 16;
    fields.chaddr = chaddr;
    fields.sname = sname;
    fields.file = file;
    ReplyWriter writer{buffer.span(), fields, 300};
    EXPECT_EQ(writer.finish({}), 300U);
    EXPECT_EQ(slice(buffer.first(300), 28, 208), chaddr + sname + file);
    EXPECT_TRUE(buffer.intact_behind(300));
}

TEST(ReplyWriterTest, TypedOptionsAreInNetworkOrder) {
    Buffer buffer{600};
    ReplyWriter writer{buffer.span(), header(), kDefaultMaxLen};
    ASSERT_TRUE(writer.add_u8(OptionCode::kDefaultIpTtl, 64));
    ASSERT_TRUE(writer.add_u16(OptionCode::kInterfaceMtu, 1500));
    ASSERT_TRUE(writer.add_u32(OptionCode::kLeaseTime, 86400));
    ASSERT_TRUE(writer.add_ipv4(OptionCode::kServerIdentifier, Ipv4{0xc0000201}));
    ASSERT_TRUE(writer.add(OptionCode::kRapidCommit, {}));
    ASSERT_TRUE(writer.add_encoded(bytes({3, 4, 192, 0, 2, 254, 12, 1, 'h'})));
    static_cast<void>(writer.finish({}));
    const Bytes expected =
        bytes({23, 1, 64, 26, 2, 0x05, 0xdc, 51,  4, 0, 1,   0x51, 0x80, 54,  4,  192,
               0,  2, 1,  80, 0, 3,    4,    192, 0, 2, 254, 12,   1,    'h', 255});
    EXPECT_EQ(slice(buffer.first(300), 240, expected.size()), expected);
}

TEST(ReplyWriterTest, RefusesCodesThatAreItsOwn) {
    Buffer buffer{600};
    ReplyWriter writer{buffer.span(), header(), kDefaultMaxLen};
    EXPECT_FALSE(writer.add_u8(OptionCode::kPad, 1));
    EXPECT_FALSE(writer.add_u8(OptionCode::kEnd, 1));
    EXPECT_FALSE(writer.add_u8(OptionCode::kOverload, 1));
    static_cast<void>(writer.finish({}));
    EXPECT_EQ(slice(buffer.first(300), 240, 60), kEndOption + filled(59, 0));
}

// ---- limits

// Both fields in use, so that only the options area is left.
ReplyHeader full_header() {
    static const Bytes text = to_bytes("x");
    ReplyHeader fields = header();
    fields.sname = text;
    fields.file = text;
    return fields;
}

TEST(ReplyWriterTest, ClientsLimitIsReachedAndNotPassed) {
    RecordProperty("rfc", "2132 9.10");
    constexpr std::size_t kLimit = 400;
    constexpr std::size_t kRoom = kLimit - 240 - 1;  // END
    for (const std::size_t value_len : {kRoom - 2, kRoom - 1}) {
        Buffer buffer{1000};
        ReplyWriter writer{buffer.span(), full_header(), kLimit};
        const bool fits = value_len == kRoom - 2;
        EXPECT_EQ(writer.add(kHostName, filled(value_len, 'h')), fits);
        EXPECT_EQ(writer.finish({}), fits ? kLimit : 300U);
        EXPECT_TRUE(buffer.intact_behind(fits ? kLimit : 300));
    }
    for (const std::size_t block_len : {kRoom, kRoom + 1}) {
        Buffer buffer{1000};
        ReplyWriter writer{buffer.span(), full_header(), kLimit};
        EXPECT_EQ(writer.add_encoded(option(12, filled(block_len - 2, 'h'))), block_len == kRoom);
        EXPECT_EQ(writer.finish({}), block_len == kRoom ? kLimit : 300U);
    }
}

TEST(ReplyWriterTest, BufferLimitsToo) {
    Buffer buffer{400};
    ReplyWriter writer{buffer.span(), full_header(), 10'000};
    EXPECT_FALSE(writer.add(kHostName, filled(158, 'h')));
    EXPECT_TRUE(writer.add(kHostName, filled(157, 'h')));
    EXPECT_EQ(writer.finish({}), 400U);
    EXPECT_TRUE(buffer.intact_behind(400));
}

TEST(ReplyWriterTest, EveryClientTakesAMinimalMessage) {
    RecordProperty("rfc", "1542 2.1");
    for (const std::size_t max_len : {std::size_t{0}, std::size_t{299}, std::size_t{300}}) {
        Buffer buffer{600};
        ReplyWriter writer{buffer.span(), full_header(), max_len};
        EXPECT_TRUE(writer.add(kHostName, filled(57, 'h')));
        EXPECT_FALSE(writer.add(kRootPath, {}));
        EXPECT_EQ(writer.finish({}), 300U);
    }
}

TEST(ReplyWriterTest, ARefusedOptionLeavesNoTrace) {
    Buffer buffer{600};
    ReplyWriter writer{buffer.span(), full_header(), 320};
    ASSERT_TRUE(writer.add(kHostName, bytes({'h'})));
    EXPECT_FALSE(writer.add(kRootPath, filled(200, 'r')));
    EXPECT_FALSE(writer.add(kVendorOptions, filled(300, 'v')));
    EXPECT_FALSE(writer.add_encoded(option(17, filled(200, 'r'))));
    ASSERT_TRUE(writer.add(kDomainName, bytes({'d'})));
    static_cast<void>(writer.finish({}));
    EXPECT_EQ(slice(buffer.first(300), 240, 7), bytes({12, 1, 'h', 15, 1, 'd', 255}));
}

// ---- RFC 3396

TEST(ReplyWriterTest, SplitsValuesAbove255Octets) {
    RecordProperty("rfc", "3396 6");
    Buffer buffer{1500};
    ReplyWriter writer{buffer.span(), header(), 1472};
    const Bytes value = counting(600);
    ASSERT_TRUE(writer.add(kVendorOptions, value));
    const std::size_t len = writer.finish({});
    const Bytes expected = bytes({43, 255}) + slice(value, 0, 255) + bytes({43, 255}) +
                           slice(value, 255, 255) + bytes({43, 90}) + slice(value, 510, 90) +
                           kEndOption;
    EXPECT_EQ(slice(buffer.first(len), 240, len - 240), expected);
}

TEST(ReplyWriterTest, SplitsOnlyWhereItMust) {
    RecordProperty("rfc", "3396 6");
    for (const std::size_t value_len : {255UL, 256UL, 510UL, 511UL}) {
        Buffer buffer{1500};
        ReplyWriter writer{buffer.span(), header(), 1472};
        ASSERT_TRUE(writer.add(kVendorOptions, filled(value_len, 1)));
        const std::size_t part_count = (value_len + 254) / 255;
        EXPECT_EQ(writer.finish({}), 240 + value_len + 2 * part_count + 1);
    }
}

TEST(ReplyWriterTest, DividesALongValueBetweenAreasInReadingOrder) {
    RecordProperty("rfc", "3396 5");
    // 160 octets of options area: 1 END, 3 for option 52, which leaves 154 of value; 125 in file,
    // 61 in sname.
    constexpr std::size_t kMost = 154 + 125 + 61;
    for (const std::size_t value_len : {kMost, kMost + 1}) {
        Buffer buffer{400};
        ReplyWriter writer{buffer.span(), header(), 400};
        const Bytes value = counting(value_len);
        EXPECT_EQ(writer.add(kVendorOptions, value), value_len == kMost);
        const std::size_t len = writer.finish({});
        if (value_len != kMost) {
            EXPECT_EQ(buffer.first(300)[240], std::byte{255});
            continue;
        }
        EXPECT_EQ(len, 400U);
        const Bytes whole = buffer.first(len);
        EXPECT_EQ(slice(whole, 240, 160),
                  bytes({43, 154}) + slice(value, 0, 154) + bytes({52, 1, 3, 255}));
        EXPECT_EQ(slice(whole, 108, 128), bytes({43, 125}) + slice(value, 154, 125) + kEndOption);
        EXPECT_EQ(slice(whole, 44, 64), bytes({43, 61}) + slice(value, 279, 61) + kEndOption);
        MessageView view;
        ASSERT_TRUE(view.parse(whole));
        EXPECT_EQ(to_bytes(view.option(kVendorOptions)), value);
    }
}

// ---- overload

TEST(ReplyWriterTest, UsesFileThenSnameWhenTheOptionsAreaIsFull) {
    RecordProperty("rfc", "2131 4.1; 2132 9.3");
    Buffer buffer{320};
    ReplyWriter writer{buffer.span(), header(), 320};
    ASSERT_TRUE(writer.add(kHostName, filled(70, 'h')));      // 72 of 79
    ASSERT_TRUE(writer.add(kRootPath, filled(100, 'r')));     // file
    ASSERT_TRUE(writer.add(kDomainName, filled(50, 'd')));    // sname
    ASSERT_TRUE(writer.add(kVendorOptions, filled(2, 'v')));  // the last of the options area
    ASSERT_TRUE(writer.add(OptionCode::kMeritDump, filled(23, 'm')));  // the last of file
    EXPECT_FALSE(writer.add(OptionCode::kNisDomain, filled(10, 'n')));
    ASSERT_TRUE(writer.add(OptionCode::kNisDomain, filled(9, 'n')));  // the last of sname
    EXPECT_FALSE(writer.add(OptionCode::kRapidCommit, {}));
    EXPECT_EQ(writer.finish({}), 320U);
    const Bytes whole = buffer.first(320);
    EXPECT_EQ(slice(whole, 240, 80),
              option(12, filled(70, 'h')) + bytes({52, 1, 3, 43, 2, 'v', 'v', 255}));
    EXPECT_EQ(slice(whole, 108, 128),
              option(17, filled(100, 'r')) + option(14, filled(23, 'm')) + kEndOption);
    EXPECT_EQ(slice(whole, 44, 64),
              option(15, filled(50, 'd')) + option(40, filled(9, 'n')) + kEndOption);
    EXPECT_TRUE(buffer.intact_behind(320));
}

TEST(ReplyWriterTest, LeavesFieldsAloneThatTheHeaderUses) {
    const Bytes text = to_bytes("pxelinux.0");
    for (const bool file_used : {true, false}) {
        Buffer buffer{320};
        ReplyHeader fields = header();
        (file_used ? fields.file : fields.sname) = text;
        ReplyWriter writer{buffer.span(), fields, 320};
        ASSERT_TRUE(writer.add(kHostName, filled(74, 'h')));
        ASSERT_TRUE(writer.add(kRootPath, filled(50, 'r')));
        static_cast<void>(writer.finish({}));
        const Bytes whole = buffer.first(320);
        MessageView view;
        ASSERT_TRUE(view.parse(whole));
        EXPECT_EQ(to_bytes(view.option(OptionCode::kOverload)), bytes({file_used ? 2U : 1U}));
        EXPECT_EQ(to_bytes(view.option(kRootPath)), filled(50, 'r'));
        EXPECT_EQ(slice(whole, file_used ? 108 : 44, text.size()), text);
    }
}

TEST(ReplyWriterTest, PrefersTheOptionsAreaWithoutOverload) {
    Buffer buffer{600};
    ReplyWriter writer{buffer.span(), header(), kDefaultMaxLen};
    ASSERT_TRUE(writer.add(kHostName, filled(255, 'h')));
    const std::size_t len = writer.finish({});
    MessageView view;
    const Bytes whole = buffer.first(len);
    ASSERT_TRUE(view.parse(whole));
    EXPECT_FALSE(view.has(OptionCode::kOverload));
}

TEST(ReplyWriterTest, TheOctetsKeptForOverloadServeTheLastOption) {
    // 159 octets of room, 156 without those kept; more than a field holds.
    Buffer buffer{400};
    ReplyWriter writer{buffer.span(), header(), 400};
    ASSERT_TRUE(writer.add(kHostName, filled(157, 'h')));  // 159 of 159
    EXPECT_FALSE(writer.add(kRootPath, {}));               // option 52 has no room any more
    EXPECT_EQ(writer.finish({}), 400U);
    const Bytes whole = buffer.first(400);
    EXPECT_EQ(slice(whole, 240, 160), option(12, filled(157, 'h')) + kEndOption);
    MessageView view;
    ASSERT_TRUE(view.parse(whole));
    EXPECT_FALSE(view.has(OptionCode::kOverload));
}

TEST(ReplyWriterTest, ShortValuesGoIntoFieldsToo) {
    Buffer buffer{320};
    ReplyWriter writer{buffer.span(), header(), 320};
    ASSERT_TRUE(writer.add(kHostName, filled(70, 'h')));  // 7 octets left, 3 of them kept
    ASSERT_TRUE(writer.add_u8(OptionCode::kDefaultIpTtl, 64));
    ASSERT_TRUE(writer.add_u16(OptionCode::kInterfaceMtu, 1500));  // file
    ASSERT_TRUE(writer.add_u8(OptionCode::kDefaultTcpTtl, 65));    // file
    EXPECT_EQ(writer.finish({}), 319U);
    const Bytes whole = buffer.first(319);
    EXPECT_EQ(slice(whole, 312, 7), bytes({23, 1, 64, 52, 1, 1, 255}));
    EXPECT_EQ(slice(whole, 108, 8), bytes({26, 2, 0x05, 0xdc, 37, 1, 65, 255}));
}

TEST(ReplyWriterTest, ABlockIsNeverMovedIntoAField) {
    Buffer buffer{320};
    ReplyWriter writer{buffer.span(), header(), 320};
    EXPECT_FALSE(writer.add_encoded(option(12, filled(75, 'h'))));  // 77, with 76 free
    EXPECT_TRUE(writer.add_encoded(option(12, filled(74, 'h'))));
    EXPECT_TRUE(writer.add(kRootPath, filled(125, 'r')));  // option 52 found its room
    EXPECT_EQ(writer.finish({}), 320U);
}

// ---- option 82

TEST(ReplyWriterTest, RelayInformationComesLastOctetForOctet) {
    RecordProperty("rfc", "3046 2.2");
    Buffer buffer{600};
    ReplyWriter writer{buffer.span(), header(), kDefaultMaxLen};
    ASSERT_TRUE(writer.add_message_type(MessageType::kAck));
    const Bytes relay = bytes({1, 2, 0xff, 0x00, 2, 0, 77});  // not even well-formed
    static_cast<void>(writer.finish(relay));
    EXPECT_EQ(slice(buffer.first(300), 240, 60),
              bytes({53, 1, 5, 82, 7}) + relay + kEndOption + filled(47, 0));
}

TEST(ReplyWriterTest, RelayInformationIsNotCountedAgainstTheClientsLimit) {
    Buffer buffer{404};
    ReplyWriter writer{buffer.span(), full_header(), 400};
    ASSERT_TRUE(writer.add(kHostName, filled(157, 'h')));
    EXPECT_EQ(writer.finish(bytes({1, 0})), 404U);
    EXPECT_FALSE(writer.relay_information_dropped());
    EXPECT_EQ(slice(buffer.first(404), 399, 5), bytes({82, 2, 1, 0, 255}));
    EXPECT_TRUE(buffer.intact_behind(404));
}

TEST(ReplyWriterTest, RelayInformationWithoutRoomIsLeftOutWhole) {
    RecordProperty("rfc", "3046 2.2");
    Buffer buffer{403};
    ReplyWriter writer{buffer.span(), full_header(), 400};
    ASSERT_TRUE(writer.add(kHostName, filled(157, 'h')));
    EXPECT_EQ(writer.finish(bytes({1, 0})), 400U);
    EXPECT_TRUE(writer.relay_information_dropped());
    EXPECT_EQ(buffer.first(400).back(), std::byte{255});
    EXPECT_TRUE(buffer.intact_behind(400));
}

TEST(ReplyWriterTest, LongRelayInformationIsSplit) {
    RecordProperty("rfc", "3396 6");
    Buffer buffer{1000};
    ReplyWriter writer{buffer.span(), header(), 300};
    const Bytes relay = counting(300);
    const std::size_t len = writer.finish(relay);
    EXPECT_EQ(len, 240U + 304 + 1);
    MessageView view;
    const Bytes whole = buffer.first(len);
    ASSERT_TRUE(view.parse(whole));
    EXPECT_EQ(to_bytes(view.relay_agent_information()), relay);
}

TEST(ReplyWriterDeathTest, TooSmallABufferIsOurBug) {
    Buffer buffer{299};
    EXPECT_DEATH((ReplyWriter{buffer.span(), header(), 300}), "assertion failed");
}

}  // namespace
}  // namespace xdhcpd::dhcp4
