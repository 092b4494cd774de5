#include "daemon/server.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/hash.h"
#include "control/control.h"
#include "control/control_socket.h"
#include "daemon/disk_clock.h"
#include "daemon/kernel.h"
#include "daemon/log.h"
#include "daemon/served_interfaces.h"
#include "daemon/state_files.h"
#include "daemon/worker_count.h"
#include "engine/drop_reason.h"
#include "host/devices.h"
#include "host/host.h"
#include "host/processors.h"
#include "host/route_table.h"
#include "host/watcher.h"
#include "io/udp/udp6_sender.h"
#include "journal/journal.h"
#include "journal/posix_files.h"
#include "lease/shard.h"
#include "lease/store.h"
#include "metrics/http_server.h"
#include "model/make_snapshot.h"
#include "worker/lease_recovery.h"
#include "worker/snapshot_slot.h"
#include "worker/worker_group.h"

namespace xdhcpd::daemon {
namespace {

constexpr int kTickMs = 1000;
// A client whose prefix was delegated sends from it at once.
constexpr int kRoutesMs = 100;
// The host is looked at when nothing has changed for the first, or at the latest after the second.
constexpr std::chrono::milliseconds kBurstPause{20};
constexpr std::chrono::milliseconds kMaxBurst{50};
// While somebody's XDP program keeps us from a better driver: that it goes is not always announced.
constexpr std::chrono::seconds kImpatience{2};
// While nobody vouches for the wall clock, leases that seem to have ended are kept for so long
// after the start: time for NTP to step it, and for clients to renew.
constexpr std::uint32_t kClockGrace = 300;

// Queues that drivers with a socket for each are going to serve. What is not there yet counts
// nothing, and a driver may turn out to be a slower one: the number of shards must be known before
// either is.
[[nodiscard]] std::uint64_t count_fast_queues(const model::Configuration& configuration) {
    std::uint64_t sum = 0;
    for (const model::InterfaceConfiguration& interface : configuration.interfaces) {
        if (interface.driver != model::Driver::kPacket && interface.driver != model::Driver::kUdp) {
            const std::uint32_t queues = host::read_queue_count(interface.name);
            sum += interface.queues.empty()
                       ? queues
                       : std::min<std::uint64_t>(queues, interface.queues.size());
        }
    }
    return sum;
}

// The signals that the main thread reads; blocked in every thread.
[[nodiscard]] sigset_t served_signals() {
    sigset_t set;
    sigemptyset(&set);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP}) {
        sigaddset(&set, signal);
    }
    return set;
}

}  // namespace

class Server::Implementation {
  public:
    explicit Implementation(ServerOptions options)
        : options_{std::move(options)},
          worker_count_{choose_worker_count(options_.configuration.workers,
                                            count_fast_queues(options_.configuration),
                                            processors_)},
          store_{worker_count_.count} {}
    ~Implementation() {
        if (journal_) {
            static_cast<void>(journal_->stop());  // its thread wakes the workers
        }
        if (signal_fd_ >= 0) {
            close(signal_fd_);
        }
    }

    [[nodiscard]] Result<Success, Error> open();
    void run();

  private:
    [[nodiscard]] Result<Success, Error> send_datagram(const control::Datagram6& datagram,
                                                       const std::string& interface);
    [[nodiscard]] config::LoadResult load();
    [[nodiscard]] Result<Success, Error> open_listeners();
    // Warnings about it.
    [[nodiscard]] Result<std::vector<std::string>, Error> publish_snapshot(
        const model::HostState& host, std::uint32_t generation);
    [[nodiscard]] Result<Success, Error> open_interfaces(const model::HostState& host);
    [[nodiscard]] Result<Success, Error> open_workers();
    [[nodiscard]] Result<Success, Error> open_journal(const std::vector<lease::Shard*>& shards);
    void report_recovery(const journal::Recovery& found) const;
    void watch_clock();
    void watch_queues();
    void open_control(const model::HostState& host);
    [[nodiscard]] control::DelegatedRoutes::Kernel route_kernel();
    void serve_signals();
    void watch_host(std::chrono::steady_clock::time_point now);
    [[nodiscard]] int wait_ms(std::chrono::steady_clock::time_point now) const;
    void drain();

