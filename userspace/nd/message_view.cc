#include "nd/message_view.h"

#include <array>

#include "nd/layout.h"
#include "packet/headers.h"

namespace xdhcpd::nd {
namespace {

constexpr std::size_t kTargetAt = 8;
constexpr Ipv6Prefix kSolicitedNodeGroups{Ipv6::of_groups({0xff02, 0, 0, 0, 0, 1, 0xff00, 0}), 104};

// Octets in front of the options; 0 for a type that is none of ours.
[[nodiscard]] std::size_t fixed_len(std::uint8_t type) noexcept {
    switch (static_cast<MessageType>(type)) {
        case MessageType::kRouterSolicitation:
            return kRouterSolicitationLen;
        case MessageType::kRouterAdvertisement:
            return kRouterAdvertisementLen;
        case MessageType::kNeighborSolicitation:
        case MessageType::kNeighborAdvertisement:
            return kNeighborMessageLen;
    }
    return 0;
}

}  // namespace

std::string_view name(MessageType type) noexcept {
    switch (type) {
        case MessageType::kRouterSolicitation:
            return "router-solicitation";
        case MessageType::kRouterAdvertisement:
            return "router-advertisement";
        case MessageType::kNeighborSolicitation:
            return "neighbor-solicitation";
        case MessageType::kNeighborAdvertisement:
            return "neighbor-advertisement";
    }
    return "unknown";
}

std::string_view name(ParseError error) noexcept {
    static constexpr std::array<std::string_view, static_cast<std::size_t>(ParseError::kCount)>
        kNames{"other-message",
               "bad-hop-limit",
               "bad-code",
               "truncated",
               "zero-length-option",
               "option-truncated",
               "link-layer-of-unspecified",
               "source-not-link-local",
               "multicast-target",
               "probe-not-to-solicited-node",
               "solicited-flag-in-multicast"};
    return kNames[static_cast<std::size_t>(error)];
}

Result<MessageView, ParseError> MessageView::parse(const FrameView6& packet) noexcept {
    const ByteView message = packet.payload;
    if (packet.protocol != Protocol6::kIcmpv6 || message.size() < kIcmpv6Len) {
        return Unexpected{ParseError::kOtherMessage};
    }
    const std::size_t len = fixed_len(load_u8(message.data()));
    if (len == 0) {
        return Unexpected{ParseError::kOtherMessage};
    }
    if (packet.hop_limit != kMaxHopLimit) {
        return Unexpected{ParseError::kBadHopLimit};
    }
    if (load_u8(&message[1]) != 0) {
        return Unexpected{ParseError::kBadCode};
    }
    if (message.size() < len) {
        return Unexpected{ParseError::kTruncated};
    }
    const auto options = OptionList::parse(message.subspan(len));
    if (!options) {
        return Unexpected{options.error() == OptionError::kZeroLength
                              ? ParseError::kZeroLengthOption
                              : ParseError::kOptionTruncated};
    }
    const MessageView view{packet, *options};
    if (const auto error = view.check()) {
        return Unexpected{*error};
    }
    return view;
}

std::optional<ParseError> MessageView::check() const noexcept {
    switch (type()) {
        case MessageType::kRouterSolicitation:
            return check_router_solicitation();
        case MessageType::kRouterAdvertisement:
            return check_router_advertisement();
        case MessageType::kNeighborSolicitation:
            return check_neighbor_solicitation();
        case MessageType::kNeighborAdvertisement:
            return check_neighbor_advertisement();
    }
    return ParseError::kOtherMessage;
}

std::optional<ParseError> MessageView::check_router_solicitation() const noexcept {
    if (source_.is_unspecified() && !options_.find(OptionType::kSourceLinkLayer).empty()) {
        return ParseError::kLinkLayerOfUnspecified;
    }
    return std::nullopt;
}

std::optional<ParseError> MessageView::check_router_advertisement() const noexcept {
    return source_.is_link_local() ? std::nullopt : std::optional{ParseError::kSourceNotLinkLocal};
}

std::optional<ParseError> MessageView::check_neighbor_solicitation() const noexcept {
    if (target().is_multicast()) {
        return ParseError::kMulticastTarget;
    }
    if (!source_.is_unspecified()) {
        return std::nullopt;
    }
    if (!kSolicitedNodeGroups.contains(destination_)) {
        return ParseError::kProbeNotToSolicitedNode;
    }
    if (!options_.find(OptionType::kSourceLinkLayer).empty()) {
        return ParseError::kLinkLayerOfUnspecified;
    }
    return std::nullopt;
}

std::optional<ParseError> MessageView::check_neighbor_advertisement() const noexcept {
    if (target().is_multicast()) {
        return ParseError::kMulticastTarget;
    }
    if (destination_.is_multicast() && is_solicited()) {
        return ParseError::kSolicitedFlagInMulticast;
    }
    return std::nullopt;
}

std::optional<Mac> MessageView::link_layer(OptionType type) const noexcept {
    return read_link_layer(options_.find(type));
}

Ipv6 MessageView::target() const noexcept {
    const bool has_target = type() == MessageType::kNeighborSolicitation ||
                            type() == MessageType::kNeighborAdvertisement;
    return has_target ? Ipv6::load(&message_[kTargetAt]) : Ipv6{};
}

RouterAdvertisement MessageView::router_advertisement() const noexcept {
    if (type() != MessageType::kRouterAdvertisement) {
        return {};
    }
    const std::uint8_t flags = load_u8(&message_[5]);
    const std::size_t preference = (flags >> kPreferenceShift) & kPreferenceMask;
    return {.hop_limit = load_u8(&message_[4]),
            .managed = (flags & kManagedFlag) != 0,
            .other = (flags & kOtherFlag) != 0,
            .preference = preference == kReservedPreference ? Preference::kMedium
                                                            : static_cast<Preference>(preference),
            .router_lifetime = load_be16(&message_[6]),
            .reachable_time = load_be32(&message_[8]),
            .retransmit_timer = load_be32(&message_[12])};
}

}  // namespace xdhcpd::nd
