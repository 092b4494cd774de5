#include "base/spsc_ring.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <thread>

namespace xdhcpd {
namespace {

bool push(SpscRing<int>& ring, int value) {
    int* const slot = ring.claim();
    if (slot == nullptr) {
        return false;
    }
    *slot = value;
    ring.push();
    return true;
}

TEST(SpscRingTest, WhatIsPushedIsSeenOncePublishedAndInOrder) {
    SpscRing<int> ring{4};
    EXPECT_FALSE(ring.publish());
    EXPECT_TRUE(push(ring, 1));
    EXPECT_TRUE(push(ring, 2));
    EXPECT_EQ(ring.waiting(), 0u);
    EXPECT_FALSE(ring.has_waiting());
    EXPECT_TRUE(ring.publish());
    EXPECT_FALSE(ring.publish());
    ASSERT_EQ(ring.waiting(), 2u);
    EXPECT_TRUE(ring.has_waiting());
    EXPECT_EQ(ring.at(0), 1);
    EXPECT_EQ(ring.at(1), 2);
    ring.release(2);
    EXPECT_EQ(ring.waiting(), 0u);
}

TEST(SpscRingTest, AFullRingTakesNothingUntilSlotsAreReleased) {
    SpscRing<int> ring{2};
    EXPECT_TRUE(push(ring, 1));
    EXPECT_TRUE(push(ring, 2));
    EXPECT_FALSE(push(ring, 3)) << "full, although nothing is published yet";
    ring.publish();
    EXPECT_FALSE(push(ring, 3));
    ring.release(1);
    EXPECT_TRUE(push(ring, 3));
    EXPECT_FALSE(push(ring, 4));
    ring.publish();
    EXPECT_EQ(ring.at(0), 2);
    EXPECT_EQ(ring.at(1), 3);
}

TEST(SpscRingTest, ASlotThatIsClaimedButNotPushedIsClaimedAgain) {
    SpscRing<int> ring{2};
    EXPECT_EQ(ring.claim(), ring.claim());
}

// Slots larger than a word, so that a torn or early read shows.
TEST(SpscRingStressTest, TwoThreadsAgreeOnEverySlot) {
    struct Slot {
        std::array<std::uint64_t, 5> words;
    };
    constexpr std::uint64_t kCount = 200'000;
    SpscRing<Slot> ring{64};
    std::thread producer{[&] {
        for (std::uint64_t i = 0; i < kCount;) {
            for (std::uint64_t batch = 0; batch < 1 + i % 7 && i < kCount; ++batch) {
                Slot* const slot = ring.claim();
                if (slot == nullptr) {
                    std::this_thread::yield();
                    break;
                }
                slot->words.fill(i++);
                ring.push();
            }
            ring.publish();
        }
    }};
    std::uint64_t expected = 0;
    std::uint64_t wrong = 0;
    while (expected < kCount) {
        const std::size_t count = std::min<std::size_t>(ring.waiting(), 10);
        if (count == 0) {
            std::this_thread::yield();
        }
        for (std::size_t i = 0; i < count; ++i, ++expected) {
            for (const std::uint64_t word : ring.at(i).words) {
                wrong += word == expected ? 0 : 1;
            }
        }
        ring.release(count);
    }
    producer.join();
    EXPECT_EQ(wrong, 0u);
    EXPECT_FALSE(ring.has_waiting());
}

}  // namespace
}  // namespace xdhcpd
