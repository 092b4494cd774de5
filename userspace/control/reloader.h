// Reloader: puts a configuration, or a host that has changed, in force. Control thread, but for the
// counts.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "base/time.h"
#include "control/control.h"
#include "control/server_state.h"
#include "model/configuration.h"
#include "model/host_state.h"

namespace xdhcpd::control {

class Reloader {
  public:
    // Takes what the first snapshot was made from out of `state`, which outlives this.
    explicit Reloader(ServerState& state);

    // See Control::reload().
    ReloadOutcome reload(bool dry_run);
    // Reads the host if that has not been done for a while, or what is in force is not certain.
    void watch_host(BootTime current);
    // Reads it now, and publishes a new snapshot if it has changed.
    void read_host(BootTime current);

    // Any thread.
    [[nodiscard]] std::uint64_t ok_count() const noexcept {
        return ok_count_.load(std::memory_order_relaxed);
    }
    [[nodiscard]] std::uint64_t failed_count() const noexcept {
        return failed_count_.load(std::memory_order_relaxed);
    }

  private:
    [[nodiscard]] ReloadOutcome attempt(bool dry_run);
    void find_leases_outside(const model::Configuration& configuration,
                             ReloadOutcome& outcome) const;
    [[nodiscard]] std::string find_overlap(const model::Configuration& configuration) const;
    // Makes sure that no worker leases addresses any more that go over to another subnet of
    // `wanted`. Empty, or why that is not so; then the configuration in force is published again.
    [[nodiscard]] std::string hand_over(const model::Configuration& wanted,
                                        const model::HostState& host);
    // Whether every worker uses the newest snapshot; waits for them, but no longer than kFenceTime.
    [[nodiscard]] bool wait_for_workers();
    // Makes a snapshot, carries its policy into the store and publishes it. Returns what it warns
    // of.
    std::vector<std::string> publish(const model::Configuration& configuration,
                                     const model::HostState& host, bool tell_drivers = true);
    // Likewise, and remembers what is in force now.
    std::vector<std::string> put_in_force(model::Configuration configuration,
                                          const model::HostState& host);
    void tell_of_host(const model::HostState& host) const;
    // Opens units that were closed until another space let them go.
    void open_withheld(BootTime current);
    // Adds what is not advertised any more to the snapshot.
    void take_back(const model::Configuration& configuration, model::Snapshot& snapshot);
    [[nodiscard]] std::uint64_t unix_time() const noexcept;

    ServerState& state_;
    model::HostState host_;  // of the newest snapshot, what matters of it
    // Snapshot and bitmaps are not, or not certainly, what the configuration in force says: a
    // reload is on its way, or an exception ended it, and then the next tick() publishes again.
    bool unsettled_ = false;
    bool withheld_ = false;  // some are: see model::apply_policy()
    BootTime policy_applied_;
    BootTime host_read_;
    std::string host_error_;                  // reported last
    std::string advertised_error_;            // likewise
    std::vector<std::string> host_warnings_;  // of the newest snapshot

    std::atomic<std::uint64_t> ok_count_{0};
    std::atomic<std::uint64_t> failed_count_{0};
};

}  // namespace xdhcpd::control
