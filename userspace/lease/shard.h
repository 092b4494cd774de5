// Shard: the clients and leases of one worker. Called by that worker's thread only: no locks, and
// no allocation after construction but by restore(). Several shards may let units of the same
// space. Records facts and makes no policy: whether a client may have a unit, and for how long, is
// decided in engine/.
//
// Invariants: a record is touched only while this shard holds the unit's taken bit, and clearing
// that bit is the last access. A unit that a shard holds is kOffered or kLeased (with a tenant,
// found by the index) or kDeclined (without). Former tenants are known only to the index of the
// shard that served them last, until their unit is let again or room for live ones is needed.
//
// References and views that a shard returns are valid until the next call that changes it.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/counters.h"
#include "base/result.h"
#include "base/time.h"
#include "lease/client_limit.h"
#include "lease/record.h"
#include "lease/side_store.h"
#include "lease/store.h"
#include "lease/tenant.h"
#include "lease/tenant_index.h"
#include "lease/timer_wheel.h"
#include "lease/unit.h"

namespace xdhcpd::lease {

struct ShardOptions {
    // Units held for tenants at a time, and bytes for long identities, hostnames and relay
    // information. restore() may go beyond both; then there is nothing new before enough has ended.
    std::uint32_t capacity = 0;  // >= 1
    std::size_t side_memory = 0;
    // Units held for tenants by all shards together; null: no limit but the capacity. Outlives the
    // shard, which gives no place back at its end.
    ClientLimit* limit = nullptr;
    std::uint16_t id = 0;  // < shard_count of the store; one shard per id
    BootSeconds now{};     // about now, so that the timers need not count from boot
};

enum class TakeError : std::uint8_t {
    kTaken,       // somebody holds the unit
    kNotAllowed,  // policy closed it
    kNoneFree,    // nothing free in the range; for reclaim, nothing to return to
    kFull,        // no room for the tenant: capacity, limit, side memory, or an identity above
                  // kMaxIdentityLen
};

// Where an offer came from, as places in a small table: who shares a place shares its limit. An
// offer counts at both places, or once if they are the same.
struct OfferSource {
    static constexpr std::size_t kCount = 4096;

    std::uint16_t ingress = 0;  // interface, VLAN and link of the client; below kCount
    std::uint16_t relay = 0;    // relay and its port; that of the ingress without a relay
};

// A unit as it was read back from disk.
struct Restored {
    LeaseState state = LeaseState::kLeased;  // kLeased, kDeclined, kReleased or kExpired
    std::uint8_t flags = 0;                  // the engine's
    std::uint32_t version = 0;               // the next change has a higher one
    BootSeconds expiry{};                    // of a lease or quarantine
    BootSeconds horizon{};                   // of a lease: the end that is on disk
    BootSeconds started{};
};

// A lease that another server granted; see Shard::import_lease().
struct Imported {
    BootSeconds expiry{};  // also its horizon
    BootSeconds started{};
    std::uint8_t flags = 0;        // the engine's
    ByteView hostname{};           // empty: what the unit has stays
    ByteView relay_information{};  // likewise
};

enum class ImportError : std::uint8_t {
    kTaken,    // somebody else holds the unit
    kFull,     // no room for the tenant, as in TakeError
    kBacklog,  // the sink takes nothing now: later
};

class Shard;

// Who writes down what ends. Called on the shard's thread, which holds the unit and must not be
// called back.
class ChangeSink {
  public:
    ChangeSink() = default;
    ChangeSink(const ChangeSink&) = delete;
    ChangeSink& operator=(const ChangeSink&) = delete;

    // A unit that was leased or in quarantine is about to become kReleased, with its tenant as the
    // former one, or kNone; or any unit has just become kDeclined. `version` is that of the new
    // state; everything else is still in the record.
    virtual void on_end(const Shard& shard, Unit unit, LeaseState next,
                        std::uint32_t version) noexcept = 0;
    // Whether there is room for the record of an import, which must not be lost.
    [[nodiscard]] virtual bool has_room() const noexcept = 0;
    // Only after has_room(): `unit` has just become or stayed kLeased by an import, and everything
    // is in the record.
    virtual void on_import(const Shard& shard, Unit unit) noexcept = 0;

