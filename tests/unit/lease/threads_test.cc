// Several threads on one space. Meant for ThreadSanitizer; without it, still a test that no unit is
// held twice.
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

// Who holds each unit, claimed and given up by exchange, so that a second holder is noticed.
class Ledger {
  public:
    explicit Ledger(std::uint32_t units) : holders_(units) {}

    void claim(std::uint32_t index, int who) {
        if (holders_[index].exchange(who + 1) != 0) {
            ++conflicts_;
        }
    }
    void give_up(std::uint32_t index, int who) {
        if (holders_[index].exchange(0) != who + 1) {
            ++conflicts_;
        }
    }
    [[nodiscard]] int conflicts() const { return conflicts_; }

  private:
    std::vector<std::atomic<int>> holders_;
    std::atomic<int> conflicts_{0};
};

TEST(UnitBitmapThreadsTest, NoUnitIsTakenTwiceAndNoneIsLost) {
    for (const std::uint32_t units : {1u, 64u, 130u, 4160u}) {
        constexpr int kThreads = 4;
        constexpr int kSteps = 30000;
        UnitBitmap bitmap{units};
        bitmap.allow({0, units - 1});
        Ledger ledger{units};
        std::vector<std::thread> threads;
        for (int who = 0; who < kThreads; ++who) {
            threads.emplace_back([&, who] {
                Random random{static_cast<std::uint64_t>(who) + 1};
                std::vector<std::uint32_t> mine;
                for (int step = 0; step < kSteps; ++step) {
                    // Mostly nearly full, so that the summaries change all the time.
                    if (random.below(100) < (mine.size() * kThreads > units ? 45u : 60u)) {
                        const auto taken = bitmap.take_next({0, units - 1}, random.below(units));
                        if (taken) {
                            ledger.claim(*taken, who);
                            mine.push_back(*taken);
                        }
                    } else if (!mine.empty()) {
                        std::swap(mine[random.below(static_cast<std::uint32_t>(mine.size()))],
                                  mine.back());
                        ledger.give_up(mine.back(), who);
                        bitmap.release(mine.back());
                        mine.pop_back();
                    }
                }
                for (const std::uint32_t index : mine) {
                    ledger.give_up(index, who);
                    bitmap.release(index);
                }
            });
        }
        for (std::thread& thread : threads) {
            thread.join();
        }
        EXPECT_EQ(ledger.conflicts(), 0);
        EXPECT_EQ(bitmap.free_count(), units);
        EXPECT_TRUE(bitmap.check_invariants());
    }
}

TEST(UnitBitmapThreadsTest, PolicyMayChangeMeanwhile) {
    constexpr std::uint32_t kUnits = 4160;
    constexpr int kThreads = 3;
    UnitBitmap bitmap{kUnits};
    Ledger ledger{kUnits};
    std::atomic<bool> is_done{false};
    std::vector<std::thread> threads;
    for (int who = 0; who < kThreads; ++who) {
        threads.emplace_back([&, who] {
            Random random{static_cast<std::uint64_t>(who) + 1};
            while (!is_done) {
                const std::uint32_t from = random.below(kUnits);
                if (const auto taken = bitmap.take_next({0, kUnits - 1}, from)) {
                    ledger.claim(*taken, who);
                    ledger.give_up(*taken, who);
                    bitmap.release(*taken);
                }
            }
        });
    }
    Random random{99};
    for (int step = 0; step < 200000; ++step) {
        const std::uint32_t first = random.below(kUnits);
        const UnitRange range{first, std::min(kUnits - 1, first + random.below(200))};
        if (random.below(2) == 0) {
            bitmap.allow(range);
        } else {
            bitmap.forbid(range);
        }
    }
    bitmap.allow({0, kUnits - 1});
    is_done = true;
    for (std::thread& thread : threads) {
        thread.join();
    }
    EXPECT_EQ(ledger.conflicts(), 0);
    EXPECT_EQ(bitmap.free_count(), kUnits);
    EXPECT_TRUE(bitmap.check_invariants());
}

