#include "engine/shedding.h"

#include <gtest/gtest.h>

#include "support/frames.h"

namespace xdhcpd::engine {
namespace {

using std::chrono::milliseconds;
using testing::Message;

std::optional<Shed> shed_of(const Message& message, milliseconds waited, Load load) {
    dhcp4::MessageView view;
    const testing::Bytes payload = message.payload();
    EXPECT_TRUE(view.parse(payload));
    return shed(view, waited, load);
}

const Message kDiscover{1, 1};
const Message kSelecting =
    Message{3, 1}.option_address(50, "192.0.2.10").option_address(54, "192.0.2.1");
const Message kRenewing = Message{3, 1}.ciaddr("192.0.2.10");
const Message kDecline{4, 1};
const Message kRelease = Message{7, 1}.ciaddr("192.0.2.10");
const Message kInform = Message{8, 1}.ciaddr("192.0.2.10");

TEST(SheddingTest, NothingIsShedWithoutNeed) {
    for (const Message& message : {kDiscover, kSelecting, kRenewing, kDecline, kRelease, kInform}) {
        EXPECT_EQ(shed_of(message, kStaleWait - milliseconds{1}, Load::kNormal), std::nullopt);
    }
}

TEST(SheddingTest, DiscoversGoBeforeRequestsAndRequestsBeforeRenewals) {
    EXPECT_EQ(shed_of(kDiscover, {}, Load::kHigh), Shed::kDiscover);
    EXPECT_EQ(shed_of(kInform, {}, Load::kHigh), Shed::kDiscover);
    EXPECT_EQ(shed_of(kSelecting, {}, Load::kHigh), std::nullopt);
    EXPECT_EQ(shed_of(kSelecting, {}, Load::kExtreme), Shed::kRequest);
    for (const Message& message : {kRenewing, kDecline, kRelease}) {
        EXPECT_EQ(shed_of(message, {}, Load::kExtreme), std::nullopt);
    }
}

TEST(SheddingTest, WhoHasAskedAgainIsNotAnsweredTwice) {
    RecordProperty("rfc", "2131 4.1");
    EXPECT_EQ(shed_of(kDiscover, kStaleWait, Load::kNormal), Shed::kStale);
    EXPECT_EQ(shed_of(kSelecting, kStaleWait, Load::kExtreme), Shed::kStale);
    // The next try of a renewing client may be hours away.
    EXPECT_EQ(shed_of(kRenewing, kStaleWait, Load::kExtreme), std::nullopt);
}

TEST(SheddingTest, LoadIsJudgedByRoomAndByWaiting) {
    EXPECT_EQ(load_of(499, milliseconds{99}), Load::kNormal);
    EXPECT_EQ(load_of(500, milliseconds{0}), Load::kHigh);
    EXPECT_EQ(load_of(0, milliseconds{100}), Load::kHigh);
    EXPECT_EQ(load_of(749, milliseconds{399}), Load::kHigh);
    EXPECT_EQ(load_of(750, milliseconds{0}), Load::kExtreme);
    EXPECT_EQ(load_of(0, milliseconds{400}), Load::kExtreme);
}

TEST(SheddingTest, Ipv6HasTheSameOrder) {
    using Type = dhcp6::MessageType;
    const auto first = {Type::kSolicit, Type::kInformationRequest};
    const auto second = {Type::kRequest, Type::kConfirm};
    for (const Type type : first) {
        EXPECT_EQ(shed(type, {}, Load::kNormal), std::nullopt);
        EXPECT_EQ(shed(type, {}, Load::kHigh), Shed::kDiscover);
        EXPECT_EQ(shed(type, kStaleWait6, Load::kNormal), Shed::kStale);
    }
    for (const Type type : second) {
        EXPECT_EQ(shed(type, {}, Load::kHigh), std::nullopt);
        EXPECT_EQ(shed(type, {}, Load::kExtreme), Shed::kRequest);
        EXPECT_EQ(shed(type, kStaleWait6, Load::kNormal), Shed::kStale);
    }
    for (const Type type : {Type::kRenew, Type::kRebind, Type::kRelease, Type::kDecline}) {
        EXPECT_EQ(shed(type, kStaleWait, Load::kExtreme), std::nullopt);
    }
}

}  // namespace
}  // namespace xdhcpd::engine
