// What is in a state directory, for people and as JSON. Pure; text from clients cannot steer a
// terminal.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "journal/codec/unit_state.h"
#include "journal/offline.h"

namespace xdhcpd::xdhcpctl {

// "2026-11-25T09:00:00Z"; "never" for kNever, and the number where no calendar goes.
[[nodiscard]] std::string unix_time(std::uint64_t seconds);
// "192.0.2.1", "2001:db8::1", "2001:db8:8000::/56"
[[nodiscard]] std::string unit_text(const journal::UnitKey& key);

[[nodiscard]] std::string unit_line(const journal::UnitState& state);
[[nodiscard]] nlohmann::json unit_json(const journal::UnitState& state);

[[nodiscard]] std::string check_page(const journal::CheckResult& result);
[[nodiscard]] nlohmann::json check_json(const journal::CheckResult& result);
[[nodiscard]] std::string repair_page(const journal::RepairResult& result);
[[nodiscard]] nlohmann::json repair_json(const journal::RepairResult& result);

}  // namespace xdhcpd::xdhcpctl
