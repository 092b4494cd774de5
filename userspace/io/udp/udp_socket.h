// UdpSocket: opens the socket of UdpPort and Udp6Port, as far as both families do it alike.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/addresses.h"
#include "base/error.h"
#include "base/owned_fd.h"
#include "base/result.h"
#include "packet/port.h"

namespace xdhcpd {

struct UdpOptions {
    std::string interface_name;     // bind to this interface only; empty for all
    std::uint16_t server_port = 0;  // 0: the kernel chooses, see local_port()
    std::uint32_t rx_frame_count = 64;
    std::uint32_t tx_frame_count = 1024;
    std::uint32_t receive_buffer_len = 4 * 1024 * 1024;
    // kRoute: nothing is delivered, and what is sent goes where the kernel's routing says.
    PortRole role = PortRole::kDriver;
    // Beside a packet socket, which has copies of what the kernel's stack sees: deliver only
    // datagrams that came in fragments or behind extension headers, and those with more UDP payload
    // than this.
    std::optional<std::uint32_t> copied_payload_len{};
};

class UdpSocket {
  public:
    // Not bound to its port yet. `family`: AF_INET or AF_INET6.
    [[nodiscard]] static Result<UdpSocket, Error> open(int family, const UdpOptions& options);

    // Turns an option on.
    [[nodiscard]] bool enable(int level, int option) const noexcept;
    // To options().server_port of `address`, which has the family and whatever else is wanted.
    // Ports below 1024 need CAP_NET_BIND_SERVICE.
    template <typename Address>
    [[nodiscard]] Result<Success, Error> bind(Address address) {
        return bind_to(reinterpret_cast<sockaddr*>(&address), sizeof address);
    }

    [[nodiscard]] const UdpOptions& options() const noexcept { return options_; }
    [[nodiscard]] int fd() const noexcept { return fd_.get(); }
    [[nodiscard]] std::uint16_t local_port() const noexcept { return local_port_; }
    // Of the interface bound to; zero if bound to all.
    [[nodiscard]] std::uint32_t ifindex() const noexcept { return ifindex_; }
    [[nodiscard]] Mac mac() const noexcept { return mac_; }
    // Datagrams the kernel dropped because the receive buffer was full, since open; any thread may
    // ask.
    [[nodiscard]] std::uint64_t kernel_drops() const noexcept;

  private:
    UdpSocket(OwnedFd fd, std::string_view name, UdpOptions options) noexcept
        : fd_{std::move(fd)}, name_{name}, options_{std::move(options)} {}
    [[nodiscard]] Result<Success, Error> bind_to_interface();
    [[nodiscard]] Result<Success, Error> bind_to(sockaddr* address, socklen_t address_len);
    void set_receive_buffer() const noexcept;

    OwnedFd fd_;
    std::string_view name_;  // for messages
    UdpOptions options_;
    std::uint32_t ifindex_ = 0;
    Mac mac_{};
    std::uint16_t local_port_ = 0;
};

}  // namespace xdhcpd
