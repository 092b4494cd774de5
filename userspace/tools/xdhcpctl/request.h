// Requests of the control protocol made from what people type. Pure.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace xdhcpd::xdhcpctl {

// The request for `leases find WHAT`: an address ("192.0.2.1"), a MAC ("02:00:5e:00:53:01"), a
// client identifier
// ("01:02:00:5e:00:53:01", "0x0102") or else a hostname.
[[nodiscard]] nlohmann::json find_request(const std::string& what);

}  // namespace xdhcpd::xdhcpctl
