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

LeaseRecovery::LeaseRecovery(const model::Snapshot& snapshot, model::SpaceRegistry6& registry,
                             std::vector<lease::Shard*> shards, DiskTime time, BootSeconds now,
                             BootSeconds grace_end)
    : registry_{registry},
      shards_{std::move(shards)},
      time_{time},
      grace_end_{grace_end},
      last_grants_(shards_.size()) {
    use(snapshot, now);
}

void LeaseRecovery::use(const model::Snapshot& snapshot, BootSeconds now) {
    snapshot_ = &snapshot;
    now_ = now;
    prefix_pools_.clear();
    for (const model::Subnet6& subnet : snapshot.ipv6.subnets) {
        for (const model::Pool6& pool : subnet.prefix_pools) {
            prefix_pools_.push_back({pool.first, pool.last, &subnet});
        }
    }
    std::sort(prefix_pools_.begin(), prefix_pools_.end(),
              [](const PrefixPool& a, const PrefixPool& b) { return a.first < b.first; });
}

void LeaseRecovery::add(const journal::UnitState& state) {
    if (const auto place = find_place(state, std::nullopt)) {
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
    use(snapshot, now);
    std::erase_if(foreign_, [&](const std::vector<std::byte>& record) {
        const auto state = journal::decode(record);
        if (!state) {
            return true;
        }
        const auto place = find_place(*state, shard_id);
        if (!place) {
            return false;
        }
        restore(*state, *place);
        return true;
    });
    counts_.foreign = foreign_.size();
}

std::optional<LeaseRecovery::Place> LeaseRecovery::find_place(const journal::UnitState& state,
                                                              std::optional<std::uint32_t> only) {
    const auto count = static_cast<std::uint32_t>(shards_.size());
    std::optional<std::uint32_t> shard_id;
    if (has_tenant(state)) {
        shard_id = engine::shard_of(state.identity, snapshot_->hash_key, count);
        if (only && *shard_id != *only) {
            return std::nullopt;
        }
    }
    const auto unit =
        state.key.kind == journal::UnitKind::kIpv4 ? find_unit4(state.key) : find_unit6(state);
    const auto link = unit ? link_of(*unit) : std::nullopt;
    if (!link) {
        return std::nullopt;
    }
    if (!shard_id) {
        shard_id = store().space_of(*unit).index_of(*unit) % count;
    }
    if (only && *shard_id != *only) {
        return std::nullopt;
    }
    return Place{*unit, *link, *shard_id};
}

std::optional<lease::Unit> LeaseRecovery::find_unit4(const journal::UnitKey& key) const {
    const Ipv4 address = key.to_ipv4();
    const model::Subnet* const subnet = snapshot_->find_subnet(address);
    return subnet != nullptr
               ? std::optional{store().space(subnet->space).unit_at(subnet->index(address))}
               : std::nullopt;
}

std::optional<lease::Unit> LeaseRecovery::find_unit6(const journal::UnitState& state) {
    const model::What6 what{state.key.kind == journal::UnitKind::kIpv6Address
                                ? lease::SpaceKind::kIpv6Address
                                : lease::SpaceKind::kIpv6Prefix,
                            state.key.to_ipv6()};
    if (const auto unit = registry_.find_unit(what.kind, what.prefix)) {
        return unit;
    }
    const model::Subnet6* const subnet = is_held(state) ? find_subnet6(what) : nullptr;
    return subnet != nullptr ? registry_.listed_unit(subnet->prefix, what.kind, what.prefix)
                             : std::nullopt;
}

// The subnet of the range that covers it; of a prefix else the one whose prefixes have other
// lengths.
const model::Subnet6* LeaseRecovery::find_subnet6(const model::What6& what) const {
    if (const auto range = registry_.find_range(what.kind, what.prefix)) {
        if (const model::SpaceOwner* const owner = snapshot_->ipv6.find_owner(*range)) {
            return &snapshot_->ipv6.subnets[owner->subnet];
        }
    }
    if (what.kind != lease::SpaceKind::kIpv6Prefix) {
        return nullptr;
    }
    const auto behind = std::upper_bound(
        prefix_pools_.begin(), prefix_pools_.end(), what.prefix.last(),
        [](const Ipv6& last, const PrefixPool& pool) { return last < pool.first; });
    return behind != prefix_pools_.begin() && what.prefix.address <= std::prev(behind)->last
               ? std::prev(behind)->subnet
               : nullptr;
}

std::optional<LeaseRecovery::LinkId> LeaseRecovery::link_of(lease::Unit unit) const {
    const lease::Space& space = store().space_of(unit);
    if (space.kind() == lease::SpaceKind::kIpv4) {
        const model::Subnet* const subnet =
            snapshot_->find_subnet(Ipv4{space.name().first.value + space.index_of(unit)});
        return subnet != nullptr && subnet->space == space.id()
                   ? std::optional{LinkId{false, subnet->link}}
                   : std::nullopt;
    }
    if (const model::SpaceOwner* const owner = snapshot_->ipv6.find_owner(space.id())) {
        return LinkId{true, snapshot_->ipv6.subnets[owner->subnet].link};
    }
    const lease::Ipv6Names& names = space.ipv6_names();
    const model::Subnet6* const subnet =
        find_subnet6({space.kind(), {names.at(space.index_of(unit)), names.length()}});
    return subnet != nullptr ? std::optional{LinkId{true, subnet->link}} : std::nullopt;
}

bool LeaseRecovery::is_held(const journal::UnitState& state) const {
    return (state.status == UnitStatus::kLeased || state.status == UnitStatus::kDeclined) &&
           std::max(time_.from_disk(state.expiry), grace_end_) > now_;
}

void LeaseRecovery::restore(const journal::UnitState& state, const Place& place) {
    lease::Shard& shard = *shards_[place.shard_id];
    const lease::Unit unit = place.unit;
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
        remember_start(unit, state.started);
        keep_later_lease(shard, tenant, place, state.started);
    } else if (now_is == LeaseState::kDeclined) {
        ++counts_.declined;
    } else if (!tenant.identity.empty()) {
        ++counts_.former;
    }
    const lease::Space& space = store().space_of(unit);
    std::vector<LastGrant>& grants = last_grants_[place.shard_id];
    grants.resize(std::max<std::size_t>(grants.size(), store().space_limit()));
    LastGrant& last = grants[space.id().value];
    if (state.started >= last.started) {
        last = {state.started, space.index_of(unit)};
    }
}

