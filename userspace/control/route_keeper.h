// RouteKeeper: carries what the workers tell of delegated prefixes to DelegatedRoutes, and looks at
// all leases where that is not enough: at the start, when changes were lost, and now and then.
// Control thread.
#pragma once

#include <optional>

#include "base/time.h"
#include "control/delegated_routes.h"
#include "control/server_state.h"

namespace xdhcpd::control {

class RouteKeeper {
  public:
    static constexpr std::chrono::hours kLookAtAll{1};

    // Without a kernel there are no routes.
    explicit RouteKeeper(ServerState& state);

    // While workers run. `host` as it was seen last.
    void tick(const model::HostState& host, BootTime now);
    // The host has changed.
    void on_host();
    [[nodiscard]] const DelegatedRoutes* routes() const noexcept {
        return routes_ ? &*routes_ : nullptr;
    }

  private:
    void look_at_all();
    void look_at(worker::Worker& worker, lease::SpaceId space);

    ServerState& state_;
    std::optional<DelegatedRoutes> routes_;
    std::optional<BootTime> looked_at_;  // none: at once
    bool is_on_ = false;
};

}  // namespace xdhcpd::control
