// The command line and the loop of the echo and the responder.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>

#include "queue.h"

namespace xdhcpd::bench {

// Options of the socket.
void add_options(CLI::App& app, QueueOptions& options);

// Makes SIGTERM and SIGINT end serve().
void catch_signals() noexcept;
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
