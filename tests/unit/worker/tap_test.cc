#include "worker/tap.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "base/random.h"
#include "support/worker_lab.h"

namespace xdhcpd::worker {
namespace {

using Bytes = std::vector<std::byte>;

constexpr std::size_t kSmallRing = 4096;

// A frame whose bytes follow from its number.
[[nodiscard]] Bytes numbered(std::uint32_t number, std::size_t len) {
    Bytes frame(len);
    for (std::size_t i = 0; i < len; ++i) {
        frame[i] = static_cast<std::byte>(number + i);
    }
    return frame;
}

[[nodiscard]] TapRecord record_of(std::uint32_t number) {
    TapRecord record;
    record.queue = number;
    return record;
}

TEST(TapTest, GivesPacketsInOrderAndWholeAroundTheEndOfTheRing) {
    Tap tap{{}, 512, kSmallRing};
    EXPECT_FALSE(tap.front());
    for (std::uint32_t number = 0; number < 1000; ++number) {
        const Bytes frame = numbered(number, number % 600);
        tap.push(record_of(number), frame);
        const auto packet = tap.front();
        ASSERT_TRUE(packet);
        EXPECT_EQ(packet->record.queue, number);
        EXPECT_EQ(packet->record.frame_len, frame.size());
        EXPECT_TRUE(equal_bytes(packet->bytes,
                                ByteView{frame}.first(std::min<std::size_t>(frame.size(), 512))));
        tap.pop();
        EXPECT_FALSE(tap.front());
    }
    EXPECT_EQ(tap.taken(), 1000u);
    EXPECT_EQ(tap.missed(), 0u);
}

TEST(TapTest, MissesWhatFindsNoRoomAndSaysSoWithTheNext) {
    Tap tap{{}, 512, kSmallRing};
    const Bytes frame = numbered(1, 400);
    for (std::uint32_t number = 0; number < 20; ++number) {
        tap.push(record_of(number), frame);
    }
    EXPECT_EQ(tap.taken(), 9u);  // of 448 bytes each; the tenth would go over the end
    EXPECT_EQ(tap.missed(), 11u);
    for (std::uint32_t number = 0; number < 9; ++number) {
        EXPECT_EQ(tap.front()->record.queue, number);
        EXPECT_EQ(tap.front()->record.missed_before, 0u);
        tap.pop();
    }
    tap.push(record_of(99), frame);
    EXPECT_EQ(tap.front()->record.queue, 99u);
    EXPECT_EQ(tap.front()->record.missed_before, 11u);
}

// The sanitizers watch; what is read is what was written, and what is missing is counted.
TEST(TapTest, TwoThreadsNeitherWaitNorMixPackets) {
    constexpr std::uint32_t kCount = 200000;
    Tap tap{{}, 512, kSmallRing};
    std::atomic<bool> done{false};
    std::thread producer{[&] {
        Random random{7};
        for (std::uint32_t number = 0; number < kCount; ++number) {
            tap.push(record_of(number), numbered(number, random.below(600)));
        }
        done = true;
    }};
    std::uint64_t seen = 0;
    std::uint64_t told = 0;
    bool wrong = false;
    std::uint64_t next = 0;
    for (;;) {
        const bool last = done;
        const auto packet = tap.front();
        if (!packet) {
            if (last) {
                break;
            }
            continue;
        }
        const TapRecord& record = packet->record;
        next += record.missed_before;
        wrong |= record.queue != next;
        const Bytes expected = numbered(record.queue, packet->bytes.size());
        wrong |= !equal_bytes(packet->bytes, expected);
        ++next;
        ++seen;
        told += record.missed_before;
        tap.pop();
    }
    producer.join();
    EXPECT_FALSE(wrong);
    EXPECT_EQ(seen, tap.taken());
    EXPECT_EQ(tap.taken() + tap.missed(), kCount);
    EXPECT_LE(told, tap.missed());
}

class TapSetTest : public ::testing::Test {
  protected:
    Bytes serve(const testing::Message& message) {
        const Bytes frame = testing::udp_frame({}, message.payload());
        EXPECT_TRUE(port.inject(frame, testing::kEth1));
        worker->step();
        sent = port.take_sent();
        return frame;
    }

    testing::WorkerLab lab;
    MemoryPort& port{*lab.port};
    Worker* worker{lab.worker.get()};
    std::vector<Bytes> sent;
};

TEST_F(TapSetTest, CopiesRequestReplyAndReason) {
    Tap tap{{}};
    worker->taps().attach(tap);
    const Bytes discover = serve(testing::Message{1, 1});
    ASSERT_EQ(sent.size(), 1u);
    EXPECT_TRUE(equal_bytes(tap.front()->bytes, discover));
    EXPECT_FALSE(tap.front()->record.drop());
    EXPECT_FALSE(tap.front()->record.outbound);
    EXPECT_EQ(tap.front()->record.interface(), "memory0");
    EXPECT_EQ(tap.front()->record.time, BootTime{std::chrono::seconds{1000}});
    tap.pop();
    EXPECT_TRUE(equal_bytes(tap.front()->bytes, sent[0]));
    EXPECT_TRUE(tap.front()->record.outbound);
    tap.pop();

    const Bytes unknown = serve(testing::Message{3, 7}.option_address(50, "192.0.2.15"));
    EXPECT_TRUE(equal_bytes(tap.front()->bytes, unknown));
    EXPECT_EQ(*tap.front()->record.drop(), engine::DropReason{engine::Refusal::kUnknownClient});
    tap.pop();

    ASSERT_TRUE(port.inject(Bytes(5), testing::kEth1));
    worker->step();
    EXPECT_EQ(tap.front()->bytes.size(), 5u);
    EXPECT_EQ(*tap.front()->record.drop(), engine::DropReason{FrameError::kTruncatedEthernet});
    tap.pop();

    worker->taps().detach(tap);
    EXPECT_TRUE(worker->taps().empty());
    serve(testing::Message{1, 1});
    EXPECT_FALSE(tap.front());
}

TEST_F(TapSetTest, FiltersByClientInterfaceAndFate) {
    Tap client{{.interface = {}, .hw_address = testing::mac(2)}};
    Tap here{{.interface = "memory0", .hw_address = {}}};
    Tap elsewhere{{.interface = "eth9", .hw_address = {}}};
    Tap dropped{{.interface = {}, .hw_address = {}, .only_dropped = true}};
    for (Tap* const tap : {&client, &here, &elsewhere, &dropped}) {
        worker->taps().attach(*tap);
    }
    serve(testing::Message{1, 1});
    serve(testing::Message{1, 2});
    serve(testing::Message{3, 7}.option_address(50, "192.0.2.15"));
    EXPECT_EQ(client.taken(), 2u);
    EXPECT_EQ(here.taken(), 5u);
    EXPECT_EQ(elsewhere.taken(), 0u);
    EXPECT_EQ(dropped.taken(), 1u);
    worker->taps().detach(here);
    serve(testing::Message{1, 2});
    EXPECT_EQ(here.taken(), 5u);
    EXPECT_EQ(client.taken(), 4u);
}

}  // namespace
}  // namespace xdhcpd::worker
