// The journal on a disk that fails at any call, or loses its power at any call. All calls, not a
// sample: the workload is counted first, then run once for each.
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/random.h"
#include "journal/committer.h"
#include "journal/directory.h"
#include "journal/journal.h"
#include "journal/merger.h"
#include "journal/recovery.h"
#include "states.h"
#include "support/faulty_files.h"

namespace xdhcpd::journal {
namespace {

using namespace std::chrono_literals;
using Loss = FaultyFiles::Loss;
using Versions = std::map<std::uint32_t, std::uint32_t>;  // of units

const std::string directory = "state";

JournalOptions options() {
    JournalOptions options;
    options.directory = directory;
    options.segment_len = std::uint64_t{64} << 10;  // so that the workload fills several
    options.compact_at = 2;
    options.wall_clock = [] { return std::uint64_t{1'700'000'000'000'000'000}; };
    return options;
}

// A journal whose threads are steps of the test, so that every run makes the same calls.
class Steps {
  public:
    // nullopt if the disk refuses.
    [[nodiscard]] static std::unique_ptr<Steps> open(FaultyFiles& files,
                                                     const JournalOptions& options,
                                                     Versions& told) {
        told.clear();
        auto lock = files.lock(path_of(directory, kLockName));
        if (!lock) {
            return nullptr;
        }
        Recovery found;
        auto recovered = recover(
            files, options,
            [&](const UnitState& state) {
                EXPECT_TRUE(is_genuine(state));
                EXPECT_TRUE(told.emplace(unit_of(state), state.version).second);
            },
            found);
        if (!recovered) {
            last_refusal() = recovered.error().message;
            return nullptr;
        }
        const std::vector<std::byte> tail = std::move(recovered->tail);
        const std::vector<std::string> obsolete = std::move(recovered->obsolete);
        std::unique_ptr<Steps> steps{
            new Steps{files, options, std::move(*lock), std::move(*recovered)}};
        if (const Status adopted = steps->committer_.adopt(tail, obsolete); !adopted) {
            last_refusal() = adopted.error().message;
            return nullptr;
        }
        return steps;
    }
    static std::string& last_refusal() {
        static std::string sentence;
        return sentence;
    }

    // The next version of the unit, from one of two workers.
    void append(std::uint32_t unit, std::uint32_t version) {
        const std::size_t ring = unit % rings_.size();
        waiting_.push_back(
            {unit, version, ring, rings_[ring]->append(TestState{unit, version}.view())});
    }
    void turn() {
        for (const auto& ring : rings_) {
            ring->kick();
        }
        now_ += 10ms;
        committer_.turn(now_);
    }
    void merge() { merger_.turn(now_); }
    // Goes on until everything is durable, for two minutes of the test's clock.
    [[nodiscard]] bool finish() {
        for (int i = 0; i < 1200; ++i) {
            now_ += 100ms;
            if (committer_.finish(now_)) {
                return true;
            }
        }
        return false;
    }
    // What may be acknowledged now.
    void collect(Versions& acknowledged) {
        std::erase_if(waiting_, [&](const Waiting& one) {
            if (rings_[one.ring]->durable() < one.sequence) {
                return false;
            }
            auto& version = acknowledged[one.unit];
            version = std::max(version, one.version);
            return true;
        });
    }
    [[nodiscard]] JournalHealth health() const {
        JournalHealth health;
        committer_.add_health(health);
        merger_.add_health(health);
        return health;
    }
    [[nodiscard]] bool has_room() { return rings_[0]->has_room() && rings_[1]->has_room(); }

  private:
    struct Waiting {
        std::uint32_t unit;
        std::uint32_t version;
        std::size_t ring;
        std::uint64_t sequence;
    };
    Steps(FaultyFiles& files, const JournalOptions& options, std::unique_ptr<File> lock,
          Recovered recovered)
        : options_{options},
          lock_{std::move(lock)},
          chain_{std::move(recovered.chain)},
          committer_{options_, files, chain_, rings_, recovered.last},
          merger_{options_, files, chain_} {
        for (int i = 0; i < 2; ++i) {
            rings_.push_back(std::make_unique<Ring>(0, false, waker_));
        }
    }

