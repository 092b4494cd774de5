#include "model/make_snapshot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/random.h"

namespace xdhcpd::model {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr HashKey kKey{1, 2};
constexpr Ipv4Prefix kPrefix{Ipv4{0xc0000200}, 24};  // 192.0.2.0/24

[[nodiscard]] Ipv4 at(std::uint32_t n) {
    return Ipv4{kPrefix.address.value + n};
}

[[nodiscard]] OptionValue routers(std::initializer_list<Ipv4> addresses) {
    OptionValue option;
    option.code = dhcp4::OptionCode::kRouters;
    for (const Ipv4 address : addresses) {
        option.value.resize(option.value.size() + sizeof(std::uint32_t));
        address.store(option.value.data() + option.value.size() - sizeof(std::uint32_t));
    }
    return option;
}

[[nodiscard]] ReservationConfiguration reserved(std::uint32_t client, std::optional<Ipv4> address) {
    ReservationConfiguration reservation;
    reservation.identifier.value.resize(7);
    store_be32(reservation.identifier.value.data() + 3, client);
    reservation.address = address;
    reservation.hostname = "host" + std::to_string(client);
    return reservation;
}

// One subnet, 192.0.2.0/24 with all of it as a pool, on eth1, which has 192.0.2.2.
class MakeSnapshotTest : public testing::Test {
  protected:
    MakeSnapshotTest() {
        InterfaceConfiguration interface;
        interface.name = "eth1";
        configuration_.interfaces.push_back(interface);
        SubnetConfiguration subnet;
        subnet.prefix = kPrefix;
        subnet.pools.push_back({at(0), at(255)});
        configuration_.dhcp4.subnets.push_back(subnet);
        HostInterface eth1;
        eth1.ifindex = 2;
        eth1.name = "eth1";
        eth1.addresses = {{at(2), 24}};
        host_.interfaces.push_back(eth1);
    }

    [[nodiscard]] SubnetConfiguration& subnet() { return configuration_.dhcp4.subnets[0]; }
    const Snapshot& make() {
        SnapshotResult made = make_snapshot(configuration_, host_, registry_, kKey, 1);
        warnings_ = std::move(made.warnings);
        snapshot_ = std::move(made.snapshot);
        apply_policy(*snapshot_, configuration_, host_, registry_);
        return *snapshot_;
    }
    [[nodiscard]] bool allowed(Ipv4 address) {
        const Subnet& found = *snapshot_->find_subnet(address);
        return store_.space(found.space).bitmap().allowed(found.index(address));
    }

