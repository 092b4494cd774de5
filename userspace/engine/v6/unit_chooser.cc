#include "engine/v6/unit_chooser.h"

#include <algorithm>
#include <array>
#include <bit>
#include <limits>

namespace xdhcpd::engine::v6 {
namespace {

using lease::kNoUnit;
using lease::Unit;

// As in DHCPv4: a quarter of a pool stays for those that come by another way.
constexpr std::uint64_t kOffersPerFreeUnit = 3;
constexpr std::uint32_t kExactCountUnits = 1u << 16;

// The length that a client would like its prefix to have (RFC 8168); nothing without a hint.
[[nodiscard]] std::optional<std::uint8_t> wanted_length(const IaPlan& plan) noexcept {
    for (const dhcp6::Option option : plan.listed) {
        const auto what = listed_in(option);
        if (what && what->length != 0) {
            return what->length;
        }
    }
    return std::nullopt;
}

// How far a pool is from what is wanted; of two that are equally far, the larger prefixes win.
[[nodiscard]] unsigned distance(std::uint8_t has, std::uint8_t wanted) noexcept {
    return has <= wanted ? 2u * (wanted - has) : 2u * (has - wanted) + 1u;
}

}  // namespace

std::span<const model::ReservedUnit> UnitChooser::reserved_units(
    const IaPlan& plan) const noexcept {
    if (plan.reservation == nullptr) {
        return {};
    }
    return plan.association == Association::kAddress ? std::span{plan.reservation->addresses}
                                                     : std::span{plan.reservation->prefixes};
}

bool UnitChooser::can_have(const IaPlan& plan) const noexcept {
    return request_.link().has_pool(plan.association == Association::kPrefix) ||
           !reserved_units(plan).empty();
}

Unit UnitChooser::reserved(const IaPlan& plan, std::size_t rank) noexcept {
    const auto units = reserved_units(plan);
    const auto is_held = [&plan](const model::ReservedUnit& each) {
        return each.unit == plan.held;
    };
    if (plan.held != kNoUnit && std::ranges::any_of(units, is_held)) {
        return plan.held;
    }
    if (rank >= units.size()) {
        return kNoUnit;
    }
    for (std::size_t i = 0; i < units.size(); ++i) {
        // Somebody may hold it who got it before it was reserved, or another IA of the client.
        const Unit unit = units[(rank + i) % units.size()].unit;
        if (is_relays_own(plan.association, unit)) {
            continue;
        }
        if (shard_.holds(unit) && equal_bytes(shard_.identity(unit), plan.tenant->identity)) {
            return unit;  // an offer beside the lease that it is to replace
        }
        if (const auto taken = shard_.take_reserved(*plan.tenant, unit, until_)) {
            return *taken;
        }
    }
    return kNoUnit;
}

bool UnitChooser::may_keep(const IaPlan& plan, Unit unit) const noexcept {
    const lease::Space& space = shard_.store().space_of(unit);
    if (is_relays_own(plan.association, unit)) {
        return false;
    }
    return space.bitmap().allowed(space.index_of(unit)) ||
           std::ranges::any_of(reserved_units(plan), [unit](const model::ReservedUnit& each) {
               return each.unit == unit;
           });
}

bool UnitChooser::is_relays_own(Association association, Unit unit) const noexcept {
    const dhcp6::Relay* const relay = request_.link_relay();
    return relay != nullptr && association == Association::kAddress &&
           places_.name_of(unit).address == relay->link_address;
}

Unit UnitChooser::take_any(const IaPlan& plan) noexcept {
    const lease::OfferSource source = counts_offers_ ? offer_source() : lease::OfferSource{};
    if (counts_offers_ && !may_offer_more(plan.association, source)) {
        obstacle_ = DropReason{Refusal6::kOfferLimit};
        return kNoUnit;
    }
    Unit unit = kNoUnit;
    const auto former = shard_.reclaim(*plan.tenant, places_.spaces(plan.association), until_);
    if (former) {
        if (may_keep(plan, *former)) {
            unit = *former;
        } else {
            shard_.withdraw(*former);
        }
    } else if (former.error() == lease::TakeError::kFull) {
        obstacle_ = DropReason{Refusal::kClientTableFull};
        return kNoUnit;
    }
    if (unit == kNoUnit) {
        unit = take_listed(plan);
    }
    if (unit == kNoUnit) {
        unit = take_next(plan);
    }
    if (unit != kNoUnit && counts_offers_) {
        shard_.set_offer_source(unit, source);
    }
    return unit;
}

Unit UnitChooser::take_listed(const IaPlan& plan) noexcept {
    for (const dhcp6::Option option : plan.listed) {
        const auto what = listed_in(option);
        if (!what || what->address.is_unspecified()) {
            continue;
        }
        for (const model::ReservedUnit& each : reserved_units(plan)) {
            if (each.prefix == *what && !is_relays_own(plan.association, each.unit)) {
                const auto taken = shard_.take_reserved(*plan.tenant, each.unit, until_);
                if (taken) {
                    return *taken;
                }
            }
        }
        const auto pooled = places_.find_pooled(plan.association, *what);
        if (!pooled || is_relays_own(plan.association, *pooled)) {
            continue;
        }
        if (const Unit unit = took(shard_.take(*plan.tenant, *pooled, until_)); unit != kNoUnit) {
            return unit;
        }
    }
    return kNoUnit;
}

Unit UnitChooser::took(const Result<Unit, lease::TakeError>& taken) noexcept {
    if (taken) {
        return *taken;
    }
    if (taken.error() == lease::TakeError::kFull) {
        obstacle_ = DropReason{Refusal::kClientTableFull};
    }
    return kNoUnit;
}

Unit UnitChooser::take_next(const IaPlan& plan) noexcept {
    const auto wanted =
        plan.association == Association::kPrefix ? wanted_length(plan) : std::nullopt;
    Unit found = kNoUnit;
    if (!wanted) {
        places_.visit_pools(plan.association, [&](const model::Pool6& pool) {
            found = take_next_in(plan, pool);
            return found != kNoUnit;
        });
        return found;
    }
    // The pools in order of their distance, without a list of them: by one step after another.
    std::optional<unsigned> tried;
    while (found == kNoUnit) {
        unsigned nearest = std::numeric_limits<unsigned>::max();
        places_.visit_pools(plan.association, [&](const model::Pool6& pool) {
            const unsigned far = distance(pool.unit_length, *wanted);
            nearest = !tried || far > *tried ? std::min(nearest, far) : nearest;
            return false;
        });
        if (nearest == std::numeric_limits<unsigned>::max()) {
            break;
        }
        places_.visit_pools(plan.association, [&](const model::Pool6& pool) {
            found =
                distance(pool.unit_length, *wanted) == nearest ? take_next_in(plan, pool) : kNoUnit;
            return found != kNoUnit;
        });
        tried = nearest;
    }
    return found;
}

Unit UnitChooser::take_next_in(const IaPlan& plan, const model::Pool6& pool) noexcept {
    Unit unit = took(shard_.take_next(*plan.tenant, pool.space, pool.units, until_));
    if (unit != kNoUnit && is_relays_own(plan.association, unit)) {
        // Take the next one before letting this one go.
        const Unit relays_own = unit;
        unit = took(shard_.take_next(*plan.tenant, pool.space, pool.units, until_));
        shard_.withdraw(relays_own);
    }
    return unit;
}

// An offer counts where its message came in (interface, tags and link, which a client cannot
// choose), and behind that at its relay and port.
lease::OfferSource UnitChooser::offer_source() const noexcept {
    const HashKey key = request_.snapshot().hash_key;
    const auto place = [key](ByteView first, ByteView more) {
        std::uint64_t hash = hash_bytes(key, first);
        if (!more.empty()) {
            hash ^= std::rotl(hash_bytes(key, more), 1);
        }
        return static_cast<std::uint16_t>(hash % lease::OfferSource::kCount);
    };
    constexpr std::byte kFamily{6};
    std::array<std::byte, 1 + 4 + 4 + 4> ingress{};
    ingress[0] = kFamily;
    store_be32(&ingress[1], request_.ifindex());
    store_be32(&ingress[5], request_.subnet().link);
    for (std::size_t i = 0; i < request_.frame().tags.count; ++i) {
        store_be16(&ingress[9 + 2 * i], request_.frame().tags.tags[i].vid());
    }
    lease::OfferSource source;
    source.ingress = place(ingress, {});
    source.relay = source.ingress;
    if (const dhcp6::Relay* const relay = request_.message().first_relay()) {
        source.relay =
            place(relay->link_address.bytes(), relay->interface_id().value_or(ByteView{}));
    }
    return source;
}

bool UnitChooser::may_offer_more(Association association,
                                 lease::OfferSource source) const noexcept {
    const std::uint32_t open_relay = shard_.open_offers(source.relay);
    const std::uint32_t limit = request_.snapshot().ipv6.max_offers_per_relay;
    if (limit != 0) {
        return open_relay < limit;
    }
    const std::uint32_t open = std::max(open_relay, shard_.open_offers(source.ingress));
    return open < kOffersPerFreeUnit || open < kOffersPerFreeUnit * free_units(association);
}

// At least this many units of the link are free, and clients may have them; exact for spaces that
// are small enough to count.
std::uint64_t UnitChooser::free_units(Association association) const noexcept {
    std::uint64_t free = 0;
    for (const lease::SpaceId id : places_.spaces(association)) {
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

}  // namespace xdhcpd::engine::v6
