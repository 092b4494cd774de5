#include "dhcp6/writer.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "support/dhcp6.h"

namespace xdhcpd::dhcp6 {
namespace {

using testing::address6;
using testing::Bytes;
using testing::bytes;
using testing::duid_of;
using testing::ia6;
using testing::ia_address6;
using testing::ia_prefix6;
using testing::join;
using testing::message6;
using testing::option6;
using testing::relay6;

constexpr std::byte kGuard{0xa5};

// Writes a reply with everything there is; says whether all of it fitted.
bool write_everything(ReplyWriter& writer) {
    if (!writer.add(OptionCode::kServerId, duid_of(100)) || !writer.open_ia_na(7, 1800, 2880)) {
        return false;
    }
    if (!writer.open_address(*parse_ipv6("2001:db8::9"), 3600, 7200)) {
        writer.close();
        return false;
    }
    writer.close();
    const bool status = writer.add_status(StatusCode::kSuccess, "ok");
    writer.close();
    if (!status || !writer.open_ia_pd(8, 1, 2)) {
        return false;
    }
    const bool prefix = writer.open_prefix(*parse_ipv6_prefix("2001:db8:1::77/56"), 3, 4);
    const bool excluded = prefix && writer.add(OptionCode::kPdExclude, bytes({64, 0}));
    if (prefix) {
        writer.close();
    }
    writer.close();
    return excluded && writer.add_u8(OptionCode::kPreference, 255) &&
           writer.add_u16(OptionCode::kElapsedTime, 0x0102) &&
           writer.add_u32(OptionCode::kSolMaxRt, 3600) &&
           writer.add_ipv6(OptionCode::kDnsServers, *parse_ipv6("2001:db8::53")) &&
           writer.add_encoded(option6(20));
}
Bytes everything() {
    return message6(
        7, {option6(2, duid_of(100)),
            ia6(3, 7, join({ia_address6("2001:db8::9", 3600, 7200), option6(13, {0, 0, 'o', 'k'})}),
                1800, 2880),
            ia6(25, 8, ia_prefix6("2001:db8:1::", 56, 3, 4, option6(67, {64, 0})), 1, 2),
            option6(7, {255}), option6(8, {1, 2}), option6(82, {0, 0, 14, 16}),
            option6(23, address6("2001:db8::53")), option6(20)});
}
Bytes written(std::span<const Relay> relays, std::size_t room = 1500) {
    Bytes out(room, kGuard);
    auto writer = ReplyWriter::begin(out, MessageType::kReply, 0x123456, relays);
    EXPECT_TRUE(writer && write_everything(*writer));
    out.resize(writer->finish());
    return out;
}

TEST(Dhcp6ReplyWriterTest, WritesWhatTheBuilderWrites) {
    RecordProperty("rfc", "8415 8, 21.1");
    EXPECT_EQ(written({}), everything());
}

TEST(Dhcp6ReplyWriterTest, WhatIsWrittenIsReadAgain) {
    const Bytes reply = written({});
    MessageView view;
    ASSERT_TRUE(view.parse(reply));
    EXPECT_EQ(view.type(), MessageType::kReply);
    EXPECT_TRUE(equal_bytes(view.server_id(), duid_of(100)));
    std::size_t count = 0;
    view.for_each_ia([&](const IdentityAssociation& ia) {
        ++count;
        EXPECT_EQ(ia.options.has(OptionCode::kIaAddress), ia.code == OptionCode::kIaNa);
        EXPECT_EQ(ia.options.has(OptionCode::kIaPrefix), ia.code == OptionCode::kIaPd);
    });
    EXPECT_EQ(count, 2u);
}

TEST(Dhcp6ReplyWriterTest, GoesBackThroughTheRelaysThatBroughtTheRequest) {
    RecordProperty("rfc", "8415 19.3");
    const Bytes request =
        relay6(12, 1, "2001:db8:2::1", "2001:db8:1::1", option6(18, {'u', 'p'}),
               relay6(12, 0, "2001:db8:1::1", "fe80::99",
                      join({option6(37, {0, 0, 0, 9, 1}), option6(18, {'e', 't', 'h'})}),
                      message6(1, {})));
    MessageView view;
    ASSERT_TRUE(view.parse(request));
    EXPECT_EQ(written(view.relays()),
              relay6(13, 1, "2001:db8:2::1", "2001:db8:1::1", option6(18, {'u', 'p'}),
                     relay6(13, 0, "2001:db8:1::1", "fe80::99", option6(18, {'e', 't', 'h'}),
                            everything())));
}

TEST(Dhcp6ReplyWriterTest, TheLongestChainGoesBack) {
    RecordProperty("rfc", "8415 7.6");
    Bytes request = message6(1, {});
    Bytes reply = everything();
    for (std::size_t i = 0; i < kMaxRelayCount; ++i) {
        request = relay6(12, static_cast<int>(i), "::", "fe80::1", {}, request);
        reply = relay6(13, static_cast<int>(i), "::", "fe80::1", {}, reply);
    }
    MessageView view;
    ASSERT_TRUE(view.parse(request));
    EXPECT_EQ(written(view.relays()), reply);
}

TEST(Dhcp6ReplyWriterTest, EchoesTheRelayPort) {
    RecordProperty("rfc", "8357");
    MessageView view;
    const Bytes request =
        relay6(12, 0, "::", "fe80::1", join({option6(135, {0x12, 0x34}), option6(18, {1})}),
               message6(1, {}));
    ASSERT_TRUE(view.parse(request));
    EXPECT_EQ(written(view.relays()),
              relay6(13, 0, "::", "fe80::1", join({option6(18, {1}), option6(135, {0x12, 0x34})}),
                     everything()));
}

TEST(Dhcp6ReplyWriterTest, EchoesOnceWhatARelayAsksFor) {
    RecordProperty("rfc", "4994 5");
    MessageView view;
    // Asked for: remote id twice, interface id and the message (which go back anyway), and one that
    // is not there.
    const Bytes request =
        relay6(12, 0, "::", "fe80::1",
               join({option6(43, {0, 37, 0, 37, 0, 18, 0, 9, 0, 99}), option6(37, {0, 0, 0, 9, 1}),
                     option6(38, {2}), option6(18, {3})}),
               message6(1, {}));
    ASSERT_TRUE(view.parse(request));
    EXPECT_EQ(written(view.relays()),
              relay6(13, 0, "::", "fe80::1", join({option6(18, {3}), option6(37, {0, 0, 0, 9, 1})}),
                     everything()));
}

// At every length of buffer: nothing is written outside of it, what did not fit is not there, and
// what is there is a message.
TEST(Dhcp6ReplyWriterTest, StaysInItsBuffer) {
    MessageView request;
    const Bytes payload = relay6(12, 0, "::", "fe80::1", option6(18, Bytes(9)), message6(1, {}));
    ASSERT_TRUE(request.parse(payload));
    const std::size_t needed = written(request.relays()).size();
    bool has_begun = false;
    for (std::size_t len = 0; len <= needed + 3; ++len) {
        Bytes storage(len + 8, kGuard);
        const MutableBytes out = MutableBytes{storage}.first(len);
        auto writer = ReplyWriter::begin(out, MessageType::kReply, 1, request.relays());
        EXPECT_TRUE(writer || !has_begun) << len;
        has_begun = writer.has_value();
        if (writer) {
            EXPECT_EQ(write_everything(*writer), len >= needed) << len;
            const std::size_t written_len = writer->finish();
            ASSERT_LE(written_len, len);
            MessageView view;
            EXPECT_TRUE(view.parse(out.first(written_len))) << len;
        }
        EXPECT_TRUE(std::all_of(storage.begin() + static_cast<std::ptrdiff_t>(len), storage.end(),
                                [](std::byte octet) { return octet == kGuard; }));
    }
    EXPECT_TRUE(has_begun);
}

TEST(Dhcp6ReplyWriterTest, TakesBackToAMark) {
    Bytes out(500);
    auto writer = ReplyWriter::begin(out, MessageType::kAdvertise, 0x123456, {});
    ASSERT_TRUE(writer);
    ASSERT_TRUE(writer->open_ia_na(7, 0, 0));
    const ReplyWriter::Mark mark = writer->mark();
    const std::size_t room = writer->room();
    ASSERT_TRUE(writer->open_address(*parse_ipv6("2001:db8::9"), 1, 2));
    ASSERT_TRUE(writer->add_status(StatusCode::kUnspecFail, "no"));
    writer->rewind(mark);
    EXPECT_EQ(writer->room(), room);
    ASSERT_TRUE(writer->add_status(StatusCode::kNoAddrsAvail, ""));
    writer->close();
    out.resize(writer->finish());
    EXPECT_EQ(out, message6(2, {ia6(3, 7, option6(13, {0, 2}))}));
}

TEST(Dhcp6ReplyWriterTest, LengthsFitTheirSixteenBits) {
    Bytes out(70'000);
    auto writer = ReplyWriter::begin(out, MessageType::kReply, 1, {});
    ASSERT_TRUE(writer);
    EXPECT_EQ(writer->room(), 65531u);
    EXPECT_FALSE(writer->add(OptionCode::kUserClass, Bytes(65528)));
    EXPECT_TRUE(writer->add(OptionCode::kUserClass, Bytes(65527)));
    EXPECT_EQ(writer->finish(), 65535u);
}

TEST(Dhcp6ReplyWriterDeathTest, RefusesWhatCannotBeClosed) {
    Bytes out(500);
    auto writer = ReplyWriter::begin(out, MessageType::kReply, 1, {});
    EXPECT_DEATH(writer->close(), "assertion failed");
    ASSERT_TRUE(writer->open_ia_na(1, 0, 0));
    EXPECT_DEATH(static_cast<void>(writer->finish()), "assertion failed");
}

}  // namespace
}  // namespace xdhcpd::dhcp6
