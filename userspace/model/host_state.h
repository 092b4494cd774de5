// HostState: the network interfaces and addresses of this host as the control thread last saw them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/addresses.h"
#include "model/vlan_range.h"

namespace xdhcpd::model {

struct HostInterface {
    std::uint32_t ifindex = 0;
    std::string name;
    Mac mac;
    std::uint32_t mtu = 1500;
    bool up = false;                    // administratively
    std::vector<Ipv4Prefix> addresses;  // with host bits, in the kernel's order
    // Likewise of IPv6, link-local ones included; not those that are tentative or have failed.
    std::vector<Ipv6Prefix> addresses6{};
    bool carrier = false;           // a peer or a cable is there; only while up
    std::uint32_t xdp_program = 0;  // id of the XDP program attached, in whatever mode; 0: none
    std::uint32_t vlan_of = 0;      // index of the interface that this is a VLAN of; 0: of none
    std::uint16_t vlan_id = 0;      // with vlan_of
};

struct HostState {
    std::vector<HostInterface> interfaces;

    [[nodiscard]] const HostInterface* find(const std::string& name) const noexcept {
        for (const HostInterface& interface : interfaces) {
            if (interface.name == name) {
                return &interface;
            }
        }
        return nullptr;
    }
    // The host's own interface of a VLAN of `name`, or of one in it; `name` itself without tags.
    // Null if there is none. TPIDs are not looked at.
    [[nodiscard]] const HostInterface* find(const std::string& name, VlanIds vlan) const noexcept {
        const HostInterface* at = find(name);
        for (const std::uint16_t id : {vlan.outer, vlan.inner}) {
            at = id == 0 || at == nullptr ? at : find_vlan(at->ifindex, id);
        }
        return at;
    }
    [[nodiscard]] const HostInterface* find_vlan(std::uint32_t lower,
                                                 std::uint16_t id) const noexcept {
        for (const HostInterface& interface : interfaces) {
            if (interface.vlan_of == lower && interface.vlan_id == id) {
                return &interface;
            }
        }
        return nullptr;
    }
};

}  // namespace xdhcpd::model
