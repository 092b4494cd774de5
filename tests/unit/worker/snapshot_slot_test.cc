#include "worker/snapshot_slot.h"

#include <gtest/gtest.h>

#include <thread>

namespace xdhcpd::worker {
namespace {

std::unique_ptr<model::Snapshot> snapshot(std::uint32_t generation) {
    auto result = std::make_unique<model::Snapshot>();
    result->generation = generation;
    result->offer_time = generation;
    return result;
}

TEST(SnapshotSlotTest, AnOldSnapshotLivesUntilEveryWorkerHasMovedOn) {
    SnapshotSlot slot;
    Announcement a;
    Announcement b;
    EXPECT_EQ(slot.acquire(a), nullptr);
    slot.publish(snapshot(1));
    EXPECT_EQ(slot.acquire(a)->generation, 1u);
    EXPECT_EQ(slot.acquire(b)->generation, 1u);
    slot.publish(snapshot(2));
    const model::Snapshot* const newest = slot.acquire(a);
    EXPECT_EQ(newest->generation, 2u);
    EXPECT_FALSE(slot.collect({&a, &b}));
    EXPECT_EQ(slot.acquire(b), newest);
    EXPECT_TRUE(slot.collect({&a, &b}));
    EXPECT_EQ(slot.newest().generation, 2u);
}

// Readers must always see a whole snapshot that is not yet freed; the sanitizers watch.
TEST(SnapshotSlotTest, ReadersAndReloadsRaceCleanly) {
    constexpr std::uint32_t kReloads = 2000;
    SnapshotSlot slot;
    slot.publish(snapshot(1));
    std::array<Announcement, 2> announcements;
    for (Announcement& announcement : announcements) {
        static_cast<void>(slot.acquire(announcement));
    }
    std::atomic<bool> wrong{false};
    std::vector<std::thread> readers;
    for (Announcement& announcement : announcements) {
        readers.emplace_back([&] {
            std::uint32_t generation = 0;
            while (generation < kReloads) {
                const model::Snapshot* const seen = slot.acquire(announcement);
                if (seen->offer_time != seen->generation || seen->generation < generation) {
                    wrong = true;
                }
                generation = seen->generation;
            }
        });
    }
    for (std::uint32_t generation = 2; generation <= kReloads; ++generation) {
        slot.publish(snapshot(generation));
        slot.collect({&announcements[0], &announcements[1]});
    }
    for (std::thread& reader : readers) {
        reader.join();
    }
    EXPECT_FALSE(wrong);
    EXPECT_TRUE(slot.collect({&announcements[0], &announcements[1]}));
}

}  // namespace
}  // namespace xdhcpd::worker
