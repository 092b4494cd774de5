// Which address a client is offered.
#include <algorithm>
#include <array>
#include <bit>

#include "engine/decider.h"
#include "engine/reply_options.h"

namespace xdhcpd::engine {
namespace {

using dhcp4::MessageType;
using dhcp4::OptionCode;
using lease::LeaseState;
using lease::TakeError;

// Open offers of one source, as multiples of the units that are left: a quarter of a pool stays for
// the others.
constexpr std::uint64_t kOffersPerFreeUnit = 3;
// Spaces up to this size are counted exactly where an estimate would refuse an offer.
constexpr std::uint32_t kExactCountUnits = 1u << 16;

}  // namespace

// RFC 2131 section 4.3.1.
Decision Decider::discover() noexcept {
    if (request_.subnet().v6only_wait && asks_for_ipv6_only(message_.parameter_request_list()))
        [[unlikely]] {
        return offer_nothing(request_.subnet());
    }
    Unit unit = request_.reservation() == nullptr ? kept_unit() : lease::kNoUnit;
    if (unit == lease::kNoUnit) {
        const auto found = unit_to_offer();
        if (!found) {
            return refuse(found.error());
        }
        unit = *found;
    }
    const model::Subnet& subnet = subnet_of(unit);
    // An offer is the answer as well when nothing can be committed now (RFC 4039 section 3.1).
    if (snapshot_.rapid_commit && message_.has(OptionCode::kRapidCommit) &&
        journal_ != Journal::kBacklog) {
        return grant(unit, subnet);
    }
    ReplyTerms terms;
    terms.type = MessageType::kOffer;
    terms.yiaddr = address_of(unit);
    terms.lease_time = lease_time(subnet);
    terms.subnet = &subnet;
    return reply(terms);
}

// RFC 8925 section 3.3: a client that can do without IPv4 is offered 0.0.0.0 and told for how long
// to stay away. No address is held for it, nor committed by rapid commit; what it holds is left as
// it is. If it asks for an address all the same, it is a client like any other.
Decision Decider::offer_nothing(const model::Subnet& subnet) noexcept {
    ReplyTerms terms;
    terms.type = MessageType::kOffer;
    terms.lease_time = lease_time(subnet);
    terms.subnet = &subnet;
    return reply(terms);
}

// What the client holds, if it may go on holding it; else kNoUnit.
Unit Decider::kept_unit() noexcept {
    const Unit held = held_at_first_;
    if (held == lease::kNoUnit || !may_keep(held)) {
        return lease::kNoUnit;
    }
    if (shard_.record(held).state == LeaseState::kOffered) {
        shard_.offer(held, offer_expiry());
    }
    return held;
}

// Reserved; then what the client holds; then what it had; then what it asks for; then anything.
Result<Unit, Refusal> Decider::unit_to_offer() noexcept {
    if (request_.reservation() != nullptr) {
        if (const auto reserved = reserved_unit()) {
            return *reserved;
        }
    }
    if (const Unit kept = kept_unit(); kept != lease::kNoUnit) {
        return kept;
    }
    if (held_at_first_ != lease::kNoUnit) {
        give_up(held_at_first_);  // policy closed it meanwhile: the client moves
    }
    const lease::OfferSource source = offer_source();
    if (!may_offer_more(source)) {
        return Unexpected{Refusal::kOfferLimit};
    }
    const auto former = shard_.reclaim(tenant_, request_.link().spaces, offer_expiry());
    if (former) {
        if (may_keep(*former)) {
            shard_.set_offer_source(*former, source);
            return *former;
        }
        shard_.withdraw(*former);
    } else if (former.error() == TakeError::kFull) {
        return Unexpected{Refusal::kClientTableFull};
    }
    if (const auto asked = asked_for()) {
        shard_.set_offer_source(*asked, source);
        return *asked;
    }
    const auto next = next_free();
    if (next) {
        shard_.set_offer_source(*next, source);
    }
    return next;
}

// Another unit that the client holds stays its own until this one is granted.
std::optional<Unit> Decider::reserved_unit() noexcept {
    const auto address = reserved_address();
    if (!address || *address == message_.giaddr()) {
        return std::nullopt;
    }
    const model::Subnet& subnet = snapshot_.subnets[request_.reservation()->subnet];
    const Unit unit = shard_.store().space(subnet.space).unit_at(subnet.index(*address));
    if (holds(unit)) {
        if (shard_.record(unit).state == LeaseState::kOffered) {
            shard_.offer(unit, offer_expiry());
        }
        return unit;
    }
    // Somebody may hold it who got it before it was reserved: until that ends, the client gets
    // another.
    const auto taken = shard_.take_reserved(tenant_, unit, offer_expiry());
    return taken ? std::optional{*taken} : std::nullopt;
}

std::optional<Unit> Decider::asked_for() noexcept {
    const auto asked = message_.requested_address();
    if (!asked || *asked == message_.giaddr()) {
        return std::nullopt;
    }
    const auto place = place_of(*asked);
    if (!place) {
        return std::nullopt;
    }
    const auto taken = shard_.take(tenant_, place->unit, offer_expiry());
    return taken ? std::optional{*taken} : std::nullopt;
}

Result<Unit, Refusal> Decider::next_free() noexcept {
    const auto own = next_free_in(request_.subnet());
    if (own || own.error() != Refusal::kNoFreeAddress) {
        return own;
    }
    for (const std::uint32_t other : request_.link().subnets) {
        const model::Subnet& subnet = snapshot_.subnets[other];
        if (&subnet == &request_.subnet()) {
            continue;
        }
        const auto found = next_free_in(subnet);
        if (found || found.error() != Refusal::kNoFreeAddress) {
            return found;
        }
    }
    return Unexpected{Refusal::kNoFreeAddress};
}

Result<Unit, Refusal> Decider::next_free_in(const model::Subnet& subnet) noexcept {
    for (const lease::UnitRange pool : subnet.pools) {
        auto taken = shard_.take_next(tenant_, subnet.space, pool, offer_expiry());
        if (taken && address_of(*taken) == message_.giaddr()) {
            // The relay's own address. Take the next one before letting this one go.
            const Unit relays_own = *taken;
            taken = shard_.take_next(tenant_, subnet.space, pool, offer_expiry());
            shard_.withdraw(relays_own);
        }
        if (taken) {
            return *taken;
        }
        if (taken.error() == TakeError::kFull) {
            return Unexpected{Refusal::kClientTableFull};
        }
    }
    return Unexpected{Refusal::kNoFreeAddress};
}

// An offer counts where its message came in (interface, tags and link, which a client cannot
// choose), and behind that at its relay and port.
lease::OfferSource Decider::offer_source() const noexcept {
    const auto place = [this](ByteView key, ByteView more) {
        std::uint64_t hash = hash_bytes(snapshot_.hash_key, key);
        if (!more.empty()) {
            hash ^= std::rotl(hash_bytes(snapshot_.hash_key, more), 1);
        }
        return static_cast<std::uint16_t>(hash % lease::OfferSource::kCount);
    };
    std::array<std::byte, 4 + 4 + 4> ingress{};
    store_be32(ingress.data(), request_.ifindex());
    store_be32(ingress.data() + 4, request_.subnet().link);
    for (std::size_t i = 0; i < request_.frame().tags.count; ++i) {
        store_be16(ingress.data() + 8 + 2 * i, request_.frame().tags.tags[i].vid());
    }
    lease::OfferSource source;
    source.ingress = place(ingress, {});
    source.relay = source.ingress;
    if (request_.relayed()) {
        std::array<std::byte, 4> giaddr{};
        message_.giaddr().store(giaddr.data());
        source.relay = place(giaddr, request_.relay().suboption(dhcp4::RelaySuboption::kCircuitId));
    }
    return source;
}

// A flood of DISCOVERs by one way must leave something for the clients that come by another.
bool Decider::may_offer_more(lease::OfferSource source) const noexcept {
    const std::uint32_t open_relay = shard_.open_offers(source.relay);
    const std::uint32_t limit = snapshot_.max_offers_per_relay;
    if (limit != 0) {
        return open_relay < limit;
    }
    const std::uint32_t open = std::max(open_relay, shard_.open_offers(source.ingress));
    return open < kOffersPerFreeUnit || open < kOffersPerFreeUnit * free_units();
}

// At least this many units of the link are free, and clients may have them; exact for spaces that
// are small enough to count.
std::uint64_t Decider::free_units() const noexcept {
    std::uint64_t free = 0;
    for (const lease::SpaceId id : request_.link().spaces) {
        const lease::Space& space = shard_.store().space(id);
        if (space.unit_count() <= kExactCountUnits) {
            free += space.bitmap().free_count();
            continue;
        }
        const std::uint64_t held = space.held_total(lease::HeldCount::kOffered) +
                                   space.held_total(lease::HeldCount::kLeased) +
                                   space.held_total(lease::HeldCount::kDeclined);
        const std::uint64_t allowed = space.bitmap().allowed_count();
        free += allowed > held ? allowed - held : 0;
    }
    return std::min(free, shard_.free_places());
}

}  // namespace xdhcpd::engine
