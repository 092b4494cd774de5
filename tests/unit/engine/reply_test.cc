// What stands in a reply: RFC 2131 section 4.3.1, table 3.
#include "engine/reply.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "support/engine_harness.h"

namespace xdhcpd::engine {
namespace {

using dhcp4::MessageType;
using testing::bytes;
using testing::Bytes;
using testing::Engine;
using testing::Message;
using testing::option_value;
using testing::small_configuration;

model::Configuration with_options() {
    auto configuration = small_configuration();
    configuration.dhcp4.options = {option_value(6, bytes({192, 0, 2, 53})),
                                   option_value(15, Bytes(11, std::byte{'x'})),
                                   option_value(42, bytes({192, 0, 2, 123}), true)};
    configuration.dhcp4.subnets[0].options = {option_value(3, bytes({192, 0, 2, 1})),
                                              option_value(15, bytes({'o', 'r', 'g'}))};
    return configuration;
}

TEST(ReplyTest, FixedFieldsFollowTheTable) {
    RecordProperty("rfc", "2131 4.3.1 table 3");
    auto configuration = with_options();
    configuration.dhcp4.subnets[0].next_server = testing::ip("192.0.2.5");
    configuration.dhcp4.subnets[0].server_hostname = "boot";
    configuration.dhcp4.subnets[0].boot_file_name = "pxelinux.0";
    Engine engine{configuration};
    const auto outcome = engine.send(Message{1, 1}.hops(0).secs(99).xid(0xdeadbeef));
    ASSERT_TRUE(outcome.reply);
    const dhcp4::MessageView& message = *outcome.reply->message;
    EXPECT_EQ(message.op(), 2);
    EXPECT_EQ(message.htype(), 1);
    EXPECT_EQ(message.hlen(), 6);
    EXPECT_EQ(message.hops(), 0);
    EXPECT_EQ(message.xid(), 0xdeadbeefu);
    EXPECT_EQ(message.secs(), 0);
    EXPECT_TRUE(message.ciaddr().is_zero());
    EXPECT_EQ(to_string(message.siaddr()), "192.0.2.5");
    EXPECT_TRUE(equal_bytes(message.chaddr(), testing::mac(1).bytes()));
    EXPECT_EQ(as_text(message.sname()).substr(0, 5), std::string_view("boot\0", 5));
    EXPECT_EQ(as_text(message.file()).substr(0, 11), std::string_view("pxelinux.0\0", 11));
}

TEST(ReplyTest, OptionsComeInTheOrderAskedFor) {
    RecordProperty("rfc", "2132 9.8");
    Engine engine{with_options()};
    const auto outcome = engine.send(Message{1, 1}.option(55, {15, 6, 28, 3, 1, 99}));
    ASSERT_TRUE(outcome.reply);
    EXPECT_EQ(outcome.reply->order(), (std::vector<int>{53, 54, 51, 58, 59, 1, 15, 6, 28, 3, 42}));
    EXPECT_TRUE(
        equal_bytes(outcome.reply->option(15), bytes({'o', 'r', 'g'})));  // the subnet's wins
    EXPECT_TRUE(equal_bytes(outcome.reply->option(28), bytes({192, 0, 2, 255})));
    EXPECT_TRUE(equal_bytes(outcome.reply->option(1), bytes({255, 255, 255, 0})));
}

TEST(ReplyTest, OnlyWhatIsAskedForAndWhatIsAlwaysSent) {
    Engine engine{with_options()};
    const auto outcome = engine.send(Message{1, 1}.option(55, {3}));
    ASSERT_TRUE(outcome.reply);
    EXPECT_EQ(outcome.reply->order(), (std::vector<int>{53, 54, 51, 58, 59, 1, 3, 42}));
}

TEST(ReplyTest, AClientThatNamesNothingGetsEverything) {
    RecordProperty("rfc", "2131 4.3.1");
    Engine engine{with_options()};
    EXPECT_EQ(engine.send(Message{1, 1}).reply->order(),
              (std::vector<int>{53, 54, 51, 58, 59, 1, 3, 6, 15, 42}));
}

TEST(ReplyTest, ProtocolOptionsInTheRequestListAreNotRepeated) {
    Engine engine{with_options()};
    const auto outcome =
        engine.send(Message{1, 1}.option(55, {53, 54, 51, 0, 255, 82, 61, 52, 3, 3, 3}));
    ASSERT_TRUE(outcome.reply);
    EXPECT_EQ(outcome.reply->order(), (std::vector<int>{53, 54, 51, 58, 59, 1, 3, 42}));
}

TEST(ReplyTest, AConfiguredSubnetMaskWins) {
    auto configuration = small_configuration();
    configuration.dhcp4.options = {option_value(1, bytes({255, 255, 0, 0}))};
    Engine engine{configuration};
    EXPECT_TRUE(equal_bytes(engine.send(Message{1, 1}).reply->option(1), bytes({255, 255, 0, 0})));
}

TEST(ReplyTest, RenewalTimersAreSharesOfTheLease) {
    RecordProperty("rfc", "2131 4.4.5");
    Engine engine;
    const auto outcome = engine.send(Message{1, 1}.option_u32(51, 1000));
    ASSERT_TRUE(outcome.reply);
    EXPECT_EQ(outcome.reply->u32(58), 500u);
    EXPECT_EQ(outcome.reply->u32(59), 875u);
}

TEST(ReplyTest, JitterBringsRenewalsForwardAndIsTheSameForARetransmission) {
    auto configuration = small_configuration();
    configuration.dhcp4.renew_jitter_permille = 100;
    Engine engine{configuration};
    std::set<std::uint32_t> seen;
    for (std::uint32_t xid = 1; xid <= 50; ++xid) {
        const auto outcome = engine.send(Message{1, 1}.xid(xid).option_u32(51, 1000));
        ASSERT_TRUE(outcome.reply);
        EXPECT_LE(outcome.reply->u32(58), 500u);
        EXPECT_GE(outcome.reply->u32(58), 450u);
        EXPECT_EQ(engine.send(Message{1, 1}.xid(xid).option_u32(51, 1000)).reply->bytes,
                  outcome.reply->bytes);
        seen.insert(outcome.reply->u32(58));
    }
    EXPECT_GT(seen.size(), 10u);
}

TEST(ReplyTest, ClientIdentifierIsReturnedUnaltered) {
    RecordProperty("rfc", "6842 3");
    Engine engine;
    EXPECT_FALSE(engine.send(Message{1, 1}).reply->has(61));
    for (const Bytes& id : {bytes({1, 2, 3}), bytes({9}), bytes({})}) {
        const auto outcome = engine.send(Message{1, 1}.option(61, id));
        ASSERT_TRUE(outcome.reply);
        EXPECT_TRUE(outcome.reply->has(61));
        EXPECT_TRUE(equal_bytes(outcome.reply->option(61), id));
    }
    const auto nak =
        engine.send(Message{3, 1}.option_address(50, "203.0.113.1").option(61, {1, 2, 3}));
    ASSERT_TRUE(nak.reply);
    EXPECT_TRUE(equal_bytes(nak.reply->option(61), bytes({1, 2, 3})));
}

TEST(ReplyTest, ANakSaysWhyAndNothingElse) {
    RecordProperty("rfc", "2131 4.3.1 table 3");
    Engine engine{with_options()};
    const auto outcome =
        engine.send(Message{3, 1}.option_address(50, "203.0.113.1").option(55, {1, 3}));
    ASSERT_TRUE(outcome.reply);
    EXPECT_EQ(outcome.reply->order(), (std::vector<int>{53, 54, 56}));
    EXPECT_TRUE(outcome.reply->message->yiaddr().is_zero());
    EXPECT_TRUE(outcome.reply->message->siaddr().is_zero());
}

TEST(ReplyTest, RepliesHaveAtLeast300Octets) {
    RecordProperty("rfc", "1542 2.1");
    Engine engine;
    EXPECT_EQ(engine.send(Message{1, 1}).reply->frame.payload.size(), 300u);
}

// Everything that fills the room: 12 options of 100 octets.
model::Configuration with_much() {
    auto configuration = small_configuration();
    for (int code = 224; code < 236; ++code) {
        configuration.dhcp4.options.push_back(option_value(code, Bytes(100, std::byte{7})));
    }
    return configuration;
}

TEST(ReplyTest, MaxMessageSizeLimitsTheReplyBeforeOption82) {
    RecordProperty("rfc", "2132 9.10");
    Engine engine{with_much()};
    const Bytes information = bytes({1, 3, 9, 9, 9});
    for (const int asked : {0, 100, 576}) {  // below 576 counts as 576, as does nothing at all
        Message message{1, 1};
        if (asked != 0) {
            message.option(57, {asked >> 8, asked & 0xff});
        }
        const auto outcome = engine.send(message.option(82, information));
        ASSERT_TRUE(outcome.reply);
        EXPECT_LE(outcome.reply->frame.payload.size(), 548u + 2 + information.size());
        EXPECT_GT(outcome.reply->frame.payload.size(), 400u);
        EXPECT_TRUE(equal_bytes(outcome.reply->option(82), information));
    }
    const auto large = engine.send(Message{1, 1}.option(57, {1500 >> 8, 1500 & 0xff}));
    ASSERT_TRUE(large.reply);
    EXPECT_GT(large.reply->frame.payload.size(), 1300u);
    EXPECT_LE(large.reply->frame.payload.size(), 1472u);
    for (int code = 224; code < 234; ++code) {
        EXPECT_TRUE(large.reply->has(code)) << code;
    }
}

TEST(ReplyTest, WhatDoesNotFitGoesIntoFileAndSname) {
    RecordProperty("rfc", "2131 4.1");
    Engine engine{with_much()};
    const auto outcome = engine.send(Message{1, 1});
    ASSERT_TRUE(outcome.reply);
    EXPECT_TRUE(outcome.reply->has(52));
    EXPECT_NE(outcome.reply->message->file()[0], std::byte{0});
}

TEST(ReplyTest, LongOptionsAreSplit) {
    RecordProperty("rfc", "3396 6");
    auto configuration = small_configuration();
    Bytes value(600);
    for (std::size_t i = 0; i < value.size(); ++i) {
        value[i] = static_cast<std::byte>(i);
    }
    configuration.dhcp4.options.push_back(option_value(224, value));
    Engine engine{configuration};
    const auto outcome = engine.send(Message{1, 1}.option(57, {1500 >> 8, 1500 & 0xff}));
    ASSERT_TRUE(outcome.reply);
    EXPECT_TRUE(equal_bytes(outcome.reply->option(224), value));
}

TEST(ReplyTest, TheFrameIsNeverOverrun) {
    Engine engine{with_much()};
    for (std::size_t len = 42 + 300; len < 700; len += 13) {
        engine.tx_len = len;
        const auto outcome = engine.send(Message{1, 1}.option(57, {1500 >> 8, 1500 & 0xff}));
        ASSERT_TRUE(outcome.reply) << len;
        EXPECT_LE(outcome.reply->bytes.size(), len);
    }
    engine.tx_len = 42 + 299;
    EXPECT_EQ(engine.send(Message{1, 1}).drop, DropReason{Refusal::kReplyTooLong});
}

TEST(ReplyTest, Option82IsKeptByLeavingOtherOptionsOut) {
    RecordProperty("rfc", "3046 2.2");
    Engine engine{with_much()};
    Bytes information = bytes({1, 200});
    testing::append(information, Bytes(200, std::byte{4}));
    const auto outcome =
        engine.send(Message{1, 1}.option(57, {3000 >> 8, 3000 & 0xff}).option(82, information));
    ASSERT_TRUE(outcome.reply);
    EXPECT_TRUE(equal_bytes(outcome.reply->option(82), information));
    EXPECT_LE(outcome.reply->frame.payload.size(), 1472u);
}

TEST(ReplyTest, ALeaseWhoseAckDoesNotFitIsNotGranted) {
    Engine engine;
    ASSERT_TRUE(engine.send(Message{1, 1}).reply);
    engine.tx_len = 42 + 299;
    EXPECT_EQ(
        engine.send(Message{3, 1}.option_address(50, "192.0.2.10").option_address(54, "192.0.2.1"))
            .drop,
        DropReason{Refusal::kReplyTooLong});
    EXPECT_EQ(engine.held(lease::HeldCount::kLeased), 0u);
}

TEST(ReplyTest, NoByteOfTheBufferLeaks) {
    Engine engine;
    const auto outcome = engine.send(Message{1, 1});
    ASSERT_TRUE(outcome.reply);
    const ByteView payload = outcome.reply->frame.payload;
    EXPECT_EQ(std::count(payload.begin(), payload.end(), std::byte{0xcc}), 0);
}

// The same messages to an engine with templates and to one without: every octet must agree.
class ReplyCacheTest : public ::testing::Test {
  protected:
    ReplyCacheTest() { uncached_.reply_cache = ReplyCache{0}; }
    void expect_same(const Message& message, const testing::FrameSpec& spec = {}) {
        for (int round = 0; round < 2; ++round) {  // making the template, and using it
            const auto fast = cached_.send(message, spec);
            const auto slow = uncached_.send(message, spec);
            ASSERT_EQ(fast.reply.has_value(), slow.reply.has_value());
            ASSERT_TRUE(fast.reply);
            EXPECT_EQ(fast.reply->bytes, slow.reply->bytes);
            EXPECT_EQ(fast.reply->frame.checksum, ChecksumState::kFull);
        }
    }
    void reload(const model::Configuration& configuration) {
        cached_.reload(configuration);
        uncached_.reload(configuration);
    }