  protected:
    ~ChangeSink() = default;
};

struct Grant {
    BootSeconds now{};
    BootSeconds expiry{};
    std::uint32_t xid = 0;
};

// Written by the shard, read by anybody.
struct ShardCounters {
    Counter index_entries;    // gauge: live and former
    Counter former_entries;   // gauge
    Counter side_bytes;       // gauge
    Counter side_failures;    // entries that found no room: hostname or relay information not kept,
                              // long identity refused
    Counter armed_timers;     // gauge
    Counter highest_version;  // gauge: that a unit was ever granted under
};

class Shard {
  public:
    static constexpr std::uint32_t kWalkEnd = 0xffffffff;

    Shard(Store& store, const ShardOptions& options);
    Shard(const Shard&) = delete;
    Shard& operator=(const Shard&) = delete;

    [[nodiscard]] std::uint16_t id() const noexcept { return id_; }
    [[nodiscard]] Store& store() const noexcept { return *store_; }
    // As made; any thread.
    [[nodiscard]] std::uint32_t capacity() const noexcept { return index_.capacity(); }
    [[nodiscard]] std::size_t side_capacity() const noexcept { return side_.capacity_bytes(); }

    // == Looking up ==

    // Two steps for a batch, so that the memory latencies of its messages overlap: first prefetch()
    // for each message, then prefetch_record() for each, then find().
    void prefetch(const Tenant& tenant) const noexcept {
        index_.prefetch(TenantIndex::tag_of(tenant.hash));
    }
    void prefetch_record(const Tenant& tenant) const noexcept;

    // The unit this tenant holds (kOffered or kLeased) in one of `spaces`; leases win over offers,
    // then earlier spaces.
    [[nodiscard]] std::optional<Unit> find(const Tenant& tenant,
                                           std::span<const SpaceId> spaces) const noexcept {
        const Unit found = find_held(tenant, spaces);
        return found == kNoUnit ? std::nullopt : std::optional{found};
    }
    // The same with kNoUnit for none, which fits a register: it is asked for every message.
    [[nodiscard]] Unit find_held(const Tenant& tenant,
                                 std::span<const SpaceId> spaces) const noexcept;
    // Calls visit(Unit) for each unit this tenant holds, in any space, until it returns true.
    template <typename Visit>
    void visit_units(const Tenant& tenant, Visit&& visit) const {
        index_.visit(TenantIndex::tag_of(tenant.hash), [&](TenantIndex::Entry entry) {
            return !entry.former && is_tenant(entry.unit, tenant) && visit(entry.unit);
        });
    }
    // Units that may still be taken for tenants, by all shards that share a limit; about right
    // while others take and give back.
    [[nodiscard]] std::uint64_t free_places() const noexcept;
    // Whether this shard holds the unit; any unit of an existing space.
    [[nodiscard]] bool holds(Unit unit) const noexcept;

    // == Taking: the unit is then held in state kOffered until `until`; on error nothing changed ==

    // A unit this tenant had before (granted, then released or expired) and that nobody else has
    // had since, in one of `spaces`; earlier spaces win. Only units that are allowed.
    Result<Unit, TakeError> reclaim(const Tenant& tenant, std::span<const SpaceId> spaces,
                                    BootSeconds until) noexcept;
    // This very unit.
    Result<Unit, TakeError> take(const Tenant& tenant, Unit unit, BootSeconds until) noexcept;
    // Likewise, though it is not allowed: reservations and leases read back from disk.
    Result<Unit, TakeError> take_reserved(const Tenant& tenant, Unit unit,
                                          BootSeconds until) noexcept;
    // The next free unit of the range. Next fit: the cursor of the range goes round, so that units
    // never used come first and a freed one is used again as late as a lap allows. Shards start at
    // different places.
    Result<Unit, TakeError> take_next(const Tenant& tenant, SpaceId space, UnitRange within,
                                      BootSeconds until) noexcept;

