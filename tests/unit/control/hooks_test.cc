// Hooks as the server has them: who is told of what, in which order, and what of a reload.
#include "control/hooks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "unit/control/lab.h"

namespace xdhcpd::control {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Ipv6Prefix prefix(int number) {
    return *parse_ipv6_prefix("2001:db8:" + std::to_string(number) + "::/48");
}
DelegatedRoute route(int number, int hop = 1) {
    return {prefix(number), *parse_ipv6("fe80::" + std::to_string(hop)), "eth1"};
}

class HooksTest : public testing::Test {
  protected:
    HooksTest()
        : directory_{std::filesystem::temp_directory_path() /
                     ("xdhcpd-hooks-" + std::to_string(getpid()))},
          hooks_{[this](model::LogLevel, const std::string& line) { log_.push_back(line); }},
          routes_{{}, [this](const Ipv6Prefix& changed, const DelegatedRoute* now) {
                      hooks_.note(changed, now);
                  }} {
        std::filesystem::create_directories(directory_);
    }
    ~HooksTest() override { std::filesystem::remove_all(directory_); }

    // Appends each event to the file `name`; `script` comes before that.
    model::HookConfiguration writer(const std::string& name, const std::string& script = ":") {
        model::HookConfiguration hook;
        hook.command = {"/bin/sh", "-c",
                        script +
                            "; echo $XDHCPD_EVENT $XDHCPD_PREFIX $XDHCPD_NEXT_HOP "
                            "$XDHCPD_INTERFACE >>" +
                            (directory_ / name).string()};
        return hook;
    }
    [[nodiscard]] std::vector<std::string> told(const std::string& name) const {
        std::ifstream file{directory_ / name};
        std::vector<std::string> lines;
        for (std::string line; std::getline(file, line);) {
            lines.push_back(line);
        }
        return lines;
    }
    void tick() {
        hooks_.tick(routes_, BootTime{std::chrono::steady_clock::now().time_since_epoch()});
    }
    // Ticks until that holds; ten seconds at most.
    void wait(const std::function<bool()>& holds) {
        for (int i = 0; i < 5000 && !holds(); ++i) {
            tick();
            std::this_thread::sleep_for(milliseconds{2});
        }
        ASSERT_TRUE(holds());
    }
    void settle() {
        tick();
        wait([this] { return !hooks_.is_busy(); });
    }
    [[nodiscard]] HookStatus status(std::size_t index = 0) const {
        return hooks_.status({}).at(index);
    }

