// ReplyReader: every byte of a server's reply that a standard fixes, checked. A reply that fails is
// treated like one that never came, and counted by its reason.
//
// Two steps: read() needs to know only who the clients are; judge() compares with what the client
// is waiting for. Borrows the frame until the next read(). One thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/addresses.h"
#include "base/bytes.h"
#include "base/result.h"
#include "dhcp4/message_view.h"
#include "packet/frame_view.h"
#include "tools/xdhcpgun/population.h"
#include "tools/xdhcpgun/request_frame.h"

namespace xdhcpd::gun {

// What is wrong with a reply: one counter and one test each.
enum class BadReply : std::uint8_t {
    kFrame,              // lengths or tags of Ethernet, IPv4 or UDP, or a fragment
    kIpChecksum,         // RFC 1122 section 3.2.1.2
    kUdpChecksum,        // neither correct, nor zero, nor just the pseudo-header's
    kPorts,              // not from 67, or not to 68 (67 for a relay): RFC 2131 section 4.1
    kMessage,            // shorter than the fixed fields, or longer than a datagram
    kOp,                 // not BOOTREPLY
    kCookie,             // RFC 2131 section 3
    kOptions,            // an option runs over the end, or has not its length
    kHardwareType,       // htype or hlen not as sent
    kXid,                // of no exchange of ours
    kChaddr,             // not the client's of that xid
    kFlags,              // not as sent (RFC 2131 table 3)
    kVlanTags,           // not the request's network
    kGiaddr,             // not as sent
    kRelayInformation,   // option 82 not given back as sent (RFC 3046 section 2.2)
    kClientId,           // option 61 there, but not as sent (RFC 6842 section 3)
    kServerIdMissing,    // RFC 2131 table 3
    kServerIdChanged,    // not the one that the client chose
    kMessageType,        // none, or not an answer to what was sent
    kDestinationMac,     // RFC 2131 section 4.1
    kDestinationIp,      // likewise
    kAddressMissing,     // yiaddr is zero
    kAddressChanged,     // yiaddr is not what the client asked for
    kLeaseTimeMissing,   // option 51 (RFC 2131 table 3)
    kSubnetMaskMissing,  // option 1, though asked for, or not four octets
    // DHCPv6 and Neighbor Discovery only (reply6.h).
    kRelayChain,          // not the relays of the request (RFC 8415 section 19.3)
    kAssociationMissing,  // no IA as the client's (RFC 8415 section 18.3.2)
    kLifetimes,           // preferred above valid, or T1 above T2 (RFC 8415 sections 21.4 to 21.6)
    kNeighborDiscovery,   // a rule of RFC 4861 sections 6.1.2 or 7.1.2
    kCount
};
// "udp-checksum"
[[nodiscard]] std::string_view name(BadReply reason) noexcept;

// What a client is waiting for.
struct Expectation {
    RequestKind sent = RequestKind::kDiscover;
    Ipv4 address{};            // what was asked for; zero for any
    bool any_address = false;  // another one is the caller's business
    Ipv4 server_id{};          // of the server chosen; zero for any
};

// Of a reply that is good as far as it has been judged.
struct Reply {
    std::uint32_t index = 0;  // the client
    std::uint32_t xid = 0;
    dhcp4::MessageType type = dhcp4::MessageType::kNone;
    Ipv4 address;    // yiaddr
    Ipv4 server_id;  // option 54
    std::uint32_t lease_seconds = 0;
    Mac source_mac;

    [[nodiscard]] bool is_offer() const noexcept { return type == dhcp4::MessageType::kOffer; }
    [[nodiscard]] bool is_refusal() const noexcept { return type == dhcp4::MessageType::kNak; }
    [[nodiscard]] bool is_of(std::uint32_t wanted) const noexcept { return xid == wanted; }
};

class ReplyReader {
  public:
    ReplyReader(const Population& population, const RequestFrames& frames);

    [[nodiscard]] Result<Reply, BadReply> read(ByteView frame) noexcept;
    // Of the reply read last.
    [[nodiscard]] std::optional<BadReply> judge(const Reply& reply,
                                                const Expectation& expected) const noexcept;

    // The client that a frame may be for, without any check: for fetching its state early.
    [[nodiscard]] std::uint32_t guess_index(ByteView frame) const noexcept;

  private:
    [[nodiscard]] std::optional<BadReply> check_fixed(std::uint32_t index) const noexcept;
    [[nodiscard]] std::optional<BadReply> check_echoes(std::uint32_t index) const noexcept;
    [[nodiscard]] std::optional<BadReply> check_destination(
        const Reply& reply, const Expectation& expected) const noexcept;

    const Population& population_;
    const RequestFrames& frames_;
    std::size_t xid_offset_ = 0;  // in a frame without IP options
    bool wants_mask_ = false;
    FrameView frame_;
    dhcp4::MessageView message_;
};

}  // namespace xdhcpd::gun
