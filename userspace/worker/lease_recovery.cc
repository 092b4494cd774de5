#include "worker/lease_recovery.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "engine/shard_choice.h"
#include "journal/codec/record.h"

namespace xdhcpd::worker {
namespace {

using journal::UnitStatus;
using lease::LeaseState;

// What the unit is now, with the time that has passed.
[[nodiscard]] LeaseState state_at(const journal::UnitState& state, BootSeconds expiry,
                                  BootSeconds now) noexcept {
    switch (state.status) {
        case UnitStatus::kLeased:
            return expiry > now ? LeaseState::kLeased : LeaseState::kExpired;
        case UnitStatus::kDeclined:
            return expiry > now ? LeaseState::kDeclined : LeaseState::kExpired;
        case UnitStatus::kReleased:
            return LeaseState::kReleased;
        default:
            return LeaseState::kExpired;
    }
}

// A unit without a tenant may be any shard's; the same one's each time.
[[nodiscard]] bool has_tenant(const journal::UnitState& state) noexcept {
    return state.status != UnitStatus::kDeclined && state.status != UnitStatus::kFree &&
           !state.identity.empty();
}

}  // namespace

void LeaseRecovery::add(const journal::UnitState& state) {
    if (const auto place = find_place(state)) {
        restore(state, *place);
        return;
    }
    std::vector<std::byte> record(journal::encoded_len(state));
    journal::encode(state, record);
    foreign_.push_back(std::move(record));
    counts_.foreign = foreign_.size();
}

void LeaseRecovery::adopt(const model::Snapshot& snapshot, BootSeconds now,
                          std::uint32_t shard_id) {
    snapshot_ = &snapshot;
    now_ = now;
    std::erase_if(foreign_, [&](const std::vector<std::byte>& record) {
        const auto state = journal::decode(record);
        if (!state) {
            return true;
        }
        const auto place = find_place(*state);
        if (!place || place->shard_id != shard_id) {
            return false;
        }
        restore(*state, *place);
        return true;
    });
    counts_.foreign = foreign_.size();
}

std::optional<LeaseRecovery::Place> LeaseRecovery::find_place(
    const journal::UnitState& state) const {
    if (state.key.kind != journal::UnitKind::kIpv4) {
        return std::nullopt;
    }
    const Ipv4 address = Ipv4::load(state.key.address.data());
    const model::Subnet* const subnet = snapshot_->find_subnet(address);
    if (subnet == nullptr) {
        return std::nullopt;
    }
    Place place{subnet, subnet->index(address), 0};
    const auto count = static_cast<std::uint32_t>(shards_.size());
    place.shard_id = has_tenant(state)
                         ? engine::shard_of(state.identity, snapshot_->hash_key, count)
                         : place.index % count;
    return place;
}

void LeaseRecovery::restore(const journal::UnitState& state, const Place& place) {
    lease::Shard& shard = *shards_[place.shard_id];
    const lease::Unit unit = shard.store().space(place.subnet->space).unit_at(place.index);
    lease::Tenant tenant;
    if (has_tenant(state)) {
        tenant.identity = state.identity;
        tenant.hw = state.mac;
        tenant.hw_len = state.hw_len;
        tenant.hw_type = state.hw_type;
        tenant.hash = hash_bytes(snapshot_->hash_key, state.identity);
    }
    const BootSeconds horizon = time_.from_disk(state.expiry);
    BootSeconds expiry = horizon;
    if (state.status == UnitStatus::kLeased || state.status == UnitStatus::kDeclined) {
        expiry = std::max(expiry, grace_end_);
    }
    const LeaseState now_is = state_at(state, expiry, now_);
    const bool done = shard.restore(tenant, unit,
                                    {.state = now_is,
                                     .flags = state.flags,
                                     .version = state.version,
                                     .expiry = expiry,
                                     .horizon = horizon,
                                     .started = time_.from_disk(state.started)});
    if (!done) {
        // There is no memory to know the client, but nobody else may have its address before its
        // lease ends. What would only be kept for want of a clock is let go instead.
        ++counts_.refused;
        if (now_is == LeaseState::kLeased && horizon > now_) {
            static_cast<void>(shard.restore({}, unit,
                                            {.state = LeaseState::kDeclined,
                                             .flags = 0,
                                             .version = state.version,
                                             .expiry = horizon,
                                             .horizon = {},
                                             .started = {}}));
        }
        return;
    }
    if (now_is == LeaseState::kLeased) {
        shard.set_hostname(unit, state.hostname);
        shard.set_relay_information(unit, state.relay_information);
        ++counts_.leases;
        remember_start(*place.subnet, place.index, state.started);
        keep_later_lease(shard, tenant, unit, *place.subnet, state.started);
    } else if (now_is == LeaseState::kDeclined) {
        ++counts_.declined;
    } else if (!tenant.identity.empty()) {
        ++counts_.former;
    }
    std::vector<LastGrant>& grants = last_grants_[place.shard_id];
    grants.resize(snapshot_->subnets.size());
    LastGrant& last = grants[place.subnet->index_in_snapshot];
    if (state.started >= last.started) {
        last = {state.started, place.index};
    }
}

void LeaseRecovery::remember_start(const model::Subnet& subnet, std::uint32_t index,
                                   std::uint64_t started) {
    if (time_.from_disk(started).value != 0) {
        return;
    }
    if (starts_.size() <= subnet.space.value) {
        starts_.resize(subnet.space.value + std::size_t{1});
    }
    std::vector<std::uint32_t>& starts = starts_[subnet.space.value];
    if (starts.size() <= index) {
        starts.resize(index + std::size_t{1});
    }
    starts[index] = static_cast<std::uint32_t>(started);
}

// Unix seconds; 0 if that is not known.
std::uint64_t LeaseRecovery::started(const lease::Shard& shard, lease::Unit unit) const {
    const BootSeconds since_boot = shard.record(unit).started;
    if (since_boot.value != 0) {
        return time_.to_disk(since_boot);
    }
    const lease::Space& space = shard.store().space_of(unit);
    const std::uint32_t index = space.index_of(unit);
    return space.id().value < starts_.size() && index < starts_[space.id().value].size()
               ? starts_[space.id().value][index]
               : 0;
}

void LeaseRecovery::keep_later_lease(lease::Shard& shard, const lease::Tenant& tenant,
                                     lease::Unit unit, const model::Subnet& subnet,
                                     std::uint64_t started) {
    const std::vector<lease::SpaceId>& spaces = snapshot_->links[subnet.link].spaces;
    std::optional<lease::Unit> other;
    shard.visit_units(tenant, [&](lease::Unit held) {
        const lease::SpaceId space = shard.store().space_of(held).id();
        const bool is_other = held != unit && shard.record(held).state == LeaseState::kLeased &&
                              std::find(spaces.begin(), spaces.end(), space) != spaces.end();
        if (is_other) {
            other = held;
        }
        return is_other;
    });
    // Within one second it is not known which came first: then both stay.
    if (!other || this->started(shard, *other) == started) {
        return;
    }
    static_cast<void>(shard.release(this->started(shard, *other) > started ? unit : *other));
    --counts_.leases;
    ++counts_.former;
}

void LeaseRecovery::finish() {
    if (foreign_.empty()) {
        starts_ = {};
    }
    for (std::size_t id = 0; id < shards_.size(); ++id) {
        for (std::size_t i = 0; i < last_grants_[id].size(); ++i) {
            const LastGrant& last = last_grants_[id][i];
            for (const lease::UnitRange pool : snapshot_->subnets[i].pools) {
                if (last.started != 0 && pool.contains(last.index)) {
                    const std::uint32_t next =
                        last.index == pool.last ? pool.first : last.index + 1;
                    shards_[id]->set_cursor(snapshot_->subnets[i].space, pool, next);
                }
            }
        }
    }
}

}  // namespace xdhcpd::worker
