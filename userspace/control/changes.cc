#include "control/changes.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include "control/changes6.h"
#include "control/text.h"
#include "dhcp4/option_text.h"
#include "dhcp4/options.h"

namespace xdhcpd::control {
namespace {

// A subnet with more changed reservations is summed up.
constexpr std::size_t kMaxReservationLines = 100;

[[nodiscard]] std::string text_of(const std::string& value) {
    return value.empty() ? "none" : value;
}
[[nodiscard]] std::string text_of(bool value) {
    return value ? "true" : "false";
}
[[nodiscard]] std::string text_of(std::uint32_t value) {
    return std::to_string(value);
}
[[nodiscard]] std::string text_of(std::uint64_t value) {
    return std::to_string(value);
}
[[nodiscard]] std::string text_of(Ipv4 value) {
    return to_string(value);
}
// Thousandths, shown as per cent.
struct Percent {
    std::uint32_t permille = 0;
    auto operator<=>(const Percent&) const = default;
};
[[nodiscard]] std::string text_of(Percent value) {
    const std::uint32_t tenths = value.permille % 10;
    return std::to_string(value.permille / 10) + (tenths == 0 ? "" : "." + std::to_string(tenths));
}

[[nodiscard]] std::string text_of(const model::LeaseTimes& times) {
    return "default " + format_duration(times.default_time) + ", min " +
           format_duration(times.min_time) + ", max " + format_duration(times.max_time);
}
[[nodiscard]] std::string text_of(model::Identity identity) {
    switch (identity) {
        case model::Identity::kClientId:
            return "client-id";
        case model::Identity::kHwAddress:
            return "hw-address";
        case model::Identity::kCircuitId:
            return "circuit-id";
    }
    return {};
}
[[nodiscard]] std::string text_of(model::Driver driver) {
    switch (driver) {
        case model::Driver::kAuto:
            return "auto";
        case model::Driver::kXdp:
            return "xdp";
        case model::Driver::kXdpGeneric:
            return "xdp-generic";
        case model::Driver::kPacket:
            return "packet";
        case model::Driver::kUdp:
            return "udp";
    }
    return {};
}
[[nodiscard]] std::string text_of(model::ZeroCopy zero_copy) {
    switch (zero_copy) {
        case model::ZeroCopy::kAuto:
            return "auto";
        case model::ZeroCopy::kOn:
            return "on";
        case model::ZeroCopy::kOff:
            return "off";
    }
    return {};
}
[[nodiscard]] std::string text_of(model::ReplyPath reply_path) {
    return reply_path == model::ReplyPath::kMirror ? "mirror" : "route";
}
[[nodiscard]] std::string text_of(const model::RateLimits& limits) {
    return text_of(to_string(limits));
}
[[nodiscard]] std::string text_of(const model::LogConfiguration& log) {
    static constexpr std::string_view kLevels[]{"debug", "info", "warning", "error"};
    return std::string{kLevels[static_cast<std::size_t>(log.level)]} +
           (log.format == model::LogFormat::kJson ? " as json" : " as text");
}
[[nodiscard]] std::string text_of(const model::PoolConfiguration& pool) {
    return pool.first == pool.last ? to_string(pool.first)
                                   : to_string(pool.first) + "-" + to_string(pool.last);
}
[[nodiscard]] std::string text_of(const model::HookConfiguration& hook) {
    std::string text;
    for (const model::HookEvent event : hook.events) {
        text += std::string{text.empty() ? "" : ", "} + std::string{name(event)};
    }
    return text + "; timeout " + format_duration(hook.timeout);
}
template <typename T>
[[nodiscard]] std::string text_of(const std::optional<T>& value) {
    return value ? text_of(*value) : "none";
}
template <typename T>
[[nodiscard]] std::string text_of(const std::vector<T>& values) {
    std::string text;
    for (const T& value : values) {
        text += (text.empty() ? "" : ", ") + text_of(value);
    }
    return text.empty() ? "none" : text;
}

// Gathers lines under a heading such as "subnet 10.77.0.0/16 ".
class Lines {
  public:
    Lines(std::vector<std::string>& lines, std::string heading)
        : lines_{lines}, heading_{std::move(heading)} {}

    void add(const std::string& text) { lines_.push_back(heading_ + text); }

    // A line if the texts differ, which show all there is to a value.
    template <typename T>
    void compare(std::string_view what, const T& before, const T& after) {
        const std::string old_text = text_of(before);
        const std::string new_text = text_of(after);
        if (old_text != new_text) {
            add(std::string{what} + ": " + old_text + " -> " + new_text);
        }
    }

