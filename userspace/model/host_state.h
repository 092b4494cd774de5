// HostState: the network interfaces and addresses of this host as the control thread last saw them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/addresses.h"

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
};

}  // namespace xdhcpd::model
