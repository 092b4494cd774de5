// Tells of workers that stand still, and that they move again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "base/time.h"
#include "control/server_state.h"

namespace xdhcpd::control {

class WorkerWatch {
  public:
    WorkerWatch(std::size_t worker_count, BootTime now)
        : progress_(worker_count, Progress{0, now, false}) {}

    // Control thread: logs each change since the last look.
    void look(const ServerState& state, BootTime current);
    // Any thread. Names the first worker that stands still; empty if all move.
    [[nodiscard]] std::string find_standstill(BootTime current) const;

  private:
    struct Progress {
        std::uint64_t count = 0;  // grows as long as the worker moves
        BootTime since;
        bool stands_still = false;
    };
    mutable std::mutex mutex_;  // over what follows
    std::vector<Progress> progress_;
};

}  // namespace xdhcpd::control
