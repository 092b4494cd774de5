// Snapshot6: the IPv6 part of a Snapshot: subnets, links, pools, reservations, what is advertised
// and whose neighbor solicitations are answered. Built with it, immutable as it is.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/addresses.h"
#include "base/hash.h"
#include "lease/unit.h"
#include "model/configuration6.h"
#include "model/option_table6.h"
#include "packet/vlan.h"

namespace xdhcpd::model {

// A range of addresses or of delegated prefixes: one space of the lease store, unit i of which is
// named by the space's Ipv6Names.
struct Pool6 {
    Ipv6 first;                      // address, or network of the first prefix
    Ipv6 last;                       // last address of all
    std::uint8_t unit_length = 128;  // of each unit
    lease::SpaceId space;
    lease::UnitRange units;              // all of the space
    std::optional<Ipv6Prefix> excluded;  // see PrefixPoolConfiguration
};

// A reserved address or prefix with its place in the store, which may be outside all pools.
struct ReservedUnit {
    Ipv6Prefix prefix;  // length 128 for an address
    lease::Unit unit;
};
struct Reservation6 {
    Identifier6 identifier;
    std::optional<std::uint32_t> iaid;
    std::uint32_t subnet = 0;  // index into Snapshot6::subnets
    std::vector<ReservedUnit> addresses;
    std::vector<ReservedUnit> prefixes;
    std::string hostname;
    std::optional<OptionTable6> options;  // win over the subnet's
};

struct Subnet6 {
    Ipv6Prefix prefix;
    std::uint32_t link = 0;  // index into Snapshot6::links
    std::uint32_t index_in_snapshot = 0;
    std::string interface;
    std::vector<VlanRange> vlans;
    std::string shared_network;
    std::vector<Pool6> pools;         // addresses
    std::vector<Pool6> prefix_pools;  // prefixes
    Lifetimes lifetimes;
    bool rapid_commit = false;
    OptionTable6 options;      // dhcp6's and the subnet's, merged
    std::vector<Ipv6> relays;  // sorted; empty: any
};

// The subnets of one layer-2 link, in configured order.
struct Link6 {
    std::vector<std::uint32_t> subnets;
    // In which a client of the link may hold something: of pools, then of reserved units outside,
    // then of former pools. It may keep what is allowed there (UnitBitmap::allowed) or reserved for
    // it; new units come from pools.
    std::vector<lease::SpaceId> address_spaces;
    std::vector<lease::SpaceId> prefix_spaces;
    [[nodiscard]] bool has_pool(bool prefixes) const noexcept {
        return prefixes ? has_prefix_pool : has_address_pool;
    }
    bool has_address_pool = false;
    bool has_prefix_pool = false;
};

// Where a space's units belong; by lease::SpaceId.
struct SpaceOwner {
    std::uint32_t subnet = 0xffffffff;  // index into Snapshot6::subnets; all ones: none now
    // Index into pools or prefix_pools, of a former one that into which it went; all ones: of
    // reserved units.
    std::uint32_t pool = 0xffffffff;
    bool is_prefix = false;
};

// What is advertised on one link, finished but for lifetimes that count down.
struct Advertisement {
    std::uint32_t ifindex = 0;
    VlanIds vlan;  // zero: untagged
    AdvertisementConfiguration configuration;
    // Advertised before and no more: sent with lifetimes of zero (RFC 9096 section 3.5). Filled by
    // control::AdvertisedSets.
    std::vector<AdvertisedPrefixConfiguration> withdrawn_prefixes;
    std::vector<AdvertisedRouteConfiguration> withdrawn_routes;
    std::vector<Ipv6> withdrawn_dns_servers;
    std::vector<std::string> withdrawn_dns_search;
    bool operator==(const Advertisement&) const = default;
};

struct NeighborProxy {
    std::uint32_t ifindex = 0;
    VlanIds vlan;
    std::vector<Ipv6Prefix> targets;  /// sorted
    bool router = true;
};

class Snapshot6 {
  public:
    std::vector<Subnet6> subnets;  // sorted by prefix; they do not overlap
    std::vector<Link6> links;
    std::vector<Reservation6> reservations;
    std::vector<SpaceOwner> owners;  // by space
    std::vector<Advertisement> advertisements;
    std::vector<NeighborProxy> proxies;
    std::vector<std::byte> server_duid;  // 3..130 bytes; empty: DHCPv6 is off
    std::optional<std::uint8_t> preference;
    std::uint32_t offer_time = 30;
    std::uint32_t decline_time = 86400;
    std::uint32_t max_offers_per_relay = 0;
    std::uint32_t information_refresh_time = 86400;
    std::uint32_t renew_time_permille = 500;
    std::uint32_t rebind_time_permille = 800;
    std::uint16_t server_port = 547;
    std::uint16_t client_port = 546;
    // How clients that accept Reconfigure are told their keys; none: they are not.
    std::optional<ReconfigureKeys> reconfigure;

