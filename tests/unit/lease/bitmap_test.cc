#include "lease/bitmap.h"

#include <gtest/gtest.h>

#include <set>
#include <vector>

#include "base/random.h"

namespace xdhcpd::lease {
namespace {

// Everything around the edges of words and summary words, and the largest.
const std::vector<std::uint32_t> kSizes{1,    2,    63,    64,    65,         4095,
                                        4096, 4097, 65536, 65537, 262144 + 1, kMaxSpaceUnits};

class UnitBitmapSizes : public testing::TestWithParam<std::uint32_t> {};
INSTANTIATE_TEST_SUITE_P(Sizes, UnitBitmapSizes, testing::ValuesIn(kSizes));

TEST_P(UnitBitmapSizes, NothingIsFreeAtFirst) {
    UnitBitmap bitmap{GetParam()};
    const UnitRange all{0, GetParam() - 1};
    EXPECT_EQ(bitmap.allowed_count(), 0u);
    EXPECT_EQ(bitmap.take_next(all, 0), std::nullopt);
    EXPECT_FALSE(bitmap.try_take(0));
    EXPECT_FALSE(bitmap.taken(0));
}

TEST_P(UnitBitmapSizes, FirstAndLastUnitAreFoundFromEverywhere) {
    UnitBitmap bitmap{GetParam()};
    const std::uint32_t last = GetParam() - 1;
    const UnitRange all{0, last};
    bitmap.allow({last, last});
    for (const std::uint32_t from : {0u, last / 2, last}) {
        EXPECT_EQ(bitmap.take_next(all, from), last);
        EXPECT_EQ(bitmap.take_next(all, from), std::nullopt);
        bitmap.release(last);
    }
    bitmap.forbid({last, last});
    bitmap.allow({0, 0});
    for (const std::uint32_t from : {0u, last / 2, last}) {
        EXPECT_EQ(bitmap.take_next(all, from), 0u);
        bitmap.release(0);
    }
    EXPECT_TRUE(bitmap.check_invariants());
}

// The price of a search is counted in words looked at: at most once up and once down through the
// summaries (four levels at 2^26), twice for a search that goes round, and the two words with the
// units.
TEST_P(UnitBitmapSizes, SearchLooksAtAHandfulOfWordsHoweverFull) {
    constexpr std::uint32_t kMostLoads = 2 * 8 + 2;
    const std::uint32_t last = GetParam() - 1;
    const UnitRange all{0, last};
    UnitBitmap bitmap{GetParam()};
    Random random{1};
    std::uint32_t loads = 0;
    EXPECT_EQ(bitmap.take_next(all, last / 2, &loads), std::nullopt);
    EXPECT_LE(loads, kMostLoads);
    for (int i = 0; i < 200; ++i) {
        const std::uint32_t only = random.below(GetParam());
        const std::uint32_t from = random.below(GetParam());
        bitmap.allow({only, only});
        loads = 0;
        ASSERT_EQ(bitmap.take_next(all, from, &loads), only) << "from " << from;
        ASSERT_LE(loads, kMostLoads) << only << " from " << from;
        loads = 0;
        ASSERT_EQ(bitmap.take_next(all, from, &loads), std::nullopt);
        ASSERT_LE(loads, kMostLoads);
        bitmap.release(only);
        bitmap.forbid({only, only});
    }
}

TEST(UnitBitmapTest, TakesEachUnitOfTheRangeOnceInOrderGoingRound) {
    UnitBitmap bitmap{300};
    bitmap.allow({0, 299});
    const UnitRange within{60, 200};
    std::uint32_t from = 130;
    for (std::uint32_t i = 0; i < within.size(); ++i) {
        const auto taken = bitmap.take_next(within, from);
        ASSERT_TRUE(taken);
        EXPECT_EQ(*taken, 60 + (130 - 60 + i) % within.size());
        from = *taken + 1;
    }
    EXPECT_EQ(bitmap.take_next(within, from), std::nullopt);
    EXPECT_EQ(bitmap.taken_count(), within.size());
    EXPECT_EQ(bitmap.free_count(), 300 - within.size());
    EXPECT_EQ(bitmap.free_count({59, 201}), 2u);
    EXPECT_TRUE(bitmap.check_invariants());
}

TEST(UnitBitmapTest, FromOutsideTheRangeMeansItsStart) {
    UnitBitmap bitmap{300};
    bitmap.allow({0, 299});
    EXPECT_EQ(bitmap.take_next({100, 200}, 5), 100u);
    EXPECT_EQ(bitmap.take_next({100, 200}, 250), 101u);
}

TEST(UnitBitmapTest, ForbiddenUnitIsTakenOnlyAsReserved) {
    UnitBitmap bitmap{100};
    EXPECT_FALSE(bitmap.try_take(7));
    EXPECT_TRUE(bitmap.try_take_reserved(7));
    EXPECT_TRUE(bitmap.taken(7));
    EXPECT_FALSE(bitmap.try_take_reserved(7));
    bitmap.allow({7, 7});
    EXPECT_FALSE(bitmap.try_take(7));
    bitmap.release(7);
    EXPECT_TRUE(bitmap.try_take(7));
}

TEST(UnitBitmapTest, ForbiddingATakenUnitLeavesItTakenAndUnfindableAfterRelease) {
    UnitBitmap bitmap{100};
    bitmap.allow({7, 7});
    ASSERT_TRUE(bitmap.try_take(7));
    bitmap.forbid({0, 99});
    EXPECT_TRUE(bitmap.taken(7));
    bitmap.release(7);
    EXPECT_EQ(bitmap.take_next({0, 99}, 0), std::nullopt);
    bitmap.allow({0, 10});
    EXPECT_EQ(bitmap.take_next({7, 99}, 0), 7u);
    EXPECT_TRUE(bitmap.check_invariants());
}

TEST(UnitBitmapTest, AllowedCountCountsEachUnitOnce) {
    UnitBitmap bitmap{1000};
    bitmap.allow({10, 200});
    bitmap.allow({100, 300});
    EXPECT_EQ(bitmap.allowed_count(), 291u);
    bitmap.forbid({0, 63});
    bitmap.forbid({0, 64});
    EXPECT_EQ(bitmap.allowed_count(), 236u);
    EXPECT_TRUE(bitmap.check_invariants());
}

TEST(UnitBitmapDeathTest, ReleasingAFreeUnitIsOurBug) {
    UnitBitmap bitmap{10};
    EXPECT_DEATH(bitmap.release(3), "assertion failed");
}

TEST(UnitBitmapTest, AgreesWithTwoNaiveSets) {
    for (const std::uint32_t size : {1u, 2u, 63u, 64u, 65u, 4097u}) {
        UnitBitmap bitmap{size};
        std::set<std::uint32_t> allowed;
        std::set<std::uint32_t> taken;
        Random random{size};
        const auto random_range = [&] {
            const std::uint32_t a = random.below(size);
            const std::uint32_t b = random.below(size);
            return UnitRange{std::min(a, b), std::max(a, b)};
        };
        const auto is_free = [&](std::uint32_t i) {
            return allowed.contains(i) && !taken.contains(i);
        };
        for (int step = 0; step < 20000; ++step) {
            const UnitRange range = random_range();
            const std::uint32_t index = random.below(size);
            switch (random.below(20)) {
                case 0:
                    bitmap.allow(range);
                    for (std::uint32_t i = range.first; i <= range.last; ++i) {
                        allowed.insert(i);
                    }
                    break;
                case 1:
                    bitmap.forbid(range);
                    allowed.erase(allowed.lower_bound(range.first),
                                  allowed.upper_bound(range.last));
                    break;
                case 2:
                case 3:
                    ASSERT_EQ(bitmap.try_take(index), is_free(index));
                    if (allowed.contains(index)) {
                        taken.insert(index);
                    }
                    break;
                case 4:
                    ASSERT_EQ(bitmap.try_take_reserved(index), taken.insert(index).second);
                    break;
                case 5:
                case 6:
                case 7:
                case 8:
                case 9:
                    if (taken.erase(index) > 0) {
                        bitmap.release(index);
                    }
                    break;
                default: {
                    std::optional<std::uint32_t> expected;
                    const std::uint32_t from = range.contains(index) ? index : range.first;
                    for (std::uint32_t i = 0; i < range.size() && !expected; ++i) {
                        const std::uint32_t at =
                            range.first + (from - range.first + i) % range.size();
                        if (is_free(at)) {
                            expected = at;
                        }
                    }
                    ASSERT_EQ(bitmap.take_next(range, index), expected);
                    if (expected) {
                        taken.insert(*expected);
                    }
                }
            }
            if (step % 100 == 0) {
                ASSERT_TRUE(bitmap.check_invariants());
                ASSERT_EQ(bitmap.taken_count(), taken.size());
                ASSERT_EQ(bitmap.allowed_count(), allowed.size());
            }
        }
    }
}

}  // namespace
}  // namespace xdhcpd::lease
