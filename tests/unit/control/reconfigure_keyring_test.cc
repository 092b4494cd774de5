#include "control/reconfigure_keyring.h"

#include <gtest/gtest.h>

#include "journal/directory.h"
#include "journal/small_file.h"
#include "support/faulty_files.h"

namespace xdhcpd::control {
namespace {

using journal::FaultyFiles;

const std::string kDirectory = "state";
constexpr std::uint64_t kUnix = 1'800'000'000;

[[nodiscard]] dhcp6::ReconfigureSecret secret(int fill) {
    dhcp6::ReconfigureSecret made;
    made.fill(static_cast<std::byte>(fill));
    return made;
}
[[nodiscard]] BootTime at(std::int64_t seconds) {
    return BootTime{std::chrono::seconds{seconds}};
}

class ReconfigureKeyringTest : public ::testing::Test {
  protected:
    void SetUp() override { ASSERT_TRUE(files_.make_directory(kDirectory)); }
    [[nodiscard]] ReconfigureKeyring opened(int fresh, std::uint64_t unix_time, std::int64_t boot) {
        ReconfigureKeyring keyring;
        const auto done = keyring.open(files_, kDirectory, secret(fresh), unix_time, at(boot));
        EXPECT_TRUE(done) << done.error().message;
        return keyring;
    }
    FaultyFiles files_;
};

TEST_F(ReconfigureKeyringTest, KeepsItsSecretAndNeverCountsLower) {
    RecordProperty("rfc", "8415 20.3");
    ReconfigureKeyring first = opened(1, kUnix, 500);
    EXPECT_EQ(first.keys().secret, secret(1));
    EXPECT_EQ(first.keys().replay(at(500)), kUnix * 1'000'000);
    EXPECT_EQ(first.keys().replay(at(501)), (kUnix + 1) * 1'000'000);
    const std::uint64_t last = first.keys().replay(at(500 + 3600));

    // The machine has started anew, and its clock with it.
    ReconfigureKeyring second = opened(2, 0, 1);
    EXPECT_EQ(second.keys().secret, secret(1));
    EXPECT_GT(second.keys().replay(at(1)), last);

    // A clock that goes right is the counter again.
    ReconfigureKeyring third = opened(3, 2 * kUnix, 7);
    EXPECT_EQ(third.keys().replay(at(7)), 2 * kUnix * 1'000'000);
}

TEST_F(ReconfigureKeyringTest, WhatIsStoredStaysAheadOfTheCounter) {
    ReconfigureKeyring keyring = opened(1, kUnix, 0);
    std::uint64_t writes = 0;
    for (std::int64_t second = 0; second < 10 * 86400; second += 60) {
        const std::uint64_t calls = files_.calls();
        ASSERT_TRUE(keyring.keep(at(second)));
        writes += files_.calls() != calls ? 1 : 0;
        const auto text =
            journal::load_small_file(files_, kDirectory, journal::kReconfigureName, 1024);
        ASSERT_GT(decode_reconfigure_file(**text)->counter, keyring.keys().replay(at(second)));
    }
    EXPECT_LE(writes, 21u) << "twice a day is enough";
}

TEST_F(ReconfigureKeyringTest, ADamagedFileIsMadeAnew) {
    static_cast<void>(opened(1, kUnix, 0));
    for (const std::string& text : {std::string{}, std::string{"xdhcpd reconfigure 1\n"},
                                    encode_reconfigure_file({secret(1), 7}) + "x",
                                    encode_reconfigure_file({secret(1), 7}).replace(30, 1, "g")}) {
        EXPECT_FALSE(decode_reconfigure_file(text)) << text;
    }
    const auto content = decode_reconfigure_file(encode_reconfigure_file({secret(1), 7}));
    ASSERT_TRUE(content);
    EXPECT_EQ(content->secret, secret(1));
    EXPECT_EQ(content->counter, 7u);

    ASSERT_TRUE(journal::replace_small_file(files_, kDirectory, journal::kReconfigureName, "?"));
    const ReconfigureKeyring anew = opened(5, kUnix, 0);
    EXPECT_EQ(anew.keys().secret, secret(5));
    EXPECT_NE(anew.problem().find("state/reconfigure is damaged"), std::string::npos);
    EXPECT_TRUE(opened(6, kUnix, 0).problem().empty());
}

TEST_F(ReconfigureKeyringTest, AnErrorNamesTheFileAndIsTriedAgain) {
    ReconfigureKeyring keyring = opened(1, kUnix, 0);
    files_.fail_calls(files_.calls() + 1, ENOSPC, 1000);
    const auto failed = keyring.keep(at(86400));
    ASSERT_FALSE(failed);
    EXPECT_NE(failed.error().message.find("state/reconfigure"), std::string::npos);
    files_.fail_calls(0, 0, 0);
    EXPECT_TRUE(keyring.keep(at(86401)));
}

TEST_F(ReconfigureKeyringTest, AFileThatCannotBeReadIsNotReplaced) {
    static_cast<void>(opened(1, kUnix, 0));
    ReconfigureKeyring keyring;
    files_.fail_calls(files_.calls() + 1, EIO, 1000);
    EXPECT_FALSE(keyring.open(files_, kDirectory, secret(2), kUnix, at(0)));
    EXPECT_EQ(keyring.keys().secret, secret(2));
    files_.fail_calls(0, 0, 0);
    EXPECT_TRUE(keyring.keep(at(0)));
    EXPECT_TRUE(keyring.keep(at(2 * 86400)));
    EXPECT_EQ(opened(3, kUnix, 0).keys().secret, secret(1));
}

TEST(PassingReconfigureKeyringTest, HasNoFile) {
    ReconfigureKeyring keyring;
    keyring.open(secret(4), kUnix, at(3));
    EXPECT_EQ(keyring.keys().secret, secret(4));
    EXPECT_TRUE(keyring.keep(at(1'000'000)));
}

}  // namespace
}  // namespace xdhcpd::control
