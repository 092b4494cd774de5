#include "metrics/http_server.h"

#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <exception>
#include <thread>
#include <utility>
#include <vector>

#include "metrics/http_request.h"

namespace xdhcpd::metrics {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kMaxConnections = 32;  // more wait in the backlog
constexpr int kBacklog = 64;
constexpr std::size_t kMaxHeadLen = 8192;      // browsers send less than 2 KiB
constexpr std::chrono::seconds kPatience{10};  // for the whole exchange
constexpr std::chrono::seconds kMaxLinger{1};  // for the client to close after the answer
constexpr std::string_view kTextType = "text/plain; charset=utf-8";
constexpr std::string_view kMetricsType = "text/plain; version=0.0.4; charset=utf-8";

class Fd {
  public:
    Fd() = default;
    explicit Fd(int fd) : fd_{fd} {}
    Fd(Fd&& other) noexcept : fd_{std::exchange(other.fd_, -1)} {}
    Fd& operator=(Fd&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    Fd(const Fd&) = delete;
    Fd& operator=(const Fd&) = delete;
    ~Fd() {
        if (fd_ >= 0) {
            close(fd_);
        }
    }
    [[nodiscard]] int get() const noexcept { return fd_; }

  private:
    int fd_ = -1;
};

struct Connection {
    Fd fd;
    Clock::time_point deadline;
    std::string input;
    std::string output;
    std::size_t sent = 0;
    bool answered = false;
    bool lingering = false;  // all is sent and shut down; waits for the client's end
    bool done = false;

    [[nodiscard]] short events() const noexcept {
        return static_cast<short>(answered && !lingering ? POLLOUT : POLLIN);
    }
};

struct FreeAddresses {
    void operator()(addrinfo* addresses) const noexcept { freeaddrinfo(addresses); }
};

// "127.0.0.1:9767" or "[::1]:9767" as the kernel wants it; null if it is neither.
[[nodiscard]] std::unique_ptr<addrinfo, FreeAddresses> resolve(const std::string& address_port) {
    const std::size_t colon = address_port.rfind(':');
    if (colon == std::string::npos || colon + 1 == address_port.size()) {
        return nullptr;
    }
    std::string host = address_port.substr(0, colon);
    if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
        host = host.substr(1, host.size() - 2);
    }
    addrinfo hints{};
    hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (host.empty() ||
        getaddrinfo(host.c_str(), address_port.c_str() + colon + 1, &hints, &found) != 0) {
        return nullptr;
    }
    return std::unique_ptr<addrinfo, FreeAddresses>{found};
}

[[nodiscard]] std::uint16_t local_port(int fd) noexcept {
    sockaddr_storage address{};
    socklen_t len = sizeof address;
    if (getsockname(fd, reinterpret_cast<sockaddr*>(&address), &len) != 0) {
        return 0;
    }
    // sin_port and sin6_port stand at the same place.
    return ntohs(reinterpret_cast<const sockaddr_in*>(&address)->sin_port);
}

}  // namespace

// The listening socket, its connections and their thread.
class HttpServer::Loop {
  public:
    Loop(Fd listener, Fd wake, HttpHandlers handlers)
        : listener_{std::move(listener)},
          wake_{std::move(wake)},
          port_{local_port(listener_.get())},
          handlers_{std::move(handlers)} {
        // Signals are for the thread that expects them.
        sigset_t all;
        sigset_t before;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        thread_ = std::thread{[this] { run(); }};
        pthread_sigmask(SIG_SETMASK, &before, nullptr);
    }
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;
    ~Loop() {
        stop_requested_.store(true, std::memory_order_release);
        const std::uint64_t one = 1;
        static_cast<void>(!write(wake_.get(), &one, sizeof one));
        thread_.join();
    }
    [[nodiscard]] std::uint16_t port() const noexcept { return port_; }

  private:
    void run() {
        while (!stop_requested_.load(std::memory_order_acquire)) {
            std::vector<pollfd> fds{{wake_.get(), POLLIN, 0}};
            const bool has_room = connections_.size() < kMaxConnections;
            fds.push_back({has_room ? listener_.get() : -1, POLLIN, 0});
            for (const Connection& connection : connections_) {
                fds.push_back({connection.fd.get(), connection.events(), 0});
            }
            static_cast<void>(poll(fds.data(), fds.size(), timeout_ms()));
            for (std::size_t i = 0; i < connections_.size(); ++i) {
                if (fds[i + 2].revents != 0) {
                    serve(connections_[i]);
                }
            }
            const Clock::time_point now = Clock::now();
            std::erase_if(connections_, [now](const Connection& connection) {
                return connection.done || connection.deadline <= now;
            });
            if (fds[1].revents != 0) {
                accept_one(now);
            }
        }
    }

