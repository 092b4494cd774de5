// Every address and prefix has one home in the store.
#include "model/space_registry6.h"

#include <gtest/gtest.h>

#include <string_view>

namespace xdhcpd::model {
namespace {

using lease::SpaceKind;

Ipv6 ip(std::string_view text) {
    return parse_ipv6(text).value();
}
Ipv6Prefix prefix(std::string_view text) {
    return parse_ipv6_prefix(text).value();
}
Ipv6Prefix address(std::string_view text) {
    return {ip(text), 128};
}

class SpaceRegistry6Test : public ::testing::Test {
  protected:
    SpaceRegistry6Test() { registry_.set_names_key({3, 4}); }
    [[nodiscard]] std::optional<lease::SpaceId> home(SpaceKind kind, const Ipv6Prefix& what) const {
        const auto unit = registry_.find_unit(kind, what);
        return unit ? std::optional{store_.space_of(*unit).id()} : std::nullopt;
    }
    // The address or prefix that the store calls by that unit.
    [[nodiscard]] Ipv6 name_of(lease::Unit unit) const {
        const lease::Space& space = store_.space_of(unit);
        return space.ipv6_names().at(space.index_of(unit));
    }

    lease::Store store_{1};
    SpaceRegistry6 registry_{store_};
    const Ipv6Prefix subnet_ = prefix("2001:db8::/64");
};

TEST(Range6Test, RangesHaveASizeAndALastAddress) {
    EXPECT_EQ(address_range(ip("2001:db8::10"), ip("2001:db8::10")).size, 1u);
    EXPECT_EQ(address_range(ip("2001:db8::10"), ip("2001:db8::1f")).size, 16u);
    EXPECT_EQ(address_range(ip("::"), ip("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")).size,
              lease::Ipv6Names::kMaxRangeSize);
    EXPECT_EQ(address_range(ip("2001:db8::"), ip("2001:db8::3fff:ffff:ffff:ffff")).size,
              lease::Ipv6Names::kMaxRangeSize);
    EXPECT_EQ(address_range(ip("2001:db8::"), ip("2001:db8::3fff:ffff:ffff:fffe")).size,
              lease::Ipv6Names::kMaxRangeSize - 1);
    const Range6 delegated = prefix_range(prefix("2001:db8:8000::/40"), 56);
    EXPECT_EQ(delegated.size, 65536u);
    EXPECT_EQ(to_string(delegated.last()), "2001:db8:80ff:ffff:ffff:ffff:ffff:ffff");
    EXPECT_EQ(prefix_range(prefix("2001:db8::/56"), 56).size, 1u);
    EXPECT_EQ(prefix_range(prefix("::/0"), 64).size, lease::Ipv6Names::kMaxRangeSize);
    EXPECT_EQ(to_string(prefix_range(prefix("::/0"), 1).last()),
              "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
}

TEST(Range6Test, RangesOverlapByTheirAddresses) {
    const Range6 range = prefix_range(prefix("2001:db8:8000::/40"), 56);
    EXPECT_TRUE(range.overlaps(prefix_range(prefix("2001:db8:80f0::/44"), 64)));
    EXPECT_TRUE(range.overlaps(address_range(ip("2001:db8:8000::5"), ip("2001:db8:8000::5"))));
    EXPECT_FALSE(range.overlaps(prefix_range(prefix("2001:db8:8100::/40"), 56)));
}

TEST_F(SpaceRegistry6Test, ARangeHasOneSpaceForever) {
    const Range6 range = address_range(ip("2001:db8::1000"), ip("2001:db8::1fff"));
    EXPECT_TRUE(registry_.has_room(range));
    EXPECT_FALSE(registry_.find(range));
    const lease::SpaceId id = registry_.space_for(range);
    EXPECT_EQ(registry_.space_for(range), id);
    EXPECT_EQ(registry_.find(range), id);
    EXPECT_EQ(store_.space(id).unit_count(), 4096u);
    EXPECT_EQ(store_.space(id).kind(), SpaceKind::kIpv6Address);
    const Range6 prefixes = prefix_range(prefix("2001:db8::/40"), 56);
    EXPECT_NE(registry_.space_for(prefixes), id);
    EXPECT_EQ(store_.space(*registry_.find(prefixes)).kind(), SpaceKind::kIpv6Prefix);
    EXPECT_EQ(registry_.ranges().size(), 2u);
}

TEST_F(SpaceRegistry6Test, LargeRangesAreWindowsOfTwiceTheLeases) {
    registry_.set_max_leases(100'000);
    const Range6 large = address_range(ip("2001:db8::"), ip("2001:db8::ffff:ffff:ffff:ffff"));
    EXPECT_EQ(registry_.unit_count(large), 1u << 18);
    EXPECT_EQ(store_.space(registry_.space_for(large)).unit_count(), 1u << 18);
    registry_.set_max_leases(1);
    EXPECT_EQ(registry_.unit_count(large), 1u << 16);
    registry_.set_max_leases(~0u);
    EXPECT_EQ(registry_.unit_count(large), lease::kMaxSpaceUnits);
}

TEST_F(SpaceRegistry6Test, EveryUnitIsFoundByItsName) {
    const lease::SpaceId id =
        registry_.space_for(address_range(ip("2001:db8::1000"), ip("2001:db8::1fff")));
    registry_.space_for(address_range(ip("2001:db8::"), ip("2001:db8::fff")));
    registry_.space_for(address_range(ip("2001:db8:1::"), ip("2001:db8:1::fff")));
    const lease::SpaceId delegated =
        registry_.space_for(prefix_range(prefix("2001:db8:8000::/40"), 56));
    registry_.space_for(prefix_range(prefix("2001:db8:9000::/40"), 60));
    EXPECT_EQ(home(SpaceKind::kIpv6Address, address("2001:db8::1234")), id);
    EXPECT_EQ(name_of(*registry_.find_unit(SpaceKind::kIpv6Address, address("2001:db8::1234"))),
              ip("2001:db8::1234"));
    EXPECT_EQ(home(SpaceKind::kIpv6Prefix, prefix("2001:db8:80ab:cd00::/56")), delegated);
    EXPECT_FALSE(home(SpaceKind::kIpv6Prefix, prefix("2001:db8:80ab:cd00::/60")))
        << "another length";
    EXPECT_FALSE(home(SpaceKind::kIpv6Address, address("2001:db8:80ab:cd00::"))) << "another kind";
    EXPECT_FALSE(home(SpaceKind::kIpv6Address, address("2001:db8::2000")));
    EXPECT_FALSE(home(SpaceKind::kIpv6Address, address("2001:db7::1234")));
}

TEST_F(SpaceRegistry6Test, WhatLiesInNoRangeIsListed) {
    registry_.space_for(address_range(ip("2001:db8::1000"), ip("2001:db8::1fff")));
    EXPECT_TRUE(registry_.list_spaces(subnet_, SpaceKind::kIpv6Address).empty());
    const auto unit =
        registry_.listed_unit(subnet_, SpaceKind::kIpv6Address, address("2001:db8::50"));
    ASSERT_TRUE(unit);
    EXPECT_EQ(name_of(*unit), ip("2001:db8::50"));
    EXPECT_EQ(registry_.listed_unit(subnet_, SpaceKind::kIpv6Address, address("2001:db8::50")),
              unit);
    EXPECT_EQ(registry_.find_unit(SpaceKind::kIpv6Address, address("2001:db8::50")), unit);
    const auto inside =
        registry_.listed_unit(subnet_, SpaceKind::kIpv6Address, address("2001:db8::1050"));
    EXPECT_FALSE(store_.space_of(inside.value()).ipv6_names().is_list());
    EXPECT_EQ(registry_.listed().size(), 1u);
    const auto delegated =
        registry_.listed_unit(subnet_, SpaceKind::kIpv6Prefix, prefix("2001:db8:77::/48"));
    const auto longer =
        registry_.listed_unit(subnet_, SpaceKind::kIpv6Prefix, prefix("2001:db8:77::/56"));
    EXPECT_NE(delegated.value(), longer.value());
    const auto spaces = registry_.list_spaces(subnet_, SpaceKind::kIpv6Prefix);
    ASSERT_EQ(spaces.size(), 2u);
    EXPECT_EQ(spaces[0], store_.space_of(*delegated).id());
    EXPECT_EQ(spaces[1], store_.space_of(*longer).id());
    EXPECT_EQ(registry_.list_spaces(subnet_, SpaceKind::kIpv6Address).size(), 1u);
    EXPECT_TRUE(registry_.list_spaces(prefix("2001:db8:1::/64"), SpaceKind::kIpv6Address).empty());
}

TEST_F(SpaceRegistry6Test, AFullListIsFollowedByAnother) {
    Ipv6 next = ip("2001:db8::");
    for (std::uint32_t i = 0; i <= lease::kChunkUnits; ++i) {
        store_be32(next.octets.data() + 12, i);
        ASSERT_TRUE(registry_.listed_unit(subnet_, SpaceKind::kIpv6Address, {next, 128}));
    }
    EXPECT_EQ(registry_.list_spaces(subnet_, SpaceKind::kIpv6Address).size(), 2u);
    EXPECT_EQ(name_of(*registry_.find_unit(SpaceKind::kIpv6Address, {next, 128})), next);
}

TEST_F(SpaceRegistry6Test, WhatTheWindowLeavesOutIsListed) {
    registry_.set_max_leases(1);
    const lease::SpaceId space =
        registry_.space_for(address_range(ip("2001:db8::"), ip("2001:db8::ffff:ffff:ffff:ffff")));
    EXPECT_FALSE(registry_.find_unit(SpaceKind::kIpv6Address, address("2001:db8::5")));
    const auto unit =
        registry_.listed_unit(subnet_, SpaceKind::kIpv6Address, address("2001:db8::5"));
    EXPECT_NE(store_.space_of(unit.value()).id(), space);
    EXPECT_EQ(registry_.find_unit(SpaceKind::kIpv6Address, address("2001:db8::5")), unit);
}

TEST_F(SpaceRegistry6Test, OfOverlappingRangesTheOneAskedForLastIsHome) {
    const Range6 small = address_range(ip("2001:db8::1000"), ip("2001:db8::1fff"));
    const Range6 large = address_range(ip("2001:db8::800"), ip("2001:db8::ffff"));
    const auto kind = SpaceKind::kIpv6Address;
    const auto listed = registry_.listed_unit(subnet_, kind, address("2001:db8::900"));
    const lease::SpaceId first = registry_.space_for(small);
    EXPECT_EQ(home(kind, address("2001:db8::1800")), first);
    EXPECT_EQ(registry_.find_unit(kind, address("2001:db8::900")), listed);
    const lease::SpaceId second = registry_.space_for(large);
    EXPECT_EQ(home(kind, address("2001:db8::1800")), second);
    EXPECT_EQ(home(kind, address("2001:db8::900")), second) << "listed before";
    EXPECT_EQ(registry_.space_for(small), first);
    EXPECT_EQ(home(kind, address("2001:db8::1800")), first);
    EXPECT_EQ(home(kind, address("2001:db8::8000")), second);
}

TEST_F(SpaceRegistry6Test, VersionsBeginAboveTheFloor) {
    registry_.set_version_floor(500);
    const lease::SpaceId space =
        registry_.space_for(address_range(ip("2001:db8::1"), ip("2001:db8::2")));
    EXPECT_EQ(store_.space(space).version_floor(), 500u);
    const auto unit =
        registry_.listed_unit(subnet_, SpaceKind::kIpv6Address, address("2001:db8::50"));
    EXPECT_EQ(store_.space_of(unit.value()).version_floor(), 500u);
}

// What its addresses were leased under meanwhile is on disk, with versions below the floor.
TEST_F(SpaceRegistry6Test, VersionsOfARangeThatComesBackBeginAboveTheFloorOfThatTime) {
    const Range6 range = address_range(ip("2001:db8::1"), ip("2001:db8::2"));
    const auto serve = [&](std::uint32_t floor, const Range6& wanted) {
        registry_.set_version_floor(floor);
        registry_.begin_snapshot();
        return registry_.space_for(wanted);
    };
    const lease::SpaceId space = serve(0, range);
    serve(100, range);
    EXPECT_EQ(store_.space(space).version_floor(), 0u) << "it never went";
    serve(200, address_range(ip("2001:db8::1"), ip("2001:db8::3")));
    EXPECT_EQ(serve(300, range), space);
    EXPECT_EQ(store_.space(space).version_floor(), 300u);
    serve(400, range);
    EXPECT_EQ(store_.space(space).version_floor(), 300u);
}

TEST_F(SpaceRegistry6Test, AFullStoreHasNoRoom) {
    registry_.set_max_leases(~0u);
    std::uint16_t group = 0;
    const auto range = [&] {
        return address_range(Ipv6::of_groups({0x2001, 0xdb8, 0, group, 0, 0, 0, 0}),
                             Ipv6::of_groups({0x2001, 0xdb8, 0, group, 0xffff, 0, 0, 0}));
    };
    for (; registry_.has_room(range()); ++group) {
        registry_.space_for(range());
        ASSERT_LT(group, 40);
    }
    EXPECT_EQ(group, 31u) << "of 1024 chunks each, without the first chunk";
    group = 0;
    EXPECT_TRUE(registry_.has_room(range())) << "is there already";
}

}  // namespace
}  // namespace xdhcpd::model
