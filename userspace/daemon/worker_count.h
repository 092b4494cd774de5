// How many workers there are, and what each of them gets. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "host/processors.h"

namespace xdhcpd::daemon {

struct WorkerCount {
    std::uint32_t count = 1;
    std::string reason;  // "auto: 2 queues of fast drivers, 8 processors"
};

// `configured`: `workers:` of the configuration, none for auto. `queue_count`: queues that drivers
// with a socket for each will serve. A worker without a queue would only take over what another
// receives, which gains little for a whole processor.
[[nodiscard]] WorkerCount choose_worker_count(std::optional<std::uint32_t> configured,
                                              std::uint64_t queue_count,
                                              const host::Processors& processors);

// What a restart would change of `current` workers under `workers: auto`, for people; empty when
// it would bring no more of them. `queue_count`: queues that such drivers serve now.
[[nodiscard]] std::string advise_restart(const WorkerCount& current, std::uint64_t queue_count,
                                         const host::Processors& processors);

// How many of `total` clients one of `count` shards has room for: its part, and something more,
// since clients do not spread exactly evenly. That all together know no more than `total` is the
// matter of lease::ClientLimit.
[[nodiscard]] std::uint32_t clients_per_shard(std::uint32_t total, std::uint32_t count);
// Likewise of bytes of side memory.
[[nodiscard]] std::uint64_t side_memory_per_shard(std::uint64_t total, std::uint32_t count);

}  // namespace xdhcpd::daemon
