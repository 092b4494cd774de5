#include "journal/ring.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "states.h"

namespace xdhcpd::journal {
namespace {

constexpr std::size_t kLen = std::size_t{64} << 10;

TEST(RingTest, StatesComeOutAsTheyWentInRoundAfterRound) {
    Waker waker;
    Ring ring{kLen, false, waker};
    std::uint32_t sent = 0;
    std::uint32_t seen = 0;
    while (seen < 10'000) {
        while (ring.has_room()) {
            ring.append(TestState{sent, sent}.view());
            ++sent;
        }
        ring.kick();
        for (ByteView record = ring.take(); !record.empty(); record = ring.take()) {
            const auto state = decode(record);
            ASSERT_TRUE(state);
            ASSERT_EQ(state->version, seen);
            ASSERT_TRUE(is_genuine(*state));
            ++seen;
        }
        ASSERT_EQ(seen, sent);
        ASSERT_TRUE(ring.release());
    }
    EXPECT_EQ(ring.undurable_len(), 0u);
    EXPECT_EQ(ring.undurable_states(), 0u);
}

TEST(RingTest, NothingIsHandedOverBeforeTheKickAndNothingIsDurableBeforeTheRelease) {
    Waker waker;
    Ring ring{kLen, false, waker};
    const std::uint64_t first = ring.append(TestState{1, 1}.view());
    EXPECT_FALSE(ring.has_waiting());
    ring.kick();
    EXPECT_TRUE(ring.has_waiting());
    EXPECT_EQ(ring.undurable_states(), 1u);
    EXPECT_FALSE(ring.take().empty());
    EXPECT_FALSE(ring.has_waiting());
    EXPECT_LT(ring.durable(), first);
    const std::uint64_t second = ring.append(TestState{2, 1}.view());
    ring.kick();
    EXPECT_TRUE(ring.release());
    EXPECT_GE(ring.durable(), first);
    EXPECT_LT(ring.durable(), second);
    EXPECT_FALSE(ring.release());
}

TEST(RingTest, EarlyRingsCountWhatWasHandedOver) {
    Waker waker;
    Ring ring{kLen, true, waker};
    const std::uint64_t sequence = ring.append(TestState{1, 1}.view());
    ring.kick();
    EXPECT_GE(ring.durable(), sequence);
    EXPECT_EQ(ring.undurable_states(), 1u);
}

TEST(RingTest, RoomIsGivenBackByReleaseOnlyAndRewoundStatesComeAgain) {
    Waker waker;
    Ring ring{kLen, false, waker};
    std::uint32_t sent = 0;
    while (ring.has_room()) {
        ring.append(TestState{sent, sent}.view());
        ++sent;
    }
    ring.kick();
    for (int round = 0; round < 3; ++round) {
        std::uint32_t seen = 0;
        for (ByteView record = ring.take(); !record.empty(); record = ring.take()) {
            ASSERT_EQ(decode(record)->version, seen++);
        }
        EXPECT_EQ(seen, sent);
        EXPECT_FALSE(ring.has_room());
        ring.rewind();
        EXPECT_EQ(ring.undurable_states(), sent);
    }
}

TEST(RingThreadsTest, NoStateIsLostAndNoWakeUpIsMissed) {
    constexpr std::uint32_t kStates = 100'000;
    Waker waker;
    Ring ring{kLen, false, waker};
    std::thread consumer{[&] {
        std::uint32_t seen = 0;
        while (seen < kStates) {
            waker.announce();
            if (ring.has_waiting()) {
                waker.withdraw();
            } else {
                waker.sleep(10'000);  // a missed wake-up would take that long
                continue;
            }
            for (ByteView record = ring.take(); !record.empty(); record = ring.take()) {
                ASSERT_EQ(decode(record)->version, seen++);
            }
            ring.release();
        }
    }};
    const auto began = std::chrono::steady_clock::now();
    for (std::uint32_t sent = 0; sent < kStates;) {
        if (ring.has_room()) {
            ring.append(TestState{sent, sent}.view());
            ++sent;
        }
        if (sent % 7 == 0 || !ring.has_room()) {
            ring.kick();
        }
    }
    ring.kick();
    consumer.join();
    EXPECT_EQ(ring.undurable_states(), 0u);
    EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds{60});
}

}  // namespace
}  // namespace xdhcpd::journal
