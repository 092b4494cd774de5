#include "control/hook_runner.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <utility>

#include "base/assert.h"

namespace xdhcpd::control {
namespace {

constexpr std::size_t kReadBudget = std::size_t{64} << 10;  // of one stream in one tick
constexpr int kLastWaitMs = 1000;
// Of the service manager, for the server alone.
constexpr std::array<std::string_view, 5> kPrivateVariables{
    "NOTIFY_SOCKET", "LISTEN_FDS", "LISTEN_PID", "WATCHDOG_USEC", "WATCHDOG_PID"};

struct Pipe {
    OwnedFd read_end;
    OwnedFd write_end;
};

[[nodiscard]] Result<Pipe, Error> make_pipe() {
    std::array<int, 2> fds{};
    if (pipe2(fds.data(), O_CLOEXEC) != 0) {
        return Unexpected{system_error(errno, "pipe")};
    }
    return Pipe{OwnedFd{fds[0]}, OwnedFd{fds[1]}};
}

// What a program gets through execve() is what this thread may hand on (capabilities(7)): nothing,
// if it is not root. The ambient set goes with the inheritable one.
[[nodiscard]] Result<Success, Error> keep_capabilities_from_children() {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> sets{};
    if (syscall(SYS_capget, &header, sets.data()) != 0) {
        return Unexpected{system_error(errno, "capget")};
    }
    if (std::ranges::all_of(sets, [](const auto& set) { return set.inheritable == 0; })) {
        return Success{};
    }
    for (auto& set : sets) {
        set.inheritable = 0;
    }
    if (syscall(SYS_capset, &header, sets.data()) != 0) {
        return Unexpected{system_error(errno, "capset")};
    }
    return Success{};
}

// glibc 2.36 declares it for C only.
[[nodiscard]] int open_process(pid_t pid) noexcept {
    return static_cast<int>(syscall(SYS_pidfd_open, pid, 0));  // closed on exec by itself
}

[[nodiscard]] std::string_view variable_of(std::string_view assignment) noexcept {
    return assignment.substr(0, assignment.find('='));
}

[[nodiscard]] std::vector<char*> pointers_to(std::vector<std::string>& texts) {
    std::vector<char*> pointers;
    pointers.reserve(texts.size() + 1);
    for (std::string& text : texts) {
        pointers.push_back(text.data());
    }
    pointers.push_back(nullptr);
    return pointers;
}

// Attributes and file actions; what cannot be had for lack of memory comes back as an error of
// posix_spawn() itself.
class SpawnPlan {
  public:
    SpawnPlan() {
        posix_spawnattr_init(&attributes_);
        posix_spawn_file_actions_init(&actions_);
    }
    SpawnPlan(const SpawnPlan&) = delete;
    SpawnPlan& operator=(const SpawnPlan&) = delete;
    ~SpawnPlan() {
        posix_spawn_file_actions_destroy(&actions_);
        posix_spawnattr_destroy(&attributes_);
    }

    // 0 or an errno.
    [[nodiscard]] int spawn(pid_t& pid, int in, int out, int error,
                            std::vector<std::string> arguments,
                            std::vector<std::string> environment) {
        sigset_t none;
        sigset_t all;
        sigemptyset(&none);
        sigfillset(&all);
        constexpr int kFlags =
            POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP;
        int result = posix_spawnattr_setflags(&attributes_, static_cast<short>(kFlags));
        const auto then = [&result](int next) { result = result != 0 ? result : next; };
        then(posix_spawnattr_setsigmask(&attributes_, &none));
        then(posix_spawnattr_setsigdefault(&attributes_, &all));
        then(posix_spawnattr_setpgroup(&attributes_, 0));
        then(posix_spawn_file_actions_adddup2(&actions_, in, STDIN_FILENO));
        then(posix_spawn_file_actions_adddup2(&actions_, out, STDOUT_FILENO));
        then(posix_spawn_file_actions_adddup2(&actions_, error, STDERR_FILENO));
        // Those of libraries, too, that may not close theirs.
        then(posix_spawn_file_actions_addclosefrom_np(&actions_, STDERR_FILENO + 1));
        then(posix_spawn_file_actions_addchdir_np(&actions_, "/"));
        if (result != 0) {
            return result;
        }
        const std::vector<char*> argv = pointers_to(arguments);
        const std::vector<char*> envp = pointers_to(environment);
        return posix_spawn(&pid, arguments.front().c_str(), &actions_, &attributes_, argv.data(),
                           envp.data());
    }

  private:
    posix_spawnattr_t attributes_{};
    posix_spawn_file_actions_t actions_{};
};

[[nodiscard]] std::vector<std::string> environment_of(const HookRun::Command& command) {
    std::vector<std::string> environment = command.environment;
    for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
        const std::string_view variable = variable_of(*entry);
        // XDHCPD_NEXT_HOP of the server's own environment is not one of the event.
        if (!variable.starts_with("XDHCPD_") &&
            std::ranges::find(kPrivateVariables, variable) == kPrivateVariables.end()) {
            environment.emplace_back(*entry);
        }
    }
    return environment;
}

[[nodiscard]] std::string describe_end(const siginfo_t& info) {
    return (info.si_code == CLD_EXITED ? "exit code " : "ended by signal ") +
           std::to_string(info.si_status);
}

}  // namespace

std::string_view name(HookResult result) noexcept {
    switch (result) {
        case HookResult::kOk:
            return "ok";
        case HookResult::kFailed:
            return "failed";
        case HookResult::kTimeout:
            return "timeout";
    }
    return {};
}

