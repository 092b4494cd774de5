#include "model/address_set.h"

#include <gtest/gtest.h>

#include <set>

#include "base/random.h"

namespace xdhcpd::model {
namespace {

TEST(AddressSetTest, EmptySetContainsNothing) {
    const AddressSet set;
    EXPECT_FALSE(set.contains(Ipv4{1}));
    EXPECT_FALSE(set.contains(Ipv4{0}));
    EXPECT_TRUE(set.all().empty());
}

TEST(AddressSetTest, AgreesWithASortedSet) {
    Random random{7};
    for (const std::size_t count : {1u, 2u, 3u, 64u, 1000u}) {
        std::vector<Ipv4> addresses;
        std::set<std::uint32_t> expected;
        for (std::size_t i = 0; i < count; ++i) {
            // Neighbours and strangers, some of them twice.
            const std::uint32_t value = 0x0a000001 + random.below(i % 2 == 0 ? 2000 : 0xf0000000);
            addresses.push_back(Ipv4{value});
            expected.insert(value);
        }
        const AddressSet set{addresses};
        EXPECT_EQ(set.all().size(), expected.size());
        for (std::uint32_t value = 0x0a000000; value < 0x0a000000 + 3000; ++value) {
            ASSERT_EQ(set.contains(Ipv4{value}), expected.contains(value)) << value;
        }
        for (const std::uint32_t value : expected) {
            ASSERT_TRUE(set.contains(Ipv4{value}));
        }
    }
}

}  // namespace
}  // namespace xdhcpd::model
