// What the operator asked for about IPv6: DHCPv6, Router Advertisements, neighbor proxies. Part of
// Configuration; the same rules as there.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/addresses.h"
#include "base/time.h"
#include "dhcp6/options.h"
#include "dhcp6/reconfigure.h"
#include "model/vlan_range.h"
#include "nd/options.h"

namespace xdhcpd::model {

// One option to be sent, its value already in wire form (dhcp6::encode_option).
struct OptionValue6 {
    dhcp6::OptionCode code{};
    std::vector<std::byte> value;  // 0..65535 bytes
    bool always = false;           // sent also when the client did not ask for it
};

// Seconds; 0xffffffff is infinite (RFC 8415 section 7.7). preferred <= valid.
struct Lifetimes {
    std::uint32_t preferred = 3600;
    std::uint32_t valid = 7200;
    bool operator==(const Lifetimes&) const = default;
};

// What a reservation matches; the first kind of this order that names the client in any
// reservation counts.
enum class IdentifierKind6 : std::uint8_t {
    kDuid,          // duid:
    kHwAddress,     // hw-address: option 79 of the first relay, else the one in the client's DUID,
                    // else (direct clients) the frame's source
    kRelayId,       // relay-id: option 53 of the first relay; with interface-id: its option 18 too
    kRemoteId,      // remote-id: option 37 of the first relay
    kSubscriberId,  // subscriber-id: option 38 of the first relay
};
inline constexpr std::size_t kIdentifierKind6Count = 5;
struct Identifier6 {
    IdentifierKind6 kind = IdentifierKind6::kDuid;
    // duid, remote-id (enterprise number first), subscriber-id: option bytes. hw-address: two
    // octets of hardware type, then the address. relay-id: one octet of DUID length, DUID,
    // interface-id (none: empty).
    std::vector<std::byte> value;
    auto operator<=>(const Identifier6&) const = default;
};

struct Reservation6Configuration {
    Identifier6 identifier;
    std::optional<std::uint32_t> iaid;  // only IAs with this IAID (iaid: beside duid:)
    std::vector<Ipv6> addresses;        // inside the subnet; none: from the pools
    std::vector<Ipv6Prefix> prefixes;   // delegated to this client; none: from the prefix pools
    std::string hostname;               // empty: none
    std::vector<OptionValue6> options;
};

// First and last address, inclusive, inside the subnet, not overlapping another pool.
struct Pool6Configuration {
    Ipv6 first;
    Ipv6 last;
};

// prefix-pools[]: `prefix` is cut into prefixes of `delegated_length`, which is 0..48 bits longer
// (what exceeds the window of the store is not used) and at most 128 - and may lie anywhere.
struct PrefixPoolConfiguration {
    Ipv6Prefix prefix;  // no host bits
    std::uint8_t delegated_length = 64;
    // exclude: of each delegated prefix, these bits behind it name the excluded one (RFC 6603);
    // its length is above delegated_length. As a prefix inside the first delegated one.
    std::optional<Ipv6Prefix> excluded;
};

struct Subnet6Configuration {
    Ipv6Prefix prefix;      // no host bits
    std::string interface;  // direct clients of this interface; empty: decided by its addresses
    std::vector<VlanRange> vlans;
    std::string shared_network;
    std::vector<std::byte> interface_id;  // relayed clients whose relay says this (interface-id:)
    std::vector<Pool6Configuration> pools;
    std::vector<Pool6Configuration> excluded;  // never leased dynamically
    std::vector<PrefixPoolConfiguration> prefix_pools;
    std::optional<Lifetimes> lifetimes;  // none: those of dhcp6
    std::optional<bool> rapid_commit;    // none: that of dhcp6
    std::vector<OptionValue6> options;   // win over those of dhcp6
    std::vector<Reservation6Configuration> reservations;
    std::vector<Ipv6> relays;  // only these link-addresses may ask for it, empty: any
};

// What keys of Reconfigure are made of, and what their messages count by.
struct ReconfigureKeys {
    dhcp6::ReconfigureSecret secret{};
    std::uint64_t replay_base = 0;
    // For a message that is sent now: grows with time, by 1,000,000 a second.
    [[nodiscard]] std::uint64_t replay(BootTime now) const noexcept {
        return replay_base +
               static_cast<std::uint64_t>(
                   std::chrono::duration_cast<std::chrono::microseconds>(now.time_since_epoch())
                       .count());
    }
};

struct Dhcp6Configuration {
    Lifetimes lifetimes;
    bool rapid_commit = false;
    std::optional<std::uint8_t> preference;  // option 7 of Advertise
    std::vector<OptionValue6> options;       // SOL_MAX_RT and others are options too
    std::vector<Subnet6Configuration> subnets;
    std::uint32_t offer_time = 30;           // seconds an advertised unit is held (offer-lifetime)
    std::uint32_t decline_time = 86400;      // decline-quarantine
    std::uint32_t max_offers_per_relay = 0;  // as in Dhcp4Configuration
    std::uint32_t information_refresh_time = 86400;  // option 32; RFC 8415 section 21.23
    // T1 and T2 as thousandths of the preferred lifetime (RFC 8415 section 21.4).
    std::uint32_t renew_time_permille = 500;
    std::uint32_t rebind_time_permille = 800;
    bool delegated_routes = true;  // routes to delegated prefixes are installed (delegated-routes:)
    // server-duid: none: kept in the state directory, made when it is not there.
    std::vector<std::byte> server_duid;
    // Clients that accept Reconfigure get a key (reconfigure:), made of what the daemon adds here.
    bool reconfigure = false;
    ReconfigureKeys reconfigure_keys;