    Configuration configuration_;
    HostState host_;
    lease::Store store_{1};
    SpaceRegistry registry_{store_};
    std::unique_ptr<const Snapshot> snapshot_;
    std::vector<std::string> warnings_;
};

TEST_F(MakeSnapshotTest, NeverLeasesWhatBelongsToTheNetwork) {
    subnet().options.push_back(routers({at(1), at(7)}));
    subnet().relays = {at(9), Ipv4{0xc6336401}};
    subnet().server_address = at(11);
    subnet().excluded = {{at(20), at(29)}, {at(25), at(40)}};
    subnet().reservations = {reserved(1, at(50))};
    make();
    const std::set<std::uint32_t> never{0, 1, 2, 7, 9, 11, 50, 255};
    for (std::uint32_t i = 0; i < 256; ++i) {
        EXPECT_EQ(allowed(at(i)), !never.contains(i) && (i < 20 || i > 40)) << i;
    }
    EXPECT_THAT(warnings_, IsEmpty());
}

TEST_F(MakeSnapshotTest, ReservationKeepsItsOptionsAndLosesAnAddressThatIsTaken) {
    configuration_.dhcp4.options.push_back(routers({at(1)}));
    subnet().relays = {at(9)};
    subnet().server_address = at(11);
    subnet().reservations = {reserved(1, at(1)), reserved(2, at(2)), reserved(3, at(9)),
                             reserved(4, at(11)), reserved(5, at(50))};
    const Snapshot& snapshot = make();
    EXPECT_THAT(
        warnings_,
        ElementsAre(
            "reservation 192.0.2.1 in 192.0.2.0/24 is the address of a router; it is not leased",
            "reservation 192.0.2.2 in 192.0.2.0/24 is the address of this server; it is not leased",
            "reservation 192.0.2.9 in 192.0.2.0/24 is the address of a relay; it is not leased",
            "reservation 192.0.2.11 in 192.0.2.0/24 is the address of this server; it is not "
            "leased"));
    ASSERT_EQ(snapshot.reservations.size(), 5u);
    for (std::size_t i = 0; i < 5; ++i) {
        const Reservation& reservation = snapshot.reservations[i];
        EXPECT_EQ(reservation.address, i == 4 ? std::optional{at(50)} : std::nullopt) << i;
        ASSERT_TRUE(reservation.options) << i;
        EXPECT_EQ(as_text(reservation.options->value(dhcp4::OptionCode::kHostName)),
                  "host" + std::to_string(i + 1));
    }
    EXPECT_FALSE(allowed(at(1)));
}

TEST_F(MakeSnapshotTest, ReservationMayHaveWhatIsARouterElsewhere) {
    configuration_.dhcp4.options.push_back(routers({at(1)}));
    subnet().options.push_back(routers({at(3)}));  // wins
    subnet().reservations = {reserved(1, at(1))};
    EXPECT_EQ(make().reservations[0].address, at(1));
    EXPECT_THAT(warnings_, IsEmpty());
}

TEST_F(MakeSnapshotTest, SubnetMaySwitchOffThatItIsIpv6Mostly) {
    EXPECT_EQ(make().subnets[0].v6only_wait, std::nullopt);
    configuration_.dhcp4.v6only_wait = kDefaultV6OnlyWait;
    EXPECT_EQ(make().subnets[0].v6only_wait, kDefaultV6OnlyWait);
    subnet().v6only_wait = 600;
    EXPECT_EQ(make().subnets[0].v6only_wait, 600u);
    subnet().v6only_wait = kNoV6OnlyWait;
    EXPECT_EQ(make().subnets[0].v6only_wait, std::nullopt);
}

TEST_F(MakeSnapshotTest, WarnsOfASubnetThatNoInterfaceServes) {
    SubnetConfiguration other;
    other.prefix = {Ipv4{0xc6336400}, 24};
    configuration_.dhcp4.subnets.push_back(other);
    make();
    EXPECT_THAT(warnings_, ElementsAre("subnet 198.51.100.0/24: no interface serves it; only "
                                       "clients behind relays are answered"));
    // On the link of one that is served.
    configuration_.dhcp4.subnets[0].shared_network = "campus";
    configuration_.dhcp4.subnets[1].shared_network = "campus";
    make();
    EXPECT_THAT(warnings_, IsEmpty());
    // Meant for relays.
    configuration_.dhcp4.subnets[1].shared_network = "elsewhere";
    configuration_.dhcp4.subnets[1].relays = {Ipv4{0xc6336401}};
    make();
    EXPECT_THAT(warnings_, IsEmpty());
    // One warning for one reason.
    configuration_.dhcp4.subnets[1].relays = {};
    configuration_.dhcp4.subnets[1].interface = "eth9";
    make();
    EXPECT_THAT(warnings_, ElementsAre("subnet 198.51.100.0/24 waits for interface eth9"));
}

// Pools, exclusions that overlap each other and many reservations in a /15, against a bit per
// address.
// Its addresses may have been leased from another subnet's space meanwhile, and the records of that
// are on disk.
TEST_F(MakeSnapshotTest, VersionsOfASubnetThatComesBackBeginAboveTheFloorOfThatTime) {
    subnet().pools = {{at(10), at(99)}};
    const auto serve = [&](std::uint32_t floor, std::uint8_t length) {
        registry_.set_version_floor(floor);
        subnet().prefix.length = length;
        return make().subnets[0].space;
    };
    const lease::SpaceId space = serve(0, 24);
    EXPECT_EQ(serve(100, 24), space);
    EXPECT_EQ(store_.space(space).version_floor(), 0u) << "it never went";
    EXPECT_NE(serve(200, 25), space);
    EXPECT_EQ(serve(300, 24), space);
    EXPECT_EQ(store_.space(space).version_floor(), 300u);
}

TEST_F(MakeSnapshotTest, FiftyThousandReservationsAreQuickAndRight) {
    constexpr std::uint32_t kCount = 50000;
    constexpr Ipv4Prefix kWide{Ipv4{0xc6120000}, 15};  // 198.18.0.0/15
    const auto unit_count = static_cast<std::uint32_t>(kWide.size());
    SubnetConfiguration& wide = subnet();
    wide.prefix = kWide;
    wide.interface = "eth1";
    wide.pools.clear();
    std::vector<bool> expected(unit_count);
    const auto mark = [&](std::uint32_t first, std::uint32_t last, bool value) {
        for (std::uint32_t i = first; i <= last; ++i) {
            expected[i] = value;
        }
        return PoolConfiguration{Ipv4{kWide.address.value + first},
                                 Ipv4{kWide.address.value + last}};
    };
    // In the order of a file, not of addresses; the last pool ends with the subnet.
    for (const std::uint32_t first : {100000u, 0u, 30000u}) {
        wide.pools.push_back(mark(first, first == 100000u ? unit_count - 1 : first + 29999, true));
    }
    Random random{7};
    for (int i = 0; i < 500; ++i) {
        const std::uint32_t first = random.below(unit_count - 200);
        wide.excluded.push_back(mark(first, first + random.below(200), false));
    }
    for (std::uint32_t i = 0; i < kCount; ++i) {
        const std::uint32_t index = random.below(unit_count);
        const Ipv4 address = mark(index, index, false).first;
        wide.reservations.push_back(reserved(i, address));
    }
    expected.front() = expected.back() = false;

    const auto start = std::chrono::steady_clock::now();
    const Snapshot& snapshot = make();
    const auto took = std::chrono::steady_clock::now() - start;
    // Milliseconds; a pass per reservation would take minutes.
    EXPECT_LT(took, std::chrono::seconds{5});
    EXPECT_EQ(snapshot.reservations.size(), kCount);
    const lease::UnitBitmap& bitmap = store_.space(snapshot.subnets[0].space).bitmap();
    std::uint32_t wrong = 0;
    for (std::uint32_t i = 0; i < unit_count; ++i) {
        wrong += bitmap.allowed(i) != expected[i] ? 1u : 0u;
    }
    EXPECT_EQ(wrong, 0u);
}

}  // namespace
}  // namespace xdhcpd::model
