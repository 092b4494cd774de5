#include "journal/offline.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "journal/directory.h"
#include "journal/merger.h"
#include "states.h"
#include "support/faulty_files.h"

namespace xdhcpd::journal {
namespace {

using Versions = std::map<std::uint32_t, std::uint32_t>;

const std::string directory = "state";
constexpr std::uint64_t kNow = 1'800'000'000;

// snapshot-3 with version 1 of units 0..9, segment-3 with version 2 of units 0..4, closed, and
// segment-4 with version 3 of units 0 and 1.
class OfflineTest : public testing::Test {
  protected:
    OfflineTest() { fill(); }
    void fill() {
        const auto made = write_snapshot(files_, directory, 3, 1000, 1,
                                         [&](const std::function<void(ByteView)>& emit) -> Status {
                                             for (std::uint32_t unit = 0; unit < 10; ++unit) {
                                                 emit(encoded(unit, 1));
                                             }
                                             return Success{};
                                         });
        EXPECT_TRUE(made);
        const std::uint64_t end = write_segment({3, 30, 2, 5000, 2000}, {0, 1, 2, 3, 4}, 2);
        write_segment({4, 40, 3, end, 3000}, {0, 1}, 3);
    }
    // One group for each unit; each says that those before it are durable. Returns its end.
    std::uint64_t write_segment(const SegmentHeader& header,
                                const std::vector<std::uint32_t>& units, std::uint32_t version) {
        auto file = files_.open(path(segment_name(header.generation)), OpenMode::kCreate);
        std::vector<std::byte> page(kSegmentHeaderLen);
        encode(header, page);
        EXPECT_TRUE((*file)->write(0, page));
        std::uint64_t at = kSegmentHeaderLen;
        GroupBuilder group{4096};
        for (const std::uint32_t unit : units) {
            group.clear();
            group.add(encoded(unit, version));
            const ByteView bytes = group.finish(header, {at, at, header.stamp, 0, 0});
            EXPECT_TRUE((*file)->write(at, bytes));
            at += bytes.size();
        }
        return at;
    }
    [[nodiscard]] static std::string path(const std::string& name) {
        return path_of(directory, name);
    }
    [[nodiscard]] CheckResult check() {
        auto result = check_directory(files_, directory);
        EXPECT_TRUE(result) << result.error().message;
        files_.release_locks();
        return *result;
    }
    [[nodiscard]] RepairResult repair() {
        auto result = repair_directory(files_, directory, kNow);
        EXPECT_TRUE(result) << result.error().message;
        files_.release_locks();
        return *result;
    }
    // Empty if it is refused.
    [[nodiscard]] Versions dump() {
        Versions versions;
        const auto found = dump_directory(files_, directory, [&](const UnitState& state) {
            EXPECT_TRUE(is_genuine(state));
            versions[unit_of(state)] = state.version;
        });
        files_.release_locks();
        return found ? versions : Versions{};
    }
    [[nodiscard]] static Versions all() {
        return {{0, 3}, {1, 3}, {2, 2}, {3, 2}, {4, 2}, {5, 1}, {6, 1}, {7, 1}, {8, 1}, {9, 1}};
    }

