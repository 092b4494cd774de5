#include "control/server_state.h"

#include <time.h>

#include <chrono>
#include <utility>

#include "control/pools6.h"
#include "worker/worker.h"

namespace xdhcpd::control {
namespace {

BootTime boot_clock() noexcept {
    timespec time{};
    static_cast<void>(clock_gettime(CLOCK_BOOTTIME, &time));  // cannot fail on Linux >= 2.6.39
    return BootTime{std::chrono::seconds{time.tv_sec} + std::chrono::nanoseconds{time.tv_nsec}};
}

}  // namespace

ServerState::ServerState(ControlParts given)
    : parts{std::move(given)}, started{now()}, generation{parts.snapshots.newest().generation} {
    remember_spaces(parts.snapshots.newest());
    describe_for_metrics();
}

ServerState::Clock ServerState::clock() const noexcept {
    return parts.clock != nullptr ? parts.clock : boot_clock;
}

std::vector<NamedSpace> ServerState::named_spaces() const {
    std::vector<NamedSpace> result;
    for (const auto& [prefix, id] : spaces) {
        result.push_back({prefix, id});
    }
    return result;
}

void ServerState::remember_spaces(const model::Snapshot& snapshot) {
    for (const model::Subnet& subnet : snapshot.subnets) {
        spaces.emplace(subnet.prefix, subnet.space);
    }
}

bool ServerState::collect_snapshots() {
    std::vector<const worker::Announcement*> announcements;
    for (const worker::Worker* const worker : parts.workers) {
        announcements.push_back(&worker->announcement());
    }
    return parts.snapshots.collect(announcements);
}

void ServerState::describe_for_metrics() {
    auto description = std::make_shared<MetricsDescription>();
    for (const model::Subnet& subnet : parts.snapshots.newest().subnets) {
        description->subnets.push_back(
            {xdhcpd::to_string(subnet.prefix), &parts.registry.store().space(subnet.space)});
    }
    for (NamedPool6& pool : named_pools(parts.snapshots.newest().ipv6, parts.registry.store())) {
        description->pools6.push_back({xdhcpd::to_string(pool.subnet->prefix), std::move(pool.name),
                                       pool.length, std::move(pool.spaces)});
    }
    description->interfaces = parts.interfaces();
    const std::lock_guard lock{mutex_};
    description_ = std::move(description);
}

std::shared_ptr<const MetricsDescription> ServerState::description() const {
    const std::lock_guard lock{mutex_};
    return description_;
}

}  // namespace xdhcpd::control
