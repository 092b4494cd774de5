#include "daemon/served_links.h"

#include <gtest/gtest.h>

#include <string_view>

namespace xdhcpd::daemon {
namespace {

constexpr std::uint32_t kEth1 = 7;
constexpr std::uint32_t kEth2 = 8;
constexpr model::VlanIds kVlan{100, 0};
constexpr model::VlanIds kTwoVlans{200, 300};

[[nodiscard]] Ipv6Prefix prefix(std::string_view text) {
    return parse_ipv6_prefix(text).value();
}

void advertise(model::Snapshot& snapshot, std::uint32_t ifindex, model::VlanIds vlan = {}) {
    model::Advertisement& added = snapshot.ipv6.advertisements.emplace_back();
    added.ifindex = ifindex;
    added.vlan = vlan;
}
void answer(model::Snapshot& snapshot, std::uint32_t ifindex, std::vector<Ipv6Prefix> targets,
            model::VlanIds vlan = {}) {
    snapshot.ipv6.proxies.push_back(
        {.ifindex = ifindex, .vlan = vlan, .targets = std::move(targets)});
}

TEST(FindLinks, AlwaysHasTheUntaggedLinkForDhcpv4) {
    EXPECT_EQ(find_links({}, kEth1), (std::vector<XdpLink>{{.dhcp4 = true}}));
}

TEST(FindLinks, ServesDhcpv6OnEveryInterfaceBecauseOfRelays) {
    model::Snapshot snapshot;
    snapshot.ipv6.subnets.emplace_back();
    EXPECT_EQ(find_links(snapshot, kEth1), (std::vector<XdpLink>{{.dhcp4 = true, .dhcp6 = true}}));
}

TEST(FindLinks, MarksWhatIsServedInEachVlanOfTheInterface) {
    model::Snapshot snapshot;
    advertise(snapshot, kEth1, kVlan);
    answer(snapshot, kEth1, {prefix("2001:db8:2::/64")}, kTwoVlans);
    answer(snapshot, kEth1, {prefix("2001:db8:3::/64")}, kVlan);
    answer(snapshot, kEth2, {prefix("2001:db8:4::/64")});
    advertise(snapshot, kEth2);
    const std::vector<XdpLink> expected{
        {.dhcp4 = true},
        {.outer_vid = 100, .dhcp4 = false, .advertise = true, .proxy = true},
        {.outer_vid = 200, .inner_vid = 300, .dhcp4 = false, .proxy = true}};
    EXPECT_EQ(find_links(snapshot, kEth1), expected);
    EXPECT_EQ(find_links(snapshot, kEth2),
              (std::vector<XdpLink>{{.dhcp4 = true, .advertise = true, .proxy = true}}));
}

TEST(FindTargets, AreThoseOfTheInterfaceAndItsVlans) {
    model::Snapshot snapshot;
    answer(snapshot, kEth1, {prefix("2001:db8:2::/64"), prefix("2001:db8:3::1/128")});
    answer(snapshot, kEth1, {prefix("2001:db8:4::/64")}, kTwoVlans);
    answer(snapshot, kEth2, {prefix("2001:db8:5::/64")});
    const std::vector<XdpNeighborTarget> untagged{{0, 0, prefix("2001:db8:2::/64")},
                                                  {0, 0, prefix("2001:db8:3::1/128")}};
    EXPECT_EQ(find_targets(snapshot, kEth1, false), untagged);
    std::vector<XdpNeighborTarget> all = untagged;
    all.push_back({200, 300, prefix("2001:db8:4::/64")});
    EXPECT_EQ(find_targets(snapshot, kEth1, true), all);
}

TEST(FindPacketTake, HasTargetsOfAllVlansOnceAndTheHostsOwnAddresses) {
    model::Snapshot snapshot;
    const Ipv6 own = parse_ipv6("2001:db8:2::1").value();
    snapshot.ipv6.index({}, {own}, {});
    EXPECT_EQ(find_packet_take(snapshot, kEth1), PacketTake6{});
    snapshot.ipv6.subnets.emplace_back();
    advertise(snapshot, kEth1, kVlan);
    answer(snapshot, kEth1, {prefix("2001:db8:2::/64")});
    answer(snapshot, kEth1, {prefix("2001:db8:2::/64")}, kVlan);
    EXPECT_EQ(find_packet_take(snapshot, kEth1),
              (PacketTake6{.dhcp6 = true,
                           .advertise = true,
                           .targets = {prefix("2001:db8:2::/64")},
                           .own = {own}}));
    EXPECT_EQ(find_packet_take(snapshot, kEth2),
              (PacketTake6{.dhcp6 = true, .advertise = false, .targets = {}, .own = {}}));
}

TEST(FindMulticast, JoinsTheGroupsOfSingleTargetsAndAllForPrefixes) {
    RecordProperty("rfc", "4291 2.7.1");
    using Wanted = host::MulticastMember::Wanted;
    model::Snapshot snapshot;
    EXPECT_EQ(find_multicast(snapshot, kEth1), Wanted{});
    // Two targets of one group.
    answer(snapshot, kEth1, {prefix("2001:db8:2::53/128"), prefix("2001:db8:3::53/128")}, kVlan);
    advertise(snapshot, kEth1);
    EXPECT_EQ(find_multicast(snapshot, kEth1),
              (Wanted{.groups = {kAllRouters, parse_ipv6("ff02::1:ff00:53").value()}}));
    answer(snapshot, kEth1, {prefix("2001:db8:4::/127")});
    EXPECT_EQ(find_multicast(snapshot, kEth1), (Wanted{.groups = {kAllRouters}, .all = true}));
    EXPECT_EQ(find_multicast(snapshot, kEth2), Wanted{});
}

TEST(FindMulticast, ReceivesAllWhereThereAreTooManyTargets) {
    model::Snapshot snapshot;
    std::vector<Ipv6Prefix> targets;
    for (std::uint16_t i = 0; i <= host::MulticastMember::kMaxGroups; ++i) {
        targets.push_back({Ipv6::of_groups({0x2001, 0xdb8, 0, 0, 0, 0, 0, i}), 128});
    }
    answer(snapshot, kEth1, targets);
    EXPECT_TRUE(find_multicast(snapshot, kEth1).all);
    snapshot.ipv6.proxies[0].targets.pop_back();
    EXPECT_FALSE(find_multicast(snapshot, kEth1).all);
    EXPECT_EQ(find_multicast(snapshot, kEth1).groups.size(), host::MulticastMember::kMaxGroups);
}

}  // namespace
}  // namespace xdhcpd::daemon
