#include "io/udp/port_holder.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace xdhcpd {

Result<PortHolder, Error> PortHolder::open(const std::string& interface_name,
                                           std::uint16_t server_port) {
    PortHolder holder{::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    if (holder.fd_ < 0) {
        return Unexpected{system_error(errno, "open UDP socket")};
    }
    // Before the socket is bound, so that nothing is ever queued.
    std::array<sock_filter, 1> drop_all{{BPF_STMT(BPF_RET | BPF_K, 0)}};
    const sock_fprog program{.len = drop_all.size(), .filter = drop_all.data()};
    const int on = 1;
    if (::setsockopt(holder.fd_, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) != 0 ||
        ::setsockopt(holder.fd_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0) {
        return Unexpected{system_error(errno, "set options of UDP socket")};
    }
    if (::setsockopt(holder.fd_, SOL_SOCKET, SO_BINDTODEVICE, interface_name.c_str(),
                     static_cast<socklen_t>(interface_name.size())) != 0) {
        return Unexpected{system_error(errno, "bind UDP socket to interface " + interface_name)};
    }
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_ANY);
    address.sin_port = htons(server_port);
    if (::bind(holder.fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        return Unexpected{system_error(errno, "bind UDP socket to 0.0.0.0 port " +
                                                  std::to_string(server_port) + " on " +
                                                  interface_name)};
    }
    socklen_t address_len = sizeof address;
    if (::getsockname(holder.fd_, reinterpret_cast<sockaddr*>(&address), &address_len) != 0) {
        return Unexpected{system_error(errno, "read address of UDP socket")};
    }
    holder.port_ = ntohs(address.sin_port);
    return holder;
}

PortHolder::~PortHolder() {
    if (fd_ >= 0) {
        static_cast<void>(::close(fd_));
    }
}

}  // namespace xdhcpd
