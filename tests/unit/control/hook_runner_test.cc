// Runs of commands, with real processes.
#include "control/hook_runner.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace xdhcpd::control {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::Contains;
using testing::Each;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

BootTime clock() {
    return BootTime{std::chrono::steady_clock::now().time_since_epoch()};
}

struct Outcome {
    HookRun::End end;
    std::vector<std::string> out;
    std::vector<std::string> error;
    seconds::rep whole_seconds = 0;
};

HookRun::Command shell(const std::string& script) {
    return {.arguments = {"/bin/sh", "-c", script}, .environment = {}, .input = {}};
}

// Until it ends; the test's own time limit is ten seconds.
Outcome finish(HookRun& run) {
    Outcome outcome;
    const BootTime begun = clock();
    while (clock() - begun < seconds{10}) {
        pollfd ended{run.fd(), POLLIN, 0};
        static_cast<void>(poll(&ended, 1, 20));
        const auto end = run.tick(clock(), [&](HookStream stream, std::string_view line) {
            (stream == HookStream::kOut ? outcome.out : outcome.error).emplace_back(line);
        });
        if (end) {
            outcome.end = *end;
            outcome.whole_seconds = std::chrono::duration_cast<seconds>(clock() - begun).count();
            return outcome;
        }
    }
    ADD_FAILURE() << "the process does not end";
    return outcome;
}

Outcome run(const HookRun::Command& command) {
    auto started = HookRun::start(command, clock());
    if (!started) {
        ADD_FAILURE() << started.error().message;
        return {};
    }
    Outcome outcome = finish(**started);
    // Nothing is left of it, and nothing waits to be asked how it ended.
    EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1);
    EXPECT_EQ(errno, ECHILD);
    return outcome;
}

TEST(HookRun, TellsHowItEnded) {
    EXPECT_EQ(run(shell("exit 0")).end.result, HookResult::kOk);
    const Outcome failed = run(shell("exit 3"));
    EXPECT_EQ(failed.end.result, HookResult::kFailed);
    EXPECT_EQ(failed.end.detail, "exit code 3");
    const Outcome killed = run(shell("kill -9 $$"));
    EXPECT_EQ(killed.end.result, HookResult::kFailed);
    EXPECT_EQ(killed.end.detail, "ended by signal 9");
}

TEST(HookRun, ThatCannotStartSaysWhy) {
    const auto missing = HookRun::start({.arguments = {"/nowhere/hook"}}, clock());
    ASSERT_FALSE(missing.has_value());
    EXPECT_THAT(missing.error().message, HasSubstr("No such file"));
    const auto directory = HookRun::start({.arguments = {"/tmp"}}, clock());
    ASSERT_FALSE(directory.has_value());
    EXPECT_THAT(directory.error().message, HasSubstr("Permission denied"));
}

TEST(HookRun, HasItsEnvironmentAndInput) {
    setenv("NOTIFY_SOCKET", "/run/notify", 1);
    setenv("XDHCPD_PREFIX", "of somebody else", 1);
    setenv("HOOK_TEST", "kept", 1);
    HookRun::Command command = shell("cat; env; pwd");
    command.environment = {"XDHCPD_EVENT=route-added"};
    command.input = "{\"event\":\"route-added\"}\n";
    const Outcome outcome = run(command);
    unsetenv("NOTIFY_SOCKET");
    unsetenv("XDHCPD_PREFIX");
    unsetenv("HOOK_TEST");
    ASSERT_FALSE(outcome.out.empty());
    EXPECT_EQ(outcome.out.front(), "{\"event\":\"route-added\"}");
    EXPECT_EQ(outcome.out.back(), "/");
    EXPECT_THAT(outcome.out, Contains("XDHCPD_EVENT=route-added"));
    EXPECT_THAT(outcome.out, Contains("HOOK_TEST=kept"));
    EXPECT_THAT(outcome.out, Each(Not(StartsWith("NOTIFY_SOCKET"))));
    EXPECT_THAT(outcome.out, Each(Not(StartsWith("XDHCPD_PREFIX"))));
}

TEST(HookRun, TakesArgumentsAsTheyAre) {
    EXPECT_THAT(run({.arguments = {"/bin/echo", "$HOME; a  b", "*"}}).out,
                ElementsAre("$HOME; a  b *"));
}

TEST(HookRun, HasNoDescriptorOfTheServer) {
    // One that a library has left open for children.
    const int leak = open("/dev/null", O_RDONLY);  // NOLINT(android-cloexec-open)
    ASSERT_GT(leak, 2);
    EXPECT_THAT(run({.arguments = {"/bin/ls", "/proc/self/fd"}}).out,
                ElementsAre("0", "1", "2", "3"));  // 3 is the directory itself
    close(leak);
}