    // Destroyed from the bottom up: the workers before the ports they use, ports before their
    // store.
    ServerOptions options_;
    int signal_fd_ = -1;
    bool stop_requested_ = false;
    const HashKey hash_key_{random_number(), random_number()};
    const host::Processors processors_ = host::read_processors();
    WorkerCount worker_count_;
    std::string workers_advice_;  // logged last; empty: none
    lease::Store store_;
    std::optional<lease::ClientLimit> client_limit_;  // none for one worker
    model::SpaceRegistry registry_{store_};
    worker::SnapshotSlot snapshots_;
    // Workers append to the journal until they end.
    journal::PosixFiles files_;
    DiskClock disk_clock_{files_};
    StateFiles state_files_{files_};
    std::optional<Udp6Sender> reconfigure_sender_;
    std::unique_ptr<host::RouteTable> route_table_;
    std::unique_ptr<journal::Journal> journal_;
    std::unique_ptr<worker::LeaseRecovery> recovery_;
    std::unique_ptr<host::Watcher> watcher_;
    std::unique_ptr<ServedInterfaces> interfaces_;
    std::unique_ptr<worker::WorkerGroup> workers_;
    std::unique_ptr<control::Control> control_;
    // For threads that may ask before control_ is there; null until it is.
    std::atomic<control::Control*> ready_control_{nullptr};
    std::unique_ptr<control::ControlSocket> control_socket_;
    std::unique_ptr<metrics::HttpServer> http_;
    // When the host is looked at because something has changed.
    std::optional<std::chrono::steady_clock::time_point> look_at_;
    std::chrono::steady_clock::time_point first_change_;
    std::chrono::steady_clock::time_point last_look_;
};

Result<Success, Error> Server::Implementation::open() {
    const sigset_t signals = served_signals();
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    signal_fd_ = signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC);
    if (signal_fd_ < 0) {
        return Unexpected{system_error(errno, "signalfd")};
    }
    // Before the host is read, so that no change falls between.
    auto watcher = host::Watcher::open();
    if (!watcher) {
        return Unexpected{watcher.error()};
    }
    watcher_ = std::move(*watcher);
    const auto host = host::read_host_state();
    if (!host) {
        return Unexpected{host.error()};
    }
    if (auto opened = state_files_.open(options_.configuration, *host); !opened) {
        return opened;
    }
    state_files_.complete(options_.configuration);
    // Before the first snapshot: spaces of IPv6 are made with the key.
    registry_.ipv6().set_names_key(state_files_.identity().names_key);
    registry_.ipv6().set_max_leases(options_.configuration.max_leases);
    if (const std::string why = control::check_room(options_.configuration, registry_);
        !why.empty()) {
        return Unexpected{Error{0, why}};
    }
    const auto warnings = publish_snapshot(*host, 1);
    if (!warnings) {
        return Unexpected{warnings.error()};
    }
    for (const std::string& warning : *warnings) {
        if (warning.find("does not exist") == std::string::npos) {  // said when it is waited for
            spdlog::warn("{}", warning);
        }
    }
    interfaces_ = std::make_unique<ServedInterfaces>(snapshots_, options_.configuration.ports);
    // What another server may have comes before the interfaces, which it may be serving.
    if (auto opened = open_listeners(); !opened) {
        return opened;
    }
    const std::size_t listed_count = registry_.ipv6().listed().size();
    if (auto opened = open_workers(); !opened) {
        return opened;
    }
    if (registry_.ipv6().listed().size() != listed_count) {  // leases without a unit of their range
        if (const auto published = publish_snapshot(*host, 2); !published) {
            return Unexpected{published.error()};
        }
    }
    if (auto opened = open_interfaces(*host); !opened) {
        return opened;
    }
    interfaces_->log_table(snapshots_.newest());
    open_control(*host);
    return Success{};
}

