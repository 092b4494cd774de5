#include "packet/frame_writer6.h"

#include "base/assert.h"
#include "packet/ethernet.h"

namespace xdhcpd {
namespace {

constexpr std::uint32_t kVersion = 6;
constexpr std::size_t kMaxIpPayloadLen = 65535;
constexpr std::size_t kIcmpChecksumAt = 2;

// Ethernet and IPv6; returns where the packet behind them begins. The flow label is zero: nothing
// is said of flows (RFC 6437 section 3).
std::byte* write_ip6(MutableBytes frame, const Ipv6Headers& headers, std::uint8_t next_header,
                     std::size_t upper_len) noexcept {
    std::byte* const ip = write_ethernet(frame.data(), headers.destination_mac, headers.source_mac,
                                         headers.tags, kEtherTypeIpv6);
    store_be32(ip, kVersion << 28 | std::uint32_t{headers.traffic_class} << 20);
    store_be16(ip + 4, static_cast<std::uint16_t>(upper_len));
    store_u8(ip + 6, next_header);
    store_u8(ip + 7, headers.hop_limit);
    headers.source.store(ip + 8);
    headers.destination.store(ip + 24);
    return ip + kIpv6Len;
}

}  // namespace

std::size_t write_udp6_headers(MutableBytes frame, const Udp6Headers& headers,
                               std::size_t payload_len) noexcept {
    const std::size_t offset = udp6_payload_offset(headers.ip.tags.count);
    XD_ASSERT(offset <= frame.size() && payload_len <= frame.size() - offset);
    return write_udp6_headers(frame, headers, payload_len,
                              raw_sum(frame.subspan(offset, payload_len)));
}

std::size_t write_udp6_headers(MutableBytes frame, const Udp6Headers& headers,
                               std::size_t payload_len, RawSum payload_sum) noexcept {
    const std::size_t offset = udp6_payload_offset(headers.ip.tags.count);
    const std::size_t udp_len = kUdpLen + payload_len;
    XD_ASSERT(udp_len <= kMaxIpPayloadLen && offset <= frame.size() &&
              payload_len <= frame.size() - offset);
    std::byte* const udp = write_ip6(frame, headers.ip, kProtocolUdpNumber, udp_len);
    store_be16(udp, headers.source_port);
    store_be16(udp + 2, headers.destination_port);
    store_be16(udp + 4, static_cast<std::uint16_t>(udp_len));
    store_be16(udp + 6, 0);
    const RawSum pseudo =
        pseudo_header6_sum(headers.ip.source, headers.ip.destination, kProtocolUdpNumber,
                           static_cast<std::uint32_t>(udp_len));
    store_raw(udp + 6, udp_checksum_of(fold_sum(raw_sum({udp, kUdpLen}, pseudo + payload_sum))));
    return offset + payload_len;
}

std::size_t write_icmp6_headers(MutableBytes frame, const Ipv6Headers& headers,
                                std::size_t message_len) noexcept {
    const std::size_t offset = icmp6_offset(headers.tags.count);
    XD_ASSERT(message_len >= kIcmpv6Len && message_len <= kMaxIpPayloadLen &&
              offset <= frame.size() && message_len <= frame.size() - offset);
    std::byte* const icmp = write_ip6(frame, headers, kProtocolIcmpv6Number, message_len);
    store_be16(icmp + kIcmpChecksumAt, 0);
    const RawSum pseudo =
        pseudo_header6_sum(headers.source, headers.destination, kProtocolIcmpv6Number,
                           static_cast<std::uint32_t>(message_len));
    const auto sum = fold_sum(raw_sum({icmp, message_len}, pseudo));
    store_raw(icmp + kIcmpChecksumAt, static_cast<std::uint16_t>(~sum));
    return offset + message_len;
}

}  // namespace xdhcpd
