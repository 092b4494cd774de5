#include "daemon/worker_count.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "config/limits.h"

namespace xdhcpd::daemon {
namespace {

// The number of clients of a shard is binomial: beyond its share by six times the square root of
// that it is not once in the life of this server.
constexpr double kDeviations = 6;
constexpr std::uint64_t kMinSideMemory = std::uint64_t{64} << 10;

[[nodiscard]] std::string plural(std::uint64_t count, const std::string& what) {
    return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

}  // namespace

WorkerCount choose_worker_count(std::optional<std::uint32_t> configured, std::uint64_t queue_count,
                                const host::Processors& processors) {
    if (configured) {
        return {*configured, "as configured"};
    }
    std::uint64_t limit = processors.allowed;
    std::string reason = "auto: " + plural(queue_count, "queue") + " of fast drivers, " +
                         plural(processors.allowed, "processor");
    if (processors.quota) {
        limit = std::min(limit, static_cast<std::uint64_t>(std::max(*processors.quota, 1.0)));
        std::array<char, 32> text{};
        static_cast<void>(std::snprintf(text.data(), text.size(), "%.4g", *processors.quota));
        reason += std::string{", CPU quota "} + text.data();
    }
    limit = std::min<std::uint64_t>(limit, config::kMaxWorkers);
    return {static_cast<std::uint32_t>(std::clamp<std::uint64_t>(queue_count, 1, limit)),
            std::move(reason)};
}

std::string advise_restart(const WorkerCount& current, std::uint64_t queue_count,
                           const host::Processors& processors) {
    const WorkerCount now = choose_worker_count(std::nullopt, queue_count, processors);
    if (now.count <= current.count) {
        return {};
    }
    return "a restart would make " + plural(now.count, "worker") + " of " +
           std::to_string(current.count) + " (" + now.reason + ")";
}

std::uint32_t clients_per_shard(std::uint32_t total, std::uint32_t count) {
    if (count == 1) {
        return total;
    }
    const double share = static_cast<double>(total) / count;
    const double wanted = std::ceil(share + kDeviations * std::sqrt(share)) + 1;
    return static_cast<std::uint32_t>(std::min(wanted, static_cast<double>(total)));
}

std::uint64_t side_memory_per_shard(std::uint64_t total, std::uint32_t count) {
    return count == 1 ? total : std::max(total / count, kMinSideMemory);
}

}  // namespace xdhcpd::daemon
