// FrameView: an Ethernet frame that carries a UDP datagram over IPv4, checked from the first byte
// to the UDP checksum. Nothing that a driver or the XDP program may have looked at is taken for
// granted.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/addresses.h"
#include "base/bytes.h"
#include "base/result.h"
#include "packet/vlan.h"

namespace xdhcpd {

// Why a frame is not a UDP datagram that we may read; one counter and one test each.
enum class FrameError : std::uint8_t {
    kTruncatedEthernet,  // shorter than its Ethernet header and tags
    kTooManyTags,        // a third VLAN tag
    kNotIpv4,            // EtherType or IP version
    kTruncatedIp,        // shorter than its IPv4 header, or header length below 20
    kBadIpLength,        // total length below the header's or beyond the frame
    kBadIpChecksum,      // header checksum (RFC 1122 section 3.2.1.2)
    kIpFragment,         // reassembly is the kernel's work
    kNotUdp,
    kTruncatedUdp,    // shorter than the UDP header
    kBadUdpLength,    // UDP length below 8 or beyond the IP payload
    kBadUdpChecksum,  // neither correct, nor zero, nor just the pseudo-header
    kCount
};
// "bad-udp-checksum"
[[nodiscard]] std::string_view name(FrameError error) noexcept;

// How the UDP checksum of an accepted datagram came. A local sender with checksum offload (veth,
// TAP, virtio) leaves only the pseudo-header sum in the field.
enum class ChecksumState : std::uint8_t { kFull, kZero, kPseudoHeader, kCount };
[[nodiscard]] std::string_view name(ChecksumState state) noexcept;

// Values copied out of the headers, in host order, and a view of the UDP data in the frame.
struct FrameView {
    Mac destination_mac;
    Mac source_mac;
    VlanTags tags;
    Ipv4 source;
    Ipv4 destination;
    std::uint16_t source_port = 0;
    std::uint16_t destination_port = 0;
    ChecksumState checksum = ChecksumState::kFull;
    ByteView payload;  // UDP data, 0..65507 bytes; Ethernet padding is not part of it

    // Reads `frame` (from the destination address on, without FCS). IPv4 options are stepped over.
    [[nodiscard]] static Result<FrameView, FrameError> parse(ByteView frame) noexcept;
    // Likewise in place, for who keeps one for frame after frame. After an error the values mean
    // nothing.
    [[nodiscard]] std::optional<FrameError> read(ByteView frame) noexcept {
        return read_common(frame) ? std::nullopt : read_any(frame);
    }
    // The two halves of read(): a short way for the frame that nearly all are, which says only
    // whether it has read it, and the long way for all frames, which also says what is wrong.
    // Apart, so that a test can hold one against the other.
    [[nodiscard]] bool read_common(ByteView frame) noexcept;
    [[nodiscard]] std::optional<FrameError> read_any(ByteView frame) noexcept;

  private:
    [[nodiscard]] std::optional<FrameError> read_ip(ByteView ip) noexcept;
    [[nodiscard]] std::optional<FrameError> read_udp(ByteView udp) noexcept;
};

}  // namespace xdhcpd