  private:
    std::vector<std::string>& lines_;
    std::string heading_;
};

[[nodiscard]] std::string text_of(const model::OptionValue& option) {
    return dhcp4::format_option(option.code, option.value) + (option.always ? " (always)" : "");
}

void compare_options(Lines& lines, const std::vector<model::OptionValue>& before,
                     const std::vector<model::OptionValue>& after) {
    std::map<dhcp4::OptionCode, std::pair<std::string, std::string>> texts;
    for (const model::OptionValue& option : before) {
        texts[option.code].first = text_of(option);
    }
    for (const model::OptionValue& option : after) {
        texts[option.code].second = text_of(option);
    }
    const auto has = [](const std::vector<model::OptionValue>& options, dhcp4::OptionCode code) {
        return std::any_of(options.begin(), options.end(),
                           [code](const auto& option) { return option.code == code; });
    };
    for (const auto& [code, pair] : texts) {
        const std::string name = "option " + std::string{dhcp4::option_info(code).name};
        if (!has(before, code)) {
            lines.add(name + " added: " + pair.second);
        } else if (!has(after, code)) {
            lines.add(name + " removed");
        } else if (pair.first != pair.second) {
            lines.add(name + ": " + pair.first + " -> " + pair.second);
        }
    }
}

[[nodiscard]] std::string text_of(const model::ReservationConfiguration& reservation) {
    std::string text = reservation.address ? to_string(*reservation.address) : "no address";
    if (!reservation.hostname.empty()) {
        text += ", hostname " + reservation.hostname;
    }
    for (const model::OptionValue& option : reservation.options) {
        text += ", " + std::string{dhcp4::option_info(option.code).name} + " " + text_of(option);
    }
    if (reservation.next_server) {
        text += ", next-server " + to_string(*reservation.next_server);
    }
    if (!reservation.boot_file_name.empty()) {
        text += ", boot-file-name " + reservation.boot_file_name;
    }
    return text;
}

void compare_reservations(Lines& lines, const std::vector<model::ReservationConfiguration>& before,
                          const std::vector<model::ReservationConfiguration>& after) {
    using Texts = std::map<model::Identifier, std::string>;
    const auto texts_of = [](const std::vector<model::ReservationConfiguration>& reservations) {
        Texts texts;
        for (const model::ReservationConfiguration& reservation : reservations) {
            texts.emplace(reservation.identifier, text_of(reservation));
        }
        return texts;
    };
    const Texts old_texts = texts_of(before);
    const Texts new_texts = texts_of(after);
    std::vector<std::string> changes;
    for (const auto& [identifier, text] : old_texts) {
        const auto found = new_texts.find(identifier);
        if (found == new_texts.end()) {
            changes.push_back("reservation for " + describe(identifier) + " removed");
        } else if (found->second != text) {
            changes.push_back("reservation for " + describe(identifier) + ": " + text + " -> " +
                              found->second);
        }
    }
    for (const auto& [identifier, text] : new_texts) {
        if (!old_texts.contains(identifier)) {
            changes.push_back("reservation for " + describe(identifier) + " added: " + text);
        }
    }
    for (std::size_t i = 0; i < std::min(changes.size(), kMaxReservationLines); ++i) {
        lines.add(changes[i]);
    }
    if (changes.size() > kMaxReservationLines) {
        lines.add("and " + std::to_string(changes.size() - kMaxReservationLines) +
                  " more changes of reservations");
    }
}

[[nodiscard]] std::string wait_text(const std::optional<std::uint32_t>& wait) {
    return !wait                           ? std::string{}
           : *wait == model::kNoV6OnlyWait ? std::string{"false"}
                                           : format_duration(*wait);
}

void compare_subnets(Lines lines, const model::SubnetConfiguration& before,
                     const model::SubnetConfiguration& after) {
    lines.compare("interface", before.interface, after.interface);
    lines.compare("vlan", model::to_string(before.vlans), model::to_string(after.vlans));
    lines.compare("vlan-identity", before.vlan_identity, after.vlan_identity);
    lines.compare("shared-network", before.shared_network, after.shared_network);
    lines.compare("pools", before.pools, after.pools);
    lines.compare("exclude", before.excluded, after.excluded);
    lines.compare("lease-time", before.lease_time, after.lease_time);
    lines.compare("server-address", before.server_address, after.server_address);
    lines.compare("authoritative", before.authoritative, after.authoritative);
    lines.compare("identity", before.identity, after.identity);
    lines.compare("next-server", before.next_server, after.next_server);
    lines.compare("server-hostname", before.server_hostname, after.server_hostname);
    lines.compare("boot-file-name", before.boot_file_name, after.boot_file_name);
    lines.compare("relays", before.relays, after.relays);
    lines.compare("ipv6-mostly", wait_text(before.v6only_wait), wait_text(after.v6only_wait));
    compare_options(lines, before.options, after.options);
    compare_reservations(lines, before.reservations, after.reservations);
}

[[nodiscard]] std::uint64_t pool_size(const model::SubnetConfiguration& subnet) {
    std::uint64_t size = 0;
    for (const model::PoolConfiguration& pool : subnet.pools) {
        size += std::uint64_t{pool.last.value} - pool.first.value + 1;
    }
    return size;
}

void compare_dhcp4(std::vector<std::string>& result, const model::Dhcp4Configuration& before,
                   const model::Dhcp4Configuration& after) {
    Lines lines{result, "dhcp4 "};
    lines.compare("authoritative", before.authoritative, after.authoritative);
    lines.compare("lease-time", before.lease_time, after.lease_time);
    lines.compare("offer-lifetime", format_duration(before.offer_time),
                  format_duration(after.offer_time));
    lines.compare("decline-quarantine", format_duration(before.decline_time),
                  format_duration(after.decline_time));
    lines.compare("max-offers-per-relay", before.max_offers_per_relay, after.max_offers_per_relay);
    lines.compare("bootp", before.bootp, after.bootp);
    lines.compare("rapid-commit", before.rapid_commit, after.rapid_commit);
    lines.compare("renew-time-percent", Percent{before.renew_time_permille},
                  Percent{after.renew_time_permille});
    lines.compare("rebind-time-percent", Percent{before.rebind_time_permille},
                  Percent{after.rebind_time_permille});
    lines.compare("renew-jitter-percent", Percent{before.renew_jitter_permille},
                  Percent{after.renew_jitter_permille});
    lines.compare("ipv6-mostly", wait_text(before.v6only_wait), wait_text(after.v6only_wait));
    compare_options(lines, before.options, after.options);

    using Pair = std::pair<const model::SubnetConfiguration*, const model::SubnetConfiguration*>;
    std::map<Ipv4Prefix, Pair> subnets;
    for (const model::SubnetConfiguration& subnet : before.subnets) {
        subnets[subnet.prefix].first = &subnet;
    }
    for (const model::SubnetConfiguration& subnet : after.subnets) {
        subnets[subnet.prefix].second = &subnet;
    }
    for (const auto& [prefix, pair] : subnets) {
        const std::string heading = "subnet " + to_string(prefix) + " ";
        if (pair.first == nullptr) {
            result.push_back(heading + "added, " + std::to_string(pool_size(*pair.second)) +
                             " addresses in pools");
        } else if (pair.second == nullptr) {
            result.push_back(heading + "removed");
        } else {
            compare_subnets({result, heading}, *pair.first, *pair.second);
        }
    }
}

void compare_interfaces(std::vector<std::string>& result,
                        const std::vector<model::InterfaceConfiguration>& before,
                        const std::vector<model::InterfaceConfiguration>& after) {
    using Pair =
        std::pair<const model::InterfaceConfiguration*, const model::InterfaceConfiguration*>;
    std::map<std::string, Pair> interfaces;
    for (const model::InterfaceConfiguration& interface : before) {
        interfaces[interface.name].first = &interface;
    }
    for (const model::InterfaceConfiguration& interface : after) {
        interfaces[interface.name].second = &interface;
    }
    for (const auto& [name, pair] : interfaces) {
        Lines lines{result, "interface " + name + " "};
        if (pair.first == nullptr) {
            lines.add("added");
        } else if (pair.second == nullptr) {
            lines.add("removed");
        } else {
            lines.compare("driver", pair.first->driver, pair.second->driver);
            lines.compare("queues", pair.first->queues, pair.second->queues);
            lines.compare("zero-copy", pair.first->zero_copy, pair.second->zero_copy);
            lines.compare("reply-path", pair.first->reply_path, pair.second->reply_path);
            lines.compare("rate-limit", pair.first->rate_limits, pair.second->rate_limits);
        }
    }
}

// Each is named by its command, which no two share.
void compare_hooks(std::vector<std::string>& result,
                   const std::vector<model::HookConfiguration>& before,
                   const std::vector<model::HookConfiguration>& after) {
    using Pair = std::pair<const model::HookConfiguration*, const model::HookConfiguration*>;
    std::map<std::vector<std::string>, Pair> hooks;
    for (const model::HookConfiguration& hook : before) {
        hooks[hook.command].first = &hook;
    }
    for (const model::HookConfiguration& hook : after) {
        hooks[hook.command].second = &hook;
    }
    for (const auto& [command, pair] : hooks) {
        std::string heading = "hook";
        for (const std::string& argument : command) {
            heading += " " + argument;
        }
        if (pair.first == nullptr) {
            result.push_back(heading + " added: " + text_of(*pair.second));
        } else if (pair.second == nullptr) {
            result.push_back(heading + " removed");
        } else {
            Lines{result, ""}.compare(heading, *pair.first, *pair.second);
        }
    }
}

[[nodiscard]] bool contains(std::span<const Ipv4> sorted, Ipv4 address) {
    return std::binary_search(sorted.begin(), sorted.end(), address);
}

[[nodiscard]] bool contains(const std::vector<model::PoolConfiguration>& ranges, Ipv4 address) {
    return std::any_of(ranges.begin(), ranges.end(), [address](const auto& range) {
        return range.first <= address && address <= range.last;
    });
}

void append_routers(const std::vector<model::OptionValue>& options, std::vector<Ipv4>& addresses) {
    for (const model::OptionValue& option : options) {
        if (option.code != dhcp4::OptionCode::kRouters) {
            continue;
        }
        for (std::size_t at = 0; at + sizeof(std::uint32_t) <= option.value.size();
             at += sizeof(std::uint32_t)) {
            addresses.push_back(Ipv4::load(option.value.data() + at));
        }
    }
}

}  // namespace

std::vector<std::string> describe_changes(const model::Configuration& before,
                                          const model::Configuration& after, bool log_applies) {
    std::vector<std::string> result;
    compare_dhcp4(result, before.dhcp4, after.dhcp4);
    describe_changes6(result, before, after);
    if (log_applies) {
        Lines{result, ""}.compare("log", before.log, after.log);
    }
    compare_interfaces(result, before.interfaces, after.interfaces);
    compare_hooks(result, before.hooks, after.hooks);
    return result;
}

std::vector<std::string> describe_restarts(const model::Configuration& before,
                                           const model::Configuration& after,
                                           const config::LoadResult::Places& places,
                                           const std::string& file, bool log_applies) {
    std::vector<std::string> result;
    const auto compare = [&](const std::string& key, const std::string& part, const auto& old_value,
                             const auto& new_value) {
        const auto place = places.find(key);
        Lines{result, ""}.compare(
            key + part + " (" + file +
                (place == places.end() ? "" : ":" + std::to_string(place->second.line)) + ")",
            old_value, new_value);
    };
    if (!log_applies) {
        compare("log", "", before.log, after.log);
    }
    const auto workers = [](const model::Configuration& configuration) {
        return configuration.workers ? std::to_string(*configuration.workers) : std::string{"auto"};
    };
    compare("workers", "", workers(before), workers(after));
    compare("control-socket", "", before.control_socket, after.control_socket);
    compare("http", "", before.http.empty() ? std::string{"off"} : before.http,
            after.http.empty() ? std::string{"off"} : after.http);
    compare("durability", "", std::string{name(before.durability)},
            std::string{name(after.durability)});
    compare("state-directory", "", before.state_directory, after.state_directory);
    compare("max-leases", "", before.max_leases, after.max_leases);
    compare("side-memory", "", before.side_memory, after.side_memory);
    compare("ports", " server", std::uint32_t{before.ports.server},
            std::uint32_t{after.ports.server});
    compare("ports", " client", std::uint32_t{before.ports.client},
            std::uint32_t{after.ports.client});
    compare("ports", " server6", std::uint32_t{before.ports.server6},
            std::uint32_t{after.ports.server6});
    compare("ports", " client6", std::uint32_t{before.ports.client6},
            std::uint32_t{after.ports.client6});
    compare("ports", " reply-to-source", before.ports.reply_to_source, after.ports.reply_to_source);
    return result;
}

model::Configuration applicable(const model::Configuration& in_force, model::Configuration wanted,
                                bool log_applies) {
    if (!log_applies) {
        wanted.log = in_force.log;
    }
    wanted.workers = in_force.workers;
    wanted.control_socket = in_force.control_socket;
    wanted.http = in_force.http;
    wanted.durability = in_force.durability;
    wanted.state_directory = in_force.state_directory;
    wanted.max_leases = in_force.max_leases;
    wanted.side_memory = in_force.side_memory;
    wanted.ports = in_force.ports;
    return wanted;
}

Coverage::Coverage(const model::Configuration& configuration) {
    for (const model::SubnetConfiguration& subnet : configuration.dhcp4.subnets) {
        Part part{&subnet, {}, {}};
        for (const model::ReservationConfiguration& reservation : subnet.reservations) {
            if (reservation.address) {
                part.reserved.push_back(*reservation.address);
            }
        }
        append_routers(subnet.options, part.forbidden);
        if (part.forbidden.empty()) {
            append_routers(configuration.dhcp4.options, part.forbidden);
        }
        part.forbidden.insert(part.forbidden.end(), subnet.relays.begin(), subnet.relays.end());
        if (subnet.server_address) {
            part.forbidden.push_back(*subnet.server_address);
        }
        std::sort(part.reserved.begin(), part.reserved.end());
        std::sort(part.forbidden.begin(), part.forbidden.end());
        parts_.push_back(std::move(part));
    }
    std::sort(parts_.begin(), parts_.end(),
              [](const Part& a, const Part& b) { return a.subnet->prefix < b.subnet->prefix; });
    add_dhcp6(configuration.dhcp6);
}

void Coverage::add_dhcp6(const model::Dhcp6Configuration& dhcp6) {
    for (const model::Subnet6Configuration& subnet : dhcp6.subnets) {
        for (const model::Pool6Configuration& pool : subnet.pools) {
            pools6_.push_back({pool.first, pool.last});
        }
        for (const model::Pool6Configuration& excluded : subnet.excluded) {
            excluded6_.push_back({excluded.first, excluded.last});
        }
        for (const model::PrefixPoolConfiguration& pool : subnet.prefix_pools) {
            prefix_pools_.push_back(
                {{pool.prefix.network(), pool.prefix.last()}, pool.delegated_length});
        }
        for (const model::Reservation6Configuration& reservation : subnet.reservations) {
            for (const Ipv6& address : reservation.addresses) {
                reserved6_.push_back({lease::SpaceKind::kIpv6Address, {address, 128}});
            }
            for (const Ipv6Prefix& prefix : reservation.prefixes) {
                reserved6_.push_back({lease::SpaceKind::kIpv6Prefix, prefix});
            }
        }
    }
    std::sort(pools6_.begin(), pools6_.end());
    std::sort(excluded6_.begin(), excluded6_.end());
    std::vector<Range> joined;
    for (const Range& range : excluded6_) {
        if (!joined.empty() && range.first <= joined.back().last) {
            joined.back().last = std::max(joined.back().last, range.last);
        } else {
            joined.push_back(range);
        }
    }
    excluded6_ = std::move(joined);
    std::sort(prefix_pools_.begin(), prefix_pools_.end());
    std::sort(reserved6_.begin(), reserved6_.end());
}

bool Coverage::covers(const model::What6& what) const {
    const Ipv6& address = what.prefix.address;
    const auto has = [&address](const std::vector<Range>& ranges) {
        const auto behind = std::upper_bound(
            ranges.begin(), ranges.end(), address,
            [](const Ipv6& wanted, const Range& range) { return wanted < range.first; });
        return behind != ranges.begin() && address <= std::prev(behind)->last;
    };
    if (std::binary_search(reserved6_.begin(), reserved6_.end(), what)) {
        return true;
    }
    if (what.kind == lease::SpaceKind::kIpv6Address) {
        return has(pools6_) && !has(excluded6_);
    }
    const auto behind = std::upper_bound(
        prefix_pools_.begin(), prefix_pools_.end(), address,
        [](const Ipv6& wanted, const auto& pool) { return wanted < pool.first.first; });
    return behind != prefix_pools_.begin() && address <= std::prev(behind)->first.last &&
           std::prev(behind)->second == what.prefix.length;
}

bool Coverage::covers(Ipv4 address) const {
    // Prefixes of one configuration do not overlap: it can only be the last that begins at or
    // before.
    const auto above = std::upper_bound(
        parts_.begin(), parts_.end(), address,
        [](Ipv4 wanted, const Part& part) { return wanted < part.subnet->prefix.address; });
    if (above == parts_.begin()) {
        return false;
    }
    const Part& part = *std::prev(above);
    if (!part.subnet->prefix.contains(address)) {
        return false;
    }
    if (contains(part.forbidden, address)) {
        return false;
    }
    return contains(part.reserved, address) ||
           (contains(part.subnet->pools, address) && !contains(part.subnet->excluded, address));
}

}  // namespace xdhcpd::control