    JournalOptions options_;
    std::unique_ptr<File> lock_;
    Waker waker_;
    Chain chain_;
    std::vector<std::unique_ptr<Ring>> rings_;
    Committer committer_;
    Merger merger_;
    SteadyTime now_{1h};
    std::vector<Waiting> waiting_;
};

struct Outcome {
    Versions acknowledged;
    Versions appended;
    Versions told_again;  // by a second start within the workload
    std::uint64_t merges = 0;
};

// Other seeds than the usual one are for long runs by hand.
std::uint64_t seed() {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody changes the environment
    const char* const text = std::getenv("XDHCPD_TEST_SEED");
    return text != nullptr ? std::strtoull(text, nullptr, 10) : 7;
}

// Two lives of a server with renewals of forty units. Ends early when the power goes.
Outcome run(FaultyFiles& files) {
    Outcome outcome;
    Random random{seed()};
    for (int life = 0; life < 2; ++life) {
        Versions told;
        std::unique_ptr<Steps> steps;
        for (int attempt = 0; steps == nullptr && attempt < 50 && !files.crashed(); ++attempt) {
            steps = Steps::open(files, options(), told);
            if (steps == nullptr) {
                files.release_locks();
            }
        }
        if (steps == nullptr) {
            EXPECT_TRUE(files.crashed()) << Steps::last_refusal();
            return outcome;
        }
        for (const auto& [unit, version] : outcome.acknowledged) {
            EXPECT_GE(told[unit], version) << "unit " << unit << " at the second start";
        }
        for (int i = 0; i < 50 && !files.crashed(); ++i) {
            for (std::uint32_t count = 1 + random.below(12); count != 0 && steps->has_room();
                 --count) {
                const std::uint32_t unit = random.below(40);
                steps->append(unit, ++outcome.appended[unit]);
            }
            steps->turn();
            steps->collect(outcome.acknowledged);
            if (i % 5 == 4) {
                steps->merge();
            }
        }
        if (!files.crashed()) {
            EXPECT_TRUE(steps->finish() || files.crashed()) << steps->health().problem;
            steps->collect(outcome.acknowledged);
        }
        outcome.merges += steps->health().merges;
        steps.reset();
        files.release_locks();
    }
    return outcome;
}

// How many acknowledged states are not there, nor newer ones; -1 if the start was refused.
int lost(FaultyFiles& files, const Outcome& outcome, Versions* told_out = nullptr) {
    Versions told;
    const auto steps = Steps::open(files, options(), told);
    if (steps == nullptr) {
        return -1;
    }
    int count = 0;
    for (const auto& [unit, version] : outcome.acknowledged) {
        count += told[unit] < version ? 1 : 0;
    }
    for (const auto& [unit, version] : told) {
        const auto appended = outcome.appended.find(unit);
        EXPECT_TRUE(version == 0 ||
                    (appended != outcome.appended.end() && version <= appended->second))
            << "unit " << unit << " has a state that nobody appended";
    }
    if (told_out != nullptr) {
        *told_out = told;
    }
    return count;
}

std::uint64_t calls_of_workload() {
    FaultyFiles files;
    const Outcome outcome = run(files);
    EXPECT_GE(outcome.merges, 2u);
    std::size_t appended = 0;
    for (const auto& [unit, version] : outcome.appended) {
        EXPECT_EQ(outcome.acknowledged.at(unit), version);
        appended += version;
    }
    EXPECT_GT(appended, 500u);
    return files.calls();
}

class PowerCutTest : public testing::TestWithParam<Loss> {};

TEST_P(PowerCutTest, NothingAcknowledgedIsLostWhereverThePowerGoes) {
    const std::uint64_t calls = calls_of_workload();
    for (std::uint64_t call = 1; call <= calls; ++call) {
        FaultyFiles files;
        files.crash_at(call);
        const Outcome outcome = run(files);
        Random random{call * 1000 + seed()};
        files.restart(GetParam(), random);
        Versions told;
        ASSERT_EQ(lost(files, outcome, &told), 0)
            << "call " << call << " of " << calls << ": " << Steps::last_refusal();
        // What a start has told is as good as acknowledged: the power goes again at once.
        files.restart(Loss::kAll, random);
        Outcome again = outcome;
        again.acknowledged = told;
        ASSERT_EQ(lost(files, again), 0) << "call " << call << " of " << calls << ", second start";
    }
}

std::string name_of(const testing::TestParamInfo<Loss>& loss) {
    switch (loss.param) {
        case Loss::kNone:
            return "Killed";
        case Loss::kAll:
            return "Lost";
        case Loss::kTorn:
            return "Torn";
        case Loss::kReordered:
            return "Reordered";
    }
    return "";
}
INSTANTIATE_TEST_SUITE_P(Losses, PowerCutTest,
                         testing::Values(Loss::kNone, Loss::kAll, Loss::kTorn, Loss::kReordered),
                         name_of);

TEST(FaultsTest, SurvivesAnyOneCallThatFails) {
    const std::uint64_t calls = calls_of_workload();
    for (const int error : {EIO, ENOSPC}) {
        for (std::uint64_t call = 1; call <= calls; ++call) {
            FaultyFiles files;
            files.fail_calls(call, error);
            const Outcome outcome = run(files);
            for (const auto& [unit, version] : outcome.appended) {
                const auto found = outcome.acknowledged.find(unit);
                ASSERT_TRUE(found != outcome.acknowledged.end() && found->second == version)
                    << "unit " << unit << " did not become durable; call " << call;
            }
            Random random{call * 1000 + seed()};
            files.restart(Loss::kTorn, random);
            ASSERT_EQ(lost(files, outcome), 0)
                << "call " << call << " of " << calls << ": " << Steps::last_refusal();
        }
    }
}

// Journal::open() prepares a segment; without its threads it makes the same calls each time.
TEST(FaultsTest, AFirstStartSurvivesAnyOneCallThatFailsAndAnyPowerCut) {
    const auto start = [](FaultyFiles& files) {
        Recovery found;
        return Journal::open(
                   options(), files, [](const UnitState&) { ADD_FAILURE() << "there is nothing"; },
                   found)
            .has_value();
    };
    FaultyFiles sound;
    ASSERT_TRUE(start(sound));
    ASSERT_TRUE(sound.exists(path_of(directory, spare_name(1))));
    int started_without = 0;
    for (std::uint64_t call = 1; call <= sound.calls(); ++call) {
        FaultyFiles failing;
        failing.fail_calls(call, ENOSPC);
        const bool started = start(failing);
        const auto names = *failing.list(directory);
        if (started && std::find(names.begin(), names.end(), spare_name(1)) == names.end()) {
            ++started_without;
            EXPECT_TRUE(names.empty()) << call << ": " << names.front();
        }
        FaultyFiles cut;
        cut.crash_at(call);
        static_cast<void>(start(cut));
        for (FaultyFiles* const files : {&failing, &cut}) {
            Random random{call};
            files->restart(Loss::kTorn, random);
            EXPECT_TRUE(start(*files)) << call;
        }
    }
    EXPECT_GT(started_without, 3) << "a segment that grows is better than no service";
}

TEST(FaultsTest, SurvivesADiskThatFailsForAWhileAndThenLosesItsPower) {
    const std::uint64_t calls = calls_of_workload();
    for (std::uint64_t call = 1; call <= calls; call += 3) {
        FaultyFiles files;
        files.fail_calls(call, EIO, 2 + call % 30);
        files.crash_at(call + 30 + call % 50);
        const Outcome outcome = run(files);
        Random random{call * 1000 + seed()};
        files.restart(Loss::kReordered, random);
        ASSERT_EQ(lost(files, outcome), 0)
            << "call " << call << " of " << calls << ": " << Steps::last_refusal();
    }
}

// The control: these tests must notice a journal that does not sync.
TEST(FaultsTest, ADiskThatOnlyPretendsToSyncIsFoundOut) {
    const std::uint64_t calls = calls_of_workload();
    std::uint64_t found_out = 0;
    for (std::uint64_t call = 1; call <= calls; ++call) {
        FaultyFiles files;
        files.lie_about_syncs();
        files.crash_at(call);
        const Outcome outcome = run(files);
        Random random{call * 1000 + seed()};
        files.restart(Loss::kAll, random);
        found_out += lost(files, outcome) > 0 ? 1 : 0;
    }
    EXPECT_GT(found_out, calls / 2);
}

// One journal with some durable states, for what does not depend on the call.
class OneFaultTest : public testing::Test {
  protected:
    void SetUp() override {
        Versions told;
        steps_ = Steps::open(files_, options(), told);
        ASSERT_TRUE(steps_);
        put(1, 1);
        steps_->turn();
        steps_->collect(acknowledged_);
        ASSERT_EQ(acknowledged_.at(1), 1u);
    }
    void put(std::uint32_t unit, std::uint32_t version) { steps_->append(unit, version); }
    [[nodiscard]] bool is_acknowledged(std::uint32_t unit) {
        steps_->collect(acknowledged_);
        return acknowledged_.contains(unit);
    }
    [[nodiscard]] std::string segment(std::uint64_t generation) const {
        return path_of(directory, segment_name(generation));
    }

