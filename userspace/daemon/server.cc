#include "daemon/server.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <nlohmann/json.hpp>
#include <thread>
#include <utility>
#include <vector>

#include "base/hash.h"
#include "control/control.h"
#include "control/control_socket.h"
#include "daemon/drivers.h"
#include "daemon/log.h"
#include "host/host.h"
#include "lease/shard.h"
#include "lease/store.h"
#include "metrics/http_server.h"
#include "model/make_snapshot.h"
#include "worker/snapshot_slot.h"
#include "worker/worker.h"

namespace xdhcpd::daemon {
namespace {

constexpr int kTickMs = 1000;
constexpr std::uint32_t kShardCount = 1;

[[nodiscard]] std::uint64_t random_number() {
    std::uint64_t value = 0;
    // Blocks only before the kernel has gathered its first entropy, and cannot fail otherwise.
    while (getrandom(&value, sizeof value, 0) != static_cast<ssize_t>(sizeof value)) {
    }
    return value;
}

[[nodiscard]] BootSeconds boot_seconds() {
    timespec time{};
    static_cast<void>(clock_gettime(CLOCK_BOOTTIME, &time));
    return {static_cast<std::uint32_t>(time.tv_sec)};
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

[[nodiscard]] std::string join(const std::vector<std::string>& parts, const char* separator) {
    std::string text;
    for (const std::string& part : parts) {
        text += (text.empty() ? "" : separator) + part;
    }
    return text;
}

void log_line(model::LogLevel level, const std::string& line) {
    switch (level) {
        case model::LogLevel::kDebug:
            spdlog::debug("{}", line);
            break;
        case model::LogLevel::kInfo:
            spdlog::info("{}", line);
            break;
        case model::LogLevel::kWarning:
            spdlog::warn("{}", line);
            break;
        case model::LogLevel::kError:
            spdlog::error("{}", line);
            break;
    }
}

}  // namespace

class Server::Implementation {
  public:
    explicit Implementation(ServerOptions options) : options_{std::move(options)} {}
    ~Implementation() {
        if (signal_fd_ >= 0) {
            close(signal_fd_);
        }
    }

    [[nodiscard]] Result<Success, Error> open();
    void run();

  private:
    [[nodiscard]] Result<Success, Error> open_interfaces(const model::HostState& host);
    [[nodiscard]] Result<Success, Error> open_worker();
    [[nodiscard]] Result<Success, Error> open_control(const model::HostState& host);
    void update_drivers(const model::Snapshot& snapshot);
    [[nodiscard]] std::vector<control::InterfaceStatus> interface_status() const;
    void log_table(const model::Snapshot& snapshot) const;
    void serve_signals();
    void drain();

