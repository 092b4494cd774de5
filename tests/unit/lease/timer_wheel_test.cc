#include "lease/timer_wheel.h"

#include <gtest/gtest.h>

#include <map>
#include <vector>

#include "base/random.h"

namespace xdhcpd::lease {
namespace {

constexpr std::size_t kUnlimited = ~std::size_t{0};

class TimerWheelTest : public testing::Test {
  protected:
    static constexpr std::uint32_t kUnits = 1000;

    void arm(std::uint32_t index, std::uint32_t at) {
        space_.record(space_.unit_at(index)).expiry = BootSeconds{at};
        wheel_.arm(space_.unit_at(index), BootSeconds{at});
    }
    std::vector<std::uint32_t> advance(std::uint32_t now, std::size_t budget = kUnlimited) {
        std::vector<std::uint32_t> fired;
        wheel_.advance(BootSeconds{now}, budget,
                       [&](Unit unit) { fired.push_back(space_.index_of(unit)); });
        return fired;
    }
    [[nodiscard]] bool is_sound() const {
        return wheel_.check_invariants([](Unit) {});
    }

    Store store_{1};
    Space& space_ = store_.add_space(SpaceKind::kIpv4, kUnits);
    TimerWheel wheel_{store_, BootSeconds{0}};
};

TEST_F(TimerWheelTest, FiresExactlyOnTimeAtEveryLevel) {
    std::uint32_t index = 0;
    for (const std::uint32_t at : {1u, 1023u, 1024u, 1025u, 2047u, 2048u, (1u << 20) - 1, 1u << 20,
                                   (1u << 20) + 1, 5u << 20, 0xfffffffeu}) {
        arm(index, at);
        EXPECT_TRUE(advance(at - 1).empty()) << at;
        EXPECT_EQ(advance(at), std::vector<std::uint32_t>{index}) << at;
        ++index;
        ASSERT_TRUE(is_sound());
    }
}

TEST_F(TimerWheelTest, WhatIsPastFiresWithTheNextAdvance) {
    EXPECT_TRUE(advance(5000).empty());
    arm(3, 17);
    EXPECT_EQ(advance(5001), std::vector<std::uint32_t>{3});
}

TEST_F(TimerWheelTest, DisarmedUnitsDoNotFire) {
    arm(1, 10);
    arm(2, 10);
    arm(3, 10);
    wheel_.disarm(space_.unit_at(2));
    wheel_.disarm(space_.unit_at(2));
    EXPECT_FALSE(wheel_.is_armed(space_.unit_at(2)));
    EXPECT_EQ(wheel_.armed_count(), 2u);
    EXPECT_TRUE(is_sound());
    EXPECT_EQ(advance(10).size(), 2u);
}

TEST_F(TimerWheelTest, BudgetStopsAndTheNextCallGoesOn) {
    for (std::uint32_t i = 0; i < 100; ++i) {
        arm(i, 2000);
    }
    std::size_t fired = 0;
    int calls = 0;
    do {  // each unit is touched twice: once when it sinks to the finest level, once when it fires
        fired += advance(3000, 7).size();
        ASSERT_TRUE(is_sound());
    } while (++calls < 1000 && wheel_.armed_count() > 0);
    EXPECT_EQ(fired, 100u);
    EXPECT_EQ(calls, (200 + 6) / 7);
}

TEST_F(TimerWheelTest, ArmedWhileAnAdvanceIsUnfinishedFiresToo) {
    for (std::uint32_t i = 0; i < 10; ++i) {
        arm(i, 2048);
    }
    EXPECT_TRUE(advance(4000, 5).empty());  // five have sunk
    arm(10, 2050);
    arm(11, 1);
    EXPECT_EQ(advance(4000).size(), 12u);
    EXPECT_EQ(wheel_.armed_count(), 0u);
}

TEST_F(TimerWheelTest, NowOfNeverIsAnOrdinaryEnd) {
    arm(1, 0xfffffffe);
    EXPECT_EQ(advance(0xffffffff), std::vector<std::uint32_t>{1});
    EXPECT_TRUE(advance(0xffffffff).empty());
}

TEST_F(TimerWheelTest, TimeThatGoesBackFiresNothingAndLosesNothing) {
    arm(1, 3000);
    EXPECT_TRUE(advance(2500).empty());
    EXPECT_TRUE(advance(100).empty());
    EXPECT_TRUE(advance(2999).empty());
    EXPECT_EQ(advance(3000), std::vector<std::uint32_t>{1});
}

TEST_F(TimerWheelTest, AgreesWithAMap) {
    for (std::uint64_t seed = 1; seed <= 4; ++seed) {
        Store store{1};
        Space& space = store.add_space(SpaceKind::kIpv4, kUnits);
        std::uint32_t now = seed % 2 == 0 ? 0 : 0x00123456;
        TimerWheel wheel{store, BootSeconds{now}};
        std::map<std::uint32_t, std::uint32_t> armed;  // index -> time
        Random random{seed};
        for (int step = 0; step < 30000; ++step) {
            const std::uint32_t index = random.below(kUnits);
            const Unit unit = space.unit_at(index);
            if (armed.contains(index)) {
                wheel.disarm(unit);
                armed.erase(index);
            } else {
                const std::uint32_t at = now + 1 + random.below(1u << random.below(23));
                space.record(unit).expiry = BootSeconds{at};
                wheel.arm(unit, BootSeconds{at});
                armed[index] = at;
            }
            if (random.below(4) == 0) {
                now += random.below(1u << random.below(18));
                std::size_t fired = 0;
                std::size_t done = 0;
                const std::size_t budget = 1 + random.below(50);
                do {
                    done = wheel.advance(BootSeconds{now}, budget, [&](Unit expired) {
                        const auto found = armed.find(space.index_of(expired));
                        ASSERT_NE(found, armed.end());
                        ASSERT_LE(found->second, now);
                        armed.erase(found);
                        ++fired;
                    });
                } while (done == budget);
                for (const auto& [left, at] : armed) {
                    ASSERT_GT(at, now) << left;
                }
            }
            ASSERT_EQ(wheel.armed_count(), armed.size());
        }
        EXPECT_TRUE(wheel.check_invariants([](Unit) {}));
    }
}

}  // namespace
}  // namespace xdhcpd::lease
