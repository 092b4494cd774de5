#include "lease/tenant_index.h"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <utility>
#include <vector>

#include "base/random.h"
#include "lease/record.h"
#include "lease/space.h"

namespace xdhcpd::lease {
namespace {

std::set<std::uint32_t> units_of(const TenantIndex& index, std::uint32_t tag, bool former) {
    std::set<std::uint32_t> units;
    index.visit(tag, [&](TenantIndex::Entry entry) {
        if (entry.former == former) {
            EXPECT_TRUE(units.insert(entry.unit.value).second);
        }
        return false;
    });
    return units;
}

TEST(TenantIndexTest, ATagMayHaveManyUnits) {
    TenantIndex index{100};
    for (std::uint32_t unit = 1; unit <= 50; ++unit) {
        index.insert(7, {Unit{unit}, unit % 2 == 0});
    }
    EXPECT_EQ(units_of(index, 7, false).size(), 25u);
    EXPECT_EQ(units_of(index, 7, true).size(), 25u);
    EXPECT_TRUE(units_of(index, 8, false).empty());
    EXPECT_TRUE(index.check_invariants());
}

TEST(TenantIndexTest, VisitStopsWhenToldTo) {
    TenantIndex index{10};
    index.insert(7, {Unit{1}, false});
    index.insert(7, {Unit{2}, false});
    int visits = 0;
    index.visit(7, [&](TenantIndex::Entry) { return ++visits == 1; });
    EXPECT_EQ(visits, 1);
}

TEST(TenantIndexTest, CapacityLiveEntriesFitAtEverySize) {
    Random random{1};
    for (const std::uint32_t capacity :
         {1u, 2u, 5u, 6u, 7u, 13u, 14u, 100u, 54u, 55u, 1000u, 27853u}) {
        TenantIndex index{capacity};
        std::vector<std::pair<std::uint32_t, Unit>> entries;
        for (std::uint32_t i = 1; i <= capacity; ++i) {
            entries.emplace_back(static_cast<std::uint32_t>(random.next()), Unit{i});
            index.insert(entries.back().first, {Unit{i}, false});
        }
        EXPECT_EQ(index.live_count(), capacity);
        EXPECT_LE(index.live_count() * 20, index.slot_count() * 17);
        ASSERT_TRUE(index.check_invariants());
        for (const auto& [tag, unit] : entries) {
            ASSERT_TRUE(index.remove(tag, unit));
            ASSERT_FALSE(index.remove(tag, unit));
        }
        EXPECT_EQ(index.live_count(), 0u);
        ASSERT_TRUE(index.check_invariants());
    }
}

TEST(TenantIndexTest, FormerEntriesGiveWayAndLiveOnesStay) {
    TenantIndex index{1000};
    Random random{2};
    std::vector<std::pair<std::uint32_t, Unit>> live;
    for (std::uint32_t i = 1; i <= 20000; ++i) {
        const auto tag = static_cast<std::uint32_t>(random.next());
        const bool former = i % 20 != 0;
        index.insert(tag, {Unit{i}, former});
        if (!former) {
            live.emplace_back(tag, Unit{i});
        }
    }
    EXPECT_EQ(index.live_count(), 1000u);
    EXPECT_GT(index.former_count(), 500u);
    ASSERT_TRUE(index.check_invariants());
    for (const auto& [tag, unit] : live) {
        EXPECT_TRUE(units_of(index, tag, false).contains(unit.value));
    }
}

TEST(TenantIndexTest, ALoneFormerEntryIsFoundWhenTheLastSlotDependsOnIt) {
    TenantIndex index{6};  // eight slots, of which one stays empty
    index.insert(1, {Unit{1}, true});
    for (std::uint32_t i = 2; i <= 7; ++i) {
        index.insert(i, {Unit{i}, false});
    }
    EXPECT_EQ(index.live_count(), 6u);
    EXPECT_TRUE(index.check_invariants());
}

TEST(TenantIndexTest, AgreesWithAMultimapUnderCollisions) {
    for (const std::uint32_t tags : {3u, 50u, 100000u}) {
        TenantIndex index{400};
        std::set<std::pair<std::uint32_t, std::uint32_t>> live;
        Random random{tags};
        const std::uint32_t stride = 0x01000193;  // spreads the tags, keeps some homes equal
        for (int step = 0; step < 40000; ++step) {
            const std::uint32_t tag = random.below(tags) * stride;
            const std::uint32_t unit = 1 + random.below(600);
            const auto key = std::pair{tag, unit};
            if (random.below(2) == 0 && live.size() < 400 && !live.contains(key)) {
                index.insert(tag, {Unit{unit}, false});
                live.insert(key);
            } else if (!live.empty()) {
                auto chosen = live.lower_bound(key);
                chosen = chosen == live.end() ? live.begin() : chosen;
                ASSERT_TRUE(index.remove(chosen->first, Unit{chosen->second}));
                live.erase(chosen);
            }
            if (step % 400 == 0) {
                ASSERT_TRUE(index.check_invariants());
                ASSERT_EQ(index.live_count(), live.size());
                std::map<std::uint32_t, std::set<std::uint32_t>> by_tag;
                for (const auto& [live_tag, live_unit] : live) {
                    by_tag[live_tag].insert(live_unit);
                }
                for (const auto& [live_tag, units] : by_tag) {
                    ASSERT_EQ(units_of(index, live_tag, false), units);
                }
            }
        }
    }
}

TEST(TenantIndexTest, SetFormerCountsOnlyChanges) {
    TenantIndex index{10};
    index.insert(1, {Unit{1}, false});
    EXPECT_TRUE(index.set_former(1, Unit{1}, true));
    EXPECT_TRUE(index.set_former(1, Unit{1}, true));
    EXPECT_EQ(index.former_count(), 1u);
    EXPECT_TRUE(index.set_former(1, Unit{1}, false));
    EXPECT_EQ(index.former_count(), 0u);
    EXPECT_FALSE(index.set_former(1, Unit{2}, false));
    EXPECT_FALSE(index.set_former(2, Unit{1}, false));
}

// Record, timer link, bits and the tenant's share of the index, at the worst fill of a power of
// two.
TEST(TenantIndexTest, ALeaseCostsAtMost96Bytes) {
    for (const std::uint32_t capacity :
         {1u << 20, 891290u, 445645u, 1u << 24, 14260634u, 7130317u}) {
        const TenantIndex index{capacity};
        const double index_bytes = 8.0 * static_cast<double>(index.slot_count()) / capacity;
        constexpr double kBits = (2 + 1 + 2.0 / 64) / 8;  // bitmap, held by one shard, summaries
        EXPECT_LE(sizeof(Record) + sizeof(TimerLink) + index_bytes + kBits, 96.0) << capacity;
    }
}

}  // namespace
}  // namespace xdhcpd::lease
