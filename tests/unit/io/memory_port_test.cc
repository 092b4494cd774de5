#include "io/memory/memory_port.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

namespace xdhcpd {
namespace {

using Frame = std::vector<std::byte>;

Frame frame_of(std::size_t len, std::uint8_t value) {
    return Frame(len, std::byte{value});
}

void submit_copy(MemoryPort& port, const Frame& bytes, std::uint32_t ifindex = 1) {
    auto frame = port.lend();
    ASSERT_TRUE(frame);
    copy_bytes(frame->bytes().data(), bytes);
    port.submit(std::move(*frame),
                {.frame_len = static_cast<std::uint32_t>(bytes.size()), .ifindex = ifindex});
}

TEST(MemoryPortTest, DeliversInTheOrderOfArrivalWithItsInterface) {
    MemoryPort port{{.rx_frame_count = 4}};
    ASSERT_TRUE(port.inject(frame_of(60, 1), 7));
    ASSERT_TRUE(port.inject(frame_of(61, 2), 8));
    ASSERT_TRUE(port.inject(frame_of(0, 3), 9));

    std::array<RxFrame, 2> batch;
    ASSERT_EQ(port.receive(batch), 2U);
    EXPECT_TRUE(equal_bytes(batch[0].bytes, frame_of(60, 1)));
    EXPECT_EQ(batch[0].ifindex, 7U);
    EXPECT_TRUE(equal_bytes(batch[1].bytes, frame_of(61, 2)));
    EXPECT_EQ(batch[1].ifindex, 8U);
    port.release(batch);
    ASSERT_EQ(port.receive(batch), 1U);
    EXPECT_TRUE(batch[0].bytes.empty());
    EXPECT_EQ(batch[0].ifindex, 9U);
    EXPECT_EQ(port.counters().rx_frames.value(), 3U);
}

TEST(MemoryPortTest, RefusesMoreThanItHoldsUntilFramesAreReleased) {
    MemoryPort port{{.rx_frame_count = 2}};
    EXPECT_TRUE(port.inject(frame_of(10, 1)));
    EXPECT_TRUE(port.inject(frame_of(10, 2)));
    EXPECT_FALSE(port.inject(frame_of(10, 3)));
    std::array<RxFrame, 4> batch;
    ASSERT_EQ(port.receive(batch), 2U);
    EXPECT_FALSE(port.inject(frame_of(10, 3)));  // received is not released
    EXPECT_EQ(port.rx_frames_out(), 2U);
    port.release(std::span{batch}.subspan(1, 1));
    EXPECT_TRUE(port.inject(frame_of(10, 3)));
    EXPECT_TRUE(equal_bytes(batch[0].bytes, frame_of(10, 1)));  // still readable
    EXPECT_EQ(port.rx_frames_out(), 2U);
}

TEST(MemoryPortTest, KeepsOrderRoundTheRing) {
    MemoryPort port{{.rx_frame_count = 3}};
    std::uint8_t next_in = 0;
    std::uint8_t next_out = 0;
    std::array<RxFrame, 2> batch;
    for (int round = 0; round < 50; ++round) {
        while (port.inject(frame_of(14, next_in))) {
            ++next_in;
        }
        const std::size_t count = port.receive(batch);
        ASSERT_EQ(count, 2U);
        for (std::size_t i = 0; i < count; ++i) {
            ASSERT_EQ(batch[i].bytes[0], std::byte{next_out});
            ++next_out;
        }
        port.release(batch);
    }
}

TEST(MemoryPortTest, TakesFramesUpToItsLengthOnly) {
    MemoryPort port{{.frame_len = 100}};
    EXPECT_TRUE(port.inject(frame_of(100, 1)));
    EXPECT_FALSE(port.inject(frame_of(101, 1)));
    EXPECT_EQ(port.counters().rx_truncated.value(), 1U);
}

TEST(MemoryPortTest, SendsAtFlushInTheOrderOfSubmission) {
    MemoryPort port;
    submit_copy(port, frame_of(60, 1));
    submit_copy(port, frame_of(61, 2));
    EXPECT_TRUE(port.take_sent().empty());
    port.flush();
    submit_copy(port, frame_of(62, 3));
    EXPECT_THAT(port.take_sent(), testing::ElementsAre(frame_of(60, 1), frame_of(61, 2)));
    port.flush();
    EXPECT_THAT(port.take_sent(), testing::ElementsAre(frame_of(62, 3)));
    EXPECT_EQ(port.counters().tx_frames.value(), 3U);
    EXPECT_EQ(port.tx_frames_out(), 0U);
}

TEST(MemoryPortTest, DrainShowsWhatWasAskedFor) {
    MemoryPort port;
    submit_copy(port, frame_of(60, 1), 5);
    port.flush();
    int visits = 0;
    EXPECT_EQ(port.drain_sent([&visits](ByteView bytes, const TxInfo& info) {
        ++visits;
        EXPECT_EQ(bytes.size(), 60U);
        EXPECT_EQ(info.ifindex, 5U);
        EXPECT_FALSE(info.unconfigured_destination);
    }),
              1U);
    EXPECT_EQ(visits, 1);
}

TEST(MemoryPortTest, LentFrameReturnsWhenDropped) {
    MemoryPort port{{.tx_frame_count = 2}};
    {
        auto first = port.lend();
        auto second = port.lend();
        ASSERT_TRUE(first && second);
        EXPECT_GE(first->bytes().size(), kMinTxFrameLen);
        EXPECT_NE(first->bytes().data(), second->bytes().data());
        EXPECT_FALSE(port.lend());
        EXPECT_EQ(port.counters().tx_no_frame.value(), 1U);
        TxFrame moved = std::move(*first);
        EXPECT_FALSE(*first);
        EXPECT_EQ(port.tx_frames_out(), 2U);
        moved = std::move(*second);  // drops the first
        EXPECT_EQ(port.tx_frames_out(), 1U);
    }
    EXPECT_EQ(port.tx_frames_out(), 0U);
    EXPECT_TRUE(port.take_sent().empty());
}

TEST(MemoryPortTest, SentFramesAreOutUntilDrained) {
    MemoryPort port{{.tx_frame_count = 1}};
    submit_copy(port, frame_of(60, 1));
    EXPECT_FALSE(port.lend());
    port.flush();
    EXPECT_FALSE(port.lend());
    EXPECT_EQ(port.take_sent().size(), 1U);
    EXPECT_TRUE(port.lend());
}

TEST(MemoryPortTest, DescribesItself) {
    const MemoryPort port{{.interface_name = "fake7", .queue = 3}};
    EXPECT_EQ(port.driver(), "memory");
    EXPECT_EQ(port.interface_name(), "fake7");
    EXPECT_EQ(port.queue(), 3U);
    EXPECT_EQ(port.fd(), -1);
}

TEST(MemoryPortDeathTest, StopsWhenAFrameIsReleasedTwice) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    MemoryPort port;
    ASSERT_TRUE(port.inject(frame_of(60, 1)));
    std::array<RxFrame, 1> batch;
    ASSERT_EQ(port.receive(batch), 1U);
    port.release(batch);
    EXPECT_DEATH(port.release(batch), "assertion failed");
}

}  // namespace
}  // namespace xdhcpd
