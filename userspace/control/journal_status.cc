#include "control/journal_status.h"

#include <chrono>
#include <string_view>

namespace xdhcpd::control {
namespace {

using metrics::Family;
using prometheus::MetricType;

// A sync that takes longer is a disk that has a problem.
constexpr std::chrono::seconds kStallTime{1};

[[nodiscard]] double to_seconds_of(std::chrono::nanoseconds time) noexcept {
    return std::chrono::duration<double>(time).count();
}

[[nodiscard]] bool is_stalled(const journal::JournalHealth& health) noexcept {
    return health.sync_running > kStallTime;
}

}  // namespace

nlohmann::json to_json(const journal::JournalHealth& health) {
    return {{"state", health.failing       ? "failing"
                      : is_stalled(health) ? "stalled"
                                           : "ok"},
            {"problem", problem_of(health)},
            {"merge_problem", health.merge_problem},
            {"undurable_records", health.undurable_states},
            {"undurable_bytes", health.undurable_len},
            {"last_sync_seconds", to_seconds_of(health.last_sync)},
            {"longest_sync_seconds", to_seconds_of(health.longest_sync)},
            {"segments", health.segments},
            {"snapshot_time", health.snapshot_stamp},
            {"snapshot_units", health.snapshot_units},
            {"records", health.states},
            {"groups", health.groups},
            {"syncs", health.syncs},
            {"written_bytes", health.written_len},
            {"failures", health.failures},
            {"merges", health.merges},
            {"merge_failures", health.merge_failures}};
}

std::string problem_of(const journal::JournalHealth& health) {
    if (health.failing) {
        return "leases cannot be stored: " + health.problem;
    }
    if (is_stalled(health)) {
        return "leases cannot be stored: the disk has not finished a sync for " +
               std::to_string(
                   std::chrono::duration_cast<std::chrono::seconds>(health.sync_running).count()) +
               " s";
    }
    return {};
}

void add_journal(std::vector<prometheus::MetricFamily>& families,
                 const journal::JournalHealth& health, std::uint64_t unwritten_ends) {
    const auto add = [&families](MetricType type, std::string name, std::string help,
                                 double value) {
        Family family{type, std::move(name), std::move(help)};
        family.add(value);
        families.push_back(family.take());
    };
    const auto number = [](std::uint64_t value) { return static_cast<double>(value); };
    add(MetricType::Gauge, "xdhcpd_journal_failing", "1 while leases cannot be stored",
        problem_of(health).empty() ? 0 : 1);
    add(MetricType::Gauge, "xdhcpd_journal_undurable_records",
        "Records that are not on stable storage yet", number(health.undurable_states));
    add(MetricType::Gauge, "xdhcpd_journal_last_sync_seconds", "Duration of the last fdatasync",
        to_seconds_of(health.last_sync));
    add(MetricType::Gauge, "xdhcpd_journal_longest_sync_seconds",
        "Duration of the longest fdatasync since start", to_seconds_of(health.longest_sync));
    add(MetricType::Gauge, "xdhcpd_journal_segments", "Files of the journal",
        number(health.segments));
    add(MetricType::Counter, "xdhcpd_journal_records_total", "Records written",
        number(health.states));
    add(MetricType::Counter, "xdhcpd_journal_syncs_total", "fdatasync calls, one per group",
        number(health.syncs));
    add(MetricType::Counter, "xdhcpd_journal_written_bytes_total", "Bytes written to the journal",
        number(health.written_len));
    add(MetricType::Counter, "xdhcpd_journal_failures_total", "Writes and syncs that failed",
        number(health.failures));
    add(MetricType::Counter, "xdhcpd_journal_merges_total",
        "Times that closed files were merged into a snapshot", number(health.merges));
    add(MetricType::Counter, "xdhcpd_journal_unwritten_ends_total",
        "Releases and declines that found no room in the journal", number(unwritten_ends));
}

void JournalWatch::look(const ServerState& state) {
    if (!state.parts.journal) {
        return;
    }
    const journal::JournalHealth health = state.parts.journal();
    const std::string problem = problem_of(health);
    if (problem.empty() != problem_.empty()) {
        state.log(problem.empty() ? model::LogLevel::kInfo : model::LogLevel::kError,
                  problem.empty() ? "leases are stored again" : problem);
    }
    if (health.merge_problem.empty() != merge_problem_.empty()) {
        state.log(
            health.merge_problem.empty() ? model::LogLevel::kInfo : model::LogLevel::kWarning,
            health.merge_problem.empty() ? "journal files are merged again" : health.merge_problem);
    }
    problem_ = problem;
    merge_problem_ = health.merge_problem;
}

}  // namespace xdhcpd::control
