#include "dhcp4/message_view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "message_builder.h"

namespace xdhcpd::dhcp4 {
namespace {

using testing::Bytes;
using testing::bytes;
using testing::counting;
using testing::filled;
using testing::fixed_part;
using testing::kEndOption;
using testing::kFileOffset;
using testing::kSnameOffset;
using testing::message;
using testing::option;
using testing::to_bytes;
using testing::with_area;
using testing::operator+;

constexpr auto kCodeMerit = OptionCode::kMeritDump;  // 14, a text without rules of its own

const Bytes kDiscover = bytes({53, 1, 1});

void expect_empty(const MessageView& view) {
    EXPECT_TRUE(view.payload().empty());
    EXPECT_EQ(view.op(), 0);
    EXPECT_EQ(view.hlen(), 0);
    EXPECT_EQ(view.xid(), 0U);
    EXPECT_TRUE(view.chaddr().empty());
    EXPECT_EQ(to_bytes(view.sname()), filled(64, 0));
    EXPECT_EQ(to_bytes(view.file()), filled(128, 0));
    EXPECT_EQ(view.type(), MessageType::kNone);
    EXPECT_EQ(view.option_count(), 0U);
    EXPECT_FALSE(view.requested_address());
}

// The error of a payload; a view that held a message before must be empty afterwards.
ParseError error_of(const Bytes& payload) {
    MessageView view;
    const Bytes good = message(kDiscover + kEndOption);
    EXPECT_TRUE(view.parse(good));
    const auto result = view.parse(payload);
    EXPECT_FALSE(result);
    if (result) {
        return ParseError::kCount;
    }
    expect_empty(view);
    return result.error();
}

bool parses(const Bytes& payload) {
    MessageView view;
    return view.parse(payload).has_value();
}

TEST(MessageViewTest, IsEmptyBeforeTheFirstMessage) {
    const MessageView view;
    expect_empty(view);
}

TEST(MessageViewTest, ReadsEveryFixedField) {
    RecordProperty("rfc", "2131 2");
    const Bytes payload = message(kDiscover + kEndOption);
    MessageView view;
    ASSERT_TRUE(view.parse(payload));
    EXPECT_EQ(view.op(), kBootRequest);
    EXPECT_EQ(view.htype(), 1);
    EXPECT_EQ(view.hlen(), 6);
    EXPECT_EQ(view.hops(), 3);
    EXPECT_EQ(view.xid(), 0xdeadbeefU);
    EXPECT_EQ(view.secs(), 0x0102);
    EXPECT_EQ(view.flags(), 0x8000);
    EXPECT_TRUE(view.broadcast());
    EXPECT_EQ(to_string(view.ciaddr()), "192.0.2.1");
    EXPECT_EQ(to_string(view.yiaddr()), "192.0.2.2");
    EXPECT_EQ(to_string(view.siaddr()), "192.0.2.3");
    EXPECT_EQ(to_string(view.giaddr()), "192.0.2.4");
    EXPECT_EQ(to_hex(view.chaddr()), "02:00:5e:00:53:01");
    EXPECT_EQ(view.sname().size(), 64U);
    EXPECT_EQ(view.file().size(), 128U);
    EXPECT_EQ(view.payload().data(), payload.data());
    EXPECT_EQ(view.payload().size(), payload.size());
}

TEST(MessageViewTest, OnlyTheTopFlagMeansBroadcast) {
    RecordProperty("rfc", "2131 4.1");
    Bytes payload = message(kEndOption);
    payload[10] = std::byte{0x7f};
    payload[11] = std::byte{0xff};
    MessageView view;
    ASSERT_TRUE(view.parse(payload));
    EXPECT_FALSE(view.broadcast());
    EXPECT_EQ(view.flags(), 0x7fff);
}

TEST(MessageViewTest, ReadsTypedOptions) {
    const Bytes payload = message(
        bytes({53, 1,    3,    50, 4, 192,  0,    2,    50, 54,  4,  192, 0, 2,    54,   51, 4, 0,
               1,  0x51, 0x80, 57, 2, 0x05, 0xdc, 118,  4,  198, 51, 100, 0, 55,   3,    1,  3, 6,
               61, 7,    1,    2,  0, 0x5e, 0,    0x53, 1,  82,  4,  1,   2, 0xaa, 0xbb, 255}));
    MessageView view;
    ASSERT_TRUE(view.parse(payload));
    EXPECT_EQ(view.type(), MessageType::kRequest);
    EXPECT_EQ(view.requested_address(), (Ipv4{0xc0000232}));
    EXPECT_EQ(view.server_identifier(), (Ipv4{0xc0000236}));
    EXPECT_EQ(view.lease_time(), 86400U);
    EXPECT_EQ(view.max_message_size(), 1500);
    EXPECT_EQ(view.subnet_selection(), (Ipv4{0xc6336400}));
    EXPECT_EQ(to_bytes(view.parameter_request_list()), bytes({1, 3, 6}));
    EXPECT_EQ(to_hex(view.client_identifier()), "01:02:00:5e:00:53:01");
    EXPECT_EQ(to_bytes(view.relay_agent_information()), bytes({1, 2, 0xaa, 0xbb}));
    EXPECT_EQ(view.option_count(), 9U);
}

TEST(MessageViewTest, AbsentOptionsAreNothing) {
    const Bytes payload = message(kEndOption);
    MessageView view;
    ASSERT_TRUE(view.parse(payload));
    EXPECT_EQ(view.type(), MessageType::kNone);
    EXPECT_FALSE(view.requested_address());
    EXPECT_FALSE(view.server_identifier());
    EXPECT_FALSE(view.lease_time());
    EXPECT_FALSE(view.max_message_size());
    EXPECT_FALSE(view.subnet_selection());
    EXPECT_TRUE(view.parameter_request_list().empty());
    EXPECT_TRUE(view.client_identifier().empty());
    EXPECT_TRUE(view.relay_agent_information().empty());
    EXPECT_FALSE(view.has(OptionCode::kRapidCommit));
}

TEST(MessageViewTest, NothingStaysFromTheMessageBefore) {
    MessageView view;
    const Bytes first =
        message(bytes({53, 1, 3, 50, 4, 192, 0, 2, 50, 14, 1, 'a', 14, 1, 'b', 52, 1, 2, 255}));
    ASSERT_TRUE(view.parse(first));
    ASSERT_EQ(to_bytes(view.option(kCodeMerit)), to_bytes("ab"));
    const Bytes second = message(bytes({14, 1, 'c', 255}));
    ASSERT_TRUE(view.parse(second));
    EXPECT_EQ(view.type(), MessageType::kNone);
    EXPECT_FALSE(view.requested_address());
    EXPECT_EQ(to_bytes(view.option(kCodeMerit)), to_bytes("c"));
    EXPECT_EQ(view.option_count(), 1U);
}

TEST(MessageViewTest, OverloadOfTheMessageBeforeIsForgotten) {
    MessageView view;
    const Bytes split = message(bytes({14, 1, 'a', 14, 1, 'b', 255}));
    const Bytes overloaded = with_area(message(bytes({52, 1, 1, 255})), kFileOffset, bytes({255}));
    ASSERT_TRUE(view.parse(overloaded));
    const Bytes file_looks_like_options = with_area(split, kFileOffset, bytes({14, 1, 'c', 255}));
    ASSERT_TRUE(view.parse(file_looks_like_options));
    EXPECT_EQ(to_bytes(view.option(kCodeMerit)), to_bytes("ab"));
    const Bytes twice = message(bytes({52, 1, 1, 52, 1, 1, 255}));
    ASSERT_FALSE(view.parse(twice));
    EXPECT_TRUE(view.parse(overloaded));
}

TEST(MessageViewTest, AnOptionWithoutValueIsPresentAndEmpty) {
    const Bytes payload = message(bytes({80, 0, 255}));
    MessageView view;
    ASSERT_TRUE(view.parse(payload));
    EXPECT_TRUE(view.has(OptionCode::kRapidCommit));
    EXPECT_TRUE(view.option(OptionCode::kRapidCommit).empty());
}

TEST(MessageViewTest, PadMayStandAnywhere) {
    RecordProperty("rfc", "2132 3.1");
    const Bytes payload =
        message(bytes({0, 0, 53, 1, 1, 0, 14, 2, 0, 255, 0, 0, 12, 1, 'h', 0, 255}));
    MessageView view;
    ASSERT_TRUE(view.parse(payload));
    EXPECT_EQ(view.type(), MessageType::kDiscover);
    EXPECT_EQ(to_bytes(view.option(kCodeMerit)),
              bytes({0, 255}));  // inside a value they are octets
    EXPECT_EQ(to_bytes(view.option(OptionCode::kHostName)), to_bytes("h"));
    EXPECT_FALSE(view.has(OptionCode::kPad));
    EXPECT_FALSE(view.has(OptionCode::kEnd));
}

TEST(MessageViewTest, EndMayBeMissing) {
    MessageView view;
    const Bytes at_option = message(kDiscover);
    ASSERT_TRUE(view.parse(at_option));
    EXPECT_EQ(view.type(), MessageType::kDiscover);
    const Bytes at_pad = message(kDiscover + filled(60, 0));
    ASSERT_TRUE(view.parse(at_pad));
    EXPECT_EQ(view.type(), MessageType::kDiscover);
    const Bytes no_options = fixed_part();
    ASSERT_TRUE(view.parse(no_options));
    EXPECT_EQ(view.option_count(), 0U);
}

TEST(MessageViewTest, OctetsBehindEndAreIgnored) {
    RecordProperty("rfc", "2132 3.2");
    const Bytes payload = message(kDiscover + bytes({255, 50, 4, 1, 53, 99}));
    MessageView view;
    ASSERT_TRUE(view.parse(payload));
    EXPECT_EQ(view.option_count(), 1U);
}

TEST(MessageViewTest, VisitsOptionsInAscendingOrder) {
    const Bytes payload =
        message(bytes({254, 1, 9, 128, 1, 8, 1, 1, 5, 63, 1, 6, 64, 1, 7, 63, 1, 16, 255}));
    MessageView view;
    ASSERT_TRUE(view.parse(payload));
    std::vector<std::pair<unsigned, Bytes>> seen;
    view.for_each_option([&](OptionCode code, ByteView value) {
        seen.emplace_back(static_cast<unsigned>(code), to_bytes(value));
    });
    EXPECT_THAT(seen,
                ::testing::ElementsAre(std::pair{1U, bytes({5})}, std::pair{63U, bytes({6, 16})},
                                       std::pair{64U, bytes({7})}, std::pair{128U, bytes({8})},
                                       std::pair{254U, bytes({9})}));
}

// ---- RFC 3396

TEST(MessageViewTest, JoinsPartsOfOneOptionInTheirOrder) {
    RecordProperty("rfc", "3396 7");
    const Bytes payload = message(
        bytes({14, 2, 'a', 'b', 12, 1, 'x', 14, 1, 'c', 0, 12, 1, 'y', 14, 0, 14, 1, 'd', 255}));
    MessageView view;
    ASSERT_TRUE(view.parse(payload));
    EXPECT_EQ(to_bytes(view.option(kCodeMerit)), to_bytes("abcd"));
    EXPECT_EQ(to_bytes(view.option(OptionCode::kHostName)), to_bytes("xy"));
}

TEST(MessageViewTest, JoinsAcrossAreasInTheOrderOptionsFileSname) {
    RecordProperty("rfc", "3396 5");
    Bytes payload = message(bytes({14, 1, 'a', 52, 1, 3, 14, 1, 'b', 255}));
    payload = with_area(payload, kSnameOffset, bytes({14, 1, 'e', 255}));
    payload = with_area(payload, kFileOffset, bytes({14, 1, 'c', 0, 14, 1, 'd', 255}));
    MessageView view;
    ASSERT_TRUE(view.parse(payload));
    EXPECT_EQ(to_bytes(view.option(kCodeMerit)), to_bytes("abcde"));
}

TEST(MessageViewTest, JoinsAValueLongerThanOneOptionCanHold) {
    RecordProperty("rfc", "3396 7");
    const Bytes value = counting(600);
    const Bytes payload = message(option(43, {value.begin(), value.begin() + 255}) +
                                  option(43, {value.begin() + 255, value.begin() + 510}) +
                                  option(43, {value.begin() + 510, value.end()}) + kEndOption);
    MessageView view;
    ASSERT_TRUE(view.parse(payload));
    EXPECT_EQ(to_bytes(view.option(OptionCode::kVendorEncapsulatedOptions)), value);
}

TEST(MessageViewTest, JoinRoomIsUsedToTheLastOctet) {
    const auto payload_with = [](std::size_t total) {
        Bytes options;
        for (; total > 255; total -= 255) {
            options = options + option(14, filled(255, 'a'));
        }
        return message(options + option(14, filled(total, 'b')) + kEndOption);
    };
    MessageView view;
    const Bytes full = payload_with(MessageView::kJoinRoom);
    ASSERT_TRUE(view.parse(full));
    EXPECT_EQ(view.option(kCodeMerit).size(), MessageView::kJoinRoom);
    EXPECT_EQ(view.option(kCodeMerit).back(), std::byte{'b'});
    EXPECT_EQ(error_of(payload_with(MessageView::kJoinRoom + 1)), ParseError::kOptionTooLong);
}

TEST(MessageViewTest, JoinRoomIsSharedByAllCodes) {
    const std::size_t left = MessageView::kJoinRoom - 4 * 255;
    Bytes options = option(14, filled(255, 'a')) + option(14, filled(255, 'b')) +
                    option(12, filled(255, 'c')) + option(12, filled(255, 'd')) +
                    option(254, filled(200, 'e'));
    const Bytes fits = message(options + option(254, filled(left - 200, 'f')));
    MessageView view;
    ASSERT_TRUE(view.parse(fits));
    EXPECT_EQ(to_bytes(view.option(kCodeMerit)), filled(255, 'a') + filled(255, 'b'));
    EXPECT_EQ(to_bytes(view.option(OptionCode::kHostName)), filled(255, 'c') + filled(255, 'd'));
    EXPECT_EQ(to_bytes(view.option(OptionCode{254})), filled(200, 'e') + filled(left - 200, 'f'));
    EXPECT_EQ(error_of(message(options + option(254, filled(left - 199, 'f')))),
              ParseError::kOptionTooLong);
}

TEST(MessageViewTest, JoinedLengthsDoNotOverflowInTheLongestMessage) {
    Bytes options;
    while (kOptionsOffset + options.size() + 257 <= kMaxMessageLen) {
        options = options + option(14, filled(255, 'a'));
    }
    EXPECT_EQ(error_of(message(options)), ParseError::kOptionTooLong);
}

TEST(MessageViewTest, AValueCheckSeesTheJoinedValue) {
    const Bytes payload = message(bytes({50, 2, 192, 0, 50, 2, 2, 50, 255}));
    MessageView view;
    ASSERT_TRUE(view.parse(payload));
    EXPECT_EQ(view.requested_address(), (Ipv4{0xc0000232}));
    EXPECT_EQ(error_of(message(bytes({50, 4, 1, 2, 3, 4, 50, 4, 1, 2, 3, 4}))),
              ParseError::kBadOptionLength);
    EXPECT_EQ(error_of(message(bytes({53, 1, 1, 53, 1, 1}))), ParseError::kBadMessageType);
}

// ---- overload

TEST(MessageViewTest, OverloadSaysWhichFieldsHoldOptions) {
    RecordProperty("rfc", "2132 9.3");
    for (unsigned overload = 0; overload <= 3; ++overload) {
        Bytes payload =
            message((overload == 0 ? Bytes{} : option(52, bytes({overload}))) + kEndOption);
        payload = with_area(payload, kFileOffset, bytes({12, 1, 'f', 255}));
        payload = with_area(payload, kSnameOffset, bytes({15, 1, 's', 255}));
        MessageView view;
        ASSERT_TRUE(view.parse(payload)) << overload;
        EXPECT_EQ(view.has(OptionCode::kHostName), (overload & 1) != 0) << overload;
        EXPECT_EQ(view.has(OptionCode::kDomainName), (overload & 2) != 0) << overload;
    }
}

TEST(MessageViewTest, MessageTypeMayStandInAnOverloadedField) {
    Bytes payload = message(bytes({52, 1, 1, 255}));
    payload = with_area(payload, kFileOffset, bytes({53, 1, 8, 255}));
    MessageView view;
    ASSERT_TRUE(view.parse(payload));
    EXPECT_EQ(view.type(), MessageType::kInform);
}

TEST(MessageViewTest, OptionsMayFillAnOverloadedFieldWithoutEnd) {
    Bytes payload = message(bytes({52, 1, 3, 255}));
    payload = with_area(payload, kFileOffset, option(12, filled(126, 'f')));
    payload = with_area(payload, kSnameOffset, option(15, filled(62, 's')));
    MessageView view;
    ASSERT_TRUE(view.parse(payload));
    EXPECT_EQ(view.option(OptionCode::kHostName).size(), 126U);
    EXPECT_EQ(view.option(OptionCode::kDomainName).size(), 62U);
}

TEST(MessageViewTest, AnOptionMayNotRunOutOfAnOverloadedField) {
    const Bytes payload = message(bytes({52, 1, 3, 255}));
    EXPECT_EQ(error_of(with_area(payload, kFileOffset, bytes({12, 127}))),
              ParseError::kOptionTruncated);
    EXPECT_EQ(error_of(with_area(payload, kSnameOffset, bytes({12, 63}))),
              ParseError::kOptionTruncated);
    EXPECT_EQ(error_of(with_area(payload, kFileOffset + 127, bytes({12}))),
              ParseError::kOptionTruncated);
}

TEST(MessageViewTest, BadOverloadIsRefused) {
    EXPECT_EQ(error_of(message(bytes({52, 1, 0, 255}))), ParseError::kBadOverload);
    EXPECT_EQ(error_of(message(bytes({52, 1, 4, 255}))), ParseError::kBadOverload);
    EXPECT_EQ(error_of(message(bytes({52, 0, 255}))), ParseError::kBadOverload);
    EXPECT_EQ(error_of(message(bytes({52, 2, 1, 1, 255}))), ParseError::kBadOverload);
    EXPECT_EQ(error_of(message(bytes({52, 1, 1, 52, 1, 2, 255}))), ParseError::kBadOverload);
    EXPECT_EQ(error_of(message(bytes({52, 0, 52, 1, 2, 255}))), ParseError::kBadOverload);
    EXPECT_EQ(error_of(message(bytes({52, 1, 2, 52, 0, 255}))), ParseError::kBadOverload);
    // neither part alone says what to read
    const Bytes parted = message(bytes({52, 0, 1, 4, 255, 255, 255, 0, 52, 1, 1, 255}));
    EXPECT_EQ(error_of(with_area(parted, kFileOffset, bytes({12, 127}))), ParseError::kBadOverload);
}

TEST(MessageViewTest, OverloadInsideAnOverloadedFieldIsRefused) {
    const Bytes payload = message(bytes({52, 1, 1, 255}));
    EXPECT_EQ(error_of(with_area(payload, kFileOffset, bytes({52, 1, 2, 255}))),
              ParseError::kBadOverload);
    EXPECT_EQ(error_of(with_area(payload, kFileOffset, bytes({52, 0, 52, 0, 255}))),
              ParseError::kBadOverload);
}

// ---- every other reason to drop

TEST(MessageViewTest, EveryShorterPayloadIsTruncated) {
    const Bytes whole = fixed_part();
    for (std::size_t len = 0; len < whole.size(); ++len) {
        ASSERT_EQ(error_of({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(len)}),
                  ParseError::kTruncated)
            << len;
    }
    EXPECT_TRUE(parses(whole));
}

TEST(MessageViewTest, LongestMessageIsTheLongestUdpPayload) {
    Bytes payload = message({});
    payload.resize(65507);
    EXPECT_TRUE(parses(payload));
    payload.resize(65508);
    EXPECT_EQ(error_of(payload), ParseError::kOversized);
}

TEST(MessageViewTest, OpIsRequestOrReply) {
    Bytes payload = message(kEndOption);
    for (unsigned op = 0; op < 256; ++op) {
        payload[0] = static_cast<std::byte>(op);
        if (op == 1 || op == 2) {
            EXPECT_TRUE(parses(payload));
        } else {
            ASSERT_EQ(error_of(payload), ParseError::kBadOp) << op;
        }
    }
}

TEST(MessageViewTest, HardwareAddressFitsItsField) {
    Bytes payload = message(kEndOption);
    MessageView view;
    for (const unsigned hlen : {0U, 1U, 16U}) {
        payload[2] = static_cast<std::byte>(hlen);
        ASSERT_TRUE(view.parse(payload));
        EXPECT_EQ(view.chaddr().size(), hlen);
    }
    payload[2] = std::byte{17};
    EXPECT_EQ(error_of(payload), ParseError::kBadHlen);
    payload[2] = std::byte{255};
    EXPECT_EQ(error_of(payload), ParseError::kBadHlen);
}

TEST(MessageViewTest, CookieIsRequired) {
    RecordProperty("rfc", "2131 3");
    for (std::size_t i = 0; i < 4; ++i) {
        Bytes payload = message(kDiscover + kEndOption);
        payload[kFixedLen + i] ^= std::byte{1};
        EXPECT_EQ(error_of(payload), ParseError::kBadMagic) << i;
    }
}

TEST(MessageViewTest, AnOptionMayNotRunOutOfTheMessage) {
    EXPECT_TRUE(parses(message(bytes({12, 2, 'a', 'b'}))));
    EXPECT_EQ(error_of(message(bytes({12, 2, 'a'}))), ParseError::kOptionTruncated);
    EXPECT_EQ(error_of(message(bytes({12, 1}))), ParseError::kOptionTruncated);
    EXPECT_EQ(error_of(message(bytes({12}))), ParseError::kOptionTruncated);
    EXPECT_EQ(error_of(message(bytes({12, 255}) + filled(254, 'a'))), ParseError::kOptionTruncated);
}

TEST(MessageViewTest, MessageTypeIsOneKnownOctet) {
    MessageView view;
    for (unsigned type = 0; type < 256; ++type) {
        const Bytes payload = message(option(53, bytes({type})) + kEndOption);
        if (type >= 1 && type <= 18) {
            ASSERT_TRUE(view.parse(payload)) << type;
            EXPECT_EQ(static_cast<unsigned>(view.type()), type);
        } else {
            ASSERT_EQ(error_of(payload), ParseError::kBadMessageType) << type;
        }
    }
    EXPECT_EQ(error_of(message(bytes({53, 0}))), ParseError::kBadMessageType);
    EXPECT_EQ(error_of(message(bytes({53, 2, 1, 1}))), ParseError::kBadMessageType);
}

TEST(MessageViewTest, OptionsThatTheServerReadsHaveTheirLength) {
    RecordProperty("rfc", "2132 9");
    const std::pair<unsigned, std::size_t> lengths[] = {
        {50, 4}, {51, 4}, {54, 4}, {57, 2}, {118, 4}};
    for (const auto& [code, right] : lengths) {
        for (std::size_t len = 0; len <= 9; ++len) {
            const Bytes payload = message(option(code, filled(len, 7)) + kEndOption);
            if (len == right) {
                EXPECT_TRUE(parses(payload)) << code;
            } else {
                EXPECT_EQ(error_of(payload), ParseError::kBadOptionLength) << code << " " << len;
            }
        }
    }
}

TEST(MessageViewTest, EveryErrorHasItsOwnName) {
    std::set<std::string_view> names;
    for (unsigned i = 0; i < static_cast<unsigned>(ParseError::kCount); ++i) {
        const std::string_view text = name(static_cast<ParseError>(i));
        EXPECT_NE(text, "unknown") << i;
        EXPECT_EQ(text.find_first_not_of("abcdefghijklmnopqrstuvwxyz-"), text.npos);
        EXPECT_TRUE(names.insert(text).second) << text;
    }
    EXPECT_EQ(name(ParseError::kCount), "unknown");
}

}  // namespace
}  // namespace xdhcpd::dhcp4
