#include "daemon/interfaces.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace xdhcpd::daemon {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// A host with one interface, drivers that open or refuse as told, and a clock that stands.
class Bench {
  public:
    Bench()
        : managed_{
              {.open = [this](const model::InterfaceConfiguration& configuration,
                              const model::HostInterface& seen) -> Result<OpenedInterface, Error> {
                   ++opened;
                   if (!refusal.empty()) {
                       return Unexpected{Error{0, refusal}};
                   }
                   EXPECT_EQ(configuration.name, seen.name);
                   return result;
               },
               .close = [this](const std::string&) { ++closed; },
               .queue_count = [this](const std::string&) { return queues; },
               .log = [this](model::LogLevel, const std::string& line) { log.push_back(line); },
               .clock = {}}} {
        model::InterfaceConfiguration eth1;
        eth1.name = "eth1";
        wanted = {eth1};
        model::HostInterface interface;
        interface.name = "eth1";
        interface.ifindex = 5;
        interface.up = interface.carrier = true;
        interface.xdp_program = 9;
        host.interfaces = {interface};
        result.text = "xdp native, 1 queue";
        result.is_xdp = true;
        result.xdp_program = 9;
    }

    void update(const std::vector<host::LinkDeparture>& departures = {}, bool lost = false) {
        log.clear();
        managed_.update(wanted, host, departures, lost, now);
    }
    void tick(milliseconds after) {
        now += after;
        managed_.tick(now);
    }
    [[nodiscard]] model::HostInterface& eth1() { return host.interfaces.at(0); }
    [[nodiscard]] const ManagedInterface& state() const { return managed_.all().at(0); }
    [[nodiscard]] bool wants_another_look() const { return managed_.wants_another_look(); }
    [[nodiscard]] bool is_impatient() const { return managed_.is_impatient(); }

    std::vector<model::InterfaceConfiguration> wanted;
    model::HostState host;
    OpenedInterface result;
    std::string refusal;
    std::uint32_t queues = 1;
    BootTime now{std::chrono::seconds{100}};
    std::vector<std::string> log;
    int opened = 0;
    int closed = 0;

  private:
    ManagedInterfaces managed_;
};

TEST(ManagedInterfaces, SaysNothingWhenNothingHasChanged) {
    Bench bench;
    bench.update();
    EXPECT_THAT(bench.log, ElementsAre("interface eth1: serving (xdp native, 1 queue)"));
    bench.update();
    bench.tick(milliseconds{5000});
    EXPECT_THAT(bench.log, IsEmpty());
    EXPECT_EQ(bench.opened, 1);
}

TEST(ManagedInterfaces, WaitsForAnInterfaceThatIsNotThere) {
    Bench bench;
    const model::HostInterface eth1 = bench.eth1();
    bench.host.interfaces.clear();
    bench.update();
    EXPECT_THAT(bench.log, ElementsAre("interface eth1: does not exist; waiting for it"));
    EXPECT_EQ(bench.state().state, InterfaceState::kAbsent);
    bench.update();
    EXPECT_THAT(bench.log, IsEmpty());
    bench.host.interfaces = {eth1};
    bench.update();
    EXPECT_THAT(bench.log, ElementsAre("interface eth1: serving (xdp native, 1 queue)"));
}

TEST(ManagedInterfaces, ClosesWhatWasDeletedAndMeasuresTheTimeWithoutIt) {
    Bench bench;
    bench.update();
    model::HostInterface eth1 = bench.eth1();
    bench.host.interfaces.clear();
    bench.update({{5, false}});
    EXPECT_THAT(bench.log, ElementsAre("interface eth1: deleted; waiting for it"));
    EXPECT_EQ(bench.closed, 1);
    bench.now += milliseconds{1500};
    eth1.ifindex = 6;
    bench.host.interfaces = {eth1};
    bench.update();
    EXPECT_THAT(bench.log, ElementsAre("interface eth1: serving again after 1.5 s "
                                       "(xdp native, 1 queue)"));
    EXPECT_EQ(bench.state().reopens, 1u);
}

TEST(ManagedInterfaces, ReopensWhatWasReplacedBetweenTwoReadings) {
    Bench bench;
    bench.update();
    bench.eth1().ifindex = 6;
    bench.update();
    EXPECT_THAT(bench.log, ElementsAre(HasSubstr("deleted and made again; serving again")));
    EXPECT_EQ(bench.closed, 1);
    EXPECT_EQ(bench.opened, 2);
}

TEST(ManagedInterfaces, ReopensWhatLeftAndCameBackWithItsIndex) {
    Bench bench;
    bench.update();
    bench.update({{5, true}});
    EXPECT_THAT(bench.log, ElementsAre(HasSubstr("moved to another network namespace and back")));
    EXPECT_EQ(bench.opened, 2);
    bench.update({{7, false}});  // somebody else's
    EXPECT_EQ(bench.opened, 2);
    bench.update({}, /*lost=*/true);
    EXPECT_EQ(bench.opened, 3) << "it may have left";
}

TEST(ManagedInterfaces, TellsRenamedFromMovedFromDeleted) {
    for (const auto& [departures, name, expected] :
         std::vector<std::tuple<std::vector<host::LinkDeparture>, std::string, std::string>>{
             {{}, "eth9", "interface eth1: renamed to eth9; waiting for it"},
             {{{5, true}},
              "",
              "interface eth1: moved to another network namespace; waiting for it"},
             {{{5, false}}, "", "interface eth1: deleted; waiting for it"}}) {
        Bench bench;
        bench.update();
        if (name.empty()) {
            bench.host.interfaces.clear();
        } else {
            bench.eth1().name = name;
        }
        bench.update(departures);
        EXPECT_THAT(bench.log, ElementsAre(expected));
    }
}

