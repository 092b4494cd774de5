#include "daemon/served_links.h"

#include <algorithm>
#include <map>

namespace xdhcpd::daemon {
namespace {

constexpr std::uint8_t kAddressBits = 128;

[[nodiscard]] bool advertises_on(const model::Snapshot& snapshot, std::uint32_t ifindex) noexcept {
    const auto& all = snapshot.ipv6.advertisements;
    return std::any_of(all.begin(), all.end(),
                       [&](const auto& each) { return each.ifindex == ifindex; });
}

template <typename T>
void sort_unique(std::vector<T>& values) {
    std::sort(values.begin(), values.end());
    values.erase(std::unique(values.begin(), values.end()), values.end());
}

// Of all proxies of the interface, each once.
[[nodiscard]] std::vector<Ipv6Prefix> all_targets(const model::Snapshot& snapshot,
                                                  std::uint32_t ifindex) {
    std::vector<Ipv6Prefix> targets;
    for (const model::NeighborProxy& proxy : snapshot.ipv6.proxies) {
        if (proxy.ifindex == ifindex) {
            targets.insert(targets.end(), proxy.targets.begin(), proxy.targets.end());
        }
    }
    sort_unique(targets);
    return targets;
}

}  // namespace

std::vector<XdpLink> find_links(const model::Snapshot& snapshot, std::uint32_t ifindex) {
    std::map<model::VlanIds, XdpLink> links;
    const auto link_of = [&](model::VlanIds ids) -> XdpLink& {
        const auto [found, is_new] = links.try_emplace(ids);
        if (is_new) {
            found->second.outer_vid = ids.outer;
            found->second.inner_vid = ids.inner;
            found->second.dhcp4 = false;
        }
        return found->second;
    };
    XdpLink& untagged = link_of({});
    untagged.dhcp4 = true;
    untagged.dhcp6 = snapshot.ipv6.serves_dhcp6();
    const model::Ingress* const ingress = snapshot.find_ingress(ifindex);
    if (ingress != nullptr) {
        for (const model::VlanLink& vlan : ingress->vlans) {
            link_of(vlan.ids).dhcp4 = true;
        }
        for (const model::VlanLink& vlan : ingress->vlans6) {
            link_of(vlan.ids).dhcp6 = true;
        }
    }
    for (const model::Advertisement& advertisement : snapshot.ipv6.advertisements) {
        if (advertisement.ifindex == ifindex) {
            link_of(advertisement.vlan).advertise = true;
        }
    }
    for (const model::NeighborProxy& proxy : snapshot.ipv6.proxies) {
        if (proxy.ifindex == ifindex && !proxy.targets.empty()) {
            link_of(proxy.vlan).proxy = true;
        }
    }
    std::vector<XdpLink> result;
    result.reserve(links.size());
    for (auto& [ids, link] : links) {
        // It may have changed since the program was loaded; unicast goes to the present one.
        link.mac = ingress != nullptr ? ingress->interface.mac : Mac{};
        result.push_back(link);
    }
    return result;
}

std::vector<XdpNeighborTarget> find_targets(const model::Snapshot& snapshot, std::uint32_t ifindex,
                                            bool with_vlans) {
    std::vector<XdpNeighborTarget> result;
    for (const model::NeighborProxy& proxy : snapshot.ipv6.proxies) {
        if (proxy.ifindex != ifindex || (proxy.vlan.tagged() && !with_vlans)) {
            continue;
        }
        for (const Ipv6Prefix& target : proxy.targets) {
            result.push_back({proxy.vlan.outer, proxy.vlan.inner, target});
        }
    }
    return result;
}

PacketTake6 find_packet_take(const model::Snapshot& snapshot, std::uint32_t ifindex) {
    PacketTake6 take;
    take.dhcp6 = snapshot.ipv6.serves_dhcp6();
    take.advertise = advertises_on(snapshot, ifindex);
    take.targets = all_targets(snapshot, ifindex);
    if (!take.targets.empty()) {
        const auto own = snapshot.ipv6.local_addresses();
        take.own.assign(own.begin(), own.end());
    }
    return take;
}

host::MulticastMember::Wanted find_multicast(const model::Snapshot& snapshot,
                                             std::uint32_t ifindex) {
    host::MulticastMember::Wanted wanted;
    for (const Ipv6Prefix& target : all_targets(snapshot, ifindex)) {
        wanted.all = wanted.all || target.length < kAddressBits;
        wanted.groups.push_back(target.address.solicited_node());
    }
    sort_unique(wanted.groups);
    wanted.all = wanted.all || wanted.groups.size() > host::MulticastMember::kMaxGroups;
    if (wanted.all) {
        wanted.groups.clear();
    }
    if (advertises_on(snapshot, ifindex)) {
        wanted.groups.push_back(kAllRouters);
        sort_unique(wanted.groups);
    }
    return wanted;
}

}  // namespace xdhcpd::daemon
