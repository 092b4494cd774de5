#include "host/processors.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <string>

namespace xdhcpd::host {
namespace {

namespace fs = std::filesystem;

class ProcessorsTest : public ::testing::Test {
  protected:
    ProcessorsTest()
        : root_{fs::temp_directory_path() / ("xdhcpd-cgroup-" + std::to_string(getpid()))} {
        fs::create_directories(root_ / "system.slice/xdhcpd.service");
    }
    ~ProcessorsTest() override { fs::remove_all(root_); }
    void limit(const std::string& group, const std::string& text) {
        std::ofstream{root_ / group / "cpu.max"} << text << '\n';
    }
    [[nodiscard]] std::optional<double> quota(
        const std::string& membership = "0::/system.slice/xdhcpd.service\n") const {
        return read_cpu_quota(root_, membership);
    }

    fs::path root_;
};

TEST_F(ProcessorsTest, TheTightestLimitOnTheWayUpCounts) {
    EXPECT_FALSE(quota());
    limit("system.slice/xdhcpd.service", "max 100000");
    EXPECT_FALSE(quota());
    limit("system.slice", "150000 100000");
    EXPECT_DOUBLE_EQ(quota().value(), 1.5);
    limit("system.slice/xdhcpd.service", "400000 100000");
    EXPECT_DOUBLE_EQ(quota().value(), 1.5);
    limit("system.slice/xdhcpd.service", "25000 50000");
    EXPECT_DOUBLE_EQ(quota().value(), 0.5);
}

TEST_F(ProcessorsTest, OnlyTheUnifiedHierarchyIsRead) {
    limit("system.slice", "150000 100000");
    EXPECT_FALSE(quota("4:cpu,cpuacct:/system.slice\n"));
    EXPECT_DOUBLE_EQ(quota("4:cpu:/other\n0::/system.slice\n").value(), 1.5);
    EXPECT_FALSE(quota(""));
    EXPECT_FALSE(quota("0::/\n"));
    EXPECT_FALSE(quota("0::/gone/for/long\n"));
}

TEST_F(ProcessorsTest, TextThatIsNoLimitIsNone) {
    for (const char* const text : {"", "0 100000", "5", "x y", "-1 100000"}) {
        limit("system.slice", text);
        EXPECT_FALSE(quota()) << text;
    }
}

TEST_F(ProcessorsTest, ThisProcessMayRunSomewhere) {
    const Processors processors = read_processors();
    EXPECT_GE(processors.allowed, 1u);
    EXPECT_LE(processors.allowed, static_cast<std::uint32_t>(sysconf(_SC_NPROCESSORS_CONF)));
}

}  // namespace
}  // namespace xdhcpd::host
