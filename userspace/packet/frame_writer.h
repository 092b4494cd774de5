// Writes the headers in front of a UDP payload that already stands in its place in the frame.
#pragma once

#include <cstdint>

#include "base/addresses.h"
#include "base/assert.h"
#include "base/bytes.h"
#include "packet/checksum.h"
#include "packet/ethernet.h"
#include "packet/headers.h"
#include "packet/vlan.h"

namespace xdhcpd {

namespace detail {
inline constexpr std::uint32_t kVersionAndLen = 0x45;  // version 4, five words
inline constexpr std::uint16_t kDontFragment = 0x4000;
inline constexpr std::size_t kMaxUdpPayloadLen = 65507;
}  // namespace detail

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
// Likewise, for who knows the payload's ones' complement sum already. Inline: on the way of every
// reply.
[[gnu::always_inline]] inline std::size_t write_udp4_headers(MutableBytes frame,
                                                             const Udp4Headers& headers,
                                                             std::size_t payload_len,
                                                             RawSum payload_sum) noexcept {
    const std::size_t frame_len = udp4_payload_offset(headers.tags.count) + payload_len;
    XD_ASSERT(payload_len <= detail::kMaxUdpPayloadLen && frame_len <= frame.size());

    std::byte* const ip = write_ethernet(frame.data(), headers.destination_mac, headers.source_mac,
                                         headers.tags, kEtherTypeIpv4);
    // Sums are added up from the values rather than read back from the bytes just stored.
    const auto raw16 = [](std::size_t value) {
        return network_order(static_cast<std::uint16_t>(value));
    };
    const std::uint16_t udp_len = raw16(kUdpLen + payload_len);
    const std::uint16_t ip_len = raw16(kIpv4MinLen + kUdpLen + payload_len);
    const std::uint16_t version_and_class =
        raw16(detail::kVersionAndLen << 8 | headers.traffic_class);
    const std::uint16_t ttl_and_protocol = raw16(kDefaultTtl << 8 | kProtocolUdpNumber);
    const std::uint32_t source = network_order(headers.source.value);
    const std::uint32_t destination = network_order(headers.destination.value);
    const RawSum addresses = RawSum{source} + destination;
    const RawSum ip_sum =
        addresses + version_and_class + ip_len + raw16(detail::kDontFragment) + ttl_and_protocol;
    store_raw(ip, version_and_class);
    store_raw(ip + 2, ip_len);
    store_be16(ip + 4, 0);  // identification: meaningless with DF set (RFC 6864 section 4.1)
    store_be16(ip + 6, detail::kDontFragment);
    store_raw(ip + 8, ttl_and_protocol);
    store_raw(ip + 10, static_cast<std::uint16_t>(~fold_sum(ip_sum)));
    store_raw(ip + 12, source);
    store_raw(ip + 16, destination);

    std::byte* const udp = ip + kIpv4MinLen;
    const std::uint16_t source_port = raw16(headers.source_port);
    const std::uint16_t destination_port = raw16(headers.destination_port);
    store_raw(udp, source_port);
    store_raw(udp + 2, destination_port);
    store_raw(udp + 4, udp_len);
    // The length counts twice: in the pseudo-header and in the header.
    store_raw(udp + 6,
              udp_checksum_of(fold_sum(addresses + raw16(kProtocolUdpNumber) + udp_len +
                                       source_port + destination_port + udp_len + payload_sum)));
    return frame_len;
}

}  // namespace xdhcpd
