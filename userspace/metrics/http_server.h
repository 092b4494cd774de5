// HttpServer: metrics and health over HTTP, for Prometheus and load balancers. Has a thread of its
// own, on which the handlers run: a handler may only read what any thread may read.
//
// Small on purpose, for it stands beside a server of the network: one request per connection,
// bounded in connections, length and time; a client that is slow or silent keeps nobody else
// waiting.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/error.h"
#include "base/result.h"

namespace xdhcpd::metrics {

struct Health {
    bool ok = true;
    std::string reason;  // why not, one line
};

struct HttpHandlers {
    std::function<std::string()> metrics_text;  // text exposition format 0.0.4
    std::function<Health()> health;
};

// GET and HEAD of /metrics and /healthz (200 "ok", or 503 with the reason); 404 and 405 otherwise.
class HttpServer {
  public:
    // `address_port`: "127.0.0.1:9767", "[::1]:9767"; port 0 takes a free one. Error: "listen on
    // 127.0.0.1:9767: Address already in use".
    [[nodiscard]] static Result<std::unique_ptr<HttpServer>, Error> open(
        const std::string& address_port, HttpHandlers handlers);
    HttpServer(const HttpServer&) = delete;
    HttpServer& operator=(const HttpServer&) = delete;
    // Afterwards no handler runs.
    ~HttpServer();

    // The port it listens on.
    [[nodiscard]] std::uint16_t port() const noexcept;

  private:
    class Daemon;
    explicit HttpServer(std::unique_ptr<Daemon> daemon);

    std::unique_ptr<Daemon> daemon_;
};

}  // namespace xdhcpd::metrics
