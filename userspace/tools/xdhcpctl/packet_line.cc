#include "tools/xdhcpctl/packet_line.h"

#include <array>
#include <cstdio>
#include <ctime>

#include "base/addresses.h"
#include "dhcp4/message_view.h"
#include "dhcp4/options.h"
#include "dhcp6/message_view.h"
#include "engine/message_type.h"
#include "nd/message_view.h"
#include "packet/frame_view.h"
#include "packet/frame_view6.h"
#include "tools/xdhcpctl/table.h"

namespace xdhcpd::xdhcpctl {
namespace {

using nlohmann::json;

constexpr std::uint64_t kNsPerSecond = 1'000'000'000;

[[nodiscard]] std::string tags_text(const VlanTags& tags) {
    std::string text;
    for (const VlanTag tag : tags.view()) {
        text += (text.empty() ? "" : ".") + std::to_string(tag.vid());
    }
    return text;
}

void add_message(json& object, ByteView payload) {
    dhcp4::MessageView message;
    if (!message.parse(payload)) {
        return;
    }
    std::array<char, 11> xid{};
    static_cast<void>(std::snprintf(xid.data(), xid.size(), "0x%08x", message.xid()));
    object["message_type"] = dhcp4::name(message.type());
    object["xid"] = xid.data();
    if (message.hlen() == Mac::kLen) {
        object["hw_address"] = to_string(Mac::load(message.chaddr().data()));
    }
    const bool reply = message.op() == dhcp4::kBootReply;
    const Ipv4 address = reply && !message.yiaddr().is_zero()
                             ? message.yiaddr()
                             : message.requested_address().value_or(message.ciaddr());
    if (!address.is_zero()) {
        object["address"] = to_string(address);
    }
    if (!message.giaddr().is_zero()) {
        object["giaddr"] = to_string(message.giaddr());
    }
}

void add_message6(json& object, const FrameView6& frame) {
    if (frame.protocol == Protocol6::kIcmpv6) {
        if (const auto message = nd::MessageView::parse(frame)) {
            object["message_type"] = engine::MessageType{message->type()}.full_name();
            if (!message->target().is_unspecified()) {
                object["address"] = to_string(message->target());
            }
        }
        return;
    }
    dhcp6::MessageView message;
    if (!message.parse(frame.payload)) {
        return;
    }
    std::array<char, 9> xid{};
    static_cast<void>(
        std::snprintf(xid.data(), xid.size(), "0x%06x", message.transaction_id() & 0xffffffu));
    object["message_type"] = engine::MessageType{message.type()}.full_name();
    object["xid"] = xid.data();
    if (!message.client_id().empty()) {
        object["duid"] = to_hex(message.client_id());
        const auto hardware = dhcp6::hardware_address_of(message.client_id());
        if (hardware && hardware->address.size() == Mac::kLen) {
            object["hw_address"] = to_string(Mac::load(hardware->address.data()));
        }
    }
    if (!message.first_address().is_unspecified()) {
        object["address"] = to_string(message.first_address());
    }
    if (const dhcp6::Relay* const relay = message.first_relay()) {
        object["link_address"] = to_string(relay->link_address);
        const auto hardware = relay->client_link_layer();
        if (hardware && hardware->address.size() == Mac::kLen) {
            object["hw_address"] = to_string(Mac::load(hardware->address.data()));
        }
    }
}

// "[2001:db8::1]:547"
[[nodiscard]] std::string endpoint(const Ipv6& address, std::uint16_t port) {
    return port == 0 ? to_string(address) : "[" + to_string(address) + "]:" + std::to_string(port);
}

[[nodiscard]] std::string text(const json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_string() ? printable(found->get<std::string>())
                                                       : std::string{"-"};
}

[[nodiscard]] std::string padded(std::string cell, std::size_t width) {
    cell.resize(std::max(cell.size(), width), ' ');
    return cell + "  ";
}

}  // namespace

json packet_json(const pcapng::Packet& packet, std::string_view interface) {
    const bool outbound = packet.direction == pcapng::Direction::kOutbound;
    json object = {{"time_ns", packet.time_ns},
                   {"direction", outbound ? "out" : "in"},
                   {"interface", interface},
                   {"queue", packet.queue.value_or(0)},
                   {"len", packet.frame_len}};
    if (const auto frame = FrameView::parse(packet.frame)) {
        if (frame->tags.count != 0) {
            object["vlan"] = tags_text(frame->tags);
        }
        object["source"] = to_string(frame->source) + ":" + std::to_string(frame->source_port);
        object["destination"] =
            to_string(frame->destination) + ":" + std::to_string(frame->destination_port);
        add_message(object, frame->payload);
    } else if (const auto frame6 = FrameView6::parse(packet.frame)) {
        if (frame6->tags.count != 0) {
            object["vlan"] = tags_text(frame6->tags);
        }
        object["source"] = endpoint(frame6->source, frame6->source_port);
        object["destination"] = endpoint(frame6->destination, frame6->destination_port);
        add_message6(object, *frame6);
    }
    if (!object.contains("hw_address") && packet.frame.size() >= 2 * Mac::kLen) {
        object["hw_address"] = to_string(Mac::load(packet.frame.data() + Mac::kLen));
    }
    const std::size_t colon = packet.comment.find(": ");
    object["verdict"] = outbound ? "sent" : packet.comment.substr(0, colon);
    if (colon != std::string_view::npos) {
        object["text"] = packet.comment.substr(colon + 2);
    }
    if (packet.missed_before != 0) {
        object["missed_before"] = packet.missed_before;
    }
    return object;
}

std::string packet_line(const json& packet) {
    const std::uint64_t time_ns = packet.value("time_ns", std::uint64_t{0});
    const auto seconds = static_cast<std::time_t>(time_ns / kNsPerSecond);
    std::tm parts{};
    localtime_r(&seconds, &parts);
    std::array<char, 24> time{};
    static_cast<void>(std::snprintf(time.data(), time.size(), "%02d:%02d:%02d.%06u", parts.tm_hour,
                                    parts.tm_min, parts.tm_sec,
                                    static_cast<unsigned>(time_ns % kNsPerSecond / 1000)));
    std::string port =
        text(packet, "interface") + ":" + std::to_string(packet.value("queue", std::uint32_t{0}));
    if (packet.contains("vlan")) {
        port += " vlan " + text(packet, "vlan");
    }
    std::string line = padded(time.data(), 15);
    line += padded(text(packet, "direction"), 3);
    line += padded(port, 8);
    line += padded(text(packet, "message_type"), 8);
    line += padded(text(packet, "hw_address"), 17);
    line += padded(text(packet, "address"), 15);
    line += text(packet, "verdict");
    if (packet.contains("text")) {
        line += ": " + text(packet, "text");
    }
    if (packet.contains("missed_before")) {
        line += " (" + counted(packet.value("missed_before", std::uint64_t{0}), "packet") +
                " missed before)";
    }
    return line;
}

}  // namespace xdhcpd::xdhcpctl
