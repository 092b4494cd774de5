#include "model/snapshot.h"

#include <algorithm>

namespace xdhcpd::model {

namespace {
// Up to here a loop is faster than a search.
constexpr std::size_t kFewIngresses = 4;
}  // namespace

const Subnet* Snapshot::find_subnet(Ipv4 address) const noexcept {
    // The last prefix that does not begin after the address; prefixes are disjoint.
    const auto after = std::upper_bound(
        subnets.begin(), subnets.end(), address,
        [](Ipv4 wanted, const Subnet& subnet) { return wanted < subnet.prefix.address; });
    if (after == subnets.begin()) {
        return nullptr;
    }
    const Subnet& candidate = *std::prev(after);
    return candidate.prefix.contains(address) ? &candidate : nullptr;
}

const Ingress* Snapshot::find_ingress(std::uint32_t ifindex) const noexcept {
    // A handful of interfaces is the rule.
    if (ingresses_.size() <= kFewIngresses) {
        for (const Ingress& ingress : ingresses_) {
            if (ingress.interface.ifindex == ifindex) {
                return &ingress;
            }
        }
        return nullptr;
    }
    const auto at = std::lower_bound(ingresses_.begin(), ingresses_.end(), ifindex,
                                     [](const Ingress& ingress, std::uint32_t wanted) {
                                         return ingress.interface.ifindex < wanted;
                                     });
    return at != ingresses_.end() && at->interface.ifindex == ifindex ? &*at : nullptr;
}

std::optional<std::uint32_t> Ingress::find_vlan(VlanIds ids) const noexcept {
    const auto at = std::ranges::lower_bound(vlans, ids, {}, &VlanLink::ids);
    return at != vlans.end() && at->ids == ids ? std::optional{at->link} : std::nullopt;
}

void Snapshot::index(std::vector<Ingress> ingresses, std::span<const Ipv4> local_addresses,
                     std::span<const Ipv4> local_broadcasts) {
    ingresses_ = std::move(ingresses);
    std::sort(ingresses_.begin(), ingresses_.end(), [](const Ingress& a, const Ingress& b) {
        return a.interface.ifindex < b.interface.ifindex;
    });
    local_ = AddressSet{local_addresses};
    broadcasts_ = AddressSet{local_broadcasts};
    by_identifier_.reserve(reservations.size());
    for (std::uint32_t i = 0; i < reservations.size(); ++i) {
        const Identifier& identifier = reservations[i].identifier;
        by_identifier_.emplace(identifier_hash(identifier.kind, identifier.value), i);
        kinds_present_[static_cast<std::size_t>(identifier.kind)] = true;
    }
}

std::vector<Ipv4> Snapshot::local_destinations() const {
    std::vector<Ipv4> destinations = local_.all();
    const std::vector<Ipv4> broadcasts = broadcasts_.all();
    destinations.insert(destinations.end(), broadcasts.begin(), broadcasts.end());
    std::sort(destinations.begin(), destinations.end());
    destinations.erase(std::unique(destinations.begin(), destinations.end()), destinations.end());
    return destinations;
}

}  // namespace xdhcpd::model
