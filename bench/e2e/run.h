// What the echo and the responder share: the command line, the loop, and what comes around them.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>

#include "queue.h"

namespace xdhcpd::bench {

// What a program adds to the command line, and what it does with its queue.
struct Program {
    const char* name;
    const char* description;
    std::function<void(CLI::App&)> add_options = [](CLI::App&) {};
    std::function<int(Queue&)> serve;  // returns the exit code
};
// Reads the command line and opens the queue; says on standard error what fails. Returns the exit
// code.
[[nodiscard]] int run_program(int argc, char** argv, const Program& program) noexcept;

// Whether SIGTERM or SIGINT has come.
[[nodiscard]] bool ended() noexcept;

// One line of JSON on standard output. Standard output gets "ready" before, once requests are
// taken: whoever measures waits for it.
void print_ready();
void print_counters(const Queue& queue, std::uint64_t unanswered);

// Serves until a signal.
template <typename Answer>
void serve(Queue& queue, Answer&& answer) {
    constexpr int kPollTimeoutMs = 100;
    print_ready();
    while (!ended()) {
        queue.step(answer, kPollTimeoutMs);
    }
}

}  // namespace xdhcpd::bench
