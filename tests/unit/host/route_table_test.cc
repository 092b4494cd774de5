// The kernel's routes to delegated prefixes, in a network namespace of the test's own thread.
#include "host/route_table.h"

#include <gtest/gtest.h>
#include <net/if.h>
#include <sched.h>

#include <cerrno>
#include <cstdlib>
#include <functional>
#include <thread>

namespace xdhcpd::host {
namespace {

[[nodiscard]] bool run(const std::string& command) {
    return std::system((command + " >/dev/null 2>&1").c_str()) == 0;
}

// Runs `test` with a veth pair "lan0" in a namespace that goes with the thread; false: not allowed.
[[nodiscard]] bool within_namespace(const std::function<void()>& test) {
    bool allowed = false;
    std::thread{[&] {
        allowed = ::unshare(CLONE_NEWNET) == 0 &&
                  run("ip link add lan0 type veth peer name lan1") && run("ip link set lan1 up") &&
                  run("ip link set lan0 up") && run("ip -6 address add fe80::1/64 dev lan0 nodad");
        if (allowed) {
            test();
        }
    }}.join();
    return allowed;
}

Route6 route(const char* prefix, const char* hop) {
    return {*parse_ipv6_prefix(prefix), *parse_ipv6(hop), ::if_nametoindex("lan0")};
}

TEST(RouteTableTest, AddsReplacesListsAndRemovesItsOwnRoutesOnly) {
    const bool allowed = within_namespace([] {
        auto table = RouteTable::open();
        ASSERT_TRUE(table.has_value()) << table.error().message;
        RouteTable& routes = **table;
        ASSERT_TRUE(routes.list().has_value());
        EXPECT_TRUE(routes.list()->empty());

        const Route6 first = route("2001:db8:1::/48", "fe80::9");
        ASSERT_TRUE(routes.add(first).has_value());
        EXPECT_EQ(*routes.list(), std::vector<Route6>{first});
        const Route6 moved = route("2001:db8:1::/48", "fe80::a");
        ASSERT_TRUE(routes.add(moved).has_value());
        EXPECT_EQ(*routes.list(), std::vector<Route6>{moved});

        // Of somebody else.
        ASSERT_TRUE(run("ip -6 route add 2001:db8:2::/48 via fe80::b dev lan0"));
        const auto refused = routes.add(route("2001:db8:2::/48", "fe80::9"));
        ASSERT_FALSE(refused.has_value());
        EXPECT_EQ(refused.error().errno_value, EEXIST);
        ASSERT_TRUE(routes.remove(*parse_ipv6_prefix("2001:db8:2::/48")).has_value());
        EXPECT_TRUE(run("ip -6 route show 2001:db8:2::/48 | grep -q fe80::b"));
        EXPECT_EQ(routes.list()->size(), 1u);

        ASSERT_TRUE(routes.remove(moved.prefix).has_value());
        ASSERT_TRUE(routes.remove(moved.prefix).has_value());
        EXPECT_TRUE(routes.list()->empty());
    });
    if (!allowed) {
        GTEST_SKIP() << "needs root and iproute2: a network namespace of its own";
    }
}

TEST(RouteTableTest, RefusalsNameThePrefix) {
    const bool allowed = within_namespace([] {
        auto table = RouteTable::open();
        ASSERT_TRUE(table.has_value());
        Route6 nowhere = route("2001:db8:1::/48", "fe80::9");
        nowhere.ifindex = 4711;
        const auto refused = (*table)->add(nowhere);
        ASSERT_FALSE(refused.has_value());
        EXPECT_NE(refused.error().message.find("2001:db8:1::/48"), std::string::npos);
    });
    if (!allowed) {
        GTEST_SKIP() << "needs root and iproute2: a network namespace of its own";
    }
}

}  // namespace
}  // namespace xdhcpd::host
