// RouteTable: routes to delegated prefixes in the kernel's main table. They carry a protocol number
// of their own, by which they are found again after a crash; routes of others are never changed.
// One thread. Needs CAP_NET_ADMIN to change anything.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "base/addresses.h"
#include "base/error.h"
#include "base/result.h"

struct mnl_socket;

namespace xdhcpd::host {

// Protocol of our routes (rtnetlink(7), rtm_protocol): not in the lists of iproute2 or the kernel.
inline constexpr std::uint8_t kRouteProtocol = 0x78;

struct Route6 {
    Ipv6Prefix prefix;
    Ipv6 next_hop;  // link-local, on `ifindex`
    std::uint32_t ifindex = 0;
    auto operator<=>(const Route6&) const = default;
};

class RouteTable {
  public:
    [[nodiscard]] static Result<std::unique_ptr<RouteTable>, Error> open();
    RouteTable(const RouteTable&) = delete;
    RouteTable& operator=(const RouteTable&) = delete;
    ~RouteTable();

    // Each is one round trip to the kernel, some 10 us.
    // A route of ours to the same prefix gives way. EEXIST: somebody else has one.
    [[nodiscard]] Result<Success, Error> add(const Route6& route);
    // Ours only; that there is none is no error.
    [[nodiscard]] Result<Success, Error> remove(const Ipv6Prefix& prefix);
    // All of ours.
    [[nodiscard]] Result<std::vector<Route6>, Error> list();

  private:
    explicit RouteTable(mnl_socket* socket) noexcept : socket_{socket} {}
    // 0 or an errno.
    [[nodiscard]] int change(std::uint16_t type, std::uint16_t flags, const Ipv6Prefix& prefix,
                             const Route6* route);

    mnl_socket* socket_;
    std::uint32_t sequence_ = 0;
};

}  // namespace xdhcpd::host
