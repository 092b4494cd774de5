// xdhcpgun: the loop around the gun, its files and signals.
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <exception>
#include <fstream>
#include <iostream>
#include <iterator>
#include <optional>

#include "base/error.h"
#include "tools/xdhcpgun/command_line.h"
#include "tools/xdhcpgun/gun.h"
#include "tools/xdhcpgun/report.h"
#include "tools/xdhcpgun/wire.h"

namespace {

using namespace xdhcpd;
using namespace xdhcpd::gun;

constexpr int kFailed = 1;
constexpr int kUsage = 2;
// Waits below this are spun: a sleep would be late.
constexpr Time kSpin = std::chrono::microseconds{50};
constexpr int kIdleRoundsBeforeSleep = 50;
// Full batches taken before timers and new exchanges have their turn: a ring of the largest size.
constexpr int kMaxReceiveRounds = 512;
constexpr std::uint64_t kMaxComplaints = 20;

volatile std::sig_atomic_t stop_wanted = 0;

void on_signal(int /*signal*/) {
    stop_wanted = 1;
}

[[nodiscard]] Time monotonic() noexcept {
    timespec now{};
    static_cast<void>(::clock_gettime(CLOCK_MONOTONIC, &now));
    return std::chrono::seconds{now.tv_sec} + std::chrono::nanoseconds{now.tv_nsec};
}

[[nodiscard]] double cpu_seconds() noexcept {
    timespec used{};
    static_cast<void>(::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used));
    return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) / 1e9;
}

[[nodiscard]] std::optional<std::string> read_file(const std::string& path) {
    std::ifstream file{path, std::ios::binary};
    if (!file) {
        std::cerr << "xdhcpgun: " << system_error(errno, path).message << '\n';
        return std::nullopt;
    }
    return std::string{std::istreambuf_iterator<char>{file}, {}};
}

// Fills `entries`; false, and said, if the file is no ledger.
template <typename Entry, typename Parse>
[[nodiscard]] bool read_ledger(const std::string& path, Parse parse, std::vector<Entry>& entries) {
    const auto text = read_file(path);
    if (!text) {
        return false;
    }
    auto parsed = parse(*text);
    if (!parsed) {
        std::cerr << "xdhcpgun: " << path << ": " << parsed.error() << '\n';
        return false;
    }
    entries = std::move(*parsed);
    return true;
}

// Clients of a ledger become the population: from its first MAC address to its last.
template <typename Entry>
[[nodiscard]] bool fit_population(PopulationSettings& who, const std::vector<Entry>& entries,
                                  const std::string& path) {
    if (entries.empty()) {
        std::cerr << "xdhcpgun: " << path << ": no leases\n";
        return false;
    }
    const std::uint64_t first = to_number(entries.front().mac);
    const std::uint64_t count = to_number(entries.back().mac) - first + 1;
    if (count > kMaxClientCount) {
        std::cerr << "xdhcpgun: " << path << ": MAC addresses are too far apart\n";
        return false;
    }
    who.first_mac = entries.front().mac;
    who.client_count = static_cast<std::uint32_t>(count);
    return true;
}

void write_all(int fd, std::string_view text) {
    while (!text.empty()) {
        const ssize_t written = ::write(fd, text.data(), text.size());
        if (written < 0 && errno != EINTR) {
            std::cerr << "xdhcpgun: " << system_error(errno, "write ledger").message << '\n';
            std::_Exit(kFailed);
        }
        text.remove_prefix(written < 0 ? 0 : static_cast<std::size_t>(written));
    }
}

// Sleeps until a port has something, or `until`.
void wait_for_frames(std::span<Port* const> ports, Time until) {
    std::array<pollfd, kBatch> waits{};
    const std::size_t count = std::min(ports.size(), waits.size());
    for (std::size_t i = 0; i < count; ++i) {
        waits[i] = {.fd = ports[i]->fd(), .events = POLLIN, .revents = 0};
    }
    const std::int64_t left = std::max<std::int64_t>((until - monotonic()).count(), 0);
    constexpr std::int64_t kSecond = 1'000'000'000;
    const timespec timeout{.tv_sec = left / kSecond, .tv_nsec = left % kSecond};
    static_cast<void>(::ppoll(waits.data(), count, &timeout, nullptr));
}

