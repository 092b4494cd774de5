#include "control/lease_import.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <thread>
#include <utility>

#include "engine/decide.h"
#include "engine/known_client.h"
#include "engine/shard_choice.h"
#include "engine/v6/known_client.h"
#include "lease/shard.h"

namespace xdhcpd::control {
namespace {

using lease::ImportError;
using lease::LeaseState;
using lease_files::Dhcp6Lease;
using lease_files::Entry;
using lease_files::EntryState;

// How long a request waits for stable storage; a batch of records is written in milliseconds.
constexpr std::chrono::milliseconds kBacklogTime{500};
constexpr std::chrono::milliseconds kBacklogStep{1};
// Units of one client on one link, at most; more than one only after a reload has joined links.
constexpr std::size_t kMaxUnitsPerTenant = 8;

struct Words {
    std::string_view name;
    std::string_view text;
};
constexpr std::array<Words, 13> kWords{{
    {"imported", "the lease is new"},
    {"renewed", "the client had the address already; it has it for longer now"},
    {"unchanged", "the client has the address already, as long or longer"},
    {"expired", "the lease has ended"},
    {"outside", "no subnet of the configuration contains the address, no pool the prefix"},
    {"closed",
     "the address is in no pool and not reserved for this client, so that it could not renew the "
     "lease"},
    {"reserved", "the address is reserved for another client"},
    {"held", "another client holds the address"},
    {"quarantined", "the address is declined here, since somebody else uses it"},
    {"elsewhere", "the client has another address of this link, and for longer"},
    {"unnamed",
     "the subnet tells its clients apart by something that the lease does not say: a client "
     "identifier or hardware address, a VLAN, or a relay and circuit"},
    {"full", "there is no room for more leases: max-leases or side-memory is too small"},
    {"backlog", "stable storage is too slow; import the file again, what is there already stays"},
}};
static_assert(kWords.size() == static_cast<std::size_t>(ImportOutcome::kBacklog) + 1);

[[nodiscard]] model::What6 what_of(const Dhcp6Lease& lease) noexcept {
    return {lease.is_prefix ? lease::SpaceKind::kIpv6Prefix : lease::SpaceKind::kIpv6Address,
            lease.what};
}

[[nodiscard]] bool has_unit(const std::vector<model::ReservedUnit>& units, lease::Unit unit) {
    return std::any_of(units.begin(), units.end(),
                       [unit](const model::ReservedUnit& each) { return each.unit == unit; });
}

// Unix seconds as boot seconds; what is out of range is never.
[[nodiscard]] BootSeconds to_boot(std::int64_t time, std::int64_t boot_epoch) noexcept {
    const std::int64_t value = time - boot_epoch;
    return value >= std::int64_t{BootSeconds::kNeverValue}
               ? BootSeconds::never()
               : BootSeconds{static_cast<std::uint32_t>(std::max<std::int64_t>(value, 0))};
}

}  // namespace

std::string_view name(ImportOutcome outcome) noexcept {
    return kWords[static_cast<std::size_t>(outcome)].name;
}

std::string_view text(ImportOutcome outcome) noexcept {
    return kWords[static_cast<std::size_t>(outcome)].text;
}

// An entry on its way to a shard.
struct LeaseImport::Item {
    lease::Unit unit;
    bool is_declined = false;
    engine::ClientKey key;           // tenant.identity lies in it
    engine::v6::KnownClient known6;  // or in this
    lease::Tenant tenant;
    lease::Imported lease;
    std::span<const lease::SpaceId> link;  // spaces of its link
    ImportOutcome outcome = ImportOutcome::kBacklog;

    // On the shard's thread.
    [[nodiscard]] ImportOutcome apply(lease::Shard& shard, bool is_dry_run) const noexcept;

