// SpaceRegistry6: the IPv6 spaces of the store by what they are made of: ranges of addresses or
// prefixes, and lists of reserved ones that lie in no range. Control thread only. Spaces live as
// long as the store; a range that comes back after a reload finds its space again.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "base/addresses.h"
#include "base/hash.h"
#include "lease/store.h"

namespace xdhcpd::model {

// `size` prefixes of `unit_length` bits in a row.
struct Range6 {
    lease::SpaceKind kind = lease::SpaceKind::kIpv6Address;  // or kIpv6Prefix
    Ipv6 first;
    std::uint8_t unit_length = 128;
    std::uint64_t size = 0;
    auto operator<=>(const Range6&) const = default;
};
// The range from `first` to `last`, both addresses of it; sizes above Ipv6Names::kMaxRangeSize are
// cut.
[[nodiscard]] Range6 address_range(const Ipv6& first, const Ipv6& last);
[[nodiscard]] Range6 prefix_range(const Ipv6Prefix& prefix, std::uint8_t delegated_length);

class SpaceRegistry6 {
  public:
    explicit SpaceRegistry6(lease::Store& store) : store_{store} {}

    // Before the first space: the secret of the permutations, which must be the same after a
    // restart for leases to find their units; and how many units of a larger range are used.
    void set_names_key(HashKey key) noexcept { names_key_ = key; }
    // 2 * max_leases as a power of two within 2^16..2^26.
    void set_max_leases(std::uint32_t max_leases) noexcept;
    void set_version_floor(std::uint32_t floor) noexcept { version_floor_ = floor; }

    // Whether the store would have room for one more such range.
    [[nodiscard]] bool has_room(const Range6& range) const;
    // The space of this range, made when it is new. Requires has_room().
    [[nodiscard]] lease::SpaceId space_for(const Range6& range);
    [[nodiscard]] std::optional<lease::SpaceId> find(const Range6& range) const;
    // The unit of an address (length 128) or prefix that is reserved in `subnet`, or was leased
    // there before, and that none of `ranges` has among its units; made when it is new. Nothing if
    // the store is full.
    [[nodiscard]] std::optional<lease::Unit> listed_unit(const Ipv6Prefix& subnet,
                                                         lease::SpaceKind kind,
                                                         const Ipv6Prefix& what);
    // Spaces of listed units of that subnet and kind, in the order they were made.
    [[nodiscard]] std::vector<lease::SpaceId> list_spaces(const Ipv6Prefix& subnet,
                                                          lease::SpaceKind kind) const;
    // The unit of this address (length 128, kIpv6Address) or prefix in any space made so far;
    // ranges come before lists. Any thread, while control waits for it.
    [[nodiscard]] std::optional<lease::Unit> find_unit(lease::SpaceKind kind,
                                                       const Ipv6Prefix& what) const;
    [[nodiscard]] const std::map<Range6, lease::SpaceId>& ranges() const noexcept {
        return ranges_;
    }
    [[nodiscard]] lease::Store& store() noexcept { return store_; }
    [[nodiscard]] const lease::Store& store() const noexcept { return store_; }

  private:
    struct ListKey {
        Ipv6Prefix subnet;
        lease::SpaceKind kind = lease::SpaceKind::kIpv6Address;
        std::uint8_t length = 128;
        auto operator<=>(const ListKey&) const = default;
    };
    struct Listed {
        lease::SpaceKind kind = lease::SpaceKind::kIpv6Address;
        Ipv6Prefix what;
        auto operator<=>(const Listed&) const = default;
    };

    lease::Store& store_;
    HashKey names_key_;
    std::uint32_t window_ = 1u << 21;
    std::uint32_t version_floor_ = 0;
    std::map<Range6, lease::SpaceId> ranges_;
    std::map<ListKey, std::vector<lease::SpaceId>> lists_;
    std::map<Listed, lease::Unit> listed_;
};

}  // namespace xdhcpd::model
