// What xdhcpctl needs to read and write lease files.
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <string>
#include <vector>

#include "tools/xdhcpctl/last_entries.h"
#include "tools/xdhcpctl/lease_export.h"
#include "tools/xdhcpctl/line_file.h"

namespace xdhcpd::xdhcpctl {
namespace {

lease_files::Entry lease_of(Ipv4 address) {
    lease_files::Entry entry;
    entry.address = address;
    return entry;
}

lease_files::Entry lease_of(const std::string& name) {
    lease_files::Entry entry;
    EXPECT_TRUE(set_name(entry, name)) << name;
    return entry;
}

TEST(LastEntriesTest, AddressesAndPrefixesOfBothFamiliesAreToldApart) {
    const std::vector<std::string> names{
        "2001:db8::/56", "2001:db8::",  "2001:db8::/64", "0.0.0.0", "2001:db8::/128",
        "2001:db8::",    "2001:db8::1", "2001:db8::/56", "0.0.0.0", "2001:db8:1::/56"};
    LastEntries last;
    for (const std::string& name : names) {
        last.add(lease_of(name));
    }
    EXPECT_EQ(last.finish(), 3u);
    std::vector<bool> counts;
    for (std::size_t i = 0; i < names.size(); ++i) {
        counts.push_back(last.next_counts());
    }
    EXPECT_EQ(counts, (std::vector{false, false, true, false, true, true, true, true, true, true}));
}

TEST(LastEntriesTest, OnlyTheLastOfEachAddressCounts) {
    LastEntries last;
    for (const std::uint32_t address : {1u, 2u, 1u, 3u, 2u, 1u}) {
        last.add(lease_of(Ipv4{address}));
    }
    EXPECT_EQ(last.finish(), 3u);
    std::vector<bool> counts;
    for (int i = 0; i < 6; ++i) {
        counts.push_back(last.next_counts());
    }
    EXPECT_EQ(counts, (std::vector{false, false, false, true, true, true}));
}

TEST(LastEntriesTest, ALongLogOfFewAddressesStaysSmall) {
    constexpr std::uint32_t kCount = 500000;
    constexpr std::uint32_t kAddresses = 1000;
    LastEntries last;
    for (std::uint32_t i = 0; i < kCount; ++i) {
        last.add(i % 2 == 0 ? lease_of(Ipv4{i % kAddresses})
                            : lease_of("2001:db8::" + std::to_string(i % kAddresses)));
    }
    EXPECT_EQ(last.finish(), kCount - kAddresses);
    std::uint32_t counted = 0;
    for (std::uint32_t i = 0; i < kCount; ++i) {
        const bool counts = last.next_counts();
        ASSERT_EQ(counts, i >= kCount - kAddresses) << i;
        counted += counts ? 1 : 0;
    }
    EXPECT_EQ(counted, kAddresses);
}

// A file of a test; gone when the test ends.
class TestFile {
  public:
    explicit TestFile(const std::string& text) {
        const int fd = mkstemp(path_.data());
        EXPECT_EQ(write(fd, text.data(), text.size()), static_cast<ssize_t>(text.size()));
        close(fd);
    }
    ~TestFile() { unlink(path_.data()); }
    TestFile(const TestFile&) = delete;
    TestFile& operator=(const TestFile&) = delete;
    [[nodiscard]] const char* path() const { return path_.data(); }

  private:
    std::array<char, 32> path_{"/tmp/xdhcpctl-test-XXXXXX"};
};

TEST(LineFileTest, LinesComeTwice) {
    const TestFile on_disk{"first\n\nthird\nlast"};
    auto file = LineFile::open(on_disk.path());
    ASSERT_TRUE(file);
    for (int pass = 0; pass < 2; ++pass) {
        std::vector<std::string> lines;
        std::string_view line;
        while (file->next(line)) {
            lines.emplace_back(line);
        }
        EXPECT_EQ(lines, (std::vector<std::string>{"first", "", "third", "last"}));
        EXPECT_EQ(file->error(), "");
        file->rewind();
    }
}

TEST(LineFileTest, LongFilesAreReadWholeAndEndlessLinesAreAnError) {
    std::string text;
    for (int i = 0; i < 300000; ++i) {
        text += "line " + std::to_string(i) + "\n";
    }
    const TestFile on_disk{text};
    auto file = LineFile::open(on_disk.path());
    ASSERT_TRUE(file);
    std::string_view line;
    int count = 0;
    while (file->next(line)) {
        ASSERT_EQ(line, "line " + std::to_string(count++));
    }
    EXPECT_EQ(count, 300000);
    const TestFile endless{std::string(3 * LineFile::kMaxLineLen, 'x')};
    auto other = LineFile::open(endless.path());
    ASSERT_TRUE(other);
    EXPECT_FALSE(other->next(line));
    EXPECT_NE(other->error().find("longer than a megabyte"), std::string::npos);
}

TEST(LeaseExportTest, KeasNumbersOfSubnets) {
    const std::vector<std::string> subnets{"192.0.2.0/24", "198.51.100.0/24", "2001:db8::/64"};
    const auto counted = kea_subnet_ids(subnets, {});
    ASSERT_TRUE(counted);
    EXPECT_EQ(counted->at(subnets[0]), 1u);
    EXPECT_EQ(counted->at(subnets[1]), 2u);
    const auto given = kea_subnet_ids(subnets, {"198.51.100.0/24=700", "2001:DB8:0::/64=6"});
    ASSERT_TRUE(given);
    EXPECT_EQ(given->at(subnets[1]), 700u);
    EXPECT_EQ(given->at(subnets[2]), 6u);
    for (const char* const wrong :
         {"198.51.100.0/24", "=1", "198.51.100.0/24=0", "198.51.100.0/24=x", "203.0.113.0/24=1",
          "198.51.100.0/24=4294967295"}) {
        EXPECT_FALSE(kea_subnet_ids(subnets, {wrong})) << wrong;
    }
}

}  // namespace
}  // namespace xdhcpd::xdhcpctl
