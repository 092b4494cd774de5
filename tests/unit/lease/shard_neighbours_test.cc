// What others do meanwhile: spaces that go, another shard over the same space.
#include <gtest/gtest.h>

#include <vector>

#include "shard_lab.h"

namespace xdhcpd::lease {
namespace {

// Two shards, one space, one thread: what another shard did in between is noticed.
class TwoShardsTest : public testing::Test {
  protected:
    TwoShardsTest() { space_.bitmap().allow(space_.all()); }
    ~TwoShardsTest() override {
        EXPECT_EQ(one_.check_invariants(), "");
        EXPECT_EQ(two_.check_invariants(), "");
    }
    static void lease(Shard& shard, const Tenant& tenant, Unit unit) {
        ASSERT_TRUE(shard.take(tenant, unit, kOfferEnd));
        shard.grant(unit, {.now = kNow, .expiry = kExpiry});
    }

    Store store_{2};
    Space& space_ = store_.add_space(SpaceKind::kIpv4, 64);
    Shard one_{store_, {.capacity = 32, .side_memory = 4096, .id = 0, .now = kNow}};
    Shard two_{store_, {.capacity = 32, .side_memory = 4096, .id = 1, .now = kNow}};
    const Unit unit_ = space_.unit_at(5);
    const std::vector<SpaceId> here_{space_.id()};
};

TEST_F(ShardTest, FormerEntryOfARemovedSpaceIsHarmless) {
    Space& gone = store_.add_space(SpaceKind::kIpv4, 16);
    gone.bitmap().allow(gone.all());
    const SpaceId id = gone.id();
    const Unit old = gone.unit_at(3);
    ASSERT_TRUE(shard_.take(kAlice, old, kOfferEnd));
    shard_.grant(old, {.now = kNow, .expiry = kExpiry});
    shard_.release(old);
    gone.bitmap().forbid(gone.all());
    const auto removed = store_.remove_space(id);
    const std::vector<SpaceId> spaces{id};
    shard_.prefetch_record(kAlice);
    EXPECT_FALSE(shard_.reclaim(kAlice, spaces, kLater));
    Space& reborn = store_.add_space(SpaceKind::kIpv4, 4);
    ASSERT_EQ(reborn.id(), id);
    reborn.bitmap().allow(reborn.all());
    EXPECT_FALSE(shard_.reclaim(kAlice, spaces, kLater)) << "its record says nothing of Alice";
    EXPECT_FALSE(reborn.bitmap().taken(3));
    EXPECT_EQ(shard_.counters().index_entries.value(), 0u);
}

TEST_F(TwoShardsTest, OneUnitHasOneHolder) {
    lease(one_, kAlice, unit_);
    EXPECT_EQ(two_.take(kBob, unit_, kLater).error(), TakeError::kTaken);
    EXPECT_TRUE(one_.holds(unit_));
    EXPECT_FALSE(two_.holds(unit_));
}

TEST_F(TwoShardsTest, FormerTenantFindsThatTheUnitWasLetElsewhere) {
    lease(one_, kLongAlice, unit_);
    one_.release(unit_);
    lease(two_, kLongBob, unit_);
    EXPECT_EQ(one_.reclaim(kLongAlice, here_, kLater).error(), TakeError::kNoneFree);
    two_.release(unit_);
    EXPECT_EQ(one_.reclaim(kLongAlice, here_, kLater).error(), TakeError::kNoneFree);
    EXPECT_FALSE(space_.bitmap().taken(5));
    EXPECT_EQ(one_.counters().former_entries.value(), 0u) << "the stale entry is dropped";
    const auto back = two_.reclaim(kLongBob, here_, kLater);
    EXPECT_TRUE(back) << "and the right one is not";
}

TEST_F(TwoShardsTest, ATenantThatMovedBetweenShardsIsStillRecognised) {
    lease(one_, kAlice, unit_);
    one_.release(unit_);
    lease(two_, kBob, unit_);
    two_.release(unit_);
    lease(one_, kCarol, unit_);  // leaves Alice's entry in the index of shard one
    one_.release(unit_);
    lease(one_, kAlice, unit_);  // which serves her again here
    EXPECT_EQ(one_.find(kAlice, here_), unit_);
    one_.release(unit_);
    EXPECT_TRUE(one_.reclaim(kAlice, here_, kLater));
}

TEST_F(TwoShardsTest, FirstLapsBeginInDifferentPlaces) {
    EXPECT_EQ(*one_.take_next(kAlice, space_.id(), space_.all(), kLater), space_.unit_at(0));
    EXPECT_EQ(*two_.take_next(kBob, space_.id(), space_.all(), kLater), space_.unit_at(32));
    EXPECT_EQ(space_.held_total(HeldCount::kOffered), 2u);
    EXPECT_FALSE(space_.is_drained());
}

TEST(ShardDeathTest, TouchingAUnitNotHeldIsOurBug) {
    Store store{2};
    Space& space = store.add_space(SpaceKind::kIpv4, 64);
    Shard one{store, {.capacity = 32, .side_memory = 0, .id = 0}};
    Shard two{store, {.capacity = 32, .side_memory = 0, .id = 1}};
    const Unit unit = space.unit_at(3);
    EXPECT_DEATH(one.grant(unit, {}), "assertion failed");
    ASSERT_TRUE(one.take_reserved(kAlice, unit, kLater));
    EXPECT_DEATH(two.grant(unit, {}), "assertion failed");
    EXPECT_DEATH(two.release(unit), "assertion failed");
}

}  // namespace
}  // namespace xdhcpd::lease
