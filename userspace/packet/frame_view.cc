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

// The sum of a header without options, without a call.
[[nodiscard]] std::uint16_t short_header_sum(const std::byte* ip) noexcept {
    const std::uint64_t first = load_be64(ip);
    const std::uint64_t second = load_be64(ip + 8);
    return fold_sum((first & 0xffffffff) + (first >> 32) + (second & 0xffffffff) + (second >> 32) +
                    load_be32(ip + 16));
}

}  // namespace

Result<FrameView, FrameError> FrameView::parse(ByteView frame) noexcept {
    FrameView view;
    if (const auto error = view.read(frame)) {
        return Unexpected{*error};
    }
    return view;
}

std::optional<FrameError> FrameView::read(ByteView frame) noexcept {
    if (frame.size() < kEthernetLen) {
        return FrameError::kTruncatedEthernet;
    }
    destination_mac = Mac::load(frame.data());
    source_mac = Mac::load(frame.data() + Mac::kLen);
    tags = {};
    std::size_t at = kEthernetLen;
    std::uint16_t ether_type = load_be16(frame.data() + at - kEtherTypeLen);
    while (is_tag(ether_type)) {
        if (tags.count == VlanTags::kMaxCount) {
            return FrameError::kTooManyTags;
        }
        if (frame.size() < at + VlanTags::kTagLen) {
            return FrameError::kTruncatedEthernet;
        }
        tags.tags[tags.count++] = VlanTag{ether_type, load_be16(frame.data() + at)};
        at += VlanTags::kTagLen;
        ether_type = load_be16(frame.data() + at - kEtherTypeLen);
    }
    if (ether_type != kEtherTypeIpv4) {
        return FrameError::kNotIpv4;
    }
    return read_ip(frame.subspan(at));
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
    const std::uint16_t sum = header_len == kIpv4MinLen ? short_header_sum(ip.data())
                                                        : ones_complement_sum(ip.first(header_len));
    if (sum != 0xffff) {
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
    const std::uint16_t field = load_be16(udp.data() + 6);
    if (field == 0) {
        checksum = ChecksumState::kZero;  // the sender computed none (RFC 768)
    } else {
        const std::uint16_t pseudo =
            udp4_pseudo_header_sum(source, destination, static_cast<std::uint16_t>(udp_len));
        if (ones_complement_sum(udp.first(udp_len), pseudo) == 0xffff) {
            checksum = ChecksumState::kFull;
        } else if (field == pseudo) {
            checksum = ChecksumState::kPseudoHeader;
        } else {
            return FrameError::kBadUdpChecksum;
        }
    }
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
