#include "worker/route_changes.h"

#include <algorithm>

#include "engine/v6/lease_note.h"

namespace xdhcpd::worker {
namespace {

// Nothing unless the unit is a delegated prefix.
[[nodiscard]] std::optional<Ipv6Prefix> prefix_of(const lease::Shard& shard,
                                                  lease::Unit unit) noexcept {
    const lease::Space& space = shard.store().space_of(unit);
    if (space.kind() != lease::SpaceKind::kIpv6Prefix) {
        return std::nullopt;
    }
    const lease::Ipv6Names& names = space.ipv6_names();
    return Ipv6Prefix{names.at(space.index_of(unit)), names.length()};
}

}  // namespace

std::optional<RouteChange> route_of(const lease::Shard& shard, lease::Unit unit) noexcept {
    if (shard.record(unit).state != lease::LeaseState::kLeased) {
        return std::nullopt;
    }
    const auto prefix = prefix_of(shard, unit);
    const auto note =
        prefix ? engine::v6::decode_lease_note(shard.relay_information(unit)) : std::nullopt;
    if (!note || !note->next_hop || note->interface.size() > RouteChange::kMaxInterfaceLen) {
        return std::nullopt;
    }
    RouteChange change;
    change.prefix = *prefix;
    change.next_hop = note->next_hop;
    std::ranges::copy(note->interface, change.interface.begin());
    change.vlan = note->vlan;
    return change;
}

void RouteChanges::push(RouteChange change) noexcept {
    change.time = clock_();
    RouteChange* const slot = ring_.claim();
    if (slot == nullptr) {
        is_lossy_ = true;
        return;
    }
    *slot = change;
    ring_.push();
}

// A client that is behind a relay now, and was not before, has no route of ours any more.
void RouteChanges::note_lease(const lease::Shard& shard, lease::Unit unit) noexcept {
    if (const auto route = route_of(shard, unit)) {
        push(*route);
    } else {
        note_end(shard, unit);
    }
}

void RouteChanges::note_end(const lease::Shard& shard, lease::Unit unit) noexcept {
    if (const auto prefix = prefix_of(shard, unit)) {
        RouteChange change;
        change.prefix = *prefix;
        push(change);
    }
}

void RouteChanges::on_end(const lease::Shard& shard, lease::Unit unit, lease::LeaseState next,
                          std::uint32_t version) noexcept {
    note_end(shard, unit);
    if (next_ != nullptr) {
        next_->on_end(shard, unit, next, version);
    }
}

void RouteChanges::on_import(const lease::Shard& shard, lease::Unit unit) noexcept {
    note_lease(shard, unit);
    if (next_ != nullptr) {
        next_->on_import(shard, unit);
    }
}

}  // namespace xdhcpd::worker
