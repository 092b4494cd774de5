// DropReason: why a received frame got no answer. Every frame is answered or explained by exactly
// one of these.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "dhcp4/message_view.h"
#include "dhcp6/message_view.h"
#include "dhcp6/validation.h"
#include "nd/message_view.h"
#include "packet/frame_view.h"
#include "packet/frame_view6.h"

namespace xdhcpd::engine {

// Reasons that only the engine can know; one counter and one test each.
enum class Refusal : std::uint8_t {
    kNotForUs,           // destination is neither broadcast nor an address of ours, or another port
    kBadSourceMac,       // the frame's source is a group address, zero, or our own
    kUnservedVlan,       // a tagged frame on a link that serves no such tag
    kNotRequest,         // op is not BOOTREQUEST
    kTooManyHops,        // hops above 16 (RFC 1542 section 4.1.1)
    kUnexpectedType,     // a message type that clients do not send, or that we do not serve
    kBootpNotServed,     // no option 53, and bootp is off or nothing is reserved for the client
    kNoClientIdentity,   // neither a usable chaddr nor option 61 (hlen 0 needs a client identifier)
    kBadClientIdentity,  // option 61 longer than 255 bytes
    kBadClientAddress,   // ciaddr that no client can have
    kBadRelayAddress,    // giaddr that no relay can have
    kNoSubnet,           // the client is on a link that no configured subnet serves
    kRelayNotAllowed,    // giaddr is not among the subnet's relays
    kNoServerAddress,    // no address of ours fits into option 54
    kOtherServer,        // the client chose another server (option 54)
    kIncompleteRequest,  // a field or option that RFC 2131 section 4.3.6 wants is missing
    kUnknownClient,      // INIT-REBOOT without a record: silence (RFC 2131 section 4.3.2)
    kNotAuthoritative,   // would be a NAK, but the subnet is not ours to judge
    kNoFreeAddress,      // every unit of the link is taken
    kOfferLimit,         // this relay or port holds as many open offers as it may
    kClientTableFull,    // max-leases clients are known
    kNotOwner,           // RELEASE or DECLINE of an address that the client does not hold
    kReleased,           // RELEASE done; it has no answer (RFC 2131 section 4.3.4)
    kDeclined,           // DECLINE done; likewise (section 4.3.3)
    kReplyTooLong,       // mandatory options do not fit the frame
    kCount
};
// "no-subnet"
[[nodiscard]] std::string_view name(Refusal refusal) noexcept;

// Likewise of IPv6, beside those of dhcp6::Refusal.
enum class Refusal6 : std::uint8_t {
    kNotForUs,          // destination is neither a group nor an address of ours, or another port
    kBadSourceMac,      // the frame's source is a group address, zero, or our own
    kUnservedVlan,      // a tagged frame on a link that serves no such tag
    kBadSource,         // a source address that no client or relay can have
    kNotServed,         // DHCPv6 is off here
    kNoSubnet,          // the client is on a link that no configured subnet serves
    kRelayNotAllowed,   // the link-address is not among the subnet's relays
    kIdentityTooLong,   // an identifier of a reservation that is longer than a key
    kNothingToConfirm,  // CONFIRM without an address (RFC 8415 section 18.3.3)
    kUnknownBinding,    // REBIND of what only another server can know (RFC 8415 section 18.3.5)
    kNotAllRouters,     // a Router Solicitation where we do not advertise
    kNotOurTarget,      // a Neighbor Solicitation for a target that we do not answer for
    kReplyTooLong,      // the reply does not fit the frame
    kOfferLimit,        // as in Refusal
    kScheduled,         // a Router Solicitation that is answered later; as it should be
    kNoSourceAddress,   // a solicitation where we have no link-local address to answer from
    kCount
};
[[nodiscard]] std::string_view name(Refusal6 refusal) noexcept;

// Reasons of the worker, which owns rings and frames.
enum class Shed : std::uint8_t {
    kNoTxFrame,       // the port had no frame to lend
    kStale,           // waited until its sender gave up (see shedding.h for this and the next)
    kDiscover,        // overload: DISCOVER or INFORM
    kRequest,         // overload: REQUEST of a client that has no address yet
    kClientRate,      // more than rate-limit allows one client (see rate_limiter.h for these)
    kRelayRate,       // one relay or port of a relay
    kLinkRate,        // one link
    kNotStored,       // the server ended before the lease was on stable storage
    kJournalBacklog,  // the lease would have to wait too long for stable storage
    kPortGone,        // the interface went while the reply waited for stable storage
    kHandOverFull,    // the worker that knows the client has as much to do as it may wait for
    kHandOverMoved,   // the configuration changed on that way, and with it whose client it is
    kNotSent,         // the kernel refused to send the reply
    kCount
};
[[nodiscard]] std::string_view name(Shed shed) noexcept;

enum class Stage : std::uint8_t {
    kFrame,
    kMessage,
    kEngine,
    kWorker,
    kFrame6,    // FrameError6
    kMessage6,  // dhcp6::ParseError
    kDhcp6,     // dhcp6::Refusal
    kNd,        // nd::ParseError
    kEngine6,   // Refusal6
    kCount
};
[[nodiscard]] std::string_view name(Stage stage) noexcept;

class DropReason {
    static constexpr std::size_t kStages = static_cast<std::size_t>(Stage::kCount);
    template <typename Enum>
    static constexpr std::size_t kCountOf = static_cast<std::size_t>(Enum::kCount);
    static constexpr std::array<std::size_t, kStages> kStageCounts{
        kCountOf<FrameError>,     kCountOf<dhcp4::ParseError>, kCountOf<Refusal>,
        kCountOf<Shed>,           kCountOf<FrameError6>,       kCountOf<dhcp6::ParseError>,
        kCountOf<dhcp6::Refusal>, kCountOf<nd::ParseError>,    kCountOf<Refusal6>};
    static constexpr std::array<std::size_t, kStages> kStageStart = [] {
        std::array<std::size_t, kStages> start{};
        for (std::size_t stage = 1; stage < kStages; ++stage) {
            start[stage] = start[stage - 1] + kStageCounts[stage - 1];
        }
        return start;
    }();

