#include "packet/frame_writer.h"

#include "base/assert.h"
#include "packet/checksum.h"
#include "packet/headers.h"

namespace xdhcpd {
namespace {

constexpr std::uint16_t kDontFragment = 0x4000;
constexpr std::size_t kMaxUdpPayloadLen = 65507;

}  // namespace

std::size_t udp4_payload_offset(std::size_t tag_count) noexcept {
    return kUdp4HeadersLen + tag_count * VlanTags::kTagLen;
}

std::size_t write_udp4_headers(MutableBytes frame, const Udp4Headers& headers,
                               std::size_t payload_len) noexcept {
    const std::size_t frame_len = udp4_payload_offset(headers.tags.count) + payload_len;
    XD_ASSERT(payload_len <= kMaxUdpPayloadLen && frame_len <= frame.size());

    std::byte* at = frame.data();
    headers.destination_mac.store(at);
    headers.source_mac.store(at + Mac::kLen);
    at += 2 * Mac::kLen;
    for (const VlanTag& tag : headers.tags.view()) {
        store_be16(at, tag.tpid);
        store_be16(at + 2, tag.tci);
        at += VlanTags::kTagLen;
    }
    store_be16(at, kEtherTypeIpv4);
    at += 2;

    const std::size_t udp_len = kUdpLen + payload_len;
    std::byte* const ip = at;
    store_u8(ip, 0x45);  // version 4, five words
    store_u8(ip + 1, headers.traffic_class);
    store_be16(ip + 2, static_cast<std::uint16_t>(kIpv4MinLen + udp_len));
    store_be16(ip + 4, 0);  // identification: meaningless with DF set (RFC 6864 section 4.1)
    store_be16(ip + 6, kDontFragment);
    store_u8(ip + 8, kDefaultTtl);
    store_u8(ip + 9, kProtocolUdpNumber);
    store_be16(ip + 10, 0);
    headers.source.store(ip + 12);
    headers.destination.store(ip + 16);
    store_be16(ip + 10, ipv4_header_checksum({ip, kIpv4MinLen}));

    std::byte* const udp = ip + kIpv4MinLen;
    store_be16(udp, headers.source_port);
    store_be16(udp + 2, headers.destination_port);
    store_be16(udp + 4, static_cast<std::uint16_t>(udp_len));
    store_be16(udp + 6, 0);
    store_be16(udp + 6, udp4_checksum(headers.source, headers.destination, {udp, udp_len}));
    return frame_len;
}

}  // namespace xdhcpd
