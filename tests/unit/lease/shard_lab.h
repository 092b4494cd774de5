// One shard over two spaces of 256 units, of which the first has 90 that are allowed; its
// invariants are looked at after each test.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <utility>
#include <vector>

#include "lease/shard.h"
#include "tenants.h"

namespace xdhcpd::lease {

inline constexpr std::size_t kUnlimited = ~std::size_t{0};
inline constexpr BootSeconds kNow{1000};
inline constexpr BootSeconds kOfferEnd{1060};
inline constexpr BootSeconds kExpiry{4600};
inline constexpr BootSeconds kLater{9000};

inline const TestTenant kAlice{1};
inline const TestTenant kBob{2};
inline const TestTenant kCarol{3};
inline const TestTenant kLongAlice{1, 100};
inline const TestTenant kLongBob{2, 100};

class ShardTest : public testing::Test {
  protected:
    static constexpr std::uint32_t kUnits = 256;
    static constexpr std::uint32_t kCapacity = 100;

    ShardTest() {
        space_.bitmap().allow({10, 99});
        other_.bitmap().allow(other_.all());
    }
    ~ShardTest() override { EXPECT_EQ(shard_.check_invariants(), ""); }

    [[nodiscard]] Unit unit(std::uint32_t index) const { return space_.unit_at(index); }
    // Alice holds unit 20 until kExpiry.
    Unit lease_to(const Tenant& tenant, std::uint32_t index = 20) {
        const auto taken = shard_.take(tenant, unit(index), kOfferEnd);
        EXPECT_TRUE(taken);
        shard_.grant(*taken, {.now = kNow, .expiry = kExpiry, .xid = 7});
        return *taken;
    }
    std::vector<std::pair<Unit, LeaseState>> expire(BootSeconds now) {
        std::vector<std::pair<Unit, LeaseState>> ended;
        shard_.expire(now, kUnlimited, [&](Unit expired, LeaseState before) {
            ended.emplace_back(expired, before);
        });
        return ended;
    }
    [[nodiscard]] std::uint64_t count(HeldCount which) const {
        return space_.share(0).held_counts[which].value();
    }
    std::vector<SpaceId> both() const { return {space_.id(), other_.id()}; }

    Store store_{1};
    Space& space_ = store_.add_space(SpaceKind::kIpv4, kUnits);
    Space& other_ = store_.add_space(SpaceKind::kIpv4, kUnits);
    Shard shard_{store_, {.capacity = kCapacity, .side_memory = 64 * 1024, .id = 0, .now = kNow}};
    const std::vector<SpaceId> here_{space_.id()};
};

}  // namespace xdhcpd::lease