  public:
    // NOLINTBEGIN(google-explicit-constructor): each stage's reason is a reason
    constexpr DropReason(FrameError error) noexcept : DropReason{Stage::kFrame, error} {}
    constexpr DropReason(dhcp4::ParseError error) noexcept : DropReason{Stage::kMessage, error} {}
    constexpr DropReason(Refusal refusal) noexcept : DropReason{Stage::kEngine, refusal} {}
    constexpr DropReason(Shed shed) noexcept : DropReason{Stage::kWorker, shed} {}
    constexpr DropReason(FrameError6 error) noexcept : DropReason{Stage::kFrame6, error} {}
    constexpr DropReason(dhcp6::ParseError error) noexcept : DropReason{Stage::kMessage6, error} {}
    constexpr DropReason(dhcp6::Refusal refusal) noexcept : DropReason{Stage::kDhcp6, refusal} {}
    constexpr DropReason(nd::ParseError error) noexcept : DropReason{Stage::kNd, error} {}
    constexpr DropReason(Refusal6 refusal) noexcept : DropReason{Stage::kEngine6, refusal} {}
    // NOLINTEND(google-explicit-constructor)

    // All reasons in one row, for counters: 0..kCount-1.
    static constexpr std::size_t kCount = [] {
        std::size_t sum = 0;
        for (const std::size_t count : kStageCounts) {
            sum += count;
        }
        return sum;
    }();
    [[nodiscard]] constexpr std::size_t index() const noexcept {
        return kStageStart[static_cast<std::size_t>(stage_)] + code_;
    }
    [[nodiscard]] static DropReason from_index(std::size_t index) noexcept;

    [[nodiscard]] constexpr Stage stage() const noexcept { return stage_; }
    // "no-subnet"
    [[nodiscard]] std::string_view name() const noexcept;
    // "engine.no-subnet"
    [[nodiscard]] std::string full_name() const;
    // A sentence for people who wonder why a client got no answer.
    [[nodiscard]] std::string_view text() const noexcept;

    auto operator<=>(const DropReason&) const = default;

  private:
    template <typename Enum>
    constexpr DropReason(Stage stage, Enum code) noexcept
        : stage_{stage}, code_{static_cast<std::uint8_t>(code)} {}

    Stage stage_;
    std::uint8_t code_;
};

}  // namespace xdhcpd::engine