    std::filesystem::path directory_;
    std::vector<std::string> log_;
    Hooks hooks_;
    DelegatedRoutes routes_;
};

TEST_F(HooksTest, AreToldInOrderOneAfterAnother) {
    hooks_.configure({writer("told", "sleep 0.05")});
    settle();
    routes_.want(route(1));
    tick();  // runs
    routes_.want(route(2));
    routes_.drop(prefix(1));
    routes_.want(route(2));  // renewed
    settle();
    routes_.want(route(2, 7));
    settle();
    EXPECT_THAT(told("told"), ElementsAre("route-added 2001:db8:1::/48 fe80::1 eth1",
                                          "route-added 2001:db8:2::/48 fe80::1 eth1",
                                          "route-removed 2001:db8:1::/48",
                                          "route-added 2001:db8:2::/48 fe80::7 eth1"));
    EXPECT_EQ(status().ok, 4u);
    EXPECT_THAT(log_, IsEmpty());
}

TEST_F(HooksTest, WaitForNoneButThemselves) {
    hooks_.configure({writer("slow", "sleep 60"), writer("quick")});
    settle();
    routes_.want(route(1));
    routes_.want(route(2));
    wait([this] { return told("quick").size() == 2; });
    EXPECT_THAT(told("slow"), IsEmpty());
    EXPECT_EQ(status(0).queue_length, 1u);
    EXPECT_TRUE(status(0).running_seconds.has_value());
    const auto begun = std::chrono::steady_clock::now();
    hooks_.stop();
    EXPECT_LT(std::chrono::steady_clock::now() - begun, Hooks::kStopTime);
}

TEST_F(HooksTest, AreToldOfWhatThereIsHoweverMuch) {
    constexpr int kCount = 600;  // more than waits at a time
    for (int i = 1; i <= kCount; ++i) {
        routes_.want(route(i));
    }
    hooks_.configure({writer("told")});
    tick();
    EXPECT_LT(status().queue_length, 300u);
    routes_.want(route(kCount, 9));  // not yet told of: told once, as it is then
    routes_.drop(prefix(kCount - 1));
    settle();
    std::vector<std::string> lines = told("told");
    // The one that is gone is told of as gone, though it was not told of before.
    EXPECT_EQ(lines.size(), static_cast<std::size_t>(kCount));
    EXPECT_EQ(
        std::ranges::count(lines, "route-removed 2001:db8:" + std::to_string(kCount - 1) + "::/48"),
        1);
    EXPECT_EQ(std::ranges::count(
                  lines, "route-added 2001:db8:" + std::to_string(kCount) + "::/48 fe80::9 eth1"),
              1);
    EXPECT_EQ(status().lost, 0u);
    std::ranges::sort(lines);
    EXPECT_EQ(std::ranges::adjacent_find(lines), lines.end());
}

TEST_F(HooksTest, OfOtherEventsAreNotTold) {
    model::HookConfiguration hook = writer("told");
    hook.events = {model::HookEvent::kRouteRemoved};
    routes_.want(route(1));
    hooks_.configure({hook});
    settle();
    routes_.want(route(2));
    routes_.drop(prefix(2));
    settle();
    EXPECT_THAT(told("told"), ElementsAre("route-removed 2001:db8:2::/48"));
}

TEST_F(HooksTest, SayWhatWentWrongButNotForEver) {
    hooks_.configure({writer("told", "echo why >&2; exit 4")});
    settle();
    for (int i = 1; i <= 20; ++i) {
        routes_.want(route(i));
    }
    settle();
    EXPECT_EQ(status().failed, 20u);
    EXPECT_EQ(status().last_problem, "route-added 2001:db8:20::/48: exit code 4");
    EXPECT_EQ(std::ranges::count_if(log_,
                                    [](const std::string& line) {
                                        return line.find("exit code 4") != std::string::npos;
                                    }),
              6);
    EXPECT_EQ(log_.front(), "hook /bin/sh says: why");
}

TEST_F(HooksTest, ThatCannotBeStartedAreNoHindrance) {
    model::HookConfiguration hook;
    hook.command = {"/nowhere/hook"};
    hooks_.configure({hook});
    settle();
    routes_.want(route(1));
    routes_.want(route(2));
    settle();
    EXPECT_EQ(status().failed, 2u);
    EXPECT_THAT(status().last_problem, HasSubstr("No such file"));
}

TEST_F(HooksTest, LoseTheOldestWhenTooManyWait) {
    model::HookConfiguration hook = writer("told", "sleep 60");
    hooks_.configure({hook});
    settle();
    constexpr int kMore = 100;
    for (int i = 0; i < static_cast<int>(HookQueue::kCapacity) + kMore; ++i) {
        routes_.want({Ipv6Prefix{*parse_ipv6("2001:db8:" + std::to_string(i % 1000) + ":" +
                                             std::to_string(i / 1000) + "00::"),
                                 56},
                      *parse_ipv6("fe80::1"), "eth1"});
    }
    tick();
    tick();
    EXPECT_EQ(status().lost, static_cast<std::uint64_t>(kMore));
    ASSERT_EQ(log_.size(), 1u);
    EXPECT_THAT(log_.front(), HasSubstr("100 events were lost"));
}

TEST_F(HooksTest, AreToldOfWhatTheyLostWhenTheyGetOn) {
    constexpr std::size_t kCapacity = 32;
    Hooks small{[](model::LogLevel, const std::string&) {}, kCapacity};
    small.configure({writer("told")});
    small.tick(routes_, {});
    for (int i = 1; i <= 100; ++i) {
        routes_.want(route(i));
        small.note(prefix(i), routes_.next_wanted(prefix(i - 1)));
    }
    EXPECT_EQ(small.status({}).front().lost, 100 - kCapacity);
    for (int i = 0; i < 5000 && small.is_busy(); ++i) {
        small.tick(routes_, BootTime{std::chrono::steady_clock::now().time_since_epoch()});
        std::this_thread::sleep_for(milliseconds{2});
    }
    std::vector<std::string> lines = told("told");
    EXPECT_EQ(lines.size(), 100 + kCapacity);
    std::ranges::sort(lines);
    lines.erase(std::ranges::unique(lines).begin(), lines.end());
    EXPECT_EQ(lines.size(), 100u);
}

TEST_F(HooksTest, KeepWhatTheyHaveThroughAReload) {
    model::HookConfiguration slow = writer("kept", "sleep 0.2");
    hooks_.configure({slow, writer("gone", "sleep 0.2")});
    settle();
    routes_.want(route(1));
    routes_.want(route(2));
    tick();
    slow.timeout = 20;
    hooks_.configure({writer("new"), slow});
    settle();
    // The new one is told of what there is, the old one is not told again; what ran has ended.
    EXPECT_THAT(told("new"), testing::SizeIs(2));
    EXPECT_THAT(told("kept"), testing::SizeIs(2));
    EXPECT_THAT(told("gone"), testing::SizeIs(1));
    EXPECT_EQ(status(1).configuration.timeout, 20u);
    EXPECT_EQ(status(1).ok, 2u);
    hooks_.configure({});
    EXPECT_FALSE(hooks_.any());
    EXPECT_FALSE(hooks_.is_busy());
}

TEST_F(HooksTest, ThatComeBackWaitForTheirLastRun) {
    const model::HookConfiguration slow = writer("slow", "sleep 0.2");
    hooks_.configure({slow});
    settle();
    routes_.want(route(1));
    tick();
    routes_.drop(prefix(1));
    hooks_.configure({});
    tick();
    hooks_.configure({slow});
    routes_.want(route(2));
    settle();
    EXPECT_THAT(told("slow"), ElementsAre("route-added 2001:db8:1::/48 fe80::1 eth1",
                                          "route-added 2001:db8:2::/48 fe80::1 eth1"));
    EXPECT_EQ(status().ok, 2u);
}

// One announces prefixes, the other takes them back: neither says what is no longer so.
TEST_F(HooksTest, OfOneEventAreNotToldWhatTheOtherHasUndone) {
    model::HookConfiguration removals = writer("removals", "sleep 0.2");
    removals.events = {model::HookEvent::kRouteRemoved};
    model::HookConfiguration additions = writer("additions", "sleep 0.2");
    additions.events = {model::HookEvent::kRouteAdded};
    hooks_.configure({removals, additions});
    for (const int number : {1, 2, 3}) {
        routes_.want(route(number));
    }
    settle();
    for (const int number : {1, 2, 3}) {
        routes_.drop(prefix(number));
    }
    tick();  // the removal of the first is under way
    routes_.want(route(2));
    routes_.want(route(4));
    tick();
    routes_.want(route(5));
    routes_.drop(prefix(5));
    settle();
    EXPECT_THAT(told("removals"), testing::Not(testing::Contains("route-removed 2001:db8:2::/48")));
    EXPECT_THAT(told("removals"), testing::Contains("route-removed 2001:db8:3::/48"));
    EXPECT_THAT(told("additions"),
                testing::Not(testing::Contains("route-added 2001:db8:5::/48 fe80::1 eth1")));
    EXPECT_THAT(told("additions"), testing::Contains("route-added 2001:db8:4::/48 fe80::1 eth1"));
}

// While nobody is to be told, leases are not looked at.
TEST(HooksOfAServer, AreWhyRoutesAreFollowed) {
    const std::string dhcp6 =
        "interfaces: [{name: eth1, driver: udp}]\nmax-leases: 4096\ndhcp6: {subnets: [{subnet: "
        "2001:db8:1::/64, interface: eth1, prefix-pools: [{prefix: 2001:db8:8000::/40, "
        "delegated-length: 56}]}]}\n";
    Lab lab{1, dhcp6.c_str()};
    lab.control().keep_up();
    EXPECT_FALSE(lab.control().is_busy());
    lab.configure(dhcp6 + "hooks: [{command: [/bin/true]}]\n");
    EXPECT_TRUE(lab.control().reload(false).ok);
    lab.control().keep_up();
    EXPECT_TRUE(lab.control().is_busy());
    lab.configure(dhcp6);
    EXPECT_TRUE(lab.control().reload(false).ok);
    lab.control().keep_up();
    EXPECT_FALSE(lab.control().is_busy());
}

TEST(HooksOfAServer, AreInStatusAndMetrics) {
    const std::string text = std::string{kLabText} +
                             "hooks: [{command: [/bin/true, a]}, {command: [/bin/true, b], events: "
                             "[route-removed], timeout: 1m}]\n";
    Lab lab{1, text.c_str()};
    lab.control().keep_up();
    lab.control().tick();
    const json hooks = lab.ask({{"command", "status"}}).at("hooks");
    ASSERT_EQ(hooks.size(), 2u);
    EXPECT_EQ(hooks[0].at("command"), json::array({"/bin/true", "a"}));
    EXPECT_EQ(hooks[1].at("events"), json::array({"route-removed"}));
    EXPECT_EQ(hooks[1].at("timeout_seconds"), 60);
    EXPECT_EQ(hooks[0].at("runs"), (json{{"ok", 0}, {"failed", 0}, {"timeout", 0}}));
    const std::string page = lab.control().metrics_text();
    for (const char* const line :
         {"xdhcpd_hook_runs_total{hook=\"/bin/true\",result=\"timeout\"} 0\n",
          "xdhcpd_hook_events_lost_total{hook=\"/bin/true\"} 0\n",
          "xdhcpd_hook_queue_length{hook=\"/bin/true\"} 0\n"}) {
        EXPECT_THAT(page, HasSubstr(line));
    }
    lab.configure(std::string{kLabText} + "hooks: [{command: [/bin/true, a], timeout: 20s}]\n");
    const ReloadOutcome outcome = lab.control().reload(false);
    EXPECT_THAT(outcome.needs_restart, IsEmpty());
    EXPECT_THAT(outcome.changes,
                ElementsAre("hook /bin/true a: route-added, route-removed; timeout 10s -> "
                            "route-added, route-removed; timeout 20s",
                            "hook /bin/true b removed"));
    lab.control().keep_up();
    EXPECT_EQ(lab.ask({{"command", "status"}}).at("hooks").size(), 1u);
}

}  // namespace
}  // namespace xdhcpd::control
