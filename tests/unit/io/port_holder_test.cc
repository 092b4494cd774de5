// PortHolder on the loopback interface, with a port that the kernel chooses: no privileges.
#include "io/udp/port_holder.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <utility>

namespace xdhcpd {
namespace {

[[nodiscard]] sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    return address;
}

// Sends one datagram to the port from a connected socket; the errno that comes back, 0 if none
// does.
[[nodiscard]] int knock(std::uint16_t port) {
    const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const sockaddr_in address = loopback(port);
    EXPECT_EQ(::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::send(fd, "x", 1, 0), 1);
    pollfd ready{.fd = fd, .events = POLLIN, .revents = 0};
    static_cast<void>(::poll(&ready, 1, 200));
    int error = 0;
    socklen_t error_len = sizeof error;
    EXPECT_EQ(::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &error_len), 0);
    static_cast<void>(::close(fd));
    return error;
}

TEST(PortHolder, KeepsThePortFromBeingUnreachable) {
    auto opened = PortHolder::open("lo", 0);
    ASSERT_TRUE(opened) << opened.error().message;
    std::optional<PortHolder> holder{std::move(*opened)};
    const std::uint16_t port = holder->port();
    ASSERT_NE(port, 0);
    EXPECT_EQ(knock(port), 0);
    holder.reset();
    EXPECT_EQ(knock(port), ECONNREFUSED);  // what it is there against
}

TEST(PortHolder, SharesAPortWithThoseWhoShareIt) {
    auto first = PortHolder::open("lo", 0);
    ASSERT_TRUE(first) << first.error().message;
    const auto second = PortHolder::open("lo", first->port());
    EXPECT_TRUE(second) << second.error().message;
}

TEST(PortHolder, NamesThePortThatAnotherProgramHasForItself) {
    const int other = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_in address = loopback(0);
    ASSERT_EQ(::bind(other, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    socklen_t address_len = sizeof address;
    ASSERT_EQ(::getsockname(other, reinterpret_cast<sockaddr*>(&address), &address_len), 0);
    const std::uint16_t port = ntohs(address.sin_port);
    const auto refused = PortHolder::open("lo", port);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().errno_value, EADDRINUSE);
    EXPECT_EQ(refused.error().message, "bind UDP socket to 0.0.0.0 port " + std::to_string(port) +
                                           " on lo: Address already in use");
    static_cast<void>(::close(other));
}

TEST(PortHolder, NamesAnInterfaceThatDoesNotExist) {
    const auto refused = PortHolder::open("no-such-if", 0);
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message.find("interface no-such-if"), std::string::npos);
}

}  // namespace
}  // namespace xdhcpd