// Who connects to the control socket now waits until the server runs.
Result<Success, Error> Server::Implementation::open_listeners() {
    const model::Configuration& configuration = options_.configuration;
    auto socket = control::ControlSocket::open(configuration.control_socket);
    if (!socket) {
        return Unexpected{socket.error()};
    }
    control_socket_ = std::move(*socket);
    if (configuration.http.empty()) {
        return Success{};
    }
    auto http = metrics::HttpServer::open(
        configuration.http,
        {.metrics_text =
             [this] {
                 control::Control* const control = ready_control_;
                 return control != nullptr ? control->metrics_text() : std::string{};
             },
         .health =
             [this] {
                 control::Control* const control = ready_control_;
                 return control != nullptr ? control->health()
                                           : metrics::Health{false, "the server is starting"};
             }});
    if (!http) {
        return Unexpected{http.error()};
    }
    http_ = std::move(*http);
    return Success{};
}

// Opened when it is first needed: few servers do.
Result<Success, Error> Server::Implementation::send_datagram(const control::Datagram6& datagram,
                                                             const std::string& interface) {
    if (!reconfigure_sender_) {
        auto opened = Udp6Sender::open(options_.configuration.ports.server6);
        if (!opened) {
            return Unexpected{opened.error()};
        }
        reconfigure_sender_ = std::move(*opened);
    }
    return reconfigure_sender_->send(datagram.destination, datagram.destination_port, interface,
                                     datagram.payload);
}

config::LoadResult Server::Implementation::load() {
    config::LoadResult result = options_.load();
    if (result.configuration) {
        state_files_.complete(*result.configuration);
    }
    return result;
}

// Makes it, adds what is not advertised any more, and carries its policy into the store.
Result<std::vector<std::string>, Error> Server::Implementation::publish_snapshot(
    const model::HostState& host, std::uint32_t generation) {
    auto made =
        model::make_snapshot(options_.configuration, host, registry_, hash_key_, generation);
    const auto amended = state_files_.advertised_sets().amend(options_.configuration,
                                                              *made.snapshot, unix_seconds());
    for (const std::string& line : amended.news) {
        spdlog::info("{}", line);
    }
    if (amended.problem) {
        return Unexpected{of_state_directory(*amended.problem)};
    }
    model::apply_policy(*made.snapshot, options_.configuration, host, registry_);
    snapshots_.publish(std::move(made.snapshot));
    return std::move(made.warnings);
}

// Interfaces that are not there are waited for. A driver that was promised and refuses is an
// error only when nothing else is served: then somebody has to mend it, and the service manager
// shows it.
Result<Success, Error> Server::Implementation::open_interfaces(const model::HostState& host) {
    interfaces_->update(options_.configuration, host);
    const ManagedInterface* refused = nullptr;
    for (const ManagedInterface& interface : interfaces_->all()) {
        if (interface.opened) {
            return Success{};
        }
        if (interface.state == InterfaceState::kRefused && refused == nullptr) {
            refused = &interface;
        }
    }
    if (refused != nullptr) {
        return Unexpected{Error{0, "nothing to serve: interface " + refused->configuration.name +
                                       ": " + refused->detail}};
    }
    return Success{};
}

