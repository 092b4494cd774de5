// Nobody steps the clock of a machine in a test: what a step leaves behind, the difference between
// the wall clock and disk time, is made by a stamp from the future instead.
#include "daemon/disk_clock.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "journal/posix_files.h"

namespace xdhcpd::daemon {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kYear = 31'536'000;

class DiskClockTest : public ::testing::Test {
  protected:
    DiskClockTest() {
        std::string name = ::testing::TempDir() + "xdhcpd-clock-XXXXXX";
        EXPECT_NE(mkdtemp(name.data()), nullptr);
        directory_ = name;
    }
    ~DiskClockTest() override { std::filesystem::remove_all(directory_); }

    [[nodiscard]] static std::uint64_t wall() {
        return static_cast<std::uint64_t>(std::time(nullptr));
    }
    // Disk time less the wall clock, seconds.
    [[nodiscard]] static std::int64_t ahead(const DiskClock& clock) {
        return static_cast<std::int64_t>(clock.now_ns() / kSecond) -
               static_cast<std::int64_t>(wall());
    }
    [[nodiscard]] std::string text() const {
        std::ifstream file{directory_ + "/clock"};
        return {std::istreambuf_iterator<char>{file}, {}};
    }
    void write(const std::string& text) const { std::ofstream{directory_ + "/clock"} << text; }

    std::string directory_;
    journal::PosixFiles files_;
};

TEST_F(DiskClockTest, WithoutFilesDiskTimeIsTheWallClock) {
    DiskClock clock{files_};
    ASSERT_TRUE(clock.open(directory_));
    clock.settle(0);
    EXPECT_LE(std::abs(ahead(clock)), 2);
    EXPECT_FALSE(clock.tick().value());
    EXPECT_EQ(text(), "") << "nothing to remember";
}

TEST_F(DiskClockTest, TimeGoesOnFromTheLatestStampAndTheDifferenceIsKept) {
    DiskClock clock{files_};
    ASSERT_TRUE(clock.open(directory_));
    clock.settle((wall() + kYear) *
                 kSecond);  // the clock was a year ahead, or is a year behind now
    EXPECT_LE(std::abs(ahead(clock) - static_cast<std::int64_t>(kYear)), 2);
    EXPECT_TRUE(clock.tick().value());
    EXPECT_FALSE(clock.tick().value()) << "once is enough";

    DiskClock next{files_};  // the next start, whose files may have lost the last stamps
    ASSERT_TRUE(next.open(directory_)) << text();
    next.settle(0);
    EXPECT_LE(std::abs(ahead(next) - static_cast<std::int64_t>(kYear)), 2);
    EXPECT_FALSE(next.tick().value());
}

TEST_F(DiskClockTest, AFileThatIsNotOursIsRefusedByName) {
    for (const char* const bad :
         {"", "xdhcpd clock 1\n", "xdhcpd clock 1\n12", "xdhcpd clock 1\nsoon\n",
          "xdhcpd clock 1\n12\n13\n", "xdhcpd clock 2\n12\n", "xdhcpd clock 2\n12 00000000\n",
          "xdhcpd clock 2\n12 0000\n", "xdhcpd clock 3\n12\n",
          "xdhcpd clock 1\n-9223372036854775808\n", "xdhcpd clock 1\n9223372036854775807\n"}) {
        write(bad);
        DiskClock clock{files_};
        const auto opened = clock.open(directory_);
        ASSERT_FALSE(opened) << bad;
        EXPECT_NE(opened.error().message.find(directory_ + "/clock"), std::string::npos);
    }
    write("xdhcpd clock 1\n-86400\n");
    DiskClock clock{files_};
    ASSERT_TRUE(clock.open(directory_));
    clock.settle(0);
    EXPECT_LE(std::abs(ahead(clock) - 86400), 2);
}

TEST_F(DiskClockTest, AnyChangedByteOfTheFileIsNoticed) {
    DiskClock clock{files_};
    ASSERT_TRUE(clock.open(directory_));
    clock.settle((wall() + kYear) * kSecond);
    ASSERT_TRUE(clock.tick().value());
    const std::string good = text();
    EXPECT_TRUE(good.starts_with("xdhcpd clock 2\n-")) << good;
    for (std::size_t i = 0; i < good.size(); ++i) {
        std::string bad = good;
        bad[i] = static_cast<char>(bad[i] ^ 1);
        write(bad);
        EXPECT_FALSE(DiskClock{files_}.open(directory_)) << bad;
        write(good.substr(0, i));
        EXPECT_FALSE(DiskClock{files_}.open(directory_)) << good.substr(0, i);
    }
}

TEST_F(DiskClockTest, ADifferenceThatCannotBeKeptIsAnErrorAndTriedAgain) {
    DiskClock clock{files_};
    ASSERT_TRUE(clock.open(directory_));
    clock.settle((wall() + kYear) * kSecond);
    std::filesystem::remove_all(directory_);
    EXPECT_FALSE(clock.tick());
    std::filesystem::create_directory(directory_);
    EXPECT_TRUE(clock.tick().value());
}

}  // namespace
}  // namespace xdhcpd::daemon
