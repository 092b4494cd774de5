// ARP (RFC 826) as far as simulated hosts need it: somebody asks, we answer. Pure.
#pragma once

#include <cstdint>
#include <optional>

#include "base/addresses.h"
#include "base/bytes.h"
#include "packet/vlan.h"

namespace xdhcpd::gun {

inline constexpr std::uint16_t kEtherTypeArp = 0x0806;

struct ArpRequest {
    Mac sender_mac;
    Ipv4 sender;
    Ipv4 target;
    VlanTags tags;
};

// Reads an Ethernet frame; nothing unless it is a well-formed request for IPv4 over Ethernet.
[[nodiscard]] std::optional<ArpRequest> parse_arp_request(ByteView frame) noexcept;

// Writes the frame that answers with `mac`, at least 50 bytes of room; returns its length.
std::size_t write_arp_answer(MutableBytes to, const ArpRequest& request, Mac mac) noexcept;

}  // namespace xdhcpd::gun