    Engine cached_{with_options()};
    Engine uncached_{with_options()};
};

TEST_F(ReplyCacheTest, TemplatesChangeNoOctetOfAReply) {
    const std::vector<Bytes> lists{
        {},
        bytes({1, 3, 6, 15}),
        bytes({28}),
        bytes({15, 6, 28, 3, 1, 99, 51, 54, 53}),
        bytes({1, 121, 3, 6, 12, 15, 17, 23, 28, 29, 31, 33, 40, 41, 42}),
        Bytes(ReplyCache::kMaxListLen, std::byte{6}),
        Bytes(ReplyCache::kMaxListLen + 1, std::byte{6}),
    };
    for (const Bytes& list : lists) {
        for (const std::size_t id_len : {0u, 2u, 7u, 8u, 255u}) {
            for (const bool relayed : {false, true}) {
                Message message{1, 1};
                message.xid(0xfffefdfc).broadcast();
                if (!list.empty()) {
                    message.option(55, list);
                }
                if (id_len != 0) {
                    message.option(61, Bytes(id_len, std::byte{0xc3}));
                }
                if (relayed) {
                    message.giaddr("192.0.2.200").option(82, {1, 3, 7, 8, 9});
                }
                expect_same(message);
            }
        }
    }
}

TEST_F(ReplyCacheTest, AListInSeveralPartsIsTheSameList) {
    RecordProperty("rfc", "3396 5");
    expect_same(Message{1, 1}.option(55, {3}).option(55, {6}));
    expect_same(Message{1, 1}.option(55, {3, 6}));
    const auto outcome = cached_.send(Message{1, 1}.option(55, {3}).option(55, {6}));
    ASSERT_TRUE(outcome.reply);
    EXPECT_EQ(outcome.reply->order(), (std::vector<int>{53, 54, 51, 58, 59, 1, 3, 6, 42}));
}

TEST_F(ReplyCacheTest, ClientsWithLittleRoomGetTheSame) {
    auto configuration = with_options();
    configuration.dhcp4.options.push_back(option_value(43, Bytes(200, std::byte{1})));
    configuration.dhcp4.options.push_back(option_value(60, Bytes(90, std::byte{2})));
    reload(configuration);
    for (int size = 576; size < 700; ++size) {
        expect_same(Message{1, 1}.option(55, {43, 60, 3, 6}).option(57, {size >> 8, size & 0xff}));
    }
}

TEST_F(ReplyCacheTest, OptionsTooLongForATemplateAreSentAllTheSame) {
    auto configuration = with_options();
    configuration.dhcp4.options.push_back(option_value(43, Bytes(600, std::byte{1})));
    reload(configuration);
    expect_same(Message{1, 1}.option(55, {43, 3}).option(57, {5, 220}));
}

TEST_F(ReplyCacheTest, ReloadedOptionsTakeEffectAtOnce) {
    const Message message = Message{1, 1}.option(55, {15});
    expect_same(message);
    auto configuration = with_options();
    configuration.dhcp4.subnets[0].options = {option_value(15, bytes({'n', 'e', 't'}))};
    configuration.dhcp4.subnets[0].boot_file_name = "pxelinux.0";
    reload(configuration);
    expect_same(message);
    const auto outcome = cached_.send(message);
    ASSERT_TRUE(outcome.reply);
    EXPECT_EQ(as_text(outcome.reply->option(15)), "net");
}

TEST_F(ReplyCacheTest, AcksEchoCiaddrAndOffersDoNot) {
    const std::string address = cached_.get_lease(1);
    ASSERT_EQ(uncached_.get_lease(1), address);
    testing::FrameSpec spec;
    spec.source = testing::ip(address);
    expect_same(Message{3, 1}.ciaddr(address).option(55, {3, 6, 1}), spec);
}

}  // namespace
}  // namespace xdhcpd::engine
