#include "engine/v6/places.h"

#include <algorithm>

namespace xdhcpd::engine::v6 {
namespace {

[[nodiscard]] bool is_in(const model::Pool6& pool, const Ipv6Prefix& what) noexcept {
    return pool.first <= what.address && what.address <= pool.last;
}

}  // namespace

std::optional<Ipv6Prefix> listed_in(dhcp6::Option option) noexcept {
    if (option.code == dhcp6::OptionCode::kIaAddress) {
        const auto address = dhcp6::read_ia_address(option.value);
        return address ? std::optional{Ipv6Prefix{address->address, 128}} : std::nullopt;
    }
    if (option.code == dhcp6::OptionCode::kIaPrefix) {
        const auto prefix = dhcp6::read_ia_prefix(option.value);
        return prefix ? std::optional{prefix->prefix} : std::nullopt;
    }
    return std::nullopt;
}

bool Places::is_on_link(lease::Unit unit, Association association) const noexcept {
    const auto all = spaces(association);
    return std::find(all.begin(), all.end(), store_.space_of(unit).id()) != all.end();
}

Ipv6Prefix Places::name_of(lease::Unit unit) const noexcept {
    const lease::Space& space = store_.space_of(unit);
    return {space.ipv6_names().at(space.index_of(unit)), space.ipv6_names().length()};
}

std::optional<lease::Unit> Places::find_pooled(Association association,
                                               const Ipv6Prefix& what) const noexcept {
    std::optional<lease::Unit> found;
    visit_pools(association, [&](const model::Pool6& pool) {
        if (pool.unit_length == what.length && is_in(pool, what)) {
            const lease::Space& space = store_.space(pool.space);
            if (const auto index = space.ipv6_names().find(what.address)) {
                found = space.unit_at(*index);
            }
        }
        return found.has_value();
    });
    return found;
}

const model::Subnet6& Places::subnet_of(lease::Unit unit) const noexcept {
    const model::SpaceOwner* const owner = ipv6_.find_owner(store_.space_of(unit).id());
    XD_ASSERT(owner != nullptr);  // units come from the link's spaces
    return ipv6_.subnets[owner->subnet];
}

const model::Pool6* Places::pool_of(lease::Unit unit) const noexcept {
    const model::SpaceOwner* const owner = ipv6_.find_owner(store_.space_of(unit).id());
    if (owner == nullptr) {
        return nullptr;
    }
    const model::Subnet6& subnet = ipv6_.subnets[owner->subnet];
    const auto& pools = owner->is_prefix ? subnet.prefix_pools : subnet.pools;
    return owner->pool < pools.size() ? &pools[owner->pool] : nullptr;
}

bool Places::is_appropriate(Association association, const Ipv6Prefix& what) const noexcept {
    if (association == Association::kAddress) {
        const model::Subnet6* const subnet = request_.subnet().prefix.contains(what.address)
                                                 ? &request_.subnet()
                                                 : ipv6_.find_subnet(what.address);
        return subnet != nullptr && subnet->link == request_.subnet().link;
    }
    const model::Reservation6* const reservation = request_.reservation();
    return (reservation != nullptr &&
            std::ranges::any_of(reservation->prefixes,
                                [&what](const model::ReservedUnit& reserved) {
                                    return reserved.prefix == what;
                                })) ||
           visit_pools(association,
                       [&what](const model::Pool6& pool) { return is_in(pool, what); });
}

bool Places::is_elsewhere(Association association, const Ipv6Prefix& what) const noexcept {
    if (is_appropriate(association, what)) {
        return false;
    }
    return association == Association::kAddress ||
           std::ranges::any_of(ipv6_.subnets, [&what](const model::Subnet6& subnet) {
               return std::ranges::any_of(subnet.prefix_pools, [&what](const model::Pool6& pool) {
                   return is_in(pool, what);
               });
           });
}

}  // namespace xdhcpd::engine::v6
