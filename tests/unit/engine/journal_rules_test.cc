// What must be on stable storage before a reply may leave, and what is answered while nothing can
// be written there.
#include <gtest/gtest.h>

#include "engine/decide.h"
#include "support/engine_harness.h"

namespace xdhcpd::engine {
namespace {

using dhcp4::MessageType;
using lease::HeldCount;
using lease::LeaseState;
using testing::Engine;
using testing::Message;
using testing::small_configuration;

constexpr std::uint32_t kHour = 3600;

Message selecting(int client = 1) {
    Message message{3, client};
    message.option_address(50, "192.0.2.10").option_address(54, "192.0.2.1");
    return message;
}
Message renewing(std::uint32_t xid, int client = 1) {
    Message message{3, client};
    message.ciaddr("192.0.2.10").xid(xid);
    return message;
}

class JournalRulesTest : public ::testing::Test {
  protected:
    JournalRulesTest() { engine_.journal = Journal::kOpen; }

    // The client holds 192.0.2.10 for an hour from 1000 on.
    void lease() {
        ASSERT_TRUE(engine_.send(Message{1, 1}).reply);
        const auto ack = engine_.send(selecting());
        ASSERT_TRUE(ack.reply);
        ASSERT_TRUE(ack.reply->decision.must_write);
        unit_ = *ack.reply->decision.promised;
    }
    [[nodiscard]] const lease::Record& record() const { return engine_.shard.record(unit_); }

    Engine engine_;
    lease::Unit unit_;
};

TEST_F(JournalRulesTest, ALeaseIsWrittenWithOneMoreLeaseTime) {
    RecordProperty("rfc", "2131 3.1");
    lease();
    EXPECT_EQ(record().expiry.value, 1000 + kHour + kLeaseSlack);
    EXPECT_EQ(record().horizon.value, 1000 + 2 * kHour + kLeaseSlack);
}

TEST_F(JournalRulesTest, ARenewalInsideTheHorizonIsNotWritten) {
    lease();
    engine_.pass(kHour);
    const auto inside = engine_.send(renewing(1));
    ASSERT_TRUE(inside.reply);
    EXPECT_EQ(inside.reply->u32(51), kHour);
    EXPECT_FALSE(inside.reply->decision.must_write);
    EXPECT_EQ(inside.reply->decision.promised, unit_);
    EXPECT_EQ(record().expiry.value, 1000 + 2 * kHour + kLeaseSlack);
    EXPECT_EQ(record().horizon, record().expiry);
    engine_.pass(1);
    const auto outside = engine_.send(renewing(2));
    ASSERT_TRUE(outside.reply);
    EXPECT_TRUE(outside.reply->decision.must_write);
    EXPECT_EQ(record().horizon.value, 1000 + 3 * kHour + 1 + kLeaseSlack);
}

TEST_F(JournalRulesTest, WithoutAJournalNothingIsWritten) {
    engine_.journal = Journal::kOff;
    ASSERT_TRUE(engine_.send(Message{1, 1}).reply);
    const auto ack = engine_.send(selecting());
    ASSERT_TRUE(ack.reply);
    EXPECT_FALSE(ack.reply->decision.must_write);
    EXPECT_TRUE(ack.reply->decision.promised);
}

TEST_F(JournalRulesTest, BehindABacklogANewLeaseIsRefusedAndNothingChanges) {
    ASSERT_TRUE(engine_.send(Message{1, 1}).reply);
    engine_.journal = Journal::kBacklog;
    const auto refused = engine_.send(selecting());
    EXPECT_EQ(refused.drop, DropReason{Shed::kJournalBacklog});
    EXPECT_EQ(engine_.held(HeldCount::kOffered), 1u);
    EXPECT_EQ(engine_.held(HeldCount::kLeased), 0u);
    engine_.journal = Journal::kOpen;
    EXPECT_TRUE(engine_.send(selecting()).reply);
}

TEST_F(JournalRulesTest, BehindABacklogRenewalsInsideTheHorizonAndOffersGoOn) {
    lease();
    engine_.journal = Journal::kBacklog;
    engine_.pass(kHour / 2);
    ASSERT_TRUE(engine_.send(renewing(1)).reply);
    EXPECT_EQ(engine_.send(Message{1, 2}).reply->type(), MessageType::kOffer);
    engine_.pass(kHour);
    EXPECT_EQ(engine_.send(renewing(2)).drop, DropReason{Shed::kJournalBacklog});
    EXPECT_EQ(record().expiry.value, 1000 + kHour / 2 + kHour + kLeaseSlack) << "unchanged";
}

TEST_F(JournalRulesTest, BehindABacklogAnUnheldAddressIsNotTaken) {
    engine_.journal = Journal::kBacklog;
    EXPECT_EQ(engine_.send(selecting()).drop, DropReason{Shed::kJournalBacklog});
    EXPECT_EQ(engine_.send(renewing(1)).drop, DropReason{Shed::kJournalBacklog});
    Message init_reboot{3, 1};
    init_reboot.option_address(50, "192.0.2.10");
    EXPECT_EQ(engine_.send(init_reboot).drop, DropReason{Shed::kJournalBacklog});
    EXPECT_EQ(engine_.held(HeldCount::kOffered), 0u);
}

TEST_F(JournalRulesTest, BehindABacklogRapidCommitBecomesAnOffer) {
    RecordProperty("rfc", "4039 3.1");
    auto configuration = small_configuration();
    configuration.dhcp4.rapid_commit = true;
    engine_.reload(configuration);
    engine_.journal = Journal::kBacklog;
    EXPECT_EQ(engine_.send(Message{1, 1}.option(80, {})).reply->type(), MessageType::kOffer);
    EXPECT_EQ(engine_.held(HeldCount::kLeased), 0u);
}

TEST_F(JournalRulesTest, AnInfiniteLeaseIsWrittenOnce) {
    auto configuration = small_configuration();
    configuration.dhcp4.lease_time.max_time = 0xffffffff;
    engine_.reload(configuration);
    ASSERT_TRUE(engine_.send(Message{1, 1}).reply);
    const auto first = engine_.send(selecting().option_u32(51, 0xffffffff));
    ASSERT_TRUE(first.reply);
    EXPECT_TRUE(first.reply->decision.must_write);
    const auto again = engine_.send(renewing(6).option_u32(51, 0xffffffff));
    ASSERT_TRUE(again.reply);
    EXPECT_EQ(again.reply->u32(51), 0xffffffffu);
    EXPECT_FALSE(again.reply->decision.must_write);
}

TEST_F(JournalRulesTest, ALeaseUnderANewIdentityIsWrittenAgain) {
    lease();
    auto configuration = small_configuration();
    model::ReservationConfiguration reservation;
    reservation.identifier.kind = model::IdentifierKind::kHwAddress;
    reservation.identifier.value = testing::bytes({1});
    testing::append(reservation.identifier.value, testing::mac(1).bytes());
    reservation.hostname = "named";
    configuration.dhcp4.subnets[0].reservations.push_back(reservation);
    engine_.reload(configuration);
    const auto renewed = engine_.send(renewing(9));
    ASSERT_TRUE(renewed.reply);
    EXPECT_EQ(renewed.reply->decision.promised, unit_);
    EXPECT_TRUE(renewed.reply->decision.must_write) << "stable storage knows it by another name";
}

// A record of what ends, as the journal would get it.
class Ends final : public lease::ChangeSink {
  public:
    void on_end(const lease::Shard& shard, lease::Unit unit, LeaseState next,
                std::uint32_t version) noexcept override {
        unit_ = unit;
        next_ = next;
        version_ = version;
        identity_len_ = shard.identity(unit).size();
        ++count_;
    }
    [[nodiscard]] bool has_room() const noexcept override { return true; }
    void on_import(const lease::Shard&, lease::Unit) noexcept override {}

