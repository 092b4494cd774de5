#include "config/subnet_reader.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "base/bytes.h"
#include "config/identifier_reader.h"
#include "config/limits.h"
#include "config/option_reader.h"
#include "config/vlan_reader.h"

namespace xdhcpd::config {
namespace {

// Fields of the message, RFC 2131 section 2, less their terminating NUL.
constexpr std::size_t kMaxServerHostnameLen = 63;
constexpr std::size_t kMaxBootFileNameLen = 127;
constexpr std::size_t kMaxNetworkNameLen = 255;
constexpr std::size_t kMaxIdentifierLen = 255;  // of an option
constexpr std::uint8_t kMinPrefixLen = 8;
constexpr std::byte kEthernet{1};  // hardware type, RFC 1700

constexpr Choice<model::Identity> kIdentities[] = {{"client-id", model::Identity::kClientId},
                                                   {"hw-address", model::Identity::kHwAddress},
                                                   {"circuit-id", model::Identity::kCircuitId}};

constexpr std::pair<std::string_view, model::IdentifierKind> kIdentifierKinds[] = {
    {"hw-address", model::IdentifierKind::kHwAddress},
    {"client-id", model::IdentifierKind::kClientId},
    {"circuit-id", model::IdentifierKind::kCircuitId},
    {"remote-id", model::IdentifierKind::kRemoteId}};

constexpr std::array<std::string_view, 18> kSubnetKeys{
    "ipv6-mostly",    "vlan",           "vlan-identity",   "subnet",         "interface",
    "shared-network", "server-address", "authoritative",   "identity",       "lease-time",
    "relays",         "next-server",    "server-hostname", "boot-file-name", "pools",
    "exclude",        "options",        "reservations"};
constexpr std::array<std::string_view, 9> kReservationKeys{
    "hw-address", "client-id", "circuit-id",  "remote-id",     "address",
    "hostname",   "options",   "next-server", "boot-file-name"};

std::optional<std::vector<std::byte>> read_client_id(const Reader& reader, const Value& value,
                                                     std::string_view text) {
    auto bytes = parse_quoted_text(text);
    if (!bytes) {
        bytes = parse_hex(text);
    }
    if (!bytes) {
        reader.error(value, in_quotes(text) +
                                " is not a client identifier; bytes such as 01:02:00:5e:00:53:01 "
                                "or text such as \"'printer'\" were meant");
    }
    return bytes;
}

std::optional<std::vector<std::byte>> read_hw_identifier(const Reader& reader, const Value& value,
                                                         std::string_view text) {
    const auto mac = read_hw_address(reader, value, text);
    if (!mac) {
        return std::nullopt;
    }
    std::vector<std::byte> bytes{kEthernet};
    bytes.insert(bytes.end(), mac->octets.begin(), mac->octets.end());
    return bytes;
}

// The addresses of option 3.
std::vector<Ipv4> router_addresses(const model::OptionValue* routers) {
    std::vector<Ipv4> addresses;
    for (std::size_t at = 0; routers != nullptr && at + 4 <= routers->value.size(); at += 4) {
        addresses.push_back(Ipv4::load(routers->value.data() + at));
    }
    return addresses;
}

}  // namespace

std::optional<model::LeaseTimes> read_lease_time(const Reader& reader, const Value& value,
                                                 const model::LeaseTimes& base) {
    std::optional<Value> given_default;
    std::optional<Value> given_min;
    std::optional<Value> given_max;
    if (value.node->kind == Node::Kind::kScalar) {
        given_default = value;
    } else {
        constexpr std::array<std::string_view, 3> kKeys{"default", "min", "max"};
        const MapReader map{reader, value, kKeys};
        given_default = map.find("default");
        given_min = map.find("min");
        given_max = map.find("max");
    }
    bool good = true;
    const auto read = [&](const std::optional<Value>& given, std::uint32_t& time) {
        if (given) {
            const auto duration = reader.duration(*given, 1, kInfinite);
            good = good && duration;
            time = duration.value_or(time);
        }
    };
    model::LeaseTimes times = base;
    read(given_default, times.default_time);
    read(given_min, times.min_time);
    read(given_max, times.max_time);
    if (!good) {
        return std::nullopt;
    }
    if (given_min && given_max && times.min_time > times.max_time) {
        reader.error(*given_min, in_quotes(given_min->node->text) + " is longer than max");
        return std::nullopt;
    }
    if (given_default && given_min && times.default_time < times.min_time) {
        reader.error(*given_default, in_quotes(given_default->node->text) + " is shorter than min");
        good = false;
    }
    if (given_default && given_max && times.default_time > times.max_time) {
        reader.error(*given_default, in_quotes(given_default->node->text) + " is longer than max");
        good = false;
    }
    if (!good) {
        return std::nullopt;
    }
    if (!given_default) {
        if (given_min) {
            times.default_time = std::max(times.default_time, times.min_time);
        }
        if (given_max) {
            times.default_time = std::min(times.default_time, times.max_time);
        }
    }
    times.min_time = std::min(times.min_time, times.default_time);
    times.max_time = std::max(times.max_time, times.default_time);
    return times;
}

std::optional<std::uint32_t> read_v6only_wait(const Reader& reader, const Value& value) {
    if (value.node->kind == Node::Kind::kScalar) {
        const auto on = reader.boolean(value);
        return on ? std::optional{*on ? model::kDefaultV6OnlyWait : model::kNoV6OnlyWait}
                  : std::nullopt;
    }
    constexpr std::array<std::string_view, 1> kKeys{"wait"};
    const MapReader map{reader, value, kKeys};
    const auto wait = map.require("wait", "{wait: 30m} was meant");
    return wait ? reader.duration(*wait, model::kMinV6OnlyWait, kInfinite - 1) : std::nullopt;
}

std::optional<PlacedSubnet> SubnetReader::read(const Value& value) {
    const MapReader map{reader_, value, kSubnetKeys};
    if (!map.is_map()) {
        return std::nullopt;
    }
    PlacedSubnet placed;
    placed.place = value.place();
    placed.has_prefix = false;
    if (const auto member = map.require("subnet", "a prefix such as 192.0.2.0/24 was meant")) {
        placed.place = member->place();
        if (const auto prefix = reader_.prefix(*member)) {
            if (prefix->length < kMinPrefixLen) {
                reader_.error(*member,
                              xdhcpd::to_string(*prefix) + " is too large; /8 is the largest");
            } else if (!is_host_address(prefix->network()) ||
                       !is_host_address(prefix->broadcast())) {
                reader_.error(*member, xdhcpd::to_string(*prefix) + " has no addresses of hosts");
            } else {
                placed.subnet.prefix = *prefix;
                placed.has_prefix = true;
            }
        }
    }
    Parts parts;
    read_plain_members(map, placed);
    if (const auto member = map.find("exclude")) {
        read_excluded(*member, placed, parts);
    }
    if (const auto member = map.find("options")) {
        placed.subnet.options = read_options(reader_, *member);
        warn_of_routers(placed, *member);
    }
    const auto pools = map.find("pools");
    if (pools) {
        read_pools(*pools, placed, parts);
    }
    const auto reservations = map.find("reservations");
    if (reservations) {
        read_reservations(*reservations, placed);
    }
    const auto is_given = [](const std::optional<Value>& member) {
        return member &&
               (member->node->kind != Node::Kind::kSequence || !member->node->children.empty());
    };
    if (!is_given(pools) && !is_given(reservations)) {
        reader_.reporter().warning(
            placed.place, "the subnet has neither pools nor reservations: nothing to give");
    }
    check_pool_overlaps(parts);
    warn_of_pools(placed, parts);
    for (const PlacedRange& pool : parts.pools) {
        placed.subnet.pools.push_back({pool.range.first, pool.range.last});
    }
    return placed;
}

void SubnetReader::read_plain_members(const MapReader& map, PlacedSubnet& placed) {
    model::SubnetConfiguration& subnet = placed.subnet;
    if (const auto member = map.find("interface")) {
        placed.interface = member->place();
        subnet.interface = reader_.text(*member, kMaxInterfaceLen).value_or("");
    }
    read_vlans(map, placed);
    if (const auto member = map.find("shared-network")) {
        placed.shared_network = member->place();
        subnet.shared_network = reader_.text(*member, kMaxNetworkNameLen).value_or("");
    }
    if (const auto member = map.find("server-address")) {
        subnet.server_address = reader_.host_address(*member);
        const Ipv4Prefix& prefix = subnet.prefix;
        if (placed.has_prefix && subnet.server_address && prefix.has_broadcast() &&
            (*subnet.server_address == prefix.network() ||
             *subnet.server_address == prefix.broadcast())) {
            reader_.error(*member, in_quotes(member->node->text) +
                                       " is the network or broadcast address of " +
                                       xdhcpd::to_string(prefix));
        }
    }
    if (const auto member = map.find("authoritative")) {
        subnet.authoritative = reader_.boolean(*member);
    }
    if (const auto member = map.find("identity")) {
        subnet.identity = reader_.choice(*member, kIdentities).value_or(subnet.identity);
    }
    if (const auto member = map.find("lease-time")) {
        subnet.lease_time = read_lease_time(reader_, *member, lease_time_);
    }
    if (const auto member = map.find("relays")) {
        read_relays(*member, subnet);
    }
    if (const auto member = map.find("ipv6-mostly")) {
        subnet.v6only_wait = read_v6only_wait(reader_, *member);
    }
    if (const auto member = map.find("next-server")) {
        subnet.next_server = reader_.host_address(*member);
    }
    if (const auto member = map.find("server-hostname")) {
        subnet.server_hostname = reader_.text(*member, kMaxServerHostnameLen).value_or("");
    }
    if (const auto member = map.find("boot-file-name")) {
        subnet.boot_file_name = reader_.text(*member, kMaxBootFileNameLen).value_or("");
    }
}

void SubnetReader::read_vlans(const MapReader& map, PlacedSubnet& placed) {
    const auto vlan = map.find("vlan");
    if (vlan) {
        placed.vlan = vlan->place();
        placed.subnet.vlans = config::read_vlans(reader_, *vlan);
        if (!map.find("interface")) {
            reader_.error(*vlan, "needs an interface beside it, the one that the tags come in on");
        }
    }
    if (const auto member = map.find("vlan-identity")) {
        placed.subnet.vlan_identity = reader_.boolean(*member).value_or(false);
        if (placed.subnet.vlan_identity && !vlan) {
            reader_.error(*member, "needs vlan: beside it");
        }
    }
}

void SubnetReader::read_relays(const Value& relays, model::SubnetConfiguration& subnet) {
    for (const Value& element : reader_.list(relays)) {
        const auto address = reader_.host_address(element);
        if (!address) {
            continue;
        }
        if (std::ranges::find(subnet.relays, *address) != subnet.relays.end()) {
            reader_.error(element, in_quotes(element.node->text) + " is listed twice");
            continue;
        }
        subnet.relays.push_back(*address);
    }
}

void SubnetReader::read_excluded(const Value& excluded, PlacedSubnet& placed, Parts& parts) {
    const Ipv4Prefix& prefix = placed.subnet.prefix;
    for (const Value& element : reader_.list(excluded)) {
        const auto range = reader_.range(element, true);
        if (!range) {
            continue;
        }
        if (placed.has_prefix && !(prefix.contains(range->first) && prefix.contains(range->last))) {
            reader_.error(element, in_quotes(element.node->text) + " is not within subnet " +
                                       xdhcpd::to_string(prefix));
            continue;
        }
        parts.excluded.push_back(*range);
        placed.subnet.excluded.push_back({range->first, range->last});
    }
}

void SubnetReader::read_pools(const Value& pools, const PlacedSubnet& placed, Parts& parts) {
    constexpr std::array<std::string_view, 1> kKeys{"range"};
    const Ipv4Prefix& prefix = placed.subnet.prefix;
    for (const Value& element : reader_.list(pools)) {
        if (element.node->kind == Node::Kind::kScalar) {
            reader_.error(element, in_quotes(element.node->text) + " stands here; {range: " +
                                       element.node->text.substr(0, 64) + "} was meant?");
            continue;
        }
        const MapReader map{reader_, element, kKeys};
        const auto member = map.require("range", "{range: FIRST-LAST} was meant");
        const auto range = member ? reader_.range(*member, false) : std::nullopt;
        if (!range) {
            continue;
        }
        if (placed.has_prefix && !(prefix.contains(range->first) && prefix.contains(range->last))) {
            reader_.error(*member,
                          to_string(*range) + " is not within subnet " + xdhcpd::to_string(prefix));
            continue;
        }
        parts.pools.push_back({*range, member->place()});
    }
}

void SubnetReader::check_pool_overlaps(const Parts& parts) {
    std::vector<PlacedRange> sorted = parts.pools;
    std::ranges::sort(sorted, {}, [](const PlacedRange& pool) { return pool.range.first; });
    const PlacedRange* reaching = nullptr;  // the one with the highest last address so far
    for (const PlacedRange& pool : sorted) {
        if (reaching != nullptr && pool.range.first <= reaching->range.last) {
            const bool in_order = reaching->place < pool.place;
            const PlacedRange& earlier = in_order ? *reaching : pool;
            const PlacedRange& later = in_order ? pool : *reaching;
            reader_.reporter().error(
                later.place, "range: " + to_string(later.range) + " overlaps the pool " +
                                 to_string(earlier.range) + " on " + to_string(earlier.place));
        }
        if (reaching == nullptr || reaching->range.last < pool.range.last) {
            reaching = &pool;
        }
    }
}

void SubnetReader::warn_of_pools(const PlacedSubnet& placed, const Parts& parts) {
    if (!placed.has_prefix) {
        return;
    }
    const model::SubnetConfiguration& subnet = placed.subnet;
    std::vector<std::pair<Ipv4, std::string_view>> special;
    if (subnet.prefix.has_broadcast()) {
        special.emplace_back(subnet.prefix.network(), "network address");
        special.emplace_back(subnet.prefix.broadcast(), "broadcast address");
    }
    const model::OptionValue* own = find_value(subnet.options, dhcp4::OptionCode::kRouters);
    const model::OptionValue* routers =
        own != nullptr ? own : find_value(options_, dhcp4::OptionCode::kRouters);
    for (const Ipv4 router : router_addresses(routers)) {
        special.emplace_back(router, "router");
    }
    if (subnet.server_address) {
        special.emplace_back(*subnet.server_address, "server address");
    }
    std::ranges::stable_sort(special, {}, &std::pair<Ipv4, std::string_view>::first);
    const auto same_address = [](const auto& a, const auto& b) { return a.first == b.first; };
    special.erase(std::unique(special.begin(), special.end(), same_address), special.end());
    for (const PlacedRange& pool : parts.pools) {
        std::string names;
        for (const auto& [address, what] : special) {
            const bool excluded = std::ranges::any_of(
                parts.excluded,
                [address = address](const AddressRange& range) { return range.contains(address); });
            if (pool.range.contains(address) && !excluded) {
                names += (names.empty() ? "" : ", ") + xdhcpd::to_string(address) + " (" +
                         std::string{what} + ")";
            }
        }
        if (!names.empty()) {
            reader_.reporter().warning(
                pool.place, "range: the pool contains " + names + ": will not be leased");
        }
    }
}

void SubnetReader::warn_of_routers(const PlacedSubnet& placed, const Value& options) {
    const model::OptionValue* routers =
        find_value(placed.subnet.options, dhcp4::OptionCode::kRouters);
    for (const Ipv4 router : router_addresses(routers)) {
        if (placed.has_prefix && !placed.subnet.prefix.contains(router)) {
            reader_.reporter().warning(options.place(),
                                       "routers: " + xdhcpd::to_string(router) +
                                           " is not within subnet " +
                                           xdhcpd::to_string(placed.subnet.prefix));
        }
    }
}

void SubnetReader::read_reservations(const Value& reservations, PlacedSubnet& placed) {
    std::unordered_map<std::string, Place> identifiers;
    const std::vector<Value> elements = reader_.list(reservations);
    identifiers.reserve(elements.size());
    placed.subnet.reservations.reserve(elements.size());
    for (const Value& element : elements) {
        read_reservation(element, placed, identifiers);
    }
}

void SubnetReader::read_reservation(const Value& value, PlacedSubnet& placed,
                                    std::unordered_map<std::string, Place>& identifiers) {
    const MapReader map{reader_, value, kReservationKeys};
    if (!map.is_map()) {
        return;
    }
    model::ReservationConfiguration reservation;
    auto identifier = read_identifier(map, value, identifiers);
    if (const auto member = map.find("address")) {
        reservation.address = read_reserved_address(*member, placed);
    }
    const auto hostname = map.find("hostname");
    if (hostname) {
        reservation.hostname = read_hostname(reader_, *hostname);
    }
    if (const auto member = map.find("options")) {
        reservation.options = read_options(reader_, *member);
        if (hostname && find_value(reservation.options, dhcp4::OptionCode::kHostName) != nullptr) {
            reader_.error(*hostname, "option host-name says the same; leave one out");
        }
    }
    if (const auto member = map.find("next-server")) {
        reservation.next_server = reader_.host_address(*member);
    }
    if (const auto member = map.find("boot-file-name")) {
        reservation.boot_file_name = reader_.text(*member, kMaxBootFileNameLen).value_or("");
    }
    if (identifier) {
        reservation.identifier = std::move(*identifier);
        placed.subnet.reservations.push_back(std::move(reservation));
    }
}

std::optional<model::Identifier> SubnetReader::read_identifier(
    const MapReader& map, const Value& reservation,
    std::unordered_map<std::string, Place>& identifiers) {
    std::optional<std::pair<Value, model::IdentifierKind>> given;
    for (const auto& [key, kind] : kIdentifierKinds) {
        const auto member = map.find(key);
        if (member && given) {
            reader_.error(*member, "the reservation already has " + std::string{given->first.key} +
                                       "; one identifier each");
        } else if (member) {
            given = {*member, kind};
        }
    }
    if (!given) {
        const bool misspelt = std::ranges::any_of(
            kIdentifierKinds, [&map](const auto& kind) { return map.is_suggested(kind.first); });
        if (!misspelt) {
            reader_.error(
                reservation,
                "no identifier; hw-address, client-id, circuit-id or remote-id was meant");
        }
        return std::nullopt;
    }
    const auto& [value, kind] = *given;
    const auto text = reader_.text(value, 2 + kMaxIdentifierLen * 3);
    if (!text) {
        return std::nullopt;
    }
    auto bytes =
        kind == model::IdentifierKind::kHwAddress  ? read_hw_identifier(reader_, value, *text)
        : kind == model::IdentifierKind::kClientId ? read_client_id(reader_, value, *text)
                                                   : read_relay_text(reader_, value, *text);
    if (!bytes) {
        return std::nullopt;
    }
    if (bytes->size() > kMaxIdentifierLen) {
        reader_.error(value, std::to_string(bytes->size()) + " bytes; at most " +
                                 std::to_string(kMaxIdentifierLen) + " fit into an option");
        return std::nullopt;
    }
    std::string name{static_cast<char>(kind)};
    name += as_text(*bytes);
    const auto [first, is_new] = identifiers.emplace(std::move(name), value.place());
    if (!is_new) {
        reader_.error(value,
                      in_quotes(*text) + " is already reserved on " + to_string(first->second));
        return std::nullopt;
    }
    return model::Identifier{kind, std::move(*bytes)};
}

std::optional<Ipv4> SubnetReader::read_reserved_address(const Value& value,
                                                        const PlacedSubnet& placed) {
    const auto address = reader_.host_address(value);
    if (!address) {
        return std::nullopt;
    }
    const Ipv4Prefix& prefix = placed.subnet.prefix;
    if (placed.has_prefix && !prefix.contains(*address)) {
        reader_.error(value, in_quotes(value.node->text) + " is not within subnet " +
                                 xdhcpd::to_string(prefix));
        return std::nullopt;
    }
    const bool reserved_by_ip = placed.has_prefix && prefix.has_broadcast() &&
                                (*address == prefix.network() || *address == prefix.broadcast());
    if (reserved_by_ip || address == placed.subnet.server_address) {
        reader_.error(value, in_quotes(value.node->text) + " is the " +
                                 (address == placed.subnet.server_address ? "server address"
                                  : *address == prefix.network()          ? "network address"
                                                                          : "broadcast address") +
                                 " of " + xdhcpd::to_string(prefix));
        return std::nullopt;
    }
    const auto [first, is_new] = reserved_addresses_.emplace(address->value, value.place());
    if (!is_new) {
        reader_.error(value, in_quotes(value.node->text) + " is already reserved on " +
                                 to_string(first->second));
        return std::nullopt;
    }
    return address;
}

}  // namespace xdhcpd::config
