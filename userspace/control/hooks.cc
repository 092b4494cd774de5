#include "control/hooks.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "control/text.h"

namespace xdhcpd::control {
namespace {

using model::HookEvent;
using model::LogLevel;

// Of one hook.
constexpr std::uint32_t kOutputLinesPerMinute = 60;  // of each stream
constexpr std::uint32_t kProblemLinesPerMinute = 6;
// This part of a queue is for what is told of at the start, the rest for news.
constexpr std::size_t kCatchUpPart = 16;
constexpr std::chrono::milliseconds kStopStep{100};
constexpr std::chrono::seconds kStopPatience{1};

[[nodiscard]] HookNews added(const DelegatedRoute& route) {
    return {HookEvent::kRouteAdded, route.prefix, route.next_hop, route.interface, route.vlan};
}

[[nodiscard]] HookRun::Command command_of(const model::HookConfiguration& hook,
                                          const HookNews& news) {
    HookRun::Command command{.arguments = hook.command,
                             .environment = {},
                             .input = {},
                             .timeout = std::chrono::seconds{hook.timeout}};
    nlohmann::ordered_json line = nlohmann::ordered_json::object();
    const auto add = [&](const char* key, const char* variable, std::string value) {
        command.environment.push_back(std::string{variable} + "=" + value);
        line[key] = std::move(value);
    };
    add("event", "XDHCPD_EVENT", std::string{name(news.event)});
    add("prefix", "XDHCPD_PREFIX", to_string(news.prefix));
    if (news.event == HookEvent::kRouteAdded) {
        add("next_hop", "XDHCPD_NEXT_HOP", to_string(news.next_hop));
        add("interface", "XDHCPD_INTERFACE", news.interface);
        if (news.vlan.tagged()) {
            add("vlan", "XDHCPD_VLAN", model::to_string(news.vlan));
        }
    }
    command.input =
        line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
    return command;
}

// "; 3 more were left out before"
[[nodiscard]] std::string left_out_text(std::uint64_t count) {
    return count == 0 ? std::string{} : "; " + std::to_string(count) + " more were left out before";
}

}  // namespace

struct Hooks::Hook {
    Hook(model::HookConfiguration given, std::size_t queue_capacity)
        : configuration{std::move(given)}, queue{queue_capacity} {}

    [[nodiscard]] bool wants(HookEvent event) const {
        return std::ranges::find(configuration.events, event) != configuration.events.end();
    }
    void begin_to_catch_up() {
        is_catching_up = true;
        told_up_to.reset();
        caught_up_lost = queue.lost();
    }
    [[nodiscard]] const std::string& path() const { return configuration.command.front(); }

    model::HookConfiguration configuration;
    HookQueue queue;
    std::unique_ptr<HookRun> run;
    HookNews running;  // while there is a run
    // While routes are told of that were there before: up to which prefix that is done.
    bool is_catching_up = true;
    std::optional<Ipv6Prefix> told_up_to;
    std::uint64_t caught_up_lost = 0;  // what was lost when that began

