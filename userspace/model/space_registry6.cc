#include "model/space_registry6.h"

#include <algorithm>
#include <bit>
#include <tuple>

#include "base/assert.h"
#include "base/wide.h"
#include "lease/ipv6_names.h"

namespace xdhcpd::model {
namespace {

constexpr std::uint32_t kMinWindow = 1u << 16;
// Units of one list, all that fit the numbers it takes; a subnet may have several.
constexpr std::uint32_t kListLen = lease::kChunkUnits;

[[nodiscard]] auto order_of(const Range6& range) noexcept {
    return std::tuple{range.kind, range.unit_length, range.first};
}
[[nodiscard]] bool is_alike(const Range6& a, const Range6& b) noexcept {
    return a.kind == b.kind && a.unit_length == b.unit_length;
}

}  // namespace

bool SpaceRegistry6::is_before(const Place& place, const Range6& range) noexcept {
    return order_of(place.range) < order_of(range);
}

Ipv6 Range6::last() const noexcept {
    return to_ipv6(to_wide(first) + (Wide{size} << (128u - unit_length)) - 1);
}

Range6 address_range(const Ipv6& first, const Ipv6& last) {
    XD_ASSERT(first <= last);
    const Wide distance = to_wide(last) - to_wide(first);  // one more may not fit
    const std::uint64_t size = distance < lease::Ipv6Names::kMaxRangeSize
                                   ? static_cast<std::uint64_t>(distance) + 1
                                   : lease::Ipv6Names::kMaxRangeSize;
    return {lease::SpaceKind::kIpv6Address, first, 128, size};
}

Range6 prefix_range(const Ipv6Prefix& prefix, std::uint8_t delegated_length) {
    XD_ASSERT(prefix.length <= delegated_length && delegated_length >= 1 &&
              delegated_length <= 128);
    const unsigned bits = delegated_length - prefix.length;
    const std::uint64_t size =
        bits < 62 ? std::uint64_t{1} << bits : lease::Ipv6Names::kMaxRangeSize;
    return {lease::SpaceKind::kIpv6Prefix, prefix.network(), delegated_length, size};
}

void SpaceRegistry6::set_max_leases(std::uint32_t max_leases) noexcept {
    const std::uint64_t wanted = std::bit_ceil(2 * std::uint64_t{max_leases});
    window_ = static_cast<std::uint32_t>(
        std::clamp<std::uint64_t>(wanted, kMinWindow, lease::kMaxSpaceUnits));
}

std::uint32_t SpaceRegistry6::unit_count(const Range6& range) const noexcept {
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(range.size, window_));
}

bool SpaceRegistry6::has_room(const Range6& range) const {
    return find(range).has_value() || store_.has_room(unit_count(range));
}

std::optional<lease::SpaceId> SpaceRegistry6::find(const Range6& range) const {
    const auto found = ranges_.find(range);
    return found != ranges_.end() ? std::optional{found->second} : std::nullopt;
}

lease::SpaceId SpaceRegistry6::space_for(const Range6& range) {
    XD_ASSERT(range.kind != lease::SpaceKind::kIpv4 && range.size >= 1);
    if (const auto found = find(range)) {
        auto place = std::lower_bound(places_.begin(), places_.end(), range, is_before);
        while (place->space != *found) {
            ++place;
        }
        place->asked = ++asked_;
        if (place->round + 1 < round_) {
            store_.space(*found).raise_version_floor(version_floor_);
        }
        place->round = round_;
        return *found;
    }
    const lease::SpaceId id =
        store_
            .add_space6(range.kind,
                        lease::Ipv6Names::range(range.first, range.unit_length, range.size,
                                                unit_count(range), names_key_),
                        version_floor_)
            .id();
    ranges_.emplace(range, id);
    insert_place(range, id);
    return id;
}

void SpaceRegistry6::insert_place(const Range6& range, lease::SpaceId space) {
    const auto behind = std::lower_bound(places_.begin(), places_.end(), range, is_before);
    const auto added = places_.insert(behind, {range, range.last(), {}, space, ++asked_, round_});
    for (auto place = added; place != places_.end() && is_alike(place->range, range); ++place) {
        const bool is_first = place == places_.begin() || !is_alike(std::prev(place)->range, range);
        place->reach = is_first ? place->last : std::max(place->last, std::prev(place)->reach);
    }
}

const SpaceRegistry6::Place* SpaceRegistry6::find_place(lease::SpaceKind kind,
                                                        const Ipv6Prefix& what) const {
    const Range6 wanted{kind, what.address, what.length, 1};
    auto place = std::upper_bound(places_.begin(), places_.end(), wanted,
                                  [](const Range6& range, const Place& candidate) {
                                      return order_of(range) < order_of(candidate.range);
                                  });
    const Place* best = nullptr;
    while (place != places_.begin()) {
        --place;
        if (!is_alike(place->range, wanted) || place->reach < what.address) {
            break;
        }
        if (what.address <= place->last && (best == nullptr || place->asked > best->asked) &&
            store_.space(place->space).ipv6_names().covers(what.address)) {
            best = &*place;
        }
    }
    return best;
}

std::optional<lease::SpaceId> SpaceRegistry6::find_range(lease::SpaceKind kind,
                                                         const Ipv6Prefix& what) const {
    const Place* const place = find_place(kind, what);
    return place != nullptr ? std::optional{place->space} : std::nullopt;
}

std::optional<lease::Unit> SpaceRegistry6::find_unit(lease::SpaceKind kind,
                                                     const Ipv6Prefix& what) const {
    if (const Place* const place = find_place(kind, what)) {
        const lease::Space& space = store_.space(place->space);
        if (const auto index = space.ipv6_names().find(what.address)) {
            return space.unit_at(*index);
        }
    }
    const auto found = listed_.find({kind, what});
    return found != listed_.end() ? std::optional{found->second} : std::nullopt;
}

std::optional<lease::Unit> SpaceRegistry6::listed_unit(const Ipv6Prefix& subnet,
                                                       lease::SpaceKind kind,
                                                       const Ipv6Prefix& what) {
    if (const auto unit = find_unit(kind, what)) {
        return unit;
    }
    std::vector<lease::SpaceId>& spaces = lists_[{subnet, kind, what.length}];
    const bool is_full =
        spaces.empty() || store_.space(spaces.back()).ipv6_names().added() == kListLen;
    if (is_full) {
        if (!store_.has_room(kListLen)) {
            return std::nullopt;
        }
        spaces.push_back(
            store_.add_space6(kind, lease::Ipv6Names::list(what.length, kListLen), version_floor_)
                .id());
    }
    lease::Space& space = store_.space(spaces.back());
    const auto index = space.ipv6_names().add(what.address);
    XD_ASSERT(index.has_value());
    const lease::Unit unit = space.unit_at(*index);
    listed_.emplace(What6{kind, what}, unit);
    return unit;
}

std::vector<lease::SpaceId> SpaceRegistry6::list_spaces(const Ipv6Prefix& subnet,
                                                        lease::SpaceKind kind) const {
    std::vector<lease::SpaceId> result;
    for (auto list = lists_.lower_bound({subnet, kind, 0});
         list != lists_.end() && list->first.subnet == subnet && list->first.kind == kind; ++list) {
        result.insert(result.end(), list->second.begin(), list->second.end());
    }
    return result;
}

}  // namespace xdhcpd::model