void LeaseRecovery::remember_start(lease::Unit unit, std::uint64_t started) {
    if (time_.from_disk(started).value != 0) {
        return;
    }
    const lease::Space& space = store().space_of(unit);
    const std::uint32_t index = space.index_of(unit);
    if (starts_.size() <= space.id().value) {
        starts_.resize(space.id().value + std::size_t{1});
    }
    std::vector<std::uint32_t>& starts = starts_[space.id().value];
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
                                     const Place& place, std::uint64_t started) {
    // Of one family and, by the tenant's association, of one kind of unit.
    std::optional<lease::Unit> other;
    shard.visit_units(tenant, [&](lease::Unit held) {
        const bool is_other = held != place.unit &&
                              shard.record(held).state == LeaseState::kLeased &&
                              link_of(held) == place.link;
        if (is_other) {
            other = held;
        }
        return is_other;
    });
    // Within one second it is not known which came first: then both stay.
    if (!other || this->started(shard, *other) == started) {
        return;
    }
    static_cast<void>(shard.release(this->started(shard, *other) > started ? place.unit : *other));
    --counts_.leases;
    ++counts_.former;
}

void LeaseRecovery::finish() {
    if (foreign_.empty()) {
        starts_ = {};
    }
    for (std::size_t id = 0; id < shards_.size(); ++id) {
        for (const model::Subnet& subnet : snapshot_->subnets) {
            for (const lease::UnitRange pool : subnet.pools) {
                go_on_behind(id, subnet.space, pool);
            }
        }
        for (const model::Subnet6& subnet : snapshot_->ipv6.subnets) {
            for (const auto* const pools : {&subnet.pools, &subnet.prefix_pools}) {
                for (const model::Pool6& pool : *pools) {
                    go_on_behind(id, pool.space, pool.units);
                }
            }
        }
    }
}

void LeaseRecovery::go_on_behind(std::size_t shard_id, lease::SpaceId space,
                                 lease::UnitRange pool) {
    const std::vector<LastGrant>& grants = last_grants_[shard_id];
    const LastGrant last = space.value < grants.size() ? grants[space.value] : LastGrant{};
    if (last.started != 0 && pool.contains(last.index)) {
        shards_[shard_id]->set_cursor(space, pool,
                                      last.index == pool.last ? pool.first : last.index + 1);
    }
}

}  // namespace xdhcpd::worker
