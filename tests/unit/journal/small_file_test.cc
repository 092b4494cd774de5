#include "journal/small_file.h"

#include <gtest/gtest.h>

#include "journal/codec/summed_text.h"
#include "support/faulty_files.h"

namespace xdhcpd::journal {
namespace {

const std::string kDirectory = "state";

std::optional<std::string> load(FileLayer& files, std::size_t max_len = 100) {
    return load_small_file(files, kDirectory, "thing", max_len).value();
}

TEST(SmallFileTest, IsReadAsItWasWritten) {
    FaultyFiles files;
    ASSERT_TRUE(files.make_directory(kDirectory));
    EXPECT_EQ(load(files), std::nullopt);
    ASSERT_TRUE(replace_small_file(files, kDirectory, "thing", "one\n"));
    EXPECT_EQ(load(files), "one\n");
    ASSERT_TRUE(replace_small_file(files, kDirectory, "thing", "a longer one\n"));
    EXPECT_EQ(load(files), "a longer one\n");
    EXPECT_EQ(load(files, 4), "a lo");
}

// A power cut or a failure at every single call of a replacement.
TEST(SmallFileTest, ACrashLeavesTheOldOneOrTheNewOne) {
    for (const auto loss : {FaultyFiles::Loss::kNone, FaultyFiles::Loss::kAll,
                            FaultyFiles::Loss::kTorn, FaultyFiles::Loss::kReordered}) {
        bool is_done = false;
        for (std::uint64_t call = 1; !is_done; ++call) {
            Random random{call};
            FaultyFiles files;
            ASSERT_TRUE(files.make_directory(kDirectory));
            ASSERT_TRUE(replace_small_file(files, kDirectory, "thing", "old\n"));
            files.crash_at(files.calls() + call);
            is_done = replace_small_file(files, kDirectory, "thing", "new\n").has_value() &&
                      !files.crashed();
            files.restart(loss, random);
            const auto found = load(files);
            ASSERT_TRUE(found == "new\n" || (!is_done && found == "old\n")) << call;
        }
    }
}

TEST(SmallFileTest, AFailureIsToldAndLeavesTheOldOne) {
    for (std::uint64_t call = 1; call <= 4; ++call) {
        FaultyFiles files;
        ASSERT_TRUE(files.make_directory(kDirectory));
        ASSERT_TRUE(replace_small_file(files, kDirectory, "thing", "old\n"));
        files.fail_calls(files.calls() + call, EIO);
        EXPECT_FALSE(replace_small_file(files, kDirectory, "thing", "new\n")) << call;
        EXPECT_EQ(load(files), "old\n") << call;
    }
}

TEST(SummedTextTest, IsReadAgainAndNoticesEveryChange) {
    const std::string file = add_sum("one\ntwo\n");
    EXPECT_EQ(file.substr(0, 15), "one\ntwo\ncrc32c ");
    EXPECT_EQ(without_sum(file), "one\ntwo\n");
    EXPECT_EQ(without_sum(add_sum("")), "");
    for (std::size_t at = 0; at < file.size(); ++at) {
        for (int bit = 0; bit < 8; ++bit) {
            std::string changed = file;
            changed[at] = static_cast<char>(changed[at] ^ (1 << bit));
            EXPECT_EQ(without_sum(changed), std::nullopt) << at;
        }
        EXPECT_EQ(without_sum(file.substr(0, at)), std::nullopt);
    }
    EXPECT_EQ(without_sum(file + "\n"), std::nullopt);
}

}  // namespace
}  // namespace xdhcpd::journal
