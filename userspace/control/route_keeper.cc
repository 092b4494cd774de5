#include "control/route_keeper.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "worker/route_changes.h"
#include "worker/worker.h"

namespace xdhcpd::control {
namespace {

[[nodiscard]] DelegatedRoute to_route(const worker::RouteChange& change) {
    return {change.prefix, *change.next_hop, std::string{change.interface_name()}, change.vlan};
}

}  // namespace

RouteKeeper::RouteKeeper(ServerState& state)
    : state_{state},
      routes_{state.parts.route_kernel,
              [&state](const Ipv6Prefix& prefix, const DelegatedRoute* route) {
                  state.hooks.note(prefix, route);
              }} {}

void RouteKeeper::tick(const model::HostState& host, BootTime now) {
    std::vector<worker::RouteChange> changes;
    bool is_lossy = false;
    for (worker::Worker* const worker : state_.parts.workers) {
        worker->route_changes().take(
            [&changes](const worker::RouteChange& change) { changes.push_back(change); });
        is_lossy = worker->route_changes().take_loss() || is_lossy;
    }
    const model::Dhcp6Configuration& dhcp6 = state_.parts.configuration.dhcp6;
    const bool installs =
        dhcp6.is_on() && dhcp6.delegated_routes && state_.parts.route_kernel.add != nullptr;
    if (installs_ != installs) {
        routes_.tell_kernel(installs);  // the first time, of those of an earlier run too
        installs_ = installs;
    }
    if (!dhcp6.is_on() || !(installs || state_.hooks.any())) {
        if (std::exchange(follows_, false)) {
            routes_.begin_all();
            routes_.end_all();
        }
        return;
    }
    if (!follows_ || is_lossy || now - looked_at_ >= kLookAtAll) {
        if (!std::exchange(follows_, true)) {
            state_.hooks.tell_all();  // as they get on, and not of each as it is found
        }
        looked_at_ = now;
        look_at_all();
    }
    if (const auto same_ways =
            [](const model::HostInterface& a, const model::HostInterface& b) {
                return a.ifindex == b.ifindex && a.name == b.name && a.up == b.up &&
                       a.vlan_of == b.vlan_of && a.vlan_id == b.vlan_id;
            };
        !std::ranges::equal(host.interfaces, interfaces_, same_ways)) {
        interfaces_ = host.interfaces;
        routes_.recheck();
    }
    // A prefix may go from one worker to another meanwhile.
    std::ranges::stable_sort(changes, {}, &worker::RouteChange::time);
    for (const worker::RouteChange& change : changes) {
        if (change.next_hop) {
            routes_.want(to_route(change));
        } else {
            routes_.drop(change.prefix);
        }
    }
    routes_.tick(host, now,
                 [this](const std::string& line) { state_.log(model::LogLevel::kWarning, line); });
}

void RouteKeeper::on_host() {
    routes_.recheck();
}

// In slices, as everything that looks at leases.
void RouteKeeper::look_at(worker::Worker& worker, lease::SpaceId space) {
    std::vector<worker::RouteChange> slice;
    std::uint32_t from = 0;
    while (from != lease::Shard::kWalkEnd) {
        slice.clear();
        slice.reserve(Control::kSliceLen);  // here, so that the worker need not
        worker.call([&] {
            const lease::Shard& shard = worker.shard();
            from = shard.walk(space, from, Control::kSliceLen,
                              [&](lease::Unit unit, const lease::Record& /*record*/) {
                                  if (const auto route = worker::route_of(shard, unit)) {
                                      slice.push_back(*route);
                                  }
                              });
        });
        for (const worker::RouteChange& route : slice) {
            routes_.want(to_route(route));
        }
    }
}

void RouteKeeper::look_at_all() {
    routes_.begin_all();
    const lease::Store& store = state_.parts.registry.store();
    for (std::uint32_t id = 0; id < store.space_limit(); ++id) {
        const lease::SpaceId space{static_cast<std::uint16_t>(id)};
        const lease::Space* const found = store.find_space(space);
        if (found == nullptr || found->kind() != lease::SpaceKind::kIpv6Prefix) {
            continue;
        }
        for (worker::Worker* const worker : state_.parts.workers) {
            look_at(*worker, space);
        }
    }
    routes_.end_all();
}

}  // namespace xdhcpd::control
