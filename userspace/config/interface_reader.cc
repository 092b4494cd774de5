#include "config/interface_reader.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "config/limits.h"

namespace xdhcpd::config {
namespace {

constexpr std::uint32_t kMaxQueueIndex = 4095;  // no driver of Linux has more

using model::Driver;
using model::ZeroCopy;

constexpr Choice<Driver> kDrivers[] = {{"auto", Driver::kAuto},
                                       {"xdp", Driver::kXdp},
                                       {"xdp-generic", Driver::kXdpGeneric},
                                       {"packet", Driver::kPacket},
                                       {"udp", Driver::kUdp}};
constexpr Choice<ZeroCopy> kZeroCopies[] = {
    {"auto", ZeroCopy::kAuto}, {"on", ZeroCopy::kOn}, {"off", ZeroCopy::kOff}};
constexpr Choice<model::ReplyPath> kReplyPaths[] = {{"mirror", model::ReplyPath::kMirror},
                                                    {"route", model::ReplyPath::kRoute}};
constexpr std::array<std::string_view, 5> kInterfaceKeys{"name", "driver", "queues", "zero-copy",
                                                         "reply-path"};

}  // namespace

void InterfaceReader::read(const Value& list) {
    if (list.node->kind == Node::Kind::kSequence && list.node->children.empty()) {
        reader_.reporter().error(list.place(),
                                 "interfaces: the list is empty; {name: eth0} was meant");
    }
    for (const Value& element : reader_.list(list)) {
        if (element.node->kind == Node::Kind::kScalar) {
            reader_.error(element, in_quotes(element.node->text) + " stands here; {name: " +
                                       element.node->text.substr(0, kMaxInterfaceLen) +
                                       "} was meant?");
        } else {
            read_interface(element);
        }
    }
}

void InterfaceReader::read_interface(const Value& value) {
    const MapReader map{reader_, value, kInterfaceKeys};
    if (!map.is_map()) {
        return;
    }
    model::InterfaceConfiguration interface;
    if (const auto member = map.find("driver")) {
        interface.driver = reader_.choice(*member, kDrivers).value_or(interface.driver);
    }
    if (const auto member = map.find("queues")) {
        read_queues(*member, interface);
    }
    if (const auto member = map.find("zero-copy")) {
        interface.zero_copy = reader_.choice(*member, kZeroCopies).value_or(interface.zero_copy);
    }
    if (const auto member = map.find("reply-path")) {
        interface.reply_path = reader_.choice(*member, kReplyPaths).value_or(interface.reply_path);
    }
    warn_of_driver(map, interface);
    const auto member = map.require("name", "{name: eth0} was meant");
    const auto name = member ? reader_.text(*member, kMaxInterfaceLen) : std::nullopt;
    if (!name) {
        return;
    }
    if (name->find_first_of("/ ") != std::string_view::npos || *name == "." || *name == "..") {
        reader_.error(*member, in_quotes(*name) + " cannot be the name of an interface");
        return;
    }
    interface.name = *name;
    const auto [first, is_new] =
        placed_.emplace(*name, PlacedInterface{member->place(), interface.driver});
    if (!is_new) {
        reader_.error(*member, "interface " + in_quotes(*name) +
                                   " is listed twice; it is first on " +
                                   to_string(first->second.place));
        return;
    }
    interfaces_.push_back(std::move(interface));
}

void InterfaceReader::read_queues(const Value& value, model::InterfaceConfiguration& interface) {
    if (value.node->kind != Node::Kind::kSequence) {
        if (value.node->text != "all") {
            reader_.error(value, "'all' or a list of queue numbers, such as [0, 2], was meant");
        }
        return;
    }
    if (value.node->children.empty()) {
        reader_.error(value, "the list is empty; 'all' was meant?");
    }
    for (const Value& element : reader_.list(value)) {
        const auto queue = reader_.number(element, 0, kMaxQueueIndex);
        if (!queue) {
            continue;
        }
        if (std::ranges::find(interface.queues, *queue) != interface.queues.end()) {
            reader_.error(element, "queue " + std::to_string(*queue) + " is listed twice");
            continue;
        }
        interface.queues.push_back(*queue);
    }
}

void InterfaceReader::warn_of_driver(const MapReader& map,
                                     const model::InterfaceConfiguration& interface) {
    const bool has_queues = interface.driver != Driver::kPacket && interface.driver != Driver::kUdp;
    const auto queues = map.find("queues");
    if (queues && !interface.queues.empty() && !has_queues) {
        reader_.warning(*queues, "no effect with drivers packet and udp, which have one queue");
    }
    const auto zero_copy = map.find("zero-copy");
    const bool can_zero_copy =
        interface.driver == Driver::kAuto || interface.driver == Driver::kXdp;
    if (zero_copy && interface.zero_copy == ZeroCopy::kOn && !can_zero_copy) {
        reader_.warning(*zero_copy, "no effect; only driver xdp can do without copies");
    }
}

}  // namespace xdhcpd::config
