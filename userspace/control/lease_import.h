// LeaseImport: takes leases of other servers over while this one serves. What it may take is
// decided on the control thread from the newest snapshot, who holds an address on the thread of its
// shard, a few leases at a time. Control thread.
//
// Never ends a lease of another client; of two leases of one client on one link the later end wins.
// A client is known under the name that the engine would give it, so that its next message finds
// the lease.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/addresses.h"
#include "base/time.h"
#include "lease/store.h"
#include "lease_files/entry.h"
#include "model/snapshot.h"
#include "model/space_registry6.h"
#include "worker/worker.h"

namespace xdhcpd::control {

enum class ImportOutcome : std::uint8_t {
    kImported,     // a new lease or quarantine
    kRenewed,      // the client had the address already: it ends later now
    kUnchanged,    // likewise, but it ends as late or later already
    kExpired,      // it has ended
    kOutside,      // no subnet has the address, no pool the prefix
    kClosed,       // in no pool, and not reserved for this client: it could not be renewed
    kReserved,     // for another client
    kHeld,         // by another client
    kQuarantined,  // declined here
    kElsewhere,    // the client (of DHCPv6: its association) has another address of the link for
                   // longer
    kUnnamed,      // nothing says under which name the engine would know the client
    kFull,         // max-leases or side-memory is too small
    kBacklog,      // stable storage is too slow: again later
};
// "imported", "held", ...
[[nodiscard]] std::string_view name(ImportOutcome outcome) noexcept;
// For people: why, and what to do.
[[nodiscard]] std::string_view text(ImportOutcome outcome) noexcept;

// The start of a lease that began before this machine did: its time is not known.
inline constexpr BootSeconds kBeforeBoot{1};

class LeaseImport {
  public:
    static constexpr std::size_t kSliceLen = 64;  // leases in one Worker::call()

    struct Now {
        BootSeconds boot;
        std::int64_t boot_epoch = 0;  // Unix seconds at the start of the boot clock
    };

    // Everything outlives the import.
    LeaseImport(const std::vector<worker::Worker*>& workers, const model::Snapshot& snapshot,
                const model::SpaceRegistry6& registry, Now now)
        : workers_{workers},
          snapshot_{snapshot},
          registry_{registry},
          store_{registry.store()},
          now_{now} {}

    // Addresses and prefixes of the entries that lie in a pool and have no unit, since it is larger
    // than its space, with the subnets of those pools: for SpaceRegistry6::listed_unit(). Without
    // one they are kClosed.
    struct Unlisted {
        Ipv6Prefix subnet;
        model::What6 what;
    };
    [[nodiscard]] std::vector<Unlisted> unlisted(std::span<const lease_files::Entry> entries) const;

    // What became of each entry; a dry run changes nothing and says what would have become of it,
    // were it alone.
    [[nodiscard]] std::vector<ImportOutcome> run(std::span<const lease_files::Entry> entries,
                                                 bool is_dry_run) const;

  private:
    struct Item;

    // What of the entries is reserved for anybody, sorted.
    struct Reserved {
        std::vector<Ipv4> addresses;
        std::vector<model::What6> wanted_units;
    };
    [[nodiscard]] Reserved reserved_among(std::span<const lease_files::Entry> entries) const;
    // The outcome if it is known already.
    [[nodiscard]] std::optional<ImportOutcome> prepare(const lease_files::Entry& entry,
                                                       const Reserved& reserved, Item& item) const;
    [[nodiscard]] std::optional<ImportOutcome> prepare4(const lease_files::Entry& entry,
                                                        const Reserved& reserved, Item& item) const;
    [[nodiscard]] std::optional<ImportOutcome> prepare6(const lease_files::Entry& entry,
                                                        const Reserved& reserved, Item& item) const;
    [[nodiscard]] const model::Subnet6* find_pool(const model::What6& what) const;
    // What both have in common: times, hostname, the way of the client.
    void fill_lease(const lease_files::Entry& entry, Item& item) const;
    [[nodiscard]] bool has_ended(const lease_files::Entry& entry) const noexcept;
    [[nodiscard]] std::size_t worker_for(const Item& item) const;
    void apply(worker::Worker& worker, std::span<Item*> items, bool is_dry_run) const;

    const std::vector<worker::Worker*>& workers_;
    const model::Snapshot& snapshot_;
    const model::SpaceRegistry6& registry_;
    const lease::Store& store_;
    Now now_;
};

}  // namespace xdhcpd::control
