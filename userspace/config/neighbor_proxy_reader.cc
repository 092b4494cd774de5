#include "config/neighbor_proxy_reader.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "config/limits.h"
#include "config/vlan_reader.h"

namespace xdhcpd::config {
namespace {

constexpr std::uint8_t kAddressLength = 128;
constexpr std::array<std::string_view, 4> kKeys{"interface", "vlan", "targets", "router"};

// An address is a prefix of 128 bits.
std::optional<Ipv6Prefix> read_target(const Reader& reader, const Value& value) {
    const bool is_address =
        value.node->kind == Node::Kind::kScalar && parse_ipv6(value.node->text).has_value();
    if (is_address) {
        const auto address = reader.host_address6(value);
        return address ? std::optional{Ipv6Prefix{*address, kAddressLength}} : std::nullopt;
    }
    const auto prefix = reader.prefix6(value);
    if (prefix && (prefix->length == 0 || !is_global(prefix->last()))) {
        reader.error(value, xdhcpd::to_string(*prefix) + " has no addresses of hosts elsewhere");
        return std::nullopt;
    }
    return prefix;
}

void read_targets(const Reader& reader, const Value& list, PlacedProxy& placed) {
    if (list.node->kind == Node::Kind::kSequence && list.node->children.empty()) {
        reader.error(list, "the list is empty; addresses or prefixes were meant");
    }
    std::vector<Ipv6Prefix>& targets = placed.proxy.targets;
    for (const Value& element : reader.one_or_more(list)) {
        const auto target = read_target(reader, element);
        if (!target) {
            continue;
        }
        const auto other = std::ranges::find_if(targets, [&](const Ipv6Prefix& have) {
            return have.contains(*target) || target->contains(have);
        });
        if (other != targets.end()) {
            reader.error(element, in_quotes(element.node->text) + " overlaps " +
                                      xdhcpd::to_string(*other) + " of the same list");
            continue;
        }
        targets.push_back(*target);
        placed.targets.push_back(element.place());
    }
}

}  // namespace

std::vector<PlacedProxy> read_neighbor_proxies(const Reader& reader, const Value& list) {
    std::vector<PlacedProxy> proxies;
    for (const Value& element : reader.list(list)) {
        const MapReader map{reader, element, kKeys};
        if (!map.is_map()) {
            continue;
        }
        PlacedProxy placed;
        const auto interface =
            map.require("interface", "{interface: eth0, targets: [2001:db8:2::/64]} was meant");
        if (interface) {
            placed.interface = interface->place();
            placed.proxy.interface = reader.text(*interface, kMaxInterfaceLen).value_or("");
        }
        if (const auto member = map.find("vlan")) {
            placed.proxy.vlan = read_vlan(reader, *member);
        }
        if (const auto member = map.find("router")) {
            placed.proxy.router = reader.boolean(*member).value_or(placed.proxy.router);
        }
        const auto targets = map.require("targets", "addresses or prefixes were meant");
        if (targets) {
            read_targets(reader, *targets, placed);
        }
        if (!placed.proxy.interface.empty()) {
            proxies.push_back(std::move(placed));
        }
    }
    return proxies;
}

}  // namespace xdhcpd::config
