// What was on disk is known again.
#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "shard_lab.h"

namespace xdhcpd::lease {
namespace {

TEST_F(ShardTest, ARestoredLeaseIsHeldAsItWas) {
    const Restored lease{.state = LeaseState::kLeased,
                         .flags = 0x80,
                         .version = 500,
                         .expiry = kLater,
                         .horizon = {kLater.value - 5},
                         .started = {7}};
    ASSERT_TRUE(shard_.restore(kAlice, unit(20), lease));
    EXPECT_EQ(shard_.find(kAlice, here_), unit(20));
    const Record& record = shard_.record(unit(20));
    EXPECT_EQ(record.state, LeaseState::kLeased);
    EXPECT_EQ(record.version, 500u);
    EXPECT_EQ(record.expiry, kLater);
    EXPECT_EQ(record.horizon.value, kLater.value - 5);
    EXPECT_EQ(record.started.value, 7u);
    EXPECT_EQ(record.flags, 0x80 | Record::kFlagGranted);
    EXPECT_EQ(shard_.check_invariants(), "");
    EXPECT_FALSE(shard_.restore(kBob, unit(20), lease)) << "held already";
    EXPECT_EQ(shard_.release(unit(20)), 501u);
    EXPECT_EQ(shard_.reclaim(kAlice, here_, kLater).value(), unit(20));
}

TEST(ShardRestoreTest, EveryLeaseFindsRoomAndNobodyNewUntilTheyHaveEnded) {
    Store store{1};
    Space& space = store.add_space(SpaceKind::kIpv4, 1024);
    space.bitmap().allow(space.all());
    Shard shard{store, {.capacity = 4, .side_memory = 256, .id = 0, .now = kNow}};
    const auto unit = [&](std::uint32_t index) { return space.unit_at(index); };
    std::vector<TestTenant> tenants;
    for (std::uint32_t i = 0; i < 1000; ++i) {
        tenants.emplace_back(i, i % 2 == 0 ? 10 : 100);
        const Restored lease{.version = i, .expiry = i < 998 ? kExpiry : kLater};
        ASSERT_TRUE(shard.restore(tenants[i], unit(i), lease)) << i;
    }
    ASSERT_EQ(shard.check_invariants(), "");
    const std::array spaces{space.id()};
    for (std::uint32_t i = 0; i < 1000; ++i) {
        ASSERT_EQ(shard.find(tenants[i], spaces), unit(i));
        shard.set_hostname(unit(i), as_bytes("a"));  // may find no room; the lease stays
        shard.set_hostname(unit(i), {});
        ASSERT_EQ(shard.find(tenants[i], spaces), unit(i));
    }
    const TestTenant late{5000, 10};
    ASSERT_FALSE(shard.take(late, unit(1001), kLater));
    EXPECT_EQ(shard.take(late, unit(1001), kLater).error(), TakeError::kFull);
    shard.grant(unit(0), {kNow, kLater, 1});  // who is known goes on
    while (shard.expire(kExpiry, 10000, [](Unit, LeaseState) {}) != 0) {
    }
    EXPECT_TRUE(shard.take(late, unit(1001), kLater)) << "three are left";
    const TestTenant later{5001, 10};
    EXPECT_EQ(shard.take(later, unit(1002), kLater).error(), TakeError::kFull);
    EXPECT_EQ(shard.check_invariants(), "");
}

TEST_F(ShardTest, RestoredUnitsNeedNotBeAllowed) {
    space_.bitmap().forbid(space_.all());
    ASSERT_TRUE(shard_.restore(kAlice, unit(20), {.version = 1, .expiry = kLater}));
    ASSERT_TRUE(shard_.restore({}, unit(21),
                               {.state = LeaseState::kDeclined, .version = 9, .expiry = kLater}));
    EXPECT_EQ(shard_.record(unit(21)).state, LeaseState::kDeclined);
    EXPECT_EQ(shard_.record(unit(21)).version, 9u);
    EXPECT_EQ(shard_.check_invariants(), "");
}

TEST_F(ShardTest, ARestoredFormerTenantReturnsToItsUnit) {
    ASSERT_TRUE(shard_.restore(kAlice, unit(20),
                               {.state = LeaseState::kExpired, .version = 41, .started = {7}}));
    EXPECT_FALSE(shard_.holds(unit(20)));
    EXPECT_FALSE(space_.bitmap().taken(20));
    EXPECT_EQ(shard_.find(kAlice, here_), std::nullopt);
    EXPECT_EQ(shard_.check_invariants(), "");
    ASSERT_EQ(shard_.reclaim(kAlice, here_, kLater).value(), unit(20));
    shard_.grant(unit(20), {kNow, kLater, 1});
    EXPECT_GT(shard_.record(unit(20)).version, 41u);
}

TEST_F(ShardTest, ARestoredFreeUnitKeepsItsVersion) {
    ASSERT_TRUE(shard_.restore({}, unit(20), {.state = LeaseState::kReleased, .version = 41}));
    ASSERT_TRUE(shard_.take(kBob, unit(20), kLater));
    shard_.grant(unit(20), {kNow, kLater, 1});
    EXPECT_EQ(shard_.record(unit(20)).version, 42u);
    EXPECT_EQ(shard_.check_invariants(), "");
}

}  // namespace
}  // namespace xdhcpd::lease
