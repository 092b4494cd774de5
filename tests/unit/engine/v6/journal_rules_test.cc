// What a message does to stable storage: all IAs of one are one transaction.
#include <gtest/gtest.h>

#include "support/engine6_harness.h"

namespace xdhcpd::engine::v6 {
namespace {

using testing::Engine6;
using testing::Message6;
using testing::small_configuration6;

class Journal6Test : public ::testing::Test {
  protected:
    Journal6Test() { engine.journal = Journal::kOpen; }
    [[nodiscard]] std::string send(const Message6& message) {
        const auto outcome = engine.send(message);
        written = 0;
        if (outcome.reply) {
            for (const Promise& promise : outcome.reply->decision.promises()) {
                written += promise.must_write ? 1 : 0;
            }
        }
        return outcome.why();
    }
    [[nodiscard]] std::uint64_t held() const {
        return engine.held(lease::HeldCount::kOffered) + engine.held(lease::HeldCount::kLeased);
    }
    Engine6 engine;
    int written = -1;
};

TEST_F(Journal6Test, EveryNewLeaseIsWritten) {
    EXPECT_EQ(send(Message6{Message6::kRequest}.na(1).na(2).pd(1)), "answered");
    EXPECT_EQ(written, 3);
}

TEST_F(Journal6Test, ARenewalInsideTheHorizonIsNot) {
    const std::string address = engine.get_address(1);
    const BootSeconds first = engine.record(address).horizon;
    EXPECT_EQ(first.value, 1000u + 7200 + kLeaseSlack + 7200);
    engine.pass(3600);
    EXPECT_EQ(send(Message6{Message6::kRenew}.xid(1).na(1, {address})), "answered");
    EXPECT_EQ(written, 0);
    engine.pass(3700);
    EXPECT_EQ(send(Message6{Message6::kRenew}.xid(2).na(1, {address})), "answered");
    EXPECT_EQ(written, 1);
    EXPECT_EQ(engine.record(address).horizon.value, engine.now + 7200 + kLeaseSlack + 7200);
}

TEST_F(Journal6Test, WithoutAJournalNothingIsWritten) {
    engine.journal = Journal::kOff;
    EXPECT_EQ(send(Message6{Message6::kRequest}.na(1).pd(1)), "answered");
    EXPECT_EQ(written, 0);
}

TEST_F(Journal6Test, ABacklogRefusesWhatNeedsARecordAndChangesNothing) {
    engine.journal = Journal::kBacklog;
    EXPECT_EQ(send(Message6{Message6::kRequest}.na(1).pd(1)), "worker.journal-backlog");
    EXPECT_EQ(send(Message6{Message6::kRenew}.na(1, {"2001:db8:1::1001"})),
              "worker.journal-backlog");
    EXPECT_EQ(send(Message6{Message6::kRebind}.pd(1, {"2001:db8:100::/56"})),
              "worker.journal-backlog");
    EXPECT_EQ(held(), 0u);
    EXPECT_EQ(engine.shard.check_invariants(), "");
}

TEST_F(Journal6Test, ABacklogRefusesAMessageIfOneOfItsIasNeedsARecord) {
    const std::string address = engine.get_address(1);
    const BootSeconds expiry = engine.record(address).expiry;
    engine.journal = Journal::kBacklog;
    engine.pass(100);
    EXPECT_EQ(send(Message6{Message6::kRenew}.na(1, {address}).pd(1)), "worker.journal-backlog");
    EXPECT_EQ(engine.record(address).expiry, expiry);
    EXPECT_EQ(held(), 1u);
}

TEST_F(Journal6Test, ABacklogLetsGoOnWhatNeedsNone) {
    const std::string address = engine.get_address(1);
    engine.journal = Journal::kBacklog;
    engine.pass(1800);
    EXPECT_EQ(send(Message6{Message6::kRenew}.na(1, {address})), "answered");
    EXPECT_EQ(written, 0);
    EXPECT_EQ(engine.record(address).expiry.value, engine.now + 7200 + kLeaseSlack);
    EXPECT_EQ(send(Message6{Message6::kSolicit, 2}.na(1)), "answered");
    EXPECT_EQ(send(Message6{Message6::kConfirm, 2}.na(1, {address})), "answered");
    EXPECT_EQ(send(Message6{Message6::kInformationRequest, 2}), "answered");
    EXPECT_EQ(send(Message6{Message6::kRelease}.na(1, {address})), "answered");
}

TEST_F(Journal6Test, ABacklogLetsGoOnWhoAsksForWhatIsNotServed) {
    auto configuration = small_configuration6();
    configuration.dhcp6.subnets[0].prefix_pools.clear();
    engine.reload(configuration);
    const std::string address = engine.get_address(1);
    engine.journal = Journal::kBacklog;
    engine.pass(1800);
    EXPECT_EQ(send(Message6{Message6::kRenew}.na(1, {address}).pd(1)), "answered");
}

TEST_F(Journal6Test, ABacklogMakesRapidCommitAnAdvertise) {
    auto configuration = small_configuration6();
    configuration.dhcp6.rapid_commit = true;
    engine.reload(configuration);
    engine.journal = Journal::kBacklog;
    const auto outcome = engine.send(Message6{Message6::kSolicit}.option(14).na(1));
    EXPECT_EQ(outcome.reply->type(), 2);
    EXPECT_EQ(engine.held(lease::HeldCount::kLeased), 0u);
}

TEST_F(Journal6Test, ARetransmissionInABacklogWaitsForTheSameRecord) {
    const Message6 request = Message6{Message6::kRequest}.na(1);
    ASSERT_EQ(send(request), "answered");
    engine.journal = Journal::kBacklog;
    engine.pass(2);
    const auto outcome = engine.send(request);
    ASSERT_TRUE(outcome.reply) << outcome.why();
    EXPECT_EQ(outcome.reply->decision.promised_count, 1u);
    EXPECT_FALSE(outcome.reply->decision.promised[0].must_write);
}

TEST_F(Journal6Test, AClientThatIsReachedAnotherWayIsWrittenAgain) {
    const std::string prefix = engine.get_prefix(1);
    engine.pass(100);
    EXPECT_EQ(send(Message6{Message6::kRenew}.xid(1).pd(1, {prefix})), "answered");
    EXPECT_EQ(written, 0);
    engine.pass(100);
    const auto outcome = engine.send(Message6{Message6::kRenew}.xid(2).pd(1, {prefix}), 50);
    EXPECT_TRUE(outcome.reply->decision.promised[0].must_write);  // another next hop
}

}  // namespace
}  // namespace xdhcpd::engine::v6
