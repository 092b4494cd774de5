#include "lease/store.h"

#include <gtest/gtest.h>

#include <memory>

namespace xdhcpd::lease {
namespace {

TEST(StoreTest, EveryUnitLeadsToItsSpace) {
    Store store{1};
    Space& small = store.add_space(SpaceKind::kIpv4, 1);
    Space& large = store.add_space(SpaceKind::kIpv6Address, 3 * kChunkUnits + 1);
    Space& exact = store.add_space(SpaceKind::kIpv6Prefix, kChunkUnits);
    for (Space* const space : {&small, &large, &exact}) {
        for (const std::uint32_t index : {0u, space->unit_count() / 2, space->unit_count() - 1}) {
            const Unit unit = space->unit_at(index);
            EXPECT_EQ(&store.space_of(unit), space);
            EXPECT_EQ(space->index_of(unit), index);
            EXPECT_NE(unit, kNoUnit);
        }
        EXPECT_EQ(&store.space(space->id()), space);
    }
    EXPECT_EQ(large.kind(), SpaceKind::kIpv6Address);
    EXPECT_EQ(store.space_limit(), 3u);
}

TEST(StoreTest, UnknownNamesLeadNowhere) {
    Store store{1};
    EXPECT_EQ(store.space_limit(), 0u);
    EXPECT_EQ(store.find_space(SpaceId{0}), nullptr);
    EXPECT_EQ(store.find_space(kNoSpace), nullptr);
    EXPECT_EQ(store.find_space_of(kNoUnit), nullptr);
    EXPECT_EQ(store.find_space_of(Unit{0xffffffff}), nullptr);
}

TEST(StoreTest, SpacesHaveALargestSize) {
    Store store{1};
    EXPECT_FALSE(store.has_room(0));
    EXPECT_FALSE(store.has_room(kMaxSpaceUnits + 1));
    ASSERT_TRUE(store.has_room(kMaxSpaceUnits));
    Space& space = store.add_space(SpaceKind::kIpv6Address, kMaxSpaceUnits);
    EXPECT_EQ(&store.space_of(space.unit_at(kMaxSpaceUnits - 1)), &space);
}

TEST(StoreTest, NumbersRunOutWithoutHarm) {
    Store store{1};
    std::uint32_t spaces = 0;
    while (store.has_room(kMaxSpaceUnits)) {
        store.add_space(SpaceKind::kIpv6Address, kMaxSpaceUnits);
        ++spaces;
    }
    EXPECT_EQ(spaces, 31u);  // 2^31 units less chunk 0
    EXPECT_TRUE(store.has_room(kChunkUnits));
}

TEST(StoreTest, ARemovedSpaceIsGoneAndItsNumbersAreUsedAgain) {
    Store store{2};
    const SpaceId id = store.add_space(SpaceKind::kIpv4, 256).id();
    store.add_space(SpaceKind::kIpv4, 256);
    const Unit unit = store.space(id).unit_at(5);
    EXPECT_TRUE(store.space(id).is_drained());
    const std::unique_ptr<Space> removed = store.remove_space(id);
    EXPECT_EQ(removed->id(), id);
    EXPECT_EQ(store.find_space(id), nullptr);
    EXPECT_EQ(store.find_space_of(unit), nullptr);
    EXPECT_EQ(store.add_space(SpaceKind::kIpv4, 1024).id(), id);
    EXPECT_NE(store.find_space_of(unit), nullptr);
}

}  // namespace
}  // namespace xdhcpd::lease
