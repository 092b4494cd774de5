// Who has a unit that its pool has none for keeps it, on the terms of the pool.
#include "model/listed_units.h"

#include <gtest/gtest.h>

#include <string_view>
#include <vector>

#include "lease/store.h"

namespace xdhcpd::model {
namespace {

using lease::SpaceKind;

Ipv6 ip(std::string_view text) {
    return parse_ipv6(text).value();
}
Ipv6Prefix prefix(std::string_view text) {
    return parse_ipv6_prefix(text).value();
}

class ListedUnitsTest : public ::testing::Test {
  protected:
    ListedUnitsTest() {
        registry_.set_max_leases(1);
        Subnet6& subnet = snapshot_.subnets.emplace_back();
        subnet.prefix = prefix("2001:db8:1::/64");
        subnet.relays = {ip("2001:db8:1::3")};
        subnet.pools = {
            pool(address_range(ip("2001:db8:1::"), ip("2001:db8:1::ffff:ffff:ffff:ffff")))};
        subnet.prefix_pools = {pool(prefix_range(prefix("2001:db8:8000::/33"), 64))};
        Subnet6Configuration from;
        from.prefix = subnet.prefix;
        from.excluded = {{ip("2001:db8:1::100"), ip("2001:db8:1::1ff")}};
        configuration_.dhcp6.subnets.push_back(from);
    }
    Pool6 pool(const Range6& range) {
        const lease::SpaceId space = registry_.space_for(range);
        return {range.first, range.last(), range.unit_length, space, store_.space(space).all(), {}};
    }
    lease::Unit list(const What6& what) {
        return registry_.listed_unit(prefix("2001:db8:1::/64"), what.kind, what.prefix).value();
    }
    static What6 address(std::string_view text) {
        return {SpaceKind::kIpv6Address, {ip(text), 128}};
    }
    static What6 delegated(std::string_view text) { return {SpaceKind::kIpv6Prefix, prefix(text)}; }
    void apply() { apply_listed_policy6(snapshot_, configuration_, registry_); }
    [[nodiscard]] bool is_allowed(const What6& what) const {
        const lease::Unit unit = registry_.listed().at(what);
        const lease::Space& space = store_.space_of(unit);
        EXPECT_TRUE(space.ipv6_names().is_list());
        return space.bitmap().allowed(space.index_of(unit));
    }

    lease::Store store_{1};
    SpaceRegistry6 registry_{store_};
    Snapshot6 snapshot_;
    Configuration configuration_;
};

TEST_F(ListedUnitsTest, WhatLiesInAPoolIsLetOnItsTerms) {
    const std::vector<What6> open{address("2001:db8:1::5"), address("2001:db8:1::fff"),
                                  delegated("2001:db8:8001::/64")};
    const std::vector<What6> closed{
        address("2001:db8:1::"),     // subnet-router anycast
        address("2001:db8:1::3"),    // a relay
        address("2001:db8:1::4"),    // reserved
        address("2001:db8:1::2"),    // ours
        address("2001:db8:1::105"),  // excluded
        address("2001:db8:1::200:5eff:fe00:1"),
        address("2001:db8:1:0:fdff:ffff:ffff:ffff"),
        address("2001:db8:1:0:5000::5"),  // behind what is used of a range
        address("2001:db8:2::5"),         // in no pool
        delegated("2001:db8:8002::/64"),  // reserved
        delegated("2001:db8:8003::/64"),  // advertised
        delegated("2001:db8:8001::/60"),  // of another length
        delegated("2001:db8:1::/64"),
    };
    Reservation6& reservation = snapshot_.reservations.emplace_back();
    reservation.addresses = {{prefix("2001:db8:1::4/128"), {}}};
    reservation.prefixes = {{prefix("2001:db8:8002::/56"), {}}};
    snapshot_.advertisements.emplace_back().configuration.prefixes.emplace_back().prefix =
        prefix("2001:db8:8003::/64");
    snapshot_.index({}, {ip("2001:db8:1::2")}, {});
    for (const auto* const wanted_units : {&open, &closed}) {
        for (const What6& what : *wanted_units) {
            list(what);
        }
    }
    apply();
    for (const What6& what : open) {
        EXPECT_TRUE(is_allowed(what)) << to_string(what.prefix);
    }
    for (const What6& what : closed) {
        EXPECT_FALSE(is_allowed(what)) << to_string(what.prefix);
    }
}

TEST_F(ListedUnitsTest, AFewAreOpenedByThemselves) {
    const What6 first = address("2001:db8:1::5");
    const What6 second = address("2001:db8:1::6");
    const What6 excluded = address("2001:db8:1::106");
    list(first);
    list(second);
    list(excluded);
    const std::vector<What6> wanted_units{second, excluded, address("2001:db8:1::7")};
    apply_listed_policy6(snapshot_, configuration_, registry_, wanted_units);
    EXPECT_FALSE(is_allowed(first));
    EXPECT_TRUE(is_allowed(second));
    EXPECT_FALSE(is_allowed(excluded));
}

TEST_F(ListedUnitsTest, WithoutItsPoolAUnitIsClosed) {
    const What6 what = address("2001:db8:1::5");
    list(what);
    apply();
    EXPECT_TRUE(is_allowed(what));
    snapshot_.subnets[0].pools.clear();
    apply();
    EXPECT_FALSE(is_allowed(what));
}

// A smaller pool has a unit of its own for it.
TEST_F(ListedUnitsTest, OfTwoUnitsOnlyTheOneThatIsHeldIsOpen) {
    const What6 what = address("2001:db8:1::5");
    const lease::Unit unit = list(what);
    lease::Space& space = store_.space_of(unit);
    ASSERT_TRUE(space.bitmap().try_take_reserved(space.index_of(unit)));
    snapshot_.subnets[0].pools = {pool(address_range(ip("2001:db8:1::1"), ip("2001:db8:1::ff")))};
    apply();
    EXPECT_TRUE(is_allowed(what)) << "its client renews it";
    space.bitmap().release(space.index_of(unit));
    apply();
    EXPECT_FALSE(is_allowed(what));
}

}  // namespace
}  // namespace xdhcpd::model