    [[nodiscard]] bool serves_dhcp6() const noexcept { return !subnets.empty(); }
    // The subnet whose prefix contains `address`, or null.
    [[nodiscard]] const Subnet6* find_subnet(const Ipv6& address) const noexcept;
    // The link of relayed clients whose relay says this interface-id, where a subnet names it.
    [[nodiscard]] std::optional<std::uint32_t> find_interface_id(ByteView id) const noexcept;
    // Of this host, link-local ones included (with those of all interfaces in one set), and
    // configured server addresses.
    [[nodiscard]] bool is_local(const Ipv6& address) const noexcept;
    // Sorted, for the XDP program's map of local destinations.
    [[nodiscard]] std::span<const Ipv6> local_addresses() const noexcept { return local_; }
    // Null where we do not advertise.
    [[nodiscard]] const Advertisement* find_advertisement(std::uint32_t ifindex,
                                                          VlanIds vlan) const noexcept;
    // The proxy that answers for `target` there, or null. Not for an address of this host, for
    // which the kernel answers: it may have come to lie inside a target after the configuration was
    // read.
    [[nodiscard]] const NeighborProxy* find_proxy(std::uint32_t ifindex, VlanIds vlan,
                                                  const Ipv6& target) const noexcept;
    [[nodiscard]] const SpaceOwner* find_owner(lease::SpaceId space) const noexcept {
        return space.value < owners.size() && owners[space.value].subnet < subnets.size()
                   ? &owners[space.value]
                   : nullptr;
    }
    [[nodiscard]] bool has_reservations(IdentifierKind6 kind) const noexcept {
        return kinds_present_[static_cast<std::size_t>(kind)];
    }
    // Calls `visit` with each reservation of exactly this identifier (whatever its IAID and link).
    template <typename Visit>
    void visit_reservations(IdentifierKind6 kind, ByteView value, HashKey key,
                            Visit&& visit) const {
        const auto [first, last] = by_identifier_.equal_range(hash_of(kind, value, key));
        for (auto at = first; at != last; ++at) {
            const Reservation6& reservation = reservations[at->second];
            if (reservation.identifier.kind == kind &&
                equal_bytes(reservation.identifier.value, value)) {
                visit(reservation);
            }
        }
    }

    // Fills the search structures from the public members; called once by make_snapshot.
    void index(HashKey key, std::vector<Ipv6> local_addresses,
               std::vector<std::pair<std::vector<std::byte>, std::uint32_t>> interface_ids);

  private:
    [[nodiscard]] static std::uint64_t hash_of(IdentifierKind6 kind, ByteView value,
                                               HashKey key) noexcept {
        return hash_bytes(key, value) + static_cast<std::uint64_t>(kind);
    }

    std::vector<Ipv6> local_;                                                      /// sorted
    std::vector<std::pair<std::vector<std::byte>, std::uint32_t>> interface_ids_;  /// sorted
    std::unordered_multimap<std::uint64_t, std::uint32_t> by_identifier_;
    std::array<bool, kIdentifierKind6Count> kinds_present_{};
};

}  // namespace xdhcpd::model
