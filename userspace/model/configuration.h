// Configuration: what the operator asked for, as plain values, already checked for form (config/)
// and not yet joined with the host's interfaces and addresses (snapshot.h does that). Defaults
// stand here and nowhere else.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/addresses.h"
#include "dhcp4/options.h"
#include "model/configuration6.h"
#include "model/rate_limit.h"
#include "model/vlan_range.h"

namespace xdhcpd::model {

enum class Driver : std::uint8_t { kAuto, kXdp, kXdpGeneric, kPacket, kUdp };
enum class ZeroCopy : std::uint8_t { kAuto, kOn, kOff };
// How replies leave whose destination the kernel can route to: relays, and clients that have an
// address.
enum class ReplyPath : std::uint8_t {
    kMirror,  // by the port that the request came from, to the MAC that sent it
    kRoute,   // as the kernel's routing and neighbour tables say
};
enum class LogLevel : std::uint8_t { kDebug, kInfo, kWarning, kError };
enum class LogFormat : std::uint8_t { kText, kJson };

struct LogConfiguration {
    LogLevel level = LogLevel::kInfo;
    LogFormat format = LogFormat::kText;
};

// interfaces[]: one network interface to serve.
struct InterfaceConfiguration {
    std::string name;  // 1..15 bytes
    Driver driver = Driver::kAuto;
    std::vector<std::uint32_t> queues;  // empty: all
    ZeroCopy zero_copy = ZeroCopy::kAuto;
    ReplyPath reply_path = ReplyPath::kMirror;
    RateLimits rate_limits{};
};

// One option to be sent, its value already in wire form (dhcp4::encode_option).
struct OptionValue {
    dhcp4::OptionCode code{};
    std::vector<std::byte> value;  // 0..65535 bytes
    bool always = false;  // sent also when the client did not ask for it (options: {...: {value,
                          // always: true}})
};

// Seconds; 0xffffffff is infinite (RFC 2131 section 3.3).
struct LeaseTimes {
    std::uint32_t default_time = 3600;
    std::uint32_t min_time = 300;
    std::uint32_t max_time = 86400;
};

// Which part of a message names the client when no reservation does (identity: of a subnet).
enum class Identity : std::uint8_t { kClientId, kHwAddress, kCircuitId };

// What a reservation matches; the first of a message that is in any reservation counts.
enum class IdentifierKind : std::uint8_t { kHwAddress, kClientId, kCircuitId, kRemoteId };
struct Identifier {
    IdentifierKind kind = IdentifierKind::kHwAddress;
    std::vector<std::byte> value;  // hw-address: htype byte + address; others: option bytes
    auto operator<=>(const Identifier&) const = default;
};

// What a hook is told of.
enum class HookEvent : std::uint8_t { kRouteAdded, kRouteRemoved };
// "route-added", as in the file and for the command.
[[nodiscard]] constexpr std::string_view name(HookEvent event) noexcept {
    return event == HookEvent::kRouteAdded ? "route-added" : "route-removed";
}

// hooks[]: a command that runs once for each event.
struct HookConfiguration {
    std::vector<std::string> command;  // absolute path and arguments; names the hook
    std::vector<HookEvent> events{HookEvent::kRouteAdded, HookEvent::kRouteRemoved};
    std::uint32_t timeout = 10;  // seconds
    bool operator==(const HookConfiguration&) const = default;
};

struct ReservationConfiguration {
    Identifier identifier;
    std::optional<Ipv4> address;  // none: options only, the address comes from the pools
    std::string hostname;         // option 12 for this client, empty: none
    std::vector<OptionValue> options;
    std::optional<Ipv4> next_server;
    std::string boot_file_name;  // header field file, at most 127 bytes
};

// First and last address, inclusive, inside the subnet, not overlapping another pool.
struct PoolConfiguration {
    Ipv4 first;
    Ipv4 last;
};

// V6ONLY_WAIT of option 108 (RFC 8925 section 3.4): MIN_V6ONLY_WAIT is the least that clients keep.
inline constexpr std::uint32_t kMinV6OnlyWait = 300;
inline constexpr std::uint32_t kDefaultV6OnlyWait = 1800;
inline constexpr std::uint32_t kNoV6OnlyWait = 0;

struct SubnetConfiguration {
    Ipv4Prefix prefix;  // no host bits, length 8..32
    std::string
        interface;  // serve direct clients of this interface; empty: decided by its addresses
    std::vector<VlanRange> vlans;  // of direct clients (vlan:); empty: untagged ones
    bool vlan_identity = false;    // equal clients in two VLANs are two (vlan-identity:)
    std::string shared_network;    // subnets of one link carry the same name; empty: alone
    std::vector<PoolConfiguration> pools;
    std::vector<PoolConfiguration>
        excluded;  // never leased dynamically (exclude: address, range or prefix)
    std::optional<LeaseTimes> lease_time;  // none: that of dhcp4
    std::vector<OptionValue> options;      // win over those of dhcp4
    std::vector<ReservationConfiguration> reservations;
    std::optional<Ipv4> server_address;  // server identifier and source (server-address)
    std::optional<bool> authoritative;   // none: that of dhcp4
    Identity identity = Identity::kClientId;
    std::optional<Ipv4> next_server;  // header field siaddr
    std::string server_hostname;      // header field sname, at most 63 bytes
    std::string boot_file_name;       // header field file, at most 127 bytes
    std::vector<Ipv4> relays;         // only these giaddr may ask for it, empty: any (relays:)
    // Seconds for which clients that can do without IPv4 stay away from it (ipv6-mostly:); none:
    // that of dhcp4. kNoV6OnlyWait: not here, although dhcp4 has one.
    std::optional<std::uint32_t> v6only_wait;
};

struct Dhcp4Configuration {
    bool authoritative = true;
    LeaseTimes lease_time;
    std::vector<OptionValue> options;
    std::vector<SubnetConfiguration> subnets;
    std::uint32_t offer_time = 30;       // seconds an offer is held (offer-lifetime)
    std::uint32_t decline_time = 86400;  // seconds a declined address rests (decline-quarantine)
    std::uint32_t max_offers_per_relay =
        0;                      // open offers per relay or port; 0: three times what is left
    bool bootp = false;         // answer plain BOOTP from reservations (RFC 951, RFC 1497)
    bool rapid_commit = false;  // RFC 4039
    // T1 and T2 as thousandths of the lease (RFC 2131 section 4.4.5).
    std::uint32_t renew_time_permille = 500;
    std::uint32_t rebind_time_permille = 875;
    std::uint32_t renew_jitter_permille =
        0;  // T1 comes earlier by up to this share of itself, by chance
    std::optional<std::uint32_t> v6only_wait;  // none: IPv4 for everybody (ipv6-mostly:)
};

// Settings of the udp driver and of tests; the standard ports elsewhere.
struct PortConfiguration {
    std::uint16_t server = 67;
    std::uint16_t client = 68;
    bool reply_to_source =
        false;  // udp driver only: answer to the address and port a request came from
    std::uint16_t server6 = 547;  // of DHCPv6 (RFC 8415 section 7.2)
    std::uint16_t client6 = 546;
};

// When an ACK may leave.
enum class Durability : std::uint8_t {
    kSync,    // when its lease is on stable storage (RFC 2131 section 3.1 step 4)
    kAsync,   // at once; storage follows within a second
    kMemory,  // at once; a restart forgets all leases
};
// "sync", "async" or "memory"
[[nodiscard]] constexpr std::string_view name(Durability durability) noexcept {
    switch (durability) {
        case Durability::kSync:
            return "sync";
        case Durability::kAsync:
            return "async";
        case Durability::kMemory:
            break;
    }
    return "memory";
}

struct Configuration {
    LogConfiguration log;
    std::vector<InterfaceConfiguration> interfaces;
    std::string control_socket = "/run/xdhcpd/control.sock";
    std::string http;  // "address:port" of metrics and health, empty: off
    Durability durability = Durability::kSync;
    std::string state_directory = "/var/lib/xdhcpd";  // of the journal, unless kMemory
    std::optional<std::uint32_t> workers;             // none: auto, by queues and processors
    std::uint32_t max_leases = 1u << 20;  // clients that the index holds, over all subnets
    std::uint64_t side_memory = 64u
                                << 20;  // bytes for hostnames, relay information, long identities
    PortConfiguration ports;
    Dhcp4Configuration dhcp4;
    Dhcp6Configuration dhcp6;
    std::vector<AdvertisementConfiguration> router_advertisements;
    std::vector<NeighborProxyConfiguration> neighbor_proxies;
    std::vector<HookConfiguration> hooks;
    bool quick_start = false;  // built from --interface and --range, not from a file
};

}  // namespace xdhcpd::model