class Progress {
  public:
    explicit Progress(const Settings& settings)
        : period_{settings.quiet ? Time{} : settings.progress} {}

    template <typename AnyGun>
    void show(const AnyGun& gun, Time now) {
        if (period_ == Time{} || now < next_) {
            return;
        }
        const FrameCounts& f = gun.frames();
        static_cast<void>(std::fprintf(
            stderr, "%8.1f s  sent %llu  received %llu  completed %llu  lost %llu\n",
            std::chrono::duration<double>(now).count(), static_cast<unsigned long long>(f.sent),
            static_cast<unsigned long long>(f.received),
            static_cast<unsigned long long>(gun.exchanges().completed),
            static_cast<unsigned long long>(gun.exchanges().lost)));
        next_ = now + period_;
    }

  private:
    Time period_;
    Time next_{};
};

// Of the ports, those that requests leave by.
std::span<Port* const> senders(std::span<Port* const> ports, const Settings& settings) {
    return settings.spread_queues ? ports : ports.first(1);
}

void flush(std::span<Port* const> ports) {
    for (Port* const port : ports) {
        port->flush();
    }
}

// Takes what has come to `port`; requests leave by `out`. Replies go before new exchanges: whoever
// begins more while a ring fills up loses them. True when there was anything.
template <typename AnyGun>
bool receive(AnyGun& gun, Port& port, std::span<Port* const> out, Time origin) {
    std::array<RxFrame, kBatch> batch;
    for (int round = 0; round < kMaxReceiveRounds; ++round) {
        const std::size_t count = port.receive(batch);
        if (count == 0) {
            return round > 0;
        }
        gun.handle({batch.data(), count}, monotonic() - origin);
        port.release({batch.data(), count});
        if (count < kBatch) {
            return true;
        }
        gun.sent_at(monotonic() - origin);
        flush(out);
    }
    return true;
}

template <typename AnyGun>
void run(AnyGun& gun, std::span<Port* const> ports, const Settings& settings) {
    const Time origin = monotonic();
    const std::span<Port* const> out = senders(ports, settings);
    Progress progress{settings};
    int idle_rounds = 0;
    bool stopped = false;
    while (!gun.done()) {
        bool worked = false;
        for (Port* const port : ports) {
            worked = receive(gun, *port, out, origin) || worked;
        }
        Time now = monotonic() - origin;
        if (stop_wanted != 0 && !stopped) {
            stopped = true;
            gun.stop(now);
        }
        worked = gun.advance(now) || worked;
        gun.sent_at(monotonic() - origin);
        flush(out);
        progress.show(gun, now);
        idle_rounds = worked ? 0 : idle_rounds + 1;
        if (idle_rounds > kIdleRoundsBeforeSleep) {
            now = monotonic() - origin;
            const Time next = gun.next_event(now);
            if (next > now + kSpin) {
                wait_for_frames(ports, origin + next);
            }
        }
    }
}

// What is still with the kernel may be reported for a moment.
void settle(std::span<Port* const> ports) {
    for (int i = 0; i < 20; ++i) {
        flush(ports);
        const timespec pause{.tv_sec = 0, .tv_nsec = 1'000'000};
        static_cast<void>(::nanosleep(&pause, nullptr));
    }
}