    // == Held units: `unit` is one that this shard holds ==

    // Extends (or shortens) an offer; `unit` is kOffered.
    void offer(Unit unit, BootSeconds until) noexcept;
    // Counts the offer at its source until it is no offer any more; `unit` is kOffered and has no
    // source yet.
    void set_offer_source(Unit unit, OfferSource source) noexcept;
    // Units in state kOffered that count at this place, which is below OfferSource::kCount. One of
    // several shards takes its own for a sample of all, since clients spread evenly over them: each
    // counts as often as there are shards.
    [[nodiscard]] std::uint32_t open_offers(std::uint16_t place) const noexcept {
        return open_offers_[place];
    }
    // kOffered or kLeased becomes kLeased, first time or renewal; one cache line. An expiry of
    // never stays until release.
    void grant(Unit unit, const Grant& grant) noexcept;
    // What the engine keeps in the record. Bits of `flags` outside kEngineFlags are ignored.
    void set_horizon(Unit unit, BootSeconds horizon) noexcept;
    void set_flags(Unit unit, std::uint8_t flags) noexcept;

    // The tenant gives the lease back and becomes a former one. Returns the version of the released
    // state, for the journal: the record is no longer ours to read.
    std::uint32_t release(Unit unit) noexcept;
    // An offer that was not chosen (`unit` is kOffered): the client leaves no trace, unless it had
    // the unit before.
    void withdraw(Unit unit) noexcept;
    // Somebody else uses the address (DHCPDECLINE, or found by a probe): no tenant, not let before
    // `until`.
    void quarantine(Unit unit, BootSeconds until) noexcept;
    // Likewise for a unit that nobody holds; false if somebody does.
    [[nodiscard]] bool quarantine_free(Unit unit, BootSeconds until) noexcept;
    // The operator deletes the lease: free, no former tenant. Returns the version, like release().
    std::uint32_t erase(Unit unit) noexcept;
    // The unit goes on under another identity: a reserved machine that changed its client id.
    // False, and nothing has changed, if there is no room for a long identity.
    [[nodiscard]] bool replace_identity(Unit unit, const Tenant& tenant) noexcept;

    // Inline: the engine reads this for every message.
    [[nodiscard]] const Record& record(Unit unit) const noexcept {
        return store_->space_of(unit).record(unit);
    }
    // Empty for a quarantined unit.
    [[nodiscard]] ByteView identity(Unit unit) const noexcept;
    // Empty when there is none. The setters keep nothing when side memory is full, and count that.
    // An empty value removes.
    [[nodiscard]] ByteView hostname(Unit unit) const noexcept;
    [[nodiscard]] ByteView relay_information(Unit unit) const noexcept;
    void set_hostname(Unit unit, ByteView hostname) noexcept;
    void set_relay_information(Unit unit, ByteView information) noexcept;

    // == Stable storage ==

    // What ends is told to `sink` from now on; null for nobody. Grants are not: the engine knows
    // which of them must be written. Nor is what expires: the time on disk says it.
    void set_change_sink(ChangeSink* sink) noexcept { sink_ = sink; }
    // Before anybody is served from the unit's space: the unit becomes what it was. A lease or
    // quarantine is held from now on; otherwise `tenant` (no identity: none) becomes the unit's
    // former tenant, and the version is kept. False, and nothing has changed, if somebody holds the
    // unit. Finds room for every lease: an acknowledged client must be known, even where the limits
    // are lower than before, or leases last longer on disk than they did in memory. A sink is told
    // of quarantines only, which does no harm.
    [[nodiscard]] bool restore(const Tenant& tenant, Unit unit, const Restored& state);

