// Looks at the leases of running workers: on their threads, in slices so short that packets do not
// wait. Control thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/addresses.h"
#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "control/server_state.h"
#include "lease/record.h"
#include "lease/shard.h"
#include "lease/unit.h"
#include "model/space_registry6.h"
#include "worker/worker.h"

namespace xdhcpd::control {

// A held unit, copied.
struct HeldLease {
    std::uint32_t index = 0;            // within its space
    std::optional<model::What6> what6;  // of DHCPv6: which address or prefix it is
    lease::LeaseState state = lease::LeaseState::kNone;
    BootSeconds expiry;   // of a lease: as its client knows it
    BootSeconds started;  // of a lease: last grant
    std::uint32_t last_xid = 0;
    Mac mac;
    std::uint8_t hw_len = 0;
    std::uint8_t hw_type = 0;
    std::vector<std::byte> identity;  // with its kind in front; empty for a declined address
    std::vector<std::byte> hostname;
    std::vector<std::byte> relay_information;

    // "02:00:5e:00:53:01"; empty without one.
    [[nodiscard]] std::string hw_address() const;
    // "192.0.2.10", "2001:db8::10", "2001:db8:8000:100::/56"; `space` is its own.
    [[nodiscard]] std::string name(const NamedSpace& space) const;
};

// What a lease must have; all of what is set.
struct LeaseFilter {
    std::optional<Mac> mac;
    std::optional<std::vector<std::byte>> client_id;  // option 61, or a DUID
    std::optional<std::string> hostname;              // ASCII letters of either case
};

// The client identifier or DUID inside an identity; empty if the client is known by something else.
[[nodiscard]] ByteView client_id_in(ByteView identity) noexcept;

// Only on the thread of the shard; `unit` is held by it.
[[nodiscard]] HeldLease copy_lease(const lease::Shard& shard, lease::Unit unit);

struct LeasePage {
    std::vector<HeldLease> leases;  // by index
    bool complete = true;           // false: there may be more behind the last
};
// The first `limit` units of a space at or behind index `from` that pass the filter, whoever holds
// them. One Worker::call() looks at `slice_len` leases at most.
[[nodiscard]] LeasePage collect_leases(const std::vector<worker::Worker*>& workers,
                                       lease::SpaceId space, std::uint32_t from, std::size_t limit,
                                       const LeaseFilter& filter, std::size_t slice_len);

// The journal has no room for a record now; nothing has changed.
struct JournalFull {};
// Frees the unit, if any worker holds it, and says what was there.
[[nodiscard]] Result<std::optional<HeldLease>, JournalFull> erase_lease(
    const std::vector<worker::Worker*>& workers, lease::SpaceId space, std::uint32_t index);
// The unit as it is, if any worker holds it.
[[nodiscard]] std::optional<HeldLease> find_lease(const std::vector<worker::Worker*>& workers,
                                                  lease::SpaceId space, std::uint32_t index);

}  // namespace xdhcpd::control
