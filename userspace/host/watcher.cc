#include "host/watcher.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace xdhcpd::host {
namespace {

// A message of a link with many queues and statistics takes a few kilobytes.
constexpr std::size_t kBufferLen = 32768;
// Room for some hundred interfaces that change at once while the reader is busy; a machine that
// starts hundreds of guests must not make us lose messages. Without privileges the limit of the
// host holds.
constexpr int kReceiveBufferLen = 4 << 20;
// Bounds one drain(): a host that changes without end still gets its other work done.
constexpr int kMaxDatagrams = 4096;

void read_messages(ByteView datagram, HostChanges& changes) {
    while (datagram.size() >= sizeof(nlmsghdr)) {
        nlmsghdr header{};
        std::memcpy(&header, datagram.data(), sizeof header);
        if (header.nlmsg_len < sizeof header || header.nlmsg_len > datagram.size()) {
            return;
        }
        switch (header.nlmsg_type) {
            case RTM_NEWLINK:
            case RTM_DELLINK:
            case RTM_NEWADDR:
            case RTM_DELADDR:
                changes.any = true;
                break;
            default:
                break;
        }
        if (const auto departure = parse_link_departure(datagram.first(header.nlmsg_len))) {
            changes.departures.push_back(*departure);
        }
        const std::size_t step = NLMSG_ALIGN(std::size_t{header.nlmsg_len});
        datagram = step < datagram.size() ? datagram.subspan(step) : ByteView{};
    }
}

}  // namespace

Result<std::unique_ptr<Watcher>, Error> Watcher::open() {
    const int fd = ::socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (fd < 0) {
        return Unexpected{system_error(errno, "open netlink socket to watch interfaces")};
    }
    std::unique_ptr<Watcher> watcher{new Watcher{fd}};
    if (::setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &kReceiveBufferLen,
                     sizeof kReceiveBufferLen) != 0) {
        static_cast<void>(
            ::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &kReceiveBufferLen, sizeof kReceiveBufferLen));
    }
    sockaddr_nl address{};
    address.nl_family = AF_NETLINK;
    address.nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR;
    if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        return Unexpected{system_error(errno, "watch interfaces by netlink")};
    }
    return watcher;
}

Watcher::~Watcher() {
    ::close(fd_);
}

HostChanges Watcher::drain() {
    alignas(nlmsghdr) static thread_local std::array<std::byte, kBufferLen> buffer;
    HostChanges changes;
    for (int i = 0; i < kMaxDatagrams; ++i) {
        sockaddr_nl sender{};
        iovec part{buffer.data(), buffer.size()};
        msghdr message{};
        message.msg_name = &sender;
        message.msg_namelen = sizeof sender;
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        const ssize_t len = ::recvmsg(fd_, &message, 0);
        if (len < 0) {
            if (errno == EINTR) {
                continue;
            }
            if (errno == ENOBUFS) {  // reported once; what is still in the buffer follows
                changes.any = changes.lost = true;
                continue;
            }
            break;  // EAGAIN: that was all
        }
        if (sender.nl_pid != 0) {
            continue;  // from a process, not from the kernel
        }
        if ((message.msg_flags & MSG_TRUNC) != 0) {
            changes.any = changes.lost = true;
        }
        read_messages({buffer.data(), static_cast<std::size_t>(len)}, changes);
    }
    return changes;
}

}  // namespace xdhcpd::host
