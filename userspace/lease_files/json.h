// An entry as a JSON object: a line of our JSON format, and a lease of the control protocol.
//
//     {"address": "192.0.2.10", "subnet": "192.0.2.0/24", "state": "leased",
//      "hw_type": 1, "hw_address": "02:00:5e:00:53:01", "client_id": "01:02:00:5e:00:53:01",
//      "hostname": "printer", "relay_information": "01:04:65:74:68:31", "relay": "192.0.2.1",
//      "vlan": "100.200", "started": 1767225600, "expires": 1767229200}
//
//     {"address": "2001:db8::10", "subnet": "2001:db8::/64", "state": "leased",
//      "duid": "00:03:00:01:02:00:5e:00:53:01", "iaid": 1577079553, "preferred_lifetime": 3600,
//      "started": 1767225600, "expires": 1767229200}
//     {"address": "2001:db8:8000:100::/56", ...}: a delegated prefix
//
// What a lease does not have is left out; "expires": null is for ever. Times are Unix seconds.
// Bytes of the hostname that are not printable stand as \xff, a backslash as two.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "base/result.h"
#include "lease_files/entry.h"

namespace xdhcpd::lease_files {

[[nodiscard]] nlohmann::json to_json(const Entry& entry);

// What is wrong with an object, and with which of its members; an empty one: with all of it.
struct JsonError {
    std::string member;
    std::string text;
};
[[nodiscard]] Result<Entry, JsonError> from_json(const nlohmann::json& object);

}  // namespace xdhcpd::lease_files