    lease::Unit unit_;
    LeaseState next_ = LeaseState::kNone;
    std::uint32_t version_ = 0;
    std::size_t identity_len_ = 0;
    int count_ = 0;
};

TEST_F(JournalRulesTest, ReleaseAndDeclineAreToldWithTheirVersion) {
    lease();
    Ends ends;
    engine_.shard.set_change_sink(&ends);
    const std::uint32_t leased = record().version;
    Message release{7, 1};
    release.ciaddr("192.0.2.10").option_address(54, "192.0.2.1");
    EXPECT_EQ(engine_.send(release).drop, DropReason{Refusal::kReleased});
    EXPECT_EQ(ends.count_, 1);
    EXPECT_EQ(ends.unit_, unit_);
    EXPECT_EQ(ends.next_, LeaseState::kReleased);
    EXPECT_EQ(ends.version_, leased + 1);
    EXPECT_GT(ends.identity_len_, 0u) << "the former tenant is written too";

    ASSERT_TRUE(engine_.send(Message{1, 1}).reply);
    EXPECT_EQ(ends.count_, 1) << "an offer is nowhere but in memory";
    ASSERT_TRUE(engine_.send(selecting()).reply);
    Message decline{4, 1};
    decline.option_address(50, "192.0.2.10").option_address(54, "192.0.2.1");
    EXPECT_EQ(engine_.send(decline).drop, DropReason{Refusal::kDeclined});
    EXPECT_EQ(ends.count_, 2);
    EXPECT_EQ(ends.next_, LeaseState::kDeclined);
    EXPECT_EQ(ends.version_, record().version);
    engine_.shard.set_change_sink(nullptr);
}

}  // namespace
}  // namespace xdhcpd::engine
