// How a unit is found and taken: this very one, the next free one, the one a tenant had before.
#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "shard_lab.h"

namespace xdhcpd::lease {
namespace {

TEST_F(ShardTest, TakenUnitIsOfferedAndFound) {
    const auto taken = shard_.take(kAlice, unit(20), kOfferEnd);
    ASSERT_TRUE(taken);
    EXPECT_EQ(*taken, unit(20));
    EXPECT_EQ(shard_.find(kAlice, here_), unit(20));
    EXPECT_EQ(shard_.find(kBob, here_), std::nullopt);
    const Record& record = shard_.record(unit(20));
    EXPECT_EQ(record.state, LeaseState::kOffered);
    EXPECT_EQ(record.expiry, kOfferEnd);
    EXPECT_EQ(record.mac, kAlice.get().hw);
    EXPECT_EQ(record.hw_len, 6);
    EXPECT_EQ(record.hw_type, 1);
    EXPECT_TRUE(equal_bytes(shard_.identity(unit(20)), kAlice.get().identity));
    EXPECT_TRUE(space_.bitmap().taken(20));
    EXPECT_EQ(count(HeldCount::kOffered), 1u);
    EXPECT_TRUE(shard_.holds(unit(20)));
    EXPECT_FALSE(shard_.holds(unit(21)));
}

TEST_F(ShardTest, TakeRefusesUnitUntilTheOtherTenantExpires) {
    lease_to(kAlice);
    expire(BootSeconds{kExpiry.value - 1});
    const auto early = shard_.take(kBob, unit(20), kLater);
    ASSERT_FALSE(early);
    EXPECT_EQ(early.error(), TakeError::kTaken);
    EXPECT_EQ(shard_.find(kAlice, here_), unit(20));  // an error changes nothing
    expire(kExpiry);
    EXPECT_TRUE(shard_.take(kBob, unit(20), kLater));
    EXPECT_EQ(shard_.find(kAlice, here_), std::nullopt);
}

TEST_F(ShardTest, TakeRefusesWhatIsNotAllowedAndReservedTakesIt) {
    const auto refused = shard_.take(kAlice, unit(5), kOfferEnd);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error(), TakeError::kNotAllowed);
    EXPECT_TRUE(shard_.take_reserved(kAlice, unit(5), kOfferEnd));
    EXPECT_EQ(shard_.find(kAlice, here_), unit(5));
    const auto taken = shard_.take_reserved(kBob, unit(5), kOfferEnd);
    ASSERT_FALSE(taken);
    EXPECT_EQ(taken.error(), TakeError::kTaken);
}

TEST_F(ShardTest, UnitsOfNoSpaceAreNotAllowed) {
    for (const Unit nowhere : {kNoUnit, unit(kUnits), Unit{0x7fffffff}, Unit{0xffffffff}}) {
        for (const auto& result : {shard_.take(kAlice, nowhere, kOfferEnd),
                                   shard_.take_reserved(kAlice, nowhere, kOfferEnd)}) {
            ASSERT_FALSE(result);
            EXPECT_EQ(result.error(), TakeError::kNotAllowed);
        }
        EXPECT_FALSE(shard_.quarantine_free(nowhere, kLater));
        EXPECT_FALSE(shard_.holds(nowhere));
    }
    const auto next = shard_.take_next(kAlice, kNoSpace, {0, 10}, kOfferEnd);
    ASSERT_FALSE(next);
    EXPECT_EQ(next.error(), TakeError::kNoneFree);
}

TEST_F(ShardTest, EarlierSpacesWin) {
    ASSERT_TRUE(shard_.take(kAlice, other_.unit_at(7), kOfferEnd));
    ASSERT_TRUE(shard_.take(kAlice, unit(20), kOfferEnd));
    const std::array<SpaceId, 2> forward{space_.id(), other_.id()};
    const std::array<SpaceId, 2> backward{other_.id(), space_.id()};
    EXPECT_EQ(shard_.find(kAlice, forward), unit(20));
    EXPECT_EQ(shard_.find(kAlice, backward), other_.unit_at(7));
    EXPECT_EQ(shard_.find(kAlice, {}), std::nullopt);
    std::vector<Unit> units;
    shard_.visit_units(kAlice, [&](Unit held) {
        units.push_back(held);
        return false;
    });
    EXPECT_EQ(units.size(), 2u);
}

TEST_F(ShardTest, ALeaseIsFoundBeforeAnOfferOfAnEarlierSpace) {
    for (const bool is_offered_first : {true, false}) {
        if (is_offered_first) {
            ASSERT_TRUE(shard_.take(kAlice, unit(20), kOfferEnd));
        }
        ASSERT_TRUE(shard_.take(kAlice, other_.unit_at(7), kOfferEnd));
        shard_.grant(other_.unit_at(7), {.now = kNow, .expiry = kExpiry});
        if (!is_offered_first) {
            ASSERT_TRUE(shard_.take(kAlice, unit(20), kOfferEnd));
        }
        EXPECT_EQ(shard_.find(kAlice, both()), other_.unit_at(7));
        shard_.grant(unit(20), {.now = kNow, .expiry = kExpiry});
        EXPECT_EQ(shard_.find(kAlice, both()), unit(20));
        shard_.erase(unit(20));
        shard_.erase(other_.unit_at(7));
    }
}

TEST_F(ShardTest, TenantsWithTheSameTagAreToldApart) {
    const TestTenant one{1, 8, 42};
    const TestTenant two{2, 8, 42};
    const TestTenant longer{1, 9, 42};
    ASSERT_TRUE(shard_.take(one, unit(20), kOfferEnd));
    EXPECT_EQ(shard_.find(two, here_), std::nullopt);
    EXPECT_EQ(shard_.find(longer, here_), std::nullopt);
    ASSERT_TRUE(shard_.take(two, unit(21), kOfferEnd));
    EXPECT_EQ(shard_.find(one, here_), unit(20));
    EXPECT_EQ(shard_.find(two, here_), unit(21));
}

TEST_F(ShardTest, FormerTenantReturnsToItsUnitAfterReleaseAndExpiry) {
    for (const bool is_release : {true, false}) {
        lease_to(kAlice, is_release ? 30 : 31);
        if (is_release) {
            shard_.release(unit(30));
        } else {
            expire(kExpiry);
        }
        EXPECT_EQ(shard_.find(kAlice, here_), std::nullopt);
        EXPECT_EQ(shard_.counters().former_entries.value(), 1u);
        const auto back = shard_.reclaim(kAlice, here_, kLater);
        ASSERT_TRUE(back);
        EXPECT_EQ(*back, unit(is_release ? 30 : 31));
        EXPECT_EQ(shard_.record(*back).state, LeaseState::kOffered);
        EXPECT_EQ(shard_.counters().former_entries.value(), 0u);
        shard_.erase(*back);
    }
}

TEST_F(ShardTest, FormerTenantWithALongIdentityReturnsToo) {
    lease_to(kLongAlice);
    EXPECT_TRUE(equal_bytes(shard_.identity(unit(20)), kLongAlice.get().identity));
    EXPECT_EQ(shard_.find(kLongAlice, here_), unit(20));
    shard_.release(unit(20));
    EXPECT_EQ(shard_.counters().side_bytes.value(), 0u);
    EXPECT_FALSE(shard_.reclaim(kLongBob, here_, kLater));
    EXPECT_TRUE(shard_.reclaim(kLongAlice, here_, kLater));
    EXPECT_TRUE(equal_bytes(shard_.identity(unit(20)), kLongAlice.get().identity));
}

TEST_F(ShardTest, ReclaimNeedsAllowedFreeUnitInTheSpaces) {
    lease_to(kAlice);
    shard_.release(unit(20));
    const std::vector<SpaceId> elsewhere{other_.id()};
    EXPECT_EQ(shard_.reclaim(kAlice, elsewhere, kLater).error(), TakeError::kNoneFree);
    space_.bitmap().forbid({20, 20});
    EXPECT_EQ(shard_.reclaim(kAlice, here_, kLater).error(), TakeError::kNoneFree);
    space_.bitmap().allow({20, 20});
    ASSERT_TRUE(shard_.quarantine_free(unit(21), kLater));
    EXPECT_TRUE(shard_.reclaim(kAlice, here_, kLater));
}

TEST_F(ShardTest, ReclaimPrefersEarlierSpaces) {
    ASSERT_TRUE(shard_.take(kAlice, other_.unit_at(7), kOfferEnd));
    shard_.grant(other_.unit_at(7), {.now = kNow, .expiry = kExpiry});
    shard_.release(other_.unit_at(7));
    lease_to(kAlice);
    shard_.release(unit(20));
    const auto back = shard_.reclaim(kAlice, both(), kLater);
    ASSERT_TRUE(back);
    EXPECT_EQ(*back, unit(20));
    EXPECT_EQ(*shard_.reclaim(kAlice, both(), kLater), other_.unit_at(7));
}

TEST_F(ShardTest, AUnitLetAgainForgetsItsFormerTenant) {
    lease_to(kAlice);
    shard_.release(unit(20));
    ASSERT_TRUE(shard_.take(kBob, unit(20), kOfferEnd));
    EXPECT_EQ(shard_.counters().former_entries.value(), 0u);
    shard_.withdraw(unit(20));
    EXPECT_FALSE(shard_.reclaim(kAlice, here_, kLater));
}

TEST_F(ShardTest, WithdrawnOfferMakesTheOldTenantAFormerOneAgain) {
    lease_to(kAlice);
    shard_.release(unit(20));
    ASSERT_TRUE(shard_.reclaim(kAlice, here_, kLater));
    shard_.withdraw(unit(20));
    ASSERT_TRUE(shard_.reclaim(kAlice, here_, kLater));
    EXPECT_EQ(expire(kLater).size(), 1u);
    EXPECT_TRUE(shard_.reclaim(kAlice, here_, kLater));
    shard_.withdraw(unit(20));
    // Taking it by its number is the same thing.
    ASSERT_TRUE(shard_.take(kAlice, unit(20), kLater));
    shard_.withdraw(unit(20));
    EXPECT_TRUE(shard_.reclaim(kAlice, here_, kLater));
}

TEST_F(ShardTest, NextFitGoesRoundBeforeItUsesAFreedUnitAgain) {
    const UnitRange within{10, 14};
    const auto next = [&](const Tenant& tenant) {
        const auto taken = shard_.take_next(tenant, space_.id(), within, kOfferEnd);
        return taken ? space_.index_of(*taken) : 0;
    };
    EXPECT_EQ(next(TestTenant{10}), 10u);
    EXPECT_EQ(next(TestTenant{11}), 11u);
    shard_.withdraw(unit(10));
    EXPECT_EQ(next(TestTenant{12}), 12u);
    EXPECT_EQ(next(TestTenant{13}), 13u);
    EXPECT_EQ(next(TestTenant{14}), 14u);
    EXPECT_EQ(next(TestTenant{15}), 10u);
    const auto full = shard_.take_next(TestTenant{16}, space_.id(), within, kOfferEnd);
    ASSERT_FALSE(full);
    EXPECT_EQ(full.error(), TakeError::kNoneFree);
}

TEST_F(ShardTest, RangesHaveCursorsOfTheirOwn) {
    const UnitRange low{10, 19};
    const UnitRange high{20, 29};
    for (std::uint32_t i = 0; i < 5; ++i) {
        const auto one = shard_.take_next(TestTenant{i}, space_.id(), low, kOfferEnd);
        const auto two = shard_.take_next(TestTenant{i}, space_.id(), high, kOfferEnd);
        EXPECT_EQ(*one, unit(10 + i));
        EXPECT_EQ(*two, unit(20 + i));
        shard_.withdraw(*one);
        shard_.withdraw(*two);
    }
    EXPECT_EQ(shard_.cursor(space_.id(), low), 15u);
    shard_.set_cursor(space_.id(), low, 12);
    shard_.set_cursor(space_.id(), low, 20);  // outside: ignored
    EXPECT_EQ(*shard_.take_next(kAlice, space_.id(), low, kOfferEnd), unit(12));
}

TEST_F(ShardTest, TakeNextClipsTheRangeToTheSpace) {
    space_.bitmap().forbid(space_.all());
    space_.bitmap().allow({kUnits - 1, kUnits - 1});
    EXPECT_EQ(*shard_.take_next(kAlice, space_.id(), {200, 0xffffffff}, kOfferEnd),
              unit(kUnits - 1));
    EXPECT_FALSE(shard_.take_next(kBob, space_.id(), {kUnits, kUnits + 5}, kOfferEnd));
    EXPECT_FALSE(shard_.take_next(kBob, space_.id(), {5, 4}, kOfferEnd));
}

}  // namespace
}  // namespace xdhcpd::lease
