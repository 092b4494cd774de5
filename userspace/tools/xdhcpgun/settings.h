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

enum class Scenario : std::uint8_t { kDora, kRenew, kDiscover, kStorm, kVerify };
enum class Driver : std::uint8_t { kAuto, kXdp, kPacket };
// How a client of the ledger asks for its address again.
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
    std::optional<std::string> circuit_id;
    std::optional<std::string> remote_id;
};

struct Settings {
    std::string interface_name;
    Driver driver = Driver::kAuto;
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
