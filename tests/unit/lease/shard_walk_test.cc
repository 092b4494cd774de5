// Looking at all that a shard holds.
#include <gtest/gtest.h>

#include <vector>

#include "shard_lab.h"

namespace xdhcpd::lease {
namespace {

TEST_F(ShardTest, WalkShowsHeldUnitsInOrderInSlices) {
    for (const std::uint32_t index : {99u, 10u, 64u, 63u}) {
        lease_to(TestTenant{index}, index);
    }
    ASSERT_TRUE(shard_.quarantine_free(unit(200), kLater));
    for (const std::size_t slice : {1u, 2u, 3u, 100u}) {
        std::vector<std::uint32_t> seen;
        std::uint32_t from = 0;
        while (from != Shard::kWalkEnd) {
            std::size_t in_slice = 0;
            from = shard_.walk(space_.id(), from, slice, [&](Unit held, const Record& record) {
                EXPECT_EQ(&record, &shard_.record(held));
                seen.push_back(space_.index_of(held));
                ++in_slice;
            });
            ASSERT_LE(in_slice, slice);
        }
        EXPECT_EQ(seen, (std::vector<std::uint32_t>{10, 63, 64, 99, 200}));
    }
    EXPECT_EQ(shard_.walk(space_.id(), kUnits, 10, [](Unit, const Record&) { FAIL(); }),
              Shard::kWalkEnd);
    EXPECT_EQ(shard_.walk(space_.id(), Shard::kWalkEnd, 10, [](Unit, const Record&) { FAIL(); }),
              Shard::kWalkEnd);
}

TEST(ShardWalkTest, SlicesOfALargeEmptySpaceAreShort) {
    Store store{1};
    Space& space = store.add_space(SpaceKind::kIpv6Address, 1u << 20);
    Shard shard{store, {.capacity = 10, .side_memory = 0, .id = 0}};
    ASSERT_TRUE(shard.take_reserved(kAlice, space.unit_at((1u << 20) - 1), kLater));
    std::uint32_t from = 0;
    int calls = 0;
    int seen = 0;
    while (from != Shard::kWalkEnd) {
        from = shard.walk(space.id(), from, 10, [&](Unit, const Record&) { ++seen; });
        ++calls;
    }
    EXPECT_EQ(seen, 1);
    EXPECT_EQ(calls, 16);
}

}  // namespace
}  // namespace xdhcpd::lease
