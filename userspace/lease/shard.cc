#include "lease/shard.h"

#include <algorithm>
#include <array>
#include <utility>

#include "lease/record_tenant.h"

namespace xdhcpd::lease {

namespace {
// A side entry begins with the lengths of its sections.
constexpr std::size_t kSectionLenLen = sizeof(std::uint16_t);
// How an OfferSource is packed.
constexpr std::uint32_t kPlaceBits = 12;
constexpr std::uint32_t kHasSource = 1u << 31;
static_assert(OfferSource::kCount == 1u << kPlaceBits);

void decrement(Counter& gauge) noexcept {
    gauge.set(gauge.value() - 1);
}

}  // namespace

Shard::Shard(Store& store, const ShardOptions& options)
    : store_{&store},
      id_{options.id},
      capacity_{options.capacity},
      index_{options.capacity},
      side_{options.side_memory},
      wheel_{store, options.now},
      open_offers_(OfferSource::kCount),
      offer_weight_{store.shard_count()},
      limit_{options.limit} {
    XD_ASSERT(options.id < store.shard_count());
}

// == Looking up ==

void Shard::prefetch_record(const Tenant& tenant) const noexcept {
    index_.visit(TenantIndex::tag_of(tenant.hash), [this](TenantIndex::Entry entry) {
        const Space* const space = store_->find_space_of(entry.unit);
        if (space != nullptr) {
            __builtin_prefetch(&space->record(entry.unit), 1);
            space->bitmap().prefetch(space->index_of(entry.unit));  // who renews is asked: allowed?
        }
        return !entry.former;  // a second unit of the same tenant is rare
    });
}

Unit Shard::find_held(const Tenant& tenant, std::span<const SpaceId> spaces) const noexcept {
    Unit found = kNoUnit;
    std::size_t offer_ranks = spaces.size();  // of offers that would be better than what was found
    index_.visit(TenantIndex::tag_of(tenant.hash), [&](TenantIndex::Entry entry) {
        if (entry.former) {
            return false;
        }
        const Space& space = store_->space_of(entry.unit);
        // Only what would be better than what was found.
        for (std::size_t rank = 0; rank < spaces.size(); ++rank) {
            if (spaces[rank] == space.id()) {
                const Record& held = space.record(entry.unit);
                const bool is_lease = held.state == LeaseState::kLeased;
                if ((is_lease || rank < offer_ranks) && is_tenant_of(held, tenant)) {
                    found = entry.unit;
                    offer_ranks = is_lease ? 0 : rank;
                    spaces = is_lease ? spaces.first(rank) : spaces;
                }
                break;
            }
        }
        return spaces.empty();
    });
    return found;
}

bool Shard::holds(Unit unit) const noexcept {
    const Space* const space = store_->find_space_of(unit);
    return space != nullptr && space->index_of(unit) < space->unit_count() &&
           is_held(space->share(id_), space->index_of(unit));
}

bool Shard::is_tenant(Unit unit, const Tenant& tenant) const noexcept {
    return is_tenant_of(record(unit), tenant);
}

inline bool Shard::is_tenant_of(const Record& held, const Tenant& tenant) const noexcept {
    return matches_inline(held, tenant) &&
           (!is_long(tenant) || equal_bytes(section(held, Section::kIdentity), tenant.identity));
}

Record& Shard::own_record(const Space& space, Unit unit) const noexcept {
    Record& own = space.record(unit);
    XD_ASSERT(own.shard == id_ && (own.is_live() || own.state == LeaseState::kDeclined));
    return own;
}

std::uint64_t Shard::free_places() const noexcept {
    if (limit_ != nullptr) {
        return limit_->free();
    }
    return index_.live_count() < capacity_ ? capacity_ - index_.live_count() : 0;
}

// == Taking ==

bool Shard::has_room(const Tenant& tenant) const noexcept {
    XD_ASSERT(!tenant.identity.empty());
    return index_.live_count() < capacity_ && tenant.identity.size() <= kMaxIdentityLen &&
           (limit_ == nullptr || limit_->has_room(id_));
}

Result<Unit, TakeError> Shard::reclaim(const Tenant& tenant, std::span<const SpaceId> spaces,
                                       BootSeconds until) noexcept {
    if (!has_room(tenant)) {
        return Unexpected{TakeError::kFull};
    }
    const std::uint32_t tag = TenantIndex::tag_of(tenant.hash);
    for (auto candidate = next_candidate(tag, spaces, std::nullopt); candidate;
         candidate = next_candidate(tag, spaces, candidate)) {
        const Unit unit = candidate->unit;
        Space& space = store_->space_of(unit);
        // First the unit, then the look into its record: only its owner may.
        if (!space.bitmap().try_take(space.index_of(unit))) {
            continue;
        }
        const Record& former = space.record(unit);
        if (former.is_former() && matches_inline(former, tenant)) {
            return bind(space, unit, tenant, until);
        }
        // The entry is of the former tenant if his tag is the same by chance; otherwise of nobody
        // any more.
        const bool is_stale = !former.is_former() || former.tag != tag;
        space.bitmap().release(space.index_of(unit));
        if (is_stale) {
            index_.remove(tag, unit);
            publish_gauges();
        }
    }
    return Unexpected{TakeError::kNoneFree};
}

std::optional<Shard::Candidate> Shard::next_candidate(
    std::uint32_t tag, std::span<const SpaceId> spaces,
    std::optional<Candidate> after) const noexcept {
    std::optional<Candidate> best;
    index_.visit(tag, [&](TenantIndex::Entry entry) {
        const Space* const space = entry.former ? store_->find_space_of(entry.unit) : nullptr;
        if (space == nullptr || space->index_of(entry.unit) >= space->unit_count()) {
            return false;
        }
        const auto at = std::find(spaces.begin(), spaces.end(), space->id());
        const Candidate candidate{static_cast<std::size_t>(at - spaces.begin()), entry.unit};
        if (at != spaces.end() && (!after || *after < candidate) && (!best || candidate < *best)) {
            best = candidate;
        }
        return false;
    });
    return best;
}

Result<Unit, TakeError> Shard::take(const Tenant& tenant, Unit unit, BootSeconds until) noexcept {
    return take_unit(tenant, unit, until, TakeMode::kAllowed);
}

Result<Unit, TakeError> Shard::take_reserved(const Tenant& tenant, Unit unit,
                                             BootSeconds until) noexcept {
    return take_unit(tenant, unit, until, TakeMode::kReserved);
}

Result<Unit, TakeError> Shard::take_unit(const Tenant& tenant, Unit unit, BootSeconds until,
                                         TakeMode mode) noexcept {
    Space* const space = store_->find_space_of(unit);
    if (space == nullptr || space->index_of(unit) >= space->unit_count()) {
        return Unexpected{TakeError::kNotAllowed};
    }
    if (!has_room(tenant)) {
        return Unexpected{TakeError::kFull};
    }
    UnitBitmap& bitmap = space->bitmap();
    const std::uint32_t index = space->index_of(unit);
    if (mode == TakeMode::kReserved ? !bitmap.try_take_reserved(index) : !bitmap.try_take(index)) {
        const bool is_closed = mode == TakeMode::kAllowed && !bitmap.allowed(index);
        return Unexpected{is_closed ? TakeError::kNotAllowed : TakeError::kTaken};
    }
    return bind(*space, unit, tenant, until);
}

Result<Unit, TakeError> Shard::take_next(const Tenant& tenant, SpaceId space_id, UnitRange within,
                                         BootSeconds until) noexcept {
    Space* const space = store_->find_space(space_id);
    if (space == nullptr || within.first > within.last || within.first >= space->unit_count()) {
        return Unexpected{TakeError::kNoneFree};
    }
    if (!has_room(tenant)) {
        return Unexpected{TakeError::kFull};
    }
    within.last = std::min(within.last, space->unit_count() - 1);
    SpaceShare::Cursor& cursor = cursor_of(*space, within);
    const auto index = space->bitmap().take_next(within, cursor.next);
    if (!index) {
        return Unexpected{TakeError::kNoneFree};
    }
    const auto taken = bind(*space, space->unit_at(*index), tenant, until);
    if (taken) {
        cursor.next = *index == within.last ? within.first : *index + 1;
    }
    return taken;
}

Result<Unit, TakeError> Shard::bind(Space& space, Unit unit, const Tenant& tenant,
                                    BootSeconds until, Room room) noexcept {
    SideRef side;
    if (is_long(tenant)) {
        Record scratch;
        if (!set_section(scratch, Section::kIdentity, tenant.identity)) {
            space.bitmap().release(space.index_of(unit));
            return Unexpected{TakeError::kFull};
        }
        side = scratch.side;
    }
    if (limit_ != nullptr && !take_place(room)) [[unlikely]] {  // others were faster
        if (side) {
            side_.free(side);
        }
        space.bitmap().release(space.index_of(unit));
        return Unexpected{TakeError::kFull};
    }
    Record& own = space.record(unit);
    const bool is_return = own.is_former() && matches_inline(own, tenant);
    if (!is_return) {
        drop_former(unit, own);
    }
    // An old entry of the same tenant may be there even if others had the unit from other shards
    // since.
    const std::uint32_t tag = TenantIndex::tag_of(tenant.hash);
    if (!index_.set_former(tag, unit, false)) {
        index_.insert(tag, {unit, false});
    }
    clear(own, space, static_cast<std::uint8_t>(id_));
    write_tenant(own, tenant);
    own.side = side;
    own.state = LeaseState::kOffered;
    own.expiry = until;
    own.flags = is_return ? Record::kFlagGranted : 0;
    hold(space, unit, HeldCount::kOffered);
    if (!until.is_never()) {
        wheel_.arm(unit, until);
    }
    publish_gauges();
    return unit;
}

bool Shard::take_place(Room room) noexcept {
    if (room == Room::kWithinLimit) {
        return limit_->take(id_);
    }
    limit_->take_beyond(id_);
    return true;
}

void Shard::drop_former(Unit unit, const Record& former) noexcept {
    if (former.is_former() && former.shard == id_) {
        index_.remove(former.tag, unit);
    }
}

void Shard::hold(Space& space, Unit unit, HeldCount as) noexcept {
    SpaceShare& share = space.share(id_);
    const std::uint32_t index = space.index_of(unit);
    share.held[index / 64] |= std::uint64_t{1} << (index % 64);
    share.held_counts[as].add();
}

// == Held units ==

// Invariant of the timers: a held unit is armed for its expiry or earlier, or not at all if that is
// never. So a later expiry costs nothing now: the timer finds it when it fires.
void Shard::set_expiry(Unit unit, Record& own, BootSeconds expiry) noexcept {
    const bool is_sooner = expiry < own.expiry;
    own.expiry = expiry;
    if (is_sooner) {
        wheel_.disarm(unit);
        wheel_.arm(unit, expiry);
    }
}

void Shard::offer(Unit unit, BootSeconds until) noexcept {
    Record& own = own_record(store_->space_of(unit), unit);
    XD_ASSERT(own.state == LeaseState::kOffered);
    set_expiry(unit, own, until);
}

void Shard::grant(Unit unit, const Grant& grant) noexcept {
    Space& space = store_->space_of(unit);
    Record& own = own_record(space, unit);
    XD_ASSERT(own.is_live());
    if (own.state == LeaseState::kOffered) {
        leave_offer(own);
        own.state = LeaseState::kLeased;
        own.flags |= Record::kFlagGranted;
        decrement(space.share(id_).held_counts[HeldCount::kOffered]);
        space.share(id_).held_counts[HeldCount::kLeased].add();
    }
    ++own.version;
    if (own.version > counters_.highest_version.value()) {
        counters_.highest_version.set(own.version);
    }
    own.started = grant.now;
    own.last_xid = grant.xid;
    set_expiry(unit, own, grant.expiry);
}

// Of an offer, the record's xid keeps both places, and a bit that says so.
void Shard::set_offer_source(Unit unit, OfferSource source) noexcept {
    Record& own = own_record(store_->space_of(unit), unit);
    XD_ASSERT(own.state == LeaseState::kOffered && own.last_xid == 0 &&
              source.ingress < OfferSource::kCount && source.relay < OfferSource::kCount);
    own.last_xid = kHasSource | std::uint32_t{source.ingress} << kPlaceBits | source.relay;
    open_offers_[source.ingress] += offer_weight_;
    open_offers_[source.relay] += source.relay == source.ingress ? 0 : offer_weight_;
}

void Shard::leave_offer(Record& own) noexcept {
    if (own.last_xid == 0) {
        return;
    }
    const std::uint32_t ingress = own.last_xid >> kPlaceBits & (OfferSource::kCount - 1);
    const std::uint32_t relay = own.last_xid & (OfferSource::kCount - 1);
    open_offers_[ingress] -= offer_weight_;
    open_offers_[relay] -= relay == ingress ? 0 : offer_weight_;
    own.last_xid = 0;
}

void Shard::set_horizon(Unit unit, BootSeconds horizon) noexcept {
    own_record(store_->space_of(unit), unit).horizon = horizon;
}

void Shard::set_flags(Unit unit, std::uint8_t flags) noexcept {
    Record& own = own_record(store_->space_of(unit), unit);
    own.flags = static_cast<std::uint8_t>((own.flags & Record::kFlagGranted) |
                                          (flags & Record::kEngineFlags));
}

std::uint32_t Shard::release(Unit unit) noexcept {
    XD_ASSERT(record(unit).is_live());
    tell_end(unit, LeaseState::kReleased);
    return let_go(unit, LeaseState::kReleased);
}

void Shard::withdraw(Unit unit) noexcept {
    XD_ASSERT(record(unit).state == LeaseState::kOffered);
    const bool was_granted = (record(unit).flags & Record::kFlagGranted) != 0;
    let_go(unit, was_granted ? LeaseState::kReleased : LeaseState::kNone);
}

std::uint32_t Shard::erase(Unit unit) noexcept {
    tell_end(unit, LeaseState::kNone);
    return let_go(unit, LeaseState::kNone);
}

// An offer is nowhere but in memory.
void Shard::tell_end(Unit unit, LeaseState next) noexcept {
    const Record& own = record(unit);
    if (sink_ != nullptr && own.state != LeaseState::kOffered) {
        sink_->on_end(*this, unit, next, own.version + 1);
    }
}

std::uint32_t Shard::let_go(Unit unit, LeaseState next) noexcept {
    Space& space = store_->space_of(unit);
    Record& own = own_record(space, unit);
    if (own.is_live()) {
        if (next == LeaseState::kNone) {
            index_.remove(own.tag, unit);
        } else {
            index_.set_former(own.tag, unit, true);
        }
        give_place_back();
    }
    if (own.state == LeaseState::kOffered) {
        leave_offer(own);
    }
    wheel_.disarm(unit);
    free_side(own);
    SpaceShare& share = space.share(id_);
    const std::uint32_t index = space.index_of(unit);
    share.held[index / 64] &= ~(std::uint64_t{1} << (index % 64));
    decrement(share.held_counts[count_of(own.state)]);
    if (next == LeaseState::kNone) {
        clear(own, space, static_cast<std::uint8_t>(id_));
    }
    own.state = next;
    const std::uint32_t version = ++own.version;
    publish_gauges();
    space.bitmap().release(index);
    return version;
}

void Shard::end(Unit unit) noexcept {
    const Record& own = record(unit);
    const bool has_former = own.is_live() && (own.flags & Record::kFlagGranted) != 0;
    let_go(unit, has_former ? LeaseState::kExpired : LeaseState::kNone);
}

void Shard::quarantine(Unit unit, BootSeconds until) noexcept {
    Space& space = store_->space_of(unit);
    Record& own = own_record(space, unit);
    if (own.is_live()) {
        index_.remove(own.tag, unit);
        give_place_back();
    }
    if (own.state == LeaseState::kOffered) {
        leave_offer(own);
    }
    wheel_.disarm(unit);
    free_side(own);
    decrement(space.share(id_).held_counts[count_of(own.state)]);
    make_declined(space, unit, own, until);
}

bool Shard::quarantine_free(Unit unit, BootSeconds until) noexcept {
    Space* const space = store_->find_space_of(unit);
    if (space == nullptr || space->index_of(unit) >= space->unit_count() ||
        !space->bitmap().try_take_reserved(space->index_of(unit))) {
        return false;
    }
    Record& own = space->record(unit);
    drop_former(unit, own);
    make_declined(*space, unit, own, until);
    return true;
}

void Shard::make_declined(Space& space, Unit unit, Record& own, BootSeconds until) noexcept {
    clear(own, space, static_cast<std::uint8_t>(id_));
    ++own.version;
    own.state = LeaseState::kDeclined;
    own.expiry = until;
    hold(space, unit, HeldCount::kDeclined);
    if (!until.is_never()) {
        wheel_.arm(unit, until);
    }
    publish_gauges();
    if (sink_ != nullptr) {
        sink_->on_end(*this, unit, LeaseState::kDeclined, own.version);
    }
}

bool Shard::replace_identity(Unit unit, const Tenant& tenant) noexcept {
    Record& own = own_record(store_->space_of(unit), unit);
    XD_ASSERT(own.is_live() && !tenant.identity.empty());
    const ByteView long_identity = is_long(tenant) ? tenant.identity : ByteView{};
    if (tenant.identity.size() > kMaxIdentityLen ||
        !set_section(own, Section::kIdentity, long_identity)) {
        return false;
    }
    index_.remove(own.tag, unit);
    write_tenant(own, tenant);
    own.horizon = {};  // what is on disk names the old identity: the next grant writes
    // The new identity may have had this very unit in the past.
    if (!index_.set_former(own.tag, unit, false)) {
        index_.insert(own.tag, {unit, false});
    }
    ++own.version;
    publish_gauges();
    return true;
}

// == Side entries ==

ByteView Shard::identity(Unit unit) const noexcept {
    const Record& held = record(unit);
    return held.identity_len == Record::kLongIdentity
               ? section(held, Section::kIdentity)
               : ByteView{held.identity}.first(held.identity_len);
}

ByteView Shard::hostname(Unit unit) const noexcept {
    return section(record(unit), Section::kHostname);
}

ByteView Shard::relay_information(Unit unit) const noexcept {
    return section(record(unit), Section::kRelayInformation);
}

void Shard::set_hostname(Unit unit, ByteView hostname) noexcept {
    replace_section(own_record(store_->space_of(unit), unit), Section::kHostname, hostname);
    publish_gauges();
}

void Shard::set_relay_information(Unit unit, ByteView information) noexcept {
    replace_section(own_record(store_->space_of(unit), unit), Section::kRelayInformation,
                    information);
    publish_gauges();
}

ByteView Shard::section(const Record& held, Section which) const noexcept {
    if (!held.side) {
        return {};
    }
    const ByteView entry = side_.get(held.side);
    std::array<std::uint16_t, kSections> lens;
    std::memcpy(lens.data(), entry.data(), sizeof lens);
    std::size_t start = sizeof lens;
    for (std::size_t i = 0; i < static_cast<std::size_t>(which); ++i) {
        start += lens[i];
    }
    return entry.subspan(start, lens[static_cast<std::size_t>(which)]);
}

bool Shard::set_section(Record& own, Section which, ByteView bytes) noexcept {
    if (equal_bytes(section(own, which), bytes)) {
        return true;
    }
    std::array<ByteView, kSections> parts;
    std::array<std::uint16_t, kSections> lens;
    std::size_t total = sizeof lens;
    static_assert(sizeof lens == kSections * kSectionLenLen);
    bool is_empty = true;
    for (std::size_t i = 0; i < kSections; ++i) {
        parts[i] =
            i == static_cast<std::size_t>(which) ? bytes : section(own, static_cast<Section>(i));
        total += parts[i].size();
        is_empty = is_empty && parts[i].empty();
        lens[i] = static_cast<std::uint16_t>(parts[i].size());
    }
    if (is_empty) {
        free_side(own);
        return true;
    }
    // Put together apart first, since the new entry may take the place of the old one.
    std::array<std::byte, SideStore::kMaxEntryLen> entry;
    std::optional<SideRef> ref;
    if (total <= entry.size()) {
        std::memcpy(entry.data(), lens.data(), sizeof lens);
        std::size_t at = sizeof lens;
        for (const ByteView part : parts) {
            copy_bytes(entry.data() + at, part);
            at += part.size();
        }
        if (own.side && side_.get(own.side).size() >= total) {
            free_side(own);  // so that less always finds room
            static_cast<void>(side_.reserve(total));
        }
        ref = own.side && side_.resize(own.side, total) ? own.side : side_.allocate(total);
    }
    if (!ref) {
        counters_.side_failures.add();
        return false;
    }
    if (*ref != own.side) {
        free_side(own);
    }
    own.side = *ref;
    copy_bytes(side_.get(*ref).data(), ByteView{entry}.first(total));
    return true;
}

void Shard::replace_section(Record& own, Section which, ByteView bytes) noexcept {
    if (!set_section(own, which, bytes)) {
        set_section(own, which, {});  // nothing rather than something old
    }
}

void Shard::free_side(Record& own) noexcept {
    if (own.side) {
        side_.free(std::exchange(own.side, SideRef{}));
    }
}

// == The rest ==

SpaceShare::Cursor& Shard::cursor_of(Space& space, UnitRange within) noexcept {
    SpaceShare& share = space.share(id_);
    for (SpaceShare::Cursor& cursor : share.cursors) {
        if (cursor.within == within) {
            return cursor;
        }
    }
    SpaceShare::Cursor& cursor = share.cursors[share.next_cursor];
    share.next_cursor = (share.next_cursor + 1) % SpaceShare::kCursors;
    // Each shard has its own part of a lap, so that compare-and-swaps of two of them hardly meet.
    const std::uint64_t offset = std::uint64_t{within.size()} * id_ / store_->shard_count();
    cursor = {within, within.first + static_cast<std::uint32_t>(offset)};
    return cursor;
}

std::uint32_t Shard::cursor(SpaceId space, UnitRange within) noexcept {
    return cursor_of(store_->space(space), within).next;
}

void Shard::set_cursor(SpaceId space, UnitRange within, std::uint32_t next) noexcept {
    if (within.contains(next)) {
        cursor_of(store_->space(space), within).next = next;
    }
}

void Shard::publish_gauges() noexcept {
    counters_.index_entries.set(index_.live_count() + index_.former_count());
    counters_.former_entries.set(index_.former_count());
    counters_.side_bytes.set(side_.used_bytes());
    counters_.armed_timers.set(wheel_.armed_count());
}

}  // namespace xdhcpd::lease
