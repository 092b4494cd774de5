#include "io/udp/udp_socket.h"

#include <linux/filter.h>
#include <linux/sock_diag.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace xdhcpd {
namespace {

constexpr std::uint32_t kMaxFrameCount = 1U << 20;

[[nodiscard]] bool is_frame_count(std::uint32_t count) noexcept {
    return count > 0 && count <= kMaxFrameCount;
}

// The member of sockaddr_in and sockaddr_in6 that lies at the same place in both.
[[nodiscard]] in_port_t& port_of(sockaddr* address) noexcept {
    static_assert(offsetof(sockaddr_in, sin_port) == offsetof(sockaddr_in6, sin6_port));
    return reinterpret_cast<sockaddr_in*>(address)->sin_port;
}

}  // namespace

Result<UdpSocket, Error> UdpSocket::open(int family, const UdpOptions& options) {
    const std::string_view name = family == AF_INET6 ? "IPv6 UDP socket" : "UDP socket";
    if (options.interface_name.size() >= IFNAMSIZ || !is_frame_count(options.rx_frame_count) ||
        !is_frame_count(options.tx_frame_count)) {
        return Unexpected{system_error(EINVAL, std::string{name} + " options")};
    }
    UdpSocket socket{OwnedFd{::socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)}, name,
                     options};
    if (!socket.fd_.is_open()) {
        return Unexpected{system_error(errno, "open " + std::string{name})};
    }
    if (!socket.enable(SOL_SOCKET, SO_REUSEADDR)) {
        return Unexpected{system_error(errno, "set options of " + std::string{name})};
    }
    // Without it nothing is known of how long a datagram has waited.
    static_cast<void>(socket.enable(SOL_SOCKET, SO_TIMESTAMPNS));
    if (!options.interface_name.empty()) {
        if (auto bound = socket.bind_to_interface(); !bound) {
            return Unexpected{bound.error()};
        }
    }
    if (options.role == PortRole::kRoute) {
        // Others may listen on the same port, and sockets of ours do: nothing is queued here.
        std::array<sock_filter, 1> drop_all{{BPF_STMT(BPF_RET | BPF_K, 0)}};
        const sock_fprog program{.len = drop_all.size(), .filter = drop_all.data()};
        if (::setsockopt(socket.fd(), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) !=
            0) {
            return Unexpected{system_error(errno, "set filter of " + std::string{name})};
        }
    }
    socket.set_receive_buffer();
    return socket;
}

bool UdpSocket::enable(int level, int option) const noexcept {
    const int on = 1;
    return ::setsockopt(fd(), level, option, &on, sizeof on) == 0;
}

Result<Success, Error> UdpSocket::bind_to_interface() {
    const std::string& interface = options_.interface_name;
    if (::setsockopt(fd(), SOL_SOCKET, SO_BINDTODEVICE, interface.c_str(),
                     static_cast<socklen_t>(interface.size())) != 0) {
        return Unexpected{
            system_error(errno, "bind " + std::string{name_} + " to interface " + interface)};
    }
    ifindex_ = ::if_nametoindex(interface.c_str());
    if (ifindex_ == 0) {
        return Unexpected{system_error(errno, "interface " + interface)};
    }
    ifreq request{};
    interface.copy(request.ifr_name, sizeof request.ifr_name - 1);
    if (::ioctl(fd(), SIOCGIFHWADDR, &request) != 0) {
        return Unexpected{system_error(errno, "read MAC address of " + interface)};
    }
    std::memcpy(mac_.octets.data(), request.ifr_hwaddr.sa_data, Mac::kLen);
    return Success{};
}

void UdpSocket::set_receive_buffer() const noexcept {
    const int len = static_cast<int>(
        std::min<std::uint32_t>(options_.receive_buffer_len, std::uint32_t{1} << 30));
    if (::setsockopt(fd(), SOL_SOCKET, SO_RCVBUFFORCE, &len, sizeof len) != 0) {
        static_cast<void>(::setsockopt(fd(), SOL_SOCKET, SO_RCVBUF, &len, sizeof len));
    }
}

Result<Success, Error> UdpSocket::bind_to(sockaddr* address, socklen_t address_len) {
    port_of(address) = htons(options_.server_port);
    if (::bind(fd(), address, address_len) != 0) {
        const std::string& interface = options_.interface_name;
        return Unexpected{system_error(errno, "bind " + std::string{name_} + " to port " +
                                                  std::to_string(options_.server_port) +
                                                  (interface.empty() ? "" : " on " + interface))};
    }
    if (::getsockname(fd(), address, &address_len) != 0) {
        return Unexpected{system_error(errno, "read address of " + std::string{name_})};
    }
    local_port_ = ntohs(port_of(address));
    return Success{};
}

std::uint64_t UdpSocket::kernel_drops() const noexcept {
    std::array<std::uint32_t, SK_MEMINFO_VARS> info{};
    socklen_t info_len = sizeof info;
    if (::getsockopt(fd(), SOL_SOCKET, SO_MEMINFO, info.data(), &info_len) != 0) {
        return 0;
    }
    return info[SK_MEMINFO_DROPS];
}

}  // namespace xdhcpd
