// Decider: one message, one decision, over files by what it is about: decide.cc (REQUEST, and what
// all have in common), decide_offer.cc (DISCOVER), decide_rest.cc (all other messages). Lives as
// long as one call of decide(), and is known to these files only.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/assert.h"
#include "engine/decide.h"
#include "engine/reply.h"

namespace xdhcpd::engine {

using lease::Unit;

// An address in one of the link's subnets, as the store knows it.
struct Place {
    const model::Subnet* subnet = nullptr;
    Unit unit;
};

class Decider {
  public:
    Decider(const Request& request, lease::Shard& shard, ReplyCache& cache, BootTime now,
            Journal journal, MutableBytes out) noexcept
        : request_{request},
          message_{request.message()},
          snapshot_{request.snapshot()},
          shard_{shard},
          cache_{cache},
          tenant_{request.tenant()},
          now_{to_boot_seconds(now)},
          journal_{journal},
          out_{out} {}

    [[nodiscard, gnu::always_inline]] inline Decision run() noexcept;

  private:
    [[nodiscard]] Decision discover() noexcept;
    [[nodiscard]] Decision offer_nothing(const model::Subnet& subnet) noexcept;
    [[nodiscard, gnu::always_inline]] inline Decision request() noexcept;
    [[nodiscard]] Decision confirm(Ipv4 wanted, bool init_reboot) noexcept;
    [[nodiscard]] Decision grant_unheld(Unit unit, const model::Subnet& subnet,
                                        bool is_reserved) noexcept;
    [[nodiscard]] Decision decline() noexcept;
    [[nodiscard]] Decision release() noexcept;
    [[nodiscard]] Decision inform() noexcept;
    [[nodiscard]] Decision bootp() noexcept;

    [[nodiscard]] Unit kept_unit() noexcept;
    [[nodiscard]] Result<Unit, Refusal> unit_to_offer() noexcept;
    [[nodiscard]] std::optional<Unit> reserved_unit() noexcept;
    void adopt() noexcept;
    [[nodiscard]] std::optional<Unit> asked_for() noexcept;
    [[nodiscard]] Result<Unit, Refusal> next_free() noexcept;
    [[nodiscard]] Result<Unit, Refusal> next_free_in(const model::Subnet& subnet) noexcept;
    [[nodiscard]] bool may_offer_more(lease::OfferSource source) const noexcept;
    [[nodiscard]] std::uint64_t free_units() const noexcept;

    [[nodiscard]] Decision grant(Unit unit, const model::Subnet& subnet) noexcept {
        return grant(unit, subnet, address_of(unit));
    }
    [[nodiscard]] Decision grant(Unit unit, const model::Subnet& subnet, Ipv4 address) noexcept;
    void give_up_others(Unit kept) noexcept;
    [[nodiscard, gnu::always_inline]] inline bool is_retransmission(
        const lease::Record& record) const noexcept;
    [[gnu::always_inline]] inline void remember_client(Unit unit) noexcept;
    [[nodiscard]] Decision nak(const model::Subnet& subnet, std::string_view why) noexcept;
    [[nodiscard]] static Decision refuse(DropReason why) noexcept {
        Decision decision;
        decision.drop = why;
        return decision;
    }
    [[nodiscard, gnu::always_inline]] inline Decision reply(const ReplyTerms& terms) noexcept;

