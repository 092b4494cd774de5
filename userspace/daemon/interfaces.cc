#include "daemon/interfaces.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

namespace xdhcpd::daemon {
namespace {

using model::LogLevel;

void append(std::string& list, const std::string& part, std::string_view separator = ", ") {
    if (!part.empty()) {
        list += (list.empty() ? std::string{} : std::string{separator}) + part;
    }
}

[[nodiscard]] std::string seconds_text(BootTime::duration duration) {
    std::array<char, 32> text{};
    const double value = std::chrono::duration<double>{duration}.count();
    static_cast<void>(
        std::snprintf(text.data(), text.size(), value < 1 ? "%.3f s" : "%.1f s", value));
    return text.data();
}

[[nodiscard]] bool is_usable(const model::HostInterface& interface) noexcept {
    return interface.up && interface.carrier;
}

[[nodiscard]] std::string link_text(const model::HostInterface& interface) {
    return is_usable(interface) ? "link up"
           : interface.up       ? "link down (no carrier)"
                                : "link down (set down)";
}

template <typename Prefix>
[[nodiscard]] std::string address_changes(const std::vector<Prefix>& before,
                                          const std::vector<Prefix>& after) {
    std::string text;
    const auto has = [](const std::vector<Prefix>& list, const Prefix& wanted) {
        return std::find(list.begin(), list.end(), wanted) != list.end();
    };
    for (const Prefix& address : before) {
        if (!has(after, address)) {
            append(text, "address " + to_string(address) + " removed");
        }
    }
    for (const Prefix& address : after) {
        if (!has(before, address)) {
            append(text, "address " + to_string(address) + " added");
        }
    }
    return text.empty() && before != after ? "order of addresses changed" : text;
}

// Link-local ones come and go with the link.
[[nodiscard]] std::vector<Ipv6Prefix> routable(std::vector<Ipv6Prefix> addresses) {
    std::erase_if(addresses, [](const auto& each) { return each.address.is_link_local(); });
    return addresses;
}

[[nodiscard]] bool is_same(const model::InterfaceConfiguration& a,
                           const model::InterfaceConfiguration& b) {
    return a.driver == b.driver && a.queues == b.queues && a.zero_copy == b.zero_copy &&
           a.reply_path == b.reply_path;
}

}  // namespace

std::string_view name_of(InterfaceState state) noexcept {
    switch (state) {
        case InterfaceState::kAbsent:
            return "absent";
        case InterfaceState::kDown:
            return "down";
        case InterfaceState::kRefused:
            return "refused";
        case InterfaceState::kServing:
            return "serving";
    }
    return {};
}

struct ManagedInterfaces::Change {
    std::string text;          // what is different, for people; empty: nothing
    bool must_reopen = false;  // what is open does not fit any more
    bool may_improve = false;  // a better driver may work now
};

ManagedInterfaces::Change ManagedInterfaces::compare(const ManagedInterface& interface,
                                                     const model::HostInterface& seen) const {
    const model::HostInterface& before = *interface.host;
    Change change;
    const bool is_xdp = interface.opened && interface.opened->is_xdp;
    if (is_usable(before) != is_usable(seen) || before.up != seen.up) {
        append(change.text, link_text(seen));
        change.may_improve = is_usable(seen);
    }
    if (before.mtu != seen.mtu) {
        append(change.text,
               "MTU " + std::to_string(before.mtu) + " -> " + std::to_string(seen.mtu));
        // Frames were made for the old one; the packet driver's replies were bounded by it.
        change.must_reopen = true;
    }
    if (before.mac != seen.mac) {
        append(change.text, "MAC address " + to_string(before.mac) + " -> " + to_string(seen.mac));
    }
    append(change.text, address_changes(before.addresses, seen.addresses));
    append(change.text, address_changes(routable(before.addresses6), routable(seen.addresses6)));
    if (is_xdp && seen.xdp_program != interface.opened->xdp_program) {
        append(change.text, "our XDP program was detached by somebody");
        change.must_reopen = true;
    } else if (!is_xdp && before.xdp_program != 0 && seen.xdp_program == 0) {
        append(change.text,
               "XDP program " + std::to_string(before.xdp_program) + " of somebody else is gone");
        change.may_improve = true;
    } else if (!is_xdp && before.xdp_program == 0 && seen.xdp_program != 0) {
        append(change.text, "XDP program " + std::to_string(seen.xdp_program) +
                                " of somebody else was attached, which may take our frames");
    }
    return change;
}

void ManagedInterfaces::say(LogLevel level, const ManagedInterface& interface,
                            const std::string& text) const {
    functions_.log(level, "interface " + interface.configuration.name + ": " + text);
}

void ManagedInterfaces::close(ManagedInterface& interface, BootTime now) {
    if (!interface.opened) {
        return;
    }
    functions_.close(interface.configuration.name);
    interface.opened.reset();
    if (!interface.out_since) {
        interface.out_since = now;
    }
}

void ManagedInterfaces::leave(ManagedInterface& interface, const std::string& how, BootTime now) {
    close(interface, now);
    interface.host.reset();
    interface.queue_count = 0;
    interface.state = InterfaceState::kAbsent;
    interface.since = now;
    interface.detail = how;
    interface.backoff = {};
    say(LogLevel::kWarning, interface, how + "; waiting for it");
}

// State and the time without service follow from what is open and the link.
void ManagedInterfaces::settle(ManagedInterface& interface, BootTime now) {
    const bool usable = is_usable(*interface.host);
    const InterfaceState state = !interface.opened ? InterfaceState::kRefused
                                 : usable          ? InterfaceState::kServing
                                                   : InterfaceState::kDown;
    if (state != interface.state) {
        interface.state = state;
        interface.since = now;
    }
    if (state == InterfaceState::kServing) {
        interface.detail = interface.opened->why;
        interface.out_since.reset();
    } else {
        if (state == InterfaceState::kDown) {
            interface.detail = link_text(*interface.host);
        }
        if (!interface.out_since) {
            interface.out_since = now;
        }
    }
}

void ManagedInterfaces::open(ManagedInterface& interface, const std::string& what, BootTime now) {
    const bool first = !interface.was_open;
    const std::string previous_detail =
        interface.state == InterfaceState::kRefused ? interface.detail : std::string{};
    auto opened = functions_.open(interface.configuration, *interface.host);
    if (functions_.clock) {
        now = functions_.clock();
    }
    std::string line = what;
    if (!opened) {
        interface.backoff = interface.backoff.count() == 0
                                ? kFirstRetry
                                : std::min(interface.backoff * 2, kLastRetry);
        interface.retry_at = now + interface.backoff;
        interface.detail = opened.error().message;
        settle(interface, now);
        // The same refusal again is no news unless something happened.
        if (!what.empty() || interface.detail != previous_detail) {
            append(line, "not served: " + interface.detail, "; ");
            say(LogLevel::kError, interface, line);
        }
        return;
    }
    interface.backoff = {};
    interface.was_open = true;
    interface.reopens += first ? 0 : 1;
    interface.opened = std::move(*opened);
    interface.queue_count = functions_.queue_count(interface.configuration.name);
    const std::optional<BootTime> out_since = interface.out_since;
    settle(interface, now);
    std::string outcome;
    if (interface.state == InterfaceState::kDown) {
        // The link may already be named among what happened.
        outcome = line.find("link down") == std::string::npos
                      ? "open, but " + link_text(*interface.host)
                      : "open";
    } else {
        outcome = first ? std::string{"serving"} : std::string{"serving again"};
        if (out_since && !first) {
            outcome += " after " + seconds_text(now - *out_since);
        }
    }
    outcome += " (" + interface.opened->text + ")";
    append(line, outcome, "; ");
    if (!interface.opened->why.empty()) {
        line += " because " + interface.opened->why;
    }
    say(interface.opened->why.empty() ? LogLevel::kInfo : LogLevel::kWarning, interface, line);
}

void ManagedInterfaces::update_one(ManagedInterface& interface, const model::HostState& host,
                                   const std::vector<host::LinkDeparture>& departures, bool lost,
                                   BootTime now) {
    const model::HostInterface* const seen = host.find(interface.configuration.name);
    if (!interface.host) {  // absent until now
        if (seen == nullptr) {
            if (interface.detail.empty()) {
                leave(interface, "does not exist", now);
            }
            return;
        }
        interface.host = *seen;
        open(interface, {}, now);
        return;
    }
    const std::uint32_t ifindex = interface.host->ifindex;
    const auto departure = std::find_if(departures.rbegin(), departures.rend(),
                                        [&](const auto& left) { return left.ifindex == ifindex; });
    const bool moved = departure != departures.rend() && departure->moved;
    if (seen == nullptr) {
        const auto renamed =
            std::find_if(host.interfaces.begin(), host.interfaces.end(),
                         [&](const auto& other) { return other.ifindex == ifindex; });
        const bool is_explained =
            renamed != host.interfaces.end() || departure != departures.rend() || lost;
        if (!is_explained && !interface.is_vanishing) {
            interface.is_vanishing = true;
            return;
        }
        interface.is_vanishing = false;
        leave(interface,
              renamed != host.interfaces.end() ? "renamed to " + renamed->name
              : moved                          ? "moved to another network namespace"
                                               : "deleted",
              now);
        return;
    }
    interface.is_vanishing = false;
    if (seen->ifindex != ifindex || departure != departures.rend() || lost) {
        // Back already, but the sockets belong to what has gone.
        close(interface, now);
        interface.host = *seen;
        open(interface,
             lost && seen->ifindex == ifindex ? "changes of interfaces were missed"
             : moved                          ? "moved to another network namespace and back"
                                              : "deleted and made again",
             now);
        return;
    }
    Change change = compare(interface, *seen);
    interface.host = *seen;
    const std::uint32_t queue_count = functions_.queue_count(interface.configuration.name);
    if (interface.opened && queue_count != interface.queue_count) {
        append(change.text, std::to_string(interface.queue_count) + " -> " +
                                std::to_string(queue_count) + " queues");
        change.must_reopen = change.must_reopen || interface.opened->is_xdp;
        interface.queue_count = queue_count;
    }
    if (change.text.empty()) {
        return;
    }
    const bool is_degraded = interface.opened && !interface.opened->why.empty();
    if (!interface.opened || change.must_reopen || (is_degraded && change.may_improve)) {
        close(interface, now);
        open(interface, change.text, now);
        return;
    }
    const std::optional<BootTime> out_since = interface.out_since;
    const InterfaceState before = interface.state;
    settle(interface, now);
    if (before == InterfaceState::kDown && interface.state == InterfaceState::kServing) {
        change.text += "; serving again after " + seconds_text(now - out_since.value_or(now)) +
                       " (" + interface.opened->text + ")";
    }
    say(interface.state == InterfaceState::kServing ? LogLevel::kInfo : LogLevel::kWarning,
        interface, change.text);
}

void ManagedInterfaces::update(const std::vector<model::InterfaceConfiguration>& wanted,
                               const model::HostState& host,
                               const std::vector<host::LinkDeparture>& departures, bool lost,
                               BootTime now) {
    const auto find_wanted = [&](const std::string& name) {
        return std::find_if(wanted.begin(), wanted.end(),
                            [&](const auto& other) { return other.name == name; });
    };
    std::erase_if(interfaces_, [&](ManagedInterface& interface) {
        if (find_wanted(interface.configuration.name) != wanted.end()) {
            return false;
        }
        close(interface, now);
        say(LogLevel::kInfo, interface, "not served any more: removed from the configuration");
        return true;
    });
    for (const model::InterfaceConfiguration& configuration : wanted) {
        auto found = std::find_if(interfaces_.begin(), interfaces_.end(), [&](const auto& other) {
            return other.configuration.name == configuration.name;
        });
        if (found == interfaces_.end()) {
            ManagedInterface added;
            added.configuration = configuration;
            added.since = now;
            interfaces_.push_back(std::move(added));
            found = std::prev(interfaces_.end());
        } else if (!is_same(found->configuration, configuration) || !reopen_because_.empty()) {
            const bool is_changed = !is_same(found->configuration, configuration);
            found->configuration = configuration;
            const model::HostInterface* const seen = host.find(configuration.name);
            if (found->host && seen != nullptr) {
                close(*found, now);
                found->host = *seen;
                open(*found, is_changed ? "its configuration has changed" : reopen_because_, now);
                continue;
            }
        }
        found->configuration.rate_limits = configuration.rate_limits;  // which the snapshot carries
        update_one(*found, host, departures, lost, now);
    }
    reopen_because_.clear();
}

void ManagedInterfaces::tick(BootTime now) {
    for (ManagedInterface& interface : interfaces_) {
        if (interface.state == InterfaceState::kRefused && now >= interface.retry_at) {
            open(interface, {}, now);
            continue;
        }
        if (!interface.opened || !interface.opened->is_xdp) {
            continue;
        }
        const std::uint32_t queue_count = functions_.queue_count(interface.configuration.name);
        if (queue_count != 0 && queue_count != interface.queue_count) {
            const std::string what = std::to_string(interface.queue_count) + " -> " +
                                     std::to_string(queue_count) + " queues";
            interface.queue_count = queue_count;
            close(interface, now);
            open(interface, what, now);
        }
    }
}

bool ManagedInterfaces::wants_another_look() const noexcept {
    return std::any_of(interfaces_.begin(), interfaces_.end(),
                       [](const auto& interface) { return interface.is_vanishing; });
}

bool ManagedInterfaces::is_impatient() const noexcept {
    return std::any_of(interfaces_.begin(), interfaces_.end(), [](const auto& interface) {
        const bool is_xdp = interface.opened && interface.opened->is_xdp;
        return interface.host && interface.host->xdp_program != 0 && !is_xdp;
    });
}

}  // namespace xdhcpd::daemon
