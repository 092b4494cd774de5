#include "io/xsk/device_facts.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "base/owned_fd.h"

namespace xdhcpd {
namespace {

ifreq request_for(const std::string& interface_name) noexcept {
    ifreq request{};
    interface_name.copy(request.ifr_name, sizeof request.ifr_name - 1);
    return request;
}

// Asks the driver; "" when it has no answer.
std::string find_driver_name(int fd, const std::string& interface_name) {
    ethtool_drvinfo info{};
    info.cmd = ETHTOOL_GDRVINFO;
    ifreq request = request_for(interface_name);
    request.ifr_data = reinterpret_cast<char*>(&info);
    if (::ioctl(fd, SIOCETHTOOL, &request) != 0) {
        return {};
    }
    return {info.driver, ::strnlen(info.driver, sizeof info.driver)};
}

// Receive queues in use; 1 when the driver has no answer.
std::uint32_t find_queue_count(int fd, const std::string& interface_name) noexcept {
    ethtool_channels channels{};
    channels.cmd = ETHTOOL_GCHANNELS;
    ifreq request = request_for(interface_name);
    request.ifr_data = reinterpret_cast<char*>(&channels);
    if (::ioctl(fd, SIOCETHTOOL, &request) != 0) {
        return 1;
    }
    return std::max<std::uint32_t>(1, channels.combined_count + channels.rx_count);
}

// Whether rx-vlan-offload is on; true when the driver has no answer. A veth pair hands over what
// the far end left in metadata, whatever its own setting.
bool find_strips_tags(int fd, const std::string& interface_name,
                      std::string_view driver_name) noexcept {
    ethtool_value flags{};
    flags.cmd = ETHTOOL_GFLAGS;
    ifreq request = request_for(interface_name);
    request.ifr_data = reinterpret_cast<char*>(&flags);
    return driver_name == "veth" || ::ioctl(fd, SIOCETHTOOL, &request) != 0 ||
           (flags.data & ETH_FLAG_RXVLAN) != 0;
}

}  // namespace

Result<XdpFacts, Error> find_facts(const std::string& interface_name) {
    XdpFacts facts;
    if (interface_name.empty() || interface_name.size() >= IFNAMSIZ) {
        return Unexpected{system_error(EINVAL, "interface name '" + interface_name + "'")};
    }
    facts.ifindex = ::if_nametoindex(interface_name.c_str());
    if (facts.ifindex == 0) {
        return Unexpected{system_error(errno, "interface " + interface_name)};
    }
    const OwnedFd fd{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    if (!fd.is_open()) {
        return Unexpected{system_error(errno, "socket for " + interface_name)};
    }
    ifreq request = request_for(interface_name);
    if (::ioctl(fd.get(), SIOCGIFMTU, &request) != 0) {
        return Unexpected{system_error(errno, "read MTU of " + interface_name)};
    }
    facts.mtu = static_cast<std::uint32_t>(request.ifr_mtu);
    request = request_for(interface_name);
    if (::ioctl(fd.get(), SIOCGIFHWADDR, &request) != 0) {
        return Unexpected{system_error(errno, "read MAC address of " + interface_name)};
    }
    std::memcpy(facts.mac.octets.data(), request.ifr_hwaddr.sa_data, Mac::kLen);
    facts.driver_name = find_driver_name(fd.get(), interface_name);
    facts.queue_count = find_queue_count(fd.get(), interface_name);
    facts.strips_tags = find_strips_tags(fd.get(), interface_name, facts.driver_name);
    return facts;
}

std::string describe_attached_program(std::uint32_t ifindex) {
    bpf_xdp_query_opts query{};
    query.sz = sizeof query;
    if (bpf_xdp_query(static_cast<int>(ifindex), 0, &query) != 0) {
        return {};
    }
    std::uint32_t id = query.prog_id;
    for (const std::uint32_t other : {query.drv_prog_id, query.skb_prog_id, query.hw_prog_id}) {
        id = id != 0 ? id : other;
    }
    if (id == 0) {
        return {};
    }
    std::string text = " (program " + std::to_string(id);
    const OwnedFd fd{bpf_prog_get_fd_by_id(id)};
    bpf_prog_info info{};
    std::uint32_t info_len = sizeof info;
    if (fd.is_open() && bpf_obj_get_info_by_fd(fd.get(), &info, &info_len) == 0) {
        text += std::string{" '"} + info.name + "'";
    }
    return text + " is attached)";
}

}  // namespace xdhcpd
