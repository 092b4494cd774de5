// Writes the headers in front of a UDP payload or an ICMPv6 message that already stands in its
// place in the frame.
#pragma once

#include <cstdint>

#include "base/addresses.h"
#include "base/bytes.h"
#include "packet/checksum.h"
#include "packet/headers.h"
#include "packet/vlan.h"

namespace xdhcpd {

struct Ipv6Headers {
    Mac destination_mac;
    Mac source_mac;
    VlanTags tags;
    Ipv6 source;
    Ipv6 destination;
    std::uint8_t traffic_class = 0;  // DSCP and ECN byte
    std::uint8_t hop_limit = kDefaultHopLimit;
};
struct Udp6Headers {
    Ipv6Headers ip;
    std::uint16_t source_port = 0;
    std::uint16_t destination_port = 0;
};

// Where the payload of a frame with `tag_count` tags begins: 62, 66 or 70 for UDP data, 54, 58 or
// 62 for an ICMPv6 message.
[[nodiscard]] constexpr std::size_t udp6_payload_offset(std::size_t tag_count) noexcept {
    return kUdp6HeadersLen + tag_count * VlanTags::kTagLen;
}
[[nodiscard]] constexpr std::size_t icmp6_offset(std::size_t tag_count) noexcept {
    return kEthernetLen + kIpv6Len + tag_count * VlanTags::kTagLen;
}

// Fills the headers of `frame`, whose `payload_len` bytes stand at udp6_payload_offset(tags.count)
// already, with lengths and checksum. Returns the frame's length (no padding; the NIC or kernel
// pads). Precondition: offset + payload_len fits `frame`, and payload_len <= 65527.
std::size_t write_udp6_headers(MutableBytes frame, const Udp6Headers& headers,
                               std::size_t payload_len) noexcept;
// Likewise, for who knows the payload's ones' complement sum already.
std::size_t write_udp6_headers(MutableBytes frame, const Udp6Headers& headers,
                               std::size_t payload_len, RawSum payload_sum) noexcept;

// Likewise for an ICMPv6 message of `message_len` bytes at icmp6_offset(tags.count), whose checksum
// field is filled in place, whatever it held. Precondition: offset + message_len fits `frame`, and
// 4 <= message_len <= 65535.
std::size_t write_icmp6_headers(MutableBytes frame, const Ipv6Headers& headers,
                                std::size_t message_len) noexcept;

}  // namespace xdhcpd