    std::uint64_t ok = 0;
    std::uint64_t failed = 0;
    std::uint64_t timeout = 0;
    std::uint64_t reported_lost = 0;
    std::string last_problem;
    LogBudget out_budget{kOutputLinesPerMinute};
    LogBudget error_budget{kOutputLinesPerMinute};
    LogBudget problem_budget{kProblemLinesPerMinute};
    LogBudget loss_budget{1};
};

Hooks::Hooks(Log log, std::size_t queue_capacity)
    : log_{std::move(log)}, queue_capacity_{queue_capacity} {}
Hooks::~Hooks() = default;

void Hooks::configure(const std::vector<model::HookConfiguration>& wanted) {
    const bool is_same = std::ranges::equal(
        hooks_, wanted, {}, [](const auto& hook) -> const auto& { return hook->configuration; });
    if (is_same) {
        return;
    }
    decltype(hooks_) next;
    for (const model::HookConfiguration& configuration : wanted) {
        const auto known = std::ranges::find_if(hooks_, [&](const auto& hook) {
            return hook && hook->configuration.command == configuration.command;
        });
        if (known == hooks_.end()) {
            auto hook = std::make_unique<Hook>(configuration, queue_capacity_);
            // One that was taken out and is back: its last run goes on, and the next waits for it.
            const auto left = std::ranges::find_if(leaving_, [&](const auto& other) {
                return other->configuration.command == configuration.command;
            });
            if (left != leaving_.end()) {
                hook->run = std::move((*left)->run);
                hook->running = (*left)->running;
                leaving_.erase(left);
            }
            next.push_back(std::move(hook));
            continue;
        }
        const bool wanted_added = (*known)->wants(HookEvent::kRouteAdded);
        (*known)->configuration = configuration;
        if (!wanted_added) {
            (*known)->begin_to_catch_up();
        }
        next.push_back(std::move(*known));
    }
    for (auto& hook : hooks_) {
        if (hook && hook->run) {
            leaving_.push_back(std::move(hook));
        }
    }
    hooks_ = std::move(next);
}

bool Hooks::is_busy() const noexcept {
    return !leaving_.empty() || std::ranges::any_of(hooks_, [](const auto& hook) {
        return hook->run || hook->queue.size() != 0 || hook->is_catching_up;
    });
}

void Hooks::note(const Ipv6Prefix& prefix, const DelegatedRoute* route) {
    const HookNews news =
        route != nullptr ? added(*route) : HookNews{HookEvent::kRouteRemoved, prefix, {}, {}};
    for (const auto& hook : hooks_) {
        const bool comes_anyway = route != nullptr && hook->is_catching_up &&
                                  (!hook->told_up_to || prefix > *hook->told_up_to);
        if (!hook->wants(news.event)) {
            hook->queue.forget(prefix);  // the contrary, which it has not been told yet
        } else if (!comes_anyway) {
            hook->queue.push(news);
        }
    }
}

void Hooks::tell_all() {
    for (const auto& hook : hooks_) {
        hook->begin_to_catch_up();
    }
}

void Hooks::tick(const DelegatedRoutes& routes, BootTime now) {
    for (const auto& hook : leaving_) {
        look_at_run(*hook, now);
    }
    std::erase_if(leaving_, [](const auto& hook) { return !hook->run; });
    for (const auto& hook : hooks_) {
        look_at_run(*hook, now);
        feed(*hook, routes);
        start_next(*hook, now);
        const std::uint64_t lost = hook->queue.lost();
        if (lost != hook->reported_lost && hook->loss_budget.take(now)) {
            log_(LogLevel::kWarning, "hook " + hook->path() + ": " +
                                         std::to_string(lost - hook->reported_lost) +
                                         " events were lost, there are too many for it");
            hook->reported_lost = lost;
        }
    }
}

void Hooks::look_at_run(Hook& hook, BootTime now) {
    if (!hook.run) {
        return;
    }
    const auto end = hook.run->tick(now, [&](HookStream stream, std::string_view line) {
        const bool is_error = stream == HookStream::kError;
        if (const auto left_out = (is_error ? hook.error_budget : hook.out_budget).take(now)) {
            log_(is_error ? LogLevel::kWarning : LogLevel::kDebug,
                 "hook " + hook.path() + " says: " + std::string{line} + left_out_text(*left_out));
        }
    });
    if (!end) {
        return;
    }
    hook.run.reset();
    switch (end->result) {
        case HookResult::kOk:
            ++hook.ok;
            return;
        case HookResult::kFailed:
            ++hook.failed;
            break;
        case HookResult::kTimeout:
            ++hook.timeout;
            break;
    }
    complain(hook, now, end->detail);
}

void Hooks::feed(Hook& hook, const DelegatedRoutes& routes) const {
    if (!hook.wants(HookEvent::kRouteAdded)) {
        hook.is_catching_up = false;
        return;
    }
    const std::size_t enough = queue_capacity_ / kCatchUpPart;
    // What was lost of routes that still are is told after all.
    if (!hook.is_catching_up && hook.queue.lost() != hook.caught_up_lost &&
        hook.queue.size() < enough) {
        hook.begin_to_catch_up();
    }
    while (hook.is_catching_up && hook.queue.size() < enough) {
        const DelegatedRoute* const route = routes.next_wanted(hook.told_up_to);
        if (route == nullptr) {
            hook.is_catching_up = false;
            return;
        }
        hook.queue.push(added(*route));
        hook.told_up_to = route->prefix;
    }
}

// One that cannot be started has had its event: the next one comes with the next tick.
void Hooks::start_next(Hook& hook, BootTime now) {
    if (hook.run) {
        return;
    }
    auto news = hook.queue.pop();
    if (!news) {
        return;
    }
    hook.running = std::move(*news);
    auto run = HookRun::start(command_of(hook.configuration, hook.running), now);
    if (run) {
        hook.run = std::move(*run);
        return;
    }
    ++hook.failed;
    complain(hook, now, run.error().message);
}

void Hooks::complain(Hook& hook, BootTime now, const std::string& problem) {
    hook.last_problem = std::string{name(hook.running.event)} + " " +
                        to_string(hook.running.prefix) + ": " + problem;
    if (const auto left_out = hook.problem_budget.take(now)) {
        log_(LogLevel::kWarning,
             "hook " + hook.path() + ": " + hook.last_problem + left_out_text(*left_out));
    }
}

void Hooks::append_poll_fds(std::vector<pollfd>& fds) const {
    for (const auto& hook : hooks_) {
        if (hook->run) {
            fds.push_back({hook->run->fd(), POLLIN, 0});
        }
    }
}

// By a clock that goes on whatever a test does; what counts of it are differences.
void Hooks::stop() {
    const auto clock = [] { return BootTime{std::chrono::steady_clock::now().time_since_epoch()}; };
    const BootTime begun = clock();
    std::vector<Hook*> running;
    for (auto* const list : {&hooks_, &leaving_}) {
        for (const auto& hook : *list) {
            if (hook->run) {
                running.push_back(hook.get());
            }
        }
    }
    while (!running.empty() && clock() - begun < kStopTime) {
        std::vector<pollfd> fds;
        fds.reserve(running.size());
        for (const Hook* const hook : running) {
            fds.push_back({hook->run->fd(), POLLIN, 0});
        }
        static_cast<void>(poll(fds.data(), fds.size(), static_cast<int>(kStopStep.count())));
        const BootTime now = clock();
        for (Hook* const hook : running) {
            if (now - begun >= kStopPatience) {
                hook->run->end_soon(now);
            }
            look_at_run(*hook, now);
        }
        std::erase_if(running, [](const Hook* hook) { return !hook->run; });
    }
    hooks_.clear();  // kills what is left
    leaving_.clear();
}

std::vector<HookStatus> Hooks::status(BootTime now) const {
    std::vector<HookStatus> all;
    for (const auto& hook : hooks_) {
        all.push_back(
            {.configuration = hook->configuration,
             .ok = hook->ok,
             .failed = hook->failed,
             .timeout = hook->timeout,
             .lost = hook->queue.lost(),
             .queue_length = hook->queue.size(),
             .is_catching_up = hook->is_catching_up,
             .running_seconds =
                 hook->run ? std::optional{to_seconds(now - hook->run->started())} : std::nullopt,
             .last_problem = hook->last_problem});
    }
    return all;
}

}  // namespace xdhcpd::control
