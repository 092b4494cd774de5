#include "lease/shard.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "tenants.h"

namespace xdhcpd::lease {
namespace {

constexpr std::size_t kUnlimited = ~std::size_t{0};
constexpr BootSeconds kNow{1000};
constexpr BootSeconds kOfferEnd{1060};
constexpr BootSeconds kExpiry{4600};
constexpr BootSeconds kLater{9000};

const TestTenant kAlice{1};
const TestTenant kBob{2};
const TestTenant kCarol{3};
const TestTenant kLongAlice{1, 100};
const TestTenant kLongBob{2, 100};

class ShardTest : public testing::Test {
  protected:
    static constexpr std::uint32_t kUnits = 256;
    static constexpr std::uint32_t kCapacity = 100;

    ShardTest() {
        space_.bitmap().allow({10, 99});
        other_.bitmap().allow(other_.all());
    }
    ~ShardTest() override { EXPECT_EQ(shard_.check_invariants(), ""); }

    [[nodiscard]] Unit unit(std::uint32_t index) const { return space_.unit_at(index); }
    // Alice holds unit 20 until kExpiry.
    Unit lease_to(const Tenant& tenant, std::uint32_t index = 20) {
        const auto taken = shard_.take(tenant, unit(index), kOfferEnd);
        EXPECT_TRUE(taken);
        shard_.grant(*taken, {.now = kNow, .expiry = kExpiry, .xid = 7});
        return *taken;
    }
    std::vector<std::pair<Unit, LeaseState>> expire(BootSeconds now) {
        std::vector<std::pair<Unit, LeaseState>> ended;
        shard_.expire(now, kUnlimited, [&](Unit expired, LeaseState before) {
            ended.emplace_back(expired, before);
        });
        return ended;
    }
    [[nodiscard]] std::uint64_t count(HeldCount which) const {
        return space_.share(0).held_counts[which].value();
    }
    std::vector<SpaceId> both() const { return {space_.id(), other_.id()}; }

