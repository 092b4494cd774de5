#include "base/gcra.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/random.h"

namespace xdhcpd {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;

// A bucket as one draws it: what is in it, in nanoseconds of refilling, counted anew at each look.
class NaiveBucket {
  public:
    NaiveBucket(std::uint64_t interval, std::uint64_t burst)
        : interval_{interval}, room_{interval * burst}, level_{room_} {}

    bool take(std::uint64_t now) {
        level_ = std::min(room_, level_ + (now - last_));
        last_ = now;
        if (level_ < interval_) {
            return false;
        }
        level_ -= interval_;
        return true;
    }

  private:
    std::uint64_t interval_;
    std::uint64_t room_;
    std::uint64_t level_;
    std::uint64_t last_ = 0;
};

TEST(GcraTest, AgreesWithABucketThatIsCounted) {
    Random random{1};
    for (int round = 0; round < 200; ++round) {
        const std::uint64_t interval = 1 + random.below(1'000'000);
        const std::uint64_t burst = 1 + random.below(40);
        const RateTerms terms{interval, (burst - 1) * interval};
        NaiveBucket naive{interval, burst};
        std::uint64_t full_at = 0;
        std::uint64_t now = random.below(1'000'000'000);
        int taken = 0;
        for (int i = 0; i < 500; ++i) {
            // Now and then a pause in which it fills up; at times none at all, as within a batch.
            const std::uint64_t pause = random.below(20) == 0 ? 40 * interval : interval;
            now += random.below(3) == 0 ? 0 : random.below(static_cast<std::uint32_t>(pause));
            const bool expected = naive.take(now);
            ASSERT_EQ(take_token(full_at, now, terms), expected) << "round " << round << ", " << i;
            taken += expected ? 1 : 0;
        }
        EXPECT_GT(taken, 0);
        EXPECT_LT(taken, 500);
    }
}

TEST(GcraTest, TheBurstComesAtOnceAndThenTheRate) {
    constexpr RateTerms kTerms{kSecond / 10, 19 * (kSecond / 10)};  // 10/s, burst 20
    std::uint64_t full_at = 0;
    const auto taken_at = [&](std::uint64_t now) {
        int taken = 0;
        while (take_token(full_at, now, kTerms)) {
            ++taken;
        }
        return taken;
    };
    EXPECT_EQ(taken_at(5 * kSecond), 20);
    EXPECT_EQ(taken_at(5 * kSecond + kSecond / 10 - 1), 0);
    EXPECT_EQ(taken_at(5 * kSecond + kSecond / 10), 1);
    EXPECT_EQ(taken_at(6 * kSecond), 9);
    EXPECT_EQ(taken_at(600 * kSecond), 20);
}

TEST(GcraTest, WhatAnotherRateLeftIsForgotten) {
    constexpr std::uint64_t kHour = 3600 * kSecond;
    constexpr RateTerms kSlow{kHour, 19 * kHour};
    constexpr RateTerms kFast{kSecond / 10, 19 * (kSecond / 10)};
    std::uint64_t full_at = 0;
    for (int i = 0; i < 20; ++i) {
        ASSERT_TRUE(take_token(full_at, kSecond, kSlow));
    }
    EXPECT_FALSE(take_token(full_at, kSecond, kSlow));
    EXPECT_TRUE(take_token(full_at, kSecond, kFast));
    EXPECT_LT(full_at, 2 * kSecond);
}

TEST(GcraTest, AClockThatIsSlightlyBehindDoesNotFillTheBucket) {
    constexpr RateTerms kOne{kSecond, 0};
    std::uint64_t full_at = 0;
    ASSERT_TRUE(take_token(full_at, 100 * kSecond, kOne));
    EXPECT_FALSE(take_token(full_at, 100 * kSecond - 1, kOne));
    EXPECT_FALSE(take_token(full_at, 100 * kSecond - kSecond / 2, kOne));
}

}  // namespace
}  // namespace xdhcpd