TEST(ManagedInterfaces, LooksOnceMoreBeforeItCallsAnInterfaceDeleted) {
    Bench bench;
    bench.update();
    bench.host.interfaces.clear();
    bench.update();
    EXPECT_THAT(bench.log, IsEmpty());
    EXPECT_TRUE(bench.wants_another_look());
    bench.update();
    EXPECT_THAT(bench.log, ElementsAre("interface eth1: deleted; waiting for it"));
    EXPECT_FALSE(bench.wants_another_look());
}

TEST(ManagedInterfaces, KeepsTheDriverWhileTheLinkIsDown) {
    Bench bench;
    bench.update();
    bench.eth1().up = bench.eth1().carrier = false;
    bench.update();
    EXPECT_THAT(bench.log, ElementsAre("interface eth1: link down (set down)"));
    EXPECT_EQ(bench.state().state, InterfaceState::kDown);
    bench.now += milliseconds{250};
    bench.eth1().up = bench.eth1().carrier = true;
    bench.update();
    EXPECT_THAT(bench.log, ElementsAre("interface eth1: link up; serving again after 0.250 s "
                                       "(xdp native, 1 queue)"));
    EXPECT_EQ(bench.opened, 1);
}

TEST(ManagedInterfaces, NamesAddressAndMacWithoutReopening) {
    Bench bench;
    bench.update();
    bench.eth1().addresses = {{Ipv4{0xc0000201}, 24}};
    bench.eth1().mac.octets[5] = std::byte{7};
    bench.update();
    EXPECT_THAT(bench.log,
                ElementsAre("interface eth1: MAC address 00:00:00:00:00:00 -> 00:00:00:00:00:07, "
                            "address 192.0.2.1/24 added"));
    bench.eth1().addresses.clear();
    bench.update();
    EXPECT_THAT(bench.log, ElementsAre("interface eth1: address 192.0.2.1/24 removed"));
    EXPECT_EQ(bench.opened, 1);
}

TEST(ManagedInterfaces, ReopensForMtuQueuesAndADetachedProgram) {
    Bench bench;
    bench.update();
    bench.eth1().mtu = 9000;
    bench.update();
    EXPECT_THAT(bench.log, ElementsAre(HasSubstr("MTU 1500 -> 9000; serving again")));
    bench.log.clear();
    bench.queues = 4;
    bench.tick(milliseconds{1000});
    EXPECT_THAT(bench.log, ElementsAre(HasSubstr("1 -> 4 queues; serving again")));
    bench.eth1().xdp_program = 0;
    bench.update();
    EXPECT_THAT(bench.log, ElementsAre(HasSubstr("our XDP program was detached by somebody")));
    EXPECT_EQ(bench.opened, 4);
    EXPECT_EQ(bench.closed, 3);
}

TEST(ManagedInterfaces, TriesARefusedDriverAgainEverLaterAndSaysSoOnce) {
    Bench bench;
    bench.refusal = "xdp: no";
    bench.update();
    EXPECT_THAT(bench.log, ElementsAre("interface eth1: not served: xdp: no"));
    EXPECT_EQ(bench.state().state, InterfaceState::kRefused);
    std::vector<int> tries;
    for (int second = 1; second <= 70; ++second) {
        const int before = bench.opened;
        bench.tick(milliseconds{1000});
        if (bench.opened != before) {
            tries.push_back(second);
        }
    }
    EXPECT_THAT(tries, ElementsAre(1, 3, 7, 15, 31, 61));
    EXPECT_EQ(bench.log.size(), 1u);
    bench.refusal.clear();
    bench.eth1().mtu = 1400;  // anything that happens is a reason to try at once
    bench.update();
    EXPECT_THAT(bench.log, ElementsAre(HasSubstr("MTU 1500 -> 1400; serving (xdp")));
}

TEST(ManagedInterfaces, TakesABetterDriverWhenTheProgramInItsWayIsGone) {
    Bench bench;
    bench.result = {"packet", "xdp: program 3 'foo' is attached", false, 0};
    bench.eth1().xdp_program = 3;
    bench.update();
    EXPECT_THAT(bench.log,
                ElementsAre("interface eth1: serving (packet) because xdp: program 3 'foo' is "
                            "attached"));
    EXPECT_TRUE(bench.is_impatient());
    bench.result = {"xdp native, 1 queue", "", true, 9};
    bench.eth1().xdp_program = 0;
    bench.update();
    EXPECT_THAT(bench.log, ElementsAre(HasSubstr("XDP program 3 of somebody else is gone; "
                                                 "serving again after")));
    bench.eth1().xdp_program = 9;
    bench.update();
    EXPECT_THAT(bench.log, IsEmpty());
    EXPECT_FALSE(bench.is_impatient());
}

TEST(ManagedInterfaces, TakesOtherLimitsWithoutOpeningAnything) {
    Bench bench;
    bench.update();
    bench.wanted[0].rate_limits.per_client = model::RateLimit{10, 1, 20};
    bench.update();
    EXPECT_THAT(bench.log, IsEmpty());
    EXPECT_EQ(bench.closed, 0);
    EXPECT_EQ(bench.state().configuration.rate_limits, bench.wanted[0].rate_limits);
}

TEST(ManagedInterfaces, FollowsTheConfiguration) {
    Bench bench;
    bench.update();
    bench.wanted[0].driver = model::Driver::kUdp;
    bench.update();
    EXPECT_THAT(bench.log, ElementsAre(HasSubstr("its configuration has changed; serving again")));
    bench.wanted.clear();
    bench.update();
    EXPECT_THAT(bench.log, ElementsAre(HasSubstr("not served any more")));
    EXPECT_EQ(bench.closed, 2);
}

}  // namespace
}  // namespace xdhcpd::daemon