Result<Success, Error> Server::Implementation::open_workers() {
    const std::uint32_t count = worker_count_.count;
    std::vector<worker::WorkerGroup::Member> members(count);
    std::vector<lease::Shard*> shards;
    if (count > 1) {  // one alone has it as its capacity
        client_limit_.emplace(options_.configuration.max_leases, count);
    }
    for (std::uint32_t id = 0; id < count; ++id) {
        members[id].shard = std::make_unique<lease::Shard>(
            store_,
            lease::ShardOptions{
                .capacity = clients_per_shard(options_.configuration.max_leases, count),
                .side_memory = side_memory_per_shard(options_.configuration.side_memory, count),
                .limit = client_limit_ ? &*client_limit_ : nullptr,
                .id = static_cast<std::uint16_t>(id),
                .now = boot_seconds()});
        shards.push_back(members[id].shard.get());
    }
    if (options_.configuration.durability != model::Durability::kMemory) {
        if (auto opened = open_journal(shards); !opened) {
            return opened;
        }
        for (std::uint32_t id = 0; id < count; ++id) {
            members[id].options.ring = &journal_->ring(id);
            members[id].options.disk_time = disk_clock_.disk_time();
        }
    }
    auto made = worker::WorkerGroup::make(std::move(members), snapshots_);
    if (!made) {
        return Unexpected{made.error()};
    }
    workers_ = std::move(*made);
    spdlog::info("workers: {} ({})", count, worker_count_.reason);
    if (journal_) {
        journal_->on_durable([this](std::uint32_t ring) { workers_->at(ring).wake(); });
        journal_->start();
    }
    interfaces_->set_workers(*workers_);
    return Success{};
}

// The journal tells the latest time in its files before it tells of the first unit.
Result<Success, Error> Server::Implementation::open_journal(
    const std::vector<lease::Shard*>& shards) {
    const model::Configuration& configuration = options_.configuration;
    journal::JournalOptions options;
    options.directory = configuration.state_directory;
    options.durability = configuration.durability == model::Durability::kSync
                             ? journal::Durability::kSync
                             : journal::Durability::kAsync;
    options.ring_count = worker_count_.count;
    options.wall_clock = [this] { return disk_clock_.now_ns(); };
    if (auto opened = disk_clock_.open(options.directory); !opened) {
        return Unexpected{of_state_directory(opened.error())};
    }
    disk_clock_.settle(0);
    journal::Recovery found;
    const auto begin = [&] {
        if (!recovery_) {
            disk_clock_.settle(found.wall_clock_stamp);
            const BootSeconds now = boot_seconds();
            const BootSeconds grace_end =
                DiskClock::is_synchronised() ? BootSeconds{} : add_seconds(now, kClockGrace);
            recovery_ = std::make_unique<worker::LeaseRecovery>(
                snapshots_.newest(), registry_.ipv6(), shards, disk_clock_.disk_time(), now,
                grace_end);
        }
    };
    auto opened = journal::Journal::open(
        options, files_,
        [&](const journal::UnitState& state) {
            begin();
            recovery_->add(state);
        },
        found);
    if (!opened) {
        return Unexpected{of_state_directory(opened.error())};
    }
    begin();
    recovery_->finish();
    journal_ = std::move(*opened);
    report_recovery(found);
    return Success{};
}

void Server::Implementation::report_recovery(const journal::Recovery& found) const {
    for (const std::string& report : found.reports) {
        spdlog::warn("{}", report);
    }
    const worker::RecoveryCounts& counts = recovery_->counts();
    spdlog::info("{}: {} leases, {} declined, {} former tenants, read in {:.3f} s",
                 options_.configuration.state_directory, counts.leases, counts.declined,
                 counts.former, std::chrono::duration<double>(found.duration).count());
    if (counts.foreign != 0) {
        spdlog::warn("{}: {} units belong to no configured subnet; they are kept on disk",
                     options_.configuration.state_directory, counts.foreign);
    }
    if (counts.leases > options_.configuration.max_leases) {
        spdlog::warn(
            "{}: {} leases are more than max-leases ({}): all are known, but no new client "
            "gets one before enough of them have ended",
            options_.configuration.state_directory, counts.leases,
            options_.configuration.max_leases);
    }
    if (counts.refused != 0) {
        spdlog::error(
            "{}: no memory for {} clients: their addresses stay busy until their leases end",
            options_.configuration.state_directory, counts.refused);
    }
}

