#include "packet/frame_view6.h"

#include <algorithm>
#include <array>

#include "packet/checksum.h"
#include "packet/ethernet.h"
#include "packet/headers.h"

namespace xdhcpd {
namespace {

constexpr std::uint8_t kFragmentHeader = 44;  // RFC 8200 section 4.5
// Source: IANA "IPv6 Extension Header Types".
constexpr std::uint8_t kExtensionHeaders[] = {
    0,    // hop-by-hop options, RFC 8200
    43,   // routing, RFC 8200
    50,   // encapsulating security payload, RFC 4303
    51,   // authentication, RFC 4302
    60,   // destination options, RFC 8200
    135,  // mobility, RFC 6275
    139,  // host identity protocol, RFC 7401
    140,  // shim6, RFC 5533
    253,  // experimentation, RFC 3692
    254,  // likewise
};

}  // namespace

Result<FrameView6, FrameError6> FrameView6::parse(ByteView frame) noexcept {
    FrameView6 view;
    if (const auto error = view.read(frame)) {
        return Unexpected{*error};
    }
    return view;
}

std::optional<FrameError6> FrameView6::read(ByteView frame) noexcept {
    EthernetHeader ethernet;
    if (const auto error = ethernet.read(frame)) {
        return *error == EthernetError::kTooManyTags ? FrameError6::kTooManyTags
                                                     : FrameError6::kTruncatedEthernet;
    }
    destination_mac = ethernet.destination_mac;
    source_mac = ethernet.source_mac;
    tags = ethernet.tags;
    if (ethernet.ether_type != kEtherTypeIpv6) {
        return FrameError6::kNotIpv6;
    }
    return read_ip(frame.subspan(ethernet.len));
}

std::optional<FrameError6> FrameView6::read_ip(ByteView ip) noexcept {
    if (ip.size() < kIpv6Len) {
        return FrameError6::kTruncatedIp;
    }
    if (load_u8(ip.data()) >> 4 != 6) {
        return FrameError6::kNotIpv6;
    }
    const std::size_t payload_len = load_be16(ip.data() + 4);
    if (payload_len > ip.size() - kIpv6Len) {
        return FrameError6::kBadIpLength;
    }
    hop_limit = load_u8(ip.data() + 7);
    source = Ipv6::load(ip.data() + 8);
    destination = Ipv6::load(ip.data() + 24);
    if (source.is_multicast()) {
        return FrameError6::kMulticastSource;
    }
    const ByteView upper = ip.subspan(kIpv6Len, payload_len);
    const std::uint8_t next_header = load_u8(ip.data() + 6);
    if (next_header == kProtocolUdpNumber) {
        return read_udp(upper);
    }
    if (next_header == kProtocolIcmpv6Number) {
        return read_icmp(upper);
    }
    if (next_header == kFragmentHeader) {
        return FrameError6::kIpFragment;
    }
    return std::ranges::find(kExtensionHeaders, next_header) != std::end(kExtensionHeaders)
               ? FrameError6::kExtensionHeader
               : FrameError6::kOtherProtocol;
}

std::optional<FrameError6> FrameView6::read_udp(ByteView udp) noexcept {
    if (udp.size() < kUdpLen) {
        return FrameError6::kTruncatedUdp;
    }
    const std::size_t udp_len = load_be16(udp.data() + 4);
    if (udp_len < kUdpLen || udp_len > udp.size()) {
        return FrameError6::kBadUdpLength;
    }
    const auto field = load_raw<std::uint16_t>(udp.data() + 6);
    if (field == 0) {
        return FrameError6::kNoUdpChecksum;
    }
    const RawSum pseudo = pseudo_header6_sum(source, destination, kProtocolUdpNumber,
                                             static_cast<std::uint32_t>(udp_len));
    if (fold_sum(raw_sum(udp.first(udp_len), pseudo)) == 0xffff) {
        checksum = ChecksumState::kFull;
    } else if (field == fold_sum(pseudo)) {
        checksum = ChecksumState::kPseudoHeader;
    } else {
        return FrameError6::kBadUdpChecksum;
    }
    protocol = Protocol6::kUdp;
    source_port = load_be16(udp.data());
    destination_port = load_be16(udp.data() + 2);
    payload = udp.subspan(kUdpLen, udp_len - kUdpLen);
    return std::nullopt;
}

// The kernel computes the checksum of ICMPv6 messages in full, whatever the device can do: one that
// holds the pseudo-header's sum only is wrong here.
std::optional<FrameError6> FrameView6::read_icmp(ByteView icmp) noexcept {
    if (icmp.size() < kIcmpv6Len) {
        return FrameError6::kTruncatedIcmp;
    }
    const RawSum pseudo = pseudo_header6_sum(source, destination, kProtocolIcmpv6Number,
                                             static_cast<std::uint32_t>(icmp.size()));
    if (fold_sum(raw_sum(icmp, pseudo)) != 0xffff) {
        return FrameError6::kBadIcmpChecksum;
    }
    protocol = Protocol6::kIcmpv6;
    checksum = ChecksumState::kFull;
    source_port = 0;
    destination_port = 0;
    payload = icmp;
    return std::nullopt;
}

std::string_view name(FrameError6 error) noexcept {
    static constexpr std::array<std::string_view, static_cast<std::size_t>(FrameError6::kCount)>
        kNames{"truncated-ethernet", "too-many-tags",    "not-ipv6",         "truncated-ip",
               "bad-ip-length",      "multicast-source", "ip-fragment",      "extension-header",
               "other-protocol",     "truncated-udp",    "bad-udp-length",   "no-udp-checksum",
               "bad-udp-checksum",   "truncated-icmp",   "bad-icmp-checksum"};
    return kNames[static_cast<std::size_t>(error)];
}

}  // namespace xdhcpd
