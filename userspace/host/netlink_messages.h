// Single rtnetlink messages as values. Pure functions over bytes, which come from the kernel and
// are checked all the same; any thread. A dump and a watcher of changes receive the same form.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/addresses.h"
#include "base/bytes.h"
#include "model/host_state.h"

namespace xdhcpd::host {

// RTM_NEWLINK; `message` is one whole netlink message with its header. Nothing if it is of another
// type, truncated, or lacks an index or a name. An interface without an Ethernet address has a zero
// one. The result has no addresses.
[[nodiscard]] std::optional<model::HostInterface> parse_link(ByteView message);

// RTM_NEWADDR of an IPv4 address.
struct AddressMessage {
    std::uint32_t ifindex = 0;
    Ipv4Prefix prefix;  // with host bits
};
// Likewise. On a point-to-point interface it is the local address, not the peer's.
[[nodiscard]] std::optional<AddressMessage> parse_address(ByteView message);

// RTM_NEWADDR of an IPv6 address that the host may use.
struct Address6Message {
    std::uint32_t ifindex = 0;
    Ipv6Prefix prefix;  // with host bits
};
// Likewise. Nothing of an address that is tentative, optimistic, or has failed duplicate address
// detection (RFC 4862 section 5.4); a deprecated one is still the host's.
[[nodiscard]] std::optional<Address6Message> parse_address6(ByteView message);

// RTM_DELLINK: an interface that has left this network namespace, because it was deleted or moved.
struct LinkDeparture {
    std::uint32_t ifindex = 0;
    bool moved = false;  // to another namespace

    bool operator==(const LinkDeparture&) const = default;
};
// Nothing if the message says something else; that a bridge gives up a port is also an RTM_DELLINK.
[[nodiscard]] std::optional<LinkDeparture> parse_link_departure(ByteView message);

}  // namespace xdhcpd::host
