#include "control/control.h"

#include <atomic>
#include <chrono>
#include <exception>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "control/captures.h"
#include "control/commands.h"
#include "control/journal_status.h"
#include "control/metrics_page.h"
#include "control/pool_watch.h"
#include "control/reconfigurer.h"
#include "control/reloader.h"
#include "control/route_keeper.h"
#include "control/server_state.h"
#include "control/text.h"
#include "control/worker_watch.h"
#include "lease/store.h"

namespace xdhcpd::control {
namespace {

using model::LogLevel;
using nlohmann::json;

// The control thread does not tick for longer than this only if it is out of order; a reload of
// many leases may keep it busy for a while.
constexpr std::chrono::seconds kControlPatience{30};

}  // namespace

class Control::Implementation {
  public:
    explicit Implementation(ControlParts parts)
        : state_{std::move(parts)},
          reloader_{state_},
          route_keeper_{state_},
          reconfigurer_{reconfigurer_parts()},
          worker_watch_{state_.parts.workers.size(), state_.started},
          ticked_{state_.started.time_since_epoch().count()} {}

    [[nodiscard]] CommandContext context() noexcept { return {state_, reloader_, reconfigurer_}; }
    [[nodiscard]] ServerState& state() noexcept { return state_; }
    [[nodiscard]] Reloader& reloader() noexcept { return reloader_; }
    void tick();
    void look_at_host();
    void keep_up();
    [[nodiscard]] bool is_busy() const noexcept {
        return route_keeper_.follows() || state_.hooks.is_busy() ||
               reconfigurer_.counts().waiting != 0;
    }

    [[nodiscard]] std::string metrics_text() const;
    [[nodiscard]] metrics::Health health() const;

  private:
    [[nodiscard]] Reconfigurer::Parts reconfigurer_parts();
    [[nodiscard]] Result<Success, Error> send(const Datagram6& datagram);
    void reconfigure(BootTime current);
    void keep_keyring(BootTime current);