    [[nodiscard, gnu::always_inline]] inline std::uint32_t lease_time(
        const model::Subnet& subnet) const noexcept;
    [[nodiscard, gnu::always_inline]] inline std::optional<Place> place_of(
        Ipv4 address) const noexcept;
    [[nodiscard]] const model::Subnet& subnet_of(Unit unit) const noexcept;
    [[nodiscard]] Ipv4 address_of(Unit unit) const noexcept;
    // What the client holds on its link, or kNoUnit; if it is several units, any of them.
    [[nodiscard]] Unit held_unit() const noexcept {
        return shard_.find_held(tenant_, request_.link().spaces);
    }
    [[nodiscard]] bool holds(Unit unit) const noexcept {
        return unit == held_at_first_ || holds_by_record(unit);
    }
    [[nodiscard]] bool holds_by_record(Unit unit) const noexcept {
        return shard_.holds(unit) && equal_bytes(shard_.identity(unit), tenant_.identity);
    }
    // Policy lets this tenant keep the unit: in a pool, or reserved for it, and not the relay's
    // own.
    [[nodiscard]] bool may_keep(Unit unit) const noexcept {
        return may_keep(unit, address_of(unit));
    }
    [[nodiscard, gnu::always_inline]] inline bool may_keep(Unit unit, Ipv4 address) const noexcept;
    [[nodiscard]] std::optional<Ipv4> reserved_address() const noexcept {
        const model::Reservation* const reservation = request_.reservation();
        if (reservation == nullptr || !reservation->address) {
            return std::nullopt;
        }
        return std::optional{*reservation->address};
    }
    [[nodiscard]] BootSeconds offer_expiry() const noexcept {
        return add_seconds(now_, snapshot_.offer_time);
    }
    [[nodiscard]] bool is_other_server(Ipv4 server) const noexcept {
        return server != request_.server_identifier() && !snapshot_.is_local(server);
    }
    [[nodiscard]] lease::OfferSource offer_source() const noexcept;
    // The reserved address is free, or the tenant holds it already.
    [[nodiscard]] bool may_have(Ipv4 reserved) const noexcept;
    // The tenant has no use for this unit any more.
    void give_up(Unit unit) noexcept;

    const Request& request_;
    const dhcp4::MessageView& message_;
    const model::Snapshot& snapshot_;
    lease::Shard& shard_;
    ReplyCache& cache_;
    const lease::Tenant& tenant_;
    // What the client held when its message came; until the decision changes that, holds() need not
    // look.
    Unit held_at_first_ = lease::kNoUnit;
    const BootSeconds now_;
    const Journal journal_;
    const MutableBytes out_;
};

// One object, returned by every way: it is made in the caller's place and not copied.
inline Decision Decider::reply(const ReplyTerms& terms) noexcept {
    const ReplyFrame frame = write_reply(request_, terms, cache_, out_);
    Decision decision;
    if (frame.len == 0) {
        decision.drop = DropReason{Refusal::kReplyTooLong};
        return decision;
    }
    decision.reply_type = terms.type;
    decision.frame_len = frame.len;
    decision.unconfigured_destination = frame.unconfigured_destination;
    decision.routable = frame.routable;
    return decision;
}

// What the client asks for within what the operator allows (RFC 2131 section 4.3.1).
inline std::uint32_t Decider::lease_time(const model::Subnet& subnet) const noexcept {
    const model::LeaseTimes& times = subnet.lease_time;
    const auto asked = message_.lease_time();
    return asked ? std::clamp(*asked, times.min_time, times.max_time) : times.default_time;
}

inline std::optional<Place> Decider::place_of(Ipv4 address) const noexcept {
    const model::Subnet* const subnet = request_.subnet().prefix.contains(address)
                                            ? &request_.subnet()
                                            : snapshot_.find_subnet(address);
    if (subnet == nullptr || subnet->link != request_.subnet().link) {
        return std::nullopt;
    }
    return Place{subnet, shard_.store().space(subnet->space).unit_at(subnet->index(address))};
}

inline const model::Subnet& Decider::subnet_of(Unit unit) const noexcept {
    const lease::SpaceId id = shard_.store().space_of(unit).id();
    if (request_.subnet().space == id) {
        return request_.subnet();
    }
    for (const std::uint32_t other : request_.link().subnets) {
        if (snapshot_.subnets[other].space == id) {
            return snapshot_.subnets[other];
        }
    }
    XD_ASSERT(false);  // units come from the link's spaces
}

inline Ipv4 Decider::address_of(Unit unit) const noexcept {
    return subnet_of(unit).address(shard_.store().space_of(unit).index_of(unit));
}

// `address` is the unit's.
inline bool Decider::may_keep(Unit unit, Ipv4 address) const noexcept {
    const lease::Space& space = shard_.store().space_of(unit);
    return address != message_.giaddr() &&
           (space.bitmap().allowed(space.index_of(unit)) || reserved_address() == address);
}

}  // namespace xdhcpd::engine
