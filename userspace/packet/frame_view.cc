#include "packet/frame_view.h"

#include <array>

#include "packet/checksum.h"
#include "packet/headers.h"

namespace xdhcpd {
namespace {

constexpr std::size_t kEtherTypeLen = 2;
constexpr std::uint16_t kFragmentMask =
    0x3fff;  // more-fragments bit and offset (RFC 791 section 3.1)

[[nodiscard]] bool is_tag(std::uint16_t ether_type) noexcept {
    return ether_type == kEtherTypeVlan || ether_type == kEtherTypeQinq;
}

// Whether the datagram may be believed, and how its sender filled the field.
[[nodiscard]] Result<ChecksumState, FrameError> check_udp(Ipv4 source, Ipv4 destination,
                                                          ByteView datagram) noexcept {
    const std::uint16_t field = load_be16(datagram.data() + 6);
    if (field == 0) {
        return ChecksumState::kZero;  // the sender computed none (RFC 768)
    }
    const auto udp_len = static_cast<std::uint16_t>(datagram.size());
    const std::uint16_t pseudo = udp4_pseudo_header_sum(source, destination, udp_len);
    if (ones_complement_sum(datagram, pseudo) == 0xffff) {
        return ChecksumState::kFull;
    }
    if (field == pseudo) {
        return ChecksumState::kPseudoHeader;
    }
    return Unexpected{FrameError::kBadUdpChecksum};
}

}  // namespace

Result<FrameView, FrameError> FrameView::parse(ByteView frame) noexcept {
    if (frame.size() < kEthernetLen) {
        return Unexpected{FrameError::kTruncatedEthernet};
    }
    FrameView view;
    view.destination_mac = Mac::load(frame.data());
    view.source_mac = Mac::load(frame.data() + Mac::kLen);
    std::size_t at = kEthernetLen;
    std::uint16_t ether_type = load_be16(frame.data() + at - kEtherTypeLen);
    while (is_tag(ether_type)) {
        if (view.tags.count == VlanTags::kMaxCount) {
            return Unexpected{FrameError::kTooManyTags};
        }
        if (frame.size() < at + VlanTags::kTagLen) {
            return Unexpected{FrameError::kTruncatedEthernet};
        }
        view.tags.tags[view.tags.count++] = VlanTag{ether_type, load_be16(frame.data() + at)};
        at += VlanTags::kTagLen;
        ether_type = load_be16(frame.data() + at - kEtherTypeLen);
    }
    if (ether_type != kEtherTypeIpv4) {
        return Unexpected{FrameError::kNotIpv4};
    }

    const ByteView ip = frame.subspan(at);
    if (ip.size() < kIpv4MinLen) {
        return Unexpected{FrameError::kTruncatedIp};
    }
    const std::uint8_t version_and_len = load_u8(ip.data());
    if (version_and_len >> 4 != 4) {
        return Unexpected{FrameError::kNotIpv4};
    }
    const std::size_t header_len = std::size_t{version_and_len & 0x0fu} * 4;
    if (header_len < kIpv4MinLen || header_len > ip.size()) {
        return Unexpected{FrameError::kTruncatedIp};
    }
    const std::size_t total_len = load_be16(ip.data() + 2);
    if (total_len < header_len || total_len > ip.size()) {
        return Unexpected{FrameError::kBadIpLength};
    }
    if (ones_complement_sum(ip.first(header_len)) != 0xffff) {
        return Unexpected{FrameError::kBadIpChecksum};
    }
    if ((load_be16(ip.data() + 6) & kFragmentMask) != 0) {
        return Unexpected{FrameError::kIpFragment};
    }
    if (load_u8(ip.data() + 9) != kProtocolUdpNumber) {
        return Unexpected{FrameError::kNotUdp};
    }
    view.source = Ipv4::load(ip.data() + 12);
    view.destination = Ipv4::load(ip.data() + 16);

    const ByteView udp = ip.subspan(header_len, total_len - header_len);
    if (udp.size() < kUdpLen) {
        return Unexpected{FrameError::kTruncatedUdp};
    }
    const std::size_t udp_len = load_be16(udp.data() + 4);
    if (udp_len < kUdpLen || udp_len > udp.size()) {
        return Unexpected{FrameError::kBadUdpLength};
    }
    const auto checksum = check_udp(view.source, view.destination, udp.first(udp_len));
    if (!checksum) {
        return Unexpected{checksum.error()};
    }
    view.checksum = *checksum;
    view.source_port = load_be16(udp.data());
    view.destination_port = load_be16(udp.data() + 2);
    view.payload = udp.subspan(kUdpLen, udp_len - kUdpLen);
    return view;
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
