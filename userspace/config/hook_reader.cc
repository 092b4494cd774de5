#include "config/hook_reader.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "config/values.h"

namespace xdhcpd::config {
namespace {

using model::HookEvent;

constexpr std::size_t kMaxHooks = 16;  // each is a process at a time
constexpr std::size_t kMaxArguments = 64;
constexpr std::size_t kMaxArgumentLen = 1024;
constexpr std::uint32_t kMinTimeout = 1;
constexpr std::uint32_t kMaxTimeout = 3600;
constexpr std::array<std::string_view, 3> kKeys{"command", "events", "timeout"};
constexpr Choice<HookEvent> kEvents[] = {
    {name(HookEvent::kRouteAdded), HookEvent::kRouteAdded},
    {name(HookEvent::kRouteRemoved), HookEvent::kRouteRemoved}};

// Empty after a mistake.
std::vector<std::string> read_command(const Reader& reader, const Value& value) {
    std::vector<std::string> command;
    const std::vector<Value> elements = reader.list(value);
    for (const Value& element : elements) {
        const auto argument = reader.text(element, kMaxArgumentLen);
        if (!argument) {
            return {};
        }
        if (command.empty() && (argument->front() != '/' || argument->back() == '/')) {
            reader.error(element, in_quotes(*argument) +
                                      " is not an absolute path of a program, such as "
                                      "/usr/local/sbin/announce-route");
            return {};
        }
        command.emplace_back(*argument);
    }
    if (command.empty() && value.node->kind == Node::Kind::kSequence &&
        value.node->children.empty()) {
        reader.error(value, "the list is empty; a path and arguments were meant");
    }
    if (command.size() > kMaxArguments) {
        reader.error(value, std::to_string(command.size()) + " elements; at most " +
                                std::to_string(kMaxArguments) + " are allowed");
        return {};
    }
    return command;
}

std::vector<HookEvent> read_events(const Reader& reader, const Value& value) {
    std::vector<HookEvent> events;
    if (value.node->kind == Node::Kind::kSequence && value.node->children.empty()) {
        reader.error(value, "the list is empty; leave it out for all events");
    }
    for (const Value& element : reader.list(value)) {
        const auto event = reader.choice(element, kEvents);
        if (!event) {
            continue;
        }
        if (std::ranges::find(events, *event) != events.end()) {
            reader.error(element, in_quotes(name(*event)) + " is in the list already");
            continue;
        }
        events.push_back(*event);
    }
    return events;
}

}  // namespace

std::vector<model::HookConfiguration> read_hooks(const Reader& reader, const Value& list) {
    std::vector<model::HookConfiguration> hooks;
    const std::vector<Value> elements = reader.list(list);
    if (elements.size() > kMaxHooks) {
        reader.error(elements[kMaxHooks], "more than " + std::to_string(kMaxHooks) + " hooks");
        return hooks;
    }
    for (const Value& element : elements) {
        const MapReader map{reader, element, kKeys};
        if (!map.is_map()) {
            continue;
        }
        model::HookConfiguration hook;
        const auto command =
            map.require("command", "{command: [/usr/local/sbin/announce-route]} was meant");
        if (command) {
            hook.command = read_command(reader, *command);
        }
        if (const auto member = map.find("events")) {
            hook.events = read_events(reader, *member);
        }
        if (const auto member = map.find("timeout")) {
            hook.timeout =
                reader.duration(*member, kMinTimeout, kMaxTimeout).value_or(hook.timeout);
        }
        const bool is_known = std::ranges::any_of(
            hooks, [&hook](const auto& other) { return other.command == hook.command; });
        if (command && !hook.command.empty() && is_known) {
            reader.error(*command, "another hook has the same command");
            continue;
        }
        hooks.push_back(std::move(hook));
    }
    return hooks;
}

}  // namespace xdhcpd::config
