// What becomes of a unit that is held: granted, renewed, ended, quarantined, given on.
#include <gtest/gtest.h>

#include <utility>

#include "shard_lab.h"

namespace xdhcpd::lease {
namespace {

TEST_F(ShardTest, GrantMakesALeaseAndRaisesTheVersion) {
    ASSERT_TRUE(shard_.take(kAlice, unit(20), kOfferEnd));
    const std::uint32_t version = shard_.record(unit(20)).version;
    shard_.grant(unit(20), {.now = kNow, .expiry = kExpiry, .xid = 77});
    const Record& record = shard_.record(unit(20));
    EXPECT_EQ(record.state, LeaseState::kLeased);
    EXPECT_EQ(record.expiry, kExpiry);
    EXPECT_EQ(record.started, kNow);
    EXPECT_EQ(record.last_xid, 77u);
    EXPECT_EQ(record.version, version + 1);
    EXPECT_EQ(count(HeldCount::kOffered), 0u);
    EXPECT_EQ(count(HeldCount::kLeased), 1u);
    shard_.grant(unit(20), {.now = kNow, .expiry = kLater, .xid = 78});
    EXPECT_EQ(record.version, version + 2);
    EXPECT_EQ(count(HeldCount::kLeased), 1u);
}

TEST_F(ShardTest, VersionGoesOnGrowingAcrossTenants) {
    const Unit shared = lease_to(kAlice);
    const std::uint32_t granted = shard_.record(shared).version;
    const std::uint32_t released = shard_.release(shared);
    EXPECT_GT(released, granted);
    lease_to(kBob);
    EXPECT_GT(shard_.record(shared).version, released);
    const std::uint32_t again = shard_.record(shared).version;
    EXPECT_GT(shard_.erase(shared), again);
}

TEST_F(ShardTest, ARenewedLeaseOutlivesItsFirstTimer) {
    lease_to(kAlice);
    shard_.grant(unit(20), {.now = kNow, .expiry = kLater});
    EXPECT_TRUE(expire(BootSeconds{kLater.value - 1}).empty());
    const auto ended = expire(kLater);
    ASSERT_EQ(ended.size(), 1u);
    EXPECT_EQ(ended[0], std::pair(unit(20), LeaseState::kLeased));
}

TEST_F(ShardTest, AShortenedLeaseEndsSooner) {
    lease_to(kAlice);
    shard_.grant(unit(20), {.now = kNow, .expiry = kLater});
    shard_.grant(unit(20), {.now = kNow, .expiry = BootSeconds{1100}});
    EXPECT_TRUE(expire(BootSeconds{1099}).empty());
    EXPECT_EQ(expire(BootSeconds{1100}).size(), 1u);
}

TEST_F(ShardTest, AnInfiniteLeaseNeverExpires) {
    RecordProperty("rfc", "2131 3.3");
    lease_to(kAlice);
    shard_.grant(unit(20), {.now = kNow, .expiry = BootSeconds::never()});
    EXPECT_TRUE(expire(BootSeconds{0xfffffffe}).empty());
    EXPECT_TRUE(expire(BootSeconds::never()).empty());
    EXPECT_EQ(shard_.find(kAlice, here_), unit(20));
    EXPECT_EQ(shard_.counters().armed_timers.value(), 0u);
}

TEST_F(ShardTest, AnInfiniteLeaseCanBecomeAFiniteOne) {
    lease_to(kAlice);
    shard_.grant(unit(20), {.now = kNow, .expiry = BootSeconds::never()});
    expire(kLater);
    shard_.grant(unit(20), {.now = kLater, .expiry = BootSeconds{9100}});
    EXPECT_EQ(expire(BootSeconds{9100}).size(), 1u);
}

TEST_F(ShardTest, AnExpiredOfferLeavesNoTrace) {
    ASSERT_TRUE(shard_.take(kAlice, unit(20), kOfferEnd));
    const auto ended = expire(kOfferEnd);
    ASSERT_EQ(ended.size(), 1u);
    EXPECT_EQ(ended[0].second, LeaseState::kOffered);
    EXPECT_EQ(shard_.find(kAlice, here_), std::nullopt);
    EXPECT_FALSE(shard_.reclaim(kAlice, here_, kLater));
    EXPECT_FALSE(space_.bitmap().taken(20));
    EXPECT_EQ(shard_.counters().index_entries.value(), 0u);
}

TEST_F(ShardTest, OfferCanBeExtendedAndShortened) {
    ASSERT_TRUE(shard_.take(kAlice, unit(20), kOfferEnd));
    shard_.offer(unit(20), kExpiry);
    EXPECT_TRUE(expire(BootSeconds{kExpiry.value - 1}).empty());
    shard_.offer(unit(20), BootSeconds{kExpiry.value - 1});
    EXPECT_EQ(expire(BootSeconds{kExpiry.value}).size(), 1u);
}

TEST_F(ShardTest, SinkSeesTheRecordAsItWas) {
    lease_to(kAlice);
    shard_.set_hostname(unit(20), as_bytes("printer"));
    int calls = 0;
    shard_.expire(kExpiry, kUnlimited, [&](Unit expired, LeaseState before) {
        ++calls;
        EXPECT_EQ(before, LeaseState::kLeased);
        EXPECT_EQ(shard_.record(expired).state, LeaseState::kLeased);
        EXPECT_EQ(as_text(shard_.hostname(expired)), "printer");
        EXPECT_TRUE(equal_bytes(shard_.identity(expired), kAlice.get().identity));
    });
    EXPECT_EQ(calls, 1);
}

TEST_F(ShardTest, QuarantinedUnitIsHeldWithoutTenantUntilItsTime) {
    RecordProperty("rfc", "2131 4.3.3");
    lease_to(kAlice);
    shard_.set_hostname(unit(20), as_bytes("printer"));
    shard_.quarantine(unit(20), kLater);
    EXPECT_EQ(shard_.record(unit(20)).state, LeaseState::kDeclined);
    EXPECT_TRUE(shard_.identity(unit(20)).empty());
    EXPECT_EQ(shard_.find(kAlice, here_), std::nullopt);
    EXPECT_FALSE(shard_.reclaim(kAlice, here_, kLater));
    EXPECT_EQ(shard_.take(kBob, unit(20), kLater).error(), TakeError::kTaken);
    EXPECT_EQ(count(HeldCount::kDeclined), 1u);
    EXPECT_EQ(count(HeldCount::kLeased), 0u);
    EXPECT_TRUE(expire(BootSeconds{kLater.value - 1}).empty());
    EXPECT_EQ(expire(kLater).at(0).second, LeaseState::kDeclined);
    EXPECT_EQ(count(HeldCount::kDeclined), 0u);
    EXPECT_TRUE(shard_.take(kBob, unit(20), kLater));
}

TEST_F(ShardTest, QuarantineOfAFreeUnitForgetsItsFormerTenant) {
    lease_to(kAlice);
    EXPECT_FALSE(shard_.quarantine_free(unit(20), kLater));
    shard_.release(unit(20));
    EXPECT_TRUE(shard_.quarantine_free(unit(20), kLater));
    EXPECT_FALSE(shard_.quarantine_free(unit(20), kLater));
    EXPECT_EQ(shard_.counters().index_entries.value(), 0u);
    shard_.quarantine(unit(20), BootSeconds{2000});  // again, with another end
    EXPECT_EQ(expire(BootSeconds{2000}).size(), 1u);
}

TEST_F(ShardTest, EraseLeavesNothing) {
    lease_to(kAlice);
    shard_.erase(unit(20));
    EXPECT_FALSE(shard_.reclaim(kAlice, here_, kLater));
    EXPECT_EQ(shard_.counters().index_entries.value(), 0u);
    ASSERT_TRUE(shard_.quarantine_free(unit(20), kLater));
    shard_.erase(unit(20));
    EXPECT_FALSE(space_.bitmap().taken(20));
    EXPECT_TRUE(expire(kLater).empty());
}

TEST_F(ShardTest, ReplacedIdentityKeepsTheUnit) {
    lease_to(kAlice);
    shard_.set_hostname(unit(20), as_bytes("machine"));
    ASSERT_TRUE(shard_.replace_identity(unit(20), kLongBob));
    EXPECT_EQ(shard_.find(kAlice, here_), std::nullopt);
    EXPECT_EQ(shard_.find(kLongBob, here_), unit(20));
    EXPECT_EQ(as_text(shard_.hostname(unit(20))), "machine");
    ASSERT_TRUE(shard_.replace_identity(unit(20), kCarol));
    EXPECT_EQ(shard_.find(kCarol, here_), unit(20));
    EXPECT_EQ(shard_.record(unit(20)).mac, kCarol.get().hw);
    EXPECT_EQ(as_text(shard_.hostname(unit(20))), "machine");
    EXPECT_EQ(shard_.record(unit(20)).state, LeaseState::kLeased);
    EXPECT_EQ(shard_.counters().index_entries.value(), 1u);
}

TEST_F(ShardTest, EngineFieldsAreKept) {
    lease_to(kAlice);
    shard_.set_horizon(unit(20), kLater);
    shard_.set_flags(unit(20), 0x84 | 0x01);
    EXPECT_EQ(shard_.record(unit(20)).horizon, kLater);
    EXPECT_EQ(shard_.record(unit(20)).flags, 0x84 | Record::kFlagGranted);
    shard_.set_flags(unit(20), 0);
    EXPECT_EQ(shard_.record(unit(20)).flags, Record::kFlagGranted);
    ASSERT_TRUE(shard_.release(unit(20)) > 0);
    ASSERT_TRUE(shard_.reclaim(kAlice, here_, kLater));
    EXPECT_EQ(shard_.record(unit(20)).horizon, BootSeconds{}) << "of the lease before";
}

TEST_F(ShardTest, ExpireStopsAtItsBudgetAndGoesOn) {
    for (std::uint32_t i = 10; i < 60; ++i) {
        lease_to(TestTenant{i}, i);
    }
    std::size_t ended = 0;
    int calls = 0;
    std::size_t done = 0;
    do {
        done = shard_.expire(kExpiry, 8, [&](Unit, LeaseState) { ++ended; });
        EXPECT_LE(done, 8u);
        EXPECT_EQ(shard_.check_invariants(), "");
        ++calls;
    } while (done == 8);
    EXPECT_EQ(ended, 50u);
    EXPECT_GE(calls, 50 / 8);
}

}  // namespace
}  // namespace xdhcpd::lease
