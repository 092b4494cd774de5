#include "control/changes6.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include "control/text.h"
#include "dhcp6/option_text.h"
#include "nd/options.h"

namespace xdhcpd::control {
namespace {

// A subnet with more changed reservations is summed up.
constexpr std::size_t kMaxReservationLines = 100;

// Names of settings with their values for people, in the order of the names. What is not there has
// no value.
using Settings = std::map<std::string, std::string>;

[[nodiscard]] std::string text_of(bool value) {
    return value ? "true" : "false";
}
[[nodiscard]] std::string text_of(const std::string& value) {
    return value;
}
[[nodiscard]] std::string text_of(const Ipv6& value) {
    return to_string(value);
}
[[nodiscard]] std::string text_of(const Ipv6Prefix& value) {
    return to_string(value);
}
[[nodiscard]] std::string text_of(const model::Lifetimes& lifetimes) {
    return "preferred " + format_duration(lifetimes.preferred) + ", valid " +
           format_duration(lifetimes.valid);
}
[[nodiscard]] std::string text_of(const model::Pool6Configuration& pool) {
    return pool.first == pool.last ? to_string(pool.first)
                                   : to_string(pool.first) + "-" + to_string(pool.last);
}
[[nodiscard]] std::string text_of(const model::PrefixPoolConfiguration& pool) {
    return to_string(pool.prefix) + " in /" + std::to_string(pool.delegated_length) +
           (pool.excluded ? " without " + to_string(*pool.excluded) : "");
}
[[nodiscard]] std::string text_of(const model::OptionValue6& option) {
    return dhcp6::format_option(option.code, option.value) + (option.always ? " (always)" : "");
}
[[nodiscard]] std::string text_of(nd::Preference preference) {
    return preference == nd::Preference::kHigh  ? "high"
           : preference == nd::Preference::kLow ? "low"
                                                : "medium";
}
template <typename T>
[[nodiscard]] std::string text_of(const std::vector<T>& values) {
    std::string text;
    for (const T& value : values) {
        text += (text.empty() ? "" : ", ") + text_of(value);
    }
    return text;
}
template <typename T>
[[nodiscard]] std::string text_of(const std::optional<T>& value) {
    return value ? text_of(*value) : std::string{};
}
template <typename T>
[[nodiscard]] std::string time_of(const std::optional<T>& seconds) {
    return seconds ? format_duration(*seconds) : std::string{};
}
[[nodiscard]] std::string milliseconds(std::uint32_t value) {
    return std::to_string(value) + "ms";
}
[[nodiscard]] std::string percent(std::uint32_t permille) {
    return std::to_string(permille / 10) +
           (permille % 10 == 0 ? "" : "." + std::to_string(permille % 10));
}

void add_options(Settings& to, const std::vector<model::OptionValue6>& options) {
    for (const model::OptionValue6& option : options) {
        to["option " + dhcp6::option_name(option.code)] = text_of(option);
    }
}

// A line for each difference, `most` at most.
void compare(std::vector<std::string>& lines, const std::string& heading, const Settings& before,
             const Settings& after, std::size_t most = ~std::size_t{0}) {
    Settings names = before;
    names.insert(after.begin(), after.end());
    std::size_t count = 0;
    for (const auto& [name, ignored] : names) {
        const auto value = [&name = name](const Settings& settings) {
            const auto found = settings.find(name);
            return found != settings.end() && !found->second.empty() ? found->second : "none";
        };
        const std::string old_text = value(before);
        const std::string new_text = value(after);
        if (old_text != new_text && ++count <= most) {
            std::string line = heading;
            line += name;
            line += ": ";
            line += old_text;
            line += " -> ";
            line += new_text;
            lines.push_back(std::move(line));
        }
    }
    if (count > most) {
        lines.push_back(heading + "and " + std::to_string(count - most) + " more changes");
    }
}

// Likewise of things that come and go, by their names.
template <typename T, typename SettingsOf>
void compare_all(std::vector<std::string>& lines, const std::map<std::string, const T*>& before,
                 const std::map<std::string, const T*>& after, SettingsOf settings_of) {
    std::map<std::string, const T*> all = before;
    all.insert(after.begin(), after.end());
    for (const auto& [name, ignored] : all) {
        const auto old_one = before.find(name);
        const auto new_one = after.find(name);
        if (old_one == before.end()) {
            lines.push_back(name + " added");
        } else if (new_one == after.end()) {
            lines.push_back(name + " removed");
        } else {
            compare(lines, name + " ", settings_of(*old_one->second),
                    settings_of(*new_one->second));
        }
    }
}

[[nodiscard]] Settings settings_of(const model::Dhcp6Configuration& dhcp6) {
    Settings settings{
        {"lifetimes", text_of(dhcp6.lifetimes)},
        {"rapid-commit", text_of(dhcp6.rapid_commit)},
        {"reconfigure", text_of(dhcp6.reconfigure)},
        {"preference", dhcp6.preference ? std::to_string(*dhcp6.preference) : std::string{}},
        {"offer-lifetime", format_duration(dhcp6.offer_time)},
        {"decline-quarantine", format_duration(dhcp6.decline_time)},
        {"max-offers-per-relay", std::to_string(dhcp6.max_offers_per_relay)},
        {"information-refresh-time", format_duration(dhcp6.information_refresh_time)},
        {"renew-time-percent", percent(dhcp6.renew_time_permille)},
        {"rebind-time-percent", percent(dhcp6.rebind_time_permille)},
        {"delegated-routes", text_of(dhcp6.delegated_routes)},
    };
    add_options(settings, dhcp6.options);
    return settings;
}

[[nodiscard]] Settings settings_of(const model::Subnet6Configuration& subnet) {
    Settings settings{
        {"interface", subnet.interface},
        {"vlan", model::to_string(subnet.vlans)},
        {"shared-network", subnet.shared_network},
        {"interface-id", to_hex(subnet.interface_id)},
        {"pools", text_of(subnet.pools)},
        {"exclude", text_of(subnet.excluded)},
        {"prefix-pools", text_of(subnet.prefix_pools)},
        {"lifetimes", text_of(subnet.lifetimes)},
        {"rapid-commit", text_of(subnet.rapid_commit)},
        {"relays", text_of(subnet.relays)},
    };
    add_options(settings, subnet.options);
    return settings;
}

[[nodiscard]] std::string name_of(const model::Reservation6Configuration& reservation) {
    static constexpr std::string_view kKinds[]{"duid", "hw-address", "relay-id", "remote-id",
                                               "subscriber-id"};
    return "reservation for " +
           std::string{kKinds[static_cast<std::size_t>(reservation.identifier.kind)]} + " " +
           to_hex(reservation.identifier.value) +
           (reservation.iaid ? " iaid " + std::to_string(*reservation.iaid) : "");
}

[[nodiscard]] Settings reservations_of(const model::Subnet6Configuration& subnet) {
    Settings settings;
    for (const model::Reservation6Configuration& reservation : subnet.reservations) {
        std::string text = text_of(reservation.addresses);
        const std::string prefixes = text_of(reservation.prefixes);
        text += (text.empty() || prefixes.empty() ? "" : ", ") + prefixes;
        text += text.empty() ? "nothing of its own" : "";
        text += reservation.hostname.empty() ? "" : ", hostname " + reservation.hostname;
        for (const model::OptionValue6& option : reservation.options) {
            text += ", " + dhcp6::option_name(option.code) + " " + text_of(option);
        }
        settings[name_of(reservation)] = text;
    }
    return settings;
}

[[nodiscard]] Settings settings_of(const model::AdvertisementConfiguration& advertisement) {
    Settings settings{
        {"managed", text_of(advertisement.managed)},
        {"other", text_of(advertisement.other)},
        {"preference", text_of(advertisement.preference)},
        {"interval", format_duration(advertisement.min_interval) + " to " +
                         format_duration(advertisement.max_interval)},
        {"router-lifetime", time_of(advertisement.router_lifetime)},
        {"hop-limit", std::to_string(advertisement.hop_limit)},
        {"reachable-time", milliseconds(advertisement.reachable_time)},
        {"retransmit-timer", milliseconds(advertisement.retransmit_timer)},
        {"mtu", advertisement.mtu ? std::to_string(*advertisement.mtu) : std::string{}},
        {"source-link-layer", text_of(advertisement.source_link_layer)},
        {"solicited-by-unicast", text_of(advertisement.solicited_by_unicast)},
        {"dns-servers", text_of(advertisement.dns_servers)},
        {"dns-search", text_of(advertisement.dns_search)},
        {"dns-lifetime", time_of(advertisement.dns_lifetime)},
        {"pref64", text_of(advertisement.pref64)},
        {"pref64-lifetime", time_of(advertisement.pref64_lifetime)},
        {"captive-portal", advertisement.captive_portal},
    };
    for (const model::AdvertisedPrefixConfiguration& each : advertisement.prefixes) {
        settings["prefix " + to_string(each.prefix)] =
            text_of(each.lifetimes) + (each.on_link ? ", on-link" : "") +
            (each.autonomous ? ", autonomous" : "") +
            (each.router_address ? ", router-address" : "") +
            (each.pd_preferred ? ", pd-preferred" : "") +
            (each.until ? ", until " + format_time(static_cast<std::int64_t>(*each.until)) : "");
    }
    for (const model::AdvertisedRouteConfiguration& each : advertisement.routes) {
        settings["route " + to_string(each.prefix)] =
            "preference " + text_of(each.preference) +
            (each.lifetime ? ", lifetime " + format_duration(*each.lifetime) : "");
    }
    return settings;
}

[[nodiscard]] std::string place_of(const std::string& interface,
                                   const std::optional<model::VlanRange>& vlan) {
    return interface + (vlan ? " vlan " + model::to_string(*vlan) : "");
}

// By the link: targets of several proxies there are one list.
[[nodiscard]] Settings proxies_of(const model::Configuration& configuration) {
    Settings settings;
    for (const model::NeighborProxyConfiguration& proxy : configuration.neighbor_proxies) {
        std::string& text =
            settings["neighbor-proxies on " + place_of(proxy.interface, proxy.vlan)];
        text += (text.empty() ? "" : ", ") + text_of(proxy.targets) +
                (proxy.router ? "" : " (no router)");
    }
    return settings;
}

void compare_subnets(std::vector<std::string>& lines, const model::Dhcp6Configuration& before,
                     const model::Dhcp6Configuration& after) {
    const auto by_name = [](const model::Dhcp6Configuration& dhcp6) {
        std::map<std::string, const model::Subnet6Configuration*> subnets;
        for (const model::Subnet6Configuration& subnet : dhcp6.subnets) {
            subnets["subnet " + to_string(subnet.prefix)] = &subnet;
        }
        return subnets;
    };
    const auto old_subnets = by_name(before);
    const auto new_subnets = by_name(after);
    compare_all(lines, old_subnets, new_subnets,
                [](const model::Subnet6Configuration& subnet) { return settings_of(subnet); });
    for (const auto& [name, subnet] : old_subnets) {
        const auto found = new_subnets.find(name);
        if (found != new_subnets.end()) {
            compare(lines, name + " ", reservations_of(*subnet), reservations_of(*found->second),
                    kMaxReservationLines);
        }
    }
}

}  // namespace

void describe_changes6(std::vector<std::string>& lines, const model::Configuration& before,
                       const model::Configuration& after) {
    compare(lines, "dhcp6 ", settings_of(before.dhcp6), settings_of(after.dhcp6));
    compare_subnets(lines, before.dhcp6, after.dhcp6);
    const auto by_link = [](const model::Configuration& configuration) {
        std::map<std::string, const model::AdvertisementConfiguration*> advertisements;
        for (const auto& each : configuration.router_advertisements) {
            advertisements["router-advertisements on " + place_of(each.interface, each.vlan)] =
                &each;
        }
        return advertisements;
    };
    compare_all(lines, by_link(before), by_link(after),
                [](const model::AdvertisementConfiguration& each) { return settings_of(each); });
    compare(lines, "", proxies_of(before), proxies_of(after));
}

}  // namespace xdhcpd::control
