// Entry: one lease as a file says it, whatever the file's format. Plain values, times in Unix
// seconds.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
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

struct Entry {
    static constexpr std::size_t kMaxHwLen = 16;  // RFC 2131 figure 1: chaddr
    static constexpr std::size_t kMaxBytes = 255;
    static constexpr std::int64_t kMaxTime = 253402300799;  // the end of the year 9999

    Ipv4 address;
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

    bool operator==(const Entry&) const = default;
};

// What is wrong with its lengths and times, or that nothing names the client; empty if nothing.
[[nodiscard]] std::string check(const Entry& entry);

}  // namespace xdhcpd::lease_files
