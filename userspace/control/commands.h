// The commands of operators. Each has a file, command_NAME.cc; commands.cc is the list of them.
// Control thread.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "control/arguments.h"
#include "control/file_handle.h"
#include "control/reconfigurer.h"
#include "control/reloader.h"
#include "control/server_state.h"

namespace xdhcpd::control {

// What a command works on.
struct CommandContext {
    ServerState& state;
    Reloader& reloader;
    Reconfigurer& reconfigurer;
};

// Finds the command of a request and answers: an object with "ok".
[[nodiscard]] nlohmann::json answer_request(CommandContext context, const nlohmann::json& request);

// {"ok": false, "error": TEXT}
[[nodiscard]] nlohmann::json failure(std::string text);

[[nodiscard]] Answer status_command(const ServerState& state);
[[nodiscard]] Answer subnets_command(const ServerState& state);
[[nodiscard]] Answer leases_command(ServerState& state, const nlohmann::json& request);
[[nodiscard]] Answer workers_command(const ServerState& state);
[[nodiscard]] Answer reload_command(Reloader& reloader, const nlohmann::json& request);
[[nodiscard]] Answer reconfigure_command(const ServerState& state, Reconfigurer& reconfigurer,
                                         const nlohmann::json& request);
[[nodiscard]] Answer explain_command(const ServerState& state, const nlohmann::json& request);
// Only checks what is asked for: the capture begins when its connection comes.
[[nodiscard]] Answer capture_command(ServerState& state, const nlohmann::json& request);
// That connection; see Control::stream().
void begin_capture(ServerState& state, std::uint64_t number, FileHandle connection,
                   std::string_view unsent);
[[nodiscard]] Answer stop_command(ServerState& state);

}  // namespace xdhcpd::control
