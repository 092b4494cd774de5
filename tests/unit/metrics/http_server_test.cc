#include "metrics/http_server.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

namespace xdhcpd::metrics {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// A client's connection to a port of this host.
class Connection {
  public:
    explicit Connection(std::uint16_t port, int family = AF_INET)
        : fd_{socket(family, SOCK_STREAM, 0)} {
        const timeval patience{5, 0};
        setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        if (family == AF_INET) {
            sockaddr_in address{};
            address.sin_family = AF_INET;
            address.sin_port = htons(port);
            address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
            connected_ = connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
        } else {
            sockaddr_in6 address{};
            address.sin6_family = AF_INET6;
            address.sin6_port = htons(port);
            address.sin6_addr = in6addr_loopback;
            connected_ = connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
        }
    }
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;
    ~Connection() { close(fd_); }

    [[nodiscard]] bool connected() const { return connected_; }
    void transmit(std::string_view text) const {
        EXPECT_EQ(send(fd_, text.data(), text.size(), MSG_NOSIGNAL),
                  static_cast<ssize_t>(text.size()));
    }
    // All that comes until the server closes.
    [[nodiscard]] std::string receive() const {
        std::string all;
        char buffer[4096];
        for (ssize_t len = 0; (len = recv(fd_, buffer, sizeof buffer, 0)) > 0;) {
            all.append(buffer, static_cast<std::size_t>(len));
        }
        return all;
    }

  private:
    int fd_;
    bool connected_ = false;
};

class HttpServerTest : public ::testing::Test {
  protected:
    void start(const std::string& address_port = "127.0.0.1:0") {
        auto server = HttpServer::open(address_port, {[this] {
                                                          ++scrapes_;
                                                          return page_;
                                                      },
                                                      [this] {
                                                          return Health{reason_.empty(), reason_};
                                                      }});
        ASSERT_TRUE(server) << server.error().message;
        server_ = std::move(*server);
    }
    [[nodiscard]] std::string ask(std::string_view request) const {
        const Connection connection{server_->port()};
        EXPECT_TRUE(connection.connected());
        connection.transmit(request);
        return connection.receive();
    }

