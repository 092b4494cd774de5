// The whole journal, with its threads, on a real directory.
#include "journal/journal.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "journal/directory.h"
#include "journal/posix_files.h"
#include "states.h"

namespace xdhcpd::journal {
namespace {

using namespace std::chrono_literals;
using Versions = std::map<std::uint32_t, std::uint32_t>;

class JournalTest : public testing::Test {
  protected:
    JournalTest() {
        std::string name = testing::TempDir() + "xdhcpd-journal-XXXXXX";
        EXPECT_NE(mkdtemp(name.data()), nullptr);
        options_.directory = name + "/state";
        root_ = name;
        options_.segment_len = std::uint64_t{256} << 10;
        options_.compact_at = 2;
    }
    ~JournalTest() override {
        journal_.reset();
        std::filesystem::remove_all(root_);
    }

    void open() {
        journal_.reset();
        told_.clear();
        found_ = Recovery{};
        auto journal = Journal::open(
            options_, files_,
            [this](const UnitState& state) {
                EXPECT_TRUE(is_genuine(state));
                told_[unit_of(state)] = state.version;
            },
            found_);
        ASSERT_TRUE(journal) << journal.error().message;
        journal_ = std::move(*journal);
    }
    // Waits with a bound.
    template <typename Condition>
    [[nodiscard]] static bool eventually(const Condition& condition) {
        const auto end = std::chrono::steady_clock::now() + 30s;
        while (!condition()) {
            if (std::chrono::steady_clock::now() > end) {
                return false;
            }
            std::this_thread::sleep_for(1ms);
        }
        return true;
    }
    // Appends from a worker's place, waiting for room.
    static std::uint64_t put(Ring& ring, std::uint32_t unit, std::uint32_t version) {
        EXPECT_TRUE(eventually([&] { return ring.has_room(); }));
        const std::uint64_t sequence = ring.append(TestState{unit, version}.view());
        ring.kick();
        return sequence;
    }

