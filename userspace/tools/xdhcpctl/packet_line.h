// Captured packets as lines for people and as JSON objects. Pure but for the time zone.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "pcapng/blocks.h"

namespace xdhcpd::xdhcpctl {

// What can be read of the packet; keys whose value cannot be read are missing.
[[nodiscard]] nlohmann::json packet_json(const pcapng::Packet& packet, std::string_view interface);
// One line without newline, from what packet_json() gave: local time, direction, port, message,
// client, address, what became of it.
[[nodiscard]] std::string packet_line(const nlohmann::json& packet);

}  // namespace xdhcpd::xdhcpctl
