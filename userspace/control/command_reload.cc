// The command "reload": puts the configuration in force again, or says what that would change.

#include <utility>

#include "control/commands.h"

namespace xdhcpd::control {

using nlohmann::json;

Answer reload_command(Reloader& reloader, const json& request) {
    const auto dry_run = flag_argument(request, "dry_run");
    if (!dry_run) {
        return Unexpected{dry_run.error()};
    }
    const ReloadOutcome outcome = reloader.reload(*dry_run);
    json answer = {{"ok", outcome.ok}, {"warnings", outcome.warnings}};
    if (!outcome.ok) {
        answer["error"] = "the configuration has not been changed";
        answer["errors"] = outcome.errors;
        return answer;
    }
    answer["changes"] = outcome.changes;
    answer["needs_restart"] = outcome.needs_restart;
    json outside = json::array();
    for (const ReloadOutcome::OutsideLease& lease : outcome.leases_outside) {
        outside.push_back({{"address", lease.address}, {"hw_address", lease.hw_address}});
    }
    answer["leases_outside"] = std::move(outside);
    answer["leases_outside_count"] = outcome.leases_outside_count;
    return answer;
}

}  // namespace xdhcpd::control
