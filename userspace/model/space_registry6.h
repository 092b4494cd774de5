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

    // The last address of all.
    [[nodiscard]] Ipv6 last() const noexcept;
    // Whether they have addresses in common, whatever their units are.
    [[nodiscard]] bool overlaps(const Range6& other) const noexcept {
        return first <= other.last() && other.first <= last();
    }
};
// The range from `first` to `last`, both addresses of it; sizes above Ipv6Names::kMaxRangeSize are
// cut.
[[nodiscard]] Range6 address_range(const Ipv6& first, const Ipv6& last);
// All prefixes of 1..128 bits inside `prefix`, which is not longer; likewise cut.
[[nodiscard]] Range6 prefix_range(const Ipv6Prefix& prefix, std::uint8_t delegated_length);

// An address (length 128, kIpv6Address) or prefix without bits behind it.
struct What6 {
    lease::SpaceKind kind = lease::SpaceKind::kIpv6Address;
    Ipv6Prefix prefix;
    auto operator<=>(const What6&) const = default;
};

// Every address or prefix has one unit at a time, its home: that of the range asked for last which
// covers it, else one of a list. Where ranges overlap, which only a reload can bring about, the
// units of older ones are nobody's home: what is held there must be moved first (control/).
class SpaceRegistry6 {
  public:
    explicit SpaceRegistry6(lease::Store& store) : store_{store} {}

    // Before the first space: the secret of the permutations, which must be the same after a
    // restart for leases to find their units; and how many units of a larger range are used.
    void set_names_key(HashKey key) noexcept { names_key_ = key; }
    // 2 * max_leases as a power of two within 2^16..2^26.
    void set_max_leases(std::uint32_t max_leases) noexcept;
    void set_version_floor(std::uint32_t floor) noexcept { version_floor_ = floor; }
    // Before a snapshot is made. A range that the one before did not ask for is used again: its
    // versions begin above the floor.
    void begin_snapshot() noexcept { ++round_; }

    // Whether the store would have room for one more such range.
    [[nodiscard]] bool has_room(const Range6& range) const;
    // How many units a space of this range has.
    [[nodiscard]] std::uint32_t unit_count(const Range6& range) const noexcept;
    // The space of this range, made when it is new; it covers its addresses from now on. Requires
    // has_room().
    lease::SpaceId space_for(const Range6& range);
    [[nodiscard]] std::optional<lease::SpaceId> find(const Range6& range) const;
    // The home of what is reserved in `subnet`, or was leased there before; made on a list of that
    // subnet when there is none. Nothing if the store is full. All ranges must be there before.
    [[nodiscard]] std::optional<lease::Unit> listed_unit(const Ipv6Prefix& subnet,
                                                         lease::SpaceKind kind,
                                                         const Ipv6Prefix& what);
    // Spaces of listed units of that subnet and kind, in the order they were made for each length.
    [[nodiscard]] std::vector<lease::SpaceId> list_spaces(const Ipv6Prefix& subnet,
                                                          lease::SpaceKind kind) const;
    // The home of what has one. Any thread, while control waits for it.
    [[nodiscard]] std::optional<lease::Unit> find_unit(lease::SpaceKind kind,
                                                       const Ipv6Prefix& what) const;
    // The range asked for last that covers what, whether it has a unit for it or not. Likewise.
    [[nodiscard]] std::optional<lease::SpaceId> find_range(lease::SpaceKind kind,
                                                           const Ipv6Prefix& what) const;
    // All ranges ever asked for.
    [[nodiscard]] const std::map<Range6, lease::SpaceId>& ranges() const noexcept {
        return ranges_;
    }
    // Everything that is on a list, though a range may be its home meanwhile.
    [[nodiscard]] const std::map<What6, lease::Unit>& listed() const noexcept { return listed_; }
    [[nodiscard]] lease::Store& store() noexcept { return store_; }
    [[nodiscard]] const lease::Store& store() const noexcept { return store_; }

  private:
    struct ListKey {
        Ipv6Prefix subnet;
        lease::SpaceKind kind = lease::SpaceKind::kIpv6Address;
        std::uint8_t length = 128;
        auto operator<=>(const ListKey&) const = default;
    };
    // A range for the search. Sorted by kind, length and first address.
    struct Place {
        Range6 range;
        Ipv6 last;
        Ipv6 reach;  // highest `last` of it and all before it with that kind and length
        lease::SpaceId space;
        std::uint64_t asked = 0;  // when, in calls of space_for()
        std::uint64_t round = 0;  // likewise, in snapshots
    };
    [[nodiscard]] static bool is_before(const Place& place, const Range6& range) noexcept;
    // The range asked for last that covers it, or null.
    [[nodiscard]] const Place* find_place(lease::SpaceKind kind, const Ipv6Prefix& what) const;
    void insert_place(const Range6& range, lease::SpaceId space);

    lease::Store& store_;
    HashKey names_key_;
    std::uint32_t window_ = 1u << 21;
    std::uint32_t version_floor_ = 0;
    std::uint64_t asked_ = 0;
    std::uint64_t round_ = 0;
    std::map<Range6, lease::SpaceId> ranges_;
    std::vector<Place> places_;
    std::map<ListKey, std::vector<lease::SpaceId>> lists_;
    std::map<What6, lease::Unit> listed_;
};

}  // namespace xdhcpd::model