    [[nodiscard]] int timeout_ms() const noexcept {
        constexpr int kForever = -1;
        if (connections_.empty()) {
            return kForever;
        }
        const auto soonest =
            std::min_element(connections_.begin(), connections_.end(),
                             [](const auto& a, const auto& b) { return a.deadline < b.deadline; });
        const auto left =
            std::chrono::ceil<std::chrono::milliseconds>(soonest->deadline - Clock::now());
        return static_cast<int>(std::max<std::chrono::milliseconds::rep>(left.count(), 0));
    }

    void accept_one(Clock::time_point now) {
        Fd fd{accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)};
        if (fd.get() >= 0) {
            Connection connection;
            connection.fd = std::move(fd);
            connection.deadline = now + kPatience;
            connections_.push_back(std::move(connection));
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            // The listener stays readable; trying again at once would spin.
            std::this_thread::sleep_for(std::chrono::milliseconds{100});
        }
    }

    void serve(Connection& connection) {
        if (!connection.answered || connection.lingering) {
            receive(connection);
        }
        if (connection.answered && !connection.lingering && !connection.done) {
            transmit(connection);
        }
    }

    void receive(Connection& connection) {
        char buffer[4096];
        const ssize_t len = recv(connection.fd.get(), buffer, sizeof buffer, 0);
        if (len < 0) {
            connection.done = errno != EAGAIN && errno != EINTR;
            return;
        }
        if (len == 0) {
            connection.done = true;
            return;
        }
        if (connection.lingering) {
            return;  // what follows the request is of no interest
        }
        connection.input.append(buffer, static_cast<std::size_t>(len));
        if (const auto end = head_end(connection.input)) {
            connection.output = answer(std::string_view{connection.input}.substr(0, *end));
            connection.answered = true;
        } else if (connection.input.size() > kMaxHeadLen) {
            connection.output = format_response(431, kTextType, "the request is too long\n",
                                                HttpRequest::Method::kGet);
            connection.answered = true;
        }
    }

    void transmit(Connection& connection) {
        while (connection.sent < connection.output.size()) {
            const ssize_t len =
                send(connection.fd.get(), connection.output.data() + connection.sent,
                     connection.output.size() - connection.sent, MSG_NOSIGNAL);
            if (len < 0) {
                connection.done = errno != EAGAIN && errno != EINTR;
                return;
            }
            connection.sent += static_cast<std::size_t>(len);
        }
        // Closing with unread input would reset the connection before the client has read the
        // answer.
        shutdown(connection.fd.get(), SHUT_WR);
        connection.lingering = true;
        connection.deadline = std::min(connection.deadline, Clock::now() + kMaxLinger);
    }

    [[nodiscard]] std::string answer(std::string_view head) const {
        const auto request = parse_request(head);
        if (!request) {
            return format_response(400, kTextType, "not an HTTP/1 request\n",
                                   HttpRequest::Method::kGet);
        }
        const bool is_metrics = request->path == "/metrics";
        if (!is_metrics && request->path != "/healthz") {
            return format_response(404, kTextType, "there are /metrics and /healthz\n",
                                   request->method);
        }
        if (request->method == HttpRequest::Method::kOther) {
            return format_response(405, kTextType, "only GET and HEAD\n", request->method);
        }
        try {
            if (is_metrics) {
                return format_response(200, kMetricsType, handlers_.metrics_text(),
                                       request->method);
            }
            const Health health = handlers_.health();
            return health.ok
                       ? format_response(200, kTextType, "ok\n", request->method)
                       : format_response(503, kTextType, health.reason + "\n", request->method);
        } catch (const std::exception& error) {  // out of memory, most likely
            return format_response(500, kTextType, error.what(), request->method);
        }
    }

    Fd listener_;
    Fd wake_;
    std::uint16_t port_;
    HttpHandlers handlers_;
    std::vector<Connection> connections_;
    std::atomic<bool> stop_requested_{false};
    std::thread thread_;
};

HttpServer::HttpServer(std::unique_ptr<Loop> loop) : loop_{std::move(loop)} {}
HttpServer::~HttpServer() = default;

std::uint16_t HttpServer::port() const noexcept {
    return loop_->port();
}

Result<std::unique_ptr<HttpServer>, Error> HttpServer::open(const std::string& address_port,
                                                            HttpHandlers handlers) {
    const std::string what = "listen on " + address_port;
    const auto address = resolve(address_port);
    if (!address) {
        return Unexpected{Error{0, what + ": not an address and port"}};
    }
    Fd listener{socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    const int on = 1;
    if (listener.get() < 0 ||
        setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(listener.get(), address->ai_addr, address->ai_addrlen) != 0 ||
        listen(listener.get(), kBacklog) != 0) {
        return Unexpected{system_error(errno, what)};
    }
    Fd wake{eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
    if (wake.get() < 0) {
        return Unexpected{system_error(errno, what)};
    }
    return std::unique_ptr<HttpServer>{new HttpServer{
        std::make_unique<Loop>(std::move(listener), std::move(wake), std::move(handlers))}};
}

}  // namespace xdhcpd::metrics
