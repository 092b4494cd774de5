#include "metrics/http_server.h"

#include <microhttpd.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

namespace xdhcpd::metrics {
namespace {

constexpr int kBacklog = 64;
constexpr unsigned int kMaxConnections = 32;  // more wait in the backlog
constexpr unsigned int kIdleSeconds = 10;     // a connection that is silent so long is closed
constexpr std::size_t kConnectionMemory = std::size_t{16}
                                          << 10;  // head of a request and of its answer
constexpr const char* kTextType = "text/plain; charset=utf-8";
constexpr const char* kMetricsType = "text/plain; version=0.0.4; charset=utf-8";

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
    const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
    if (bracketed) {
        host = host.substr(1, host.size() - 2);
    }
    addrinfo hints{};
    hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_family = bracketed ? AF_INET6 : AF_INET;
    addrinfo* found = nullptr;
    if (host.empty() ||
        getaddrinfo(host.c_str(), address_port.c_str() + colon + 1, &hints, &found) != 0) {
        return nullptr;
    }
    return std::unique_ptr<addrinfo, FreeAddresses>{found};
}

// A listening socket, or -1 with errno set.
[[nodiscard]] int listen_on(const addrinfo& address) noexcept {
    const int fd = socket(address.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return -1;
    }
    const int on = 1;
    static_cast<void>(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on));
    if (bind(fd, address.ai_addr, address.ai_addrlen) == 0 && listen(fd, kBacklog) == 0) {
        return fd;
    }
    const int error = errno;
    close(fd);
    errno = error;
    return -1;
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

// The daemon of libmicrohttpd with one thread of its own, on which the handlers run.
class HttpServer::Daemon {
  public:
    Daemon(HttpHandlers handlers, std::uint16_t port)
        : handlers_{std::move(handlers)}, port_{port} {}
    Daemon(const Daemon&) = delete;
    Daemon& operator=(const Daemon&) = delete;
    ~Daemon() {
        if (daemon_ != nullptr) {
            MHD_stop_daemon(daemon_);  // closes the listening socket too
        }
    }

    // Takes over `listen_fd` when it returns true.
    [[nodiscard]] bool start(int listen_fd) {
        daemon_ = MHD_start_daemon(
            MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL | MHD_USE_ITC, 0, nullptr, nullptr,
            &Daemon::on_request, this, MHD_OPTION_LISTEN_SOCKET, listen_fd,
            MHD_OPTION_CONNECTION_LIMIT, kMaxConnections, MHD_OPTION_CONNECTION_TIMEOUT,
            kIdleSeconds, MHD_OPTION_CONNECTION_MEMORY_LIMIT, kConnectionMemory, MHD_OPTION_END);
        return daemon_ != nullptr;
    }
    [[nodiscard]] std::uint16_t port() const noexcept { return port_; }

  private:
    // Called by libmicrohttpd, first with the head of a request, then with its body if it has one.
    static MHD_Result on_request(void* self, MHD_Connection* connection, const char* url,
                                 const char* method, const char* /*version*/,
                                 const char* /*upload*/, std::size_t* upload_len,
                                 void** /*state*/) {
        *upload_len = 0;
        return static_cast<const Daemon*>(self)->answer(connection, url, method);
    }

    [[nodiscard]] MHD_Result answer(MHD_Connection* connection, std::string_view url,
                                    std::string_view method) const {
        if (method != MHD_HTTP_METHOD_GET && method != MHD_HTTP_METHOD_HEAD) {
            return reply(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "GET or HEAD\n", kTextType);
        }
        if (url == "/metrics") {
            return reply(connection, MHD_HTTP_OK, handlers_.metrics_text(), kMetricsType);
        }
        if (url == "/healthz") {
            const Health health = handlers_.health();
            return reply(connection, health.ok ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE,
                         health.ok ? "ok\n" : health.reason + "\n", kTextType);
        }
        return reply(connection, MHD_HTTP_NOT_FOUND, "/metrics or /healthz\n", kTextType);
    }

    [[nodiscard]] static MHD_Result reply(MHD_Connection* connection, unsigned int status,
                                          std::string body, const char* type) {
        MHD_Response* const response =
            MHD_create_response_from_buffer(body.size(), body.data(), MHD_RESPMEM_MUST_COPY);
        if (response == nullptr) {
            return MHD_NO;  // out of memory: the connection is closed
        }
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
        if (status == MHD_HTTP_METHOD_NOT_ALLOWED) {
            MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
        }
        const MHD_Result queued = MHD_queue_response(connection, status, response);
        MHD_destroy_response(response);
        return queued;
    }

    HttpHandlers handlers_;
    std::uint16_t port_;
    MHD_Daemon* daemon_ = nullptr;
};

HttpServer::HttpServer(std::unique_ptr<Daemon> daemon) : daemon_{std::move(daemon)} {}

HttpServer::~HttpServer() = default;

Result<std::unique_ptr<HttpServer>, Error> HttpServer::open(const std::string& address_port,
                                                            HttpHandlers handlers) {
    const std::string what = "listen on " + address_port;
    const auto address = resolve(address_port);
    if (!address) {
        return Unexpected{Error{EINVAL, what + ": ADDRESS:PORT or [ADDRESS]:PORT was meant"}};
    }
    const int fd = listen_on(*address);
    if (fd < 0) {
        return Unexpected{system_error(errno, what)};
    }
    auto daemon = std::make_unique<Daemon>(std::move(handlers), local_port(fd));
    if (!daemon->start(fd)) {
        close(fd);
        return Unexpected{Error{0, what + ": the HTTP library cannot start its thread"}};
    }
    return std::unique_ptr<HttpServer>{new HttpServer{std::move(daemon)}};
}

std::uint16_t HttpServer::port() const noexcept {
    return daemon_->port();
}

}  // namespace xdhcpd::metrics
