// ServerState: what commands, reloads and watching share. Belongs to the control thread, but for
// what says otherwise.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/addresses.h"
#include "base/time.h"
#include "control/captures.h"
#include "control/control.h"
#include "control/hooks.h"
#include "control/metrics_page.h"
#include "lease/store.h"
#include "model/snapshot.h"

namespace xdhcpd::control {

// A space of the store and the subnet that it stands for, or is a part of.
struct NamedSpace {
    lease::SpaceId id;
    bool is_ipv6 = false;
    Ipv4Prefix prefix;                  // of DHCPv4
    std::optional<Ipv6Prefix> subnet6;  // of DHCPv6; none: of no subnet now

    // Of DHCPv4.
    [[nodiscard]] Ipv4 address(std::uint32_t index) const noexcept {
        return Ipv4{prefix.address.value + index};
    }
    // For people; empty if there is none.
    [[nodiscard]] std::string subnet() const;
};

class ServerState {
  public:
    using Clock = BootTime (*)() noexcept;

    explicit ServerState(ControlParts given);

    [[nodiscard]] BootTime now() const noexcept { return clock()(); }
    // The one of the parts, or CLOCK_BOOTTIME.
    [[nodiscard]] Clock clock() const noexcept;
    void log(model::LogLevel level, const std::string& text) const { parts.log(level, text); }

    // Those that ever were in a snapshot: of DHCPv4 by prefix, then all of DHCPv6 by their ids.
    [[nodiscard]] std::vector<NamedSpace> named_spaces() const;
    void remember_spaces(const model::Snapshot& snapshot);
    // Frees snapshots that nobody uses. Whether all workers use the newest one.
    [[nodiscard]] bool collect_snapshots();

    // Publishes a snapshot of the same configuration, with what the registry has got meanwhile. Set
    // by the Reloader.
    std::function<void()> remake_snapshot = [] {};

    // From now on no worker is called any more.
    void stop() noexcept {
        stopping_.store(true, std::memory_order_relaxed);
        captures.release_workers();
    }
    // Any thread.
    [[nodiscard]] bool is_stopping() const noexcept {
        return stopping_.load(std::memory_order_relaxed);
    }

    // Makes the description anew, from the newest snapshot and the interfaces as they are.
    void describe_for_metrics();
    // Any thread.
    [[nodiscard]] std::shared_ptr<const MetricsDescription> description() const;

    // As they were last; kept by who has them.
    std::optional<DelegatedRoutes::Counts> route_counts;
    ReconfigureCounts reconfigure_counts;

    ControlParts parts;  // its configuration is the one in force
    Captures captures{parts.workers};
    Hooks hooks{[this](model::LogLevel level, const std::string& text) { log(level, text); }};
    BootTime started;          // never changes
    std::uint32_t generation;  // of the newest snapshot
    std::map<Ipv4Prefix, lease::SpaceId> spaces;

  private:
    std::atomic<bool> stopping_{false};
    mutable std::mutex mutex_;  // over the description
    std::shared_ptr<const MetricsDescription> description_;
};

}  // namespace xdhcpd::control