// Runs two actions at the same moment, again and again, and a check after each round.
class Duel {
  public:
    template <typename Prepare, typename First, typename Second, typename Check>
    static void run(int rounds, Prepare prepare, First first, Second second, Check check) {
        std::atomic<int> started{0};
        std::atomic<int> finished{0};
        std::thread opponent{[&] {
            for (int round = 1; round <= rounds; ++round) {
                wait_for(started, round);
                second();
                finished = round;
            }
        }};
        for (int round = 1; round <= rounds; ++round) {
            prepare();
            started = round;
            // Vary who is first by a few nanoseconds.
            for (int delay = 0; delay < round % 64; ++delay) {
                static_cast<void>(finished.load());
            }
            first();
            wait_for(finished, round);
            check();
        }
        opponent.join();
    }

  private:
    static void wait_for(const std::atomic<int>& value, int wanted) {
        for (int spins = 0; value < wanted; ++spins) {
            if (spins > 2000) {
                std::this_thread::yield();
            }
        }
    }
};
constexpr int kRounds = 100000;

TEST(UnitBitmapThreadsTest, AUnitReleasedWhileItsWordFillsIsFoundAgain) {
    UnitBitmap bitmap{130};
    bitmap.allow({0, 1});
    int missed = 0;
    Duel::run(
        kRounds, [&] { ASSERT_TRUE(bitmap.try_take(0)); },
        [&] { static_cast<void>(bitmap.try_take(1)); },  // fills the word
        [&] { bitmap.release(0); },
        [&] {
            missed += bitmap.check_invariants() ? 0 : 1;
            bitmap.release(1);
        });
    EXPECT_EQ(missed, 0);
}

// Control may rely on it: a unit that is forbidden and then seen free stays free.
TEST(UnitBitmapThreadsTest, AUnitSeenFreeAfterForbiddingIsNotTakenAnyMore) {
    UnitBitmap bitmap{64};
    bool is_taken = false;
    bool was_seen = false;
    int violations = 0;
    int takes = 0;
    Duel::run(
        kRounds,
        [&] {
            bitmap.allow({5, 5});
        },
        [&] {
            bitmap.forbid({5, 5});
            was_seen = bitmap.taken(5);
        },
        [&] { is_taken = bitmap.try_take(5); },
        [&] {
            takes += is_taken ? 1 : 0;
            violations += is_taken && !was_seen ? 1 : 0;
            if (is_taken) {
                bitmap.release(5);
            }
        });
    EXPECT_EQ(violations, 0);
    RecordProperty("takes", takes);
}

