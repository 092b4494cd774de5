#include "packet/frame_writer.h"

#include "base/assert.h"
#include "packet/checksum.h"
#include "packet/headers.h"

namespace xdhcpd {
namespace {

constexpr std::uint16_t kVersionAndLen = 0x45;  // version 4, five words
constexpr std::uint16_t kDontFragment = 0x4000;
constexpr std::size_t kMaxUdpPayloadLen = 65507;

}  // namespace

std::size_t udp4_payload_offset(std::size_t tag_count) noexcept {
    return kUdp4HeadersLen + tag_count * VlanTags::kTagLen;
}

std::size_t write_udp4_headers(MutableBytes frame, const Udp4Headers& headers,
                               std::size_t payload_len) noexcept {
    const std::size_t offset = udp4_payload_offset(headers.tags.count);
    XD_ASSERT(offset + payload_len <= frame.size());
    return write_udp4_headers(frame, headers, payload_len,
                              ones_complement_sum(frame.subspan(offset, payload_len)));
}

std::size_t write_udp4_headers(MutableBytes frame, const Udp4Headers& headers,
                               std::size_t payload_len, std::uint16_t payload_sum) noexcept {
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

    // Sums are added up from the values rather than read back from the bytes just stored.
    const auto udp_len = static_cast<std::uint16_t>(kUdpLen + payload_len);
    const auto ip_len = static_cast<std::uint16_t>(kIpv4MinLen + udp_len);
    const std::uint16_t version_and_class =
        static_cast<std::uint16_t>(kVersionAndLen << 8 | headers.traffic_class);
    constexpr std::uint16_t kTtlAndProtocol = kDefaultTtl << 8 | kProtocolUdpNumber;
    const std::uint32_t addresses_sum =
        (headers.source.value >> 16) + (headers.source.value & 0xffff) +
        (headers.destination.value >> 16) + (headers.destination.value & 0xffff);
    std::byte* const ip = at;
    store_be16(ip, version_and_class);
    store_be16(ip + 2, ip_len);
    store_be16(ip + 4, 0);  // identification: meaningless with DF set (RFC 6864 section 4.1)
    store_be16(ip + 6, kDontFragment);
    store_be16(ip + 8, kTtlAndProtocol);
    store_be16(ip + 10, static_cast<std::uint16_t>(~fold_sum(std::uint64_t{version_and_class} +
                                                             ip_len + kDontFragment +
                                                             kTtlAndProtocol + addresses_sum)));
    headers.source.store(ip + 12);
    headers.destination.store(ip + 16);

    std::byte* const udp = ip + kIpv4MinLen;
    store_be16(udp, headers.source_port);
    store_be16(udp + 2, headers.destination_port);
    store_be16(udp + 4, udp_len);
    // The length counts twice: in the pseudo-header and in the header.
    store_be16(udp + 6,
               udp_checksum_of(fold_sum(std::uint64_t{addresses_sum} + kProtocolUdpNumber +
                                        udp_len + headers.source_port + headers.destination_port +
                                        udp_len + payload_sum)));
    return frame_len;
}

}  // namespace xdhcpd
