// HostFacts: what of this host decides whether xdhcpd can serve, and how well; read for `xdhcpd
// check --host`. Needs no privileges; what cannot be seen without them has no value. Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "host/devices.h"

namespace xdhcpd::host {

// What a driver says of its XDP (netdev generic netlink, Linux 6.3).
struct XdpAbilities {
    bool native = false;     // runs programs in the driver and redirects
    bool zero_copy = false;  // AF_XDP without copies
    bool multi_buffer = false;
    bool vlan_tag = false;  // tells a program of a tag that it took out of the frame
};

struct InterfaceFacts {
    std::string name;
    bool exists = false;
    bool up = false;
    bool carrier = false;
    std::uint32_t mtu = 0;
    std::string driver;  // "" when it does not say
    std::uint32_t queue_count = 0;
    std::optional<XdpAbilities> xdp;
    std::optional<bool> lro;          // large receive offload
    std::optional<bool> gro_hw;       // the same in hardware, reversible
    std::optional<bool> strips_vlan;  // takes VLAN tags out of the frame
    std::optional<XdpProgram> program;
    bool wants_native = false;  // the configuration promises driver: xdp
};

struct HostFacts {
    std::string kernel;  // "6.1.0-18-amd64"
    std::uint32_t kernel_major = 0;
    std::uint32_t kernel_minor = 0;
    std::vector<std::string> missing_capabilities;  // of those that the server needs, "CAP_BPF"
    bool may_lock_memory = false;                   // CAP_IPC_LOCK
    std::optional<std::uint64_t> memlock_limit;     // hard limit in bytes; none: unlimited
    std::optional<double> cpu_quota;                // CPUs that the control group may use
    std::uint32_t cpu_count = 0;                    // CPUs that this process may run on
    std::optional<int> bpf_jit;                     // net.core.bpf_jit_enable
    std::optional<int> unprivileged_bpf_disabled;   // kernel.unprivileged_bpf_disabled
    bool is_port_taken = false;                     // UDP port 67, in this network namespace
    std::vector<Holder> port_holders;               // those that can be seen
    std::vector<InterfaceFacts> interfaces;
};

// `interface_names`: those to look at.
[[nodiscard]] HostFacts read_facts(const std::vector<std::string>& interface_names);

}  // namespace xdhcpd::host
