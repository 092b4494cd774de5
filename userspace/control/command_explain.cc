// The command "explain": why frames got no answer, the newest first, and how many still wait for
// stable storage.

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "base/addresses.h"
#include "base/bytes.h"
#include "control/commands.h"
#include "control/text.h"
#include "engine/drop_reason.h"
#include "engine/message_type.h"

namespace xdhcpd::control {
namespace {

using nlohmann::json;

std::string interface_name(const ServerState& state, std::uint32_t ifindex) {
    const model::Ingress* const ingress = state.parts.snapshots.newest().find_ingress(ifindex);
    return ingress != nullptr ? ingress->interface.name : "interface " + std::to_string(ifindex);
}

// What IPv6 messages say of themselves.
void add_ipv6(json& object, const worker::Drop& drop) {
    if (!drop.source.is_unspecified()) {
        object["source"] = xdhcpd::to_string(drop.source);
    }
    if (!drop.link_address.is_unspecified()) {
        object["link_address"] = xdhcpd::to_string(drop.link_address);
    }
    if (!drop.address6.is_unspecified()) {
        object["address"] = xdhcpd::to_string(drop.address6);
    }
    if (drop.duid_len != 0) {
        object["duid"] = to_hex(drop.duid());
    }
}

json to_json(const ServerState& state, const worker::Drop& drop, BootTime now) {
    // What could not be read has no type; a message without one is BOOTP.
    const bool readable = drop.reason.stage() == engine::Stage::kEngine || !drop.type.is_none();
    json object = {{"age_seconds", std::max(to_seconds(now - drop.time), 0.0)},
                   {"hw_address", drop.client.is_zero() ? "" : xdhcpd::to_string(drop.client)},
                   {"interface", interface_name(state, drop.ifindex)},
                   {"queue", drop.queue},
                   {"vlan", describe(drop.tags)},
                   {"giaddr", xdhcpd::to_string(drop.giaddr)},
                   {"message_type", readable ? drop.type.full_name() : ""},
                   {"reason", drop.reason.full_name()},
                   {"text", drop.reason.text()}};
    if (!drop.address.is_zero()) {
        object["address"] = xdhcpd::to_string(drop.address);
    }
    add_ipv6(object, drop);
    return object;
}

}  // namespace

Answer explain_command(const ServerState& state, const json& request) {
    const auto hw_address = parsed_argument(request, "hw_address", parse_mac,
                                            "a MAC address such as 02:00:5e:00:53:01");
    if (!hw_address) {
        return Unexpected{hw_address.error()};
    }
    const auto duid = parsed_argument(request, "duid", parse_hex_bytes,
                                      "a DUID such as 00:03:00:01:02:00:5e:00:53:01");
    if (!duid) {
        return Unexpected{duid.error()};
    }
    std::vector<worker::Drop> drops;
    std::uint64_t waiting = 0;
    for (worker::Worker* const worker : state.parts.workers) {
        std::vector<worker::Drop> own;
        worker->call([&] {
            own = worker->drop_log().newest(Control::kMaxDrops);
            waiting += worker->counters().in_flight();  // between two batches: parked replies
        });
        drops.insert(drops.end(), own.begin(), own.end());
    }
    if (*hw_address) {
        std::erase_if(drops, [&](const auto& drop) { return drop.client != **hw_address; });
    }
    if (*duid) {
        std::erase_if(drops, [&](const auto& drop) { return !equal_bytes(drop.duid(), **duid); });
    }
    std::stable_sort(drops.begin(), drops.end(),
                     [](const auto& a, const auto& b) { return a.time > b.time; });
    drops.resize(std::min(drops.size(), Control::kMaxDrops));
    const BootTime current = state.now();
    json list = json::array();
    for (const worker::Drop& drop : drops) {
        list.push_back(to_json(state, drop, current));
    }
    return json{{"drops", std::move(list)}, {"waiting", waiting}};
}

}  // namespace xdhcpd::control
