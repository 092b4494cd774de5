// Routes to delegated prefixes: the kernel ends up with what the leases want, through refusals,
// restarts, interfaces that come and go, and any order of changes.
#include "control/delegated_routes.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace xdhcpd::control {
namespace {

using std::chrono::seconds;

Ipv6Prefix prefix(int number) {
    return *parse_ipv6_prefix("2001:db8:" + std::to_string(number) + "::/48");
}
Ipv6 hop(int number) {
    return *parse_ipv6("fe80::" + std::to_string(number));
}

class DelegatedRoutesTest : public ::testing::Test {
  protected:
    DelegatedRoutesTest() {
        add_interface("lan0", 3);
        add_interface("lan1", 4);
    }
    void add_interface(const char* name, std::uint32_t ifindex) {
        model::HostInterface interface;
        interface.name = name;
        interface.ifindex = ifindex;
        interface.up = true;
        host_.interfaces.push_back(interface);
    }
    void settle(DelegatedRoutes& routes) {
        for (int i = 0; i < 100; ++i) {
            now_ += DelegatedRoutes::kRetry;
            routes.tick(host_, now_, [this](std::string line) { log_.push_back(std::move(line)); });
        }
    }
    DelegatedRoutes::Kernel kernel() {
        return {.add = [this](const host::Route6& route) -> Result<Success, Error> {
                    ++asked_;
                    if (refuses_) {
                        return Unexpected{Error{113, "no route to host"}};
                    }
                    table_[route.prefix] = route;
                    return Success{};
                },
                .remove = [this](const Ipv6Prefix& gone) -> Result<Success, Error> {
                    ++asked_;
                    table_.erase(gone);
                    return Success{};
                },
                .list = [this]() -> Result<std::vector<host::Route6>, Error> {
                    std::vector<host::Route6> all;
                    for (const auto& [key, route] : table_) {
                        all.push_back(route);
                    }
                    return all;
                }};
    }

