#include "run.h"

#include <signal.h>

#include <atomic>
#include <cstdio>
#include <exception>

namespace xdhcpd::bench {
namespace {

std::atomic<bool> end_requested{false};

void request_end(int /*signal*/) {
    end_requested.store(true, std::memory_order_relaxed);
}

// Options of the socket.
void add_options(CLI::App& app, QueueOptions& options) {
    app.add_option("-i,--interface", options.interface_name, "Interface to serve")->required();
    app.add_option("--queue", options.queue, "Receive queue of it")->capture_default_str();
    app.add_option("--ring", options.ring_size, "Slots of each ring, and UMEM frames")
        ->capture_default_str()
        ->check(CLI::IsMember({64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384}));
    app.add_option("--batch", options.batch, "Frames taken at a time")
        ->capture_default_str()
        ->check(CLI::Range(1U, Queue::kMaxBatch));
    app.add_option("--tx-budget", options.tx_budget,
                   "Frames sent by one system call (XDP_MAX_TX_SKB_BUDGET); 0: the kernel's 32")
        ->capture_default_str();
    app.add_option("--busy-poll", options.busy_poll_us, "SO_BUSY_POLL, microseconds")
        ->capture_default_str();
    app.add_flag("--prefer-busy-poll", options.prefer_busy_poll, "SO_PREFER_BUSY_POLL");
    app.add_flag("!--no-need-wakeup", options.need_wakeup, "Wake the kernel always");
    app.add_flag("--spin", options.spin, "Never sleep");
}

// Makes SIGTERM and SIGINT end serve().
void catch_signals() noexcept {
    struct sigaction action {};
    action.sa_handler = request_end;
    static_cast<void>(sigaction(SIGTERM, &action, nullptr));
    static_cast<void>(sigaction(SIGINT, &action, nullptr));
}

int run(int argc, char** argv, const Program& program) {
    CLI::App app{program.description};
    QueueOptions options;
    add_options(app, options);
    program.add_options(app);
    CLI11_PARSE(app, argc, argv);
    catch_signals();
    auto queue = Queue::open(options);
    if (!queue) {
        static_cast<void>(
            std::fprintf(stderr, "%s: %s\n", program.name, queue.error().message.c_str()));
        return 1;
    }
    return program.serve(**queue);
}

}  // namespace

int run_program(int argc, char** argv, const Program& program) noexcept {
    try {
        return run(argc, argv, program);
    } catch (const std::exception& error) {
        static_cast<void>(std::fprintf(stderr, "%s: %s\n", program.name, error.what()));
        return 1;
    }
}

bool ended() noexcept {
    return end_requested.load(std::memory_order_relaxed);
}

void print_ready() {
    static_cast<void>(std::puts("ready"));
    static_cast<void>(std::fflush(stdout));
}

void print_counters(const Queue& queue, std::uint64_t unanswered) {
    const QueueCounters& counters = queue.counters();
    const auto number = [](std::uint64_t value) { return static_cast<unsigned long long>(value); };
    std::printf(
        "{\"received\": %llu, \"sent\": %llu, \"unanswered\": %llu, \"batches\": %llu, "
        "\"kicks\": %llu, \"polls\": %llu, \"kernel_drops\": %llu}\n",
        number(counters.received), number(counters.sent), number(unanswered),
        number(counters.batches), number(counters.kicks), number(counters.polls),
        number(queue.kernel_drops()));
}

}  // namespace xdhcpd::bench
