#include "control/pool_watch.h"

#include <cstdint>
#include <string>
#include <utility>

#include "lease/store.h"

namespace xdhcpd::control {
namespace {

using model::LogLevel;

}  // namespace

void PoolWatch::look(const ServerState& state) {
    std::map<Ipv4Prefix, bool> is_full;
    for (const model::Subnet& subnet : state.parts.snapshots.newest().subnets) {
        const lease::UnitBitmap& bitmap = state.parts.registry.store().space(subnet.space).bitmap();
        const std::uint32_t pool = bitmap.allowed_count();
        if (pool == 0) {
            continue;  // nothing to run out of
        }
        const std::uint32_t free = bitmap.free_count();
        const auto before = is_full_.find(subnet.prefix);
        const bool was_full = before != is_full_.end() && before->second;
        is_full.emplace(subnet.prefix, free == 0);
        const std::string name = "subnet " + xdhcpd::to_string(subnet.prefix);
        if (free == 0 && !was_full) {
            state.log(LogLevel::kWarning,
                      name + ": all " + std::to_string(pool) + " addresses of its pools are taken");
        } else if (free != 0 && was_full) {
            state.log(LogLevel::kInfo, name + ": " + std::to_string(free) + " of " +
                                           std::to_string(pool) + " addresses are free again");
        }
    }
    is_full_ = std::move(is_full);
}

}  // namespace xdhcpd::control
