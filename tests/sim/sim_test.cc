// The simulation over many seeds, and the proof that it would notice.
//
// By hand: XDHCPD_SIM_SEED=n runs that one, XDHCPD_SIM_SECONDS=s as many as fit, from
// XDHCPD_SIM_BASE on, XDHCPD_SIM_STEPS=n makes each longer or shorter,
// XDHCPD_SIM_EVENTS=n (up to 4096) shows more of a history that ends badly.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <set>
#include <string>

#include "sim/simulation.h"

namespace xdhcpd::sim {
namespace {

constexpr std::uint64_t kBase = 20'260'000'000;
constexpr std::uint64_t kSteps = 6'000;
constexpr std::uint64_t kBatches = 8;
// Under a sanitizer each takes several times as long, and looks for other things.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::uint64_t kSeedsPerBatch = 40;
#else
constexpr std::uint64_t kSeedsPerBatch = 150;
#endif

[[nodiscard]] std::uint64_t setting(const char* name, std::uint64_t otherwise) {
    const char* const text = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): one thread
    return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

[[nodiscard]] std::uint64_t steps() {
    return setting("XDHCPD_SIM_STEPS", kSteps);
}

[[nodiscard]] Report run(std::uint64_t seed, Plant plant = Plant::kNone) {
    return Simulation{seed, plant}.run(steps(), setting("XDHCPD_SIM_EVENTS", 60));
}

// What to say of a run that broke a rule.
[[nodiscard]] std::string told(const Report& report) {
    return report.history + "seed " + std::to_string(report.seed) + ": " + report.violation +
           "\nagain: XDHCPD_SIM_SEED=" + std::to_string(report.seed) +
           " XDHCPD_SIM_STEPS=" + std::to_string(steps()) +
           " xdhcpd_sim_test --gtest_filter=SimByHand.RunsTheSeedsThatAreAskedFor\n";
}

class SimTest : public ::testing::TestWithParam<std::uint64_t> {};

TEST_P(SimTest, NoLeaseIsForgottenAndNoUnitHeldTwice) {
    Statistics sum;
    for (std::uint64_t i = 0; i < kSeedsPerBatch; ++i) {
        const Report report = run(kBase + GetParam() * kSeedsPerBatch + i);
        ASSERT_EQ(report.violation, "") << told(report);
        sum += report.statistics;
    }
    // What did not happen was not tested.
    EXPECT_GT(sum.acks, 100 * kSeedsPerBatch);
    EXPECT_GT(sum.naks, kSeedsPerBatch);
    EXPECT_GT(sum.advertises, 20 * kSeedsPerBatch);
    EXPECT_GT(sum.replies, 50 * kSeedsPerBatch);
    EXPECT_GT(sum.joint_replies, 20 * kSeedsPerBatch);
    EXPECT_GT(sum.power_cuts, kSeedsPerBatch);
    EXPECT_GT(sum.kills, kSeedsPerBatch);
    EXPECT_GT(sum.stops, kSeedsPerBatch / 2);
    EXPECT_GT(sum.disk_faults, kSeedsPerBatch);
    EXPECT_GT(sum.merges, kSeedsPerBatch / 2);
    EXPECT_GT(sum.reloads, kSeedsPerBatch);
    EXPECT_GT(sum.audited, 10 * kSeedsPerBatch);
    EXPECT_GT(sum.handed_over, 100 * kSeedsPerBatch);
    EXPECT_GT(sum.refused_ways, kSeedsPerBatch);
    EXPECT_GT(sum.died_abroad, kSeedsPerBatch);
}
INSTANTIATE_TEST_SUITE_P(Seeds, SimTest, ::testing::Range(std::uint64_t{0}, kBatches));

TEST(SimByHand, RunsTheSeedsThatAreAskedFor) {
    const std::uint64_t only = setting("XDHCPD_SIM_SEED", 0);
    const std::chrono::seconds time{setting("XDHCPD_SIM_SECONDS", 0)};
    if (only == 0 && time.count() == 0) {
        GTEST_SKIP() << "set XDHCPD_SIM_SEED or XDHCPD_SIM_SECONDS";
    }
    const auto end = std::chrono::steady_clock::now() + time;
    Statistics sum;
    std::uint64_t failures = 0;
    std::uint64_t seed = only != 0 ? only : setting("XDHCPD_SIM_BASE", kBase + 1'000'000);
    do {
        const Report report = run(seed++);
        sum += report.statistics;
        if (!report.violation.empty()) {
            ++failures;
            ADD_FAILURE() << told(report);
        }
    } while (only == 0 && failures < setting("XDHCPD_SIM_FAILURES", 5) &&
             std::chrono::steady_clock::now() < end);
    std::cout << sum.text();
}

TEST(SimDeterminismTest, EqualSeedsMakeEqualHistories) {
    std::set<std::uint64_t> hashes;
    for (std::uint64_t seed = kBase; seed < kBase + 10; ++seed) {
        const Report first = run(seed);
        const Report second = run(seed);
        EXPECT_EQ(first.hash, second.hash) << "seed " << seed;
        hashes.insert(first.hash);
    }
    EXPECT_EQ(hashes.size(), 10u) << "different seeds make different histories";
}

// The controls: a server with that fault must be found out.
class PlantTest : public ::testing::TestWithParam<Plant> {};

TEST_P(PlantTest, IsFoundOut) {
    std::uint64_t found_out = 0;
    constexpr std::uint64_t kRuns = 30;
    for (std::uint64_t seed = kBase; seed < kBase + kRuns; ++seed) {
        const Report report = run(seed, GetParam());
        const bool is_start = report.violation.starts_with("a start was refused");
        found_out += report.violation.empty() || is_start ? 0 : 1;
    }
    EXPECT_GE(found_out, kRuns / 3);
}
INSTANTIATE_TEST_SUITE_P(
    Faults, PlantTest,
    ::testing::Values(Plant::kSyncsDoNothing, Plant::kNewestSegmentLost, Plant::kRepliesBeforeSync,
                      Plant::kOldStatesWin, Plant::kLeasesEndAtCrash, Plant::kWorkersShareNoBits,
                      Plant::kOneShardForgotten, Plant::kClockAhead, Plant::kReceiversDecide,
                      Plant::kMessagesLost, Plant::kOwnersDoNotWait, Plant::kOneRecordPerReply),
    [](const ::testing::TestParamInfo<Plant>& plant) { return std::string{name(plant.param)}; });

}  // namespace
}  // namespace xdhcpd::sim
