// `xdhcpctl journal` on real directories that a journal has written.
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "journal/directory.h"
#include "journal/journal.h"
#include "journal/posix_files.h"
#include "tools/xdhcpctl/journal.h"

namespace xdhcpd::xdhcpctl {
namespace {

class JournalCommandTest : public testing::Test {
  protected:
    JournalCommandTest() {
        std::string name = testing::TempDir() + "xdhcpctl-journal-XXXXXX";
        EXPECT_NE(mkdtemp(name.data()), nullptr);
        directory_ = name;
    }
    ~JournalCommandTest() override { std::filesystem::remove_all(directory_); }

    [[nodiscard]] std::unique_ptr<journal::Journal> open() {
        journal::JournalOptions options;
        options.directory = directory_;
        options.segment_len = std::uint64_t{1} << 20;
        journal::Recovery found;
        auto opened = journal::Journal::open(
            options, files_, [](const journal::UnitState&) {}, found);
        EXPECT_TRUE(opened) << opened.error().message;
        return std::move(*opened);
    }
    // Each in a group of its own.
    void write(std::uint32_t units) {
        const auto journal = open();
        journal->start();
        for (std::uint32_t unit = 0; unit < units; ++unit) {
            journal::UnitState state;
            state.key = journal::UnitKey::ipv4(Ipv4{0xc0000200 + unit});
            state.version = 1;
            state.status = journal::UnitStatus::kLeased;
            const std::uint64_t sequence = journal->ring(0).append(state);
            journal->ring(0).kick();
            while (journal->ring(0).durable() < sequence) {
                usleep(100);
            }
        }
        EXPECT_TRUE(journal->stop());
    }
    // The exit code; what was printed is in out_ and error_.
    int run(JournalAction action, bool as_json = false) {
        std::ostringstream out;
        std::ostringstream error;
        auto* const cout = std::cout.rdbuf(out.rdbuf());
        auto* const cerr = std::cerr.rdbuf(error.rdbuf());
        const int code = run_journal(action, directory_, as_json);
        std::cout.rdbuf(cout);
        std::cerr.rdbuf(cerr);
        out_ = out.str();
        error_ = error.str();
        return code;
    }
    // There is another one if a prepared segment was ready meanwhile.
    [[nodiscard]] std::string first_segment() const {
        std::string path;
        for (const auto& entry : std::filesystem::directory_iterator{directory_}) {
            if (entry.path().filename().string().starts_with("segment-") &&
                (path.empty() || entry.path() < path)) {
                path = entry.path();
            }
        }
        return path;
    }