void Server::Implementation::open_control(const model::HostState& host) {
    const model::Configuration& configuration = options_.configuration;
    control_ = std::make_unique<control::Control>(control::ControlParts{
        .configuration_name = options_.configuration_name,
        .load = [this] { return load(); },
        .snapshots = snapshots_,
        .registry = registry_,
        .workers = workers_->all(),
        .workers_reason = std::to_string(worker_count_.count) + " (" + worker_count_.reason + ")",
        .workers_advice = [this] { return workers_advice_; },
        .hash_key = hash_key_,
        .configuration = configuration,
        .host = host,
        .host_state = host::read_host_state,
        .interfaces = [this] { return interfaces_->status(); },
        .on_snapshot =
            [this](const model::Snapshot& snapshot) { interfaces_->update_drivers(snapshot); },
        .adopt_leases =
            [this](const model::Snapshot& snapshot) {
                for (worker::Worker* const each : workers_->all()) {
                    if (recovery_) {
                        each->call([&] { recovery_->adopt(snapshot, boot_seconds(), each->id()); });
                    }
                }
            },
        .advertised_sets = &state_files_.advertised_sets(),
        .journal = journal_ ? std::function{[this] { return journal_->health(); }} : nullptr,
        .on_host = [this](const model::Configuration& in_force,
                          const model::HostState& now) { interfaces_->update(in_force, now); },
        .on_stop = [this] { stop_requested_ = true; },
        .log = log_line,
        .on_log_configuration = set_up_log,
        .clock = nullptr,
        .route_kernel = route_kernel(),
        .unix_time = nullptr,
        .send_datagram =
            [this](const control::Datagram6& datagram, const std::string& interface) {
                return send_datagram(datagram, interface);
            },
        .reconfigure_keyring = &state_files_.reconfigure_keyring()});
    ready_control_ = control_.get();
}

// A server that may not change routes does without.
control::DelegatedRoutes::Kernel Server::Implementation::route_kernel() {
    if (!options_.configuration.dhcp6.is_on()) {
        return {};
    }
    auto opened = host::RouteTable::open();
    if (!opened) {
        spdlog::warn("routes to delegated prefixes: {}", opened.error().message);
        return {};
    }
    route_table_ = std::move(*opened);
    return {.add = [this](const host::Route6& route) { return route_table_->add(route); },
            .remove = [this](const Ipv6Prefix& prefix) { return route_table_->remove(prefix); },
            .list = [this] { return route_table_->list(); }};
}

void Server::Implementation::run() {
    workers_->start([](std::uint32_t id) {
        pthread_setname_np(pthread_self(), ("xdhcpd-worker" + std::to_string(id)).c_str());
    });
    spdlog::info("serving");
    static_cast<void>(sd_notify(0, "READY=1"));
    auto next_tick = std::chrono::steady_clock::now();
    std::vector<pollfd> fds;
    while (!stop_requested_) {
        fds.assign({{signal_fd_, POLLIN, 0}, {watcher_->fd(), POLLIN, 0}});
        control_socket_->append_poll_fds(fds);
        control_->append_poll_fds(fds);
        static_cast<void>(poll(fds.data(), fds.size(), wait_ms(std::chrono::steady_clock::now())));
        serve_signals();
        // Before the requests, so that who asks behind a change is told of it.
        watch_host(std::chrono::steady_clock::now());
        control_socket_->handle(
            fds, [this](const nlohmann::json& request) { return control_->handle(request); },
            [this](std::uint64_t stream, control::FileHandle connection, std::string_view unsent) {
                control_->stream(stream, std::move(connection), unsent);
            });
        control_->keep_up();
        const auto now = std::chrono::steady_clock::now();
        if (now >= next_tick) {
            interfaces_->tick();
            watch_clock();
            watch_queues();
            control_->tick();
            next_tick = now + std::chrono::milliseconds{kTickMs};
        }
    }
    drain();
}

void Server::Implementation::watch_clock() {
    if (!journal_) {
        return;
    }
    const auto stepped = disk_clock_.tick();
    if (!stepped) {
        spdlog::warn("the wall clock was stepped: {}", stepped.error().message);
    } else if (*stepped) {
        spdlog::info("the wall clock was stepped; leases go on as before");
    }
}

