#include "host/host.h"

#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <cerrno>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "host/netlink_messages.h"

namespace xdhcpd::host {
namespace {

// A dump is repeated at most so often; somebody who changes interfaces all the time must not stop
// us.
constexpr int kMaxAttempts = 10;
// The kernel answers at once; without it we would hang for ever if it did not.
constexpr timeval kReceiveTimeout{5, 0};
// The kernel never puts more into one datagram of a dump.
constexpr std::size_t kBufferLen = 32768;
// Beyond any machine: a host with more is misread rather than served.
constexpr std::size_t kMaxMessages = std::size_t{1} << 20;

struct CloseSocket {
    void operator()(mnl_socket* socket) const noexcept {
        static_cast<void>(mnl_socket_close(socket));
    }
};
using Socket = std::unique_ptr<mnl_socket, CloseSocket>;
using Visit = std::function<void(ByteView)>;

enum class DumpEnd : std::uint8_t { kDone, kInterrupted };

[[nodiscard]] Error netlink_error(int errno_value) {
    return system_error(errno_value, "read interfaces and addresses by netlink");
}

[[nodiscard]] Result<Success, Error> request_dump(mnl_socket* socket, std::uint16_t type,
                                                  std::uint8_t family, std::uint32_t sequence) {
    alignas(nlmsghdr) std::array<std::byte, 64> buffer{};
    nlmsghdr* const header = mnl_nlmsg_put_header(buffer.data());
    header->nlmsg_type = type;
    header->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    header->nlmsg_seq = sequence;
    if (type == RTM_GETLINK) {
        static_cast<void>(mnl_nlmsg_put_extra_header(header, sizeof(ifinfomsg)));
    } else {
        auto* const body =
            static_cast<ifaddrmsg*>(mnl_nlmsg_put_extra_header(header, sizeof(ifaddrmsg)));
        body->ifa_family = family;
    }
    if (mnl_socket_sendto(socket, header, header->nlmsg_len) < 0) {
        return Unexpected{netlink_error(errno)};
    }
    return Success{};
}

// Reads the answer to its end, also when it was interrupted, so that the socket is clean again.
[[nodiscard]] Result<DumpEnd, Error> read_dump(mnl_socket* socket, std::uint32_t sequence,
                                               const Visit& visit) {
    alignas(nlmsghdr) static thread_local std::array<std::byte, kBufferLen> buffer;
    DumpEnd end = DumpEnd::kDone;
    for (std::size_t count = 0; count < kMaxMessages;) {
        const ssize_t len = mnl_socket_recvfrom(socket, buffer.data(), buffer.size());
        if (len < 0 && errno == EINTR) {
            continue;
        }
        if (len <= 0) {
            return Unexpected{netlink_error(len == 0 ? EPROTO : errno)};
        }
        int rest = static_cast<int>(len);
        for (const auto* message = reinterpret_cast<const nlmsghdr*>(buffer.data());
             mnl_nlmsg_ok(message, rest); message = mnl_nlmsg_next(message, &rest), ++count) {
            if (message->nlmsg_seq != sequence) {
                continue;
            }
            if ((message->nlmsg_flags & NLM_F_DUMP_INTR) != 0) {
                end = DumpEnd::kInterrupted;
            }
            if (message->nlmsg_type == NLMSG_DONE) {
                return end;
            }
            if (message->nlmsg_type == NLMSG_ERROR) {
                const auto* const error =
                    static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(message));
                const bool complete = mnl_nlmsg_get_payload_len(message) >= sizeof *error;
                return Unexpected{netlink_error(complete ? -error->error : EPROTO)};
            }
            visit({reinterpret_cast<const std::byte*>(message), message->nlmsg_len});
        }
    }
    return Unexpected{netlink_error(EOVERFLOW)};
}

// Calls `begin` before each attempt, since visit() may have seen half of an interrupted one.
[[nodiscard]] Result<Success, Error> dump(mnl_socket* socket, std::uint16_t type,
                                          std::uint8_t family, std::uint32_t& sequence,
                                          const std::function<void()>& begin, const Visit& visit) {
    for (int attempt = 0; attempt < kMaxAttempts; ++attempt) {
        begin();
        ++sequence;
        if (auto sent = request_dump(socket, type, family, sequence); !sent) {
            return sent;
        }
        const auto end = read_dump(socket, sequence, visit);
        if (!end) {
            return Unexpected{end.error()};
        }
        if (*end == DumpEnd::kDone) {
            return Success{};
        }
    }
    return Unexpected{netlink_error(EAGAIN)};
}

}  // namespace

Result<model::HostState, Error> read_host_state() {
    const Socket socket{mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC)};
    if (!socket) {
        return Unexpected{netlink_error(errno)};
    }
    if (mnl_socket_bind(socket.get(), 0, MNL_SOCKET_AUTOPID) < 0 ||
        setsockopt(mnl_socket_get_fd(socket.get()), SOL_SOCKET, SO_RCVTIMEO, &kReceiveTimeout,
                   sizeof kReceiveTimeout) < 0) {
        return Unexpected{netlink_error(errno)};
    }
    model::HostState state;
    std::uint32_t sequence = 0;
    const auto links = dump(
        socket.get(), RTM_GETLINK, AF_UNSPEC, sequence, [&] { state.interfaces.clear(); },
        [&](ByteView message) {
            if (auto interface = parse_link(message)) {
                state.interfaces.push_back(std::move(*interface));
            }
        });
    if (!links) {
        return Unexpected{links.error()};
    }
    std::sort(state.interfaces.begin(), state.interfaces.end(),
              [](const auto& a, const auto& b) { return a.ifindex < b.ifindex; });

    std::unordered_map<std::uint32_t, std::size_t> by_ifindex;
    for (std::size_t i = 0; i < state.interfaces.size(); ++i) {
        by_ifindex.emplace(state.interfaces[i].ifindex, i);
    }
    // An interface that came after the first dump is left for the next reading.
    const auto find = [&](std::uint32_t ifindex) -> model::HostInterface* {
        const auto found = by_ifindex.find(ifindex);
        return found != by_ifindex.end() ? &state.interfaces[found->second] : nullptr;
    };
    const auto addresses = dump(
        socket.get(), RTM_GETADDR, AF_INET, sequence,
        [&] {
            for (model::HostInterface& interface : state.interfaces) {
                interface.addresses.clear();
            }
        },
        [&](ByteView message) {
            const auto address = parse_address(message);
            if (auto* const interface = address ? find(address->ifindex) : nullptr) {
                interface->addresses.push_back(address->prefix);
            }
        });
    if (!addresses) {
        return Unexpected{addresses.error()};
    }
    // A kernel without IPv6 answers with what it has, which parse_address6() leaves out.
    const auto addresses6 = dump(
        socket.get(), RTM_GETADDR, AF_INET6, sequence,
        [&] {
            for (model::HostInterface& interface : state.interfaces) {
                interface.addresses6.clear();
            }
        },
        [&](ByteView message) {
            const auto address = parse_address6(message);
            if (auto* const interface = address ? find(address->ifindex) : nullptr) {
                interface->addresses6.push_back(address->prefix);
            }
        });
    if (!addresses6) {
        return Unexpected{addresses6.error()};
    }
    return state;
}

}  // namespace xdhcpd::host
