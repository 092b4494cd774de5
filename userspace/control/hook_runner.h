// HookRun: one run of a hook's command, from its start until the process is gone. Nothing here
// waits, but for the kernel to find and load the program, and for what the destructor says. Control
// thread.
//
// The process has its own process group, the mask and dispositions of signals of a fresh process,
// no descriptor of the server's but the three ends of pipes, and no capability that the user alone
// does not give it.
#pragma once

#include <sys/types.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/owned_fd.h"
#include "base/result.h"
#include "base/time.h"

namespace xdhcpd::control {

enum class HookResult : std::uint8_t { kOk, kFailed, kTimeout };
[[nodiscard]] std::string_view name(HookResult result) noexcept;

enum class HookStream : std::uint8_t { kOut, kError };

class HookRun {
  public:
    // Between SIGTERM and SIGKILL.
    static constexpr std::chrono::seconds kGrace{2};
    static constexpr std::size_t kMaxLineLen = 512;    // what is longer is cut
    static constexpr std::size_t kMaxInputLen = 4096;  // a pipe takes it at once (PIPE_BUF)

    struct Command {
        std::vector<std::string> arguments;      // the first is an absolute path
        std::vector<std::string> environment{};  // "NAME=VALUE", before those of the server
        std::string input{};                     // standard input; at most kMaxInputLen
        std::chrono::seconds timeout{10};
    };
    struct End {
        HookResult result = HookResult::kOk;
        std::string detail;  // "exit code 3"; empty for kOk
    };
    using OnLine = std::function<void(HookStream, std::string_view)>;

    [[nodiscard]] static Result<std::unique_ptr<HookRun>, Error> start(const Command& command,
                                                                       BootTime now);
    HookRun(const HookRun&) = delete;
    HookRun& operator=(const HookRun&) = delete;
    // Kills what still runs; waits for that, a second at most.
    ~HookRun();

    // Reads what the process writes, line by line, ends it when its time is over, and says how it
    // ended once it has; then only the destructor may be called.
    [[nodiscard]] std::optional<End> tick(BootTime now, const OnLine& on_line);
    // Its time is over now.
    void end_soon(BootTime now) noexcept;
    // Readable when the process has ended.
    [[nodiscard]] int fd() const noexcept { return process_fd_.get(); }
    [[nodiscard]] pid_t pid() const noexcept { return pid_; }
    [[nodiscard]] BootTime started() const noexcept { return started_; }

  private:
    struct Output {
        OwnedFd fd;
        std::string line;  // as far as it has come
        bool is_cut = false;
    };

    HookRun() = default;
    void read_lines(HookStream stream, const OnLine& on_line);
    static void take(Output& output, HookStream stream, std::string_view bytes,
                     const OnLine& on_line);

    pid_t pid_ = 0;  // and process group; 0: it is gone, or never was
    OwnedFd process_fd_;
    std::array<Output, 2> outputs_;  // by HookStream
    BootTime started_;
    BootTime deadline_;  // of SIGTERM, then of SIGKILL
    bool is_over_ = false;
};

}  // namespace xdhcpd::control