    FaultyFiles files_;
    std::unique_ptr<Steps> steps_;
    Versions acknowledged_;
};

TEST_F(OneFaultTest, AFullDiskAcknowledgesNothingSaysSoAndRecoversWithoutRestart) {
    files_.fail_calls(files_.calls() + 1, ENOSPC, 1'000'000);
    put(2, 1);
    for (int i = 0; i < 500; ++i) {
        steps_->turn();
        ASSERT_FALSE(is_acknowledged(2));
    }
    const JournalHealth failing = steps_->health();
    EXPECT_TRUE(failing.failing);
    EXPECT_EQ(failing.errno_value, ENOSPC);
    EXPECT_NE(failing.problem.find(directory), std::string::npos) << failing.problem;
    EXPECT_EQ(failing.since, 1'700'000'000u);
    EXPECT_EQ(failing.undurable_states, 1u);
    EXPECT_GE(failing.failures, 5u);   // in five seconds: it keeps trying,
    EXPECT_LE(failing.failures, 12u);  // not more than once a second after a while
    files_.fail_calls(0, 0, 0);
    for (int i = 0; i < 110; ++i) {
        steps_->turn();
    }
    EXPECT_TRUE(is_acknowledged(2));
    const JournalHealth well = steps_->health();
    EXPECT_FALSE(well.failing);
    EXPECT_TRUE(well.problem.empty());
    EXPECT_EQ(well.undurable_states, 0u);
}

TEST_F(OneFaultTest, RecoversWithoutNewStatesAsWell) {
    files_.fail_calls(files_.calls() + 1, EROFS, 2);
    put(2, 1);
    steps_->turn();
    EXPECT_TRUE(steps_->health().failing);
    for (int i = 0; i < 110; ++i) {
        steps_->turn();
    }
    EXPECT_FALSE(steps_->health().failing);
    EXPECT_TRUE(is_acknowledged(2));
}

TEST_F(OneFaultTest, AFailedSyncIsNotRetriedOnTheSameFile) {
    files_.fail_calls(files_.calls() + 2, EIO);  // the write, then the sync
    put(2, 1);
    steps_->turn();
    EXPECT_FALSE(is_acknowledged(2));
    for (int i = 0; i < 20; ++i) {
        steps_->turn();
    }
    EXPECT_TRUE(is_acknowledged(2));
    EXPECT_TRUE(files_.exists(segment(2)));
}

TEST_F(OneFaultTest, ARingThatIsFullSaysSoAndGoesOnLater) {
    files_.fail_calls(files_.calls() + 1, EIO, 1'000'000);
    std::uint32_t version = 1;
    while (steps_->has_room()) {
        put(2, version);
        put(3, version++);
    }
    steps_->turn();
    EXPECT_FALSE(steps_->has_room());
    files_.fail_calls(0, 0, 0);
    EXPECT_TRUE(steps_->finish());
    EXPECT_TRUE(steps_->has_room());
    EXPECT_TRUE(is_acknowledged(2));
    EXPECT_EQ(acknowledged_.at(2), version - 1);
}

TEST_F(OneFaultTest, ADirectoryThatIsGoneStopsAcknowledgementsUntilItIsBack) {
    files_.move_away(segment(1), "elsewhere/1");
    put(2, 1);
    steps_->turn();
    EXPECT_FALSE(is_acknowledged(2));
    for (int i = 0; i < 100; ++i) {
        steps_->turn();
    }
    EXPECT_FALSE(is_acknowledged(2));
    EXPECT_NE(steps_->health().problem.find("is gone: nothing is stored until it is put back"),
              std::string::npos)
        << steps_->health().problem;
    files_.move_away("elsewhere/1", segment(1));
    for (int i = 0; i < 110; ++i) {
        steps_->turn();
    }
    EXPECT_TRUE(is_acknowledged(2));
}

TEST_F(OneFaultTest, RotIsRefusedWithFileAndOffset) {
    put(2, 1);
    steps_->turn();  // its group says that the first is durable
    steps_.reset();
    files_.release_locks();
    files_.flip(segment(1), kSegmentHeaderLen + 100);
    Versions told;
    EXPECT_EQ(Steps::open(files_, options(), told), nullptr);
    EXPECT_NE(Steps::last_refusal().find("segment-0000000001, offset 4096"), std::string::npos)
        << Steps::last_refusal();
}

TEST_F(OneFaultTest, AMissingSegmentIsRefused) {
    steps_.reset();
    files_.release_locks();
    Versions told;
    for (std::uint32_t life = 2; life <= 3; ++life) {
        steps_ = Steps::open(files_, options(), told);
        ASSERT_TRUE(steps_);
        put(life, 1);
        steps_->turn();
        steps_.reset();
        files_.release_locks();
    }
    ASSERT_TRUE(files_.exists(segment(3)));
    files_.move_away(segment(2), "elsewhere/2");
    EXPECT_EQ(Steps::open(files_, options(), told), nullptr);
    EXPECT_NE(Steps::last_refusal().find("segment-0000000002 is missing"), std::string::npos)
        << Steps::last_refusal();
}

TEST_F(OneFaultTest, StartsWithoutNewStatesLeaveNothingBehind) {
    for (int life = 0; life < 10; ++life) {
        steps_.reset();
        files_.release_locks();
        Versions told;
        steps_ = Steps::open(files_, options(), told);
        ASSERT_TRUE(steps_);
        EXPECT_EQ(told.at(1), 1u);
        steps_->turn();
    }
    EXPECT_LE(files_.list(directory)->size(), 2u);
}

TEST_F(OneFaultTest, TheLastRoomOnADiskIsNotSpentOnSpares) {
    files_.set_free_len(std::uint64_t{100} << 10);
    steps_->merge();
    EXPECT_NE(steps_->health().merge_problem.find("no spare segment"), std::string::npos);
    EXPECT_NE(steps_->health().merge_problem.find("make room"), std::string::npos);
    files_.set_free_len(std::uint64_t{1} << 30);
    for (int i = 0; i < 120; ++i) {
        steps_->turn();
    }
    steps_->merge();
    EXPECT_TRUE(steps_->health().merge_problem.empty());
    EXPECT_TRUE(files_.exists(path_of(directory, spare_name(2))));
}

TEST_F(OneFaultTest, MergingFailsAloudAndLeasesGoOn) {
    std::uint32_t version = 1;
    const auto fill = [&] {
        for (int i = 0; i < 100; ++i) {
            put(2, ++version);
            steps_->turn();
        }
    };
    fill();
    fill();
    files_.fail_calls(files_.calls() + 1, ENOSPC, 1000);
    steps_->merge();
    files_.fail_calls(0, 0, 0);
    EXPECT_FALSE(steps_->health().failing);
    EXPECT_NE(steps_->health().merge_problem.find("No space"), std::string::npos)
        << steps_->health().merge_problem;
    fill();
    steps_->collect(acknowledged_);
    EXPECT_EQ(acknowledged_.at(2), version);
    for (int i = 0; i < 120; ++i) {
        steps_->turn();
    }
    steps_->merge();
    EXPECT_TRUE(steps_->health().merge_problem.empty()) << steps_->health().merge_problem;
    EXPECT_GE(steps_->health().merges, 1u);
    EXPECT_EQ(steps_->health().snapshot_units, 2u);
}

}  // namespace
}  // namespace xdhcpd::journal