    // Destroyed from the bottom up: the worker before the ports it uses, ports before their store.
    ServerOptions options_;
    int signal_fd_ = -1;
    bool stop_requested_ = false;
    const HashKey hash_key_{random_number(), random_number()};
    lease::Store store_{kShardCount};
    model::SpaceRegistry registry_{store_};
    worker::SnapshotSlot snapshots_;
    std::vector<std::unique_ptr<DrivenInterface>> interfaces_;
    std::unique_ptr<worker::Worker> worker_;
    std::thread worker_thread_;
    std::unique_ptr<control::Control> control_;
    std::unique_ptr<control::ControlSocket> control_socket_;
    std::unique_ptr<metrics::HttpServer> http_;
};

Result<Success, Error> Server::Implementation::open() {
    const sigset_t signals = served_signals();
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    signal_fd_ = signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC);
    if (signal_fd_ < 0) {
        return Unexpected{system_error(errno, "signalfd")};
    }
    const auto host = host::read_host_state();
    if (!host) {
        return Unexpected{host.error()};
    }
    if (const std::string why = control::check_room(options_.configuration, registry_);
        !why.empty()) {
        return Unexpected{Error{0, why}};
    }
    if (auto opened = open_interfaces(*host); !opened) {
        return opened;
    }
    auto made = model::make_snapshot(options_.configuration, *host, registry_, hash_key_, 1);
    for (const std::string& warning : made.warnings) {
        spdlog::warn("{}", warning);
    }
    model::apply_policy(*made.snapshot, options_.configuration, *host, registry_);
    update_drivers(*made.snapshot);
    log_table(*made.snapshot);
    snapshots_.publish(std::move(made.snapshot));
    if (auto opened = open_worker(); !opened) {
        return opened;
    }
    return open_control(*host);
}

// Each interface gets the driver that was promised or, under `auto`, the best there is. An
// interface that does not exist is left out as long as another one can be served.
Result<Success, Error> Server::Implementation::open_interfaces(const model::HostState& host) {
    std::vector<std::string> missing;
    for (const model::InterfaceConfiguration& wanted : options_.configuration.interfaces) {
        const model::HostInterface* const interface = host.find(wanted.name);
        if (interface == nullptr) {
            missing.push_back(wanted.name);
            continue;
        }
        auto opened = DrivenInterface::open(wanted, options_.configuration.ports, *interface);
        if (!opened) {
            return Unexpected{opened.error()};
        }
        interfaces_.push_back(std::make_unique<DrivenInterface>(std::move(*opened)));
    }
    if (interfaces_.empty()) {
        return Unexpected{Error{0, "nothing to serve: interface " + join(missing, ", ") +
                                       " does not exist; `ip link` lists those that do"}};
    }
    return Success{};
}

Result<Success, Error> Server::Implementation::open_worker() {
    auto shard = std::make_unique<lease::Shard>(
        store_, lease::ShardOptions{.capacity = options_.configuration.max_leases,
                                    .side_memory = options_.configuration.side_memory,
                                    .id = 0,
                                    .now = boot_seconds()});
    std::vector<Port*> ports;
    for (const auto& interface : interfaces_) {
        ports.insert(ports.end(), interface->ports().begin(), interface->ports().end());
    }
    worker::WorkerOptions options;
    auto made = worker::Worker::make(options, std::move(shard), std::move(ports), snapshots_);
    if (!made) {
        return Unexpected{made.error()};
    }
    worker_ = std::move(*made);
    return Success{};
}

Result<Success, Error> Server::Implementation::open_control(const model::HostState& host) {
    const model::Configuration& configuration = options_.configuration;
    control_ = std::make_unique<control::Control>(control::ControlParts{
        .configuration_name = options_.configuration_name,
        .load = options_.load,
        .snapshots = snapshots_,
        .registry = registry_,
        .workers = {worker_.get()},
        .hash_key = hash_key_,
        .configuration = configuration,
        .host = host,
        .host_state = host::read_host_state,
        .interfaces = [this] { return interface_status(); },
        .on_snapshot = [this](const model::Snapshot& snapshot) { update_drivers(snapshot); },
        .on_stop = [this] { stop_requested_ = true; },
        .log = log_line,
        .on_log_configuration = set_up_log,
        .clock = nullptr});
    auto socket = control::ControlSocket::open(configuration.control_socket);
    if (!socket) {
        return Unexpected{socket.error()};
    }
    control_socket_ = std::move(*socket);
    if (!configuration.http.empty()) {
        auto http = metrics::HttpServer::open(
            configuration.http, {.metrics_text = [this] { return control_->metrics_text(); },
                                 .health = [this] { return control_->health(); }});
        if (!http) {
            return Unexpected{http.error()};
        }
        http_ = std::move(*http);
    }
    return Success{};
}

void Server::Implementation::update_drivers(const model::Snapshot& snapshot) {
    for (const auto& interface : interfaces_) {
        if (const auto updated = interface->update(snapshot); !updated) {
            spdlog::error("interface {}: {}", interface->name(), updated.error().message);
        }
    }
}

std::vector<control::InterfaceStatus> Server::Implementation::interface_status() const {
    std::vector<control::InterfaceStatus> all;
    for (const auto& interface : interfaces_) {
        control::InterfaceStatus status;
        status.name = interface->name();
        status.ifindex = interface->host_interface().ifindex;
        status.driver = interface->driver();
        status.mode = interface->mode();
        status.why = interface->why();
        status.zero_copy = interface->zero_copy();
        status.mtu = interface->host_interface().mtu;
        status.queues = static_cast<std::uint32_t>(interface->ports().size());
        if (interface->xdp() != nullptr) {
            if (const auto counts = interface->xdp()->counters()) {
                for (const XdpVerdictCount& count : *counts) {
                    status.verdicts.emplace_back(count.name, count.frames);
                }
            }
        }
        for (std::size_t i = 0; i < interface->ports().size(); ++i) {
            status.kernel_drops.push_back(
                {interface->ports()[i]->queue(), interface->kernel_drops(i)});
        }
        all.push_back(std::move(status));
    }
    return all;
}

// One line per interface: what serves it and why nothing better, and what it serves.
void Server::Implementation::log_table(const model::Snapshot& snapshot) const {
    constexpr auto kRow = "{:<15} {:<12} {:<16} {:>6} {:>6}  {:<15} {}";
    spdlog::info(kRow, "interface", "driver", "mode", "queues", "mtu", "server address", "subnets");
    for (const auto& interface : interfaces_) {
        const model::HostInterface& host_interface = interface->host_interface();
        std::vector<std::string> subnets;
        Ipv4 server_address;
        const model::Ingress* const ingress = snapshot.find_ingress(host_interface.ifindex);
        if (ingress != nullptr && ingress->link) {
            for (const std::uint32_t index : snapshot.links[*ingress->link].subnets) {
                const model::Subnet& subnet = snapshot.subnets[index];
                subnets.push_back(to_string(subnet.prefix));
                if (server_address.is_zero()) {
                    server_address = subnet.server_address;
                }
            }
        }
        if (server_address.is_zero() && !host_interface.addresses.empty()) {
            server_address = host_interface.addresses.front().address;
        }
        spdlog::info(kRow, interface->name(), interface->driver(),
                     interface->mode() + (interface->zero_copy() ? ", zero-copy" : ""),
                     interface->ports().size(), host_interface.mtu, to_string(server_address),
                     subnets.empty() ? "(relayed clients only)" : join(subnets, ", "));
        if (!interface->why().empty()) {
            spdlog::warn("interface {}: driver {} because {}", interface->name(),
                         interface->driver(), interface->why());
        }
        if (!interface->port_problem().empty()) {
            spdlog::warn("interface {}: {}", interface->name(), interface->port_problem());
        }
        if (server_address.is_zero()) {
            spdlog::warn(
                "interface {} has no IPv4 address: give it one (ip addr add ...) or set "
                "server-address",
                interface->name());
        }
    }
}

void Server::Implementation::run() {
    worker_thread_ = std::thread{[this] {
        pthread_setname_np(pthread_self(), "xdhcpd-worker0");
        worker_->run();
    }};
    spdlog::info("serving");
    static_cast<void>(sd_notify(0, "READY=1"));
    auto next_tick = std::chrono::steady_clock::now();
    std::vector<pollfd> fds;
    while (!stop_requested_) {
        fds.assign(1, {signal_fd_, POLLIN, 0});
        control_socket_->append_poll_fds(fds);
        static_cast<void>(poll(fds.data(), fds.size(), kTickMs));
        serve_signals();
        control_socket_->handle(
            fds, [this](const nlohmann::json& request) { return control_->handle(request); },
            [this](std::uint64_t stream, control::FileHandle connection, std::string_view unsent) {
                control_->stream(stream, std::move(connection), unsent);
            });
        const auto now = std::chrono::steady_clock::now();
        if (now >= next_tick) {
            control_->tick();
            next_tick = now + std::chrono::milliseconds{kTickMs};
        }
    }
    drain();
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
    for (const auto& interface : interfaces_) {
        if (interface->xdp() != nullptr) {
            static_cast<void>(interface->xdp()->set_enabled(false));
        }
    }
    worker_->stop();
    worker_thread_.join();
    control_->end_streams();
    http_.reset();
    control_socket_.reset();
    const worker::WorkerCounters& counters = worker_->counters();
    spdlog::info("stopped: {} frames received, {} answered", counters.received.value(),
                 counters.answered.value());
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
