#include "lease_files/entry.h"

namespace xdhcpd::lease_files {

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
    if (entry.state == EntryState::kLeased && entry.hw_address.empty() && entry.client_id.empty() &&
        entry.relay_information.empty()) {
        return "nothing names the client: a hardware address or a client identifier was meant";
    }
    return {};
}

}  // namespace xdhcpd::lease_files
