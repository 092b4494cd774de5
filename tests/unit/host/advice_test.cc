#include "host/advice.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace xdhcpd::host {
namespace {

using Level = Finding::Level;

// A host on which nothing is to be mended.
[[nodiscard]] HostFacts good_host() {
    HostFacts facts;
    facts.kernel = "6.18.0";
    facts.kernel_major = 6;
    facts.kernel_minor = 18;
    facts.may_lock_memory = true;
    facts.cpu_count = 4;
    facts.bpf_jit = 1;
    facts.unprivileged_bpf_disabled = 2;
    InterfaceFacts eth1;
    eth1.name = "eth1";
    eth1.exists = eth1.up = eth1.carrier = true;
    eth1.mtu = 1500;
    eth1.driver = "mlx5_core";
    eth1.queue_count = 4;
    eth1.xdp = XdpAbilities{true, true, true, true};
    eth1.lro = eth1.gro_hw = false;
    eth1.strips_vlan = true;
    facts.interfaces = {eth1};
    return facts;
}

[[nodiscard]] Finding find(const HostFacts& facts, const std::string& topic) {
    const auto all = judge(facts);
    const auto found = std::find_if(all.begin(), all.end(),
                                    [&](const Finding& each) { return each.topic == topic; });
    EXPECT_NE(found, all.end()) << topic;
    return found == all.end() ? Finding{} : *found;
}

TEST(Advice, FindsNothingToMendOnAGoodHost) {
    for (const Finding& finding : judge(good_host())) {
        EXPECT_EQ(finding.level, Level::kGood) << finding.topic << ": " << finding.text;
        EXPECT_EQ(finding.command, "") << finding.topic;
    }
}

struct Fault {
    const char* topic;
    Level level;
    const char* command;  // part of it
    void (*spoil)(HostFacts&);
};

class AdviceFault : public testing::TestWithParam<Fault> {};

TEST_P(AdviceFault, IsFoundWithTheCommandThatMendsIt) {
    const Fault& fault = GetParam();
    HostFacts facts = good_host();
    fault.spoil(facts);
    const Finding finding = find(facts, fault.topic);
    EXPECT_EQ(finding.level, fault.level) << finding.text;
    EXPECT_NE(finding.command.find(fault.command), std::string::npos) << finding.command;
    // Nothing else is to blame.
    const auto all = judge(facts);
    EXPECT_EQ(std::count_if(all.begin(), all.end(),
                            [](const Finding& each) { return each.level != Level::kGood; }),
              1);
}

INSTANTIATE_TEST_SUITE_P(
    All, AdviceFault,
    testing::Values(
        Fault{"kernel", Level::kMend, "apt install",
              [](HostFacts& facts) {
                  facts.kernel_major = 5;
                  facts.kernel_minor = 10;
              }},
        Fault{"kernel", Level::kNote, "", [](HostFacts& facts) { facts.kernel_minor = 1; }},
        Fault{"capabilities", Level::kMend, "AmbientCapabilities=CAP_BPF",
              [](HostFacts& facts) { facts.missing_capabilities = {"CAP_BPF"}; }},
        Fault{"memlock", Level::kMend, "LimitMEMLOCK",
              [](HostFacts& facts) {
                  facts.may_lock_memory = false;
                  facts.memlock_limit = 8 << 20;
              }},
        Fault{"cpu-quota", Level::kMend,
              "CPUQuota=", [](HostFacts& facts) { facts.cpu_quota = 0.5; }},
        Fault{"cpuset", Level::kNote, "", [](HostFacts& facts) { facts.cpu_count = 1; }},
        Fault{"bpf-jit", Level::kMend, "bpf_jit_enable=1",
              [](HostFacts& facts) { facts.bpf_jit = 0; }},
        Fault{"unprivileged-bpf", Level::kNote, "unprivileged_bpf_disabled=2",
              [](HostFacts& facts) { facts.unprivileged_bpf_disabled = 0; }},
        Fault{"port-67", Level::kMend, "systemctl stop dnsmasq",
              [](HostFacts& facts) {
                  facts.is_port_taken = true;
                  facts.port_holders = {{42, "dnsmasq"}};
              }},
        Fault{"port-67", Level::kMend, "sudo ss",
              [](HostFacts& facts) { facts.is_port_taken = true; }},
        Fault{"link", Level::kMend, "ip link set dev eth1 up",
              [](HostFacts& facts) { facts.interfaces[0].up = false; }},
        Fault{"link", Level::kMend, "ethtool eth1",
              [](HostFacts& facts) { facts.interfaces[0].carrier = false; }},
        Fault{"link", Level::kMend, "ip link",
              [](HostFacts& facts) { facts.interfaces[0].exists = false; }},
        Fault{"xdp", Level::kNote, "",
              [](HostFacts& facts) { facts.interfaces[0].xdp->native = false; }},
        Fault{"xdp", Level::kMend, "driver: auto",
              [](HostFacts& facts) {
                  facts.interfaces[0].xdp->native = false;
                  facts.interfaces[0].wants_native = true;
              }},
        Fault{"xdp-program", Level::kMend, "ip link set dev eth1 xdp off",
              [](HostFacts& facts) {
                  facts.interfaces[0].program = XdpProgram{7, "foo", {}};
              }},
        Fault{"xdp-program", Level::kMend, "stop bpfman (pid 9)",
              [](HostFacts& facts) {
                  facts.interfaces[0].program = XdpProgram{7, "foo", {{9, "bpfman"}}};
              }},
        Fault{"mtu", Level::kMend, "mtu 1500",
              [](HostFacts& facts) {
                  facts.interfaces[0].mtu = 9000;
                  facts.interfaces[0].xdp->multi_buffer = false;
              }},
        Fault{"mtu", Level::kNote, "", [](HostFacts& facts) { facts.interfaces[0].mtu = 9000; }},
        Fault{"queues", Level::kMend, "ethtool -L eth1 combined 256",
              [](HostFacts& facts) { facts.interfaces[0].queue_count = 300; }},
        Fault{"lro", Level::kMend, "ethtool -K eth1 lro off",
              [](HostFacts& facts) { facts.interfaces[0].lro = true; }},
        Fault{"gro-hw", Level::kMend, "ethtool -K eth1 rx-gro-hw off",
              [](HostFacts& facts) { facts.interfaces[0].gro_hw = true; }},
        Fault{"vlan-strip", Level::kNote, "ethtool -K eth1 rxvlan off",
              [](HostFacts& facts) { facts.interfaces[0].xdp->vlan_tag = false; }}));

TEST(Advice, TakesOurOwnProgramAndPortForGood) {
    HostFacts facts = good_host();
    facts.is_port_taken = true;
    facts.port_holders = {{5, "xdhcpd"}};
    facts.interfaces[0].program = XdpProgram{7, "xd_ingress", {{5, "xdhcpd"}}};
    for (const Finding& finding : judge(facts)) {
        EXPECT_EQ(finding.level, Level::kGood) << finding.topic << ": " << finding.text;
    }
}

}  // namespace
}  // namespace xdhcpd::host
