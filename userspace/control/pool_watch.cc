#include "control/pool_watch.h"

#include <cstdint>
#include <string>
#include <utility>

#include "control/pools6.h"
#include "lease/store.h"

namespace xdhcpd::control {
namespace {

using model::LogLevel;

}  // namespace

void PoolWatch::look(const ServerState& state) {
    was_full_ = std::move(is_full_);
    is_full_.clear();
    const model::Snapshot& snapshot = state.parts.snapshots.newest();
    const lease::Store& store = state.parts.registry.store();
    for (const model::Subnet& subnet : snapshot.subnets) {
        look_at(state, "subnet " + xdhcpd::to_string(subnet.prefix), "addresses", " of its pools",
                store.space(subnet.space));
    }
    // A range of more addresses than the server may lease has more units than that, so it is full
    // only if it is a small one.
    for (const NamedPool6& pool : named_pools(snapshot.ipv6, store)) {
        if (!pool.is_reserved()) {
            look_at(state,
                    "subnet " + xdhcpd::to_string(pool.subnet->prefix) + " pool " + pool.name,
                    pool.length == 128 ? "addresses" : "prefixes", "", *pool.spaces.front());
        }
    }
}

void PoolWatch::look_at(const ServerState& state, const std::string& name, const std::string& units,
                        const std::string& whose, const lease::Space& space) {
    const std::uint32_t pool = space.bitmap().allowed_count();
    if (pool == 0) {
        return;  // nothing to run out of
    }
    const std::uint32_t free = space.bitmap().free_count();
    const auto before = was_full_.find(name);
    const bool was_full = before != was_full_.end() && before->second;
    is_full_.emplace(name, free == 0);
    if (free == 0 && !was_full) {
        state.log(LogLevel::kWarning,
                  name + ": all " + std::to_string(pool) + " " + units + whose + " are taken");
    } else if (free != 0 && was_full) {
        state.log(LogLevel::kInfo, name + ": " + std::to_string(free) + " of " +
                                       std::to_string(pool) + " " + units + " are free again");
    }
}

}  // namespace xdhcpd::control
