#include "host/host.h"

#include <gtest/gtest.h>
#include <net/if.h>

#include <algorithm>
#include <fstream>

namespace xdhcpd::host {
namespace {

// The kernel gives ::1 to lo unless IPv6 is off there.
[[nodiscard]] bool has_ipv6() {
    std::ifstream file{"/proc/sys/net/ipv6/conf/lo/disable_ipv6"};
    int disabled = 1;
    return file >> disabled && disabled == 0;
}

TEST(ReadHostState, FindsLoopbackWithItsAddress) {
    const auto state = read_host_state();
    ASSERT_TRUE(state) << state.error().message;
    const model::HostInterface* const loopback = state->find("lo");
    ASSERT_NE(loopback, nullptr);
    EXPECT_EQ(loopback->ifindex, if_nametoindex("lo"));
    EXPECT_GT(loopback->mtu, 0u);
    if (loopback->up) {
        const Ipv4Prefix expected{Ipv4{0x7f000001}, 8};
        EXPECT_NE(std::find(loopback->addresses.begin(), loopback->addresses.end(), expected),
                  loopback->addresses.end());
        const Ipv6Prefix expected6{Ipv6::of_groups({0, 0, 0, 0, 0, 0, 0, 1}), 128};
        if (has_ipv6()) {
            EXPECT_NE(
                std::find(loopback->addresses6.begin(), loopback->addresses6.end(), expected6),
                loopback->addresses6.end());
        }
    }
}

TEST(ReadHostState, OrdersInterfacesByIndex) {
    const auto state = read_host_state();
    ASSERT_TRUE(state) << state.error().message;
    EXPECT_TRUE(std::is_sorted(state->interfaces.begin(), state->interfaces.end(),
                               [](const auto& a, const auto& b) { return a.ifindex < b.ifindex; }));
    for (const model::HostInterface& interface : state->interfaces) {
        EXPECT_EQ(interface.ifindex, if_nametoindex(interface.name.c_str())) << interface.name;
    }
}

}  // namespace
}  // namespace xdhcpd::host
