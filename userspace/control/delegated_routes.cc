#include "control/delegated_routes.h"

#include <algorithm>
#include <utility>

namespace xdhcpd::control {

void DelegatedRoutes::enqueue(const Ipv6Prefix& prefix, Entry& entry) {
    if (is_told_ && !entry.is_queued) {
        entry.is_queued = true;
        queue_.push_back(prefix);
    }
}

void DelegatedRoutes::want(const DelegatedRoute& route) {
    Entry& entry = entries_[route.prefix];
    entry.mark = mark_;
    if (entry.is_wanted && entry.route == route) {
        return;
    }
    counts_.wanted += entry.is_wanted ? 0 : 1;
    entry.is_wanted = true;
    entry.route = route;
    enqueue(route.prefix, entry);
    if (on_change_) {
        on_change_(route.prefix, &entry.route);
    }
}

void DelegatedRoutes::set_unwanted(const Ipv6Prefix& prefix, Entry& entry) {
    entry.is_wanted = false;
    --counts_.wanted;
    enqueue(prefix, entry);
    if (on_change_) {
        on_change_(prefix, nullptr);
    }
}

void DelegatedRoutes::drop(const Ipv6Prefix& prefix) {
    const auto found = entries_.find(prefix);
    if (found == entries_.end() || !found->second.is_wanted) {
        return;
    }
    set_unwanted(prefix, found->second);
    if (!is_told_) {
        entries_.erase(found);
    }
}

void DelegatedRoutes::forget_unwanted() {
    std::erase_if(entries_, [](const auto& item) { return !item.second.is_wanted; });
}

void DelegatedRoutes::tell_kernel(bool is_told) {
    if (!kernel_.list) {
        return;
    }
    is_told_ = true;
    recheck();
    is_told_ = is_told;
    if (is_told) {
        return;
    }
    for (auto& [prefix, entry] : entries_) {
        if (entry.installed_on != 0) {
            ++(kernel_.remove(prefix) ? counts_.removed : counts_.failed);
        }
        entry.installed_on = 0;
        entry.is_queued = false;
    }
    forget_unwanted();
    queue_.clear();
    refused_.clear();
    counts_.installed = 0;
}

void DelegatedRoutes::begin_all() {
    ++mark_;
    recheck();
}

void DelegatedRoutes::recheck() {
    if (!is_told_) {
        return;
    }
    const auto present = kernel_.list();
    for (auto& [prefix, entry] : entries_) {
        if (present) {
            counts_.installed -= entry.installed_on != 0 ? 1 : 0;
            entry.installed_on = 0;
        }
        if (entry.is_wanted) {
            enqueue(prefix, entry);
        }
    }
    if (!present) {
        ++counts_.failed;
        return;
    }
    for (const host::Route6& route : *present) {
        Entry& entry = entries_[route.prefix];
        counts_.installed += entry.installed_on == 0 ? 1 : 0;
        entry.installed_on = route.ifindex;
        entry.installed_hop = route.next_hop;
        enqueue(route.prefix, entry);
    }
}

void DelegatedRoutes::end_all() {
    for (auto& [prefix, entry] : entries_) {
        if (entry.mark != mark_ && entry.is_wanted) {
            set_unwanted(prefix, entry);
        }
    }
    if (!is_told_) {
        forget_unwanted();
    }
}

void DelegatedRoutes::tick(const model::HostState& host, BootTime now,
                           const std::function<void(std::string)>& log) {
    while (!refused_.empty()) {
        const Ipv6Prefix prefix = refused_.front();
        const auto found = entries_.find(prefix);
        if (found != entries_.end() && found->second.retry_at > now) {
            break;
        }
        refused_.pop_front();
        if (found != entries_.end()) {
            enqueue(prefix, found->second);
        }
    }
    std::size_t asked = 0;
    for (std::size_t left = queue_.size(); left != 0 && asked < kBudget; --left) {
        const Ipv6Prefix prefix = queue_.front();
        queue_.pop_front();
        const auto found = entries_.find(prefix);
        if (found == entries_.end()) {
            continue;
        }
        found->second.is_queued = false;
        asked += settle(prefix, found->second, host, now, log) ? 1 : 0;
        if (!found->second.is_wanted && found->second.installed_on == 0) {
            entries_.erase(found);
        }
    }
}

bool DelegatedRoutes::settle(const Ipv6Prefix& prefix, Entry& entry, const model::HostState& host,
                             BootTime now, const std::function<void(std::string)>& log) {
    const auto refuse = [&](const Error& error) {
        note_failure(error, log);
        entry.retry_at = now + kRetry;
        refused_.push_back(prefix);
    };
    const model::HostInterface* const interface =
        entry.is_wanted ? host.find(entry.route.interface, entry.route.vlan) : nullptr;
    if (interface == nullptr || !interface->up) {
        // recheck() comes when there is an interface for it. The kernel throws routes away with
        // their interface, but not when the client has gone to another.
        if (entry.installed_on == 0) {
            return false;
        }
        if (const auto done = kernel_.remove(prefix); !done) {
            refuse(done.error());
            return true;
        }
        entry.installed_on = 0;
        --counts_.installed;
        ++counts_.removed;
        return true;
    }
    if (entry.installed_on == interface->ifindex && entry.installed_hop == entry.route.next_hop) {
        return false;
    }
    const auto done = kernel_.add({prefix, entry.route.next_hop, interface->ifindex});
    if (!done) {
        refuse(done.error());
        return true;
    }
    counts_.installed += entry.installed_on == 0 ? 1 : 0;
    entry.installed_on = interface->ifindex;
    entry.installed_hop = entry.route.next_hop;
    ++counts_.added;
    return true;
}

void DelegatedRoutes::note_failure(const Error& error,
                                   const std::function<void(std::string)>& log) {
    ++counts_.failed;
    if (error.message != last_problem_) {
        last_problem_ = error.message;
        log(error.message);
    }
}

const DelegatedRoute* DelegatedRoutes::next_wanted(const std::optional<Ipv6Prefix>& behind) const {
    auto at = behind ? entries_.upper_bound(*behind) : entries_.begin();
    while (at != entries_.end() && !at->second.is_wanted) {
        ++at;
    }
    return at == entries_.end() ? nullptr : &at->second.route;
}

DelegatedRoutes::Counts DelegatedRoutes::counts() const noexcept {
    return counts_;
}

}  // namespace xdhcpd::control
