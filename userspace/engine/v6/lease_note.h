// LeaseNote: what a DHCPv6 lease keeps beside its record, in the place of DHCPv4's relay
// information (at most 255 bytes): how its client is reached, for routes to delegated prefixes, for
// Reconfigure and for people. Tag, length, value. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/addresses.h"
#include "base/bytes.h"
#include "model/vlan_range.h"

namespace xdhcpd::engine::v6 {

inline constexpr std::size_t kMaxLeaseNoteLen = 255;

struct LeaseNote {
    // Of a direct client: its link-local address, and the interface by name, since indices do not
    // survive a restart.
    std::optional<Ipv6> next_hop;
    std::string_view interface;  // 1..15 bytes with next_hop
    model::VlanIds vlan;         // of that interface, with next_hop
    // Of a relayed one: what the relay next to it said.
    std::optional<Ipv6> link_address;
    std::optional<Ipv6> peer_address;
    // Of one that accepts Reconfigure (RFC 8415 section 21.20): its DUID, and the address and port
    // of the relay where it has exactly one.
    ByteView reconfigure_duid;  // 3..130 bytes
    std::optional<Ipv6> relay_address;
    std::uint16_t relay_port = 0;  // not 0 with relay_address
    ByteView interface_id;         // cut to fit
    ByteView remote_id;            // likewise: enterprise number, then bytes
    ByteView subscriber_id;        // likewise
};

// Returns the length, at most kMaxLeaseNoteLen; what does not fit is left out, the first things of
// LeaseNote come first. Of an interface_id that had to be cut no relay_address is kept: such a
// relay could not send anything on. `out` has kMaxLeaseNoteLen bytes.
[[nodiscard]] std::size_t encode(const LeaseNote& note, MutableBytes out) noexcept;
// Nothing if `bytes` is no note. Unknown tags are stepped over. Views into `bytes`.
[[nodiscard]] std::optional<LeaseNote> decode_lease_note(ByteView bytes) noexcept;

}  // namespace xdhcpd::engine::v6