  private:
    [[nodiscard]] ImportOutcome apply_quarantine(lease::Shard& shard,
                                                 bool is_dry_run) const noexcept;
    // The client has a lease of another unit of the link that ends as late.
    [[nodiscard]] bool is_elsewhere(const lease::Shard& shard) const noexcept;
    void give_up_others(lease::Shard& shard) const noexcept;
    template <typename Visit>
    void visit_others(const lease::Shard& shard, const Visit& visit) const {
        shard.visit_units(tenant, [&](lease::Unit other) {
            const lease::SpaceId space = shard.store().space_of(other).id();
            if (other != unit && std::find(link.begin(), link.end(), space) != link.end()) {
                visit(other);
            }
            return false;
        });
    }
};

ImportOutcome LeaseImport::Item::apply(lease::Shard& shard, bool is_dry_run) const noexcept {
    if (is_declined) {
        return apply_quarantine(shard, is_dry_run);
    }
    ImportOutcome success = ImportOutcome::kImported;
    const lease::Space& space = shard.store().space_of(unit);
    if (shard.holds(unit)) {
        const lease::Record& record = shard.record(unit);
        if (record.state == LeaseState::kDeclined) {
            return ImportOutcome::kQuarantined;
        }
        if (!equal_bytes(shard.identity(unit), tenant.identity)) {
            return ImportOutcome::kHeld;
        }
        if (record.state == LeaseState::kLeased) {
            if (record.expiry >= lease.expiry) {
                return ImportOutcome::kUnchanged;
            }
            success = ImportOutcome::kRenewed;
        }
    } else if (space.bitmap().taken(space.index_of(unit))) {
        return ImportOutcome::kHeld;
    }
    if (is_elsewhere(shard)) {
        return ImportOutcome::kElsewhere;
    }
    if (is_dry_run) {
        return success;
    }
    const auto done = shard.import_lease(tenant, unit, lease);
    if (!done) {
        return done.error() == ImportError::kBacklog ? ImportOutcome::kBacklog
               : done.error() == ImportError::kFull  ? ImportOutcome::kFull
                                                     : ImportOutcome::kHeld;
    }
    give_up_others(shard);
    return success;
}

ImportOutcome LeaseImport::Item::apply_quarantine(lease::Shard& shard,
                                                  bool is_dry_run) const noexcept {
    ImportOutcome success = ImportOutcome::kImported;
    const lease::Space& space = shard.store().space_of(unit);
    if (shard.holds(unit) && shard.record(unit).state == LeaseState::kDeclined) {
        if (shard.record(unit).expiry >= lease.expiry) {
            return ImportOutcome::kUnchanged;
        }
        success = ImportOutcome::kRenewed;
    } else if (space.bitmap().taken(space.index_of(unit))) {
        return ImportOutcome::kHeld;
    }
    if (is_dry_run) {
        return success;
    }
    const auto done = shard.import_quarantine(unit, lease.expiry);
    if (!done) {
        return done.error() == ImportError::kBacklog ? ImportOutcome::kBacklog
                                                     : ImportOutcome::kHeld;
    }
    return success;
}

bool LeaseImport::Item::is_elsewhere(const lease::Shard& shard) const noexcept {
    bool found = false;
    visit_others(shard, [&](lease::Unit other) {
        const lease::Record& record = shard.record(other);
        found |= record.state == LeaseState::kLeased && record.expiry >= lease.expiry;
    });
    return found;
}

// One unit per client and link.
void LeaseImport::Item::give_up_others(lease::Shard& shard) const noexcept {
    std::array<lease::Unit, kMaxUnitsPerTenant> others;
    std::size_t count = 0;
    visit_others(shard, [&](lease::Unit other) {
        if (count < others.size()) {
            others[count++] = other;
        }
    });
    for (std::size_t i = 0; i < count; ++i) {
        if (shard.record(others[i]).state == LeaseState::kOffered) {
            shard.withdraw(others[i]);
        } else {
            shard.release(others[i]);
        }
    }
}

std::vector<ImportOutcome> LeaseImport::run(std::span<const Entry> entries, bool is_dry_run) const {
    const Reserved reserved = reserved_among(entries);
    std::vector<Item> items(entries.size());
    std::vector<std::vector<Item*>> by_worker(workers_.size());
    for (std::size_t i = 0; i < entries.size(); ++i) {
        if (const auto outcome = prepare(entries[i], reserved, items[i])) {
            items[i].outcome = *outcome;
        } else {
            by_worker[worker_for(items[i])].push_back(&items[i]);
        }
    }
    for (std::size_t i = 0; i < workers_.size(); ++i) {
        apply(*workers_[i], by_worker[i], is_dry_run);
    }
    std::vector<ImportOutcome> outcomes;
    outcomes.reserve(items.size());
    for (const Item& item : items) {
        outcomes.push_back(item.outcome);
    }
    return outcomes;
}

// The client's key names the shard. A quarantine has no client: whoever has it already, or else the
// shard that a start would give it to.
std::size_t LeaseImport::worker_for(const Item& item) const {
    const auto count = static_cast<std::uint32_t>(workers_.size());
    if (!item.is_declined) {
        return engine::shard_of(item.tenant.identity, snapshot_.hash_key, count);
    }
    const lease::Space& space = store_.space_of(item.unit);
    const std::uint32_t index = space.index_of(item.unit);
    for (std::uint32_t i = 0; count > 1 && space.bitmap().taken(index) && i < count; ++i) {
        bool holds = false;
        workers_[i]->call([&] { holds = workers_[i]->shard().holds(item.unit); });
        if (holds) {
            return i;
        }
    }
    return index % count;
}

// In slices; what finds the sink full waits for it, in order, since a file may say two things about
// one client.
void LeaseImport::apply(worker::Worker& worker, std::span<Item*> items, bool is_dry_run) const {
    const auto deadline = std::chrono::steady_clock::now() + kBacklogTime;
    while (!items.empty()) {
        std::size_t done = 0;
        const std::size_t slice_len = std::min(items.size(), kSliceLen);
        worker.call([&] {
            for (; done < slice_len; ++done) {
                Item& item = *items[done];
                item.outcome = item.apply(worker.shard(), is_dry_run);
                if (item.outcome == ImportOutcome::kBacklog) {
                    break;
                }
            }
        });
        items = items.subspan(done);
        if (done < slice_len) {
            if (std::chrono::steady_clock::now() >= deadline) {
                return;  // the rest stays kBacklog
            }
            std::this_thread::sleep_for(kBacklogStep);
        }
    }
}

bool LeaseImport::has_ended(const Entry& entry) const noexcept {
    const bool is_over = entry.expires && *entry.expires - now_.boot_epoch <= now_.boot.value;
    return entry.state == EntryState::kEnded || is_over;
}

std::optional<ImportOutcome> LeaseImport::prepare(const Entry& entry, const Reserved& reserved,
                                                  Item& item) const {
    if (has_ended(entry)) {
        return ImportOutcome::kExpired;
    }
    item.is_declined = entry.state == EntryState::kDeclined;
    item.lease.expiry =
        entry.expires ? to_boot(*entry.expires, now_.boot_epoch) : BootSeconds::never();
    return entry.dhcp6 ? prepare6(entry, reserved, item) : prepare4(entry, reserved, item);
}

std::optional<ImportOutcome> LeaseImport::prepare4(const Entry& entry, const Reserved& reserved,
                                                   Item& item) const {
    const model::Subnet* const subnet = snapshot_.find_subnet(entry.address);
    if (subnet == nullptr) {
        return ImportOutcome::kOutside;
    }
    const lease::Space& space = store_.space(subnet->space);
    const std::uint32_t index = subnet->index(entry.address);
    const bool is_reserved =
        std::binary_search(reserved.addresses.begin(), reserved.addresses.end(), entry.address);
    item.unit = space.unit_at(index);
    item.link = snapshot_.links[subnet->link].spaces;
    if (item.is_declined) {
        const bool is_ours = space.bitmap().allowed(index) || is_reserved;
        return is_ours ? std::nullopt : std::optional{ImportOutcome::kClosed};
    }
    const engine::ClientDescription client{
        .hw_type = entry.hw_type,
        .hw_address = entry.hw_address,
        .client_id = entry.client_id,
        .relay_information = entry.relay_information,
        .relay = entry.relay,
        .vlan = entry.vlan ? std::optional{model::VlanIds{entry.vlan->outer, entry.vlan->inner}}
                           : std::nullopt};
    const auto known = engine::know_client(client, snapshot_, *subnet);
    if (!known) {
        return ImportOutcome::kUnnamed;
    }
    const bool is_own =
        known->reservation != nullptr && known->reservation->address == entry.address;
    if (is_reserved && !is_own) {
        return ImportOutcome::kReserved;
    }
    if (!is_own && !space.bitmap().allowed(index)) {
        return ImportOutcome::kClosed;
    }
    item.key = known->key;
    item.tenant.identity = item.key.view();
    item.tenant.hash = item.key.hash;
    item.tenant.hw_type = entry.hw_type;
    item.tenant.hw_len = static_cast<std::uint8_t>(std::min(entry.hw_address.size(), Mac::kLen));
    copy_bytes(item.tenant.hw.octets.data(), ByteView{entry.hw_address}.first(item.tenant.hw_len));
    fill_lease(entry, item);
    return std::nullopt;
}

std::optional<ImportOutcome> LeaseImport::prepare6(const Entry& entry, const Reserved& reserved,
                                                   Item& item) const {
    const model::What6 what = what_of(*entry.dhcp6);
    const auto unit = registry_.find_unit(what.kind, what.prefix);
    const model::SpaceOwner* const owner =
        unit ? snapshot_.ipv6.find_owner(store_.space_of(*unit).id()) : nullptr;
    if (owner == nullptr) {
        const bool is_inside =
            !entry.dhcp6->is_prefix && snapshot_.ipv6.find_subnet(what.prefix.address) != nullptr;
        return is_inside || find_pool(what) != nullptr ? ImportOutcome::kClosed
                                                       : ImportOutcome::kOutside;
    }
    const model::Subnet6& subnet = snapshot_.ipv6.subnets[owner->subnet];
    const model::Link6& link = snapshot_.ipv6.links[subnet.link];
    const lease::Space& space = store_.space_of(*unit);
    const bool is_allowed = space.bitmap().allowed(space.index_of(*unit));
    const bool is_reserved =
        std::binary_search(reserved.wanted_units.begin(), reserved.wanted_units.end(), what);
    item.unit = *unit;
    item.link = entry.dhcp6->is_prefix ? link.prefix_spaces : link.address_spaces;
    if (item.is_declined) {
        return is_allowed || is_reserved ? std::nullopt : std::optional{ImportOutcome::kClosed};
    }
    const Dhcp6Lease& lease = *entry.dhcp6;
    const engine::v6::ClientDescription client{
        .association =
            lease.is_prefix ? engine::v6::Association::kPrefix : engine::v6::Association::kAddress,
        .iaid = lease.iaid,
        .duid = lease.duid,
        .hw_type = entry.hw_type,
        .hw_address = entry.hw_address,
        .relay_id = lease.relay_id,
        .remote_id = lease.remote_id,
        .subscriber_id = lease.subscriber_id};
    const auto known = engine::v6::know_client(client, snapshot_, subnet);
    if (!known) {
        return ImportOutcome::kUnnamed;
    }
    const bool is_own =
        known->reservation() != nullptr &&
        has_unit(lease.is_prefix ? known->reservation()->prefixes : known->reservation()->addresses,
                 *unit);
    if (is_reserved && !is_own) {
        return ImportOutcome::kReserved;
    }
    if (!is_own && !is_allowed) {
        return ImportOutcome::kClosed;
    }
    item.known6 = *known;
    item.tenant = item.known6.tenant(snapshot_.hash_key);
    fill_lease(entry, item);
    return std::nullopt;
}

void LeaseImport::fill_lease(const Entry& entry, Item& item) const {
    if (!item.lease.expiry.is_never()) {
        item.lease.expiry = add_seconds(item.lease.expiry, engine::kLeaseSlack);
    }
    const BootSeconds started =
        entry.started ? to_boot(*entry.started, now_.boot_epoch) : now_.boot;
    item.lease.started = std::clamp(started, kBeforeBoot, std::max(now_.boot, kBeforeBoot));
    item.lease.flags = engine::kFlagUnstored;
    item.lease.hostname = entry.hostname;
    item.lease.relay_information = entry.relay_information;
}

// The subnet with the pool that covers it, or null.
const model::Subnet6* LeaseImport::find_pool(const model::What6& what) const {
    const auto range = registry_.find_range(what.kind, what.prefix);
    const model::SpaceOwner* const owner = range ? snapshot_.ipv6.find_owner(*range) : nullptr;
    return owner != nullptr ? &snapshot_.ipv6.subnets[owner->subnet] : nullptr;
}

std::vector<LeaseImport::Unlisted> LeaseImport::unlisted(std::span<const Entry> entries) const {
    std::vector<Unlisted> result;
    for (const Entry& entry : entries) {
        if (!entry.dhcp6 || has_ended(entry)) {
            continue;
        }
        const model::What6 what = what_of(*entry.dhcp6);
        if (registry_.find_unit(what.kind, what.prefix)) {
            continue;
        }
        if (const model::Subnet6* const subnet = find_pool(what)) {
            result.push_back({subnet->prefix, what});
        }
    }
    return result;
}

LeaseImport::Reserved LeaseImport::reserved_among(std::span<const Entry> entries) const {
    Reserved asked;
    for (const Entry& entry : entries) {
        if (entry.dhcp6) {
            asked.wanted_units.push_back(what_of(*entry.dhcp6));
        } else {
            asked.addresses.push_back(entry.address);
        }
    }
    std::sort(asked.addresses.begin(), asked.addresses.end());
    std::sort(asked.wanted_units.begin(), asked.wanted_units.end());
    Reserved reserved;
    for (const model::Reservation& reservation : snapshot_.reservations) {
        if (reservation.address &&
            std::binary_search(asked.addresses.begin(), asked.addresses.end(),
                               *reservation.address)) {
            reserved.addresses.push_back(*reservation.address);
        }
    }
    const auto add = [&](lease::SpaceKind kind, const std::vector<model::ReservedUnit>& units) {
        for (const model::ReservedUnit& unit : units) {
            const model::What6 what{kind, unit.prefix};
            if (std::binary_search(asked.wanted_units.begin(), asked.wanted_units.end(), what)) {
                reserved.wanted_units.push_back(what);
            }
        }
    };
    for (const model::Reservation6& reservation : snapshot_.ipv6.reservations) {
        add(lease::SpaceKind::kIpv6Address, reservation.addresses);
        add(lease::SpaceKind::kIpv6Prefix, reservation.prefixes);
    }
    std::sort(reserved.addresses.begin(), reserved.addresses.end());
    std::sort(reserved.wanted_units.begin(), reserved.wanted_units.end());
    return reserved;
}

}  // namespace xdhcpd::control
