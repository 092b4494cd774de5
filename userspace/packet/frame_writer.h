// Writes the headers in front of a UDP payload that already stands in its place in the frame.
#pragma once

#include <cstdint>

#include "base/addresses.h"
#include "base/bytes.h"
#include "packet/checksum.h"
#include "packet/headers.h"
#include "packet/vlan.h"

namespace xdhcpd {

struct Udp4Headers {
    Mac destination_mac;
    Mac source_mac;
    VlanTags tags;
    Ipv4 source;
    Ipv4 destination;
    std::uint16_t source_port = 0;
    std::uint16_t destination_port = 0;
    std::uint8_t traffic_class = 0;  // DSCP and ECN byte
};

// Where the UDP payload of a frame with `tag_count` tags begins: 42, 46 or 50.
[[nodiscard]] constexpr std::size_t udp4_payload_offset(std::size_t tag_count) noexcept {
    return kUdp4HeadersLen + tag_count * VlanTags::kTagLen;
}

// Fills the headers of `frame`, whose `payload_len` bytes stand at udp4_payload_offset(tags.count)
// already, with lengths and both checksums. Returns the frame's length (no padding; the NIC or
// kernel pads). Precondition: offset + payload_len fits `frame`, and payload_len <= 65507.
std::size_t write_udp4_headers(MutableBytes frame, const Udp4Headers& headers,
                               std::size_t payload_len) noexcept;
// Likewise, for who knows the payload's ones' complement sum already.
std::size_t write_udp4_headers(MutableBytes frame, const Udp4Headers& headers,
                               std::size_t payload_len, RawSum payload_sum) noexcept;

}  // namespace xdhcpd
