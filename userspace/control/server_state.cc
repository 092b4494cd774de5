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

std::string NamedSpace::subnet() const {
    if (!is_ipv6) {
        return xdhcpd::to_string(prefix);
    }
    return subnet6 ? xdhcpd::to_string(*subnet6) : std::string{};
}

ServerState::Clock ServerState::clock() const noexcept {
    return parts.clock != nullptr ? parts.clock : boot_clock;
}

std::vector<NamedSpace> ServerState::named_spaces() const {
    std::vector<NamedSpace> result;
    for (const auto& [prefix, id] : spaces) {
        result.push_back({id, false, prefix, std::nullopt});
    }
    const lease::Store& store = parts.registry.store();
    const model::Snapshot6& ipv6 = parts.snapshots.newest().ipv6;
    for (std::uint32_t value = 0; value < store.space_limit(); ++value) {
        const lease::SpaceId id{static_cast<std::uint16_t>(value)};
        const lease::Space* const space = store.find_space(id);
        if (space == nullptr || !space->has_ipv6_names()) {
            continue;
        }
        const model::SpaceOwner* const owner = ipv6.find_owner(id);
        result.push_back(
            {id,
             true,
             {},
             owner != nullptr ? std::optional{ipv6.subnets[owner->subnet].prefix} : std::nullopt});
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
    description->routes = route_counts;
    description->reconfigure = reconfigure_counts;
    description->hooks = hooks.status(now());
    const std::lock_guard lock{mutex_};
    description_ = std::move(description);
}

std::shared_ptr<const MetricsDescription> ServerState::description() const {
    const std::lock_guard lock{mutex_};
    return description_;
}

}  // namespace xdhcpd::control
