#include "model/subnet_links.h"

#include <algorithm>
#include <numeric>
#include <unordered_map>

namespace xdhcpd::model {
namespace {

// Subnets on one layer-2 link, as disjoint sets.
class Groups {
  public:
    explicit Groups(std::size_t count) : parent_(count) {
        std::iota(parent_.begin(), parent_.end(), std::size_t{0});
    }
    std::size_t find(std::size_t member) {
        while (parent_[member] != member) {
            parent_[member] = parent_[parent_[member]];
            member = parent_[member];
        }
        return member;
    }
    void join(std::size_t a, std::size_t b) { parent_[find(b)] = find(a); }

  private:
    std::vector<std::size_t> parent_;
};

// Every VLAN of the interface's subnets, each once: config/ has seen to that, and to their number.
[[nodiscard]] std::vector<VlanLink> vlan_links(std::span<const LinkMember> subnets,
                                               std::span<const std::uint32_t> link_of,
                                               const std::string& interface) {
    std::vector<VlanLink> links;
    for (std::size_t i = 0; i < subnets.size(); ++i) {
        if (subnets[i].interface != interface) {
            continue;
        }
        for (const VlanRange& range : subnets[i].vlans) {
            for (std::uint32_t outer = range.outer_first; outer <= range.outer_last; ++outer) {
                for (std::uint32_t inner = range.inner_first; inner <= range.inner_last; ++inner) {
                    links.push_back(
                        {{static_cast<std::uint16_t>(outer), static_cast<std::uint16_t>(inner)},
                         link_of[i]});
                }
            }
        }
    }
    const auto by_ids = [](const VlanLink& a, const VlanLink& b) { return a.ids < b.ids; };
    const auto same_ids = [](const VlanLink& a, const VlanLink& b) { return a.ids == b.ids; };
    std::sort(links.begin(), links.end(), by_ids);
    links.erase(std::unique(links.begin(), links.end(), same_ids), links.end());
    return links;
}

}  // namespace

LinkPlan plan_links(std::span<const LinkMember> subnets,
                    std::span<const HostInterface* const> interfaces,
                    const std::function<bool(std::size_t, const HostInterface&)>& is_on) {
    Groups groups{subnets.size()};
    std::unordered_map<std::string, std::size_t> by_network;
    for (std::size_t i = 0; i < subnets.size(); ++i) {
        if (!subnets[i].shared_network.empty()) {
            groups.join(by_network.emplace(subnets[i].shared_network, i).first->second, i);
        }
    }
    const auto serves_untagged = [&](std::size_t subnet, const HostInterface& interface) {
        const LinkMember& member = subnets[subnet];
        if (!member.vlans.empty()) {
            return false;  // an untagged client is in another network
        }
        return member.interface.empty() ? is_on(subnet, interface)
                                        : member.interface == interface.name;
    };
    std::vector<std::optional<std::size_t>> first_subnet(interfaces.size());
    for (std::size_t i = 0; i < interfaces.size(); ++i) {
        for (std::size_t subnet = 0; interfaces[i] != nullptr && subnet < subnets.size();
             ++subnet) {
            if (!serves_untagged(subnet, *interfaces[i])) {
                continue;
            }
            if (first_subnet[i]) {
                groups.join(*first_subnet[i], subnet);
            } else {
                first_subnet[i] = subnet;
            }
        }
    }
    LinkPlan plan;
    std::unordered_map<std::size_t, std::uint32_t> link_of_group;
    for (std::size_t i = 0; i < subnets.size(); ++i) {
        const auto [found, added] = link_of_group.emplace(groups.find(i), plan.link_count);
        plan.link_count += added ? 1 : 0;
        plan.links.push_back(found->second);
    }
    for (std::size_t i = 0; i < interfaces.size(); ++i) {
        plan.untagged.push_back(first_subnet[i] ? std::optional{plan.links[*first_subnet[i]]}
                                                : std::nullopt);
        plan.vlans.push_back(interfaces[i] != nullptr
                                 ? vlan_links(subnets, plan.links, interfaces[i]->name)
                                 : std::vector<VlanLink>{});
    }
    return plan;
}

bool serves_any(const LinkPlan& plan, std::size_t interface) {
    return plan.untagged[interface] || !plan.vlans[interface].empty();
}

void warn_of_unserved(const LinkPlan& plan, std::size_t subnet, const LinkMember& member,
                      bool for_relays, const std::string& name, const HostState& host,
                      std::vector<std::string>& warnings) {
    const std::uint32_t link = plan.links[subnet];
    const auto has_vlan = [link](const std::vector<VlanLink>& vlans) {
        return std::any_of(vlans.begin(), vlans.end(),
                           [link](const VlanLink& vlan) { return vlan.link == link; });
    };
    const bool served =
        std::find(plan.untagged.begin(), plan.untagged.end(), link) != plan.untagged.end() ||
        (!member.vlans.empty() && std::any_of(plan.vlans.begin(), plan.vlans.end(), has_vlan));
    if (!member.interface.empty() && host.find(member.interface) == nullptr) {
        warnings.push_back("subnet " + name + " waits for interface " + member.interface);
    } else if (!served && !for_relays) {
        warnings.push_back("subnet " + name +
                           ": no interface serves it; only clients behind relays are answered");
    }
}

}  // namespace xdhcpd::model