    std::string directory_;
    journal::PosixFiles files_;
    std::string out_;
    std::string error_;
};

TEST_F(JournalCommandTest, ChecksDumpsAndRepairs) {
    write(3);
    EXPECT_EQ(run(JournalAction::kCheck), 0);
    EXPECT_NE(out_.find("3 units, 3 of them leased"), std::string::npos) << out_;
    EXPECT_EQ(run(JournalAction::kDump), 0);
    EXPECT_NE(out_.find("192.0.2.1 leased version 1"), std::string::npos) << out_;
    EXPECT_EQ(run(JournalAction::kDump, true), 0);
    EXPECT_EQ(nlohmann::json::parse(out_.substr(0, out_.find('\n')))["unit"], "192.0.2.0");

    {
        std::fstream file{first_segment(), std::ios::in | std::ios::out | std::ios::binary};
        file.seekp(4096 + 100);  // within the first record
        file.put('\x55');
    }
    EXPECT_EQ(run(JournalAction::kCheck), 1);
    EXPECT_NE(out_.find("offset 4096: a group that was on stable storage is damaged"),
              std::string::npos)
        << out_;
    EXPECT_EQ(run(JournalAction::kDump), 1);
    EXPECT_NE(error_.find("offset 4096"), std::string::npos) << error_;
    EXPECT_EQ(run(JournalAction::kRepair), 0);
    EXPECT_NE(out_.find("kept 2 units"), std::string::npos) << out_;
    EXPECT_EQ(run(JournalAction::kCheck, true), 0);
    EXPECT_EQ(nlohmann::json::parse(out_)["units"], 2);
    write(1);  // and a server starts
}

TEST_F(JournalCommandTest, LooksAtADirectoryInUseWithAWarningAndDoesNotRepairIt) {
    write(2);
    const auto journal = open();
    for (const auto action : {JournalAction::kCheck, JournalAction::kDump}) {
        EXPECT_EQ(run(action), 0);
        EXPECT_NE(error_.find("held by another process (process " + std::to_string(getpid())),
                  std::string::npos)
            << error_;
    }
    EXPECT_EQ(run(JournalAction::kCheck, true), 0);
    EXPECT_TRUE(nlohmann::json::parse(out_).contains("warning")) << out_;
    EXPECT_EQ(run(JournalAction::kRepair), 1);
    EXPECT_NE(error_.find("held by another process"), std::string::npos) << error_;
}

TEST_F(JournalCommandTest, LookingChangesNothing) {
    write(2);
    std::filesystem::remove(directory_ + "/lock");
    // For root a mode forbids nothing, so what matters is that there is nothing new.
    for (const auto& entry : std::filesystem::directory_iterator{directory_}) {
        std::filesystem::permissions(entry.path(), std::filesystem::perms::owner_read);
    }
    std::filesystem::permissions(
        directory_, std::filesystem::perms::owner_read | std::filesystem::perms::owner_exec);
    EXPECT_EQ(run(JournalAction::kCheck), 0) << error_;
    EXPECT_NE(out_.find("2 units"), std::string::npos) << out_;
    EXPECT_EQ(error_, "");
    EXPECT_EQ(run(JournalAction::kDump), 0) << error_;
    EXPECT_FALSE(std::filesystem::exists(directory_ + "/lock"));
    std::filesystem::permissions(directory_, std::filesystem::perms::owner_all);
}

TEST_F(JournalCommandTest, KnowsTheClock) {
    write(1);
    ASSERT_TRUE(journal::write_clock(files_, directory_, -86400));
    EXPECT_EQ(run(JournalAction::kCheck), 0);
    EXPECT_NE(out_.find("the wall clock differs by -86400 s"), std::string::npos) << out_;
    {
        std::fstream file{directory_ + "/clock", std::ios::in | std::ios::out};
        file.seekp(std::string{"xdhcpd clock 2\n-"}.size());
        file.put('9');  // -96400
    }
    EXPECT_EQ(run(JournalAction::kCheck), 1);
    EXPECT_NE(out_.find("clock is damaged"), std::string::npos) << out_;
    EXPECT_EQ(run(JournalAction::kRepair), 0);
    EXPECT_NE(out_.find("moved clock to "), std::string::npos) << out_;
    EXPECT_EQ(run(JournalAction::kCheck), 0) << out_;
    EXPECT_NE(out_.find("1 unit"), std::string::npos) << out_;
}

TEST_F(JournalCommandTest, SaysThatADirectoryIsNotThere) {
    directory_ += "/missing";
    EXPECT_EQ(run(JournalAction::kCheck), 1);
    EXPECT_NE(error_.find("No such file"), std::string::npos) << error_;
    EXPECT_FALSE(std::filesystem::exists(directory_));
    directory_.resize(directory_.size() - 8);
}

TEST_F(JournalCommandTest, WhatRootMakesBelongsToWhomTheDirectoryBelongs) {
    if (geteuid() != 0) {
        GTEST_SKIP() << "only root gives files away";
    }
    write(2);
    std::filesystem::remove(directory_ + "/lock");
    {
        std::fstream file{first_segment(), std::ios::in | std::ios::out | std::ios::binary};
        file.seekp(4096 + 100);
        file.put('\x55');
    }
    constexpr uid_t kNobody = 65534;
    ASSERT_EQ(chown(directory_.c_str(), kNobody, kNobody), 0);
    EXPECT_EQ(run(JournalAction::kRepair), 0);
    for (const auto& entry : std::filesystem::directory_iterator{directory_}) {
        const std::string name = entry.path().filename();
        struct stat facts {};
        ASSERT_EQ(stat(entry.path().c_str(), &facts), 0);
        if (name == "lock" || name.starts_with("snapshot-")) {
            EXPECT_EQ(facts.st_uid, kNobody) << name;
        }
    }
}

}  // namespace
}  // namespace xdhcpd::xdhcpctl
