// What the kernel and a driver say of a network device. Any thread.
#pragma once

#include <cstdint>
#include <string>

#include "base/error.h"
#include "base/result.h"
#include "io/xsk/xdp_interface.h"

namespace xdhcpd {

// What is known before a program is loaded: name of the driver, index, MAC, MTU, queues, and
// whether tags are stripped. An error names the interface.
[[nodiscard]] Result<XdpFacts, Error> find_facts(const std::string& interface_name);

// "" when no XDP program is attached, else " (program 17 'name' is attached)".
[[nodiscard]] std::string describe_attached_program(std::uint32_t ifindex);

}  // namespace xdhcpd
