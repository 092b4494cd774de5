// What a shard takes over: its own leases read back from disk, and those of other servers.
#include <algorithm>

#include "lease/record_tenant.h"
#include "lease/shard.h"

namespace xdhcpd::lease {

bool Shard::make_room(const Tenant& tenant) {
    if (tenant.identity.empty() || tenant.identity.size() > kMaxIdentityLen) {
        return false;
    }
    if (index_.live_count() == index_.capacity()) {
        index_.reserve(index_.capacity() <= TenantIndex::kMaxCapacity / 2
                           ? 2 * index_.capacity()
                           : TenantIndex::kMaxCapacity);
    }
    return index_.live_count() < index_.capacity() &&
           (!is_long(tenant) || side_.reserve(side_len(tenant.identity.size())));
}

bool Shard::restore(const Tenant& tenant, Unit unit, const Restored& state) {
    const bool is_held = state.state == LeaseState::kLeased || state.state == LeaseState::kDeclined;
    Space* const space = store_->find_space_of(unit);
    if (space == nullptr || space->index_of(unit) >= space->unit_count() ||
        (state.state == LeaseState::kLeased && !make_room(tenant)) ||
        !space->bitmap().try_take_reserved(space->index_of(unit))) {
        return false;
    }
    Record& own = space->record(unit);
    drop_former(unit, own);
    if (state.state == LeaseState::kLeased &&
        !bind(*space, unit, tenant, state.expiry, Room::kBeyondLimit)) {
        return false;
    }
    if (state.state == LeaseState::kDeclined) {
        make_declined(*space, unit, own, state.expiry);
    }
    if (state.state == LeaseState::kLeased) {
        grant(unit, {state.started, state.expiry, 0});
        set_flags(unit, state.flags);
        own.horizon = state.horizon;
    }
    if (!is_held) {
        clear(own, *space, static_cast<std::uint8_t>(id_));
        if (!tenant.identity.empty() && tenant.identity.size() <= kMaxIdentityLen) {
            write_tenant(own, tenant);
            own.state = state.state;
            own.started = state.started;
            index_.insert(own.tag, {unit, true});
        }
    }
    own.version = state.version;
    counters_.highest_version.set(
        std::max<std::uint64_t>(counters_.highest_version.value(), state.version));
    if (!is_held) {
        space->bitmap().release(space->index_of(unit));
        publish_gauges();
    }
    return true;
}

Result<Success, ImportError> Shard::import_lease(const Tenant& tenant, Unit unit,
                                                 const Imported& lease) noexcept {
    if (sink_ != nullptr && !sink_->has_room()) {
        return Unexpected{ImportError::kBacklog};
    }
    if (!holds(unit) || !is_tenant(unit, tenant)) {
        const auto taken = take_reserved(tenant, unit, lease.expiry);
        if (!taken) {
            const bool is_full = taken.error() == TakeError::kFull;
            return Unexpected{is_full ? ImportError::kFull : ImportError::kTaken};
        }
    }
    grant(unit, {lease.started, lease.expiry, 0});
    set_flags(unit, lease.flags);
    set_horizon(unit, lease.expiry);
    if (!lease.hostname.empty()) {
        set_hostname(unit, lease.hostname);
    }
    if (!lease.relay_information.empty()) {
        set_relay_information(unit, lease.relay_information);
    }
    if (sink_ != nullptr) {
        sink_->on_import(*this, unit);
    }
    return Success{};
}

Result<Success, ImportError> Shard::import_quarantine(Unit unit, BootSeconds until) noexcept {
    if (sink_ != nullptr && !sink_->has_room()) {
        return Unexpected{ImportError::kBacklog};
    }
    if (holds(unit) && record(unit).state == LeaseState::kDeclined) {
        quarantine(unit, until);
        return Success{};
    }
    if (!quarantine_free(unit, until)) {
        return Unexpected{ImportError::kTaken};
    }
    return Success{};
}

}  // namespace xdhcpd::lease
