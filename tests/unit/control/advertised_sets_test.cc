#include "control/advertised_sets.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "journal/codec/summed_text.h"
#include "support/faulty_files.h"
#include "unit/control/lab.h"

namespace xdhcpd::control {
namespace {

using journal::FaultyFiles;
using Kind = AdvertisedItem::Kind;

const std::string kDirectory = "state";
constexpr std::uint64_t kNow = 1'800'000'000;
constexpr std::uint64_t kDay = 86400;

model::AdvertisedPrefixConfiguration prefix(const char* text, std::uint32_t valid = 86400) {
    model::AdvertisedPrefixConfiguration made;
    made.prefix = *parse_ipv6_prefix(text);
    made.lifetimes = {valid / 2, valid};
    return made;
}

model::AdvertisementConfiguration link(const char* interface = "eth1") {
    model::AdvertisementConfiguration made;
    made.interface = interface;
    made.max_interval = 600;
    made.prefixes = {prefix("2001:db8:1::/64"), prefix("2001:db8:2::/64")};
    made.routes = {{*parse_ipv6_prefix("2001:db8:9::/48"), nd::Preference::kLow, {}}};
    made.dns_servers = {*parse_ipv6("2001:db8::53")};
    made.dns_search = {"example.org"};
    return made;
}

model::Configuration configured(std::vector<model::AdvertisementConfiguration> links) {
    model::Configuration configuration;
    configuration.router_advertisements = std::move(links);
    return configuration;
}

// A snapshot where eth1 (2) and eth2 (3) are served, with the advertisements of `configuration`.
model::Snapshot snapshot_of(const model::Configuration& configuration) {
    model::Snapshot snapshot;
    std::vector<model::Ingress> ingresses(2);
    ingresses[0].interface.ifindex = 2;
    ingresses[0].interface.name = "eth1";
    ingresses[1].interface.ifindex = 3;
    ingresses[1].interface.name = "eth2";
    for (const model::AdvertisementConfiguration& each : configuration.router_advertisements) {
        model::Advertisement& made = snapshot.ipv6.advertisements.emplace_back();
        made.ifindex = each.interface == "eth1" ? 2 : 3;
        made.vlan = each.vlan ? model::VlanIds{each.vlan->outer_first, each.vlan->inner_first}
                              : model::VlanIds{};
        made.configuration = each;
    }
    snapshot.index(std::move(ingresses), {}, {});
    return snapshot;
}

// The snapshot that `configuration` makes at `time`.
model::Snapshot amended(AdvertisedSets& sets, const model::Configuration& configuration,
                        std::uint64_t time) {
    model::Snapshot snapshot = snapshot_of(configuration);
    EXPECT_FALSE(sets.amend(configuration, snapshot, time).problem);
    return snapshot;
}

std::size_t withdrawn_count(const model::Snapshot& snapshot) {
    std::size_t count = 0;
    for (const model::Advertisement& each : snapshot.ipv6.advertisements) {
        count += each.withdrawn_prefixes.size() + each.withdrawn_routes.size() +
                 each.withdrawn_dns_servers.size() + each.withdrawn_dns_search.size();
    }
    return count;
}

TEST(AdvertisedSetsTest, WhatIsAdvertisedIsNotTakenBack) {
    AdvertisedSets sets;
    const auto configuration = configured({link()});
    for (const std::uint64_t time : {kNow, kNow + 100, kNow + 10 * kDay}) {
        EXPECT_EQ(withdrawn_count(amended(sets, configuration, time)), 0u);
    }
    EXPECT_EQ(sets.items().size(), 5u);
    EXPECT_FALSE(sets.next_end());
}

TEST(AdvertisedSetsTest, WhatWasRemovedIsTakenBackUntilNoHostCanHaveIt) {
    RecordProperty("rfc", "9096 3.5, 4862 5.5.3");
    AdvertisedSets sets;
    static_cast<void>(amended(sets, configured({link()}), kNow));
    auto changed = link();
    changed.prefixes.pop_back();
    changed.routes.clear();
    changed.dns_servers = {*parse_ipv6("2001:db8::54")};
    changed.dns_search.clear();
    const auto configuration = configured({changed});

    const auto snapshot = amended(sets, configuration, kNow + 1000);
    const model::Advertisement& advertisement = snapshot.ipv6.advertisements.at(0);
    ASSERT_EQ(advertisement.withdrawn_prefixes.size(), 1u);
    EXPECT_EQ(advertisement.withdrawn_prefixes[0].prefix, *parse_ipv6_prefix("2001:db8:2::/64"));
    EXPECT_EQ(advertisement.withdrawn_prefixes[0].lifetimes, (model::Lifetimes{0, 0}));
    ASSERT_EQ(advertisement.withdrawn_routes.size(), 1u);
    EXPECT_EQ(advertisement.withdrawn_routes[0].preference, nd::Preference::kLow);
    EXPECT_EQ(advertisement.withdrawn_dns_servers, std::vector<Ipv6>{*parse_ipv6("2001:db8::53")});
    EXPECT_EQ(advertisement.withdrawn_dns_search, std::vector<std::string>{"example.org"});

    // Route, server and name live three intervals; the prefix two hours of its day.
    EXPECT_EQ(sets.next_end(), kNow + 1000 + 1800);
    EXPECT_EQ(withdrawn_count(amended(sets, configuration, kNow + 1000 + 1799)), 4u);
    EXPECT_EQ(withdrawn_count(amended(sets, configuration, kNow + 1000 + 1800)), 1u);
    EXPECT_EQ(sets.next_end(), kNow + 1000 + 7200);
    EXPECT_EQ(withdrawn_count(amended(sets, configuration, kNow + 1000 + 7199)), 1u);
    EXPECT_EQ(withdrawn_count(amended(sets, configuration, kNow + 1000 + 7200)), 0u);
    EXPECT_FALSE(sets.next_end());
}

TEST(AdvertisedSetsTest, ShortLifetimesEndByThemselves) {
    AdvertisedSets sets;
    auto changed = link();
    changed.prefixes = {prefix("2001:db8:1::/64", 300), prefix("2001:db8:2::/64", 0xffffffff),
                        prefix("2001:db8:3::/64")};
    changed.prefixes[2].until = kNow + 500;  // counts down
    changed.routes[0].lifetime = 0xffffffff;
    static_cast<void>(amended(sets, configured({changed}), kNow));
    static_cast<void>(amended(sets, configured({}), kNow + 10));
    std::vector<std::uint64_t> ends;
    for (const AdvertisedItem& item : sets.items()) {
        ends.push_back(item.ends_at - kNow);
    }
    EXPECT_EQ(ends, (std::vector<std::uint64_t>{310, 7210, 500, 86410, 1810, 1810}));

    AdvertisedSets late;
    static_cast<void>(amended(late, configured({changed}), kNow));
    static_cast<void>(amended(late, configured({}), kNow + 600));
    EXPECT_EQ(late.items().size(), 5u) << "nobody has what ended before it was removed";
}

TEST(AdvertisedSetsTest, WhatComesBackIsNotTakenBackAnyMore) {
    AdvertisedSets sets;
    static_cast<void>(amended(sets, configured({link()}), kNow));
    auto changed = link();
    changed.prefixes.pop_back();
    EXPECT_EQ(withdrawn_count(amended(sets, configured({changed}), kNow + 1)), 1u);
    EXPECT_EQ(withdrawn_count(amended(sets, configured({link()}), kNow + 2)), 0u);
    EXPECT_EQ(withdrawn_count(amended(sets, configured({changed}), kNow + 9000)), 1u);
    EXPECT_EQ(sets.next_end(), kNow + 9000 + 7200);
}

TEST(AdvertisedSetsTest, OtherLifetimesAndFlagsAreTheSameThing) {
    AdvertisedSets sets;
    static_cast<void>(amended(sets, configured({link()}), kNow));
    auto changed = link();
    changed.prefixes[0].lifetimes = {1, 2};
    changed.prefixes[0].autonomous = false;
    changed.routes[0].preference = nd::Preference::kHigh;
    changed.dns_lifetime = 5;
    EXPECT_EQ(withdrawn_count(amended(sets, configured({changed}), kNow + 1)), 0u);
}

TEST(AdvertisedSetsTest, ALinkThatIsGoneSaysThatWeAreNoRouter) {
    RecordProperty("rfc", "4861 6.2.5");
    AdvertisedSets sets;
    auto tagged = link("eth2");
    tagged.vlan = model::VlanRange{100, 100, 200, 200};
    static_cast<void>(amended(sets, configured({link(), tagged}), kNow));
    const auto snapshot = amended(sets, configured({link()}), kNow + 1);
    ASSERT_EQ(snapshot.ipv6.advertisements.size(), 2u);
    const model::Advertisement& made = snapshot.ipv6.advertisements[1];
    EXPECT_EQ(made.ifindex, 3u);
    EXPECT_EQ(made.vlan, (model::VlanIds{100, 200}));
    EXPECT_EQ(made.configuration.router_lifetime, 0);
    EXPECT_TRUE(made.configuration.prefixes.empty());
    EXPECT_EQ(made.withdrawn_prefixes.size(), 2u);
    // The same without tags is another link.
    EXPECT_EQ(snapshot.ipv6.advertisements[0].withdrawn_prefixes.size(), 0u);
}

TEST(AdvertisedSetsTest, WhereNothingIsServedNothingIsSaid) {
    AdvertisedSets sets;
    auto gone = link("eth9");
    const auto configuration = configured({gone});
    model::Snapshot first = snapshot_of(configured({}));
    static_cast<void>(sets.amend(configuration, first, kNow));
    EXPECT_TRUE(first.ipv6.advertisements.empty()) << "its interface is not there";
    EXPECT_FALSE(sets.next_end()) << "but it is advertised as soon as it is";
    const auto snapshot = amended(sets, configured({}), kNow + 1);
    EXPECT_TRUE(snapshot.ipv6.advertisements.empty());
    EXPECT_TRUE(sets.next_end());
}

TEST(AdvertisedSetsTest, NewsAreToldOnce) {
    AdvertisedSets sets;
    auto tagged = link();
    tagged.vlan = model::VlanRange{100, 100, 0, 0};
    static_cast<void>(amended(sets, configured({tagged}), kNow));
    tagged.prefixes.pop_back();
    model::Snapshot snapshot;
    const auto told = sets.amend(configured({tagged}), snapshot, kNow + 1).news;
    ASSERT_EQ(told.size(), 1u);
    EXPECT_EQ(told[0],
              "router advertisements on eth1 vlan 100: prefix 2001:db8:2::/64 is not advertised "
              "any more; it is taken back for 7200 s");
    EXPECT_TRUE(sets.amend(configured({tagged}), snapshot, kNow + 2).news.empty());
}

TEST(AdvertisedSetsTest, AClockThatWentBackKeepsNothingForYears) {
    AdvertisedSets sets;
    static_cast<void>(amended(sets, configured({link()}), kNow + 365 * kDay));
    static_cast<void>(amended(sets, configured({}), kNow + 365 * kDay));
    static_cast<void>(amended(sets, configured({}), kNow));
    for (const AdvertisedItem& item : sets.items()) {
        EXPECT_LE(item.ends_at, kNow + 7200);
    }
}

// == The file

TEST(AdvertisedSetsTest, WhatWasRemovedWhileTheServerWasDownIsTakenBack) {
    RecordProperty("rfc", "9096 3.5");
    FaultyFiles files;
    ASSERT_TRUE(files.make_directory(kDirectory));
    Random random{1};
    {
        AdvertisedSets sets;
        ASSERT_TRUE(sets.open(files, kDirectory));
        static_cast<void>(amended(sets, configured({link()}), kNow));
    }
    files.restart(FaultyFiles::Loss::kAll, random);  // a power cut
    auto changed = link();
    changed.prefixes.pop_back();
    {
        AdvertisedSets sets;
        ASSERT_TRUE(sets.open(files, kDirectory));
        const auto snapshot = amended(sets, configured({changed}), kNow + 10 * kDay);
        EXPECT_EQ(withdrawn_count(snapshot), 1u);
        EXPECT_EQ(sets.next_end(), kNow + 10 * kDay + 7200);
    }
    files.restart(FaultyFiles::Loss::kAll, random);
    AdvertisedSets sets;  // and the time goes on
    ASSERT_TRUE(sets.open(files, kDirectory));
    EXPECT_EQ(withdrawn_count(amended(sets, configured({changed}), kNow + 10 * kDay + 7199)), 1u);
    EXPECT_EQ(withdrawn_count(amended(sets, configured({changed}), kNow + 10 * kDay + 7200)), 0u);
}

TEST(AdvertisedSetsTest, IsWrittenOnlyWhenItChanges) {
    FaultyFiles files;
    ASSERT_TRUE(files.make_directory(kDirectory));
    AdvertisedSets sets;
    ASSERT_TRUE(sets.open(files, kDirectory));
    const std::uint64_t at_first = files.calls();
    static_cast<void>(amended(sets, configured({}), kNow));
    EXPECT_EQ(files.calls(), at_first) << "who never advertises needs no file";
    static_cast<void>(amended(sets, configured({link()}), kNow));
    const std::uint64_t written = files.calls();
    EXPECT_GT(written, at_first);
    for (int i = 0; i < 10; ++i) {
        static_cast<void>(amended(sets, configured({link()}), kNow + 1000));
    }
    EXPECT_EQ(files.calls(), written);
    AdvertisedSets again;
    ASSERT_TRUE(again.open(files, kDirectory));
    const std::uint64_t read = files.calls();
    static_cast<void>(amended(again, configured({link()}), kNow + 2000));
    EXPECT_EQ(files.calls(), read);
}

TEST(AdvertisedSetsTest, WhatCouldNotBeStoredIsTriedAgain) {
    FaultyFiles files;
    ASSERT_TRUE(files.make_directory(kDirectory));
    AdvertisedSets sets;
    ASSERT_TRUE(sets.open(files, kDirectory));
    files.fail_calls(files.calls() + 2, ENOSPC);
    const auto configuration = configured({link()});
    model::Snapshot snapshot = snapshot_of(configuration);
    EXPECT_TRUE(sets.amend(configuration, snapshot, kNow).problem);
    EXPECT_FALSE(sets.amend(configuration, snapshot, kNow).problem);
    AdvertisedSets again;
    ASSERT_TRUE(again.open(files, kDirectory));
    EXPECT_EQ(again.items(), sets.items());
}

TEST(AdvertisedSetsTest, ADamagedFileIsToldAndMadeAnew) {
    FaultyFiles files;
    ASSERT_TRUE(files.make_directory(kDirectory));
    AdvertisedSets sets;
    ASSERT_TRUE(sets.open(files, kDirectory));
    static_cast<void>(amended(sets, configured({link()}), kNow));
    files.flip(kDirectory + "/advertised", 40);
    AdvertisedSets again;
    ASSERT_TRUE(again.open(files, kDirectory));
    EXPECT_NE(again.problem().find("state/advertised is damaged"), std::string::npos);
    EXPECT_TRUE(again.items().empty());
    static_cast<void>(amended(again, configured({link()}), kNow));
    AdvertisedSets third;
    ASSERT_TRUE(third.open(files, kDirectory));
    EXPECT_EQ(third.problem(), "");
    EXPECT_EQ(third.items(), sets.items());
}

TEST(AdvertisedSetsTest, TheTextIsReadAgain) {
    AdvertisedSets sets;
    auto tagged = link("eth2");
    tagged.vlan = model::VlanRange{100, 100, 200, 200};
    tagged.prefixes[0].on_link = false;
    tagged.prefixes[1].autonomous = false;
    tagged.prefixes[1].until = kNow + 7;
    tagged.routes[0].preference = nd::Preference::kHigh;
    auto bare = link();
    bare.prefixes[0].on_link = bare.prefixes[0].autonomous = false;
    static_cast<void>(amended(sets, configured({bare, tagged}), kNow));
    static_cast<void>(amended(sets, configured({tagged}), kNow + 1));
    const std::string text = encode_advertised(sets.items());
    EXPECT_NE(text.find("prefix eth2 100.200 2001:db8:2::/64 on-link 86400 1800000007 0\n"),
              std::string::npos)
        << text;
    EXPECT_NE(text.find("route eth1 0.0 2001:db8:9::/48 low 1800 0 1800001801\n"),
              std::string::npos)
        << text;
    EXPECT_EQ(decode_advertised(text), sets.items());
    EXPECT_EQ(decode_advertised(encode_advertised({})), std::vector<AdvertisedItem>{});
}

TEST(AdvertisedSetsTest, LinesThatWeDoNotWriteAreDamage) {
    for (const std::string line :
         {"", "prefix", "thing eth1 0.0 2001:db8::/64 - 1 0 0",
          "prefix eth1 0.0 2001:db8:: - 1 0 0", "prefix eth1 0 2001:db8::/64 - 1 0 0",
          "prefix eth1 0.0 2001:db8::/64 what 1 0 0", "prefix eth1 0.0 2001:db8::/64 - 1 0",
          "prefix eth1 0.0 2001:db8::/64 - 1 0 0 0", "prefix  0.0 2001:db8::/64 - 1 0 0",
          "server eth1 0.0 192.0.2.1 - 1 0 0", "route eth1 0.0 2001:db8::/48 best 1 0 0",
          "search eth1 0.0  - 1 0 0", "prefix eth1 0.0 2001:db8::/64 - 4294967296 0 0"}) {
        EXPECT_FALSE(decode_advertised(journal::add_sum("xdhcpd advertised 1\n" + line + "\n")))
            << line;
    }
    EXPECT_FALSE(decode_advertised(journal::add_sum("xdhcpd advertised 2\n")));
    EXPECT_TRUE(decode_advertised(
        journal::add_sum("xdhcpd advertised 1\nprefix eth1 0.0 2001:db8::/64 - 1 0 0\n")));
}

// == In a running server

TEST(AdvertisedSetsTest, AReloadTakesBackAndATickEndsIt) {
    Lab lab;
    model::Snapshot before = snapshot_of(configured({}));
    static_cast<void>(lab.advertised_sets().amend(configured({link()}), before, kLabUnixTime));
    std::vector<std::size_t> withdrawn;
    lab.on_publish(
        [&](const model::Snapshot& snapshot) { withdrawn.push_back(withdrawn_count(snapshot)); });
    ASSERT_TRUE(lab.control().reload(false).ok);
    EXPECT_EQ(lab.logged("is not advertised any more"), 5u);
    ASSERT_EQ(withdrawn, (std::vector<std::size_t>{5}));
    lab.control().tick();
    EXPECT_EQ(withdrawn.size(), 1u);
    lab_seconds += 1800;
    lab.control().tick();
    EXPECT_EQ(withdrawn, (std::vector<std::size_t>{5, 2}));
    lab_seconds += 7200;
    lab.control().tick();
    lab.control().tick();
    EXPECT_EQ(withdrawn, (std::vector<std::size_t>{5, 2, 0}));
}

}  // namespace
}  // namespace xdhcpd::control
