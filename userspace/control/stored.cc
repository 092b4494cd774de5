#include "control/stored.h"

#include <chrono>
#include <cstdint>
#include <thread>

namespace xdhcpd::control {
namespace {

// A group of records is written in milliseconds; the control thread has others to serve.
constexpr std::chrono::seconds kLongest{2};
constexpr std::chrono::milliseconds kStep{1};

[[nodiscard]] bool is_stored(worker::Worker& worker, std::uint64_t record) {
    bool stored = false;
    worker.call([&] { stored = worker.is_stored(record); });
    return stored;
}

}  // namespace

std::optional<std::string> await_stored(const ServerState& state) {
    const auto deadline = std::chrono::steady_clock::now() + kLongest;
    for (worker::Worker* const worker : state.parts.workers) {
        std::uint64_t record = 0;
        worker->call([&] { record = worker->last_record(); });
        while (!is_stored(*worker, record)) {
            if (state.parts.journal) {
                if (const journal::JournalHealth health = state.parts.journal(); health.failing) {
                    return "stable storage fails: " + health.problem;
                }
            }
            if (std::chrono::steady_clock::now() >= deadline) {
                return "stable storage does not answer";
            }
            std::this_thread::sleep_for(kStep);
        }
    }
    return std::nullopt;
}

}  // namespace xdhcpd::control
