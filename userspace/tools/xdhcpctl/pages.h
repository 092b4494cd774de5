// Answers of the control protocol as pages for people. Pure; whatever a server answers, a page
// comes out: what is missing or of another type is shown as empty.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace xdhcpd::xdhcpctl {

[[nodiscard]] std::string status_page(const nlohmann::json& answer);
// Why a server that answers "status" so cannot store leases; empty if it can.
[[nodiscard]] std::string journal_problem(const nlohmann::json& status);
[[nodiscard]] std::string subnets_page(const nlohmann::json& answer);
// Long lists come in several answers: headings before the first only.
[[nodiscard]] std::string leases_page(const nlohmann::json& answer, bool headings = true);
[[nodiscard]] std::string workers_page(const nlohmann::json& answer);
[[nodiscard]] std::string reload_page(const nlohmann::json& answer, bool dry_run);
// Sums over the pages of one command; `verb` is "renew" or "rebind".
[[nodiscard]] std::string reconfigure_page(const nlohmann::json& answer, std::string_view verb);
[[nodiscard]] std::string explain_page(const nlohmann::json& answer);

// What the server said when it said no, one or more lines.
[[nodiscard]] std::string error_text(const nlohmann::json& answer);

}  // namespace xdhcpd::xdhcpctl
