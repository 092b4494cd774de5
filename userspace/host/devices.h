// Facts about a network device that rtnetlink does not tell: its queues, and whose XDP program is
// on it. Each call asks the kernel; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace xdhcpd::host {

// Receive queues in use (ethtool channels); 1 when the driver does not say, 0 without the device.
[[nodiscard]] std::uint32_t read_queue_count(const std::string& interface_name);

// A process that holds a descriptor of a program or of its link.
struct Holder {
    std::uint32_t pid = 0;
    std::string command;
};
struct XdpProgram {
    std::uint32_t id = 0;
    std::string name;  // "" without CAP_SYS_ADMIN
    // Nobody holds one that `ip link` attached; and other users' processes cannot be looked into
    // without privileges.
    std::vector<Holder> holders;
};
// The XDP program on the interface, if there is one.
[[nodiscard]] std::optional<XdpProgram> find_xdp_program(std::uint32_t ifindex);
// "XDP program 17 'foo' is held by bpfman (pid 42)".
[[nodiscard]] std::string describe(const XdpProgram& program);

}  // namespace xdhcpd::host
