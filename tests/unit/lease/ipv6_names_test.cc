// Every unit of a range is another address of it, and found again.
#include "lease/ipv6_names.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <set>
#include <vector>

#include "lease/store.h"

namespace xdhcpd::lease {
namespace {

constexpr HashKey kKey{0x1234, 0x5678};

Ipv6 ip(const char* text) {
    return parse_ipv6(text).value();
}

TEST(Ipv6NamesTest, EveryAddressOfARangeIsOneUnit) {
    for (const std::uint32_t size : {1u, 2u, 3u, 4u, 5u, 7u, 16u, 17u, 255u, 1000u, 61440u}) {
        const Ipv6Names names = Ipv6Names::range(ip("2001:db8::1000"), 128, size, size, kKey);
        std::vector<bool> seen(size);
        for (std::uint32_t index = 0; index < size; ++index) {
            const Ipv6 address = names.at(index);
            const std::uint64_t offset = load_be64(address.octets.data() + 8) - 0x1000;
            ASSERT_LT(offset, size);
            EXPECT_EQ(load_be64(address.octets.data()), 0x20010db8'00000000u);
            EXPECT_FALSE(seen[offset]) << "address given twice, size " << size;
            seen[offset] = true;
            ASSERT_EQ(names.find(address), index);
        }
        EXPECT_EQ(names.unit_count(), size);
    }
}

TEST(Ipv6NamesTest, AddressesDoNotFollowEachOther) {
    const Ipv6Names names = Ipv6Names::range(ip("2001:db8::"), 128, 65536, 65536, kKey);
    std::uint32_t neighbours = 0;
    for (std::uint32_t index = 1; index < 65536; ++index) {
        const std::uint64_t before = load_be64(names.at(index - 1).octets.data() + 8);
        neighbours += load_be64(names.at(index).octets.data() + 8) == before + 1;
    }
    EXPECT_LT(neighbours, 20u);  // one in 65536 by chance
}

TEST(Ipv6NamesTest, TheKeyTheRangeAndItsSizeChangeTheOrder) {
    const auto order = [](const Ipv6Names& names) {
        std::vector<std::uint64_t> offsets;
        for (std::uint32_t index = 0; index < 64; ++index) {
            offsets.push_back(load_be64(names.at(index).octets.data() + 8) & 0xffffff);
        }
        return offsets;
    };
    const auto reference = order(Ipv6Names::range(ip("2001:db8::"), 128, 4096, 4096, kKey));
    EXPECT_EQ(reference, order(Ipv6Names::range(ip("2001:db8::"), 128, 4096, 64, kKey)))
        << "how many units there are does not count";
    EXPECT_NE(reference, order(Ipv6Names::range(ip("2001:db8::"), 128, 4096, 4096, {1, 2})));
    EXPECT_NE(reference, order(Ipv6Names::range(ip("2001:db8:1::"), 128, 4096, 4096, kKey)));
    EXPECT_NE(reference, order(Ipv6Names::range(ip("2001:db8::"), 128, 16384, 4096, kKey)));
}

TEST(Ipv6NamesTest, AWindowHasSomeOfALargeRange) {
    constexpr std::uint32_t kCount = 10000;
    const Ipv6Names names =
        Ipv6Names::range(ip("2001:db8:0:1::"), 128, Ipv6Names::kMaxRangeSize, kCount, kKey);
    std::set<Ipv6> seen;
    for (std::uint32_t index = 0; index < kCount; ++index) {
        const Ipv6 address = names.at(index);
        EXPECT_EQ(load_be64(address.octets.data()), 0x20010db8'00000001u);
        EXPECT_LT(load_be64(address.octets.data() + 8), Ipv6Names::kMaxRangeSize);
        EXPECT_TRUE(seen.insert(address).second);
        ASSERT_EQ(names.find(address), index);
    }
    // Of so few nobody has the first addresses of the range.
    std::uint32_t outside = 0;
    for (std::uint16_t offset = 1; offset <= 100; ++offset) {
        const Ipv6 address = Ipv6::of_groups({0x2001, 0xdb8, 0, 1, 0, 0, 0, offset});
        outside += !names.find(address);
        EXPECT_TRUE(names.covers(address));
    }
    EXPECT_EQ(outside, 100u);
    EXPECT_FALSE(names.covers(ip("2001:db8:0:1:4000::"))) << "behind the 2^62nd";
}

TEST(Ipv6NamesTest, NothingOutsideTheRangeIsAUnit) {
    const Ipv6Names names = Ipv6Names::range(ip("2001:db8::10"), 128, 3, 3, kKey);
    for (const char* const address :
         {"2001:db8::f", "2001:db8::13", "2001:db8:1::10", "::", "ffff::", "2001:db7::11"}) {
        EXPECT_FALSE(names.find(ip(address))) << address;
        EXPECT_FALSE(names.covers(ip(address))) << address;
    }
}

TEST(Ipv6NamesTest, TheLastAddressOfAllIsFound) {
    const Ipv6Names names =
        Ipv6Names::range(ip("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ff00"), 128, 256, 256, kKey);
    bool has_last = false;
    for (std::uint32_t index = 0; index < 256; ++index) {
        ASSERT_EQ(names.find(names.at(index)), index);
        has_last |= names.at(index) == ip("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
    }
    EXPECT_TRUE(has_last);
    EXPECT_FALSE(names.find(ip("::")));
}

TEST(Ipv6NamesTest, PrefixesAreCountedInTheirLength) {
    for (const auto& [length, size] :
         std::vector<std::pair<int, std::uint64_t>>{{48, 256}, {56, 65536}, {64, 1u << 24}}) {
        constexpr std::uint32_t kCount = 256;
        const Ipv6Names names = Ipv6Names::range(
            ip("2001:db8:8000::"), static_cast<std::uint8_t>(length), size, kCount, kKey);
        std::set<Ipv6> seen;
        for (std::uint32_t index = 0; index < kCount; ++index) {
            const Ipv6Prefix prefix{names.at(index), names.length()};
            EXPECT_EQ(prefix.address, prefix.network()) << to_string(prefix);
            EXPECT_TRUE(parse_ipv6_prefix("2001:db8:8000::/40")->contains(prefix));
            EXPECT_TRUE(seen.insert(prefix.address).second);
            ASSERT_EQ(names.find(prefix.address), index);
            Ipv6 within = prefix.address;
            within.octets[15] = std::byte{1};
            EXPECT_FALSE(names.find(within)) << "between two prefixes";
        }
    }
}

TEST(Ipv6NamesTest, AListHasWhatWasAdded) {
    Ipv6Names names = Ipv6Names::list(128, 2);
    EXPECT_TRUE(names.is_list());
    EXPECT_EQ(names.unit_count(), 2u);
    EXPECT_EQ(names.add(ip("2001:db8::5")), 0u);
    EXPECT_EQ(names.add(ip("2001:db8::3")), 1u);
    EXPECT_FALSE(names.add(ip("2001:db8::4")));
    EXPECT_EQ(names.added(), 2u);
    EXPECT_EQ(names.at(0), ip("2001:db8::5"));
    EXPECT_EQ(names.at(1), ip("2001:db8::3"));
    EXPECT_FALSE(names.find(ip("2001:db8::5")));
    EXPECT_FALSE(names.covers(ip("2001:db8::5")));
}

TEST(Ipv6NamesTest, ASpaceKnowsItsNames) {
    Store store{1};
    const Space& plain = store.add_space(SpaceKind::kIpv4, 16);
    EXPECT_FALSE(plain.has_ipv6_names());
    const Space& space = store.add_space6(
        SpaceKind::kIpv6Prefix, Ipv6Names::range(ip("2001:db8::"), 56, 256, 100, kKey), 77);
    EXPECT_EQ(space.kind(), SpaceKind::kIpv6Prefix);
    EXPECT_EQ(space.unit_count(), 100u);
    EXPECT_EQ(space.version_floor(), 77u);
    EXPECT_EQ(space.ipv6_names().find(space.ipv6_names().at(99)), 99u);
    EXPECT_EQ(store.add_space6(SpaceKind::kIpv6Address, Ipv6Names::list(128, 10), 0).unit_count(),
              10u);
}

}  // namespace
}  // namespace xdhcpd::lease
