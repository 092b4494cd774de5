// Hooks: tells the commands of `hooks:` what happens to routes, each in order and one event after
// another; no hook waits for another one. Control thread; never blocks but in stop().
#pragma once

#include <poll.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/addresses.h"
#include "base/time.h"
#include "control/delegated_routes.h"
#include "control/hook_queue.h"
#include "control/hook_runner.h"
#include "control/log_budget.h"
#include "model/configuration.h"

namespace xdhcpd::control {

struct HookStatus {
    model::HookConfiguration configuration;
    std::uint64_t ok = 0;
    std::uint64_t failed = 0;
    std::uint64_t timeout = 0;
    std::uint64_t lost = 0;
    std::size_t queue_length = 0;
    bool is_catching_up = false;            // not yet told of all present routes
    std::optional<double> running_seconds;  // of the run that goes on
    std::string last_problem;               // how the last run that was not ok ended
};

class Hooks {
  public:
    using Log = std::function<void(model::LogLevel, const std::string&)>;

    explicit Hooks(Log log, std::size_t queue_capacity = HookQueue::kCapacity);
    Hooks(const Hooks&) = delete;
    Hooks& operator=(const Hooks&) = delete;
    ~Hooks();

    // A hook whose command stays goes on with what it has; a new one is told of all routes. What
    // runs for one that is gone ends by itself or by its timeout.
    void configure(const std::vector<model::HookConfiguration>& wanted);
    [[nodiscard]] bool any() const noexcept { return !hooks_.empty(); }
    // Whether something runs or waits for it.
    [[nodiscard]] bool is_busy() const noexcept;

    // A lease wants this route, or (null) none does any more.
    void note(const Ipv6Prefix& prefix, const DelegatedRoute* route);
    // From here on each hook is told once of all routes that there are, however many: they are
    // taken from there as the hook gets on, so that they do not fill its queue.
    void tell_all();
    // Ends, starts and feeds runs.
    void tick(const DelegatedRoutes& routes, BootTime now);
    // So that the next run begins as soon as one ends.
    void append_poll_fds(std::vector<pollfd>& fds) const;
    // Ends all runs: those that do not end by themselves within a second get SIGTERM, then SIGKILL.
    // What waits is dropped. Takes kStopTime at most.
    void stop();

    [[nodiscard]] std::vector<HookStatus> status(BootTime now) const;

    static constexpr std::chrono::seconds kStopTime{4};

  private:
    struct Hook;

    void look_at_run(Hook& hook, BootTime now);
    void feed(Hook& hook, const DelegatedRoutes& routes) const;
    void start_next(Hook& hook, BootTime now);
    void complain(Hook& hook, BootTime now, const std::string& problem);

    Log log_;
    std::size_t queue_capacity_;
    std::vector<std::unique_ptr<Hook>> hooks_;
    std::vector<std::unique_ptr<Hook>> leaving_;  // not configured any more; one run
};

}  // namespace xdhcpd::control
