#include "model/make_snapshot6.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "model/make_snapshot.h"

namespace xdhcpd::model {
namespace {

using lease::SpaceKind;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr HashKey kKey{1, 2};

[[nodiscard]] Ipv6 ip(std::string_view text) {
    return parse_ipv6(text).value();
}
[[nodiscard]] Ipv6Prefix net(std::string_view text) {
    return parse_ipv6_prefix(text).value();
}
[[nodiscard]] std::vector<std::byte> bytes(std::string_view text) {
    const ByteView view = as_bytes(text);
    return {view.begin(), view.end()};
}
[[nodiscard]] Reservation6Configuration reserved(std::string_view duid) {
    Reservation6Configuration reservation;
    reservation.identifier.value = bytes(duid);
    return reservation;
}
[[nodiscard]] Subnet6Configuration subnet_of(std::string_view prefix) {
    Subnet6Configuration subnet;
    subnet.prefix = net(prefix);
    return subnet;
}

// One subnet, 2001:db8:1::/64 with a pool of 256 addresses and one of 256 prefixes, on eth1, which
// has 2001:db8:1::1.
class MakeSnapshot6Test : public testing::Test {
  protected:
    MakeSnapshot6Test() {
        InterfaceConfiguration interface;
        interface.name = "eth1";
        configuration_.interfaces.push_back(interface);
        Subnet6Configuration only = subnet_of("2001:db8:1::/64");
        only.pools.push_back({ip("2001:db8:1::1000"), ip("2001:db8:1::10ff")});
        only.prefix_pools.push_back({net("2001:db8:8000::/48"), 56, {}});
        configuration_.dhcp6.subnets.push_back(only);
        HostInterface eth1;
        eth1.ifindex = 2;
        eth1.name = "eth1";
        eth1.addresses6 = {net("fe80::1/64"), net("2001:db8:1::1/64")};
        host_.interfaces.push_back(eth1);
        registry_.ipv6().set_names_key({3, 4});
    }

    [[nodiscard]] Dhcp6Configuration& dhcp6() { return configuration_.dhcp6; }
    [[nodiscard]] Subnet6Configuration& subnet() { return dhcp6().subnets[0]; }
    const Snapshot6& make() {
        SnapshotResult made = make_snapshot(configuration_, host_, registry_, kKey, 1);
        warnings_ = std::move(made.warnings);
        snapshot_ = std::move(made.snapshot);
        withheld_ = apply_policy(*snapshot_, configuration_, host_, registry_);
        return snapshot_->ipv6;
    }
    [[nodiscard]] const Ingress& ingress(std::uint32_t ifindex) const {
        return *snapshot_->find_ingress(ifindex);
    }
    [[nodiscard]] lease::Space& space_of(lease::Unit unit) { return store_.space_of(unit); }
    // The unit of a pool, in any subnet of the snapshot.
    [[nodiscard]] std::optional<lease::Unit> find(const Ipv6Prefix& what) {
        for (const Subnet6& each : snapshot_->ipv6.subnets) {
            for (const auto* const pools : {&each.pools, &each.prefix_pools}) {
                for (const Pool6& pool : *pools) {
                    lease::Space& space = store_.space(pool.space);
                    const auto index = space.ipv6_names().find(what.address);
                    if (pool.unit_length == what.length && index) {
                        return space.unit_at(*index);
                    }
                }
            }
        }
        return std::nullopt;
    }
    [[nodiscard]] bool allowed(const Ipv6Prefix& what) {
        const auto unit = find(what);
        EXPECT_TRUE(unit) << to_string(what);
        return unit && space_of(*unit).bitmap().allowed(space_of(*unit).index_of(*unit));
    }
    [[nodiscard]] bool allowed(std::string_view address) { return allowed({ip(address), 128}); }
    bool take(lease::Unit unit) {
        return space_of(unit).bitmap().try_take(space_of(unit).index_of(unit));
    }
    void release(lease::Unit unit) {
        space_of(unit).bitmap().release(space_of(unit).index_of(unit));
    }