    // While the shard serves: the tenant has this lease from now on, whether the unit is free or
    // its own already. Policy is not asked (as for reservations). The sink is told.
    [[nodiscard]] Result<Success, ImportError> import_lease(const Tenant& tenant, Unit unit,
                                                            const Imported& lease) noexcept;
    // Likewise for a unit that somebody else uses; kTaken also if the tenant of a lease holds it.
    [[nodiscard]] Result<Success, ImportError> import_quarantine(Unit unit,
                                                                 BootSeconds until) noexcept;

    // == Time ==

    // Ends what has its expiry at `now` or before (what got such an expiry only after `now` was
    // reached ends one second later): offers are withdrawn, leases become kExpired
    // with a former tenant, quarantined units are free again. Calls sink(Unit, LeaseState before)
    // for each while record, identity and hostname are still as they were; sink must not change the
    // shard. Looks at no more than `budget` units and returns how many; if that is all of `budget`,
    // there may be more.
    template <typename Sink>
    std::size_t expire(BootSeconds now, std::size_t budget, Sink&& sink) {
        const std::size_t done = wheel_.advance(now, budget, [&](Unit unit) {
            const BootSeconds expiry = record(unit).expiry;
            if (expiry <= now && !expiry.is_never()) {
                sink(unit, record(unit).state);
                end(unit);
            } else if (!expiry.is_never()) {  // renewed meanwhile
                wheel_.arm(unit, expiry);
            }
        });
        counters_.armed_timers.set(wheel_.armed_count());
        return done;
    }

    // == Looking at all of it ==

    // Calls visit(Unit, const Record&) for at most `max` units that this shard holds in a space, in
    // order, beginning at index `from`. Returns the index to go on at, or kWalkEnd. Skips at most
    // about 64 Ki empty units per call, so that every slice is short. visit must not change the
    // shard.
    template <typename Visit>
    std::uint32_t walk(SpaceId space_id, std::uint32_t from, std::size_t max, Visit&& visit) const {
        const Space& space = store_->space(space_id);
        const SpaceShare& share = space.share(id_);
        const std::uint32_t slice_end =
            std::min(space.unit_count(), std::min(from, space.unit_count()) + kWalkUnits);
        std::uint32_t index = from;
        while (index < slice_end) {
            const std::uint64_t held = share.held[index / 64] >> (index % 64);
            if (held == 0) {
                index = (index / 64 + 1) * 64;
                continue;
            }
            index += static_cast<std::uint32_t>(std::countr_zero(held));
            if (max-- == 0) {
                return index;
            }
            visit(space.unit_at(index), space.record(space.unit_at(index)));
            ++index;
        }
        return index < space.unit_count() ? index : kWalkEnd;
    }

    [[nodiscard]] const ShardCounters& counters() const noexcept { return counters_; }
    // Where take_next() goes on in that range, for the snapshot; and back. `next` outside the range
    // is ignored.
    [[nodiscard]] std::uint32_t cursor(SpaceId space, UnitRange within) noexcept;
    void set_cursor(SpaceId space, UnitRange within, std::uint32_t next) noexcept;

    // Looks at everything this shard holds and says what is wrong, empty if nothing. Slow; for
    // tests, with no other thread changing the spaces.
    [[nodiscard]] std::string check_invariants() const;

  private:
    // Parts of a side entry, in this order after their lengths.
    enum class Section : std::uint8_t { kIdentity, kHostname, kRelayInformation, kCount };
    static constexpr std::size_t kSections = static_cast<std::size_t>(Section::kCount);
    static constexpr std::uint32_t kWalkUnits = 65536;
    [[nodiscard]] static constexpr std::size_t side_len(std::size_t sections_len) noexcept {
        return kSections * sizeof(std::uint16_t) + sections_len;
    }
    // A unit that reclaim() may try; ordered by the rank of its space.
    struct Candidate {
        std::size_t rank;
        Unit unit;
        [[nodiscard]] bool operator<(const Candidate& other) const noexcept {
            return rank != other.rank ? rank < other.rank : unit.value < other.unit.value;
        }
    };