    model::HostState host_;
    std::map<Ipv6Prefix, host::Route6> table_;
    std::vector<std::string> log_;
    BootTime now_{seconds{100}};
    bool refuses_ = false;
    int asked_ = 0;
};

TEST_F(DelegatedRoutesTest, ComesWithTheLeaseAndGoesWithIt) {
    DelegatedRoutes routes{kernel()};
    routes.want({prefix(1), hop(1), "lan0"});
    settle(routes);
    ASSERT_EQ(table_.size(), 1u);
    EXPECT_EQ(table_.begin()->second, (host::Route6{prefix(1), hop(1), 3}));
    EXPECT_EQ(routes.counts().installed, 1u);
    asked_ = 0;
    routes.want({prefix(1), hop(1), "lan0"});  // renewed
    settle(routes);
    EXPECT_EQ(asked_, 0);
    routes.want({prefix(1), hop(2), "lan1"});  // moved
    settle(routes);
    EXPECT_EQ(table_.begin()->second, (host::Route6{prefix(1), hop(2), 4}));
    routes.drop(prefix(1));
    routes.drop(prefix(1));
    settle(routes);
    EXPECT_TRUE(table_.empty());
    EXPECT_EQ(routes.counts().wanted, 0u);
    EXPECT_EQ(routes.counts().installed, 0u);
    EXPECT_EQ(routes.counts().removed, 1u);
}

TEST_F(DelegatedRoutesTest, OfAnEarlierRunStayOnlyIfALeaseWantsThem) {
    table_[prefix(1)] = {prefix(1), hop(1), 3};
    table_[prefix(2)] = {prefix(2), hop(2), 3};
    DelegatedRoutes routes{kernel()};
    routes.begin_all();
    routes.want({prefix(1), hop(1), "lan0"});
    routes.want({prefix(3), hop(3), "lan0"});
    routes.end_all();
    asked_ = 0;
    settle(routes);
    EXPECT_EQ(asked_, 2);  // one came, one went, one stayed as it was
    EXPECT_TRUE(table_.contains(prefix(1)));
    EXPECT_TRUE(table_.contains(prefix(3)));
    EXPECT_EQ(table_.size(), 2u);
    EXPECT_EQ(routes.counts().installed, 2u);
}

TEST_F(DelegatedRoutesTest, RefusedOnesAreTriedAgainAndSaidOnce) {
    DelegatedRoutes routes{kernel()};
    refuses_ = true;
    routes.want({prefix(1), hop(1), "lan0"});
    settle(routes);
    EXPECT_TRUE(table_.empty());
    EXPECT_EQ(log_.size(), 1u);
    EXPECT_GE(routes.counts().failed, 2u);
    refuses_ = false;
    settle(routes);
    EXPECT_EQ(table_.size(), 1u);
}

TEST_F(DelegatedRoutesTest, ComeBackWithTheirInterface) {
    DelegatedRoutes routes{kernel()};
    routes.want({prefix(1), hop(1), "lan0"});
    settle(routes);
    host_.interfaces[0].up = false;
    table_.clear();  // the kernel does that
    routes.recheck();
    settle(routes);
    EXPECT_TRUE(table_.empty());
    EXPECT_EQ(routes.counts().installed, 0u);
    host_.interfaces[0].up = true;
    host_.interfaces[0].ifindex = 9;
    routes.recheck();
    settle(routes);
    ASSERT_EQ(table_.size(), 1u);
    EXPECT_EQ(table_.begin()->second.ifindex, 9u);
}

TEST_F(DelegatedRoutesTest, LeadToTheHostsOwnInterfaceOfAVlan) {
    DelegatedRoutes routes{kernel()};
    routes.want({prefix(1), hop(1), "lan0", {100, 0}});
    routes.want({prefix(2), hop(1), "lan0", {100, 200}});
    routes.want({prefix(3), hop(1), "lan0"});
    settle(routes);
    ASSERT_EQ(table_.size(), 1u) << "the host is in no VLAN";
    EXPECT_EQ(table_[prefix(3)].ifindex, 3u);
    EXPECT_EQ(routes.counts().wanted, 3u);
    EXPECT_TRUE(log_.empty());
    add_interface("customers", 7);
    host_.interfaces.back().vlan_of = 3;
    host_.interfaces.back().vlan_id = 100;
    routes.recheck();
    settle(routes);
    ASSERT_EQ(table_.size(), 2u);
    EXPECT_EQ(table_[prefix(1)].ifindex, 7u);
    routes.want({prefix(3), hop(1), "lan0", {100, 0}});  // it has moved there
    settle(routes);
    EXPECT_EQ(table_[prefix(3)].ifindex, 7u);
    EXPECT_EQ(routes.counts().installed, 2u);
    routes.want({prefix(3), hop(1), "lan0", {300, 0}});  // where the host is not
    settle(routes);
    EXPECT_EQ(table_.count(prefix(3)), 0u) << "it is not behind the old interface any more";
    EXPECT_EQ(routes.counts().installed, 1u);
    routes.drop(prefix(3));
    settle(routes);
    EXPECT_EQ(table_.size(), 1u);
}

TEST_F(DelegatedRoutesTest, TheKernelNeedNotBeTold) {
    table_[prefix(9)] = {prefix(9), hop(9), 3};  // of an earlier run
    DelegatedRoutes routes{kernel()};
    routes.tell_kernel(false);
    EXPECT_TRUE(table_.empty());
    routes.want({prefix(1), hop(1), "lan0"});
    routes.want({prefix(2), hop(2), "lan0"});
    routes.drop(prefix(2));
    settle(routes);
    EXPECT_TRUE(table_.empty());
    EXPECT_EQ(routes.counts().wanted, 1u);
    routes.tell_kernel(true);
    settle(routes);
    ASSERT_EQ(table_.size(), 1u);
    EXPECT_EQ(table_.begin()->first, prefix(1));
    routes.tell_kernel(false);
    EXPECT_TRUE(table_.empty());
    EXPECT_EQ(routes.counts().installed, 0u);
    EXPECT_EQ(routes.counts().wanted, 1u);
}

// With a kernel or without one, whoever wants to know hears of each change once.
TEST_F(DelegatedRoutesTest, ChangesAreToldOnce) {
    for (const bool has_kernel : {true, false}) {
        std::vector<std::string> told;
        DelegatedRoutes routes{has_kernel ? kernel() : DelegatedRoutes::Kernel{},
                               [&told](const Ipv6Prefix& changed, const DelegatedRoute* route) {
                                   told.push_back(to_string(changed) + " " +
                                                  (route != nullptr ? to_string(route->next_hop)
                                                                    : std::string{"none"}));
                               }};
        routes.want({prefix(1), hop(1), "lan0"});
        routes.want({prefix(1), hop(1), "lan0"});
        routes.want({prefix(2), hop(1), "lan0"});
        routes.want({prefix(1), hop(2), "lan0"});
        settle(routes);
        EXPECT_EQ(routes.next_wanted(std::nullopt)->prefix, prefix(1));
        EXPECT_EQ(routes.next_wanted(prefix(1))->prefix, prefix(2));
        EXPECT_EQ(routes.next_wanted(prefix(2)), nullptr);
        routes.begin_all();
        routes.want({prefix(1), hop(2), "lan0"});
        routes.end_all();
        routes.drop(prefix(1));
        routes.drop(prefix(1));
        settle(routes);
        EXPECT_EQ(told,
                  (std::vector<std::string>{"2001:db8:1::/48 fe80::1", "2001:db8:2::/48 fe80::1",
                                            "2001:db8:1::/48 fe80::2", "2001:db8:2::/48 none",
                                            "2001:db8:1::/48 none"}));
        EXPECT_EQ(routes.next_wanted(std::nullopt), nullptr);
        EXPECT_EQ(routes.counts().wanted, 0u);
    }
}

TEST_F(DelegatedRoutesTest, TheKernelIsAskedNoMoreThanTheBudgetAtATime) {
    DelegatedRoutes routes{kernel()};
    for (int i = 0; i < 1200; ++i) {
        routes.want({prefix(i % 1000), hop(i), "lan0"});
    }
    routes.tick(host_, now_, [](const std::string&) {});
    EXPECT_EQ(asked_, static_cast<int>(DelegatedRoutes::kBudget));
    settle(routes);
    EXPECT_EQ(table_.size(), 1000u);
}

// Whatever happens in whatever order, in the end the kernel has what is wanted.
TEST_F(DelegatedRoutesTest, AgreesWithANaiveModel) {
    std::mt19937 random{7};
    DelegatedRoutes routes{kernel()};
    std::map<Ipv6Prefix, Ipv6> wanted;
    for (int step = 0; step < 20000; ++step) {
        const Ipv6Prefix which = prefix(static_cast<int>(random() % 40));
        switch (random() % 12) {
            case 0:
                refuses_ = !refuses_;
                break;
            case 1:
                host_.interfaces[0].up = !host_.interfaces[0].up;
                if (!host_.interfaces[0].up) {
                    table_.clear();
                }
                routes.recheck();
                break;
            case 2:
                table_.erase(which);  // by somebody
                routes.recheck();
                break;
            case 3:
                routes.begin_all();
                for (const auto& [each, next] : wanted) {
                    routes.want({each, next, "lan0"});
                }
                routes.end_all();
                break;
            case 4:
            case 5:
                routes.drop(which);
                wanted.erase(which);
                break;
            case 6:
                now_ += seconds{static_cast<int>(random() % 20)};
                routes.tick(host_, now_, [](const std::string&) {});
                break;
            default:
                wanted[which] = hop(static_cast<int>(random() % 5));
                routes.want({which, wanted[which], "lan0"});
                break;
        }
        ASSERT_EQ(routes.counts().wanted, wanted.size());
    }
    refuses_ = false;
    host_.interfaces[0].up = true;
    routes.recheck();
    settle(routes);
    ASSERT_EQ(table_.size(), wanted.size());
    EXPECT_EQ(routes.counts().installed, wanted.size());
    for (const auto& [each, next] : wanted) {
        EXPECT_EQ(table_[each].next_hop, next);
    }
}

}  // namespace
}  // namespace xdhcpd::control
