// Where a shard ends: clients, identities, side memory and what lies in it.
#include <gtest/gtest.h>

#include <vector>

#include "shard_lab.h"

namespace xdhcpd::lease {
namespace {

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

}  // namespace
}  // namespace xdhcpd::lease