    std::string root_;
    JournalOptions options_;
    PosixFiles files_;
    Recovery found_;
    Versions told_;
    std::unique_ptr<Journal> journal_;
};

TEST_F(JournalTest, StatesComeBackAfterARestart) {
    open();
    EXPECT_TRUE(told_.empty());
    EXPECT_EQ(found_.wall_clock_stamp, 0u);
    journal_->start();
    Ring& ring = journal_->ring(0);
    put(ring, 1, 1);
    put(ring, 2, 1);
    const std::uint64_t last = put(ring, 1, 2);
    EXPECT_TRUE(eventually([&] { return ring.durable() >= last; }));
    EXPECT_TRUE(journal_->stop());
    open();
    EXPECT_EQ(told_, (Versions{{1, 2}, {2, 1}}));
    EXPECT_EQ(found_.units, 2u);
    EXPECT_EQ(found_.leased, 2u);
    EXPECT_EQ(found_.records, 3u);
    EXPECT_GT(found_.wall_clock_stamp, 1'700'000'000'000'000'000u);
    EXPECT_TRUE(found_.reports.empty());
}

TEST_F(JournalTest, StopMakesEverythingDurableThatWasHandedOver) {
    open();
    for (std::uint32_t unit = 0; unit < 1000; ++unit) {
        put(journal_->ring(0), unit, 1);
    }
    journal_->start();
    EXPECT_TRUE(journal_->stop());
    open();
    EXPECT_EQ(told_.size(), 1000u);
}

TEST_F(JournalTest, TellsWhenSomethingHasBecomeDurable) {
    options_.ring_count = 3;
    open();
    std::atomic<std::uint32_t> told{99};
    journal_->on_durable([&](std::uint32_t ring) { told.store(ring); });
    journal_->start();
    const std::uint64_t sequence = put(journal_->ring(2), 1, 1);
    EXPECT_TRUE(eventually([&] { return told.load() == 2; }));
    EXPECT_GE(journal_->ring(2).durable(), sequence);
}

TEST_F(JournalTest, AsyncCountsAtOnceAndSyncsWithinASecondOrTwo) {
    options_.durability = Durability::kAsync;
    open();
    journal_->start();
    Ring& ring = journal_->ring(0);
    const std::uint64_t sequence = put(ring, 1, 1);
    EXPECT_GE(ring.durable(), sequence);
    EXPECT_TRUE(eventually([&] { return journal_->health().undurable_states == 0; }));
    EXPECT_GE(journal_->health().syncs, 1u);
    put(ring, 2, 1);
    EXPECT_TRUE(journal_->stop());
    open();
    EXPECT_EQ(told_, (Versions{{1, 1}, {2, 1}}));
}

TEST_F(JournalTest, ADirectoryHasOneUserAndTheOtherIsToldWho) {
    open();
    Recovery found;
    const auto other = Journal::open(
        options_, files_, [](const UnitState&) {}, found);
    ASSERT_FALSE(other);
    EXPECT_NE(other.error().message.find("(process " + std::to_string(getpid()) + ")"),
              std::string::npos)
        << other.error().message;
    journal_.reset();
    open();
}

TEST_F(JournalTest, ADirectoryThatCannotBeIsRefusedByName) {
    options_.directory = root_ + "/missing/state";
    Recovery found;
    const auto journal = Journal::open(
        options_, files_, [](const UnitState&) {}, found);
    ASSERT_FALSE(journal);
    EXPECT_NE(journal.error().message.find(options_.directory), std::string::npos);
}

TEST_F(JournalTest, WhatIsNoFileIsRefusedByNameAndAtOnce) {
    open();
    journal_.reset();
    for (const char* const name : {"segment-0000000001", "snapshot-0000000001", "lock"}) {
        const std::string path = options_.directory + "/" + name;
        std::filesystem::remove(path);
        ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
        Recovery found;
        const auto journal = Journal::open(
            options_, files_, [](const UnitState&) {}, found);
        ASSERT_FALSE(journal) << name;
        EXPECT_NE(journal.error().message.find(path + " is no regular file"), std::string::npos)
            << journal.error().message;
        std::filesystem::remove(path);
    }
    ASSERT_EQ(mkfifo((options_.directory + "/clock").c_str(), 0600), 0);
    EXPECT_FALSE(read_clock(files_, options_.directory));
}

TEST_F(JournalTest, TheFirstSegmentIsPreparedBeforeAnythingIsWritten) {
    options_.segment_len = std::uint64_t{64} << 20;
    open();
    const auto prepared = options_.directory + "/spare-0000000001";
    ASSERT_TRUE(std::filesystem::exists(prepared));
    EXPECT_EQ(std::filesystem::file_size(prepared), std::uint64_t{8} << 20);
    journal_->start();
    Ring& ring = journal_->ring(0);
    const std::uint64_t last = put(ring, 1, 1);
    EXPECT_TRUE(eventually([&] { return ring.durable() >= last; }));
    EXPECT_TRUE(journal_->stop());
    EXPECT_FALSE(std::filesystem::exists(prepared));
    EXPECT_EQ(std::filesystem::file_size(options_.directory + "/segment-0000000002"),
              std::uint64_t{8} << 20);
    open();
    EXPECT_EQ(told_, (Versions{{1, 1}}));
}

TEST_F(JournalTest, AShortSegmentEndsWhereItEnds) {
    options_.segment_len = std::uint64_t{64} << 20;
    open();
    journal_->start();
    Ring& ring = journal_->ring(0);
    std::uint64_t last = 0;
    // 96 bytes and more each: beyond 8 MiB.
    for (std::uint32_t i = 0; i < 120'000; ++i) {
        last = put(ring, i % 1000, i / 1000 + 1);
    }
    EXPECT_TRUE(eventually([&] { return ring.durable() >= last; }));
    EXPECT_TRUE(journal_->stop());
    for (const auto& entry : std::filesystem::directory_iterator{options_.directory}) {
        EXPECT_TRUE(!entry.path().filename().string().starts_with("segment-") ||
                    entry.file_size() <= options_.segment_len)
            << entry.path();
    }
    EXPECT_GE(journal_->health().segments, 2u);
    open();
    EXPECT_EQ(told_.size(), 1000u);
    EXPECT_EQ(told_[0], 120u);
}

TEST_F(JournalTest, SegmentsAreMergedAndUsedAgain) {
    open();
    journal_->start();
    Ring& ring = journal_->ring(0);
    std::uint32_t version = 0;
    const auto fill = [&] {
        ++version;
        for (std::uint32_t unit = 0; unit < 2000; ++unit) {
            put(ring, unit, version);
        }
    };
    for (std::uint64_t merges = 1; merges <= 3; ++merges) {
        for (int i = 0; i < 4; ++i) {  // nearly a megabyte
            fill();
        }
        ASSERT_TRUE(eventually([&] { return journal_->health().merges >= merges; }));
    }
    const JournalHealth health = journal_->health();
    EXPECT_EQ(health.snapshot_units, 2000u);
    EXPECT_GT(health.snapshot_stamp, 1'700'000'000u);
    EXPECT_TRUE(health.merge_problem.empty()) << health.merge_problem;
    const auto count = [&](const std::string& prefix) {
        const auto names = files_.list(options_.directory);
        return std::count_if(names->begin(), names->end(),
                             [&](const std::string& name) { return name.starts_with(prefix); });
    };
    // Once it is quiet there is one snapshot, and a spare to go on with.
    EXPECT_TRUE(eventually(
        [&] { return count("snapshot-") == 1 && count("spare-") >= 1 && count("segment-") <= 3; }));
    EXPECT_TRUE(journal_->stop());
    open();
    EXPECT_TRUE(found_.has_snapshot);
    ASSERT_EQ(told_.size(), 2000u);
    for (const auto& [unit, told] : told_) {
        ASSERT_EQ(told, version) << unit;
    }
}

TEST_F(JournalTest, AnotherSegmentLengthNeedsNoConversion) {
    open();
    journal_->start();
    for (std::uint32_t unit = 0; unit < 5000; ++unit) {
        put(journal_->ring(0), unit, 1);
    }
    EXPECT_TRUE(journal_->stop());
    options_.segment_len = std::uint64_t{1} << 20;
    open();
    EXPECT_EQ(told_.size(), 5000u);
    journal_->start();
    put(journal_->ring(0), 1, 2);
    EXPECT_TRUE(journal_->stop());
    open();
    EXPECT_EQ(told_.at(1), 2u);
}

// Meant for ThreadSanitizer as well: workers, both threads of the journal, and somebody who asks.
TEST_F(JournalTest, ManyWorkersWhileFilesAreMergedAndHealthIsAsked) {
    constexpr std::uint32_t kWorkers = 4;
    constexpr std::uint32_t kUnits = 500;
    constexpr std::uint32_t kVersions = 30;
    options_.ring_count = kWorkers;
    options_.ring_len = std::size_t{64} << 10;
    open();
    std::atomic<std::uint32_t> wakeups{0};
    journal_->on_durable([&](std::uint32_t) { ++wakeups; });
    journal_->start();
    std::vector<std::thread> workers;
    std::atomic<std::uint32_t> running{kWorkers};
    for (std::uint32_t worker = 0; worker < kWorkers; ++worker) {
        workers.emplace_back([&, worker] {
            Ring& ring = journal_->ring(worker);
            std::uint64_t last = 0;
            for (std::uint32_t version = 1; version <= kVersions; ++version) {
                for (std::uint32_t unit = 0; unit < kUnits; ++unit) {
                    last = put(ring, worker * kUnits + unit, version);
                }
            }
            EXPECT_TRUE(eventually([&] { return ring.durable() >= last; }));
            --running;
        });
    }
    while (running.load() != 0) {
        const JournalHealth health = journal_->health();
        EXPECT_FALSE(health.failing) << health.problem;
        EXPECT_TRUE(health.merge_problem.empty()) << health.merge_problem;
        std::this_thread::sleep_for(1ms);
    }
    for (std::thread& worker : workers) {
        worker.join();
    }
    EXPECT_GT(wakeups.load(), 0u);
    EXPECT_EQ(journal_->health().states, std::uint64_t{kWorkers} * kUnits * kVersions);
    EXPECT_TRUE(journal_->stop());
    open();
    EXPECT_EQ(told_.size(), kWorkers * kUnits);
    for (const auto& [unit, version] : told_) {
        ASSERT_EQ(version, kVersions) << unit;
    }
}

}  // namespace
}  // namespace xdhcpd::journal
