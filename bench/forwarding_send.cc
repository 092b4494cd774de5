// Sends one small UDP frame over and over through a packet socket, as fast as one thread can.
//   forwarding_send INTERFACE DESTINATION-MAC SOURCE-IP DESTINATION-IP SECONDS
// Prints how many frames the kernel took.
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/socket.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "base/addresses.h"
#include "packet/frame_writer.h"
#include "packet/headers.h"

namespace {

constexpr std::size_t kPayloadLen = 18;  // the smallest frame of Ethernet
constexpr std::size_t kBatch = 64;

}  // namespace

int main(int argc, char** argv) {
    using namespace xdhcpd;  // NOLINT(google-build-using-namespace): one function
    const std::vector<const char*> arguments(argv, argv + argc);
    if (arguments.size() != 6) {
        std::fputs("usage: forwarding_send INTERFACE MAC SOURCE DESTINATION SECONDS\n", stderr);
        return 2;
    }
    const auto destination_mac = parse_mac(arguments[2]);
    const auto source = parse_ipv4(arguments[3]);
    const auto destination = parse_ipv4(arguments[4]);
    const int fd = ::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_ifindex = static_cast<int>(::if_nametoindex(arguments[1]));
    const int on = 1;
    if (!destination_mac || !source || !destination || fd < 0 ||
        ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof on) != 0) {
        std::perror("forwarding_send");
        return 1;
    }
    std::vector<std::byte> frame(kUdp4HeadersLen + kPayloadLen);
    frame.resize(write_udp4_headers(frame,
                                    {.destination_mac = *destination_mac,
                                     .source_mac = parse_mac("02:00:5e:00:53:02").value(),
                                     .tags = {},
                                     .source = *source,
                                     .destination = *destination,
                                     .source_port = 9,
                                     .destination_port = 9},
                                    kPayloadLen));
    iovec buffer{.iov_base = frame.data(), .iov_len = frame.size()};
    std::array<mmsghdr, kBatch> messages{};
    for (mmsghdr& message : messages) {
        message.msg_hdr.msg_iov = &buffer;
        message.msg_hdr.msg_iovlen = 1;
    }
    const auto end = std::chrono::steady_clock::now() +
                     std::chrono::duration<double>(std::strtod(arguments[5], nullptr));
    std::uint64_t sent = 0;
    while (std::chrono::steady_clock::now() < end) {
        const int count = ::sendmmsg(fd, messages.data(), messages.size(), 0);
        sent += count > 0 ? static_cast<std::uint64_t>(count) : 0;
    }
    std::printf("%llu\n", static_cast<unsigned long long>(sent));
    return 0;
}