    Store store_{1};
    Space& space_ = store_.add_space(SpaceKind::kIpv4, kUnits);
    Space& other_ = store_.add_space(SpaceKind::kIpv4, kUnits);
    Shard shard_{store_, {.capacity = kCapacity, .side_memory = 64 * 1024, .id = 0, .now = kNow}};
    const std::vector<SpaceId> here_{space_.id()};
};

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

TEST_F(ShardTest, FullShardRefusesNewTenantsAndFormerOnesGiveWay) {
    space_.bitmap().allow(space_.all());
    for (std::uint32_t i = 0; i < 200; ++i) {  // many formers
        lease_to(TestTenant{1000 + i}, i);
        shard_.release(unit(i));
    }
    EXPECT_EQ(shard_.check_invariants(), "");
    for (std::uint32_t i = 0; i < kCapacity; ++i) {
        ASSERT_TRUE(shard_.take(TestTenant{i}, unit(i), kOfferEnd)) << i;
    }
    for (const auto& result : {shard_.take(kLongAlice, unit(150), kOfferEnd),
                               shard_.take_next(kLongAlice, space_.id(), space_.all(), kOfferEnd),
                               shard_.reclaim(TestTenant{1150}, here_, kOfferEnd)}) {
        ASSERT_FALSE(result);
        EXPECT_EQ(result.error(), TakeError::kFull);
    }
    EXPECT_FALSE(space_.bitmap().taken(150));
    for (std::uint32_t i = 0; i < kCapacity; ++i) {
        EXPECT_EQ(shard_.find(TestTenant{i}, here_), unit(i));
    }
    shard_.erase(unit(0));
    EXPECT_TRUE(shard_.take(kLongAlice, unit(150), kOfferEnd));
}

TEST_F(ShardTest, InlineIdentityEndsAt24Bytes) {
    const TestTenant inside{1, 24};
    const TestTenant outside{2, 25};
    ASSERT_TRUE(shard_.take(inside, unit(20), kOfferEnd));
    EXPECT_EQ(shard_.counters().side_bytes.value(), 0u);
    ASSERT_TRUE(shard_.take(outside, unit(21), kOfferEnd));
    EXPECT_EQ(shard_.counters().side_bytes.value(), 64u);
    EXPECT_TRUE(equal_bytes(shard_.identity(unit(20)), inside.get().identity));
    EXPECT_TRUE(equal_bytes(shard_.identity(unit(21)), outside.get().identity));
    EXPECT_EQ(shard_.find(outside, here_), unit(21));
}

TEST_F(ShardTest, LongIdentitiesThatDifferOnlyAtTheEndAreToldApart) {
    std::vector<std::byte> bytes(200, std::byte{1});
    Tenant one{.identity = bytes, .hash = 42};
    ASSERT_TRUE(shard_.take(one, unit(20), kOfferEnd));
    std::vector<std::byte> changed = bytes;
    changed.back() = std::byte{2};
    Tenant two{.identity = changed, .hash = 42};  // the whole hash collides
    EXPECT_EQ(shard_.find(two, here_), std::nullopt);
    EXPECT_EQ(shard_.find(one, here_), unit(20));
}

TEST_F(ShardTest, IdentitiesHaveALargestLength) {
    EXPECT_TRUE(shard_.take(TestTenant(1, kMaxIdentityLen), unit(20), kOfferEnd));
    const auto result = shard_.take(TestTenant(2, kMaxIdentityLen + 1), unit(21), kOfferEnd);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error(), TakeError::kFull);
    EXPECT_FALSE(shard_.replace_identity(unit(20), TestTenant(2, kMaxIdentityLen + 1)));
    EXPECT_EQ(shard_.find(TestTenant(1, kMaxIdentityLen), here_), unit(20));
}

TEST_F(ShardTest, HostnameAndRelayInformationComeAndGo) {
    lease_to(kLongAlice);
    shard_.set_hostname(unit(20), as_bytes("a"));
    shard_.set_relay_information(unit(20), as_bytes("circuit 17"));
    shard_.set_hostname(unit(20), as_bytes("a much longer name, for which the entry must grow"));
    EXPECT_EQ(as_text(shard_.hostname(unit(20))),
              "a much longer name, for which the entry must grow");
    EXPECT_EQ(as_text(shard_.relay_information(unit(20))), "circuit 17");
    EXPECT_TRUE(equal_bytes(shard_.identity(unit(20)), kLongAlice.get().identity));
    shard_.set_hostname(unit(20), {});
    EXPECT_TRUE(shard_.hostname(unit(20)).empty());
    EXPECT_EQ(as_text(shard_.relay_information(unit(20))), "circuit 17");
    shard_.release(unit(20));
    EXPECT_EQ(shard_.counters().side_bytes.value(), 0u);
    EXPECT_EQ(shard_.counters().side_failures.value(), 0u);
}

TEST_F(ShardTest, HostnameMayBeSetFromTheEntryItself) {
    lease_to(kAlice);
    shard_.set_hostname(unit(20), as_bytes("host.example.org"));
    shard_.set_hostname(unit(20), shard_.hostname(unit(20)).first(4));
    EXPECT_EQ(as_text(shard_.hostname(unit(20))), "host");
    shard_.set_relay_information(unit(20), shard_.hostname(unit(20)));
    EXPECT_EQ(as_text(shard_.relay_information(unit(20))), "host");
}

TEST(ShardSideMemoryTest, WithoutItLeasesWorkAndFailuresAreCounted) {
    Store store{1};
    Space& space = store.add_space(SpaceKind::kIpv4, 10);
    space.bitmap().allow(space.all());
    Shard shard{store, {.capacity = 10, .side_memory = 3 * 32, .id = 0, .now = kNow}};
    const std::vector<SpaceId> spaces{space.id()};
    const Unit unit = *shard.take(kAlice, space.unit_at(0), kOfferEnd);
    shard.set_hostname(unit, as_bytes("fits"));
    EXPECT_EQ(as_text(shard.hostname(unit)), "fits");
    shard.set_hostname(unit, std::vector<std::byte>(200));
    EXPECT_TRUE(shard.hostname(unit).empty()) << "nothing rather than something old";
    EXPECT_EQ(shard.counters().side_failures.value(), 1u);
    const auto refused = shard.take(kLongBob, space.unit_at(1), kOfferEnd);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error(), TakeError::kFull);
    EXPECT_FALSE(space.bitmap().taken(1));
    EXPECT_FALSE(shard.replace_identity(unit, kLongBob));
    EXPECT_EQ(shard.find(kAlice, spaces), unit);
    EXPECT_EQ(shard.counters().side_failures.value(), 3u);
    shard.set_hostname(unit, std::vector<std::byte>(70000));
    EXPECT_EQ(shard.counters().side_failures.value(), 4u);
    EXPECT_EQ(shard.check_invariants(), "");
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

TEST_F(ShardTest, WalkShowsHeldUnitsInOrderInSlices) {
    for (const std::uint32_t index : {99u, 10u, 64u, 63u}) {
        lease_to(TestTenant{index}, index);
    }
    ASSERT_TRUE(shard_.quarantine_free(unit(200), kLater));
    for (const std::size_t slice : {1u, 2u, 3u, 100u}) {
        std::vector<std::uint32_t> seen;
        std::uint32_t from = 0;
        while (from != Shard::kWalkEnd) {
            std::size_t in_slice = 0;
            from = shard_.walk(space_.id(), from, slice, [&](Unit held, const Record& record) {
                EXPECT_EQ(&record, &shard_.record(held));
                seen.push_back(space_.index_of(held));
                ++in_slice;
            });
            ASSERT_LE(in_slice, slice);
        }
        EXPECT_EQ(seen, (std::vector<std::uint32_t>{10, 63, 64, 99, 200}));
    }
    EXPECT_EQ(shard_.walk(space_.id(), kUnits, 10, [](Unit, const Record&) { FAIL(); }),
              Shard::kWalkEnd);
    EXPECT_EQ(shard_.walk(space_.id(), Shard::kWalkEnd, 10, [](Unit, const Record&) { FAIL(); }),
              Shard::kWalkEnd);
}

TEST(ShardWalkTest, SlicesOfALargeEmptySpaceAreShort) {
    Store store{1};
    Space& space = store.add_space(SpaceKind::kIpv6Address, 1u << 20);
    Shard shard{store, {.capacity = 10, .side_memory = 0, .id = 0}};
    ASSERT_TRUE(shard.take_reserved(kAlice, space.unit_at((1u << 20) - 1), kLater));
    std::uint32_t from = 0;
    int calls = 0;
    int seen = 0;
    while (from != Shard::kWalkEnd) {
        from = shard.walk(space.id(), from, 10, [&](Unit, const Record&) { ++seen; });
        ++calls;
    }
    EXPECT_EQ(seen, 1);
    EXPECT_EQ(calls, 16);
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
