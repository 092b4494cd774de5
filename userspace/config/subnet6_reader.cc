#include "config/subnet6_reader.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/bytes.h"
#include "config/identifier_reader.h"
#include "config/limits.h"
#include "config/option_reader.h"
#include "config/vlan_reader.h"
#include "dhcp6/duid.h"

namespace xdhcpd::config {
namespace {

constexpr std::size_t kMaxNetworkNameLen = 255;
constexpr std::size_t kMaxIdentifierLen = 255;  // of one that names a client in the lease store
constexpr std::uint8_t kMinPrefixLen = 16;
constexpr std::uint8_t kMaxPrefixLen = 128;
constexpr std::uint8_t kMaxMoreBits = 48;  // of a delegated prefix: what lease::Ipv6Names counts
constexpr std::array<std::byte, 2> kEthernet{std::byte{0}, std::byte{1}};  // hardware type

using model::IdentifierKind6;

constexpr std::pair<std::string_view, IdentifierKind6> kIdentifierKinds[] = {
    {"duid", IdentifierKind6::kDuid},
    {"hw-address", IdentifierKind6::kHwAddress},
    {"relay-id", IdentifierKind6::kRelayId},
    {"remote-id", IdentifierKind6::kRemoteId},
    {"subscriber-id", IdentifierKind6::kSubscriberId}};

constexpr std::array<std::string_view, 14> kSubnetKeys{"subnet",
                                                       "interface",
                                                       "vlan",
                                                       "shared-network",
                                                       "interface-id",
                                                       "relays",
                                                       "preferred-lifetime",
                                                       "valid-lifetime",
                                                       "rapid-commit",
                                                       "pools",
                                                       "prefix-pools",
                                                       "exclude",
                                                       "options",
                                                       "reservations"};
constexpr std::array<std::string_view, 11> kReservationKeys{
    "duid",          "iaid",    "hw-address", "relay-id", "interface-id", "remote-id",
    "subscriber-id", "address", "prefix",     "hostname", "options"};

std::string range_name(const AddressRange6& range) {
    return "range: " + to_string(range);
}

// "2001:db8::/40" is one range for whoever compares.
AddressRange6 range_of(const Ipv6Prefix& prefix) {
    return {prefix.network(), prefix.last()};
}

}  // namespace

std::optional<std::vector<std::byte>> read_duid(const Reader& reader, const Value& value) {
    const auto text = reader.text(value, 2 + dhcp6::kMaxDuidLen * 3);
    if (!text) {
        return std::nullopt;
    }
    auto bytes = parse_hex(*text);
    if (!bytes) {
        reader.error(value, in_quotes(*text) +
                                " is not a DUID; bytes such as 00:03:00:01:02:00:5e:00:53:01 were "
                                "meant");
    } else if (!dhcp6::is_duid_length(bytes->size())) {
        reader.error(value, std::to_string(bytes->size()) + " bytes; a DUID has " +
                                std::to_string(dhcp6::kMinDuidLen) + " to " +
                                std::to_string(dhcp6::kMaxDuidLen) + " (RFC 8415 section 11.1)");
        bytes.reset();
    }
    return bytes;
}

std::optional<model::Lifetimes> read_lifetimes(const Reader& reader, const MapReader& map,
                                               const model::Lifetimes& base) {
    const auto preferred = map.find("preferred-lifetime");
    const auto valid = map.find("valid-lifetime");
    if (!preferred && !valid) {
        return std::nullopt;
    }
    model::Lifetimes lifetimes = base;
    bool good = true;
    const auto read = [&](const std::optional<Value>& given, std::uint32_t& time) {
        if (given) {
            const auto duration = reader.duration(*given, 1, kInfinite);
            good = good && duration;
            time = duration.value_or(time);
        }
    };
    read(preferred, lifetimes.preferred);
    read(valid, lifetimes.valid);
    if (!good) {
        return std::nullopt;
    }
    if (preferred && valid && lifetimes.preferred > lifetimes.valid) {
        reader.error(*preferred, in_quotes(preferred->node->text) +
                                     " is longer than valid-lifetime (RFC 8415 section 21.6)");
        return std::nullopt;
    }
    if (!preferred) {
        lifetimes.preferred = std::min(lifetimes.preferred, lifetimes.valid);
    }
    lifetimes.valid = std::max(lifetimes.preferred, lifetimes.valid);
    return lifetimes;
}

std::optional<PlacedSubnet6> Subnet6Reader::read(const Value& value) {
    const MapReader map{reader_, value, kSubnetKeys};
    if (!map.is_map()) {
        return std::nullopt;
    }
    PlacedSubnet6 placed;
    placed.place = value.place();
    read_prefix(map, placed);
    read_plain_members(map, placed);
    if (const auto member = map.find("exclude")) {
        read_excluded(*member, placed);
    }
    if (const auto member = map.find("options")) {
        placed.subnet.options = read_options6(reader_, *member);
    }
    const auto pools = map.find("pools");
    if (pools) {
        read_pools(*pools, placed);
    }
    const auto prefix_pools = map.find("prefix-pools");
    if (prefix_pools) {
        for (const Value& element : reader_.list(*prefix_pools)) {
            read_prefix_pool(element, placed);
        }
    }
    const auto reservations = map.find("reservations");
    if (reservations) {
        Identifiers identifiers;
        for (const Value& element : reader_.list(*reservations)) {
            read_reservation(element, placed, identifiers);
        }
    }
    const auto is_given = [](const std::optional<Value>& member) {
        return member &&
               (member->node->kind != Node::Kind::kSequence || !member->node->children.empty());
    };
    placed.gives_something = is_given(pools) || is_given(prefix_pools) || is_given(reservations) ||
                             !placed.subnet.options.empty();
    return placed;
}

void Subnet6Reader::read_prefix(const MapReader& map, PlacedSubnet6& placed) {
    const auto member = map.require("subnet", "a prefix such as 2001:db8:1::/64 was meant");
    if (!member) {
        return;
    }
    placed.place = member->place();
    const auto prefix = reader_.prefix6(*member);
    if (!prefix) {
        return;
    }
    if (prefix->length < kMinPrefixLen) {
        reader_.error(*member, xdhcpd::to_string(*prefix) + " is too large; /16 is the largest");
    } else if (!is_global(prefix->last())) {
        reader_.error(*member, xdhcpd::to_string(*prefix) + " has no addresses that are leased");
    } else {
        placed.subnet.prefix = *prefix;
        placed.has_prefix = true;
    }
}

void Subnet6Reader::read_plain_members(const MapReader& map, PlacedSubnet6& placed) {
    model::Subnet6Configuration& subnet = placed.subnet;
    const auto interface = map.find("interface");
    if (interface) {
        placed.interface = interface->place();
        subnet.interface = reader_.text(*interface, kMaxInterfaceLen).value_or("");
    }
    if (const auto member = map.find("vlan")) {
        placed.vlan = member->place();
        subnet.vlans = read_vlans(reader_, *member);
        if (!interface) {
            reader_.error(*member,
                          "needs an interface beside it, the one that the tags come in on");
        }
    }
    if (const auto member = map.find("shared-network")) {
        placed.shared_network = member->place();
        subnet.shared_network = reader_.text(*member, kMaxNetworkNameLen).value_or("");
    }
    if (const auto member = map.find("interface-id")) {
        placed.interface_id = member->place();
        const auto text = reader_.text(*member, 2 + kMaxIdentifierLen * 3);
        const auto bytes = text ? read_relay_text(reader_, *member, *text) : std::nullopt;
        subnet.interface_id = bytes.value_or(std::vector<std::byte>{});
    }
    if (const auto member = map.find("relays")) {
        read_relays(*member, subnet);
    }
    subnet.lifetimes = read_lifetimes(reader_, map, lifetimes_);
    if (const auto member = map.find("rapid-commit")) {
        subnet.rapid_commit = reader_.boolean(*member);
    }
}

void Subnet6Reader::read_relays(const Value& relays, model::Subnet6Configuration& subnet) {
    for (const Value& element : reader_.list(relays)) {
        const auto address = reader_.host_address6(element);
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

void Subnet6Reader::read_excluded(const Value& excluded, PlacedSubnet6& placed) {
    const Ipv6Prefix& prefix = placed.subnet.prefix;
    for (const Value& element : reader_.list(excluded)) {
        const auto range = reader_.range6(element, true);
        if (!range) {
            continue;
        }
        if (placed.has_prefix && !(prefix.contains(range->first) && prefix.contains(range->last))) {
            reader_.error(element, in_quotes(element.node->text) + " is not within subnet " +
                                       xdhcpd::to_string(prefix));
            continue;
        }
        placed.subnet.excluded.push_back({range->first, range->last});
    }
}

void Subnet6Reader::read_pools(const Value& pools, PlacedSubnet6& placed) {
    constexpr std::array<std::string_view, 1> kKeys{"range"};
    const Ipv6Prefix& prefix = placed.subnet.prefix;
    for (const Value& element : reader_.list(pools)) {
        if (element.node->kind == Node::Kind::kScalar) {
            reader_.error(element, in_quotes(element.node->text) + " stands here; {range: " +
                                       element.node->text.substr(0, 96) + "} was meant?");
            continue;
        }
        const MapReader map{reader_, element, kKeys};
        const auto member = map.require("range", "{range: FIRST-LAST} was meant");
        const auto range = member ? reader_.range6(*member, false) : std::nullopt;
        if (!range) {
            continue;
        }
        if (placed.has_prefix && !(prefix.contains(range->first) && prefix.contains(range->last))) {
            reader_.error(*member,
                          to_string(*range) + " is not within subnet " + xdhcpd::to_string(prefix));
            continue;
        }
        placed.pools.push_back({*range, member->place(), range_name(*range)});
        placed.subnet.pools.push_back({range->first, range->last});
    }
}

void Subnet6Reader::read_prefix_pool(const Value& value, PlacedSubnet6& placed) {
    constexpr std::array<std::string_view, 3> kKeys{"prefix", "delegated-length", "exclude"};
    constexpr std::string_view kMeant =
        "{prefix: 2001:db8:8000::/40, delegated-length: 56} was meant";
    if (value.node->kind == Node::Kind::kScalar) {
        reader_.error(value, in_quotes(value.node->text) + " stands here; " + std::string{kMeant});
        return;
    }
    const MapReader map{reader_, value, kKeys};
    const auto prefix_member = map.require("prefix", kMeant);
    const auto length_member = map.require("delegated-length", kMeant);
    const auto prefix = prefix_member ? reader_.prefix6(*prefix_member) : std::nullopt;
    const auto length =
        length_member ? reader_.number(*length_member, 1, kMaxPrefixLen) : std::nullopt;
    if (!prefix || !length) {
        return;
    }
    if (prefix->length == 0 || !is_global(prefix->last())) {
        reader_.error(*prefix_member,
                      xdhcpd::to_string(*prefix) + " has no prefixes that are delegated");
        return;
    }
    if (*length < prefix->length) {
        reader_.error(*length_member, std::to_string(*length) + " is shorter than the pool " +
                                          xdhcpd::to_string(*prefix) + " itself; " +
                                          std::to_string(prefix->length) + " to 128 was meant");
        return;
    }
    if (*length > std::uint32_t{prefix->length} + kMaxMoreBits) {
        reader_.error(*length_member,
                      std::to_string(*length) + " is more than " + std::to_string(kMaxMoreBits) +
                          " bits longer than the pool " + xdhcpd::to_string(*prefix) +
                          "; a smaller pool was meant");
        return;
    }
    model::PrefixPoolConfiguration pool;
    pool.prefix = *prefix;
    pool.delegated_length = static_cast<std::uint8_t>(*length);
    if (const auto member = map.find("exclude")) {
        read_excluded_prefix(*member, pool);
    }
    placed.prefix_pools.push_back(
        {range_of(*prefix), prefix_member->place(), "prefix: " + xdhcpd::to_string(*prefix)});
    placed.subnet.prefix_pools.push_back(pool);
}

// RFC 6603 section 4.2: inside the delegated prefix, and longer.
void Subnet6Reader::read_excluded_prefix(const Value& value, model::PrefixPoolConfiguration& pool) {
    const auto excluded = reader_.prefix6(value);
    if (!excluded) {
        return;
    }
    const Ipv6Prefix first{pool.prefix.address, pool.delegated_length};
    if (excluded->length <= pool.delegated_length || !first.contains(*excluded)) {
        reader_.error(value, xdhcpd::to_string(*excluded) + " is not inside " +
                                 xdhcpd::to_string(first) +
                                 ", the first delegated prefix, whose excluded part was meant");
        return;
    }
    pool.excluded = excluded;
}

void Subnet6Reader::read_reservation(const Value& value, PlacedSubnet6& placed,
                                     Identifiers& identifiers) {
    const MapReader map{reader_, value, kReservationKeys};
    if (!map.is_map()) {
        return;
    }
    model::Reservation6Configuration reservation;
    auto identifier = read_identifier(map, value);
    if (const auto member = map.find("iaid")) {
        reservation.iaid = reader_.number(*member, 0, 0xffffffff);
        if (!map.find("duid")) {
            reader_.error(*member, "needs duid: beside it");
        }
    }
    if (const auto member = map.find("address")) {
        read_reserved_addresses(*member, placed, reservation);
    }
    if (const auto member = map.find("prefix")) {
        read_reserved_prefixes(*member, placed, reservation);
    }
    if (const auto member = map.find("hostname")) {
        reservation.hostname = read_hostname(reader_, *member);
    }
    if (const auto member = map.find("options")) {
        reservation.options = read_options6(reader_, *member);
    }
    if (!identifier) {
        return;
    }
    const auto [first, is_new] =
        identifiers.emplace(std::pair{*identifier, reservation.iaid}, value.place());
    if (!is_new) {
        reader_.error(value, "the same client has a reservation on " + to_string(first->second));
        return;
    }
    reservation.identifier = std::move(*identifier);
    placed.subnet.reservations.push_back(std::move(reservation));
}

std::optional<model::Identifier6> Subnet6Reader::read_identifier(const MapReader& map,
                                                                 const Value& reservation) {
    std::optional<std::pair<Value, IdentifierKind6>> given;
    for (const auto& [key, kind] : kIdentifierKinds) {
        const auto member = map.find(key);
        if (member && given) {
            reader_.error(*member, "the reservation already has " + std::string{given->first.key} +
                                       "; one identifier each");
        } else if (member) {
            given = {*member, kind};
        }
    }
    const auto interface_id = map.find("interface-id");
    if (interface_id && !map.find("relay-id")) {
        reader_.error(*interface_id, "needs relay-id: beside it, the DUID of the relay");
    }
    if (!given) {
        const bool misspelt = std::ranges::any_of(
            kIdentifierKinds, [&map](const auto& kind) { return map.is_suggested(kind.first); });
        if (!misspelt) {
            reader_.error(reservation,
                          "no identifier; duid, hw-address, relay-id, remote-id or subscriber-id "
                          "was meant");
        }
        return std::nullopt;
    }
    const auto& [value, kind] = *given;
    const auto text = reader_.text(value, 2 + kMaxIdentifierLen * 3);
    if (!text) {
        return std::nullopt;
    }
    model::Identifier6 identifier;
    identifier.kind = kind;
    switch (kind) {
        case IdentifierKind6::kDuid:
        case IdentifierKind6::kRelayId: {
            const auto duid = read_duid(reader_, value);
            if (!duid) {
                return std::nullopt;
            }
            identifier.value = *duid;
            if (kind == IdentifierKind6::kRelayId) {
                identifier.value.insert(identifier.value.begin(),
                                        static_cast<std::byte>(duid->size()));
                const auto word = interface_id
                                      ? reader_.text(*interface_id, 2 + kMaxIdentifierLen * 3)
                                      : std::nullopt;
                const auto port =
                    word ? read_relay_text(reader_, *interface_id, *word) : std::nullopt;
                if (port) {
                    identifier.value.insert(identifier.value.end(), port->begin(), port->end());
                }
            }
            break;
        }
        case IdentifierKind6::kHwAddress: {
            const auto mac = read_hw_address(reader_, value, *text);
            if (!mac) {
                return std::nullopt;
            }
            identifier.value.assign(kEthernet.begin(), kEthernet.end());
            identifier.value.insert(identifier.value.end(), mac->octets.begin(), mac->octets.end());
            break;
        }
        case IdentifierKind6::kRemoteId:
        case IdentifierKind6::kSubscriberId: {
            // "9:port 7": the enterprise number of option 37 first, then what that one says.
            std::string_view rest = *text;
            std::vector<std::byte> enterprise;
            if (kind == IdentifierKind6::kRemoteId && !rest.starts_with("0x")) {
                const std::size_t colon = rest.find(':');
                const auto number = colon != std::string_view::npos
                                        ? parse_number(rest.substr(0, colon), 0xffffffff)
                                        : std::nullopt;
                if (!number || colon + 1 == rest.size()) {
                    reader_.error(value, in_quotes(*text) +
                                             " is not a remote id; an enterprise number and what "
                                             "the relay says, such as '9:port 7' or 9:0x0102, or "
                                             "all of it in hexadecimal was meant");
                    return std::nullopt;
                }
                enterprise.resize(sizeof(std::uint32_t));
                store_be32(enterprise.data(), static_cast<std::uint32_t>(*number));
                rest.remove_prefix(colon + 1);
            }
            const auto bytes = read_relay_text(reader_, value, rest);
            if (!bytes) {
                return std::nullopt;
            }
            identifier.value = std::move(enterprise);
            identifier.value.insert(identifier.value.end(), bytes->begin(), bytes->end());
            break;
        }
    }
    if (identifier.value.size() > kMaxIdentifierLen) {
        reader_.error(value, std::to_string(identifier.value.size()) + " bytes; at most " +
                                 std::to_string(kMaxIdentifierLen) + " name a client");
        return std::nullopt;
    }
    return identifier;
}

void Subnet6Reader::read_reserved_addresses(const Value& value, const PlacedSubnet6& placed,
                                            model::Reservation6Configuration& reservation) {
    const Ipv6Prefix& prefix = placed.subnet.prefix;
    for (const Value& element : reader_.one_or_more(value)) {
        const auto address = reader_.host_address6(element);
        if (!address) {
            continue;
        }
        if (placed.has_prefix && !prefix.contains(*address)) {
            reader_.error(element, in_quotes(element.node->text) + " is not within subnet " +
                                       xdhcpd::to_string(prefix));
            continue;
        }
        if (placed.has_prefix && prefix.length < kMaxPrefixLen && *address == prefix.network()) {
            reader_.error(element, in_quotes(element.node->text) +
                                       " is the anycast address of the routers of " +
                                       xdhcpd::to_string(prefix) + " (RFC 4291 section 2.6.1)");
            continue;
        }
        const auto [first, is_new] = reserved_addresses_.emplace(*address, element.place());
        if (!is_new) {
            reader_.error(element, in_quotes(element.node->text) + " is already reserved on " +
                                       to_string(first->second));
            continue;
        }
        reservation.addresses.push_back(*address);
    }
}

void Subnet6Reader::read_reserved_prefixes(const Value& value, const PlacedSubnet6& placed,
                                           model::Reservation6Configuration& reservation) {
    for (const Value& element : reader_.one_or_more(value)) {
        const auto prefix = reader_.prefix6(element);
        if (!prefix) {
            continue;
        }
        if (prefix->length == 0 || !is_global(prefix->last())) {
            reader_.error(element, xdhcpd::to_string(*prefix) + " is not delegated to anybody");
            continue;
        }
        if (placed.has_prefix && prefix->contains(placed.subnet.prefix)) {
            reader_.error(element, in_quotes(element.node->text) + " has the subnet " +
                                       xdhcpd::to_string(placed.subnet.prefix) + " itself inside");
            continue;
        }
        // Those so far are disjoint: only the first that does not end before this one can overlap.
        const auto near = reserved_prefixes_.lower_bound(prefix->network());
        if (near != reserved_prefixes_.end() && near->second.first.network() <= prefix->last()) {
            reader_.error(element, in_quotes(element.node->text) + " overlaps " +
                                       xdhcpd::to_string(near->second.first) +
                                       ", which is reserved on " + to_string(near->second.second));
            continue;
        }
        reserved_prefixes_.emplace(prefix->last(), std::pair{*prefix, element.place()});
        reservation.prefixes.push_back(*prefix);
    }
}

}  // namespace xdhcpd::config
