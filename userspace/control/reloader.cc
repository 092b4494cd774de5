#include "control/reloader.h"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <exception>
#include <string_view>
#include <thread>
#include <utility>

#include "control/changes.h"
#include "control/lease_query.h"
#include "model/make_snapshot.h"

namespace xdhcpd::control {
namespace {

using model::LogLevel;

// How often interfaces and addresses are looked at.
constexpr std::chrono::seconds kHostInterval{10};
// How often units of IPv6 are looked at that another space still has.
constexpr std::chrono::seconds kWithheldInterval{10};
// How long a reload waits until every worker uses a new snapshot; they wake every 100 ms, see
// above.
constexpr std::chrono::seconds kFenceTime{1};
constexpr std::chrono::milliseconds kFenceStep{1};
// Leases may be granted between the look at their versions and the new snapshot.
constexpr std::uint64_t kVersionSlack = 1u << 16;

// What of the host matters to a snapshot: the interfaces served, and everybody's addresses.
model::HostState relevant(const model::HostState& host, const model::Configuration& configuration) {
    const bool uses_ipv6 = configuration.dhcp6.is_on() ||
                           !configuration.router_advertisements.empty() ||
                           !configuration.neighbor_proxies.empty();
    model::HostState result;
    for (const model::HostInterface& interface : host.interfaces) {
        const bool served =
            std::any_of(configuration.interfaces.begin(), configuration.interfaces.end(),
                        [&](const auto& wanted) { return wanted.name == interface.name; });
        if (served || !interface.addresses.empty() ||
            (uses_ipv6 && !interface.addresses6.empty())) {
            result.interfaces.push_back(interface);
            result.interfaces.back().up = true;
            if (!uses_ipv6) {
                result.interfaces.back().addresses6.clear();
            }
        }
    }
    return result;
}

bool is_same(const model::HostState& a, const model::HostState& b) {
    return std::equal(a.interfaces.begin(), a.interfaces.end(), b.interfaces.begin(),
                      b.interfaces.end(), [](const auto& x, const auto& y) {
                          return x.ifindex == y.ifindex && x.name == y.name && x.mac == y.mac &&
                                 x.mtu == y.mtu && x.addresses == y.addresses &&
                                 x.addresses6 == y.addresses6;
                      });
}

// Different prefixes with addresses in common.
bool overlap(Ipv4Prefix a, Ipv4Prefix b) noexcept {
    return a != b && (a.contains(b.address) || b.contains(a.address));
}

}  // namespace

Reloader::Reloader(ServerState& state)
    : state_{state},
      host_{relevant(state.parts.host, state.parts.configuration)},
      host_read_{state.started} {
    state.parts.host = {};
}

ReloadOutcome Reloader::reload(bool dry_run) {
    if (state_.is_stopping()) {
        ReloadOutcome outcome;
        outcome.errors.emplace_back("xdhcpd is stopping");
        return outcome;
    }
    ReloadOutcome outcome;
    try {
        outcome = attempt(dry_run);
    } catch (const std::exception& error) {  // out of memory, most likely
        outcome = {};
        outcome.errors.push_back(state_.parts.configuration_name + ": error: " + error.what());
    }
    if (dry_run) {
        return outcome;
    }
    (outcome.ok ? ok_count_ : failed_count_).fetch_add(1, std::memory_order_relaxed);
    for (const std::string& error : outcome.errors) {
        state_.log(LogLevel::kError, error);
    }
    for (const std::string& warning : outcome.warnings) {
        state_.log(LogLevel::kWarning, warning);
    }
    for (const std::string& change : outcome.changes) {
        state_.log(LogLevel::kInfo, "reload: " + change);
    }
    for (const std::string& change : outcome.needs_restart) {
        state_.log(LogLevel::kWarning, "reload: needs a restart: " + change);
    }
    if (!outcome.ok) {
        state_.log(LogLevel::kError, "reload failed; the configuration in force stays");
        return outcome;
    }
    if (outcome.leases_outside_count != 0) {
        state_.log(LogLevel::kWarning,
                   "reload: " + std::to_string(outcome.leases_outside_count) +
                       " leases lie outside the new configuration: a client that "
                       "renews one is refused and gets another address");
    }
    state_.log(LogLevel::kInfo, "reload done, generation " + std::to_string(state_.generation));
    return outcome;
}

ReloadOutcome Reloader::attempt(bool dry_run) {
    ReloadOutcome outcome;
    const config::LoadResult loaded = state_.parts.load();
    for (const config::Diagnostic& diagnostic : loaded.diagnostics) {
        const bool is_error = diagnostic.severity == config::Diagnostic::Severity::kError;
        (is_error ? outcome.errors : outcome.warnings).push_back(config::to_string(diagnostic));
    }
    if (!loaded.configuration) {
        return outcome;
    }
    const bool log_applies = static_cast<bool>(state_.parts.on_log_configuration);
    model::Configuration wanted =
        applicable(state_.parts.configuration, *loaded.configuration, log_applies);
    auto host = state_.parts.host_state();
    if (!host) {
        outcome.errors.push_back(host.error().message);
    }
    for (const std::string& problem :
         {check_room(wanted, state_.parts.registry), find_overlap(wanted)}) {
        if (!problem.empty()) {
            outcome.errors.push_back(state_.parts.configuration_name + ": error: " + problem);
        }
    }
    if (!outcome.errors.empty()) {
        return outcome;
    }
    outcome.ok = true;
    outcome.changes =
        describe_changes(state_.parts.configuration, *loaded.configuration, log_applies);
    outcome.needs_restart =
        describe_restarts(state_.parts.configuration, *loaded.configuration, loaded.places,
                          state_.parts.configuration_name, log_applies);
    find_leases_outside(wanted, outcome);
    if (dry_run) {
        return outcome;
    }
    if (const std::string problem = hand_over(wanted, *host); !problem.empty()) {
        ReloadOutcome refused;
        refused.warnings = std::move(outcome.warnings);
        refused.errors.push_back(state_.parts.configuration_name + ": error: " + problem);
        return refused;
    }
    if (log_applies) {
        state_.parts.on_log_configuration(wanted.log);
    }
    for (std::string& warning : put_in_force(std::move(wanted), *host)) {
        outcome.warnings.push_back(std::move(warning));
    }
    return outcome;
}

void Reloader::find_leases_outside(const model::Configuration& configuration,
                                   ReloadOutcome& outcome) const {
    const Coverage coverage{configuration};
    for (const NamedSpace& space : state_.named_spaces()) {
        std::uint32_t from = 0;
        for (bool complete = false; !complete;) {
            const LeasePage page = collect_leases(state_.parts.workers, space.id, from,
                                                  Control::kMaxLeases, {}, Control::kSliceLen);
            for (const HeldLease& lease : page.leases) {
                const Ipv4 address = space.address(lease.index);
                if (lease.state != lease::LeaseState::kLeased || coverage.covers(address)) {
                    continue;
                }
                ++outcome.leases_outside_count;
                if (outcome.leases_outside.size() < Control::kMaxOutside) {
                    outcome.leases_outside.push_back({address, lease.hw_address()});
                }
            }
            complete = page.complete;
            from = page.leases.empty() ? 0 : page.leases.back().index + 1;
        }
    }
}

// Leases live in the space of their subnet. A new subnet that shares addresses with another one
// that still has leases would let those addresses a second time.
std::string Reloader::find_overlap(const model::Configuration& configuration) const {
    for (const model::SubnetConfiguration& subnet : configuration.dhcp4.subnets) {
        for (const auto& [prefix, id] : state_.spaces) {
            if (overlap(prefix, subnet.prefix) &&
                !state_.parts.registry.store().space(id).is_drained()) {
                return "subnet " + xdhcpd::to_string(subnet.prefix) + " overlaps subnet " +
                       xdhcpd::to_string(prefix) +
                       ", which still has leases; remove that, wait for their end, then add this";
            }
        }
    }
    return {};
}

// That a space was drained a moment ago says little: a worker may just lease from it. So the old
// subnets are closed first, without the new ones; what is drained once every worker knows that
// stays drained.
std::string Reloader::hand_over(const model::Configuration& wanted, const model::HostState& host) {
    const auto goes_over = [&](Ipv4Prefix prefix) {
        return std::any_of(wanted.dhcp4.subnets.begin(), wanted.dhcp4.subnets.end(),
                           [prefix](const auto& subnet) { return overlap(prefix, subnet.prefix); });
    };
    if (std::none_of(state_.spaces.begin(), state_.spaces.end(),
                     [&](const auto& space) { return goes_over(space.first); })) {
        return {};
    }
    model::Configuration without = state_.parts.configuration;
    std::erase_if(without.dhcp4.subnets, [&](const model::SubnetConfiguration& subnet) {
        if (!goes_over(subnet.prefix)) {
            return false;
        }
        state_.log(LogLevel::kInfo, "subnet " + xdhcpd::to_string(subnet.prefix) +
                                        " is closed: its addresses go over to another one");
        return true;
    });
    if (without.dhcp4.subnets.size() != state_.parts.configuration.dhcp4.subnets.size()) {
        // The XDP programs go on as before: what belongs to nobody for a moment is only not
        // answered.
        static_cast<void>(publish(without, host, false));
    }
    std::string problem = wait_for_workers()
                              ? find_overlap(wanted)
                              : "addresses go over from one subnet to another, but a worker stands "
                                "still and may go on leasing them; try again";
    if (!problem.empty() && unsettled_) {
        static_cast<void>(put_in_force(state_.parts.configuration, host));
    }
    return problem;
}

bool Reloader::wait_for_workers() {
    const auto deadline = std::chrono::steady_clock::now() + kFenceTime;
    while (!state_.collect_snapshots()) {
        if (std::chrono::steady_clock::now() >= deadline) {
            return false;
        }
        std::this_thread::sleep_for(kFenceStep);
    }
    return true;
}

std::vector<std::string> Reloader::publish(const model::Configuration& configuration,
                                           const model::HostState& host, bool tell_drivers) {
    unsettled_ = true;
    std::uint64_t highest = 0;
    for (const worker::Worker* const worker : state_.parts.workers) {
        highest = std::max(highest, worker->shard_counters().highest_version.value());
    }
    state_.parts.registry.set_version_floor(static_cast<std::uint32_t>(highest + kVersionSlack));
    model::SnapshotResult made = model::make_snapshot(configuration, host, state_.parts.registry,
                                                      state_.parts.hash_key, state_.generation + 1);
    take_back(configuration, *made.snapshot);
    state_.remember_spaces(*made.snapshot);
    // Units that close must be closed, and those that open may be open, before workers see the
    // snapshot: what it says about pools is never wider than the bits.
    withheld_ = model::apply_policy(*made.snapshot, configuration, host, state_.parts.registry);
    if (state_.parts.adopt_leases) {
        state_.parts.adopt_leases(*made.snapshot);
    }
    if (tell_drivers && state_.parts.on_snapshot) {
        state_.parts.on_snapshot(*made.snapshot);
    }
    state_.parts.snapshots.publish(std::move(made.snapshot));
    ++state_.generation;
    return std::move(made.warnings);
}

std::vector<std::string> Reloader::put_in_force(model::Configuration configuration,
                                                const model::HostState& host) {
    model::HostState seen = relevant(host, configuration);
    std::vector<std::string> warnings = publish(configuration, host);
    // Nothing may fail between the publication and here.
    state_.parts.configuration = std::move(configuration);
    host_ = std::move(seen);
    unsettled_ = false;
    host_warnings_ = warnings;
    tell_of_host(host);
    state_.describe_for_metrics();
    static_cast<void>(state_.collect_snapshots());
    return warnings;
}

std::uint64_t Reloader::unix_time() const noexcept {
    return state_.parts.unix_time != nullptr ? state_.parts.unix_time()
                                             : static_cast<std::uint64_t>(std::time(nullptr));
}

void Reloader::take_back(const model::Configuration& configuration, model::Snapshot& snapshot) {
    if (state_.parts.advertised_sets == nullptr) {
        return;
    }
    const auto amended = state_.parts.advertised_sets->amend(configuration, snapshot, unix_time());
    for (const std::string& line : amended.news) {
        state_.log(LogLevel::kInfo, line);
    }
    const std::string error = amended.problem ? amended.problem->message : std::string{};
    if (!error.empty() && error != advertised_error_) {
        state_.log(
            LogLevel::kWarning,
            "what is advertised cannot be stored, and after a restart not be taken back: " + error);
    }
    advertised_error_ = error;
}

// Units that wait for another space of theirs: see model::apply_policy6(). What the snapshot says
// of this host is what its local addresses are, so the policy is the same as when it was published.
void Reloader::open_withheld(BootTime current) {
    if (!withheld_ || unsettled_ || current - policy_applied_ < kWithheldInterval ||
        !state_.collect_snapshots()) {
        return;
    }
    policy_applied_ = current;
    withheld_ = model::apply_policy(state_.parts.snapshots.newest(), state_.parts.configuration,
                                    host_, state_.parts.registry);
}

void Reloader::watch_host(BootTime current) {
    open_withheld(current);
    if (const AdvertisedSets* const sets = state_.parts.advertised_sets;
        sets != nullptr && sets->next_end().value_or(~std::uint64_t{0}) <= unix_time()) {
        unsettled_ = true;  // something need not be taken back any longer
    }
    if (unsettled_ || current - host_read_ >= kHostInterval) {
        read_host(current);
    }
}

void Reloader::read_host(BootTime current) {
    host_read_ = current;
    auto host = state_.parts.host_state();
    if (!host) {
        if (host.error().message != host_error_) {
            state_.log(LogLevel::kWarning, host.error().message);
        }
        host_error_ = host.error().message;
        return;
    }
    host_error_.clear();
    if (!unsettled_ && is_same(relevant(*host, state_.parts.configuration), host_)) {
        tell_of_host(*host);
        return;
    }
    // Only what was not said before: a change of one interface is not news of all the others.
    const std::vector<std::string> known = host_warnings_;
    for (const std::string& warning : put_in_force(state_.parts.configuration, *host)) {
        if (std::find(known.begin(), known.end(), warning) == known.end() &&
            warning.find("does not exist") == std::string::npos) {
            state_.log(LogLevel::kWarning, warning);
        }
    }
    state_.log(LogLevel::kDebug, "interfaces or addresses of this host have changed, generation " +
                                     std::to_string(state_.generation));
}

void Reloader::tell_of_host(const model::HostState& host) const {
    if (state_.parts.on_host) {
        state_.parts.on_host(state_.parts.configuration, host);
    }
}

}  // namespace xdhcpd::control
