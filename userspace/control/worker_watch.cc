#include "control/worker_watch.h"

#include <chrono>

#include "control/text.h"

namespace xdhcpd::control {
namespace {

// A worker that does not move for so long is out of order: it wakes every 100 ms even without
// packets.
constexpr std::chrono::seconds kWorkerPatience{5};

}  // namespace

void WorkerWatch::look(const ServerState& state, BootTime current) {
    std::vector<std::string> lines;
    {
        const std::lock_guard lock{mutex_};
        for (std::size_t i = 0; i < state.parts.workers.size(); ++i) {
            const worker::WorkerCounters& counters = state.parts.workers[i]->counters();
            const std::uint64_t count = counters.batches.value() + counters.polls.value();
            Progress& progress = progress_[i];
            if (count != progress.count) {
                if (progress.stands_still) {
                    lines.push_back("worker " + std::to_string(i) + " moves again");
                }
                progress = {count, current, false};
            } else if (!progress.stands_still && current - progress.since > kWorkerPatience) {
                progress.stands_still = true;
                lines.push_back("worker " + std::to_string(i) + " stands still since " +
                                whole_seconds(current - progress.since));
            }
        }
    }
    for (const std::string& line : lines) {
        state.log(model::LogLevel::kError, line);
    }
}

std::string WorkerWatch::find_standstill(BootTime current) const {
    const std::lock_guard lock{mutex_};
    for (std::size_t i = 0; i < progress_.size(); ++i) {
        if (progress_[i].stands_still) {
            return "worker " + std::to_string(i) + " stands still since " +
                   whole_seconds(current - progress_[i].since);
        }
    }
    return {};
}

}  // namespace xdhcpd::control