    ServerState state_;
    Reloader reloader_;
    RouteKeeper route_keeper_;
    Reconfigurer reconfigurer_;
    std::string keyring_problem_;  // logged last
    PoolWatch pool_watch_;
    WorkerWatch worker_watch_;
    JournalWatch journal_watch_;
    std::atomic<BootTime::rep> ticked_;
};

void Control::Implementation::tick() {
    const BootTime current = state_.now();
    ticked_.store(current.time_since_epoch().count(), std::memory_order_relaxed);
    if (state_.is_stopping()) {
        return;
    }
    try {
        static_cast<void>(state_.collect_snapshots());
        for (const CaptureStatus& one : state_.captures.collect()) {
            state_.log(LogLevel::kInfo, describe(one) +
                                            " has ended: " + std::to_string(one.packets) +
                                            " packets, " + std::to_string(one.missed) + " missed");
        }
        worker_watch_.look(state_, current);
        journal_watch_.look(state_);
        pool_watch_.look(state_);
        reloader_.watch_host(current);
        keep_keyring(current);
        state_.route_counts =
            route_keeper_.follows() ? std::optional{route_keeper_.routes().counts()} : std::nullopt;
        state_.reconfigure_counts = reconfigurer_.counts();
        state_.describe_for_metrics();
    } catch (
        const std::exception& error) {  // out of memory, most likely: the next tick tries again
        state_.log(LogLevel::kError, error.what());
    }
}

void Control::Implementation::keep_up() {
    if (state_.is_stopping()) {
        return;
    }
    try {
        const BootTime current = state_.now();
        state_.hooks.configure(state_.parts.configuration.hooks);
        route_keeper_.tick(reloader_.host(), current);
        state_.hooks.tick(route_keeper_.routes(), current);
        reconfigure(current);
    } catch (const std::exception& error) {  // likewise
        state_.log(LogLevel::kError, error.what());
    }
}

Reconfigurer::Parts Control::Implementation::reconfigurer_parts() {
    return {.find =
                [this](lease::SpaceId space, std::uint32_t index) {
                    return find_lease(state_.parts.workers, space, index);
                },
            .send = [this](const Datagram6& datagram) { return send(datagram); }};
}

// A client in a VLAN is behind the host's own interface of that.
Result<Success, Error> Control::Implementation::send(const Datagram6& datagram) {
    if (!state_.parts.send_datagram) {
        return Unexpected{Error{0, "there is no DHCPv6 socket"}};
    }
    if (datagram.interface.empty()) {
        return state_.parts.send_datagram(datagram, {});
    }
    const model::HostInterface* const interface =
        reloader_.host().find(datagram.interface, datagram.vlan);
    if (interface == nullptr) {
        return Unexpected{Error{
            0,
            "this host has no interface for " +
                (datagram.vlan.tagged() ? "VLAN " + model::to_string(datagram.vlan) + " of " : "") +
                datagram.interface}};
    }
    return state_.parts.send_datagram(datagram, interface->name);
}

void Control::Implementation::reconfigure(BootTime current) {
    const model::Snapshot6& ipv6 = state_.parts.snapshots.newest().ipv6;
    std::optional<Reconfigurer::Terms> terms;
    if (ipv6.reconfigure) {
        terms = {ipv6.server_duid, *ipv6.reconfigure, ipv6.server_port, ipv6.client_port};
    }
    reconfigurer_.tick(terms, current,
                       [this](const std::string& line) { state_.log(LogLevel::kWarning, line); });
}

void Control::Implementation::keep_keyring(BootTime current) {
    if (state_.parts.reconfigure_keyring == nullptr) {
        return;
    }
    const auto kept = state_.parts.reconfigure_keyring->keep(current);
    const std::string problem = kept ? std::string{} : kept.error().message;
    if (!problem.empty() && problem != keyring_problem_) {
        state_.log(LogLevel::kError,
                   problem + ": after a restart clients may believe no Reconfigure");
    }
    keyring_problem_ = problem;
}

void Control::Implementation::look_at_host() {
    if (state_.is_stopping()) {
        return;
    }
    try {
        reloader_.read_host(state_.now());
        route_keeper_.on_host();
        state_.describe_for_metrics();
    } catch (const std::exception& error) {  // out of memory, most likely: tick() tries again
        state_.log(LogLevel::kError, error.what());
    }
}

// == Any thread ==

std::string Control::Implementation::metrics_text() const {
    const std::shared_ptr<const MetricsDescription> description = state_.description();
    return format_metrics(
        {state_.parts.workers, *description, to_seconds(state_.now() - state_.started),
         reloader_.ok_count(), reloader_.failed_count(),
         state_.parts.journal ? std::optional{state_.parts.journal()} : std::nullopt});
}

metrics::Health Control::Implementation::health() const {
    if (state_.is_stopping()) {
        return {false, "xdhcpd is stopping"};
    }
    const BootTime current = state_.now();
    const BootTime ticked{BootTime::duration{ticked_.load(std::memory_order_relaxed)}};
    if (current - ticked > kControlPatience) {
        return {false, "the control thread stands still since " + whole_seconds(current - ticked)};
    }
    if (std::string standstill = worker_watch_.find_standstill(current); !standstill.empty()) {
        return {false, std::move(standstill)};
    }
    if (state_.parts.journal) {
        if (std::string problem = problem_of(state_.parts.journal()); !problem.empty()) {
            return {false, std::move(problem)};
        }
    }
    const std::shared_ptr<const MetricsDescription> description = state_.description();
    for (const InterfaceStatus& interface : description->interfaces) {
        if (!interface.is_served) {
            return {false, "interface " + interface.name + " is not served: " + interface.detail};
        }
    }
    return {};
}

// == Control ==

Control::Control(ControlParts parts)
    : implementation_{std::make_unique<Implementation>(std::move(parts))} {}
Control::~Control() = default;

json Control::handle(const json& request) {
    try {
        return answer_request(implementation_->context(), request);
    } catch (const std::exception& error) {  // out of memory, most likely
        return failure(error.what());
    }
}

ReloadOutcome Control::reload(bool dry_run) {
    return implementation_->reloader().reload(dry_run);
}

void Control::tick() {
    implementation_->tick();
}

void Control::keep_up() {
    implementation_->keep_up();
}

bool Control::is_busy() const noexcept {
    return implementation_->is_busy();
}

void Control::append_poll_fds(std::vector<pollfd>& fds) const {
    implementation_->state().hooks.append_poll_fds(fds);
}

void Control::look_at_host() {
    implementation_->look_at_host();
}

void Control::stop() noexcept {
    implementation_->state().stop();
}

void Control::stream(std::uint64_t number, FileHandle connection,
                     std::string_view unsent) noexcept {
    begin_capture(implementation_->state(), number, std::move(connection), unsent);
}

void Control::end_streams() {
    implementation_->state().captures.finish();
}

void Control::end_hooks() {
    implementation_->state().hooks.stop();
}

bool Control::stopping() const noexcept {
    return implementation_->state().is_stopping();
}

const model::Configuration& Control::configuration() const noexcept {
    return implementation_->state().parts.configuration;
}

std::string Control::metrics_text() const {
    return implementation_->metrics_text();
}

metrics::Health Control::health() const {
    return implementation_->health();
}

std::string check_room(const model::Configuration& configuration,
                       const model::SpaceRegistry& registry) {
    // Spaces are never removed and occupy whole chunks from the lowest on, so that the sum decides.
    const auto chunks_of = [](std::uint64_t units) {
        return (units + lease::kChunkUnits - 1) / lease::kChunkUnits;
    };
    const lease::Store& store = registry.store();
    std::uint64_t chunks = 1;  // the first is never given out
    std::size_t count = 0;
    for (std::uint32_t id = 0; id < store.space_limit(); ++id) {
        if (const lease::Space* const space =
                store.find_space(lease::SpaceId{static_cast<std::uint16_t>(id)})) {
            chunks += chunks_of(space->unit_count());
            ++count;
        }
    }
    const auto is_full = [&](std::uint64_t units) {
        chunks += chunks_of(units);
        ++count;
        return units > lease::kMaxSpaceUnits || chunks > lease::kMaxChunks ||
               count > lease::kMaxSpaces;
    };
    constexpr std::string_view kBeside =
        " beside those of the other subnets, of which removed ones count until a restart";
    for (const model::SubnetConfiguration& subnet : configuration.dhcp4.subnets) {
        if (registry.find(subnet.prefix)) {
            continue;
        }
        if (is_full(subnet.prefix.size())) {
            return "subnet " + xdhcpd::to_string(subnet.prefix) +
                   ": no room for so many addresses" + std::string{kBeside};
        }
    }
    const model::SpaceRegistry6& ipv6 = registry.ipv6();
    for (const model::Subnet6Configuration& subnet : configuration.dhcp6.subnets) {
        std::vector<model::Range6> ranges;
        for (const model::Pool6Configuration& pool : subnet.pools) {
            ranges.push_back(model::address_range(pool.first, pool.last));
        }
        for (const model::PrefixPoolConfiguration& pool : subnet.prefix_pools) {
            ranges.push_back(model::prefix_range(pool.prefix, pool.delegated_length));
        }
        for (const model::Range6& range : ranges) {
            if (!ipv6.find(range) && is_full(ipv6.unit_count(range))) {
                return "subnet " + xdhcpd::to_string(subnet.prefix) + ": no room for the pool at " +
                       xdhcpd::to_string(range.first) + std::string{kBeside};
            }
        }
    }
    return {};
}

}  // namespace xdhcpd::control
