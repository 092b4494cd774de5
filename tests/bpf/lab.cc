#include "lab.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/error.h"
#include "packet/frame_view.h"
#include "packet/headers.h"

namespace xdhcpd::lab {
namespace {

constexpr std::size_t kBufferLen = 16384;

}  // namespace

std::optional<std::string> missing_privilege() {
    if (::geteuid() != 0) {
        return "needs root: network namespaces, XDP and packet sockets";
    }
    const int fd = ::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return system_error(errno, "packet socket (needs CAP_NET_RAW)").message;
    }
    static_cast<void>(::close(fd));
    return std::nullopt;
}

bool ip(const std::string& arguments) {
    // NOLINTNEXTLINE(concurrency-mt-unsafe,cert-env33-c): one thread, and literals of these tests
    return std::system(("ip " + arguments).c_str()) == 0;
}

std::string enter_new_network(std::uint32_t queue_count) {
    if (::unshare(CLONE_NEWNET) != 0) {
        return system_error(errno, "unshare network").message;
    }
    const std::string queues = " numrxqueues " + std::to_string(queue_count) + " numtxqueues " +
                               std::to_string(queue_count);
    const std::string server = kServerInterface;
    const std::string peer = kPeerInterface;
    const bool done =
        ip("link set lo up") &&
        ip("link add " + server + " address " + to_string(kServerMac) + queues +
           " type veth peer name " + peer + " address " + to_string(kClientMac) + queues) &&
        ip("link set " + server + " addrgenmode none") &&
        ip("link set " + peer + " addrgenmode none") &&
        ip("address add " + to_string(kServerIp) + "/24 dev " + server) &&
        ip("link set " + server + " up") && ip("link set " + peer + " up");
    return done ? "" : "cannot set up a veth pair with ip(8)";
}

Frame message(std::uint8_t op, std::size_t len) {
    Frame bytes(len);
    for (std::size_t i = 0; i < len; ++i) {
        bytes[i] = static_cast<std::byte>(i * 7);
    }
    const std::array<std::uint8_t, 3> start{op, 1, 6};  // op, htype Ethernet, hlen
    for (std::size_t i = 0; i < std::min(len, start.size()); ++i) {
        bytes[i] = std::byte{start[i]};
    }
    if (len >= 34) {
        kClientMac.store(&bytes[28]);  // chaddr
    }
    return bytes;
}

Frame frame(const Udp4Headers& headers, std::uint8_t op, std::size_t message_len) {
    const std::size_t offset = udp4_payload_offset(headers.tags.count);
    Frame bytes(offset + message_len);
    copy_bytes(bytes.data() + offset, message(op, message_len));
    bytes.resize(write_udp4_headers(bytes, headers, message_len));
    return bytes;
}

Udp4Headers broadcast_request() {
    return {.destination_mac = kBroadcastMac,
            .source_mac = kClientMac,
            .tags = {},
            .source = Ipv4{},
            .destination = kBroadcastIpv4,
            .source_port = kClientPort,
            .destination_port = kServerPort};
}

Udp4Headers unicast_reply() {
    return {.destination_mac = kClientMac,
            .source_mac = kServerMac,
            .tags = {},
            .source = kServerIp,
            .destination = kClientIp,
            .source_port = kServerPort,
            .destination_port = kClientPort};
}

VlanTags tags(VlanTag outer) {
    return {.tags = {outer}, .count = 1};
}

VlanTags tags(VlanTag outer, VlanTag inner) {
    return {.tags = {outer, inner}, .count = 2};
}

RawSocket::RawSocket(const std::string& interface_name) {
    const int fd = ::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL));
    if (fd < 0) {
        return;
    }
    const int on = 1;
    const int buffer_len = 16 * 1024 * 1024;
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_protocol = htons(ETH_P_ALL);
    address.sll_ifindex = static_cast<int>(::if_nametoindex(interface_name.c_str()));
    const bool done =
        ::setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &on, sizeof on) == 0 &&
        ::setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof on) == 0 &&
        ::setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer_len, sizeof buffer_len) == 0 &&
        ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    if (done) {
        fd_ = fd;
    } else {
        static_cast<void>(::close(fd));
    }
}

RawSocket::~RawSocket() {
    if (fd_ >= 0) {
        static_cast<void>(::close(fd_));
    }
}

bool RawSocket::send(ByteView frame) const {
    return ::send(fd_, frame.data(), frame.size(), 0) == static_cast<ssize_t>(frame.size());
}

std::optional<Frame> RawSocket::receive(const std::function<bool(ByteView)>& accept,
                                        std::chrono::milliseconds timeout) const {
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    std::vector<std::byte> buffer(kBufferLen);
    alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(tpacket_auxdata))> control{};
    for (;;) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
            deadline - std::chrono::steady_clock::now());
        pollfd ready{.fd = fd_, .events = POLLIN, .revents = 0};
        if (left.count() < 0 || ::poll(&ready, 1, static_cast<int>(left.count())) <= 0) {
            return std::nullopt;
        }
        iovec vector{.iov_base = buffer.data(), .iov_len = buffer.size()};
        msghdr header{};
        header.msg_iov = &vector;
        header.msg_iovlen = 1;
        header.msg_control = control.data();
        header.msg_controllen = control.size();
        const ssize_t len = ::recvmsg(fd_, &header, MSG_DONTWAIT);
        if (len < 0) {
            continue;
        }
        Frame received(buffer.begin(), buffer.begin() + len);
        tpacket_auxdata auxdata{};
        const cmsghdr* const first = CMSG_FIRSTHDR(&header);
        if (first != nullptr && first->cmsg_type == PACKET_AUXDATA) {
            std::memcpy(&auxdata, CMSG_DATA(first), sizeof auxdata);
        }
        if ((auxdata.tp_status & TP_STATUS_VLAN_VALID) != 0) {
            std::array<std::byte, VlanTags::kTagLen> tag{};
            store_be16(tag.data(), auxdata.tp_vlan_tpid);
            store_be16(tag.data() + 2, auxdata.tp_vlan_tci);
            received.insert(received.begin() + 2 * Mac::kLen, tag.begin(), tag.end());
        }
        if (accept(received)) {
            return received;
        }
    }
}

std::optional<Frame> RawSocket::receive_reply(std::chrono::milliseconds timeout) const {
    return receive(
        [](ByteView bytes) {
            const auto view = FrameView::parse(bytes);
            return view && view->destination_port == kClientPort;
        },
        timeout);
}

}  // namespace xdhcpd::lab