    [[nodiscard]] bool is_tenant(Unit unit, const Tenant& tenant) const noexcept;
    [[nodiscard, gnu::always_inline]] inline bool is_tenant_of(const Record& held,
                                                               const Tenant& tenant) const noexcept;
    // Whether there may be one more live entry of this tenant, apart from side memory. Its place is
    // taken by bind().
    [[nodiscard]] bool has_room(const Tenant& tenant) const noexcept;
    // The unit as this shard's own, for a call that requires it.
    [[nodiscard]] Record& own_record(const Space& space, Unit unit) const noexcept;

    // The first former entry of that tag in one of `spaces` and behind `after`.
    [[nodiscard]] std::optional<Candidate> next_candidate(
        std::uint32_t tag, std::span<const SpaceId> spaces,
        std::optional<Candidate> after) const noexcept;

    enum class TakeMode : std::uint8_t { kAllowed, kReserved };
    Result<Unit, TakeError> take_unit(const Tenant& tenant, Unit unit, BootSeconds until,
                                      TakeMode mode) noexcept;
    enum class Room : std::uint8_t { kWithinLimit, kBeyondLimit };
    // Turns a unit whose taken bit was just set into an offer. On failure (no place, side memory)
    // the bit is cleared again.
    Result<Unit, TakeError> bind(Space& space, Unit unit, const Tenant& tenant, BootSeconds until,
                                 Room room = Room::kWithinLimit) noexcept;
    // A place of the limit, for one more live entry; out of the way of a shard without one.
    [[nodiscard, gnu::noinline]] bool take_place(Room room) noexcept;
    // The tenant of a live entry is none any more.
    void give_place_back() noexcept {
        if (limit_ != nullptr) [[unlikely]] {
            limit_->give_back(id_);
        }
    }
    // Room for the tenant whatever the limits; false if no memory could hold that.
    [[nodiscard]] bool make_room(const Tenant& tenant);
    // Forgets the former tenant of a unit just taken.
    void drop_former(Unit unit, const Record& record) noexcept;
    void hold(Space& space, Unit unit, HeldCount as) noexcept;
    void set_expiry(Unit unit, Record& record, BootSeconds expiry) noexcept;
    // Gives the unit back; `next` is kNone, kReleased or kExpired. Returns the record's version.
    std::uint32_t let_go(Unit unit, LeaseState next) noexcept;
    // Tells the sink of a unit that is leased or in quarantine, and ends so for other reasons than
    // time.
    void tell_end(Unit unit, LeaseState next) noexcept;
    // Ends what has expired.
    void end(Unit unit) noexcept;
    // The unit stops being kOffered.
    void leave_offer(Record& own) noexcept;
    void make_declined(Space& space, Unit unit, Record& record, BootSeconds until) noexcept;

    [[nodiscard]] ByteView section(const Record& record, Section which) const noexcept;
    // False if it found no room; then nothing has changed.
    bool set_section(Record& record, Section which, ByteView bytes) noexcept;
    // Likewise, but then the section is empty.
    void replace_section(Record& record, Section which, ByteView bytes) noexcept;
    void free_side(Record& record) noexcept;
    [[nodiscard]] SpaceShare::Cursor& cursor_of(Space& space, UnitRange within) noexcept;
    void publish_gauges() noexcept;

    Store* store_;
    std::uint16_t id_;
    std::uint32_t capacity_;
    TenantIndex index_;
    SideStore side_;
    TimerWheel wheel_;
    ShardCounters counters_;
    std::vector<std::uint32_t> open_offers_;  // by place of an OfferSource
    std::uint32_t offer_weight_;
    ChangeSink* sink_ = nullptr;  // borrowed
    ClientLimit* limit_;          // borrowed; null for one shard alone
};

}  // namespace xdhcpd::lease
