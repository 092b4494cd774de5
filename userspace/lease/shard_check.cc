// The invariants of a shard; for tests.
#include <array>
#include <string>

#include "lease/record_tenant.h"
#include "lease/shard.h"

namespace xdhcpd::lease {

std::string Shard::check_invariants() const {
    const auto at = [](const char* what, Unit unit) {
        return std::string{what} + " (unit " + std::to_string(unit.value) + ")";
    };
    std::string wrong;
    if (!index_.check_invariants()) {
        return "index is broken";
    }
    if (!side_.check_invariants()) {
        return "side store is broken";
    }
    std::size_t armed = 0;
    const bool is_wheel_sound = wheel_.check_invariants([&](Unit unit) {
        ++armed;
        if (!holds(unit)) {
            wrong = at("armed unit is not held", unit);
        }
    });
    if (!is_wheel_sound) {
        return "timer wheel is broken";
    }
    std::size_t live = 0;
    index_.visit_all([&](std::uint32_t tag, TenantIndex::Entry entry) {
        if (entry.former) {
            return;
        }
        ++live;
        if (!holds(entry.unit)) {
            wrong = at("live index entry of a unit not held", entry.unit);
        } else if (!record(entry.unit).is_live() || record(entry.unit).tag != tag) {
            wrong = at("live index entry without its record", entry.unit);
        }
    });
    std::size_t held_live = 0;
    std::size_t side_bytes = 0;
    for (std::uint32_t id = 0; id < store_->space_limit(); ++id) {
        Space* const space = store_->find_space(SpaceId{static_cast<std::uint16_t>(id)});
        if (space == nullptr) {
            continue;
        }
        std::array<std::uint64_t, EnumCounters<HeldCount>::kSize> counts{};
        const SpaceShare& share = space->share(id_);
        for (std::uint32_t index = 0; index < space->unit_count(); ++index) {
            if (share.held[index / 64] == 0) {
                index |= 63;
                continue;
            }
            if (!is_held(share, index)) {
                continue;
            }
            const Unit unit = space->unit_at(index);
            const Record& held = record(unit);
            if (!space->bitmap().taken(index)) {
                return at("held unit is not taken", unit);
            }
            if (held.shard != id_ || !(held.is_live() || held.state == LeaseState::kDeclined)) {
                return at("held unit in a state that is not held", unit);
            }
            if (!wheel_.is_armed(unit) && !held.expiry.is_never()) {
                return at("held unit without timer", unit);
            }
            if (held.is_live() != (held.identity_len != 0)) {
                return at("identity does not fit the state", unit);
            }
            ++counts[static_cast<std::size_t>(count_of(held.state))];
            held_live += held.is_live() ? 1 : 0;
            if (held.side) {
                const std::size_t len = side_.get(held.side).size() + SideStore::kHeaderLen;
                side_bytes += (len + SideStore::kGranuleLen - 1) / SideStore::kGranuleLen *
                              SideStore::kGranuleLen;
            }
        }
        for (std::size_t i = 0; i < counts.size(); ++i) {
            if (share.held_counts[static_cast<HeldCount>(i)].value() != counts[i]) {
                return "counts of space " + std::to_string(id) + " are wrong";
            }
        }
    }
    if (wrong.empty() && (live != held_live || live != index_.live_count())) {
        wrong = "index and records disagree about the live units";
    }
    if (wrong.empty() && side_bytes != side_.used_bytes()) {
        wrong = "side entries are lost";
    }
    return wrong;
}

}  // namespace xdhcpd::lease
