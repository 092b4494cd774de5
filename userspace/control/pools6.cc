#include "control/pools6.h"

#include <algorithm>
#include <cstddef>
#include <optional>

namespace xdhcpd::control {
namespace {

// Both as one prefix, if they are the first and last address of one.
[[nodiscard]] std::optional<Ipv6Prefix> prefix_of(const Ipv6& first, const Ipv6& last) noexcept {
    std::uint8_t length = 0;
    const auto bit = [](const Ipv6& address, unsigned at) {
        return (std::to_integer<unsigned>(address.octets[at / 8]) >> (7 - at % 8)) & 1u;
    };
    while (length < 128 && bit(first, length) == bit(last, length)) {
        ++length;
    }
    for (unsigned at = length; at < 128; ++at) {
        if (bit(first, at) != 0 || bit(last, at) != 1) {
            return std::nullopt;
        }
    }
    return Ipv6Prefix{first, length};
}

[[nodiscard]] std::string name_of(const model::Pool6& pool) {
    const auto prefix = prefix_of(pool.first, pool.last);
    return prefix ? to_string(*prefix) : to_string(pool.first) + "-" + to_string(pool.last);
}

}  // namespace

UnitCounts counts_of(const std::vector<const lease::Space*>& spaces) noexcept {
    UnitCounts sum;
    for (const lease::Space* const space : spaces) {
        sum.size += space->unit_count();
        sum.allowed += space->bitmap().allowed_count();
        sum.free += space->bitmap().free_count();
        sum.offered += space->held_total(lease::HeldCount::kOffered);
        sum.leased += space->held_total(lease::HeldCount::kLeased);
        sum.declined += space->held_total(lease::HeldCount::kDeclined);
    }
    return sum;
}

std::vector<NamedPool6> named_pools(const model::Snapshot6& snapshot, const lease::Store& store) {
    std::vector<NamedPool6> result;
    for (std::size_t i = 0; i < snapshot.subnets.size(); ++i) {
        const model::Subnet6& subnet = snapshot.subnets[i];
        for (const auto* const pools : {&subnet.pools, &subnet.prefix_pools}) {
            for (const model::Pool6& pool : *pools) {
                result.push_back(
                    {&subnet, name_of(pool), pool.unit_length, {&store.space(pool.space)}});
            }
        }
        for (std::size_t id = 0; id < snapshot.owners.size(); ++id) {
            const model::SpaceOwner& owner = snapshot.owners[id];
            if (owner.subnet != i || owner.pool != model::SpaceOwner{}.pool) {
                continue;
            }
            const lease::Space* const space =
                store.find_space(lease::SpaceId{static_cast<std::uint16_t>(id)});
            if (space == nullptr) {
                continue;
            }
            const std::uint8_t length = space->ipv6_names().length();
            const auto same =
                std::find_if(result.begin(), result.end(), [&](const NamedPool6& pool) {
                    return pool.subnet == &subnet && pool.is_reserved() && pool.length == length;
                });
            if (same != result.end()) {
                same->spaces.push_back(space);
            } else {
                result.push_back({&subnet, "reserved", length, {space}});
            }
        }
    }
    return result;
}

}  // namespace xdhcpd::control
