#include "dhcp6/message_view.h"

#include <gtest/gtest.h>

#include <set>

#include "support/dhcp6.h"

namespace xdhcpd::dhcp6 {
namespace {

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

const Bytes kClientId = option6(1, duid_of(1));

ParseError error_of(const Bytes& payload) {
    MessageView view;
    const auto result = view.parse(payload);
    EXPECT_EQ(view.type() == MessageType::kNone, !result);
    EXPECT_TRUE(result || (view.relays().empty() && view.options().empty() &&
                           view.client_id().empty() && view.message().empty()));
    return result ? ParseError::kCount : result.error();
}
ParseError error_with(const Bytes& option) {
    return error_of(message6(1, {option}));
}
// A chain of `count` relays around a Solicit, with rising hop counts.
Bytes chain(std::size_t count) {
    Bytes message = message6(1, {kClientId});
    for (std::size_t i = 0; i < count; ++i) {
        message = relay6(12, static_cast<int>(i), "::", "fe80::1", {}, message);
    }
    return message;
}

TEST(Dhcp6MessageViewTest, ReadsAClientsMessage) {
    RecordProperty("rfc", "8415 8");
    const Bytes payload = message6(
        1, {kClientId, option6(6, {0, 23, 0, 24}), option6(8, {0x01, 0x02}), option6(14),
            option6(20), ia6(3, 7, ia_address6("2001:db8::9", 100, 200), 50, 80), ia6(25, 8, {})});
    MessageView view;
    ASSERT_TRUE(view.parse(payload));
    EXPECT_EQ(view.type(), MessageType::kSolicit);
    EXPECT_EQ(view.transaction_id(), 0x123456u);
    EXPECT_TRUE(view.relays().empty());
    EXPECT_EQ(view.first_relay(), nullptr);
    EXPECT_EQ(view.relay_type(), MessageType::kNone);
    EXPECT_TRUE(equal_bytes(view.message(), payload));
    EXPECT_TRUE(equal_bytes(view.client_id(), duid_of(1)));
    EXPECT_TRUE(view.server_id().empty());
    EXPECT_TRUE(view.requests(OptionCode::kDnsServers));
    EXPECT_TRUE(view.requests(OptionCode::kDomainSearch));
    EXPECT_FALSE(view.requests(OptionCode::kNtpServer));
    EXPECT_EQ(view.elapsed_time(), 0x0102);
    EXPECT_TRUE(view.rapid_commit());
    EXPECT_TRUE(view.accepts_reconfigure());
    EXPECT_TRUE(view.has_ia());
    std::vector<std::pair<OptionCode, std::uint32_t>> associations;
    view.for_each_ia(
        [&](const IdentityAssociation& ia) { associations.emplace_back(ia.code, ia.iaid); });
    EXPECT_EQ(associations, (std::vector<std::pair<OptionCode, std::uint32_t>>{
                                {OptionCode::kIaNa, 7}, {OptionCode::kIaPd, 8}}));
}

TEST(Dhcp6MessageViewTest, WhatIsAbsentReadsAsAbsent) {
    const Bytes payload = message6(11, {});
    MessageView view;
    ASSERT_TRUE(view.parse(payload));
    EXPECT_EQ(view.type(), MessageType::kInformationRequest);
    EXPECT_TRUE(view.client_id().empty());
    EXPECT_EQ(view.elapsed_time(), std::nullopt);
    EXPECT_FALSE(view.rapid_commit());
    EXPECT_FALSE(view.accepts_reconfigure());
    EXPECT_FALSE(view.has_ia());
    EXPECT_FALSE(view.requests(OptionCode::kDnsServers));
}

TEST(Dhcp6MessageViewTest, OneViewForMessageAfterMessageForgetsTheOneBefore) {
    const Bytes relayed =
        relay6(12, 0, "::", "fe80::1", {}, message6(1, {kClientId, ia6(3, 1, {})}));
    const Bytes plain = message6(11, {});
    MessageView view;
    ASSERT_TRUE(view.parse(relayed));
    ASSERT_TRUE(view.parse(plain));
    EXPECT_TRUE(view.relays().empty());
    EXPECT_TRUE(view.client_id().empty());
    EXPECT_FALSE(view.has_ia());
}

TEST(Dhcp6MessageViewTest, ReadsTheChainFromTheOutermostRelay) {
    RecordProperty("rfc", "8415 9, 19.1");
    const Bytes inner =
        relay6(12, 0, "2001:db8:1::1", "fe80::99",
               join({option6(18, {'e', 't', 'h'}), option6(37, {0, 0, 0, 9, 'r'}),
                     option6(38, {'s'}), option6(79, {0, 1, 2, 0, 0x5e, 0, 0x53, 7}),
                     option6(53, duid_of(5)), option6(135, {0x12, 0x34})}),
               message6(3, {kClientId}));
    const Bytes outer =
        relay6(12, 1, "2001:db8:2::1", "2001:db8:1::1", option6(135, {0, 0}), inner);
    MessageView view;
    ASSERT_TRUE(view.parse(outer));
    EXPECT_EQ(view.type(), MessageType::kRequest);
    EXPECT_EQ(view.relay_type(), MessageType::kRelayForward);
    ASSERT_EQ(view.relays().size(), 2u);
    const Relay& far = view.relays()[0];
    EXPECT_EQ(far.hop_count, 1);
    EXPECT_EQ(to_string(far.link_address), "2001:db8:2::1");
    EXPECT_EQ(to_string(far.peer_address), "2001:db8:1::1");
    EXPECT_EQ(far.interface_id(), std::nullopt);
    EXPECT_EQ(far.remote_id(), std::nullopt);
    EXPECT_EQ(far.source_port(), 0);
    const Relay& near = *view.first_relay();
    EXPECT_EQ(&near, &view.relays()[1]);
    EXPECT_EQ(near.hop_count, 0);
    EXPECT_EQ(as_text(near.interface_id().value()), "eth");
    EXPECT_EQ(near.remote_id()->enterprise, 9u);
    EXPECT_EQ(as_text(near.remote_id()->id), "r");
    EXPECT_EQ(as_text(near.subscriber_id().value()), "s");
    EXPECT_EQ(near.client_link_layer()->type, 1);
    EXPECT_TRUE(equal_bytes(near.client_link_layer()->address, testing::mac(7).bytes()));
    EXPECT_TRUE(equal_bytes(near.relay_id().value(), duid_of(5)));
    EXPECT_EQ(near.source_port(), 0x1234);
}

TEST(Dhcp6MessageViewTest, ChainsEndAtTheHopCountLimit) {
    RecordProperty("rfc", "8415 7.6, 19.1.2");
    EXPECT_EQ(error_of(chain(kMaxRelayCount)), ParseError::kCount);
    // One more, with a hop count that claims nothing.
    EXPECT_EQ(error_of(relay6(12, 0, "::", "fe80::1", {}, chain(kMaxRelayCount))),
              ParseError::kRelayChainTooLong);
    EXPECT_EQ(error_of(relay6(12, 9, "::", "fe80::1", {}, chain(0))),
              ParseError::kRelayChainTooLong);
    EXPECT_EQ(error_of(relay6(12, 255, "::", "fe80::1", {}, chain(1))),
              ParseError::kRelayChainTooLong);
    EXPECT_EQ(error_of(chain(1000)), ParseError::kRelayChainTooLong);
}

TEST(Dhcp6MessageViewTest, ARelayCarriesExactlyOneMessage) {
    RecordProperty("rfc", "8415 19.2, 21.10");
    const Bytes empty = relay6(12, 0, "::", "fe80::1", {}, {});
    EXPECT_EQ(error_of(Bytes(empty.begin(), empty.end() - 4)), ParseError::kNoRelayedMessage);
    EXPECT_EQ(error_of(empty), ParseError::kTruncated);
    EXPECT_EQ(error_of(relay6(12, 0, "::", "fe80::1", option6(9, chain(0)), chain(0))),
              ParseError::kDuplicateOption);
    EXPECT_EQ(error_of(relay6(12, 0, "::", "fe80::1", join({option6(18), option6(18)}), chain(0))),
              ParseError::kDuplicateOption);
}

TEST(Dhcp6MessageViewTest, ChainsDoNotMixDirections) {
    EXPECT_EQ(error_of(relay6(13, 0, "::", "fe80::1", {}, chain(0))), ParseError::kCount);
    EXPECT_EQ(error_of(relay6(13, 1, "::", "fe80::1", {}, chain(1))), ParseError::kMixedRelayChain);
    EXPECT_EQ(
        error_of(relay6(12, 1, "::", "fe80::1", {}, relay6(13, 0, "::", "fe80::1", {}, chain(0)))),
        ParseError::kMixedRelayChain);
}

TEST(Dhcp6MessageViewTest, RefusesEveryTruncation) {
    const Bytes payload = relay6(12, 0, "::", "fe80::1", option6(18, {1}),
                                 message6(1, {ia6(3, 7, ia_address6("2001:db8::9", 1, 2))}));
    for (std::size_t len = 0; len < payload.size(); ++len) {
        const ParseError error =
            error_of(Bytes(payload.begin(), payload.begin() + static_cast<std::ptrdiff_t>(len)));
        const bool in_header = len < 34;
        const bool in_front = len == 34 || len == 39;  // a whole number of options, and no message
        EXPECT_EQ(error, in_header  ? ParseError::kTruncated
                         : in_front ? ParseError::kNoRelayedMessage
                                    : ParseError::kOptionTruncated)
            << len;
    }
    const Bytes plain = message6(1, {});
    EXPECT_EQ(error_of(Bytes(plain.begin(), plain.end() - 1)), ParseError::kTruncated);
}

TEST(Dhcp6MessageViewTest, RefusesUnknownTypes) {
    RecordProperty("rfc", "8415 16");
    for (const int type : {0, 38, 128, 255}) {
        EXPECT_EQ(error_of(message6(type, {})), ParseError::kUnknownType) << type;
    }
    for (const int type : {1, 11, 14, 36, 37}) {
        EXPECT_EQ(error_of(message6(type, {})), ParseError::kCount) << type;
    }
}

TEST(Dhcp6MessageViewTest, OptionsStayInWhatTheyStandIn) {
    RecordProperty("rfc", "8415 21.1");
    EXPECT_EQ(error_with(bytes({0})), ParseError::kOptionTruncated);
    EXPECT_EQ(error_with(bytes({0, 200, 0})), ParseError::kOptionTruncated);
    EXPECT_EQ(error_with(bytes({0, 200, 0, 1})), ParseError::kOptionTruncated);
    EXPECT_EQ(error_with(bytes({0, 200, 0xff, 0xff, 0})), ParseError::kOptionTruncated);
    // In an IA, and in an address of it: the end of the outer option counts, not that of the
    // message.
    const Bytes behind = option6(200, Bytes(50));
    EXPECT_EQ(error_of(message6(1, {ia6(3, 1, bytes({0, 200, 0, 9})), behind})),
              ParseError::kOptionTruncated);
    EXPECT_EQ(
        error_of(message6(1, {ia6(3, 1, ia_address6("::", 0, 0, bytes({0, 200, 0, 9}))), behind})),
        ParseError::kOptionTruncated);
    EXPECT_EQ(error_of(message6(1, {ia6(25, 1, ia_prefix6("::", 56, 0, 0, bytes({0}))), behind})),
              ParseError::kOptionTruncated);
    EXPECT_EQ(error_of(relay6(12, 0, "::", "fe80::1", bytes({0, 200, 0xff, 0}), chain(0))),
              ParseError::kOptionTruncated);
}

TEST(Dhcp6MessageViewTest, DuidsHaveOneTo128OctetsBehindTheirType) {
    RecordProperty("rfc", "8415 11.1");
    for (const int code : {1, 2}) {
        for (const std::size_t len : {0u, 1u, 2u, 131u, 132u, 1000u}) {
            EXPECT_EQ(error_with(option6(code, Bytes(len))), ParseError::kBadDuid) << len;
        }
        for (const std::size_t len : {3u, 10u, 130u}) {
            EXPECT_EQ(error_with(option6(code, Bytes(len))), ParseError::kCount) << len;
        }
    }
    EXPECT_EQ(error_of(relay6(12, 0, "::", "fe80::1", option6(53), chain(0))),
              ParseError::kBadDuid);
}

TEST(Dhcp6MessageViewTest, OptionsThatTheServerReadsHaveTheirLength) {
    RecordProperty("rfc", "8415 21");
    const std::pair<int, std::size_t> wrong[] = {
        {3, 11}, {4, 3},  {25, 11}, {6, 1},  {6, 3},  {7, 0},  {7, 2},  {8, 1},   {8, 3}, {13, 1},
        {14, 1}, {19, 0}, {20, 1},  {32, 3}, {32, 5}, {82, 3}, {83, 5}, {135, 1}, {43, 1}};
    for (const auto& [code, len] : wrong) {
        EXPECT_EQ(error_with(option6(code, Bytes(len))), ParseError::kBadOptionLength)
            << code << " with " << len;
    }
    for (const auto& [code, len] : {std::pair{37, 3u}, {79, 1u}, {135, 3u}, {43, 1u}}) {
        EXPECT_EQ(error_of(relay6(12, 0, "::", "fe80::1", option6(code, Bytes(len)), chain(0))),
                  ParseError::kBadOptionLength)
            << code;
    }
    EXPECT_EQ(error_with(ia6(3, 1, option6(5, Bytes(23)))), ParseError::kBadOptionLength);
    EXPECT_EQ(error_with(ia6(25, 1, option6(26, Bytes(24)))), ParseError::kBadOptionLength);
    EXPECT_EQ(error_with(ia6(3, 1, option6(13, {0}))), ParseError::kBadOptionLength);
    EXPECT_EQ(error_with(ia6(3, 1, ia_address6("::", 0, 0, option6(13, {0})))),
              ParseError::kBadOptionLength);
}

TEST(Dhcp6MessageViewTest, PrefixesHaveALengthUpTo128) {
    RecordProperty("rfc", "8415 21.22");
    EXPECT_EQ(error_with(ia6(25, 1, ia_prefix6("::", 0, 0, 0))), ParseError::kCount);
    EXPECT_EQ(error_with(ia6(25, 1, ia_prefix6("::", 128, 0, 0))), ParseError::kCount);
    EXPECT_EQ(error_with(ia6(25, 1, ia_prefix6("::", 129, 0, 0))), ParseError::kBadPrefixLength);
}

TEST(Dhcp6MessageViewTest, WhatMayComeOnceComesOnce) {
    RecordProperty("rfc", "8415 21");
    for (const Bytes& option :
         {kClientId, option6(2, duid_of(1)), option6(6, {0, 23}), option6(7, {1}),
          option6(8, {0, 0}), option6(13, {0, 0}), option6(14), option6(19, {5}), option6(20)}) {
        EXPECT_EQ(error_of(message6(1, {option, option})), ParseError::kDuplicateOption);
    }
    // These may come many times.
    for (const Bytes& option :
         {ia6(3, 1, {}), ia6(25, 1, {}), option6(17, {0, 0, 0, 9}), option6(200)}) {
        EXPECT_EQ(error_of(message6(1, {option, option})), ParseError::kCount);
    }
}

TEST(Dhcp6MessageViewTest, NoIaStandsInsideAnIa) {
    RecordProperty("rfc", "8415 21.4, 21.5, 21.21");
    const Bytes of_each[] = {ia6(3, 1, {}), option6(4, {0, 0, 0, 1}), ia6(25, 1, {})};
    for (const Bytes& inner : of_each) {
        EXPECT_EQ(error_with(ia6(3, 2, inner)), ParseError::kNestedIa);
        EXPECT_EQ(error_with(ia6(25, 2, inner)), ParseError::kNestedIa);
        EXPECT_EQ(error_with(option6(4, join({testing::number32(2), inner}))),
                  ParseError::kNestedIa);
        EXPECT_EQ(error_with(ia6(3, 2, ia_address6("::", 0, 0, inner))), ParseError::kNestedIa);
        EXPECT_EQ(error_with(ia6(25, 2, ia_prefix6("::", 56, 0, 0, inner))), ParseError::kNestedIa);
    }
}

TEST(Dhcp6MessageViewTest, LeasesStandInTheirKindOfIaOnly) {
    RecordProperty("rfc", "8415 21.6, 21.10, 21.22");
    const Bytes address = ia_address6("2001:db8::1", 0, 0);
    const Bytes prefix = ia_prefix6("2001:db8::", 56, 0, 0);
    const Bytes relayed = option6(9, message6(1, {}));
    EXPECT_EQ(error_with(option6(4, join({testing::number32(2), address}))), ParseError::kCount);
    for (const Bytes& option :
         {address, prefix, relayed, ia6(3, 1, prefix), ia6(25, 1, address), ia6(3, 1, relayed),
          ia6(3, 1, ia_address6("::", 0, 0, address)), ia6(3, 1, ia_address6("::", 0, 0, relayed)),
          ia6(25, 1, ia_prefix6("::", 56, 0, 0, prefix))}) {
        EXPECT_EQ(error_with(option), ParseError::kMisplacedOption);
    }
}

TEST(Dhcp6MessageViewTest, UnknownOptionsAreNoErrorAnywhere) {
    RecordProperty("rfc", "8415 16");
    const Bytes unknown = option6(65000, {1, 2, 3});
    EXPECT_EQ(
        error_of(relay6(
            12, 0, "::", "fe80::1", unknown,
            message6(1, {unknown, ia6(3, 1, join({unknown, ia_address6("::", 0, 0, unknown)}))}))),
        ParseError::kCount);
}

TEST(Dhcp6MessageViewTest, NamesAreDistinct) {
    std::set<std::string_view> names;
    for (std::size_t i = 0; i < static_cast<std::size_t>(ParseError::kCount); ++i) {
        names.insert(name(static_cast<ParseError>(i)));
    }
    EXPECT_EQ(names.size(), static_cast<std::size_t>(ParseError::kCount));
}

}  // namespace
}  // namespace xdhcpd::dhcp6
