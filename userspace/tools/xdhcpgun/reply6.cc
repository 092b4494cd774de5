#include "tools/xdhcpgun/reply6.h"

#include <array>

#include "dhcp6/options.h"
#include "dhcp6/values.h"
#include "nd/message_view.h"

namespace xdhcpd::gun {
namespace {

using dhcp6::MessageType;
using dhcp6::OptionCode;
using dhcp6::StatusCode;

constexpr std::uint8_t kAddressLength = 128;

[[nodiscard]] BadReply reason_of(FrameError6 error) noexcept {
    switch (error) {
        case FrameError6::kBadUdpChecksum:
        case FrameError6::kNoUdpChecksum:
        case FrameError6::kBadIcmpChecksum:
            return BadReply::kUdpChecksum;
        default:
            return BadReply::kFrame;
    }
}

[[nodiscard]] BadReply reason_of(dhcp6::ParseError error) noexcept {
    switch (error) {
        case dhcp6::ParseError::kTruncated:
            return BadReply::kMessage;
        case dhcp6::ParseError::kUnknownType:
            return BadReply::kMessageType;
        case dhcp6::ParseError::kRelayChainTooLong:
        case dhcp6::ParseError::kNoRelayedMessage:
        case dhcp6::ParseError::kMixedRelayChain:
            return BadReply::kRelayChain;
        default:
            return BadReply::kOptions;
    }
}

[[nodiscard]] bool is_success(const dhcp6::OptionList& options) noexcept {
    const auto value = options.find(OptionCode::kStatusCode);
    const auto status = value ? dhcp6::read_status(*value) : std::nullopt;
    return !status || status->code == StatusCode::kSuccess;
}

}  // namespace

Result<Reply6, BadReply> ReplyReader6::read(ByteView frame) noexcept {
    if (const auto error = frame_.read(frame)) {
        return Unexpected{reason_of(*error)};
    }
    if (frame_.protocol == Protocol6::kIcmpv6) {
        return read_discovery();
    }
    if (const auto parsed = message_.parse(frame_.payload); !parsed) {
        return Unexpected{reason_of(parsed.error())};
    }
    // RFC 8415 section 16.10: the client's own identifier comes back.
    const auto mac = RequestFrames6::mac_of_duid(message_.client_id());
    const auto index = mac ? population_.find(*mac) : std::nullopt;
    if (!index) {
        return Unexpected{BadReply::kClientId};
    }
    Reply6 reply;
    reply.index = *index;
    reply.xid = message_.transaction_id();
    reply.type = message_.type();
    reply.source_mac = frame_.source_mac;
    if (!frame_.tags.same_network(population_.tags(reply.index))) {
        return Unexpected{BadReply::kVlanTags};
    }
    if (const auto bad = check_relays(reply.index)) {
        return Unexpected{*bad};
    }
    if (message_.server_id().empty()) {
        return Unexpected{BadReply::kServerIdMissing};
    }
    reply.server_id = ServerDuid{message_.server_id()};
    reply.refuses = !is_success(message_.options());
    if (reply.refuses) {
        return reply;
    }
    if (const auto bad = read_association(reply)) {
        return Unexpected{*bad};
    }
    return reply;
}

// A Router or Neighbor Advertisement; the client is the one that it was sent to.
Result<Reply6, BadReply> ReplyReader6::read_discovery() const noexcept {
    const auto message = nd::MessageView::parse(frame_);
    if (!message) {
        return Unexpected{BadReply::kNeighborDiscovery};
    }
    const bool wants_router = frames_.instead() == RequestFrames6::Instead::kRouterSolicit;
    const auto wanted = wants_router ? nd::MessageType::kRouterAdvertisement
                                     : nd::MessageType::kNeighborAdvertisement;
    const auto index = population_.find(frame_.destination);
    if (message->type() != wanted || !index) {
        return Unexpected{BadReply::kMessageType};
    }
    Reply6 reply;
    reply.index = *index;
    reply.source_mac = frame_.source_mac;
    reply.address = {wants_router ? frame_.source : message->target(), kAddressLength};
    if (frame_.destination_mac != population_.mac(*index)) {
        return Unexpected{BadReply::kDestinationMac};
    }
    if (!wants_router && (message->target() != population_.target(*index) ||
                          !message->is_solicited() || !message->target_link_layer())) {
        return Unexpected{BadReply::kNeighborDiscovery};
    }
    return reply;
}

// RFC 8415 section 19.3: hop count, addresses and interface-id as they were sent.
std::optional<BadReply> ReplyReader6::check_relays(std::uint32_t index) const noexcept {
    const bool by_relay = population_.relayed();
    if (message_.relays().size() != (by_relay ? 1u : 0u)) {
        return BadReply::kRelayChain;
    }
    if (!by_relay) {
        return std::nullopt;
    }
    const dhcp6::Relay& relay = message_.relays().front();
    if (message_.relay_type() != MessageType::kRelayReply || relay.hop_count != 0 ||
        relay.link_address != population_.relay6(index) ||
        relay.peer_address != population_.link_local(index)) {
        return BadReply::kRelayChain;
    }
    std::array<std::byte, kIndexTextLen> room;
    return equal_bytes(relay.interface_id().value_or(ByteView{}), frames_.interface_id(index, room))
               ? std::nullopt
               : std::optional{BadReply::kRelayInformation};
}

// What the client's association holds; the first with a lifetime, since others are to be given up.
std::optional<BadReply> ReplyReader6::read_association(Reply6& reply) const noexcept {
    const bool wants_prefix = population_.settings().association == Association::kPrefix;
    const OptionCode wanted = wants_prefix ? OptionCode::kIaPd : OptionCode::kIaNa;
    const std::uint32_t iaid = RequestFrames6::iaid(population_.mac(reply.index));
    bool is_there = false;
    bool is_bad = false;
    message_.for_each_ia([&](const dhcp6::IdentityAssociation& ia) {
        if (ia.code != wanted || ia.iaid != iaid || is_there) {
            return;
        }
        is_there = true;
        is_bad = ia.t2 != 0 && ia.t1 > ia.t2;
        reply.refuses = !is_success(ia.options);
        for (const dhcp6::Option option : ia.options) {
            const auto take = [&](const Ipv6Prefix& prefix, std::uint32_t preferred,
                                  std::uint32_t valid) {
                is_bad = is_bad || preferred > valid;
                if (valid != 0 && reply.lease_seconds == 0) {
                    reply.address = prefix;
                    reply.lease_seconds = valid;
                }
            };
            if (option.code == OptionCode::kIaAddress && !wants_prefix) {
                if (const auto value = dhcp6::read_ia_address(option.value)) {
                    take({value->address, kAddressLength}, value->preferred_lifetime,
                         value->valid_lifetime);
                }
            } else if (option.code == OptionCode::kIaPrefix && wants_prefix) {
                if (const auto value = dhcp6::read_ia_prefix(option.value)) {
                    take(value->prefix, value->preferred_lifetime, value->valid_lifetime);
                }
            }
        }
        reply.refuses = reply.refuses || reply.lease_seconds == 0;
    });
    if (!is_there) {
        return BadReply::kAssociationMissing;
    }
    return is_bad ? std::optional{BadReply::kLifetimes} : std::nullopt;
}

std::optional<BadReply> ReplyReader6::judge(const Reply6& reply,
                                            const Expectation6& expected) const noexcept {
    if (!reply.xid) {
        return std::nullopt;
    }
    const bool by_relay = population_.relayed();
    if (frame_.source_port != dhcp6::kServerPort ||
        frame_.destination_port != (by_relay ? dhcp6::kServerPort : dhcp6::kClientPort)) {
        return BadReply::kPorts;
    }
    const bool solicits =
        expected.sent == RequestKind::kDiscover || expected.sent == RequestKind::kDiscoverAgain;
    const bool may_commit =
        solicits && message_.rapid_commit() && population_.settings().rapid_commit;
    const MessageType wanted =
        solicits && !may_commit ? MessageType::kAdvertise : MessageType::kReply;
    if (reply.type != wanted) {
        return BadReply::kMessageType;
    }
    if (!expected.server_id.is_zero() && reply.server_id != expected.server_id) {
        return BadReply::kServerIdChanged;
    }
    if (!reply.refuses && !expected.any_address && !expected.address.address.is_unspecified() &&
        reply.address != expected.address) {
        return BadReply::kAddressChanged;
    }
    const Ipv6 address =
        by_relay ? population_.relay6(reply.index) : population_.link_local(reply.index);
    if (frame_.destination != address) {
        return BadReply::kDestinationIp;
    }
    const Mac mac = by_relay ? frames_.own_mac() : population_.mac(reply.index);
    return frame_.destination_mac == mac ? std::nullopt : std::optional{BadReply::kDestinationMac};
}

}  // namespace xdhcpd::gun
