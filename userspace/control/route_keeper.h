// RouteKeeper: carries what the workers tell of delegated prefixes to DelegatedRoutes, and from
// there to hooks, and looks at all leases where that is not enough: at the start, when changes were
// lost, and now and then. Does nothing while neither kernel nor hooks are to be told. Control
// thread.
#pragma once

#include <optional>
#include <vector>

#include "base/time.h"
#include "control/delegated_routes.h"
#include "control/server_state.h"

namespace xdhcpd::control {

class RouteKeeper {
  public:
    static constexpr std::chrono::hours kLookAtAll{1};

    explicit RouteKeeper(ServerState& state);

    // While workers run. `host` as it was seen last.
    void tick(const model::HostState& host, BootTime now);
    // The host has changed.
    void on_host();
    [[nodiscard]] const DelegatedRoutes& routes() const noexcept { return routes_; }
    // Whether somebody waits for what leases want.
    [[nodiscard]] bool follows() const noexcept { return follows_; }

  private:
    void look_at_all();
    void look_at(worker::Worker& worker, lease::SpaceId space);

    ServerState& state_;
    DelegatedRoutes routes_;
    std::optional<bool> installs_;  // as the kernel side of routes_ was told; none: not yet
    bool follows_ = false;
    std::vector<model::HostInterface> interfaces_;  // as they were at the last tick
    BootTime looked_at_;                            // while it follows
};

}  // namespace xdhcpd::control
