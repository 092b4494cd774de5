// Pools of IPv6 subnets as operators see them: their names, and the counts of their spaces. Control
// thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lease/space.h"
#include "lease/store.h"
#include "model/snapshot6.h"

namespace xdhcpd::control {

struct UnitCounts {
    std::uint64_t size = 0;     // units
    std::uint64_t allowed = 0;  // that may be leased by who has no reservation
    std::uint64_t free = 0;     // of these
    std::uint64_t offered = 0;
    std::uint64_t leased = 0;
    std::uint64_t declined = 0;
};
// Sums. Any thread.
[[nodiscard]] UnitCounts counts_of(const std::vector<const lease::Space*>& spaces) noexcept;

// What a subnet leases from.
struct NamedPool6 {
    const model::Subnet6* subnet = nullptr;
    // "2001:db8::1000-2001:db8::1fff", "2001:db8:100::/40" or "reserved" (what is reserved outside
    // the pools)
    std::string name;
    std::uint8_t length = 128;  // of each unit; 128: addresses
    std::vector<const lease::Space*> spaces;

    [[nodiscard]] bool is_reserved() const noexcept { return name == "reserved"; }
};

// Those of the snapshot, by subnet, addresses first. Views into both.
[[nodiscard]] std::vector<NamedPool6> named_pools(const model::Snapshot6& snapshot,
                                                  const lease::Store& store);

}  // namespace xdhcpd::control
