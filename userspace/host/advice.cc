#include "host/advice.h"

#include <algorithm>
#include <array>
#include <cstdio>

namespace xdhcpd::host {
namespace {

using Level = Finding::Level;

// An AF_XDP frame is at most a page, less the kernel's headroom; longer requests go to the kernel.
constexpr std::uint32_t kMaxXdpMtu = 3818;
// Without multi-buffer support a driver attaches up to about a page less headroom and trailer.
constexpr std::uint32_t kMaxSingleBufferMtu = 3498;
constexpr std::uint64_t kUmemLen = 8U << 20;        // per queue
constexpr std::uint64_t kLargeUmemLen = 16U << 20;  // above kSmallMtu
constexpr std::uint32_t kSmallMtu = 1770;
constexpr std::uint32_t kMaxQueues = 256;

class Findings {
  public:
    explicit Findings(std::string subject) : subject_{std::move(subject)} {}
    void add(Level level, const char* topic, std::string text, std::string command = {}) {
        all.push_back({level, subject_, topic, std::move(text), std::move(command)});
    }
    std::vector<Finding> all;

  private:
    std::string subject_;
};

[[nodiscard]] std::string join(const std::vector<Holder>& holders) {
    std::string text;
    for (const Holder& holder : holders) {
        text += (text.empty() ? "" : ", ") + holder.command + " (pid " +
                std::to_string(holder.pid) + ")";
    }
    return text;
}

[[nodiscard]] bool is_ours(const std::vector<Holder>& holders) {
    return !holders.empty() && std::all_of(holders.begin(), holders.end(), [](const auto& holder) {
        return holder.command == "xdhcpd";
    });
}

[[nodiscard]] bool is_older(const HostFacts& facts, std::uint32_t major, std::uint32_t minor) {
    return facts.kernel_major != major ? facts.kernel_major < major : facts.kernel_minor < minor;
}

void judge_kernel(const HostFacts& facts, Findings& findings) {
    if (is_older(facts, 5, 18)) {
        findings.add(Level::kMend, "kernel", facts.kernel + " is too old, 5.18 is the oldest",
                     "apt install linux-image-amd64");
    } else if (is_older(facts, 6, 8)) {
        findings.add(
            Level::kNote, "kernel",
            facts.kernel + ": an XDP program is told of stripped VLAN tags since 6.8 only");
    } else {
        findings.add(Level::kGood, "kernel", facts.kernel);
    }
}

void judge_privileges(const HostFacts& facts, Findings& findings) {
    if (facts.missing_capabilities.empty()) {
        findings.add(Level::kGood, "capabilities", "all that are needed");
    } else {
        std::string missing;
        for (const std::string& name : facts.missing_capabilities) {
            missing += (missing.empty() ? "" : " ") + name;
        }
        findings.add(Level::kMend, "capabilities",
                     "this process lacks " + missing +
                         "; programs and processes of others may not be visible either",
                     "sudo xdhcpd check --host (the server: AmbientCapabilities=" + missing +
                         " in its unit)");
    }
    std::uint64_t needed = 0;
    for (const InterfaceFacts& interface : facts.interfaces) {
        needed += interface.queue_count * (interface.mtu > kSmallMtu ? kLargeUmemLen : kUmemLen);
    }
    if (facts.memlock_limit && !facts.may_lock_memory && *facts.memlock_limit < needed) {
        findings.add(Level::kMend, "memlock",
                     "RLIMIT_MEMLOCK is " + std::to_string(*facts.memlock_limit >> 10U) +
                         " KiB, AF_XDP wants " + std::to_string(needed >> 10U) + " KiB",
                     "systemctl edit xdhcpd (LimitMEMLOCK=infinity), or ulimit -l unlimited");
    } else {
        findings.add(Level::kGood, "memlock",
                     !facts.memlock_limit || facts.may_lock_memory ? "no limit" : "enough");
    }
}

void judge_cpu(const HostFacts& facts, Findings& findings) {
    if (facts.cpu_quota && *facts.cpu_quota < 1) {
        std::array<char, 96> text{};
        static_cast<void>(std::snprintf(text.data(), text.size(),
                                        "the control group may use %.2f of a CPU: it stops for the "
                                        "rest of each period",
                                        *facts.cpu_quota));
        findings.add(Level::kMend, "cpu-quota", text.data(),
                     "systemctl set-property xdhcpd.service CPUQuota=");
    } else {
        findings.add(Level::kGood, "cpu-quota", facts.cpu_quota ? "a CPU or more" : "none");
    }
    if (facts.cpu_count == 1) {
        findings.add(Level::kNote, "cpuset",
                     "one CPU for the worker, the kernel's network and everything else");
    } else {
        findings.add(Level::kGood, "cpuset", std::to_string(facts.cpu_count) + " CPUs");
    }
}

void judge_bpf(const HostFacts& facts, Findings& findings) {
    if (facts.bpf_jit && *facts.bpf_jit == 0) {
        findings.add(Level::kMend, "bpf-jit",
                     "the XDP program would be interpreted, for each frame",
                     "sysctl -w net.core.bpf_jit_enable=1");
    } else if (facts.bpf_jit) {
        findings.add(Level::kGood, "bpf-jit", "on");
    } else {
        findings.add(Level::kNote, "bpf-jit",
                     "net.core.bpf_jit_enable cannot be read (a kernel that always compiles has "
                     "none)");
    }
    if (facts.unprivileged_bpf_disabled && *facts.unprivileged_bpf_disabled == 0) {
        findings.add(Level::kNote, "unprivileged-bpf",
                     "any user may load BPF programs; xdhcpd does not need that",
                     "sysctl -w kernel.unprivileged_bpf_disabled=2");
    } else if (facts.unprivileged_bpf_disabled) {
        findings.add(Level::kGood, "unprivileged-bpf", "off; xdhcpd has CAP_BPF");
    }
}

void judge_port(const HostFacts& facts, Findings& findings) {
    if (!facts.is_port_taken) {
        findings.add(Level::kGood, "port-67", "free");
    } else if (is_ours(facts.port_holders)) {
        findings.add(Level::kGood, "port-67", "held by " + join(facts.port_holders));
    } else if (facts.port_holders.empty()) {
        findings.add(Level::kMend, "port-67",
                     "UDP port 67 is taken by a process that cannot be seen from here",
                     "sudo ss -ulpn 'sport = :67'");
    } else {
        findings.add(Level::kMend, "port-67",
                     "UDP port 67 is taken by " + join(facts.port_holders) +
                         ", which answers the same clients",
                     "systemctl stop " + facts.port_holders.front().command);
    }
}

void judge_xdp(const InterfaceFacts& facts, Findings& findings) {
    const std::string driver =
        facts.driver.empty() ? "the driver" : "driver '" + facts.driver + "'";
    if (!facts.xdp) {
        findings.add(Level::kNote, "xdp",
                     driver +
                         " cannot be asked for its XDP (Linux 6.3); a start of the server "
                         "tells");
    } else if (!facts.xdp->native) {
        findings.add(facts.wants_native ? Level::kMend : Level::kNote, "xdp",
                     driver + " has no native XDP; generic XDP and packet sockets work",
                     facts.wants_native ? "set driver: auto for " + facts.name : std::string{});
    } else {
        findings.add(Level::kGood, "xdp",
                     driver + ", native, " + (facts.xdp->zero_copy ? "zero-copy" : "copies"));
    }
    if (facts.program && !is_ours(facts.program->holders)) {
        findings.add(Level::kMend, "xdp-program", describe(*facts.program) + ": ours cannot attach",
                     facts.program->holders.empty() ? "ip link set dev " + facts.name + " xdp off"
                                                    : "stop " + join(facts.program->holders));
    }
    const bool single = facts.xdp && facts.xdp->native && !facts.xdp->multi_buffer;
    if (single && facts.mtu > kMaxSingleBufferMtu) {
        findings.add(Level::kMend, "mtu",
                     std::to_string(facts.mtu) + " is more than native XDP of this driver takes",
                     "ip link set dev " + facts.name + " mtu 1500");
    } else if (facts.mtu > kMaxXdpMtu) {
        findings.add(
            Level::kNote, "mtu",
            std::to_string(facts.mtu) +
                ": requests longer than 3840 bytes do not fit AF_XDP and go to the kernel");
    } else {
        findings.add(Level::kGood, "mtu", std::to_string(facts.mtu));
    }
}

void judge_offloads(const InterfaceFacts& facts, Findings& findings) {
    if (facts.lro.value_or(false)) {
        findings.add(Level::kMend, "lro", "large receive offload keeps native XDP from attaching",
                     "ethtool -K " + facts.name + " lro off");
    } else if (facts.lro) {
        findings.add(Level::kGood, "lro", "off");
    }
    if (facts.gro_hw.value_or(false)) {
        findings.add(Level::kMend, "gro-hw", "hardware GRO keeps native XDP from attaching",
                     "ethtool -K " + facts.name + " rx-gro-hw off");
    } else if (facts.gro_hw) {
        findings.add(Level::kGood, "gro-hw", "off");
    }
    const bool sees_tags = facts.xdp && facts.xdp->vlan_tag;
    if (facts.strips_vlan.value_or(false) && !sees_tags) {
        findings.add(Level::kNote, "vlan-strip",
                     "the device takes VLAN tags out of frames and XDP is not told: where tagged "
                     "clients are, switch that off",
                     "ethtool -K " + facts.name + " rxvlan off");
    } else if (facts.strips_vlan) {
        findings.add(Level::kGood, "vlan-strip",
                     *facts.strips_vlan ? "on, and XDP is told of the tag" : "off");
    }
}

void judge_interface(const InterfaceFacts& facts, Findings& findings) {
    if (!facts.exists) {
        findings.add(Level::kMend, "link", "does not exist; the server would wait for it",
                     "ip link (lists those that do)");
        return;
    }
    if (!facts.up) {
        findings.add(Level::kMend, "link", "set down", "ip link set dev " + facts.name + " up");
    } else if (!facts.carrier) {
        findings.add(Level::kMend, "link", "no carrier: no cable, or the other side is down",
                     "ethtool " + facts.name + " (shows what the device sees)");
    } else {
        findings.add(Level::kGood, "link", "up");
    }
    judge_xdp(facts, findings);
    if (facts.queue_count > kMaxQueues) {
        findings.add(Level::kMend, "queues",
                     std::to_string(facts.queue_count) + ": at most 256 are taken",
                     "ethtool -L " + facts.name + " combined 256");
    } else {
        findings.add(Level::kGood, "queues", std::to_string(facts.queue_count));
    }
    judge_offloads(facts, findings);
}

}  // namespace

std::string_view name_of(Finding::Level level) noexcept {
    switch (level) {
        case Level::kGood:
            return "good";
        case Level::kNote:
            return "note";
        case Level::kMend:
            return "mend";
    }
    return {};
}

std::vector<Finding> judge(const HostFacts& facts) {
    Findings host{"host"};
    judge_kernel(facts, host);
    judge_privileges(facts, host);
    judge_cpu(facts, host);
    judge_bpf(facts, host);
    judge_port(facts, host);
    std::vector<Finding> all = std::move(host.all);
    for (const InterfaceFacts& interface : facts.interfaces) {
        Findings findings{interface.name};
        judge_interface(interface, findings);
        all.insert(all.end(), findings.all.begin(), findings.all.end());
    }
    return all;
}

}  // namespace xdhcpd::host