    FaultyFiles files_;
};

TEST_F(OfflineTest, AGoodDirectoryIsGoodAndRepairLeavesItAlone) {
    const CheckResult result = check();
    EXPECT_TRUE(result.refusal.empty()) << result.refusal;
    ASSERT_EQ(result.files.size(), 3u);
    EXPECT_EQ(result.files[0].records, 5u);
    EXPECT_EQ(result.files[1].records, 2u);
    EXPECT_EQ(result.files[2].records, 10u);
    EXPECT_EQ(result.found.units, 10u);
    EXPECT_EQ(result.found.wall_clock_stamp, 3000u);
    const auto before = *files_.list(directory);
    EXPECT_FALSE(repair().is_repaired);
    EXPECT_EQ(*files_.list(directory), before);
    EXPECT_EQ(dump(), all());
}

TEST_F(OfflineTest, ARottenSegmentIsNamedAndAllButTheLostRecordIsKept) {
    files_.flip(path(segment_name(3)), kSegmentHeaderLen + 2 * kGroupAlign + 100);  // of unit 2
    const CheckResult result = check();
    EXPECT_NE(result.refusal.find("segment-0000000003, offset 12288"), std::string::npos)
        << result.refusal;
    EXPECT_TRUE(result.files[0].is_damaged);
    EXPECT_FALSE(result.files[1].is_damaged);
    EXPECT_TRUE(dump().empty());

    const RepairResult repaired = repair();
    EXPECT_TRUE(repaired.is_repaired);
    EXPECT_EQ(repaired.units, 10u);
    EXPECT_EQ(repaired.moved, std::vector<std::string>{segment_name(3)});
    EXPECT_TRUE(files_.exists(repaired.aside + "/" + segment_name(3)));
    EXPECT_TRUE(check().refusal.empty());
    Versions expected = all();
    expected[2] = 1;  // from the snapshot
    EXPECT_EQ(dump(), expected);
}

TEST_F(OfflineTest, ADamagedHeaderCostsNothing) {
    files_.flip(path(segment_name(4)), 20);
    EXPECT_FALSE(check().refusal.empty());
    EXPECT_TRUE(repair().is_repaired);
    EXPECT_EQ(dump(), all());
}

TEST_F(OfflineTest, ADamagedSnapshotKeepsItsIntactRecords) {
    files_.flip(path(snapshot_name(3)), kSnapshotHeaderLen + 30);  // of unit 0, which is elsewhere
    EXPECT_FALSE(check().refusal.empty());
    EXPECT_TRUE(repair().is_repaired);
    EXPECT_EQ(dump(), all());
}

TEST_F(OfflineTest, AnOlderSnapshotMakesGoodForADamagedOne) {
    // A crash came between the making of snapshot-9 and the removal of what it stands for; then
    // snapshot-9 was emptied.
    auto file = files_.open(path(snapshot_name(9)), OpenMode::kCreate);
    ASSERT_TRUE(file);
    EXPECT_FALSE(check().refusal.empty());
    const RepairResult repaired = repair();
    EXPECT_TRUE(repaired.is_repaired);
    EXPECT_EQ(repaired.units, 10u);
    EXPECT_EQ(repaired.moved, std::vector<std::string>{snapshot_name(9)});
    EXPECT_EQ(dump(), all());
}

TEST_F(OfflineTest, AMissingSegmentIsSaidAndLivedWithout) {
    files_.move_away(path(segment_name(3)), "elsewhere/3");
    EXPECT_NE(check().refusal.find("segment-0000000003 is missing"), std::string::npos);
    const RepairResult repaired = repair();
    EXPECT_TRUE(repaired.is_repaired);
    EXPECT_TRUE(repaired.moved.empty());
    EXPECT_EQ(
        dump(),
        (Versions{{0, 3}, {1, 3}, {2, 1}, {3, 1}, {4, 1}, {5, 1}, {6, 1}, {7, 1}, {8, 1}, {9, 1}}));
}

TEST_F(OfflineTest, AnyByteOfAnyFileMayBeDamagedAndTheRestIsKept) {
    for (const std::string& name : {segment_name(3), segment_name(4), snapshot_name(3)}) {
        const std::size_t len = files_.bytes(path(name)).size();
        for (std::size_t at = 0; at < len; at += name == snapshot_name(3) ? 1 : 61) {
            files_.clear();
            fill();
            files_.flip(path(name), at);
            const CheckResult before = check();
            EXPECT_EQ(repair().is_repaired, !before.refusal.empty());
            ASSERT_TRUE(check().refusal.empty()) << name << " byte " << at;
            const Versions versions = dump();
            std::uint32_t lost = 0;
            for (const auto& [unit, version] : all()) {
                const auto found = versions.find(unit);
                lost += found == versions.end() || found->second != version ? 1 : 0;
            }
            ASSERT_LE(lost, 1u) << name << " byte " << at;
        }
    }
}

TEST_F(OfflineTest, FilesOfANewerFormatAreLeftAlone) {
    std::vector<std::byte>& bytes = files_.bytes(path(segment_name(4)));
    store_le(bytes.data() + 12, std::uint32_t{kFormat + 1});
    store_le(bytes.data() + 8, crc32c(Seed{}, ByteView{bytes}.subspan(12, 52)));
    const CheckResult result = check();
    EXPECT_NE(result.refusal.find("newer xdhcpd"), std::string::npos) << result.refusal;
    EXPECT_TRUE(result.files[1].is_newer_format);
    EXPECT_FALSE(result.files[1].is_damaged);
    const auto repaired = repair_directory(files_, directory, kNow);
    ASSERT_FALSE(repaired);
    EXPECT_NE(repaired.error().message.find("newer xdhcpd"), std::string::npos);
}

TEST_F(OfflineTest, ANewerClockIsLeftAlone) {
    auto file = files_.open(path("clock"), OpenMode::kCreate);
    ASSERT_TRUE((*file)->write(0, as_bytes("xdhcpd clock 3\nnoon\n")));
    const CheckResult result = check();
    EXPECT_NE(result.refusal.find("state/clock has a newer format"), std::string::npos)
        << result.refusal;
    EXPECT_TRUE(result.files.front().is_newer_format);
    EXPECT_FALSE(repair_directory(files_, directory, kNow));
    EXPECT_TRUE(files_.exists(path("clock")));
}

TEST_F(OfflineTest, ADirectoryInUseIsLookedAtWithAWarningAndNotRepaired) {
    const auto lock = files_.lock(path(kLockName));
    const auto checked = check_directory(files_, directory);
    ASSERT_TRUE(checked);
    EXPECT_NE(checked->warning, "");
    EXPECT_FALSE(repair_directory(files_, directory, kNow));
    const auto dumped = dump_directory(files_, directory, [](const UnitState&) {});
    ASSERT_TRUE(dumped);
    EXPECT_EQ(dumped->reports.size(), 1u);
}

}  // namespace
}  // namespace xdhcpd::journal
