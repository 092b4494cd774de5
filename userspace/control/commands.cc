#include "control/commands.h"

#include <algorithm>
#include <array>
#include <utility>

namespace xdhcpd::control {
namespace {

using nlohmann::json;
using Context = CommandContext&;

struct Entry {
    std::string_view name;
    bool needs_workers;
    Answer (*method)(Context, const json&);
};
constexpr std::array<Entry, 9> kCommands{{
    {"status", false, [](Context of, const json&) { return status_command(of.state); }},
    {"subnets", false, [](Context of, const json&) { return subnets_command(of.state); }},
    {"leases", true, [](Context of, const json& from) { return leases_command(of.state, from); }},
    {"workers", true, [](Context of, const json&) { return workers_command(of.state); }},
    {"reload", true,
     [](Context of, const json& from) { return reload_command(of.reloader, from); }},
    {"reconfigure", true,
     [](Context of, const json& from) {
         return reconfigure_command(of.state, of.reconfigurer, from);
     }},
    {"explain", true, [](Context of, const json& from) { return explain_command(of.state, from); }},
    {"capture", true, [](Context of, const json& from) { return capture_command(of.state, from); }},
    {"stop", false, [](Context of, const json&) { return stop_command(of.state); }},
}};

}  // namespace

json failure(std::string text) {
    return {{"ok", false}, {"error", std::move(text)}};
}

json answer_request(CommandContext context, const json& request) {
    if (!request.is_object()) {
        return failure("a request is a JSON object with \"command\"");
    }
    const auto command = text_argument(request, "command");
    if (!command || !*command) {
        return failure(
            "\"command\" is missing; status, leases, subnets, workers, reload, reconfigure, "
            "explain, capture or stop was meant");
    }
    const auto entry = std::find_if(kCommands.begin(), kCommands.end(),
                                    [&](const Entry& other) { return other.name == **command; });
    if (entry == kCommands.end()) {
        return failure("unknown command '" + **command +
                       "'; status, leases, subnets, workers, reload, reconfigure, "
                       "explain, capture or stop was meant");
    }
    if (entry->needs_workers && context.state.is_stopping()) {
        return failure("xdhcpd is stopping");
    }
    Answer answer = entry->method(context, request);
    if (!answer) {
        return failure(answer.error());
    }
    json result = std::move(*answer);
    if (!result.contains("ok")) {
        result["ok"] = true;
    }
    return result;
}

Answer stop_command(ServerState& state) {
    state.log(model::LogLevel::kInfo, "stopping: an operator asked for it");
    state.stop();
    if (state.parts.on_stop) {
        state.parts.on_stop();
    }
    return json::object();
}

}  // namespace xdhcpd::control
