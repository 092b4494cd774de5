#include "worker/lease_log.h"

#include <algorithm>

namespace xdhcpd::worker {
namespace {

[[nodiscard]] journal::UnitKind kind_of(lease::SpaceKind kind) noexcept {
    switch (kind) {
        case lease::SpaceKind::kIpv4:
            return journal::UnitKind::kIpv4;
        case lease::SpaceKind::kIpv6Address:
            return journal::UnitKind::kIpv6Address;
        case lease::SpaceKind::kIpv6Prefix:
            break;
    }
    return journal::UnitKind::kIpv6Prefix;
}

[[nodiscard]] journal::UnitStatus status_of(lease::LeaseState state) noexcept {
    switch (state) {
        case lease::LeaseState::kLeased:
            return journal::UnitStatus::kLeased;
        case lease::LeaseState::kDeclined:
            return journal::UnitStatus::kDeclined;
        case lease::LeaseState::kReleased:
            return journal::UnitStatus::kReleased;
        case lease::LeaseState::kExpired:
            return journal::UnitStatus::kExpired;
        default:
            return journal::UnitStatus::kFree;
    }
}

// Everything of the record but status and version.
[[nodiscard]] journal::UnitState state_of(const lease::Shard& shard, lease::Unit unit,
                                          DiskTime time) noexcept {
    const lease::Record& record = shard.record(unit);
    journal::UnitState state;
    state.key = key_of(shard.store().space_of(unit), unit);
    state.flags = static_cast<std::uint8_t>(record.flags & lease::Record::kEngineFlags &
                                            ~engine::kFlagUnstored);
    state.started = record.started.value == 0 ? 0 : time.to_disk(record.started);
    state.last_xid = record.last_xid;
    state.hw_type = record.hw_type;
    state.hw_len = record.hw_len;
    state.mac = record.mac;
    state.identity = shard.identity(unit);
    state.hostname = shard.hostname(unit);
    state.relay_information = shard.relay_information(unit);
    return state;
}

}  // namespace

journal::UnitKey key_of(const lease::Space& space, lease::Unit unit) noexcept {
    const std::uint32_t index = space.index_of(unit);
    if (space.kind() == lease::SpaceKind::kIpv4) {
        return journal::UnitKey::ipv4(Ipv4{space.name().first.value + index});
    }
    const lease::Ipv6Names& names = space.ipv6_names();
    return journal::UnitKey::ipv6(kind_of(space.kind()), {names.at(index), names.length()});
}

std::uint64_t LeaseLog::write(const lease::Shard& shard, lease::Unit unit) noexcept {
    const lease::Record& record = shard.record(unit);
    journal::UnitState state = state_of(shard, unit, time_);
    state.status = journal::UnitStatus::kLeased;
    state.version = record.version;
    state.expiry = time_.to_disk(record.horizon);
    state.told_expiry = time_.to_disk(engine::client_expiry(record));
    return append(state);
}

void LeaseLog::on_end(const lease::Shard& shard, lease::Unit unit, lease::LeaseState next,
                      std::uint32_t version) noexcept {
    // Places are kept for the grants of the message that ended this.
    if (!ring_.has_room(1 + kGrantsPerMessage)) {
        unwritten_ends_.add();
        return;
    }
    journal::UnitState state = state_of(shard, unit, time_);
    state.status = status_of(next);
    state.version = version;
    if (next == lease::LeaseState::kDeclined) {
        state.expiry = time_.to_disk(shard.record(unit).expiry);
        state.told_expiry = state.expiry;
    }
    if (next == lease::LeaseState::kNone) {
        state.identity = {};
        state.hostname = {};
        state.relay_information = {};
    }
    static_cast<void>(append(state));
}

std::uint64_t LeaseLog::append(const journal::UnitState& state) noexcept {
    last_ = ring_.append(state);
    is_written_ = true;
    return last_;
}

}  // namespace xdhcpd::worker
