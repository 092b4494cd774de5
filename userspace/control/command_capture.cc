// The command "capture": checks what is asked for, and begins when its connection comes.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <exception>
#include <string>
#include <utility>

#include "control/captures.h"
#include "control/commands.h"
#include "worker/tap.h"

namespace xdhcpd::control {
namespace {

using model::LogLevel;
using nlohmann::json;

// For the description of an interface in a capture.
std::string describe(const InterfaceStatus& interface) {
    std::string text = "driver " + interface.driver;
    if (!interface.mode.empty()) {
        text += ", " + interface.mode;
    }
    if (interface.driver == "udp") {
        text += ", Ethernet and IP headers are rebuilt";
    }
    return text;
}

}  // namespace

Answer capture_command(ServerState& state, const json& request) {
    const auto interface = text_argument(request, "interface");
    const auto mac =
        parsed_argument(request, "hw_address", parse_mac, "a MAC such as 02:00:5e:00:53:01");
    const auto snaplen = count_argument(request, "snaplen");
    const auto count = count_argument(request, "count");
    const auto duration = count_argument(request, "duration_ms");
    if (!interface || !mac) {
        return Unexpected{!interface ? interface.error() : mac.error()};
    }
    for (const auto* const number : {&snaplen, &count, &duration}) {
        if (!*number) {
            return Unexpected{number->error()};
        }
    }
    if (snaplen->value_or(1) > worker::kMaxSnaplen) {
        return Unexpected{"snaplen wants a number from 1 to " +
                          std::to_string(worker::kMaxSnaplen)};
    }
    const auto dropped = flag_argument(request, "dropped");
    if (!dropped) {
        return Unexpected{dropped.error()};
    }
    constexpr std::chrono::milliseconds kLongest = std::chrono::hours{24 * 365};
    CaptureOptions options;
    options.filter = {interface->value_or(""), *mac, *dropped};
    options.snaplen = static_cast<std::uint32_t>(snaplen->value_or(worker::kMaxSnaplen));
    options.max_packets = count->value_or(0);
    options.duration = std::chrono::milliseconds{std::min<std::uint64_t>(
        duration->value_or(0), static_cast<std::uint64_t>(kLongest.count()))};
    options.application = std::string{"xdhcpd "} + XDHCPD_VERSION;
    options.clock = state.clock();
    std::string served;
    for (const InterfaceStatus& one : state.parts.interfaces()) {
        served += (served.empty() ? "" : ", ") + one.name;
        if (!*interface || **interface == one.name) {
            options.interfaces.push_back({one.name, describe(one)});
        }
    }
    if (*interface && options.interfaces.empty()) {
        return Unexpected{"interface '" + **interface + "' is not served; " + served + " is"};
    }
    const auto number = state.captures.prepare(std::move(options));
    if (!number) {
        return Unexpected{number.error()};
    }
    return json{{"stream", *number}, {"format", "pcapng"}};
}

void begin_capture(ServerState& state, std::uint64_t number, FileHandle connection,
                   std::string_view unsent) {
    try {
        if (const auto running = state.captures.connect(number, std::move(connection), unsent)) {
            state.log(LogLevel::kInfo, describe(*running) + " has begun");
        }
    } catch (const std::exception& error) {  // no memory or no thread
        state.log(LogLevel::kError, std::string{"capture: "} + error.what());
    }
}

}  // namespace xdhcpd::control
