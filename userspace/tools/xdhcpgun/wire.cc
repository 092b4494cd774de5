#include "tools/xdhcpgun/wire.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <linux/if_packet.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <sstream>
#include <utility>

namespace xdhcpd::gun {
namespace {

// Requests that can be on their way out at the same time.
constexpr std::uint32_t kMaxLentFrames = 4096;

struct Host {
    Mac mac;
    std::vector<Ipv4> addresses;
    std::vector<Ipv6> addresses6;
};

[[nodiscard]] Host find_host(const std::string& name) {
    Host host;
    ifaddrs* list = nullptr;
    if (::getifaddrs(&list) != 0) {
        return host;
    }
    for (const ifaddrs* one = list; one != nullptr; one = one->ifa_next) {
        if (one->ifa_addr == nullptr || name != one->ifa_name) {
            continue;
        }
        if (one->ifa_addr->sa_family == AF_INET) {
            sockaddr_in address{};
            std::memcpy(&address, one->ifa_addr, sizeof address);
            host.addresses.push_back(Ipv4{ntohl(address.sin_addr.s_addr)});
        } else if (one->ifa_addr->sa_family == AF_INET6) {
            sockaddr_in6 address{};
            std::memcpy(&address, one->ifa_addr, sizeof address);
            host.addresses6.push_back(
                Ipv6::load(reinterpret_cast<const std::byte*>(&address.sin6_addr)));
        } else if (one->ifa_addr->sa_family == AF_PACKET) {
            sockaddr_ll address{};
            std::memcpy(&address, one->ifa_addr, sizeof address);
            std::memcpy(host.mac.octets.data(), address.sll_addr, Mac::kLen);
        }
    }
    ::freeifaddrs(list);
    return host;
}

}  // namespace

Result<Wire, Error> Wire::open(const std::string& interface_name, Driver driver,
                               std::uint32_t ring_size) {
    Wire wire;
    wire.name_ = interface_name;
    const Host host = find_host(interface_name);
    wire.mac_ = host.mac;
    if (driver != Driver::kPacket) {
        auto opened =
            ReplyInterface::open({.interface_name = interface_name,
                                  .ring_size = ring_size,
                                  .frame_count = ring_size + std::min(ring_size, kMaxLentFrames),
                                  .kernel_addresses = host.addresses,
                                  .kernel_addresses6 = host.addresses6});
        if (opened) {
            wire.xdp_ = std::move(*opened);
            wire.ports_.assign(wire.xdp_->ports().begin(), wire.xdp_->ports().end());
        } else if (driver == Driver::kXdp) {
            return Unexpected{opened.error()};
        }
    }
    if (wire.xdp_ == nullptr) {
        auto opened = PacketPort::open({.interface_name = interface_name,
                                        .take = PacketTake::kReplies,
                                        .receive_buffer_len = 64 << 20});
        if (!opened) {
            return Unexpected{opened.error()};
        }
        wire.packet_ = std::move(*opened);
        wire.ports_.push_back(wire.packet_.get());
    }
    wire.before_ = read_interface(interface_name);
    return wire;
}

// /proc/self/net shows our own network namespace, whatever is mounted on /sys.
Wire::InterfaceCounts Wire::read_interface(const std::string& name) {
    std::ifstream file{"/proc/self/net/dev"};
    std::string line;
    while (std::getline(file, line)) {
        const std::size_t colon = line.find(':');
        const std::size_t start = line.find_first_not_of(' ');
        if (colon == std::string::npos || line.substr(start, colon - start) != name) {
            continue;
        }
        // Received: bytes packets errs drop fifo frame compressed multicast; then sent: bytes
        // packets errs drop.
        constexpr std::size_t kRxDrop = 3;
        constexpr std::size_t kTxDrop = 11;
        std::istringstream words{line.substr(colon + 1)};
        InterfaceCounts counts;
        std::uint64_t value = 0;
        for (std::size_t i = 0; i <= kTxDrop && words >> value; ++i) {
            counts.rx_dropped = i == kRxDrop ? value : counts.rx_dropped;
            counts.tx_dropped = i == kTxDrop ? value : counts.tx_dropped;
        }
        return counts;
    }
    return {};
}

WireLosses Wire::losses(std::uint64_t submitted) const {
    WireLosses losses;
    std::uint64_t completed = 0;
    std::uint64_t errors = 0;
    for (const Port* port : ports_) {
        losses.tx_no_frame += port->counters().tx_no_frame.value();
        errors += port->counters().tx_errors.value();
        completed += port->counters().tx_frames.value();
        losses.rx_dropped += port->counters().rx_truncated.value();
    }
    if (xdp_ != nullptr) {
        const ReplyStatistics kernel = xdp_->statistics();
        losses.rx_ring_full = kernel.rx_ring_full;
        losses.rx_fill_ring_empty = kernel.rx_fill_ring_empty;
        losses.rx_dropped += kernel.rx_dropped;
    } else {
        losses.rx_dropped += packet_->kernel_drops();
        errors = 0;  // what was refused is among what was not completed
    }
    const InterfaceCounts now = read_interface(name_);
    losses.kernel_tx_errors = errors + (now.tx_dropped - before_.tx_dropped);
    losses.tx_not_completed = submitted - std::min(submitted, completed);
    return losses;
}

}  // namespace xdhcpd::gun