// The number of shards is fixed at the start; interfaces and their queues come later as well.
void Server::Implementation::watch_queues() {
    if (options_.configuration.workers) {
        return;
    }
    std::string advice =
        advise_restart(worker_count_, interfaces_->fast_queue_count(), processors_);
    if (!advice.empty() && advice != workers_advice_) {
        spdlog::warn("workers: {}", advice);
    }
    workers_advice_ = std::move(advice);
}

int Server::Implementation::wait_ms(std::chrono::steady_clock::time_point now) const {
    const int longest = control_->is_busy() ? kRoutesMs : kTickMs;
    if (!look_at_) {
        return longest;
    }
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(*look_at_ - now);
    return left.count() < 0 ? 0 : std::min(longest, static_cast<int>(left.count()) + 1);
}

// Changes come in bursts: one command of an operator is several messages. They are waited for, but
// not for ever.
void Server::Implementation::watch_host(std::chrono::steady_clock::time_point now) {
    const host::HostChanges changes = watcher_->drain();
    interfaces_->note(changes.departures, changes.lost);
    if (changes.any) {
        first_change_ = look_at_ ? first_change_ : now;
        look_at_ = std::min(now + kBurstPause, first_change_ + kMaxBurst);
    } else if (!look_at_ && interfaces_->is_impatient() && now - last_look_ >= kImpatience) {
        look_at_ = now;
    }
    if (look_at_ && now >= *look_at_) {
        look_at_.reset();
        last_look_ = now;
        control_->look_at_host();
        if (interfaces_->wants_another_look()) {
            look_at_ = first_change_ = now + kMaxBurst;
        }
    }
}

void Server::Implementation::serve_signals() {
    signalfd_siginfo info{};
    while (read(signal_fd_, &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
        if (info.ssi_signo == SIGHUP) {
            static_cast<void>(sd_notify(0, "RELOADING=1"));
            static_cast<void>(control_->reload(false));
            static_cast<void>(sd_notify(0, "READY=1"));
        } else {
            spdlog::info("{}: stopping", info.ssi_signo == SIGTERM ? "SIGTERM" : "SIGINT");
            stop_requested_ = true;
        }
    }
}

// New frames pass to the kernel; what was taken is still answered.
void Server::Implementation::drain() {
    static_cast<void>(sd_notify(0, "STOPPING=1"));
    control_->stop();
    interfaces_->disable();
    workers_->stop();
    control_->end_streams();
    if (journal_ && !journal_->stop()) {
        spdlog::error("leases cannot be stored: {}", journal_->health().problem);
    }
    control_->end_hooks();
    http_.reset();
    control_socket_.reset();
    const std::size_t not_stored = engine::DropReason{engine::Shed::kNotStored}.index();
    std::uint64_t received = 0;
    std::uint64_t answered = 0;
    std::uint64_t lost = 0;
    for (const worker::Worker* const worker : workers_->all()) {
        received += worker->counters().received.value();
        answered += worker->counters().answered.value();
        lost += worker->counters().dropped[not_stored].value();
    }
    if (lost != 0) {
        spdlog::error("{} clients got no answer: their leases were not stored in time", lost);
    }
    spdlog::info("stopped: {} frames received, {} answered", received, answered);
}

Server::Server(std::unique_ptr<Implementation> implementation)
    : implementation_{std::move(implementation)} {}

Server::~Server() = default;

Result<std::unique_ptr<Server>, Error> Server::open(ServerOptions options) {
    auto implementation = std::make_unique<Implementation>(std::move(options));
    if (auto opened = implementation->open(); !opened) {
        return Unexpected{opened.error()};
    }
    return std::unique_ptr<Server>{new Server{std::move(implementation)}};
}

void Server::run() {
    implementation_->run();
}

}  // namespace xdhcpd::daemon
