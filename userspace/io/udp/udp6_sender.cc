#include "io/udp/udp6_sender.h"

#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace xdhcpd {

Result<Udp6Sender, Error> Udp6Sender::open(std::uint16_t server_port) {
    auto socket = UdpSocket::open(
        AF_INET6, {.interface_name = "", .server_port = server_port, .role = PortRole::kRoute});
    if (!socket) {
        return Unexpected{socket.error()};
    }
    if (!socket->enable(IPPROTO_IPV6, IPV6_V6ONLY)) {
        return Unexpected{system_error(errno, "set options of IPv6 UDP socket")};
    }
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    if (auto bound = socket->bind(address); !bound) {
        return Unexpected{bound.error()};
    }
    return Udp6Sender{std::move(*socket)};
}

Result<Success, Error> Udp6Sender::send(const Ipv6& destination, std::uint16_t port,
                                        const std::string& interface, ByteView payload) const {
    const auto fail = [&](int error) {
        return Unexpected{system_error(error, "send to " + to_string(destination) +
                                                  (interface.empty() ? "" : "%" + interface))};
    };
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(port);
    std::memcpy(address.sin6_addr.s6_addr, destination.octets.data(), Ipv6::kLen);
    if (!interface.empty()) {
        address.sin6_scope_id = ::if_nametoindex(interface.c_str());
        if (address.sin6_scope_id == 0) {
            return fail(errno);
        }
    }
    if (::sendto(socket_.fd(), payload.data(), payload.size(), MSG_DONTWAIT,
                 reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0) {
        return fail(errno);
    }
    return Success{};
}

}  // namespace xdhcpd