// What workers and control do to a space, all at once.
TEST(ShardThreadsTest, ShardsShareASpaceWithoutHoldingAUnitTwice) {
    constexpr std::uint32_t kUnits = 700;
    constexpr int kShards = 4;
    constexpr int kSteps = 25000;
    Store store{kShards};
    Space& space = store.add_space(SpaceKind::kIpv4, kUnits);
    space.bitmap().allow(space.all());
    const std::vector<SpaceId> spaces{space.id()};
    Ledger ledger{kUnits};
    std::atomic<int> running{kShards};
    std::vector<std::unique_ptr<Shard>> shards;
    for (int i = 0; i < kShards; ++i) {
        shards.push_back(std::make_unique<Shard>(
            store,
            ShardOptions{
                .capacity = 400, .side_memory = 1 << 16, .id = static_cast<std::uint16_t>(i)}));
    }
    std::vector<std::thread> threads;
    for (int who = 0; who < kShards; ++who) {
        threads.emplace_back([&, who] {
            Shard& shard = *shards[static_cast<std::size_t>(who)];
            Random random{static_cast<std::uint64_t>(who) + 7};
            BootSeconds now{0};
            for (int step = 0; step < kSteps; ++step) {
                const std::uint32_t number = random.below(300);
                const TestTenant tenant{number * kShards + static_cast<std::uint32_t>(who),
                                        number % 3 == 0 ? std::size_t{60} : std::size_t{9}};
                const BootSeconds until{now.value + 1 + random.below(20)};
                if (const auto held = shard.find(tenant, spaces)) {
                    const std::uint32_t index = space.index_of(*held);
                    switch (random.below(6)) {
                        case 0:
                            ledger.give_up(index, who);
                            shard.release(*held);
                            break;
                        case 1:
                            ledger.give_up(index, who);
                            shard.erase(*held);
                            break;
                        case 2:
                            shard.quarantine(*held, until);
                            break;
                        default:
                            shard.set_hostname(*held, tenant.get().identity);
                            shard.grant(*held, {.now = now, .expiry = until});
                    }
                } else {
                    auto taken = shard.reclaim(tenant, spaces, until);
                    if (!taken) {
                        const Unit wanted = space.unit_at(random.below(kUnits));
                        taken = random.below(4) == 0
                                    ? shard.take(tenant, wanted, until)
                                    : shard.take_next(tenant, space.id(), space.all(), until);
                    }
                    if (taken) {
                        ledger.claim(space.index_of(*taken), who);
                        shard.grant(*taken, {.now = now, .expiry = until});
                    }
                }
                if (step % 50 == 0) {
                    ++now.value;
                    shard.expire(now, 1000, [&](Unit unit, LeaseState) {
                        ledger.give_up(space.index_of(unit), who);
                    });
                }
            }
            --running;
        });
    }
    // Control: closes blocks and opens them again; reads the
    // gauges.
    Random random{5};
    while (running > 0) {
        const std::uint32_t first = random.below(kUnits - 100);
        const UnitRange block{first, first + 99};
        space.bitmap().forbid(block);
        std::this_thread::yield();
        static_cast<void>(space.held_total(HeldCount::kLeased));
        space.bitmap().allow(block);
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    EXPECT_EQ(ledger.conflicts(), 0);
    std::uint64_t held = 0;
    for (const auto& shard : shards) {
        EXPECT_EQ(shard->check_invariants(), "");
        EXPECT_GT(shard->counters().index_entries.value(), 0u);
    }
    for (const HeldCount which : {HeldCount::kOffered, HeldCount::kLeased, HeldCount::kDeclined}) {
        held += space.held_total(which);
    }
    EXPECT_EQ(held, space.bitmap().taken_count());
    EXPECT_TRUE(space.bitmap().check_invariants());
}

// Once control has forbidden a block and every worker has begun something new since, nothing in it
// is taken any more.
TEST(ShardThreadsTest, AForbiddenBlockOnlyDrains) {
    constexpr std::uint32_t kUnits = 256;
    constexpr int kShards = 3;
    Store store{kShards};
    Space& space = store.add_space(SpaceKind::kIpv4, kUnits);
    space.bitmap().allow(space.all());
    std::atomic<std::uint32_t> generation{0};
    std::array<std::atomic<std::uint32_t>, kShards> announced{};
    std::atomic<bool> is_done{false};
    std::vector<std::thread> threads;
    for (int who = 0; who < kShards; ++who) {
        threads.emplace_back([&, who] {
            const auto self = static_cast<std::size_t>(who);
            Shard shard{
                store,
                {.capacity = kUnits, .side_memory = 0, .id = static_cast<std::uint16_t>(who)}};
            Random random{self};
            for (std::uint32_t i = 0; !is_done; ++i) {
                announced[self] = generation.load();
                const TestTenant tenant{i % 100};
                const auto taken = shard.take_next(
                    tenant, space.id(), {random.below(kUnits / 2), kUnits - 1}, BootSeconds{100});
                if (taken) {
                    shard.withdraw(*taken);
                }
            }
        });
    }
    int taken_in_block = 0;
    for (int round = 0; round < 40; ++round) {
        const UnitRange block{64, 191};
        space.bitmap().forbid(block);
        const std::uint32_t wanted = ++generation;
        for (const auto& seen : announced) {
            while (seen < wanted) {
                std::this_thread::yield();
            }
        }
        // Workers hold nothing between two turns, so after one whole turn the block is empty and
        // stays so.
        for (int look = 0; look < 50; ++look) {
            for (std::uint32_t index = block.first; index <= block.last; ++index) {
                taken_in_block += space.bitmap().taken(index) ? 1 : 0;
            }
        }
        space.bitmap().allow(block);
    }
    is_done = true;
    for (std::thread& thread : threads) {
        thread.join();
    }
    EXPECT_EQ(taken_in_block, 0);
}

}  // namespace
}  // namespace xdhcpd::lease
