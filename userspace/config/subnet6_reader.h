// One element of dhcp6's subnets:, with its pools and reservations. One load, one thread.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "config/reader.h"
#include "model/configuration.h"

namespace xdhcpd::config {

// preferred-lifetime: and valid-lifetime: of a map; what is not given comes from `base` and gives
// way to what is: preferred <= valid. Nothing if neither is there, or what is wrong is reported.
[[nodiscard]] std::optional<model::Lifetimes> read_lifetimes(const Reader& reader,
                                                             const MapReader& map,
                                                             const model::Lifetimes& base);

// What later checks say about a part of a subnet.
struct PlacedRange6 {
    AddressRange6 range;
    Place place;
    std::string name;  // as in "range: 2001:db8::1-2001:db8::9"
};

// A subnet and where its parts stand, for checks between subnets.
struct PlacedSubnet6 {
    model::Subnet6Configuration subnet;
    Place place;                   // of the prefix
    Place interface;               // of the interface's name; line 0 if there is none
    Place vlan;                    // likewise
    Place shared_network;          // likewise
    Place interface_id;            // likewise
    bool has_prefix = false;       // false: reported, the prefix is a placeholder
    bool gives_something = false;  // pools or reservations, wrong ones included, or options
    std::vector<PlacedRange6> pools;
    std::vector<PlacedRange6> prefix_pools;
};

class Subnet6Reader {
  public:
    // What the subnet falls back on.
    Subnet6Reader(const Reader& reader, const model::Lifetimes& lifetimes)
        : reader_{reader}, lifetimes_{lifetimes} {}

    // Reports all that is wrong within the subnet. Empty if it is no map.
    [[nodiscard]] std::optional<PlacedSubnet6> read(const Value& value);

  private:
    using Identifiers =
        std::map<std::pair<model::Identifier6, std::optional<std::uint32_t>>, Place>;

    void read_prefix(const MapReader& map, PlacedSubnet6& placed);
    void read_plain_members(const MapReader& map, PlacedSubnet6& placed);
    void read_relays(const Value& relays, model::Subnet6Configuration& subnet);
    void read_excluded(const Value& excluded, PlacedSubnet6& placed);
    void read_pools(const Value& pools, PlacedSubnet6& placed);
    void read_prefix_pool(const Value& value, PlacedSubnet6& placed);
    void read_excluded_prefix(const Value& value, model::PrefixPoolConfiguration& pool);
    void read_reservation(const Value& value, PlacedSubnet6& placed, Identifiers& identifiers);
    [[nodiscard]] std::optional<model::Identifier6> read_identifier(const MapReader& map,
                                                                    const Value& reservation);
    void read_reserved_addresses(const Value& value, const PlacedSubnet6& placed,
                                 model::Reservation6Configuration& reservation);
    void read_reserved_prefixes(const Value& value, const PlacedSubnet6& placed,
                                model::Reservation6Configuration& reservation);

    const Reader& reader_;
    model::Lifetimes lifetimes_;
    std::map<Ipv6, Place> reserved_addresses_;                        // of all subnets
    std::map<Ipv6, std::pair<Ipv6Prefix, Place>> reserved_prefixes_;  // likewise, by last address
};

// The bytes of a DUID, server-duid: or duid:; what is none is reported.
[[nodiscard]] std::optional<std::vector<std::byte>> read_duid(const Reader& reader,
                                                              const Value& value);

}  // namespace xdhcpd::config
