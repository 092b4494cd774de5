#include "model/snapshot6.h"

#include <algorithm>

namespace xdhcpd::model {

const Subnet6* Snapshot6::find_subnet(const Ipv6& address) const noexcept {
    const auto after = std::upper_bound(
        subnets.begin(), subnets.end(), address,
        [](const Ipv6& wanted, const Subnet6& subnet) { return wanted < subnet.prefix.address; });
    if (after == subnets.begin()) {
        return nullptr;
    }
    const Subnet6& before = *std::prev(after);
    return before.prefix.contains(address) ? &before : nullptr;
}

std::optional<std::uint32_t> Snapshot6::find_interface_id(ByteView id) const noexcept {
    for (const auto& [name, link] : interface_ids_) {
        if (equal_bytes(name, id)) {
            return link;
        }
    }
    return std::nullopt;
}

bool Snapshot6::is_local(const Ipv6& address) const noexcept {
    return std::binary_search(local_.begin(), local_.end(), address);
}

const Advertisement* Snapshot6::find_advertisement(std::uint32_t ifindex,
                                                   VlanIds vlan) const noexcept {
    for (const Advertisement& each : advertisements) {
        if (each.ifindex == ifindex && each.vlan == vlan) {
            return &each;
        }
    }
    return nullptr;
}

const NeighborProxy* Snapshot6::find_proxy(std::uint32_t ifindex, VlanIds vlan,
                                           const Ipv6& target) const noexcept {
    if (is_local(target)) {
        return nullptr;
    }
    for (const NeighborProxy& each : proxies) {
        if (each.ifindex != ifindex || each.vlan != vlan) {
            continue;
        }
        // Targets do not lie inside each other, so only the one in front can have it.
        const auto after = std::upper_bound(
            each.targets.begin(), each.targets.end(), target,
            [](const Ipv6& wanted, const Ipv6Prefix& prefix) { return wanted < prefix.address; });
        if (after != each.targets.begin() && std::prev(after)->contains(target)) {
            return &each;
        }
    }
    return nullptr;
}

void Snapshot6::index(HashKey key, std::vector<Ipv6> local_addresses,
                      std::vector<std::pair<std::vector<std::byte>, std::uint32_t>> interface_ids) {
    local_ = std::move(local_addresses);
    std::sort(local_.begin(), local_.end());
    local_.erase(std::unique(local_.begin(), local_.end()), local_.end());
    interface_ids_ = std::move(interface_ids);
    for (std::uint32_t i = 0; i < reservations.size(); ++i) {
        const Identifier6& identifier = reservations[i].identifier;
        kinds_present_[static_cast<std::size_t>(identifier.kind)] = true;
        by_identifier_.emplace(hash_of(identifier.kind, identifier.value, key), i);
    }
}

}  // namespace xdhcpd::model
