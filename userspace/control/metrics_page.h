// The page of /metrics. Any thread: reads counters, and descriptions that nobody changes any more.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "control/control.h"
#include "control/hooks.h"
#include "journal/options.h"
#include "lease/space.h"
#include "worker/worker.h"

namespace xdhcpd::control {

// How Reconfigure does: clients but for `sent` and `refused`, which count messages; since the
// start.
struct ReconfigureCounts {
    std::uint64_t waiting = 0;     // now
    std::uint64_t sent = 0;        // taken by the kernel
    std::uint64_t refused = 0;     // not taken
    std::uint64_t answered = 0;    // renewed or rebound
    std::uint64_t unanswered = 0;  // have not after all transmissions, or their lease has ended
};

// What cannot be read off a counter. Immutable once shared; made anew by the control thread.
struct MetricsDescription {
    struct Subnet {
        std::string name;  // "10.77.0.0/16"
        const lease::Space* space;
    };
    // Of an IPv6 subnet; see NamedPool6.
    struct Pool6 {
        std::string subnet;
        std::string name;
        std::uint8_t length = 128;
        std::vector<const lease::Space*> spaces;
    };
    std::vector<Subnet> subnets;
    std::vector<Pool6> pools6;
    std::vector<InterfaceStatus> interfaces;
    std::optional<DelegatedRoutes::Counts> routes;  // none: they are not kept
    ReconfigureCounts reconfigure;
    std::vector<HookStatus> hooks;
};

struct MetricsInput {
    const std::vector<worker::Worker*>& workers;
    const MetricsDescription& description;
    double uptime_seconds = 0;
    std::uint64_t reloads_ok = 0;
    std::uint64_t reloads_failed = 0;
    std::optional<journal::JournalHealth> journal;  // none: leases are in memory only
};

[[nodiscard]] std::string format_metrics(const MetricsInput& input);

// Counts of a worker that fit each other, read while it goes on: received = answered + explained +
// in flight.
struct Accounts {
    std::uint64_t received = 0;
    std::uint64_t answered = 0;
    std::uint64_t explained = 0;
    std::uint64_t in_flight = 0;
};
[[nodiscard]] Accounts accounts_of(const worker::WorkerCounters& counters) noexcept;

}  // namespace xdhcpd::control
