// FrameView6: an Ethernet frame that carries a UDP datagram or an ICMPv6 message over IPv6, checked
// from the first byte to the checksum. Nothing that a driver or the XDP program may have looked at
// is taken for granted.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/addresses.h"
#include "base/bytes.h"
#include "base/result.h"
#include "packet/frame_view.h"
#include "packet/vlan.h"

namespace xdhcpd {

// Why a frame is neither of the two; one counter and one test each.
enum class FrameError6 : std::uint8_t {
    kTruncatedEthernet,  // shorter than its Ethernet header and tags
    kTooManyTags,        // a third VLAN tag
    kNotIpv6,            // EtherType or IP version
    kTruncatedIp,        // shorter than an IPv6 header
    kBadIpLength,        // payload length beyond the frame
    kMulticastSource,    // RFC 4291 section 2.7
    kIpFragment,         // reassembly is the kernel's work
    kExtensionHeader,    // likewise stepping over these
    kOtherProtocol,      // neither UDP nor ICMPv6
    kTruncatedUdp,       // shorter than the UDP header
    kBadUdpLength,       // UDP length below 8 or beyond the IP payload
    kNoUdpChecksum,      // zero, which IPv6 does not allow (RFC 8200 section 8.1)
    kBadUdpChecksum,     // neither correct nor just the pseudo-header
    kTruncatedIcmp,      // shorter than the ICMPv6 header
    kBadIcmpChecksum,    // RFC 4443 section 2.3
    kCount
};
// "bad-udp-checksum"
[[nodiscard]] std::string_view name(FrameError6 error) noexcept;

enum class Protocol6 : std::uint8_t { kUdp = 17, kIcmpv6 = 58 };

// Values copied out of the headers, in host order, and a view of what they carry in the frame.
struct FrameView6 {
    Mac destination_mac;
    Mac source_mac;
    VlanTags tags;
    Ipv6 source;
    Ipv6 destination;
    std::uint8_t hop_limit = 0;  // as it arrived; Neighbor Discovery asks for 255
    Protocol6 protocol = Protocol6::kUdp;
    // Zero for ICMPv6.
    std::uint16_t source_port = 0;
    std::uint16_t destination_port = 0;
    ChecksumState checksum = ChecksumState::kFull;  // kFull or kPseudoHeader
    // UDP data (0..65527 bytes), or the whole ICMPv6 message from its type on (4..65535); Ethernet
    // padding is not part of it.
    ByteView payload;

    // Reads `frame` (from the destination address on, without FCS).
    [[nodiscard]] static Result<FrameView6, FrameError6> parse(ByteView frame) noexcept;
    // Likewise in place, for who keeps one for frame after frame. After an error the values mean
    // nothing.
    [[nodiscard]] std::optional<FrameError6> read(ByteView frame) noexcept;

  private:
    [[nodiscard]] std::optional<FrameError6> read_ip(ByteView ip) noexcept;
    [[nodiscard]] std::optional<FrameError6> read_udp(ByteView udp) noexcept;
    [[nodiscard]] std::optional<FrameError6> read_icmp(ByteView icmp) noexcept;
};

}  // namespace xdhcpd