// What `make_frames` makes of population and own MAC address is what clients send.
template <typename AnyGun, typename MakeFrames>
int run_with(const Settings& settings, const std::vector<typename AnyGun::Entry>& entries,
             std::string_view ledger_header, const MakeFrames& make_frames) {
    int ledger = -1;
    if (!settings.ledger_path.empty()) {
        ledger =
            ::open(settings.ledger_path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        if (ledger < 0) {
            std::cerr << "xdhcpgun: " << system_error(errno, settings.ledger_path).message << '\n';
            return kUsage;
        }
        write_all(ledger, ledger_header);
    }
    if (settings.cpu >= 0) {
        cpu_set_t cpus;
        CPU_ZERO(&cpus);
        CPU_SET(static_cast<unsigned>(settings.cpu), &cpus);
        if (::sched_setaffinity(0, sizeof cpus, &cpus) != 0) {
            std::cerr << "xdhcpgun: "
                      << system_error(errno, "--cpu " + std::to_string(settings.cpu)).message
                      << '\n';
            return kUsage;
        }
    }
    const Population population{settings.population};
    auto wire = Wire::open(settings.interface_name, settings.driver, settings.ring_size);
    if (!wire) {
        std::cerr << "xdhcpgun: " << wire.error().message << '\n';
        return kUsage;
    }
    const auto frames = make_frames(population, wire->mac());
    typename AnyGun::Hooks hooks;
    if (ledger >= 0) {
        hooks.write_ledger = [ledger](std::string_view text) { write_all(ledger, text); };
    }
    std::uint64_t complaints = 0;
    hooks.complain = [&complaints](const std::string& text) {
        if (++complaints <= kMaxComplaints) {
            std::cerr << "xdhcpgun: " << text << '\n';
        }
    };
    hooks.unix_start = static_cast<std::uint64_t>(std::time(nullptr));
    AnyGun gun{settings, population, frames, *wire->ports().front(), hooks};
    gun.send_by(senders(wire->ports(), settings));
    static_cast<void>(gun.adopt(entries));

    struct sigaction action {};
    action.sa_handler = on_signal;
    for (const int signal : {SIGINT, SIGTERM}) {
        static_cast<void>(::sigaction(signal, &action, nullptr));
    }
    const double cpu_before = cpu_seconds();
    run(gun, wire->ports(), settings);
    const double cpu_used = cpu_seconds() - cpu_before;
    settle(wire->ports());

    const Results results = gun.results();
    const auto report =
        make_report(settings, results,
                    {.driver = wire->ports().front()->driver(),
                     .cpu_seconds = cpu_used,
                     .losses = wire->losses(results.frames.sent + results.frames.arp_answers)});
    std::cout << (settings.json ? report.dump(2) + "\n" : page(report));
    if (ledger >= 0) {
        static_cast<void>(::close(ledger));
    }
    return exit_code(settings, results);
}

int run_dhcp4(Settings settings, const std::string& source) {
    std::vector<LedgerEntry> entries;
    if (!source.empty() && (!read_ledger(source, parse_ledger, entries) ||
                            !fit_population(settings.population, entries, source))) {
        return kUsage;
    }
    return run_with<Gun>(settings, entries, kLedgerHeader,
                         [](const Population& population, Mac own_mac) {
                             return RequestFrames{population, own_mac};
                         });
}

int run_dhcp6(Settings settings, const std::string& source) {
    std::vector<LedgerEntry6> entries;
    if (!source.empty() && (!read_ledger(source, parse_ledger6, entries) ||
                            !fit_population(settings.population, entries, source))) {
        return kUsage;
    }
    using Instead = RequestFrames6::Instead;
    const Instead instead = settings.scenario == Scenario::kRouterSolicit ? Instead::kRouterSolicit
                            : settings.scenario == Scenario::kNeighborSolicit
                                ? Instead::kNeighborSolicit
                                : Instead::kNothing;
    return run_with<Gun6>(settings, entries, kLedgerHeader6,
                          [instead](const Population& population, Mac own_mac) {
                              return RequestFrames6{population, own_mac, instead};
                          });
}

int run_all(const Settings& settings) {
    const std::string& source =
        settings.scenario == Scenario::kVerify ? settings.verify_path : settings.leases_path;
    return settings.family == Family::kIpv6 ? run_dhcp6(settings, source)
                                            : run_dhcp4(settings, source);
}

}  // namespace

int main(int argc, char** argv) {
    try {
        const auto settings = parse_command_line(argc, argv);
        if (!settings) {
            (settings.error().exit_code == 0 ? std::cout : std::cerr) << settings.error().text;
            return settings.error().exit_code;
        }
        return run_all(*settings);
    } catch (const std::exception& error) {
        std::cerr << "xdhcpgun: " << error.what() << '\n';
        return kUsage;
    }
}
