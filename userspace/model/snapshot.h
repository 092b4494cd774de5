// Snapshot: the configuration joined with the host's interfaces and the store's spaces, in the form
// that answering a packet wants. Built by the control thread, immutable once published; workers
// read it without locks and announce which generation they use (worker/).
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/addresses.h"
#include "base/gcra.h"
#include "base/hash.h"
#include "base/result.h"
#include "lease/store.h"
#include "model/address_set.h"
#include "model/configuration.h"
#include "model/host_state.h"
#include "model/option_table.h"
#include "model/snapshot6.h"
#include "packet/vlan.h"

namespace xdhcpd::model {

// What a reservation gives; `address` lies inside `subnet`.
struct Reservation {
    Identifier identifier;
    std::uint32_t subnet = 0;  // index into Snapshot::subnets
    std::optional<Ipv4> address;
    std::optional<OptionTable> options;  // win over the subnet's
    std::optional<Ipv4> next_server;
    std::string boot_file_name;
};

struct Subnet {
    Ipv4Prefix prefix;
    lease::SpaceId space;
    std::uint32_t link = 0;               // index into Snapshot::links
    std::uint32_t index_in_snapshot = 0;  // its own place in Snapshot::subnets
    std::string interface;                // name as configured, may be empty
    std::vector<VlanRange> vlans;         // as configured
    bool vlan_identity = false;
    std::string shared_network;
    std::vector<lease::UnitRange> pools;  // indices of the space, which are offsets into the prefix
    LeaseTimes lease_time;
    OptionTable options;  // dhcp4's and the subnet's, merged
    Ipv4 server_address;  // configured, or with vlans this host's in the prefix; zero: none
    bool authoritative = true;
    Identity identity = Identity::kClientId;
    Ipv4 next_server;
    std::string server_hostname;
    std::string boot_file_name;
    std::vector<Ipv4> relays;                  // sorted; empty: any
    std::optional<std::uint32_t> v6only_wait;  // seconds of option 108 (RFC 8925); none: never sent

    [[nodiscard]] Ipv4 address(std::uint32_t index) const noexcept {
        return Ipv4{prefix.address.value + index};
    }
    [[nodiscard]] std::uint32_t index(Ipv4 address) const noexcept {
        return address.value - prefix.address.value;
    }
};

// The subnets of one layer-2 link, in configured order: one, or those of a shared network.
struct Link {
    std::vector<std::uint32_t> subnets;  // indices into Snapshot::subnets
    std::vector<lease::SpaceId> spaces;  // of those subnets, same order
};

// A VLAN of an interface and its link.
struct VlanLink {
    VlanIds ids;
    std::uint32_t link = 0;  // index into Snapshot::links
};

// How direct clients of an interface are served.
struct Ingress {
    HostInterface interface;
    std::optional<std::uint32_t> link;   // of untagged clients; none: only relayed ones
    std::vector<VlanLink> vlans;         // of tagged ones, sorted by ids
    std::optional<std::uint32_t> link6;  // likewise of IPv6: indices into Snapshot6::links
    std::vector<VlanLink> vlans6;
    bool is_limited = false;  // any of these is
    RateTerms client_terms;
    RateTerms relay_terms;
    RateTerms link_terms;

    // Nothing when the VLAN is not served.
    [[nodiscard]] std::optional<std::uint32_t> find_vlan(VlanIds ids) const noexcept;
};

class Snapshot {
  public:
    std::uint32_t generation = 0;
    std::vector<Subnet> subnets;  // sorted by prefix
    std::vector<Link> links;
    std::vector<Reservation> reservations;
    PortConfiguration ports;
    std::uint32_t offer_time = 30;
    std::uint32_t decline_time = 86400;
    std::uint32_t max_offers_per_relay = 0;
    bool bootp = false;
    bool rapid_commit = false;
    std::uint32_t renew_time_permille = 500;
    std::uint32_t rebind_time_permille = 875;
    std::uint32_t renew_jitter_permille = 0;
    HashKey hash_key;
    Snapshot6 ipv6;

    // The subnet whose prefix contains `address` (prefixes do not overlap), or nothing.
    [[nodiscard]] const Subnet* find_subnet(Ipv4 address) const noexcept;
    // Nothing when the interface is not served.
    [[nodiscard]] const Ingress* find_ingress(std::uint32_t ifindex) const noexcept;
    // Whether the address is one of this host, or a configured server address.
    [[nodiscard]] bool is_local(Ipv4 address) const noexcept { return local_.contains(address); }
    // Whether the address is the directed broadcast of a prefix that this host is on.
    [[nodiscard]] bool is_local_broadcast(Ipv4 address) const noexcept {
        return broadcasts_.contains(address);
    }
    // Whether any reservation matches this kind of identifier at all, so that most messages skip
    // the search.
    [[nodiscard]] bool has_reservations(IdentifierKind kind) const noexcept {
        return kinds_present_[static_cast<std::size_t>(kind)];
    }
    // Calls `visit` with each reservation of exactly this identifier.
    template <typename Visit>
    void visit_reservations(IdentifierKind kind, ByteView value, Visit&& visit) const {
        const auto [first, last] = by_identifier_.equal_range(identifier_hash(kind, value));
        for (auto at = first; at != last; ++at) {
            const Reservation& reservation = reservations[at->second];
            if (reservation.identifier.kind == kind &&
                equal_bytes(reservation.identifier.value, value)) {
                visit(reservation);
            }
        }
    }

    // Fills the search structures from the public members; called once by make_snapshot.
    void index(std::vector<Ingress> ingresses, std::span<const Ipv4> local_addresses,
               std::span<const Ipv4> local_broadcasts);
    // Sorted, for the XDP program's map of local destinations.
    [[nodiscard]] std::vector<Ipv4> local_destinations() const;
    [[nodiscard]] std::span<const Ingress> ingresses() const noexcept { return ingresses_; }

  private:
    [[nodiscard]] std::uint64_t identifier_hash(IdentifierKind kind,
                                                ByteView value) const noexcept {
        return hash_bytes(hash_key, value) + static_cast<std::uint64_t>(kind);
    }

    std::vector<Ingress> ingresses_;  // sorted by ifindex
    AddressSet local_;
    AddressSet broadcasts_;
    std::unordered_multimap<std::uint64_t, std::uint32_t> by_identifier_;
    std::array<bool, 4> kinds_present_{};
};

}  // namespace xdhcpd::model