    Configuration configuration_;
    HostState host_;
    lease::Store store_{1};
    SpaceRegistry registry_{store_};
    std::unique_ptr<const Snapshot> snapshot_;
    std::vector<std::string> warnings_;
    bool withheld_ = false;
};

TEST_F(MakeSnapshot6Test, InterfaceServesTheSubnetThatItHasAnAddressIn) {
    const Snapshot6& snapshot = make();
    EXPECT_THAT(warnings_, IsEmpty());
    ASSERT_EQ(ingress(2).link6, 0u);
    ASSERT_EQ(snapshot.links.size(), 1u);
    EXPECT_TRUE(snapshot.links[0].has_pool(false));
    EXPECT_TRUE(snapshot.links[0].has_pool(true));
    ASSERT_EQ(snapshot.subnets.size(), 1u);
    EXPECT_EQ(snapshot.subnets[0].pools[0].units.size(), 256u);
    EXPECT_EQ(snapshot.subnets[0].prefix_pools[0].units.size(), 256u);
    EXPECT_EQ(snapshot.subnets[0].prefix_pools[0].last,
              ip("2001:db8:8000:ffff:ffff:ffff:ffff:ffff"));
    EXPECT_EQ(ingress(2).link, std::nullopt);  // of IPv4
}

TEST_F(MakeSnapshot6Test, LinkLocalAddressSaysNothingAboutTheSubnet) {
    host_.interfaces[0].addresses6 = {net("fe80::1/64")};
    make();
    EXPECT_EQ(ingress(2).link6, std::nullopt);
    EXPECT_THAT(warnings_,
                ElementsAre("interface eth1 has no subnet: only relayed clients are served there",
                            "subnet 2001:db8:1::/64: no interface serves it; only clients behind "
                            "relays are answered"));
    subnet().interface = "eth1";
    make();
    EXPECT_EQ(ingress(2).link6, 0u);
    EXPECT_THAT(warnings_, IsEmpty());
}

TEST_F(MakeSnapshot6Test, SubnetForRelaysOrAnInterfaceIdNeedsNoInterface) {
    dhcp6().subnets.push_back(subnet_of("2001:db8:2::/64"));
    dhcp6().subnets[1].relays = {ip("2001:db8:2::1")};
    dhcp6().subnets.push_back(subnet_of("2001:db8:3::/64"));
    dhcp6().subnets[2].interface_id = bytes("port 7");
    const Snapshot6& snapshot = make();
    EXPECT_THAT(warnings_, IsEmpty());
    EXPECT_EQ(snapshot.find_interface_id(as_bytes("port 7")), snapshot.subnets[2].link);
    EXPECT_EQ(snapshot.find_interface_id(as_bytes("port 8")), std::nullopt);
}

TEST_F(MakeSnapshot6Test, SubnetWaitsForItsInterface) {
    subnet().interface = "eth9";
    make();
    EXPECT_THAT(warnings_,
                ElementsAre("interface eth1 has no subnet: only relayed clients are served there",
                            "subnet 2001:db8:1::/64 waits for interface eth9"));
}

TEST_F(MakeSnapshot6Test, SubnetsAreSortedAndLinksKeepTheOrderOfTheFile) {
    dhcp6().subnets.insert(dhcp6().subnets.begin(), subnet_of("2001:db8:2::/64"));
    dhcp6().subnets[0].shared_network = "campus";
    dhcp6().subnets[0].pools.push_back({ip("2001:db8:2::1"), ip("2001:db8:2::1f")});
    dhcp6().subnets[1].shared_network = "campus";
    const Snapshot6& snapshot = make();
    EXPECT_THAT(warnings_, IsEmpty());
    ASSERT_EQ(snapshot.subnets.size(), 2u);
    EXPECT_EQ(snapshot.subnets[0].prefix, net("2001:db8:1::/64"));
    EXPECT_EQ(snapshot.find_subnet(ip("2001:db8:2::5")), &snapshot.subnets[1]);
    EXPECT_EQ(snapshot.find_subnet(ip("2001:db8:3::5")), nullptr);
    ASSERT_EQ(snapshot.links.size(), 1u);
    EXPECT_THAT(snapshot.links[0].subnets, ElementsAre(1u, 0u));
    EXPECT_THAT(snapshot.links[0].address_spaces, ElementsAre(snapshot.subnets[1].pools[0].space,
                                                              snapshot.subnets[0].pools[0].space));
    EXPECT_THAT(snapshot.links[0].prefix_spaces,
                ElementsAre(snapshot.subnets[0].prefix_pools[0].space));
}

TEST_F(MakeSnapshot6Test, VlansOfASubnetAreLinksOfTheirInterface) {
    subnet().interface = "eth1";
    subnet().vlans = {{100, 101, 0, 0}, {200, 200, 5, 5}};
    make();
    EXPECT_THAT(warnings_, IsEmpty());
    EXPECT_EQ(ingress(2).link6, std::nullopt);
    ASSERT_EQ(ingress(2).vlans6.size(), 3u);
    EXPECT_EQ(ingress(2).vlans6[0].ids, (VlanIds{100, 0}));
    EXPECT_EQ(ingress(2).vlans6[2].ids, (VlanIds{200, 5}));
    EXPECT_THAT(ingress(2).vlans, IsEmpty());
}

TEST_F(MakeSnapshot6Test, SettingsOfTheSubnetWinAndTheOthersAreThoseOfAll) {
    dhcp6().lifetimes = {100, 200};
    dhcp6().rapid_commit = true;
    dhcp6().preference = 7;
    dhcp6().server_duid = bytes("\1\2\3");
    dhcp6().options = {{dhcp6::OptionCode::kDnsServers, bytes("all"), false},
                       {dhcp6::OptionCode::kDomainSearch, bytes("all"), true}};
    dhcp6().subnets.push_back(subnet_of("2001:db8:2::/64"));
    dhcp6().subnets[1].lifetimes = Lifetimes{10, 20};
    dhcp6().subnets[1].rapid_commit = false;
    dhcp6().subnets[1].options = {{dhcp6::OptionCode::kDnsServers, bytes("own"), false}};
    dhcp6().subnets[1].relays = {ip("2001:db8:2::2"), ip("2001:db8:2::1")};
    configuration_.ports.server6 = 10547;
    const Snapshot6& snapshot = make();
    EXPECT_EQ(snapshot.subnets[0].lifetimes, (Lifetimes{100, 200}));
    EXPECT_TRUE(snapshot.subnets[0].rapid_commit);
    EXPECT_EQ(as_text(snapshot.subnets[0].options.value(dhcp6::OptionCode::kDnsServers)), "all");
    EXPECT_EQ(snapshot.subnets[1].lifetimes, (Lifetimes{10, 20}));
    EXPECT_FALSE(snapshot.subnets[1].rapid_commit);
    EXPECT_EQ(as_text(snapshot.subnets[1].options.value(dhcp6::OptionCode::kDnsServers)), "own");
    EXPECT_EQ(as_text(snapshot.subnets[1].options.value(dhcp6::OptionCode::kDomainSearch)), "all");
    EXPECT_THAT(snapshot.subnets[1].relays, ElementsAre(ip("2001:db8:2::1"), ip("2001:db8:2::2")));
    EXPECT_EQ(snapshot.preference, 7);
    EXPECT_EQ(snapshot.server_duid, bytes("\1\2\3"));
    EXPECT_EQ(snapshot.server_port, 10547);
}

TEST_F(MakeSnapshot6Test, SpacesKnowTheirOwners) {
    subnet().reservations = {reserved("a")};
    subnet().reservations[0].addresses = {ip("2001:db8:1::50")};
    const Snapshot6& snapshot = make();
    const SpaceOwner* const addresses = snapshot.find_owner(snapshot.subnets[0].pools[0].space);
    ASSERT_NE(addresses, nullptr);
    EXPECT_EQ(addresses->subnet, 0u);
    EXPECT_EQ(addresses->pool, 0u);
    EXPECT_FALSE(addresses->is_prefix);
    const SpaceOwner* const prefixes =
        snapshot.find_owner(snapshot.subnets[0].prefix_pools[0].space);
    ASSERT_NE(prefixes, nullptr);
    EXPECT_TRUE(prefixes->is_prefix);
    const lease::SpaceId listed = space_of(snapshot.reservations[0].addresses[0].unit).id();
    ASSERT_NE(snapshot.find_owner(listed), nullptr);
    EXPECT_EQ(snapshot.find_owner(listed)->pool, 0xffffffff);
    EXPECT_THAT(snapshot.links[0].address_spaces,
                ElementsAre(snapshot.subnets[0].pools[0].space, listed));
    EXPECT_EQ(snapshot.find_owner(lease::SpaceId{99}), nullptr);
}

TEST_F(MakeSnapshot6Test, ReservedUnitIsThatOfAPoolOrOfTheSubnetsList) {
    Reservation6Configuration in_pools = reserved("a");
    in_pools.addresses = {ip("2001:db8:1::1080")};
    in_pools.prefixes = {net("2001:db8:8000:4200::/56")};
    in_pools.iaid = 5;
    in_pools.hostname = "printer";
    in_pools.options = {{dhcp6::OptionCode::kDnsServers, bytes("own"), false}};
    Reservation6Configuration outside = reserved("b");
    outside.addresses = {ip("2001:db8:1::50")};
    outside.prefixes = {net("2001:db8:9000::/48")};
    subnet().reservations = {in_pools, outside};
    const Snapshot6& snapshot = make();
    EXPECT_THAT(warnings_, IsEmpty());
    ASSERT_EQ(snapshot.reservations.size(), 2u);
    const Reservation6& first = snapshot.reservations[0];
    EXPECT_EQ(first.iaid, 5u);
    EXPECT_EQ(first.hostname, "printer");
    EXPECT_EQ(as_text(first.options->value(dhcp6::OptionCode::kDnsServers)), "own");
    ASSERT_EQ(first.addresses.size(), 1u);
    EXPECT_EQ(first.addresses[0].unit, find({ip("2001:db8:1::1080"), 128}));
    ASSERT_EQ(first.prefixes.size(), 1u);
    EXPECT_EQ(first.prefixes[0].unit, find(net("2001:db8:8000:4200::/56")));
    const Reservation6& second = snapshot.reservations[1];
    EXPECT_FALSE(second.options);
    ASSERT_EQ(second.addresses.size(), 1u);
    ASSERT_EQ(second.prefixes.size(), 1u);
    for (const ReservedUnit& unit : {second.addresses[0], second.prefixes[0]}) {
        lease::Space& space = space_of(unit.unit);
        EXPECT_EQ(space.ipv6_names().at(space.index_of(unit.unit)), unit.prefix.address);
        EXPECT_EQ(space.ipv6_names().length(), unit.prefix.length);
        EXPECT_EQ(snapshot.find_owner(space.id())->subnet, 0u);
    }
    std::set<std::string> found;
    snapshot.visit_reservations(IdentifierKind6::kDuid, as_bytes("b"), kKey,
                                [&](const Reservation6& each) {
                                    found.insert(std::string{as_text(each.identifier.value)});
                                });
    EXPECT_THAT(found, ElementsAre("b"));
    EXPECT_FALSE(allowed("2001:db8:1::1080"));
    EXPECT_TRUE(allowed("2001:db8:1::1081"));
    EXPECT_FALSE(allowed(net("2001:db8:8000:4200::/56")));
    EXPECT_TRUE(allowed(net("2001:db8:8000:4300::/56")));
}

TEST_F(MakeSnapshot6Test, ReservationLosesWhatBelongsToThisServerOrARelay) {
    subnet().relays = {ip("2001:db8:1::2")};
    subnet().reservations = {reserved("a"), reserved("b")};
    subnet().reservations[0].addresses = {ip("2001:db8:1::1"), ip("2001:db8:1::2"),
                                          ip("2001:db8:1::3")};
    subnet().reservations[1].prefixes = {net("2001:db8:1::/56")};
    const Snapshot6& snapshot = make();
    EXPECT_THAT(warnings_,
                ElementsAre("reservation 2001:db8:1::1 in 2001:db8:1::/64 is the address of this "
                            "server; it is not leased",
                            "reservation 2001:db8:1::2 in 2001:db8:1::/64 is the address of a "
                            "relay; it is not leased",
                            "reservation 2001:db8:1::/56 in 2001:db8:1::/64 has an address of "
                            "this server inside; it is not leased"));
    ASSERT_EQ(snapshot.reservations.size(), 2u);
    ASSERT_EQ(snapshot.reservations[0].addresses.size(), 1u);
    EXPECT_EQ(snapshot.reservations[0].addresses[0].prefix.address, ip("2001:db8:1::3"));
    EXPECT_THAT(snapshot.reservations[1].prefixes, IsEmpty());
}

TEST_F(MakeSnapshot6Test, NeverLeasesWhatBelongsToTheNetwork) {
    subnet().pools = {
        {ip("2001:db8:1::"), ip("2001:db8:1::ff")},
        {ip("2001:db8:1:0:200:5eff:fe00:0"), ip("2001:db8:1:0:200:5eff:fe00:f")},
        {ip("2001:db8:1:0:fdff:ffff:ffff:ff70"), ip("2001:db8:1:0:fdff:ffff:ffff:ff8f")}};
    subnet().relays = {ip("2001:db8:1::9")};
    subnet().excluded = {{ip("2001:db8:1::20"), ip("2001:db8:1::3f")},
                         {ip("2001:db8:1::30"), ip("2001:db8:1::4f")}};
    subnet().reservations = {reserved("a")};
    subnet().reservations[0].addresses = {ip("2001:db8:1::60")};
    make();
    const std::set<std::uint32_t> never{0, 1, 9, 0x60};
    for (std::uint32_t i = 0; i < 256; ++i) {
        Ipv6 address = ip("2001:db8:1::");
        address.octets[15] = static_cast<std::byte>(i);
        EXPECT_EQ(allowed({address, 128}), !never.contains(i) && (i < 0x20 || i > 0x4f)) << i;
    }
    EXPECT_FALSE(allowed("2001:db8:1:0:200:5eff:fe00:5"));  // RFC 5453
    EXPECT_TRUE(allowed("2001:db8:1:0:fdff:ffff:ffff:ff7f"));
    EXPECT_FALSE(allowed("2001:db8:1:0:fdff:ffff:ffff:ff80"));  // RFC 2526
    EXPECT_FALSE(withheld_);
}

// Of a pool with more addresses than units, and over several links' worth of identifiers.
TEST_F(MakeSnapshot6Test, LooksAtEveryUnitWhereTheRangeIsWider) {
    registry_.ipv6().set_max_leases(1);  // 2^16 units
    subnet().prefix = net("2001:db8::/48");
    subnet().pools = {{ip("2001:db8::"), ip("2001:db8:0:ffff:ffff:ffff:ffff:ffff")}};
    subnet().excluded = {{ip("2001:db8::"), ip("2001:db8:0:7fff:ffff:ffff:ffff:ffff")}};
    make();
    const lease::Space& space = store_.space(snapshot_->ipv6.subnets[0].pools[0].space);
    ASSERT_EQ(space.unit_count(), 1u << 16);
    for (std::uint32_t i = 0; i < space.unit_count(); ++i) {
        const bool upper = (space.ipv6_names().at(i).octets[6] & std::byte{0x80}) != std::byte{0};
        ASSERT_EQ(space.bitmap().allowed(i), upper) << i;
    }
}

TEST_F(MakeSnapshot6Test, NeverDelegatesWhatHasALinkInside) {
    dhcp6().subnets.push_back(subnet_of("2001:db8:8000:300::/64"));
    dhcp6().subnets[1].interface = "eth1";
    dhcp6().subnets[1].pools.push_back({ip("2001:db8:8000:300::1"), ip("2001:db8:8000:300::ffff")});
    host_.interfaces[0].addresses6.push_back(net("2001:db8:8000:501::1/64"));
    AdvertisementConfiguration advertisement;
    advertisement.interface = "eth1";
    advertisement.prefixes.emplace_back().prefix = net("2001:db8:8000:701::/64");
    configuration_.router_advertisements.push_back(advertisement);
    dhcp6().subnets[1].reservations = {reserved("a")};
    dhcp6().subnets[1].reservations[0].prefixes = {net("2001:db8:8000:910::/60")};
    make();
    const std::set<std::uint32_t> never{3, 5, 7, 9};
    for (std::uint32_t i = 0; i < 256; ++i) {
        Ipv6 address = ip("2001:db8:8000::");
        address.octets[6] = static_cast<std::byte>(i);
        EXPECT_EQ(allowed(Ipv6Prefix{address, 56}), !never.contains(i)) << i;
    }
}

TEST_F(MakeSnapshot6Test, AdvertisementsAndProxiesAreOfInterfacesThatAreThere) {
    AdvertisementConfiguration advertisement;
    advertisement.interface = "eth1";
    advertisement.mtu = 1480;
    configuration_.router_advertisements.push_back(advertisement);
    advertisement.vlan = VlanRange{100, 100, 5, 5};
    configuration_.router_advertisements.push_back(advertisement);
    advertisement.interface = "eth9";
    configuration_.router_advertisements.push_back(advertisement);
    NeighborProxyConfiguration proxy;
    proxy.interface = "eth1";
    proxy.targets = {net("2001:db8:6::/64"), net("2001:db8:5::1/128")};
    proxy.router = false;
    configuration_.neighbor_proxies.push_back(proxy);
    proxy.interface = "eth9";
    configuration_.neighbor_proxies.push_back(proxy);
    configuration_.interfaces.emplace_back().name = "eth9";
    const Snapshot6& snapshot = make();
    EXPECT_THAT(warnings_, ElementsAre("interface eth9 does not exist; it is not served"));
    ASSERT_EQ(snapshot.advertisements.size(), 2u);
    EXPECT_EQ(snapshot.find_advertisement(2, {}), &snapshot.advertisements[0]);
    EXPECT_EQ(snapshot.advertisements[0].configuration.mtu, 1480u);
    EXPECT_EQ(snapshot.find_advertisement(2, {100, 5}), &snapshot.advertisements[1]);
    EXPECT_EQ(snapshot.find_advertisement(2, {100, 0}), nullptr);
    ASSERT_EQ(snapshot.proxies.size(), 1u);
    EXPECT_EQ(snapshot.find_proxy(2, {}, ip("2001:db8:6::77")), &snapshot.proxies[0]);
    EXPECT_EQ(snapshot.find_proxy(2, {}, ip("2001:db8:5::1")), &snapshot.proxies[0]);
    EXPECT_EQ(snapshot.find_proxy(2, {}, ip("2001:db8:5::2")), nullptr);
    EXPECT_FALSE(snapshot.proxies[0].router);
}

TEST_F(MakeSnapshot6Test, InterfaceThatOnlyAdvertisesIsNotWithoutPurpose) {
    dhcp6().subnets.clear();
    make();
    EXPECT_THAT(warnings_, ElementsAre("interface eth1 has no subnet: only relayed clients are "
                                       "served there"));
    AdvertisementConfiguration advertisement;
    advertisement.interface = "eth1";
    configuration_.router_advertisements.push_back(advertisement);
    make();
    EXPECT_THAT(warnings_, IsEmpty());
}

TEST_F(MakeSnapshot6Test, AnswersForNoAddressThatIsTheHostsOwn) {
    NeighborProxyConfiguration proxy;
    proxy.interface = "eth1";
    proxy.targets = {net("2001:db8:6::/64")};
    configuration_.neighbor_proxies.push_back(proxy);
    HostInterface eth2;
    eth2.ifindex = 3;
    eth2.name = "eth2";
    eth2.addresses6 = {net("2001:db8:6::1/128")};
    host_.interfaces.push_back(eth2);
    const Snapshot6& snapshot = make();
    EXPECT_NE(snapshot.find_proxy(2, {}, ip("2001:db8:6::2")), nullptr);
    EXPECT_EQ(snapshot.find_proxy(2, {}, ip("2001:db8:6::1")), nullptr);
}

TEST_F(MakeSnapshot6Test, KnowsTheAddressesOfThisHost) {
    HostInterface eth2;
    eth2.ifindex = 3;
    eth2.name = "eth2";
    eth2.addresses6 = {net("2001:db8:7::1/64"), net("fe80::1/64")};
    host_.interfaces.push_back(eth2);
    const Snapshot6& snapshot = make();
    EXPECT_THAT(snapshot.local_addresses(),
                ElementsAre(ip("2001:db8:1::1"), ip("2001:db8:7::1"), ip("fe80::1")));
    EXPECT_TRUE(snapshot.is_local(ip("2001:db8:7::1")));
    EXPECT_FALSE(snapshot.is_local(ip("2001:db8:7::2")));
}

// A pool with other ends is another space. No address is ever free in two of them.
TEST_F(MakeSnapshot6Test, PoolThatGrowsLetsWhatTheOldOneHeldOnlyWhenThatIsFree) {
    make();
    const lease::Unit held = find({ip("2001:db8:1::1010"), 128}).value();
    ASSERT_TRUE(take(held));
    subnet().pools[0].last = ip("2001:db8:1::11ff");
    make();
    EXPECT_NE(space_of(held).id(), snapshot_->ipv6.subnets[0].pools[0].space);
    // The old space has only just closed; a worker may be about to take something from it.
    EXPECT_TRUE(withheld_);
    EXPECT_FALSE(allowed("2001:db8:1::1011"));
    EXPECT_TRUE(allowed("2001:db8:1::1100"));
    make();
    EXPECT_TRUE(withheld_);
    EXPECT_FALSE(allowed("2001:db8:1::1010"));
    EXPECT_TRUE(allowed("2001:db8:1::1011"));
    // Its client may renew it.
    lease::Space& former = space_of(held);
    EXPECT_TRUE(former.bitmap().allowed(former.index_of(held)));
    EXPECT_EQ(former.bitmap().allowed_count(), 1u);
    release(held);
    make();
    EXPECT_TRUE(withheld_);  // it was free again, and allowed, until now
    EXPECT_FALSE(allowed("2001:db8:1::1010"));
    make();
    EXPECT_FALSE(withheld_);
    EXPECT_TRUE(allowed("2001:db8:1::1010"));
    EXPECT_EQ(former.bitmap().allowed_count(), 0u);
}

TEST_F(MakeSnapshot6Test, PoolThatShrinksClosesWhatIsOutside) {
    make();
    const lease::Unit inside = find({ip("2001:db8:1::1010"), 128}).value();
    const lease::Unit outside = find({ip("2001:db8:1::10f0"), 128}).value();
    ASSERT_TRUE(take(inside));
    ASSERT_TRUE(take(outside));
    subnet().pools[0].last = ip("2001:db8:1::107f");
    make();
    make();
    lease::Space& former = space_of(inside);
    EXPECT_TRUE(former.bitmap().allowed(former.index_of(inside)));
    EXPECT_FALSE(former.bitmap().allowed(former.index_of(outside)));
    EXPECT_TRUE(allowed("2001:db8:1::1011"));
}

TEST_F(MakeSnapshot6Test, PrefixesOfAnotherLengthWaitForThoseThatOverlapThem) {
    make();
    const lease::Unit held = find(net("2001:db8:8000:4200::/56")).value();
    ASSERT_TRUE(take(held));
    subnet().prefix_pools[0].delegated_length = 60;
    make();
    make();
    EXPECT_TRUE(withheld_);
    EXPECT_FALSE(allowed(net("2001:db8:8000:4200::/60")));
    EXPECT_FALSE(allowed(net("2001:db8:8000:42f0::/60")));
    EXPECT_TRUE(allowed(net("2001:db8:8000:4300::/60")));
    // A prefix of the old length is nothing that this pool has.
    EXPECT_FALSE(space_of(held).bitmap().allowed(space_of(held).index_of(held)));
}

TEST_F(MakeSnapshot6Test, ReservedUnitStaysWhereItIsHeld) {
    subnet().reservations = {reserved("a")};
    subnet().reservations[0].addresses = {ip("2001:db8:1::2000")};
    const lease::Unit listed = make().reservations[0].addresses[0].unit;
    ASSERT_TRUE(space_of(listed).bitmap().try_take_reserved(space_of(listed).index_of(listed)));
    subnet().pools[0].last = ip("2001:db8:1::2fff");
    EXPECT_EQ(make().reservations[0].addresses[0].unit, listed);
    // Nobody gets it from the pool while it is held under the other name.
    subnet().reservations.clear();
    make();
    make();
    EXPECT_FALSE(allowed("2001:db8:1::2000"));
    release(listed);
    make();
    EXPECT_TRUE(allowed("2001:db8:1::2000"));
}

TEST_F(MakeSnapshot6Test, PoolThatTheStoreHasNoRoomForIsLeftOut) {
    registry_.ipv6().set_max_leases(1u << 26);
    Subnet6Configuration& only = subnet();
    only.prefix_pools.clear();
    only.pools.clear();
    for (std::uint32_t i = 0; i < 40; ++i) {  // 2^26 units each; the store numbers 2^31
        Ipv6 first = ip("2001:db8:1::");
        first.octets[8] = static_cast<std::byte>(i);
        Ipv6 last = first;
        last.octets[9] = std::byte{0xff};
        only.pools.push_back({first, last});
    }
    SnapshotResult made = make_snapshot(configuration_, host_, registry_, kKey, 1);
    EXPECT_THAT(
        made.warnings,
        testing::Contains("pool 2001:db8:1:0:2700::-2001:db8:1:0:27ff:: has no room beside what is "
                          "leased; it is not used"));
    EXPECT_LT(made.snapshot->ipv6.subnets[0].pools.size(), 40u);
}

}  // namespace
}  // namespace xdhcpd::model
