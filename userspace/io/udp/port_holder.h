// PortHolder: keeps the server's UDP port of an interface open and reads nothing. The packet driver
// sees copies of frames, and XDP passes some: without a socket on the port the kernel's stack
// answers those that are addressed to this host with ICMP port unreachable, and clients may believe
// it. A filter drops every datagram before it is queued. The socket takes unicast requests on this
// interface away from other programs that share the port. Any thread.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/result.h"

namespace xdhcpd {

class PortHolder {
  public:
    // `server_port` 0: the kernel chooses, see port(). Ports below 1024 need CAP_NET_BIND_SERVICE.
    // An error names address, port and interface; EADDRINUSE: another program has the port for
    // itself.
    [[nodiscard]] static Result<PortHolder, Error> open(const std::string& interface_name,
                                                        std::uint16_t server_port);
    PortHolder(PortHolder&& other) noexcept
        : fd_{std::exchange(other.fd_, -1)}, port_{other.port_} {}
    PortHolder& operator=(PortHolder&& other) noexcept {
        std::swap(fd_, other.fd_);
        std::swap(port_, other.port_);
        return *this;
    }
    PortHolder(const PortHolder&) = delete;
    PortHolder& operator=(const PortHolder&) = delete;
    ~PortHolder();

    [[nodiscard]] std::uint16_t port() const noexcept { return port_; }

  private:
    explicit PortHolder(int fd) noexcept : fd_{fd} {}

    int fd_;  // -1: moved from
    std::uint16_t port_ = 0;
};

}  // namespace xdhcpd