    std::string page_ = "xdhcpd_up 1\n";
    std::string reason_;
    std::atomic<int> scrapes_{0};
    std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpServerTest, ServesMetricsInTheTextFormat) {
    start();
    const std::string answer = ask("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_THAT(answer,
                HasSubstr("\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
    EXPECT_THAT(answer, EndsWith("\r\n\r\nxdhcpd_up 1\n"));
    EXPECT_EQ(scrapes_, 1);
}

TEST_F(HttpServerTest, ServesHealthAndItsReason) {
    start();
    EXPECT_THAT(ask("GET /healthz HTTP/1.0\r\n\r\n"), EndsWith("\r\n\r\nok\n"));
    reason_ = "worker 0 stands still since 7 s";
    const std::string answer = ask("GET /healthz HTTP/1.0\r\n\r\n");
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 503 Service Unavailable\r\n"));
    EXPECT_THAT(answer, EndsWith("\r\n\r\nworker 0 stands still since 7 s\n"));
}

TEST_F(HttpServerTest, RefusesOtherPagesMethodsAndProtocols) {
    start();
    EXPECT_THAT(ask("GET / HTTP/1.1\r\n\r\n"), StartsWith("HTTP/1.1 404 "));
    EXPECT_THAT(ask("GET /metrics/x HTTP/1.1\r\n\r\n"), StartsWith("HTTP/1.1 404 "));
    EXPECT_THAT(ask("POST /metrics HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc"),
                StartsWith("HTTP/1.1 405 "));
    EXPECT_EQ(ask("nonsense\r\n\r\n"), "");  // closed
    EXPECT_EQ(scrapes_, 0);
}

TEST_F(HttpServerTest, AnswersHeadWithoutBody) {
    start();
    const std::string answer = ask("HEAD /metrics HTTP/1.1\r\n\r\n");
    EXPECT_THAT(answer, HasSubstr("\r\nContent-Length: 12\r\n"));
    EXPECT_THAT(answer, EndsWith("\r\n\r\n"));
}

TEST_F(HttpServerTest, TakesRequestsInPieces) {
    start();
    const Connection connection{server_->port()};
    for (const char* const piece : {"GET /hea", "lthz HTTP/1.1\r", "\nHost: a\r\n", "\r\n"}) {
        connection.transmit(piece);
        std::this_thread::sleep_for(std::chrono::milliseconds{5});
    }
    EXPECT_THAT(connection.receive(), EndsWith("ok\n"));
}

TEST_F(HttpServerTest, RefusesEndlessHeads) {
    start();
    EXPECT_THAT(ask("GET /metrics HTTP/1.1\r\n" + std::string(40'000, 'x')),
                StartsWith("HTTP/1.1 431 "));
}

TEST_F(HttpServerTest, ServesOthersWhileOneIsSilentAndOneDoesNotRead) {
    page_.assign(std::size_t{8} << 20, 'x');  // more than the kernel buffers
    start();
    const Connection silent{server_->port()};
    const Connection lazy{server_->port()};
    lazy.transmit("GET /metrics HTTP/1.1\r\n\r\n");
    EXPECT_THAT(ask("GET /healthz HTTP/1.1\r\n\r\n"), EndsWith("ok\n"));
    EXPECT_THAT(lazy.receive(), EndsWith("\r\n\r\n" + page_));  // all of it, once it does read
}

TEST_F(HttpServerTest, SurvivesClientsThatLeave) {
    page_.assign(std::size_t{8} << 20, 'x');
    start();
    for (int i = 0; i < 20; ++i) {
        const Connection connection{server_->port()};
        connection.transmit(i % 2 == 0 ? "GET /metrics HTTP/1.1\r\n\r\n" : "GET /me");
    }
    EXPECT_THAT(ask("GET /healthz HTTP/1.1\r\n\r\n"), EndsWith("ok\n"));
}

TEST_F(HttpServerTest, AnswersManyClientsAtATime) {
    start();
    std::atomic<int> good{0};
    std::vector<std::thread> clients;
    for (int i = 0; i < 8; ++i) {
        clients.emplace_back([&] {
            for (int k = 0; k < 20; ++k) {
                good += ask("GET /metrics HTTP/1.1\r\n\r\n").ends_with("xdhcpd_up 1\n") ? 1 : 0;
            }
        });
    }
    for (std::thread& client : clients) {
        client.join();
    }
    EXPECT_EQ(good, 160);
}

TEST_F(HttpServerTest, ListensOnIpv6) {
    auto server =
        HttpServer::open("[::1]:0", {[] { return std::string{}; }, [] { return Health{}; }});
    if (!server) {
        GTEST_SKIP() << server.error().message;
    }
    const Connection connection{(*server)->port(), AF_INET6};
    ASSERT_TRUE(connection.connected());
    connection.transmit("GET /healthz HTTP/1.1\r\n\r\n");
    EXPECT_THAT(connection.receive(), EndsWith("ok\n"));
}

TEST_F(HttpServerTest, SaysWhichAddressIsInUse) {
    start();
    const std::string address = "127.0.0.1:" + std::to_string(server_->port());
    const auto second = HttpServer::open(address, {});
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().message, "listen on " + address + ": Address already in use");
    EXPECT_EQ(second.error().errno_value, EADDRINUSE);
}

TEST_F(HttpServerTest, RefusesWhatIsNoAddress) {
    for (const char* const address : {"", "9767", ":9767", "127.0.0.1", "127.0.0.1:", "localhost:1",
                                      "127.0.0.1:http", "[::1]", "::1"}) {
        EXPECT_FALSE(HttpServer::open(address, {})) << address;
    }
}

TEST_F(HttpServerTest, EndsWithConnectionsOpen) {
    start();
    const Connection connection{server_->port()};
    ASSERT_TRUE(connection.connected());
    server_.reset();
    EXPECT_EQ(connection.receive(), "");
}

}  // namespace
}  // namespace xdhcpd::metrics
