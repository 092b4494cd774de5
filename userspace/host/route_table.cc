#include "host/route_table.h"

#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>

namespace xdhcpd::host {
namespace {

constexpr timeval kReceiveTimeout{5, 0};
constexpr std::size_t kBufferLen = 32768;
constexpr std::size_t kMaxDatagrams = 1u << 20;  // bounds a dump

// A route of ours, or nothing.
[[nodiscard]] std::optional<Route6> parse_route(const nlmsghdr* message) {
    if (message->nlmsg_type != RTM_NEWROUTE || mnl_nlmsg_get_payload_len(message) < sizeof(rtmsg)) {
        return std::nullopt;
    }
    const auto* const body = static_cast<const rtmsg*>(mnl_nlmsg_get_payload(message));
    if (body->rtm_family != AF_INET6 || body->rtm_protocol != kRouteProtocol) {
        return std::nullopt;
    }
    Route6 route;
    route.prefix.length = body->rtm_dst_len;
    for (const nlattr* attribute =
             static_cast<const nlattr*>(mnl_nlmsg_get_payload_offset(message, sizeof(rtmsg)));
         mnl_attr_ok(attribute, static_cast<int>(
                                    static_cast<const char*>(mnl_nlmsg_get_payload_tail(message)) -
                                    reinterpret_cast<const char*>(attribute)));
         attribute = mnl_attr_next(attribute)) {
        const auto* const value = static_cast<const std::byte*>(mnl_attr_get_payload(attribute));
        const std::size_t len = mnl_attr_get_payload_len(attribute);
        switch (mnl_attr_get_type(attribute)) {
            case RTA_DST:
                if (len == Ipv6::kLen) {
                    route.prefix.address = Ipv6::load(value);
                }
                break;
            case RTA_GATEWAY:
                if (len == Ipv6::kLen) {
                    route.next_hop = Ipv6::load(value);
                }
                break;
            case RTA_OIF:
                if (len == sizeof route.ifindex) {
                    std::memcpy(&route.ifindex, value, sizeof route.ifindex);
                }
                break;
            default:
                break;
        }
    }
    return route;
}

}  // namespace

Result<std::unique_ptr<RouteTable>, Error> RouteTable::open() {
    mnl_socket* const socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
    if (socket == nullptr) {
        return Unexpected{system_error(errno, "open netlink socket for routes")};
    }
    std::unique_ptr<RouteTable> table{new RouteTable{socket}};
    if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0 ||
        ::setsockopt(mnl_socket_get_fd(socket), SOL_SOCKET, SO_RCVTIMEO, &kReceiveTimeout,
                     sizeof kReceiveTimeout) != 0) {
        return Unexpected{system_error(errno, "bind netlink socket for routes")};
    }
    return table;
}

RouteTable::~RouteTable() {
    static_cast<void>(mnl_socket_close(socket_));
}

int RouteTable::change(std::uint16_t type, std::uint16_t flags, const Ipv6Prefix& prefix,
                       const Route6* route) {
    alignas(nlmsghdr) std::array<char, 512> buffer{};
    nlmsghdr* const header = mnl_nlmsg_put_header(buffer.data());
    header->nlmsg_type = type;
    header->nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | NLM_F_ACK | flags);
    header->nlmsg_seq = ++sequence_;
    auto* const body = static_cast<rtmsg*>(mnl_nlmsg_put_extra_header(header, sizeof(rtmsg)));
    body->rtm_family = AF_INET6;
    body->rtm_dst_len = prefix.length;
    body->rtm_table = RT_TABLE_MAIN;
    body->rtm_protocol = kRouteProtocol;
    body->rtm_scope = RT_SCOPE_UNIVERSE;
    body->rtm_type = RTN_UNICAST;
    mnl_attr_put(header, RTA_DST, Ipv6::kLen, prefix.network().octets.data());
    if (route != nullptr) {
        mnl_attr_put(header, RTA_GATEWAY, Ipv6::kLen, route->next_hop.octets.data());
        mnl_attr_put_u32(header, RTA_OIF, route->ifindex);
    }
    if (mnl_socket_sendto(socket_, header, header->nlmsg_len) < 0) {
        return errno;
    }
    alignas(nlmsghdr) std::array<char, 4096> answer;
    while (true) {
        const ssize_t len = mnl_socket_recvfrom(socket_, answer.data(), answer.size());
        if (len < 0) {
            return errno;
        }
        const auto* const message = reinterpret_cast<const nlmsghdr*>(answer.data());
        if (!mnl_nlmsg_ok(message, static_cast<int>(len)) || message->nlmsg_seq != sequence_ ||
            message->nlmsg_type != NLMSG_ERROR ||
            mnl_nlmsg_get_payload_len(message) < sizeof(nlmsgerr)) {
            continue;  // of an earlier request whose answer nobody waited for
        }
        return -static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(message))->error;
    }
}

Result<Success, Error> RouteTable::add(const Route6& route) {
    constexpr std::uint16_t kNew = NLM_F_CREATE | NLM_F_EXCL;
    int error = change(RTM_NEWROUTE, kNew, route.prefix, &route);
    if (error == EEXIST) {
        // NLM_F_REPLACE would take the route of anybody.
        error = change(RTM_DELROUTE, 0, route.prefix, nullptr);
        error = error == 0 ? change(RTM_NEWROUTE, kNew, route.prefix, &route) : EEXIST;
    }
    if (error != 0) {
        return Unexpected{system_error(error, "route to delegated prefix " +
                                                  to_string(route.prefix) + " via " +
                                                  to_string(route.next_hop))};
    }
    return Success{};
}

Result<Success, Error> RouteTable::remove(const Ipv6Prefix& prefix) {
    const int error = change(RTM_DELROUTE, 0, prefix, nullptr);
    if (error != 0 && error != ESRCH) {
        return Unexpected{
            system_error(error, "remove route to delegated prefix " + to_string(prefix))};
    }
    return Success{};
}

Result<std::vector<Route6>, Error> RouteTable::list() {
    alignas(nlmsghdr) std::array<char, kBufferLen> buffer{};
    nlmsghdr* const header = mnl_nlmsg_put_header(buffer.data());
    header->nlmsg_type = RTM_GETROUTE;
    header->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    header->nlmsg_seq = ++sequence_;
    auto* const body = static_cast<rtmsg*>(mnl_nlmsg_put_extra_header(header, sizeof(rtmsg)));
    body->rtm_family = AF_INET6;
    if (mnl_socket_sendto(socket_, header, header->nlmsg_len) < 0) {
        return Unexpected{system_error(errno, "ask for routes")};
    }
    std::vector<Route6> routes;
    for (std::size_t i = 0; i < kMaxDatagrams; ++i) {
        const ssize_t len = mnl_socket_recvfrom(socket_, buffer.data(), buffer.size());
        if (len < 0) {
            return Unexpected{system_error(errno, "read routes")};
        }
        int left = static_cast<int>(len);
        for (const auto* message = reinterpret_cast<const nlmsghdr*>(buffer.data());
             mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left)) {
            if (message->nlmsg_seq != sequence_) {
                continue;
            }
            if (message->nlmsg_type == NLMSG_DONE) {
                return routes;
            }
            if (message->nlmsg_type == NLMSG_ERROR) {
                return Unexpected{system_error(EIO, "read routes")};
            }
            if (const auto route = parse_route(message)) {
                routes.push_back(*route);
            }
        }
    }
    return Unexpected{system_error(E2BIG, "read routes")};
}

}  // namespace xdhcpd::host