Result<std::unique_ptr<HookRun>, Error> HookRun::start(const Command& command, BootTime now) {
    XD_ASSERT(!command.arguments.empty() && command.input.size() <= kMaxInputLen);
    if (const auto kept = keep_capabilities_from_children(); !kept) {
        return Unexpected{kept.error()};
    }
    auto in = make_pipe();
    auto out = make_pipe();
    auto error = make_pipe();
    for (const auto* const pipe : {&in, &out, &error}) {
        if (!*pipe) {
            return Unexpected{pipe->error()};
        }
    }
    // An empty pipe takes that at once, and its reader is still here.
    if (write(in->write_end.get(), command.input.data(), command.input.size()) !=
        static_cast<ssize_t>(command.input.size())) {
        return Unexpected{system_error(errno, "write to a pipe")};
    }
    in->write_end.reset();
    std::unique_ptr<HookRun> run{new HookRun};
    run->started_ = now;
    run->deadline_ = now + command.timeout;
    SpawnPlan plan;
    pid_t pid = 0;
    const int problem =
        plan.spawn(pid, in->read_end.get(), out->write_end.get(), error->write_end.get(),
                   command.arguments, environment_of(command));
    if (problem != 0) {
        return Unexpected{system_error(problem, "cannot be started")};
    }
    run->pid_ = pid;
    run->process_fd_ = OwnedFd{open_process(pid)};
    if (!run->process_fd_.is_open()) {
        return Unexpected{system_error(errno, "pidfd_open")};  // and ~HookRun ends it
    }
    run->outputs_[0].fd = std::move(out->read_end);
    run->outputs_[1].fd = std::move(error->read_end);
    for (const Output& output : run->outputs_) {
        static_cast<void>(fcntl(output.fd.get(), F_SETFL, O_NONBLOCK));
    }
    return run;
}

HookRun::~HookRun() {
    if (pid_ == 0) {
        return;
    }
    static_cast<void>(kill(-pid_, SIGKILL));
    pollfd ended{process_fd_.get(), POLLIN, 0};
    static_cast<void>(poll(&ended, 1, process_fd_.is_open() ? kLastWaitMs : 0));
    // One that even SIGKILL does not end at once is inside the kernel: it is not waited for.
    static_cast<void>(waitpid(pid_, nullptr, process_fd_.is_open() ? WNOHANG : 0));
}

void HookRun::end_soon(BootTime now) noexcept {
    if (!is_over_) {
        deadline_ = now;
    }
}

std::optional<HookRun::End> HookRun::tick(BootTime now, const OnLine& on_line) {
    siginfo_t info{};
    const auto process = static_cast<id_t>(process_fd_.get());
    const bool is_lost = waitid(P_PIDFD, process, &info, WEXITED | WNOHANG | WNOWAIT) != 0;
    read_lines(HookStream::kOut, on_line);
    read_lines(HookStream::kError, on_line);
    if (!is_lost && info.si_pid == 0) {
        if (now >= deadline_) {
            static_cast<void>(kill(-pid_, is_over_ ? SIGKILL : SIGTERM));
            deadline_ = now + kGrace;
            is_over_ = true;
        }
        return std::nullopt;
    }
    if (is_over_) {
        // Those of its group that have ignored SIGTERM; the number is ours until it is waited for.
        static_cast<void>(kill(-pid_, SIGKILL));
    }
    static_cast<void>(waitid(P_PIDFD, process, &info, WEXITED | WNOHANG));
    pid_ = 0;
    for (const HookStream stream : {HookStream::kOut, HookStream::kError}) {
        if (!outputs_[static_cast<std::size_t>(stream)].line.empty()) {
            take(outputs_[static_cast<std::size_t>(stream)], stream, "\n", on_line);
        }
    }
    if (is_over_) {
        return End{HookResult::kTimeout, "ended: it took too long"};
    }
    if (is_lost) {
        return End{HookResult::kFailed, "how it ended cannot be known"};
    }
    if (info.si_code == CLD_EXITED && info.si_status == 0) {
        return End{};
    }
    return End{HookResult::kFailed, describe_end(info)};
}

void HookRun::read_lines(HookStream stream, const OnLine& on_line) {
    Output& output = outputs_[static_cast<std::size_t>(stream)];
    std::array<char, 4096> chunk;
    for (std::size_t budget = kReadBudget; output.fd.is_open() && budget >= chunk.size();) {
        const ssize_t len = read(output.fd.get(), chunk.data(), chunk.size());
        if (len < 0) {
            return;  // nothing more for now
        }
        if (len == 0) {
            output.fd.reset();
            return;
        }
        budget -= static_cast<std::size_t>(len);
        take(output, stream, {chunk.data(), static_cast<std::size_t>(len)}, on_line);
    }
}

void HookRun::take(Output& output, HookStream stream, std::string_view bytes,
                   const OnLine& on_line) {
    for (const char byte : bytes) {
        if (byte == '\n') {
            on_line(stream, output.is_cut ? output.line + "..." : output.line);
            output.line.clear();
            output.is_cut = false;
        } else if (output.line.size() >= kMaxLineLen) {
            output.is_cut = true;
        } else {
            // Nobody writes other lines of the log, or to the terminal of who reads it.
            const bool is_control = static_cast<unsigned char>(byte) < ' ' || byte == '\x7f';
            output.line.push_back(is_control ? ' ' : byte);
        }
    }
}

}  // namespace xdhcpd::control
