// MessageView: a message of Neighbor Discovery (RFC 4861), checked once by the rules of its type,
// then read without failing. A view: valid as long as the frame is, cheap to copy. One thread at a
// time. No allocation.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/addresses.h"
#include "base/bytes.h"
#include "base/result.h"
#include "nd/options.h"
#include "packet/frame_view6.h"

namespace xdhcpd::nd {

// ICMPv6 types (RFC 4861 sections 4.1 to 4.4).
enum class MessageType : std::uint8_t {
    kRouterSolicitation = 133,
    kRouterAdvertisement = 134,
    kNeighborSolicitation = 135,
    kNeighborAdvertisement = 136,
};
// "router-solicitation"
[[nodiscard]] std::string_view name(MessageType type) noexcept;

inline constexpr std::size_t kRouterSolicitationLen = 8;  // each without options
inline constexpr std::size_t kRouterAdvertisementLen = 16;
inline constexpr std::size_t kNeighborMessageLen = 24;

// Why a message is dropped: one counter each. Sections are those of RFC 4861.
enum class ParseError : std::uint8_t {
    kOtherMessage,              // not ICMPv6, or another type
    kBadHopLimit,               // not 255: it may come from another link (6.1.1 to 7.1.2)
    kBadCode,                   // not 0 (likewise)
    kTruncated,                 // shorter than its type's fixed part (likewise)
    kZeroLengthOption,          // likewise, and 4.6
    kOptionTruncated,           // an option runs past the end of the message
    kLinkLayerOfUnspecified,    // from ::, with a source link-layer address (6.1.1, 7.1.1)
    kSourceNotLinkLocal,        // of an advertising router (6.1.2)
    kMulticastTarget,           // 7.1.1, 7.1.2
    kProbeNotToSolicitedNode,   // from ::, to something else than a solicited-node group (7.1.1)
    kSolicitedFlagInMulticast,  // 7.1.2
    kCount
};
// "bad-hop-limit"
[[nodiscard]] std::string_view name(ParseError error) noexcept;

// The fixed part of a Router Advertisement (RFC 4861 section 4.2, RFC 4191 section 2.2).
struct RouterAdvertisement {
    std::uint8_t hop_limit = 0;  // for hosts to use; 0 says nothing
    bool managed = false;        // addresses by DHCPv6
    bool other = false;          // other information by DHCPv6
    Preference preference = Preference::kMedium;
    std::uint16_t router_lifetime = 0;   // seconds; 0: no default router
    std::uint32_t reachable_time = 0;    // milliseconds; 0 says nothing
    std::uint32_t retransmit_timer = 0;  // likewise

    bool operator==(const RouterAdvertisement&) const = default;
};

class MessageView {
  public:
    // Checks `packet` by the section of RFC 4861 that its type has: 6.1.1, 6.1.2, 7.1.1 or 7.1.2.
    // Its checksum has been verified by FrameView6.
    static Result<MessageView, ParseError> parse(const FrameView6& packet) noexcept;

    [[nodiscard]] MessageType type() const noexcept {
        return static_cast<MessageType>(load_u8(message_.data()));
    }
    [[nodiscard]] const Ipv6& source() const noexcept { return source_; }
    [[nodiscard]] const Ipv6& destination() const noexcept { return destination_; }
    [[nodiscard]] const OptionList& options() const noexcept { return options_; }
    // Of the options with this name; nothing if absent or not an Ethernet address.
    [[nodiscard]] std::optional<Mac> source_link_layer() const noexcept {
        return link_layer(OptionType::kSourceLinkLayer);
    }
    [[nodiscard]] std::optional<Mac> target_link_layer() const noexcept {
        return link_layer(OptionType::kTargetLinkLayer);
    }

    // Of a Neighbor Solicitation or Advertisement; unspecified for the others.
    [[nodiscard]] Ipv6 target() const noexcept;
    // Whether a Neighbor Solicitation asks on behalf of an address that is not in use yet
    // (RFC 4862 section 5.4.2).
    [[nodiscard]] bool detects_duplicates() const noexcept {
        return type() == MessageType::kNeighborSolicitation && source_.is_unspecified();
    }
    // Flags of a Neighbor Advertisement; false for the others.
    [[nodiscard]] bool is_router() const noexcept { return has_flag(0x80); }
    [[nodiscard]] bool is_solicited() const noexcept { return has_flag(0x40); }
    [[nodiscard]] bool overrides() const noexcept { return has_flag(0x20); }

    // Of a Router Advertisement; all zero for the others. The reserved preference reads as medium.
    [[nodiscard]] RouterAdvertisement router_advertisement() const noexcept;

  private:
    MessageView(const FrameView6& packet, OptionList options) noexcept
        : source_{packet.source},
          destination_{packet.destination},
          message_{packet.payload},
          options_{options} {}

    [[nodiscard]] std::optional<Mac> link_layer(OptionType type) const noexcept;
    [[nodiscard]] bool has_flag(std::uint8_t bit) const noexcept {
        return type() == MessageType::kNeighborAdvertisement && (load_u8(&message_[4]) & bit) != 0;
    }
    [[nodiscard]] std::optional<ParseError> check_router_solicitation() const noexcept;
    [[nodiscard]] std::optional<ParseError> check_router_advertisement() const noexcept;
    [[nodiscard]] std::optional<ParseError> check_neighbor_solicitation() const noexcept;
    [[nodiscard]] std::optional<ParseError> check_neighbor_advertisement() const noexcept;
    [[nodiscard]] std::optional<ParseError> check() const noexcept;

    Ipv6 source_;
    Ipv6 destination_;
    ByteView message_;  // the fixed part of its type at least
    OptionList options_;
};

}  // namespace xdhcpd::nd
