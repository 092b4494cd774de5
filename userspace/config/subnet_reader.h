// One element of subnets:, with its pools and reservations. One load, one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "config/reader.h"
#include "model/configuration.h"

namespace xdhcpd::config {

// lease-time: as a map or as one duration. What is not given comes from `base` and gives way to
// what is; the result keeps min <= default <= max.
[[nodiscard]] std::optional<model::LeaseTimes> read_lease_time(const Reader& reader,
                                                               const Value& value,
                                                               const model::LeaseTimes& base);

// ipv6-mostly: true, false or {wait: 30m}: V6ONLY_WAIT of option 108 in seconds (RFC 8925), or
// model::kNoV6OnlyWait for false.
[[nodiscard]] std::optional<std::uint32_t> read_v6only_wait(const Reader& reader,
                                                            const Value& value);

// A subnet and where its parts stand, for checks between subnets.
struct PlacedSubnet {
    model::SubnetConfiguration subnet;
    Place place;             // of the prefix
    Place interface;         // of the interface's name; line 0 if there is none
    Place vlan;              // of vlan:; line 0 if there is none
    Place shared_network;    // likewise
    bool has_prefix = true;  // false: reported, the prefix is a placeholder
};

class SubnetReader {
  public:
    // Both are what the subnet falls back on.
    SubnetReader(const Reader& reader, const model::LeaseTimes& lease_time,
                 const std::vector<model::OptionValue>& options)
        : reader_{reader}, lease_time_{lease_time}, options_{options} {}

    // Reports all that is wrong within the subnet. Empty if it is no map.
    [[nodiscard]] std::optional<PlacedSubnet> read(const Value& value);

  private:
    struct PlacedRange {
        AddressRange range;
        Place place;
    };
    // The parts of the subnet at hand that later checks need.
    struct Parts {
        std::vector<PlacedRange> pools;
        std::vector<AddressRange> excluded;
    };

    void read_plain_members(const MapReader& map, PlacedSubnet& placed);
    void read_vlans(const MapReader& map, PlacedSubnet& placed);
    void read_pools(const Value& pools, const PlacedSubnet& placed, Parts& parts);
    void read_excluded(const Value& excluded, PlacedSubnet& placed, Parts& parts);
    void read_relays(const Value& relays, model::SubnetConfiguration& subnet);
    void read_reservations(const Value& reservations, PlacedSubnet& placed);
    void read_reservation(const Value& value, PlacedSubnet& placed,
                          std::unordered_map<std::string, Place>& identifiers);
    [[nodiscard]] std::optional<model::Identifier> read_identifier(
        const MapReader& map, const Value& reservation,
        std::unordered_map<std::string, Place>& identifiers);
    [[nodiscard]] std::optional<Ipv4> read_reserved_address(const Value& value,
                                                            const PlacedSubnet& placed);
    void check_pool_overlaps(const Parts& parts);
    void warn_of_pools(const PlacedSubnet& placed, const Parts& parts);
    void warn_of_routers(const PlacedSubnet& placed, const Value& options);

    const Reader& reader_;
    model::LeaseTimes lease_time_;
    const std::vector<model::OptionValue>& options_;
    std::unordered_map<std::uint32_t, Place> reserved_addresses_;  // of all subnets
};

}  // namespace xdhcpd::config
