#include "packet/frame_view.h"

#include <array>

#include "packet/checksum.h"
#include "packet/ethernet.h"
#include "packet/headers.h"

namespace xdhcpd {
namespace {

constexpr std::uint16_t kFragmentMask =
    0x3fff;  // more-fragments bit and offset (RFC 791 section 3.1)

// Of the 32-bit halves of eight octets.
[[nodiscard]] RawSum sum_of_eight(const std::byte* from) noexcept {
    const auto word = load_raw<std::uint64_t>(from);
    return (word & 0xffffffff) + (word >> 32);
}

// `datagram` is as long as its own header says, 8..65535 octets; `addresses` is the sum of the IP
// header's two. Nothing: the checksum is wrong.
[[nodiscard, gnu::always_inline]] inline std::optional<ChecksumState> checksum_state(
    ByteView datagram, RawSum addresses) noexcept {
    const auto field = load_raw<std::uint16_t>(datagram.data() + 6);
    if (field == 0) {
        return ChecksumState::kZero;  // the sender computed none (RFC 768)
    }
    const RawSum pseudo = addresses + network_order(std::uint16_t{kProtocolUdpNumber}) +
                          network_order(static_cast<std::uint16_t>(datagram.size()));
    if (fold_sum(raw_sum(datagram, pseudo)) == 0xffff) [[likely]] {
        return ChecksumState::kFull;
    }
    return field == fold_sum(pseudo) ? std::optional{ChecksumState::kPseudoHeader} : std::nullopt;
}

}  // namespace

Result<FrameView, FrameError> FrameView::parse(ByteView frame) noexcept {
    FrameView view;
    if (const auto error = view.read(frame)) {
        return Unexpected{*error};
    }
    return view;
}

// Untagged, without IP options, nothing wrong with it: as few branches as that takes.
bool FrameView::read_common(ByteView frame) noexcept {
    if (frame.size() < kUdp4HeadersLen) {
        return false;
    }
    const std::byte* const ip = frame.data() + kEthernetLen;
    const std::byte* const udp = ip + kIpv4MinLen;
    constexpr std::uint32_t kIpv4WithoutOptions = kEtherTypeIpv4 << 8 | 0x45;
    constexpr std::uint32_t kFragmentAndProtocol = kFragmentMask << 16 | 0xff;
    const std::size_t ip_len = load_be16(ip + 2);
    const std::size_t udp_len = load_be16(udp + 4);
    const RawSum addresses = sum_of_eight(ip + 12);
    const RawSum ip_sum = sum_of_eight(ip) + load_raw<std::uint32_t>(ip + 8) + addresses;
    if (load_be32(ip - 2) >> 8 != kIpv4WithoutOptions ||
        (load_be32(ip + 6) & kFragmentAndProtocol) != kProtocolUdpNumber ||
        ip_len > frame.size() - kEthernetLen || udp_len < kUdpLen ||
        udp_len + kIpv4MinLen > ip_len || fold_sum(ip_sum) != 0xffff) {
        return false;
    }
    const auto state = checksum_state({udp, udp_len}, addresses);
    if (!state) {
        return false;
    }
    std::memcpy(destination_mac.octets.data(), frame.data(), Mac::kLen);
    std::memcpy(source_mac.octets.data(), frame.data() + Mac::kLen, Mac::kLen);
    tags = {};
    source = Ipv4::load(ip + 12);
    destination = Ipv4::load(ip + 16);
    source_port = load_be16(udp);
    destination_port = load_be16(udp + 2);
    checksum = *state;
    payload = {udp + kUdpLen, udp_len - kUdpLen};
    return true;
}

std::optional<FrameError> FrameView::read_any(ByteView frame) noexcept {
    EthernetHeader ethernet;
    if (const auto error = ethernet.read(frame)) {
        return *error == EthernetError::kTooManyTags ? FrameError::kTooManyTags
                                                     : FrameError::kTruncatedEthernet;
    }
    destination_mac = ethernet.destination_mac;
    source_mac = ethernet.source_mac;
    tags = ethernet.tags;
    if (ethernet.ether_type != kEtherTypeIpv4) {
        return FrameError::kNotIpv4;
    }
    return read_ip(frame.subspan(ethernet.len));
}

std::optional<FrameError> FrameView::read_ip(ByteView ip) noexcept {
    if (ip.size() < kIpv4MinLen) {
        return FrameError::kTruncatedIp;
    }
    const std::uint8_t version_and_len = load_u8(ip.data());
    if (version_and_len >> 4 != 4) {
        return FrameError::kNotIpv4;
    }
    const std::size_t header_len = std::size_t{version_and_len & 0x0fu} * 4;
    if (header_len < kIpv4MinLen || header_len > ip.size()) {
        return FrameError::kTruncatedIp;
    }
    const std::size_t total_len = load_be16(ip.data() + 2);
    if (total_len < header_len || total_len > ip.size()) {
        return FrameError::kBadIpLength;
    }
    if (ones_complement_sum(ip.first(header_len)) != 0xffff) {
        return FrameError::kBadIpChecksum;
    }
    if ((load_be16(ip.data() + 6) & kFragmentMask) != 0) {
        return FrameError::kIpFragment;
    }
    if (load_u8(ip.data() + 9) != kProtocolUdpNumber) {
        return FrameError::kNotUdp;
    }
    source = Ipv4::load(ip.data() + 12);
    destination = Ipv4::load(ip.data() + 16);
    return read_udp(ip.subspan(header_len, total_len - header_len));
}

std::optional<FrameError> FrameView::read_udp(ByteView udp) noexcept {
    if (udp.size() < kUdpLen) {
        return FrameError::kTruncatedUdp;
    }
    const std::size_t udp_len = load_be16(udp.data() + 4);
    if (udp_len < kUdpLen || udp_len > udp.size()) {
        return FrameError::kBadUdpLength;
    }
    std::array<std::byte, 8> addresses;
    source.store(addresses.data());
    destination.store(addresses.data() + 4);
    const auto state = checksum_state(udp.first(udp_len), sum_of_eight(addresses.data()));
    if (!state) {
        return FrameError::kBadUdpChecksum;
    }
    checksum = *state;
    source_port = load_be16(udp.data());
    destination_port = load_be16(udp.data() + 2);
    payload = udp.subspan(kUdpLen, udp_len - kUdpLen);
    return std::nullopt;
}

std::string_view name(FrameError error) noexcept {
    static constexpr std::array<std::string_view, static_cast<std::size_t>(FrameError::kCount)>
        kNames{"truncated-ethernet", "too-many-tags",   "not-ipv4",        "truncated-ip",
               "bad-ip-length",      "bad-ip-checksum", "ip-fragment",     "not-udp",
               "truncated-udp",      "bad-udp-length",  "bad-udp-checksum"};
    return kNames[static_cast<std::size_t>(error)];
}

std::string_view name(ChecksumState state) noexcept {
    static constexpr std::array<std::string_view, static_cast<std::size_t>(ChecksumState::kCount)>
        kNames{"full", "zero", "pseudo-header"};
    return kNames[static_cast<std::size_t>(state)];
}

}  // namespace xdhcpd