    [[nodiscard]] bool is_on() const noexcept { return !subnets.empty(); }
};

// router-advertisements[].prefixes[].
struct AdvertisedPrefixConfiguration {
    Ipv6Prefix prefix;  // no host bits
    bool on_link = true;
    bool autonomous = true;
    bool router_address = false;
    bool pd_preferred = false;             // P flag (RFC 9762)
    Lifetimes lifetimes{604800, 2592000};  // RFC 4861 section 6.2.1
    // Count down to this instant instead of staying (RFC 4861 section 6.2.1): Unix seconds when
    // both end (`until:`); none: fixed.
    std::optional<std::uint64_t> until;
    bool operator==(const AdvertisedPrefixConfiguration&) const = default;
};
struct AdvertisedRouteConfiguration {
    Ipv6Prefix prefix;
    nd::Preference preference = nd::Preference::kMedium;
    std::optional<std::uint32_t> lifetime;  // none: three times the longest interval
    bool operator==(const AdvertisedRouteConfiguration&) const = default;
};

// router-advertisements[]: one interface, or VLAN of one, on which we are a router.
struct AdvertisementConfiguration {
    std::string interface;
    std::optional<VlanRange> vlan;  // one pair of identifiers; none: untagged
    bool managed = false;
    bool other = false;
    nd::Preference preference = nd::Preference::kMedium;
    std::uint32_t min_interval = 200;  // seconds, 3..0.75 * max (RFC 4861 section 6.2.1)
    std::uint32_t max_interval = 600;  // seconds, 4..1800
    std::optional<std::uint16_t> router_lifetime;  // seconds, 0 or max_interval..9000 (RFC 8319:
                                                   // up to 65535); none: 3 * max_interval
    std::uint8_t hop_limit = 64;
    std::uint32_t reachable_time = 0;    // milliseconds, 0..3600000
    std::uint32_t retransmit_timer = 0;  // milliseconds
    std::optional<std::uint32_t> mtu;    // 1280..65535
    bool source_link_layer = true;
    std::vector<AdvertisedPrefixConfiguration> prefixes;
    std::vector<AdvertisedRouteConfiguration> routes;
    std::vector<Ipv6> dns_servers;                 // RDNSS
    std::vector<std::string> dns_search;           // DNSSL
    std::optional<std::uint32_t> dns_lifetime;     // none: 3 * max_interval (RFC 8106 section 5.1)
    std::optional<Ipv6Prefix> pref64;              // RFC 8781
    std::optional<std::uint32_t> pref64_lifetime;  // none: 3 * max_interval
    std::string captive_portal;                    // URI, empty: none
    bool solicited_by_unicast = true;              // RS from an address is answered to it alone
    bool operator==(const AdvertisementConfiguration&) const = default;
};

// neighbor-proxies[].
struct NeighborProxyConfiguration {
    std::string interface;
    std::optional<VlanRange> vlan;    // one pair of identifiers
    std::vector<Ipv6Prefix> targets;  // 1..; length 128 for one address
    bool router = true;               // R flag of the answers
};

}  // namespace xdhcpd::model
