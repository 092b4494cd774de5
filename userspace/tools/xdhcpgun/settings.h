// Settings: what a run of the load generator is to do. Plain values; parsed and checked by
// command_line.h.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/addresses.h"
#include "packet/headers.h"

namespace xdhcpd::gun {

enum class Family : std::uint8_t { kIpv4, kIpv6 };
enum class Scenario : std::uint8_t {
    kDora,  // of IPv6: Solicit, Advertise, Request, Reply
    kRenew,
    kDiscover,  // the first half of it
    kStorm,
    kVerify,
    kRouterSolicit,    // IPv6: Router Solicitation and the advertisement that answers it
    kNeighborSolicit,  // IPv6: Neighbor Solicitations for targets of a proxy
};
enum class Driver : std::uint8_t { kAuto, kXdp, kPacket };
// What a DHCPv6 client wants to have.
enum class Association : std::uint8_t { kAddress, kPrefix };
// How a client of the ledger asks for its address again; of IPv6 by Rebind, Renew or Solicit.
enum class VerifyBy : std::uint8_t { kInitReboot, kRenew, kDiscover };

// Tags of the clients' frames: none, one or two, one of which may be a range.
struct VlanRange {
    std::uint8_t tag_count = 0;
    std::uint16_t outer_first = 0;
    std::uint16_t outer_last = 0;
    std::uint16_t inner_first = 0;
    std::uint16_t inner_last = 0;
};

// What every client sends, and how. Addresses beside the defaults of a direct client.
struct PopulationSettings {
    std::uint32_t client_count = 10000;
    Mac first_mac{
        {std::byte{0x02}, std::byte{0}, std::byte{0}, std::byte{0}, std::byte{0}, std::byte{0}}};
    std::uint64_t seed = 1;
    std::vector<Ipv4> relays;  // empty: direct clients
    Ipv4 server;               // relayed clients only
    Mac server_mac;            // relayed clients only
    VlanRange vlan;
    std::uint16_t outer_tpid = kEtherTypeVlan;
    bool broadcast_flag = false;
    std::vector<std::uint8_t> parameter_list{1, 3, 6, 15, 51, 54};
    bool client_id = false;
    // Text; an empty one stands for a text of each client's own.
    std::optional<std::string> hostname;
    std::optional<std::string> circuit_id;  // of IPv6: interface-id
    std::optional<std::string> remote_id;

    // IPv6 only.
    Association association = Association::kAddress;
    std::uint8_t prefix_length = 0;  // that is asked for; 0: any
    bool rapid_commit = false;
    std::vector<std::uint16_t> option_request{23, 24};
    std::vector<Ipv6> relays6;  // link-addresses, from which relayed messages are sent
    Ipv6 server6;               // relayed clients only
    Ipv6 first_target;          // of Neighbor Solicitations: client i asks for the i-th behind it
};

struct Settings {
    std::string interface_name;
    Driver driver = Driver::kAuto;
    Family family = Family::kIpv4;
    Scenario scenario = Scenario::kDora;
    PopulationSettings population;

    std::uint32_t window = 64;  // exchanges in flight; closed loop
    double rate = 0;            // exchanges per second; open loop when above 0
    std::chrono::nanoseconds duration = std::chrono::seconds{10};
    std::uint64_t exchange_limit = 0;  // 0: no limit
    std::chrono::nanoseconds warmup = std::chrono::seconds{1};
    std::chrono::nanoseconds timeout = std::chrono::seconds{1};
    std::uint32_t retries = 0;
    bool retransmit = false;  // RFC 2131 section 4.1 instead of timeout and retries
    std::chrono::nanoseconds storm_spread = std::chrono::seconds{1};

    double max_loss = 1.0;  // share of exchanges; 1: no limit
    bool json = false;
    bool quiet = false;
    std::chrono::nanoseconds progress{0};  // 0: none
    std::string ledger_path;
    std::string verify_path;
    std::string leases_path;
    VerifyBy verify_by = VerifyBy::kInitReboot;
    std::uint32_t ring_size = 4096;  // slots of each AF_XDP ring; a power of two
    bool spread_queues = false;      // requests leave by all queues in turn, not by the first
    int cpu = -1;                    // -1: wherever the kernel likes
};

}  // namespace xdhcpd::gun
