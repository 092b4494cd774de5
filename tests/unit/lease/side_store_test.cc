#include "lease/side_store.h"

#include <gtest/gtest.h>

#include <map>
#include <vector>

#include "base/random.h"

namespace xdhcpd::lease {
namespace {

constexpr std::size_t kGranule = SideStore::kGranuleLen;

std::vector<std::byte> pattern(std::size_t len, std::uint64_t seed) {
    Random random{seed};
    std::vector<std::byte> bytes(len);
    for (std::byte& byte : bytes) {
        byte = static_cast<std::byte>(random.below(256));
    }
    return bytes;
}

TEST(SideStoreTest, ReturnsWhatWasStored) {
    SideStore store{64 * kGranule};
    const auto bytes = pattern(100, 1);
    const auto ref = store.allocate(ByteView{bytes});
    ASSERT_TRUE(ref);
    EXPECT_TRUE(*ref);
    EXPECT_TRUE(equal_bytes(store.get(*ref), bytes));
    EXPECT_EQ(store.used_bytes(), 4 * kGranule);
    store.free(*ref);
    EXPECT_EQ(store.used_bytes(), 0u);
    EXPECT_TRUE(store.check_invariants());
}

TEST(SideStoreTest, OneGranuleHolds28Bytes) {
    SideStore store{64 * kGranule};
    ASSERT_TRUE(store.allocate(28));
    EXPECT_EQ(store.used_bytes(), kGranule);
    ASSERT_TRUE(store.allocate(29));
    EXPECT_EQ(store.used_bytes(), 3 * kGranule);
}

TEST(SideStoreTest, EntriesHaveALargestLength) {
    SideStore store{1024 * kGranule};
    EXPECT_TRUE(store.allocate(SideStore::kMaxEntryLen));
    EXPECT_FALSE(store.allocate(SideStore::kMaxEntryLen + 1));
    EXPECT_FALSE(store.allocate(std::size_t{1} << 40));
}

TEST(SideStoreTest, WhatWasReservedFindsRoomBeyondTheLimitAndOnlyThat) {
    for (const std::size_t granules : {std::size_t{0}, std::size_t{2}, std::size_t{5}}) {
        SideStore store{granules * kGranule};
        const std::size_t limit = store.capacity_bytes();
        std::map<std::uint32_t, std::vector<std::byte>> entries;
        const auto add = [&](std::size_t len) {
            const auto bytes = pattern(len, entries.size());
            const auto ref = store.allocate(ByteView{bytes});
            if (ref) {
                entries[ref->value] = bytes;
            }
            return ref.has_value();
        };
        while (add(20)) {
        }
        for (std::size_t i = 0; i < 200; ++i) {
            ASSERT_TRUE(store.reserve(100 + i));
            ASSERT_TRUE(add(100 + i)) << i;
            ASSERT_FALSE(add(1)) << "the limit holds for everybody else";
            ASSERT_TRUE(store.check_invariants());
        }
        EXPECT_EQ(store.capacity_bytes(), limit);
        for (const auto& [ref, bytes] : entries) {
            ASSERT_TRUE(equal_bytes(store.get(SideRef{ref}), bytes));
            store.free(SideRef{ref});
        }
        EXPECT_EQ(store.used_bytes(), 0u);
        EXPECT_TRUE(store.check_invariants());
        EXPECT_EQ(add(20), limit != 0);
    }
}

TEST(SideStoreTest, WithoutMemoryNothingFits) {
    for (const std::size_t bytes : {std::size_t{0}, kGranule, 2 * kGranule - 1}) {
        SideStore store{bytes};
        EXPECT_FALSE(store.allocate(0));
        EXPECT_EQ(store.capacity_bytes(), 0u);
        EXPECT_TRUE(store.check_invariants());
    }
}

TEST(SideStoreTest, AllOfItCanBeUsedAndUsedAgainInOtherSizes) {
    SideStore store{(1 + 640) * kGranule};
    for (const std::size_t granules : {1u, 64u, 5u, 2u, 64u, 1u, 10u}) {
        std::vector<SideRef> refs;
        while (const auto ref = store.allocate(granules * kGranule - SideStore::kHeaderLen)) {
            refs.push_back(*ref);
        }
        EXPECT_EQ(refs.size(), 640 / granules) << "nothing was lost to pieces";
        EXPECT_TRUE(store.check_invariants());
        for (std::size_t i = 0; i < refs.size(); i += 2) {
            store.free(refs[i]);
        }
        for (std::size_t i = 1; i < refs.size(); i += 2) {
            store.free(refs[i]);
        }
        EXPECT_EQ(store.used_bytes(), 0u);
        EXPECT_TRUE(store.check_invariants());
    }
}

TEST(SideStoreTest, ResizesInPlaceWithinTheSameGranules) {
    SideStore store{64 * kGranule};
    const auto ref = store.allocate(30);
    ASSERT_TRUE(ref);
    EXPECT_TRUE(store.resize(*ref, 60));
    EXPECT_EQ(store.get(*ref).size(), 60u);
    EXPECT_FALSE(store.resize(*ref, 61));
    EXPECT_FALSE(store.resize(*ref, 28));
    EXPECT_EQ(store.get(*ref).size(), 60u);
    EXPECT_TRUE(store.check_invariants());
}

TEST(SideStoreTest, RandomUseKeepsEveryEntryAndLeavesOneFreeBlock) {
    constexpr std::size_t kGranules = 2000;
    SideStore store{(1 + kGranules) * kGranule};
    std::map<std::uint32_t, std::vector<std::byte>> model;
    Random random{7};
    for (std::uint64_t step = 0; step < 50000; ++step) {
        if (random.below(100) < 55) {
            const std::size_t len = random.below(10) == 0
                                        ? random.below(SideStore::kMaxEntryLen + 1)
                                        : random.below(100);
            const auto bytes = pattern(len, step);
            if (const auto ref = store.allocate(ByteView{bytes})) {
                ASSERT_TRUE(model.emplace(ref->value, bytes).second);
            } else {
                ASSERT_GT(store.used_bytes() + len, kGranules * kGranule / 4);
            }
        } else if (!model.empty()) {
            auto chosen = model.lower_bound(random.below(kGranules));
            if (chosen == model.end()) {
                chosen = model.begin();
            }
            ASSERT_TRUE(equal_bytes(store.get(SideRef{chosen->first}), chosen->second));
            store.free(SideRef{chosen->first});
            model.erase(chosen);
        }
        if (step % 500 == 0) {
            ASSERT_TRUE(store.check_invariants());
        }
    }
    for (const auto& [ref, bytes] : model) {
        ASSERT_TRUE(equal_bytes(store.get(SideRef{ref}), bytes));
        store.free(SideRef{ref});
    }
    EXPECT_EQ(store.used_bytes(), 0u);
    EXPECT_TRUE(store.check_invariants());
    EXPECT_TRUE(store.allocate(SideStore::kMaxEntryLen));
}

TEST(SideStoreDeathTest, FreeingTwiceIsOurBug) {
    SideStore store{64 * kGranule};
    const auto ref = store.allocate(10);
    ASSERT_TRUE(ref);
    store.free(*ref);
    EXPECT_DEATH(store.free(*ref), "assertion failed");
}

}  // namespace
}  // namespace xdhcpd::lease
