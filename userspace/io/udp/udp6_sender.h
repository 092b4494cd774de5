// Udp6Sender: sends single datagrams from the server's DHCPv6 port, by the kernel's routing, and
// receives nothing. For messages that answer none, off the path of packets. One thread.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "base/addresses.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/result.h"
#include "io/udp/udp_socket.h"

namespace xdhcpd {

class Udp6Sender {
  public:
    // Ports below 1024 need CAP_NET_BIND_SERVICE.
    [[nodiscard]] static Result<Udp6Sender, Error> open(std::uint16_t server_port);

    // `interface`: of a link-local destination; else empty. The kernel chooses the source. Errors
    // name the destination.
    [[nodiscard]] Result<Success, Error> send(const Ipv6& destination, std::uint16_t port,
                                              const std::string& interface, ByteView payload) const;

  private:
    explicit Udp6Sender(UdpSocket socket) noexcept : socket_{std::move(socket)} {}

    UdpSocket socket_;
};

}  // namespace xdhcpd
