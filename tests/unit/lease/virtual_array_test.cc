#include "lease/virtual_array.h"

#include <gtest/gtest.h>

#include <cstdint>

namespace xdhcpd::lease {
namespace {

struct alignas(64) Line {
    std::uint64_t words[8];
};

TEST(VirtualArrayTest, IsZeroedAndWritableFromEndToEnd) {
    for (const std::size_t size : {1u, 4096u, 32767u, 32768u, 32769u, 100000u}) {
        const VirtualArray<Line> array{size};
        ASSERT_EQ(array.size(), size);
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(array.data()) % alignof(Line), 0u);
        EXPECT_EQ(array[0].words[0], 0u);
        EXPECT_EQ(array[size - 1].words[7], 0u);
        array[0].words[0] = 1;
        array[size - 1].words[7] = 2;
        EXPECT_EQ(array[size - 1].words[7], 2u);
    }
}

TEST(VirtualArrayTest, LargeArraysBeginOnHugePages) {
    const VirtualArray<std::byte> array{(std::size_t{2} << 20) + 1};
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(array.data()) % (std::size_t{2} << 20), 0u);
}

TEST(VirtualArrayTest, MoreThanTheMemoryOfTheMachineCanBeReserved) {
    const VirtualArray<Line> array{std::size_t{1} << 32};  // 256 GiB
    array[array.size() / 2].words[3] = 7;
    EXPECT_EQ(array[array.size() / 2].words[3], 7u);
}

TEST(VirtualArrayTest, MoveLeavesNothingBehind) {
    VirtualArray<std::uint32_t> from{10};
    from[9] = 9;
    VirtualArray<std::uint32_t> to{std::move(from)};
    EXPECT_EQ(from.size(), 0u);  // NOLINT(bugprone-use-after-move): that is what is tested
    EXPECT_EQ(to[9], 9u);
    VirtualArray<std::uint32_t> assigned;
    assigned = std::move(to);
    EXPECT_EQ(assigned[9], 9u);
}

}  // namespace
}  // namespace xdhcpd::lease
