#include "tools/xdhcpgun/reply.h"

#include <algorithm>
#include <array>

#include "dhcp4/options.h"
#include "packet/frame_writer.h"

namespace xdhcpd::gun {
namespace {

using dhcp4::MessageType;
using dhcp4::OptionCode;
using dhcp4::ParseError;

constexpr std::uint8_t kEthernetType = 1;  // htype (RFC 1700)

[[nodiscard]] BadReply reason_of(FrameError error) noexcept {
    switch (error) {
        case FrameError::kBadIpChecksum:
            return BadReply::kIpChecksum;
        case FrameError::kBadUdpChecksum:
            return BadReply::kUdpChecksum;
        default:
            return BadReply::kFrame;
    }
}

[[nodiscard]] BadReply reason_of(ParseError error) noexcept {
    switch (error) {
        case ParseError::kTruncated:
        case ParseError::kOversized:
            return BadReply::kMessage;
        case ParseError::kBadOp:
            return BadReply::kOp;
        case ParseError::kBadHlen:
            return BadReply::kHardwareType;
        case ParseError::kBadMagic:
            return BadReply::kCookie;
        case ParseError::kBadMessageType:
            return BadReply::kMessageType;
        default:
            return BadReply::kOptions;
    }
}

}  // namespace

std::string_view name(BadReply reason) noexcept {
    static constexpr std::array<std::string_view, static_cast<std::size_t>(BadReply::kCount)>
        kNames{"frame",
               "ip-checksum",
               "udp-checksum",
               "ports",
               "message",
               "op",
               "cookie",
               "options",
               "hardware-type",
               "xid",
               "chaddr",
               "flags",
               "vlan-tags",
               "giaddr",
               "relay-information",
               "client-id",
               "server-id-missing",
               "server-id-changed",
               "message-type",
               "destination-mac",
               "destination-ip",
               "address-missing",
               "address-changed",
               "lease-time-missing",
               "subnet-mask-missing",
               "relay-chain",
               "association-missing",
               "lifetimes",
               "neighbor-discovery"};
    return kNames[static_cast<std::size_t>(reason)];
}

ReplyReader::ReplyReader(const Population& population, const RequestFrames& frames)
    : population_{population},
      frames_{frames},
      xid_offset_{udp4_payload_offset(population.tag_count()) + dhcp4::field::kXid} {
    const auto& wanted = population.settings().parameter_list;
    constexpr auto kMask = static_cast<std::uint8_t>(OptionCode::kSubnetMask);
    wants_mask_ = std::find(wanted.begin(), wanted.end(), kMask) != wanted.end();
}

std::uint32_t ReplyReader::guess_index(ByteView frame) const noexcept {
    return frame.size() < xid_offset_ + 4
               ? 0
               : population_.index_of(load_be32(frame.data() + xid_offset_));
}

Result<Reply, BadReply> ReplyReader::read(ByteView frame) noexcept {
    const auto view = FrameView::parse(frame);
    if (!view) {
        return Unexpected{reason_of(view.error())};
    }
    frame_ = *view;
    const auto parsed = message_.parse(frame_.payload);
    if (!parsed) {
        return Unexpected{reason_of(parsed.error())};
    }
    if (message_.op() != dhcp4::kBootReply) {
        return Unexpected{BadReply::kOp};
    }
    Reply reply;
    reply.xid = message_.xid();
    reply.index = population_.index_of(reply.xid);
    if (message_.htype() != kEthernetType || message_.hlen() != Mac::kLen) {
        return Unexpected{BadReply::kHardwareType};
    }
    if (reply.index >= population_.size()) {
        return Unexpected{BadReply::kXid};
    }
    if (const auto bad = check_fixed(reply.index)) {
        return Unexpected{*bad};
    }
    if (const auto bad = check_echoes(reply.index)) {
        return Unexpected{*bad};
    }
    const auto server_id = message_.server_identifier();
    if (!server_id.has_value() || server_id->is_zero()) {
        return Unexpected{BadReply::kServerIdMissing};
    }
    reply.server_id = *server_id;
    reply.type = message_.type();
    reply.address = message_.yiaddr();
    reply.lease_seconds = message_.lease_time().value_or(0);
    reply.source_mac = frame_.source_mac;
    return reply;
}

// What does not depend on the state of the client.
std::optional<BadReply> ReplyReader::check_fixed(std::uint32_t index) const noexcept {
    if (Mac::load(message_.chaddr().data()) != population_.mac(index)) {
        return BadReply::kChaddr;
    }
    // A relay broadcasts a DHCPNAK: the server says so by the bit (RFC 2131 section 4.3.2).
    const std::uint16_t flags =
        population_.settings().broadcast_flag ? dhcp4::kBroadcastFlag : std::uint16_t{0};
    const bool may_differ =
        message_.type() == MessageType::kNak && message_.flags() == dhcp4::kBroadcastFlag;
    if (message_.flags() != flags && !may_differ) {
        return BadReply::kFlags;
    }
    if (!frame_.tags.same_network(population_.tags(index))) {
        return BadReply::kVlanTags;
    }
    return std::nullopt;
}

std::optional<BadReply> ReplyReader::check_echoes(std::uint32_t index) const noexcept {
    RequestFrames::OptionRoom room;
    // RFC 6842 wants it back; servers before it did not send it.
    if (message_.has(OptionCode::kClientIdentifier) &&
        !equal_bytes(message_.client_identifier(), frames_.client_id(index, room))) {
        return BadReply::kClientId;
    }
    // Of a renewal, which goes past the relay, both are absent; judge() knows which it was.
    const bool by_relay = !message_.giaddr().is_zero();
    if (by_relay && message_.giaddr() != population_.relay(index)) {
        return BadReply::kGiaddr;
    }
    const ByteView sent = by_relay ? frames_.relay_information(index, room) : ByteView{};
    if (!equal_bytes(message_.relay_agent_information(), sent)) {
        return BadReply::kRelayInformation;
    }
    return std::nullopt;
}

std::optional<BadReply> ReplyReader::check_destination(const Reply& reply,
                                                       const Expectation& expected) const noexcept {
    const bool renews = expected.sent == RequestKind::kRenewing;
    const Mac client = population_.mac(reply.index);
    Mac mac = client;
    Ipv4 address = reply.address;
    bool may_broadcast = false;
    if (population_.relayed() && !renews) {
        mac = frames_.own_mac();
        address = population_.relay(reply.index);
    } else if (reply.type == MessageType::kNak || (message_.broadcast() && !renews)) {
        mac = kBroadcastMac;
        address = kBroadcastIpv4;
    } else if (renews) {
        mac = population_.relayed() ? frames_.own_mac() : client;
        address = expected.address;
    } else {
        may_broadcast = true;  // a server that cannot unicast to a client without an address
    }
    const bool is_broadcast = frame_.destination == kBroadcastIpv4;
    if (frame_.destination != address && !(may_broadcast && is_broadcast)) {
        return BadReply::kDestinationIp;
    }
    if (frame_.destination_mac != mac &&
        !(may_broadcast && is_broadcast && frame_.destination_mac == kBroadcastMac)) {
        return BadReply::kDestinationMac;
    }
    return std::nullopt;
}

std::optional<BadReply> ReplyReader::judge(const Reply& reply,
                                           const Expectation& expected) const noexcept {
    const bool by_relay = population_.relayed() && expected.sent != RequestKind::kRenewing;
    if (by_relay == message_.giaddr().is_zero()) {
        return BadReply::kGiaddr;
    }
    if (frame_.source_port != dhcp4::kServerPort ||
        frame_.destination_port != (by_relay ? dhcp4::kServerPort : dhcp4::kClientPort)) {
        return BadReply::kPorts;
    }
    const bool discovers =
        expected.sent == RequestKind::kDiscover || expected.sent == RequestKind::kDiscoverAgain;
    const bool is_nak = reply.type == MessageType::kNak && !discovers;
    if (!is_nak && reply.type != (discovers ? MessageType::kOffer : MessageType::kAck)) {
        return BadReply::kMessageType;
    }
    if (!expected.server_id.is_zero() && reply.server_id != expected.server_id) {
        return BadReply::kServerIdChanged;
    }
    if (!is_nak) {
        if (reply.address.is_zero()) {
            return BadReply::kAddressMissing;
        }
        if (!expected.any_address && !expected.address.is_zero() &&
            reply.address != expected.address) {
            return BadReply::kAddressChanged;
        }
        if (!message_.lease_time().has_value()) {
            return BadReply::kLeaseTimeMissing;
        }
        constexpr std::size_t kMaskLen = 4;
        if (wants_mask_ && message_.option(OptionCode::kSubnetMask).size() != kMaskLen) {
            return BadReply::kSubnetMaskMissing;
        }
    }
    return check_destination(reply, expected);
}

}  // namespace xdhcpd::gun