TEST(HookRun, HasNoSignalBlockedOrIgnored) {
    sigset_t blocked;
    sigset_t before;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    sigaddset(&blocked, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &blocked, &before);
    const auto old_handler = signal(SIGPIPE, SIG_IGN);
    const Outcome outcome = run({.arguments = {"/bin/grep", "Sig[BI]", "/proc/self/status"}});
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    signal(SIGPIPE, old_handler);
    ASSERT_EQ(outcome.out.size(), 2u);
    for (const std::string& line : outcome.out) {
        // The two above are glibc's own, which it ignores in any child of posix_spawn().
        const std::uint64_t set = std::stoull(line.substr(line.find(':') + 1), nullptr, 16);
        EXPECT_EQ(set & 0x7fffffff, 0u) << line;
    }
}

TEST(HookRun, InheritsNoCapability) {
    const Outcome outcome =
        run({.arguments = {"/bin/grep", "-E", "CapInh|CapAmb", "/proc/self/status"}});
    ASSERT_EQ(outcome.out.size(), 2u);
    EXPECT_THAT(outcome.out, Each(EndsWith(" 0000000000000000")));
}

TEST(HookRun, ComesLineByLineAndBounded) {
    const Outcome outcome = run(shell(
        "echo one; echo two >&2; printf 'a\\033b\\n'; head -c 2000 /dev/zero | tr '\\0' x; echo; "
        "printf last"));
    const std::string longest(HookRun::kMaxLineLen, 'x');
    EXPECT_THAT(outcome.out, ElementsAre("one", "a b", longest + "...", "last"));
    EXPECT_THAT(outcome.error, ElementsAre("two"));
}

TEST(HookRun, ThatWritesWithoutEndIsEndedInTime) {
    HookRun::Command command = shell("exec yes");
    command.timeout = seconds{1};
    const Outcome outcome = run(command);
    EXPECT_EQ(outcome.end.result, HookResult::kTimeout);
    EXPECT_GT(outcome.out.size(), 1000u);
}

TEST(HookRun, IsEndedWhenItTakesTooLong) {
    HookRun::Command command = shell("sleep 60");
    command.timeout = seconds{1};
    const Outcome outcome = run(command);
    EXPECT_EQ(outcome.end.result, HookResult::kTimeout);
    EXPECT_EQ(outcome.whole_seconds, 1);
}

TEST(HookRun, IsKilledWhenItDoesNotEndOnRequest) {
    HookRun::Command command = shell("trap '' TERM; while :; do sleep 0.1; done");
    command.timeout = seconds{1};
    const Outcome outcome = run(command);
    EXPECT_EQ(outcome.end.result, HookResult::kTimeout);
    EXPECT_GE(outcome.whole_seconds, 3);
}

// A process that the command has started, which ignores SIGTERM.
TEST(HookRun, TakesItsGroupAlong) {
    HookRun::Command command = shell(
        "sh -c 'trap \"\" TERM; while :; do sleep 0.1; done' & echo $!; trap 'exit 0' TERM; wait");
    command.timeout = seconds{1};
    const Outcome outcome = run(command);
    EXPECT_EQ(outcome.end.result, HookResult::kTimeout);
    ASSERT_EQ(outcome.out.size(), 1u);
    const pid_t left = std::stoi(outcome.out.front());
    const auto is_there = [left] {
        // It may be a zombie of who adopts orphans here.
        char state = 'X';
        if (std::FILE* const file =
                std::fopen(("/proc/" + std::to_string(left) + "/stat").c_str(), "re")) {
            static_cast<void>(std::fscanf(file, "%*d (%*[^)]) %c", &state));
            static_cast<void>(std::fclose(file));
        }
        return state != 'X' && state != 'Z';
    };
    for (int i = 0; i < 100 && is_there(); ++i) {
        std::this_thread::sleep_for(milliseconds{20});
    }
    EXPECT_FALSE(is_there());
}

// The command has ended; who still has its output is not waited for.
TEST(HookRun, DoesNotWaitForWhatItLeavesBehind) {
    const Outcome outcome = run(shell("sleep 5 & exit 0"));
    EXPECT_EQ(outcome.end.result, HookResult::kOk);
    EXPECT_LT(outcome.whole_seconds, 2);
}

TEST(HookRun, GoesWithItsOwner) {
    pid_t pid = 0;
    {
        auto started = HookRun::start(shell("trap '' TERM; sleep 60"), clock());
        ASSERT_TRUE(started.has_value());
        pid = (*started)->pid();
        EXPECT_EQ(kill(pid, 0), 0);
    }
    EXPECT_EQ(kill(pid, 0), -1);
    EXPECT_EQ(errno, ESRCH);
}

}  // namespace
}  // namespace xdhcpd::control
