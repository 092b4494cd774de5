// The limit over all shards: against a counter, from several threads, and as shards keep to it.
#include "lease/client_limit.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "base/random.h"
#include "lease/shard.h"
#include "tenants.h"

namespace xdhcpd::lease {
namespace {

TEST(ClientLimitTest, IsACounterWithALimit) {
    for (const std::uint32_t limit : {1u, 2u, 7u, 64u, 300u, 20000u}) {
        for (const std::uint32_t shards : {1u, 2u, 3u, 8u}) {
            ClientLimit under_test{limit, shards};
            std::uint64_t used = 0;
            int refusals = 0;
            std::vector<std::uint64_t> used_of(shards);
            Random random{limit * 8 + shards};
            // Nearly full most of the time, and now and then beyond.
            const std::uint32_t steps = 10 * limit + 2000;
            for (std::uint32_t step = 0; step < steps; ++step) {
                const std::uint32_t shard = random.below(shards);
                const std::uint32_t dice = random.below(100);
                if (dice < 65) {
                    const bool has_room = used < limit;
                    ASSERT_EQ(under_test.has_room(shard), has_room) << used << " of " << limit;
                    ASSERT_EQ(under_test.take(shard), has_room) << used << " of " << limit;
                    refusals += has_room ? 0 : 1;
                    used += has_room ? 1 : 0;
                    used_of[shard] += has_room ? 1 : 0;
                } else if (dice < 67 && used < limit + 20) {
                    under_test.take_beyond(shard);
                    ++used;
                    ++used_of[shard];
                } else if (used_of[shard] != 0) {
                    under_test.give_back(shard);
                    --used;
                    --used_of[shard];
                }
                ASSERT_EQ(under_test.used(), used);
            }
            EXPECT_GT(refusals, 10);
        }
    }
}

TEST(ClientLimitTest, EveryPlaceIsFoundWhereverItIs) {
    constexpr std::uint32_t kLimit = 1000;
    ClientLimit limit{kLimit, 4};
    for (std::uint32_t i = 0; i < kLimit; ++i) {
        ASSERT_TRUE(limit.take(i % 3));
    }
    for (std::uint32_t i = 0; i < kLimit; ++i) {
        limit.give_back(i % 3);
    }
    for (std::uint32_t i = 0; i < kLimit; ++i) {
        ASSERT_TRUE(limit.take(3)) << i;
    }
    for (std::uint32_t shard = 0; shard < 4; ++shard) {
        EXPECT_FALSE(limit.take(shard));
    }
}

TEST(ClientLimitThreadsTest, NoMoreThanTheLimitAreOutAndNoPlaceIsLost) {
    for (const std::uint32_t limit : {3u, 100u, 5000u}) {
        constexpr std::uint32_t kThreads = 4;
        constexpr int kSteps = 40000;
        ClientLimit under_test{limit, kThreads};
        std::atomic<std::int64_t> used{0};  // never more than what is out
        std::atomic<std::int64_t> highest{0};
        std::vector<std::thread> threads;
        for (std::uint32_t who = 0; who < kThreads; ++who) {
            threads.emplace_back([&, who] {
                Random random{who + 1};
                std::uint32_t mine = 0;
                for (int step = 0; step < kSteps; ++step) {
                    if (random.below(100) < 60) {
                        if (under_test.take(who)) {
                            ++mine;
                            const std::int64_t now = used.fetch_add(1) + 1;
                            std::int64_t seen = highest.load();
                            while (now > seen && !highest.compare_exchange_weak(seen, now)) {
                            }
                        }
                    } else if (mine != 0) {
                        --mine;
                        used.fetch_sub(1);
                        under_test.give_back(who);
                    }
                    static_cast<void>(under_test.has_room(who));
                }
            });
        }
        for (std::thread& thread : threads) {
            thread.join();
        }
        EXPECT_LE(highest.load(), limit);
        EXPECT_GE(highest.load(), limit < 1000 ? limit : 1);
        EXPECT_EQ(under_test.used(), static_cast<std::uint64_t>(used.load()));
        std::uint32_t left = 0;
        while (under_test.take(0)) {
            ++left;
        }
        EXPECT_EQ(left + used.load(), limit);
    }
}

// Places beyond the limit are taken and paid back by threads of which each knows only its own.
TEST(ClientLimitThreadsTest, WhatWasTakenBeyondIsPaidBack) {
    constexpr std::uint32_t kThreads = 4;
    constexpr std::uint32_t kLimit = 50;
    ClientLimit limit{kLimit, kThreads};
    std::vector<std::thread> threads;
    for (std::uint32_t who = 0; who < kThreads; ++who) {
        threads.emplace_back([&, who] {
            Random random{who + 1};
            std::uint32_t mine = 0;
            for (int step = 0; step < 20000; ++step) {
                if (random.below(2) == 0 && mine < 2 * kLimit) {
                    if (random.below(4) == 0) {
                        limit.take_beyond(who);
                        ++mine;
                    } else {
                        mine += limit.take(who) ? 1 : 0;
                    }
                } else if (mine != 0) {
                    limit.give_back(who);
                    --mine;
                }
            }
            for (; mine != 0; --mine) {
                limit.give_back(who);
            }
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    EXPECT_EQ(limit.used(), 0u);
    for (std::uint32_t i = 0; i < kLimit; ++i) {
        ASSERT_TRUE(limit.take(i % kThreads));
    }
    EXPECT_FALSE(limit.take(0));
}

// Several shards over one space and one limit.
class LimitedShardsTest : public ::testing::Test {
  protected:
    static constexpr std::uint32_t kUnits = 64;
    static constexpr std::uint32_t kLimit = 6;
    static constexpr std::uint16_t kShards = 3;

    LimitedShardsTest() {
        space_.bitmap().allow(space_.all());
        for (std::uint16_t id = 0; id < kShards; ++id) {
            shards_.push_back(std::make_unique<Shard>(
                store_,
                ShardOptions{.capacity = kLimit, .side_memory = 4096, .limit = &limit_, .id = id}));
        }
    }
    [[nodiscard]] Result<Unit, TakeError> take(std::uint32_t shard, std::uint32_t tenant,
                                               std::size_t identity_len = 8) {
        return shards_[shard]->take_next(TestTenant{tenant, identity_len}, space_.id(),
                                         space_.all(), {100});
    }
    [[nodiscard]] std::uint64_t live() const {
        std::uint64_t sum = 0;
        for (const auto& shard : shards_) {
            const ShardCounters& counters = shard->counters();
            sum += counters.index_entries.value() - counters.former_entries.value();
        }
        return sum;
    }

    Store store_{kShards};
    Space& space_ = store_.add_space(SpaceKind::kIpv4, kUnits);
    ClientLimit limit_{kLimit, kShards};
    std::vector<std::unique_ptr<Shard>> shards_;
};

TEST_F(LimitedShardsTest, HoldAsManyAsTheLimitSaysAndNoneMore) {
    for (std::uint32_t i = 0; i < kLimit; ++i) {
        ASSERT_TRUE(take(i % 2, i));
    }
    for (std::uint32_t shard = 0; shard < kShards; ++shard) {
        const auto refused = take(shard, 100);
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error(), TakeError::kFull);
        EXPECT_EQ(shards_[shard]->take(TestTenant{100}, space_.unit_at(40), {100}).error(),
                  TakeError::kFull);
        EXPECT_EQ(shards_[shard]->reclaim(TestTenant{100}, std::array{space_.id()}, {100}).error(),
                  TakeError::kFull);
    }
    EXPECT_EQ(live(), kLimit);
    EXPECT_EQ(space_.bitmap().taken_count(), kLimit) << "a refused unit is free";
}

TEST_F(LimitedShardsTest, EveryWayInWhichAUnitEndsMakesRoomInEveryShard) {
    std::vector<Unit> units;
    for (std::uint32_t i = 0; i < kLimit; ++i) {
        units.push_back(take(0, i).value());
        if (i != 1) {
            shards_[0]->grant(units[i], {.now = {1}, .expiry = {i == 4 ? 50u : 200u}});
        }
    }
    shards_[0]->release(units[0]);
    EXPECT_TRUE(take(1, 10));
    shards_[0]->withdraw(units[1]);
    EXPECT_TRUE(take(2, 11));
    shards_[0]->erase(units[2]);
    EXPECT_TRUE(take(1, 12));
    shards_[0]->quarantine(units[3], {300});
    EXPECT_TRUE(take(2, 13)) << "it has no tenant any more";
    EXPECT_EQ(shards_[0]->expire({60}, 10, [](Unit, LeaseState) {}), 1u);
    EXPECT_TRUE(take(1, 14));
    EXPECT_FALSE(take(0, 15));
    EXPECT_EQ(limit_.used(), kLimit);
    for (const auto& shard : shards_) {
        EXPECT_EQ(shard->check_invariants(), "");
    }
}

TEST_F(LimitedShardsTest, ARefusalTakesNoPlace) {
    ASSERT_TRUE(take(0, 1));
    EXPECT_EQ(shards_[1]->take(TestTenant{2}, space_.unit_at(0), {100}).error(), TakeError::kTaken);
    EXPECT_EQ(shards_[1]->take(TestTenant{2, 5000}, space_.unit_at(1), {100}).error(),
              TakeError::kFull)
        << "an identity that is too long";
    EXPECT_EQ(limit_.used(), 1u);
    shards_[0]->quarantine(space_.unit_at(0), {300});
    EXPECT_EQ(limit_.used(), 0u);
}

TEST_F(LimitedShardsTest, LeasesOnDiskAreKnownBeyondTheLimitAndThenNobodyNew) {
    for (std::uint32_t i = 0; i < kLimit + 4; ++i) {
        ASSERT_TRUE(shards_[i % kShards]->restore(TestTenant{i}, space_.unit_at(i),
                                                  {.expiry = {200 + i}, .horizon = {200 + i}}));
    }
    EXPECT_EQ(limit_.used(), kLimit + 4);
    // The same unit once more: nothing changes.
    EXPECT_FALSE(shards_[1]->restore(TestTenant{9}, space_.unit_at(0), {.expiry = {200}}));
    for (std::uint32_t i = 0; i < 4; ++i) {
        EXPECT_FALSE(take(i % kShards, 100)) << i;
        shards_[i % kShards]->release(space_.unit_at(i));
    }
    EXPECT_FALSE(take(0, 100)) << "now it is just full";
    shards_[1]->release(space_.unit_at(4));
    EXPECT_TRUE(take(2, 100));
    EXPECT_FALSE(take(0, 101));
    EXPECT_EQ(limit_.used(), kLimit);
    EXPECT_EQ(live(), kLimit);
}

// Shards on threads of their own, nearly full.
TEST(LimitedShardsThreadsTest, TogetherTheyKeepToTheLimit) {
    constexpr std::uint32_t kUnits = 700;
    constexpr std::uint32_t kShards = 4;
    constexpr std::uint32_t kLimit = 90;
    Store store{kShards};
    Space& space = store.add_space(SpaceKind::kIpv4, kUnits);
    space.bitmap().allow(space.all());
    ClientLimit limit{kLimit, kShards};
    std::atomic<std::int64_t> used{0};
    std::atomic<int> violations{0};
    std::atomic<int> refused{0};
    std::vector<std::unique_ptr<Shard>> shards;
    std::vector<std::thread> threads;
    for (std::uint32_t who = 0; who < kShards; ++who) {
        shards.push_back(
            std::make_unique<Shard>(store, ShardOptions{.capacity = kLimit,
                                                        .side_memory = 1 << 14,
                                                        .limit = &limit,
                                                        .id = static_cast<std::uint16_t>(who)}));
    }
    for (std::uint32_t who = 0; who < kShards; ++who) {
        threads.emplace_back([&, who] {
            Shard& shard = *shards[who];
            Random random{who + 1};
            std::vector<Unit> mine;
            for (std::uint32_t step = 0; step < 20000; ++step) {
                if (random.below(100) < 60) {
                    const TestTenant tenant{step * kShards + who,
                                            step % 3 == 0 ? std::size_t{60} : std::size_t{9}};
                    const auto taken = shard.take_next(tenant, space.id(), space.all(), {1000});
                    if (taken) {
                        violations += used.fetch_add(1) >= std::int64_t{kLimit} ? 1 : 0;
                        mine.push_back(*taken);
                    } else {
                        ++refused;
                    }
                } else if (!mine.empty()) {
                    used.fetch_sub(1);
                    shard.erase(mine.back());
                    mine.pop_back();
                }
            }
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    EXPECT_EQ(violations, 0);
    EXPECT_GT(refused, 100);
    EXPECT_EQ(limit.used(), space.bitmap().taken_count());
    for (const auto& shard : shards) {
        EXPECT_EQ(shard->check_invariants(), "");
    }
}

}  // namespace
}  // namespace xdhcpd::lease
