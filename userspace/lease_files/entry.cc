#include "lease_files/entry.h"

#include <algorithm>

namespace xdhcpd::lease_files {
namespace {

[[nodiscard]] std::string check_dhcp6(const Entry& entry) {
    const Dhcp6Lease& dhcp6 = *entry.dhcp6;
    if (dhcp6.what.length < 1 || dhcp6.what.length > 128 ||
        dhcp6.what.address != dhcp6.what.network() ||
        (!dhcp6.is_prefix && dhcp6.what.length != 128)) {
        return "a prefix has 1 to 128 bits, and none behind them";
    }
    if (!dhcp6.duid.empty() && (dhcp6.duid.size() < Dhcp6Lease::kMinDuidLen ||
                                dhcp6.duid.size() > Dhcp6Lease::kMaxDuidLen)) {
        return "a DUID has 3 to 130 bytes";
    }
    for (const auto* const bytes : {&dhcp6.relay_id, &dhcp6.remote_id, &dhcp6.subscriber_id}) {
        if (bytes->size() > Entry::kMaxBytes) {
            return "what relays say has at most 255 bytes";
        }
    }
    if (!entry.client_id.empty() || entry.relay || entry.vlan || entry.subnet) {
        return "client_id, relay and vlan are of DHCPv4";
    }
    if (entry.state == EntryState::kLeased && dhcp6.duid.empty() && dhcp6.relay_id.empty() &&
        dhcp6.remote_id.empty() && dhcp6.subscriber_id.empty()) {
        return "nothing names the client: a DUID was meant";
    }
    return {};
}

}  // namespace

std::string name_of(const Entry& entry) {
    if (!entry.dhcp6) {
        return to_string(entry.address);
    }
    return entry.dhcp6->is_prefix ? to_string(entry.dhcp6->what)
                                  : to_string(entry.dhcp6->what.address);
}

bool set_name(Entry& entry, std::string_view text) {
    entry.dhcp6.reset();
    if (const auto address = parse_ipv4(text)) {
        entry.address = *address;
        return true;
    }
    const auto address = parse_ipv6(text);
    const auto prefix = parse_ipv6_prefix(text);
    if (!address && !prefix) {
        return false;
    }
    entry.dhcp6.emplace();
    entry.dhcp6->is_prefix = prefix.has_value();
    entry.dhcp6->what = prefix ? *prefix : Ipv6Prefix{*address, 128};
    return true;
}

std::string check(const Entry& entry) {
    const auto is_time = [](const std::optional<std::int64_t>& time) {
        return !time || (*time >= 0 && *time <= Entry::kMaxTime);
    };
    if (!is_time(entry.expires) || !is_time(entry.started)) {
        return "times are Unix seconds up to the year 9999";
    }
    if (entry.hw_address.size() > Entry::kMaxHwLen) {
        return "a hardware address has at most 16 bytes";
    }
    for (const auto* const bytes : {&entry.client_id, &entry.hostname, &entry.relay_information}) {
        if (bytes->size() > Entry::kMaxBytes) {
            return "client identifiers, hostnames and relay information have at most 255 bytes";
        }
    }
    if (entry.dhcp6) {
        return check_dhcp6(entry);
    }
    if (entry.state == EntryState::kLeased && entry.hw_address.empty() && entry.client_id.empty() &&
        entry.relay_information.empty()) {
        return "nothing names the client: a hardware address or a client identifier was meant";
    }
    return {};
}

}  // namespace xdhcpd::lease_files
