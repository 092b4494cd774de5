// Entry: one lease as a file says it, whatever the file's format. Plain values, times in Unix
// seconds.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/addresses.h"
#include "base/bytes.h"

namespace xdhcpd::lease_files {

enum class EntryState : std::uint8_t {
    kLeased,
    kDeclined,  // somebody else uses the address: nobody gets it before `expires`
    kEnded,     // free, released, expired: the file still tells of it
};

// The tags of a client's frames (0: no such tag).
struct Vlan {
    std::uint16_t outer = 0;  // 1..4094
    std::uint16_t inner = 0;  // 0..4094
    bool operator==(const Vlan&) const = default;
};

// What DHCPv6 says of a lease.
struct Dhcp6Lease {
    static constexpr std::size_t kMinDuidLen = 3;  // RFC 8415 section 11.1
    static constexpr std::size_t kMaxDuidLen = 130;
    static constexpr std::uint32_t kInfinite = 0xffffffff;  // a lifetime (RFC 8415 section 7.7)

    bool is_prefix = false;       // of an IA_PD, else an address of an IA_NA
    Ipv6Prefix what;              // without bits behind it; length 128 for an address
    std::vector<std::byte> duid;  // kMinDuidLen..kMaxDuidLen bytes; empty: not known
    std::uint32_t iaid = 0;
    std::optional<std::uint32_t> preferred;  // lifetime in seconds, when it was last renewed
    // What a relay says of the client, where a reservation knows it by that: option values, 0..255
    // bytes; of the relay's DUID with one octet of its length before and an interface-id behind.
    std::vector<std::byte> relay_id;
    std::vector<std::byte> remote_id;
    std::vector<std::byte> subscriber_id;
    std::optional<Ipv6Prefix> subnet;  // of the server that wrote the file

    bool operator==(const Dhcp6Lease&) const = default;
};

struct Entry {
    static constexpr std::size_t kMaxHwLen = 16;  // RFC 2131 figure 1: chaddr
    static constexpr std::size_t kMaxBytes = 255;
    static constexpr std::int64_t kMaxTime = 253402300799;  // the end of the year 9999

    Ipv4 address;  // of DHCPv4
    EntryState state = EntryState::kLeased;
    std::optional<std::int64_t> expires;  // none: never; 0..kMaxTime
    std::optional<std::int64_t> started;  // of the last renewal; 0..kMaxTime
    std::uint8_t hw_type = 1;
    std::vector<std::byte> hw_address;         // 0..kMaxHwLen bytes
    std::vector<std::byte> client_id;          // option 61, 0..kMaxBytes
    std::vector<std::byte> hostname;           // as the client sent it, likewise
    std::vector<std::byte> relay_information;  // option 82, likewise
    std::optional<Ipv4> relay;                 // giaddr, where circuits name clients
    std::optional<Vlan> vlan;                  // where VLANs are part of who a client is
    std::optional<Ipv4Prefix> subnet;          // of the server that wrote the file

    // A lease of DHCPv6 has no address, client_id, relay, vlan and subnet above, and as
    // relay_information what this server keeps of its client's way (engine/v6/lease_note.h).
    std::optional<Dhcp6Lease> dhcp6;

    bool operator==(const Entry&) const = default;
};

// "192.0.2.10", "2001:db8::10"; a delegated prefix with its length.
[[nodiscard]] std::string name_of(const Entry& entry);
// And back: sets address, or dhcp6 with `what` and is_prefix. False if it is neither.
[[nodiscard]] bool set_name(Entry& entry, std::string_view text);

// What is wrong with its lengths and times, or that nothing names the client; empty if nothing.
[[nodiscard]] std::string check(const Entry& entry);

}  // namespace xdhcpd::lease_files
