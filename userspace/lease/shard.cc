#include "lease/shard.h"

#include <algorithm>
#include <array>
#include <utility>

namespace xdhcpd::lease {

namespace {
// Of a long identity, a record keeps the tenant's hash and the first bytes.
constexpr std::size_t kHashLen = sizeof(std::uint64_t);
constexpr std::size_t kPrefixLen = Record::kInlineIdentityLen - kHashLen;
static_assert(kPrefixLen < Record::kInlineIdentityLen);
// A side entry begins with the lengths of its sections.
constexpr std::size_t kSectionLenLen = sizeof(std::uint16_t);
// How an OfferSource is packed.
constexpr std::uint32_t kPlaceBits = 12;
constexpr std::uint32_t kHasSource = 1u << 31;
static_assert(OfferSource::kCount == 1u << kPlaceBits);

bool is_long(const Tenant& tenant) noexcept {
    return tenant.identity.size() > Record::kInlineIdentityLen;
}

// What `Record::identity` holds for this tenant.
std::array<std::byte, Record::kInlineIdentityLen> inline_identity(const Tenant& tenant) noexcept {
    std::array<std::byte, Record::kInlineIdentityLen> bytes{};
    if (is_long(tenant)) {
        std::memcpy(bytes.data(), &tenant.hash, kHashLen);
        copy_bytes(bytes.data() + kHashLen, tenant.identity.first(kPrefixLen));
    } else {
        copy_bytes(bytes.data(), tenant.identity);
    }
    return bytes;
}

std::uint8_t identity_len_of(const Tenant& tenant) noexcept {
    return is_long(tenant) ? Record::kLongIdentity
                           : static_cast<std::uint8_t>(tenant.identity.size());
}

// Compares `len` <= 24 bytes, without a call: this is on the way of every message.
[[gnu::always_inline]] inline bool equal_short(const std::byte* a, const std::byte* b,
                                               std::size_t len) noexcept {
    const auto load = load_raw<std::uint64_t>;
    if (len < sizeof(std::uint64_t)) [[unlikely]] {
        for (std::size_t i = 0; i < len; ++i) {
            if (a[i] != b[i]) {
                return false;
            }
        }
        return true;
    }
    // The first, the middle and the last eight bytes; they overlap unless there are 24.
    std::uint64_t difference = load(a) ^ load(b);
    difference |= load(a + len - 8) ^ load(b + len - 8);
    if (len > 16) {
        difference |= load(a + 8) ^ load(b + 8);
    }
    return difference == 0;
}

// Certain for a short identity; for a long one as certain as 64 keyed hash bits and 16 bytes of it.
[[gnu::always_inline]] inline bool matches_inline(const Record& record,
                                                  const Tenant& tenant) noexcept {
    if (is_long(tenant)) [[unlikely]] {
        return record.identity_len == Record::kLongIdentity &&
               std::memcmp(record.identity.data(), &tenant.hash, kHashLen) == 0 &&
               std::memcmp(record.identity.data() + kHashLen, tenant.identity.data(), kPrefixLen) ==
                   0;
    }
    return record.identity_len == tenant.identity.size() &&
           equal_short(record.identity.data(), tenant.identity.data(), tenant.identity.size());
}

void write_tenant(Record& record, const Tenant& tenant) noexcept {
    record.tag = TenantIndex::tag_of(tenant.hash);
    record.identity_len = identity_len_of(tenant);
    record.identity = inline_identity(tenant);
    record.mac = tenant.hw;
    record.hw_len = tenant.hw_len;
    record.hw_type = tenant.hw_type;
}

// Everything but the version, and the side entry, which must be free already.
void clear(Record& record, const Space& space, std::uint8_t shard) noexcept {
    Record cleared;
    cleared.version = std::max(record.version, space.name().version_floor);
    cleared.shard = shard;
    record = cleared;
}

HeldCount count_of(LeaseState state) noexcept {
    switch (state) {
        case LeaseState::kOffered:
            return HeldCount::kOffered;
        case LeaseState::kLeased:
            return HeldCount::kLeased;
        default:
            XD_ASSERT(state == LeaseState::kDeclined);
            return HeldCount::kDeclined;
    }
}

void decrement(Counter& gauge) noexcept {
    gauge.set(gauge.value() - 1);
}

// In one shard's view of a space; `index` of a unit.
bool is_held(const SpaceShare& share, std::uint32_t index) noexcept {
    return (share.held[index / 64] >> (index % 64) & 1) != 0;
}
}  // namespace

Shard::Shard(Store& store, const ShardOptions& options)
    : store_{&store},
      id_{options.id},
      index_{options.capacity},
      side_{options.side_memory},
      wheel_{store, options.now},
      open_offers_(OfferSource::kCount),
      offer_weight_{store.shard_count()} {
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
    index_.visit(TenantIndex::tag_of(tenant.hash), [&](TenantIndex::Entry entry) {
        if (entry.former) {
            return false;
        }
        const Space& space = store_->space_of(entry.unit);
        // Only what would be better than what was found.
        for (std::size_t rank = 0; rank < spaces.size(); ++rank) {
            if (spaces[rank] == space.id()) {
                if (is_tenant_of(space.record(entry.unit), tenant)) {
                    found = entry.unit;
                    spaces = spaces.first(rank);
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

// == Taking ==

bool Shard::has_room(const Tenant& tenant) const noexcept {
    XD_ASSERT(!tenant.identity.empty());
    return index_.live_count() < index_.capacity() && tenant.identity.size() <= kMaxIdentityLen;
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
                                    BootSeconds until) noexcept {
    SideRef side;
    if (is_long(tenant)) {
        Record scratch;
        if (!set_section(scratch, Section::kIdentity, tenant.identity)) {
            space.bitmap().release(space.index_of(unit));
            return Unexpected{TakeError::kFull};
        }
        side = scratch.side;
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

// == Stable storage ==

bool Shard::restore(const Tenant& tenant, Unit unit, const Restored& state) noexcept {
    const bool is_held = state.state == LeaseState::kLeased || state.state == LeaseState::kDeclined;
    Space* const space = store_->find_space_of(unit);
    if (space == nullptr || space->index_of(unit) >= space->unit_count() ||
        (state.state == LeaseState::kLeased && !has_room(tenant)) ||
        !space->bitmap().try_take_reserved(space->index_of(unit))) {
        return false;
    }
    Record& own = space->record(unit);
    drop_former(unit, own);
    if (state.state == LeaseState::kLeased && !bind(*space, unit, tenant, state.expiry)) {
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
