#include "engine/shard_choice.h"

#include <gtest/gtest.h>

#include <array>

#include "engine/request.h"
#include "lease/tenant_index.h"
#include "support/frames.h"

namespace xdhcpd::engine {
namespace {

constexpr HashKey kKey{1, 2};

testing::Bytes identity(int kind, int client) {
    testing::Bytes bytes = testing::bytes({kind, 1});
    testing::append(bytes, testing::mac(client).bytes());
    return bytes;
}

TEST(ShardChoiceTest, ClientsSpreadEvenly) {
    constexpr std::uint32_t kShards = 3;
    std::array<int, kShards> counts{};
    for (int client = 0; client < 30'000; ++client) {
        ++counts[shard_of(identity(ClientKey::kHwAddress, client), kKey, kShards)];
    }
    for (const int count : counts) {
        EXPECT_NEAR(count, 10'000, 500);
    }
}

TEST(ShardChoiceTest, OneShardHasAll) {
    EXPECT_EQ(shard_of(identity(ClientKey::kHwAddress, 1), kKey, 1), 0u);
    EXPECT_EQ(shard_of(testing::bytes({1}), kKey, 1), 0u) << "even a key without a value";
}

TEST(ShardChoiceTest, AReservationOfTheOwnIdentifierChangesNothing) {
    constexpr int kReservedHwAddress = ClientKey::kReserved;
    for (int client = 0; client < 100; ++client) {
        EXPECT_EQ(shard_of(identity(ClientKey::kHwAddress, client), kKey, 7),
                  shard_of(identity(kReservedHwAddress, client), kKey, 7));
    }
}

// The clients of one shard must not share bits of the tag that the index finds them by.
TEST(ShardChoiceTest, TagsOfOneShardStaySpread) {
    std::array<int, 16> counts{};
    for (int client = 0; client < 40'000; ++client) {
        const testing::Bytes bytes = identity(ClientKey::kHwAddress, client);
        if (shard_of(bytes, kKey, 4) == 1) {
            ++counts[lease::TenantIndex::tag_of(hash_bytes(kKey, bytes)) >> 28];
        }
    }
    for (const int count : counts) {
        EXPECT_NEAR(count, 625, 150);
    }
}

}  // namespace
}  // namespace xdhcpd::engine
