// What a client sent, with what the simulator knows about it; and how messages look on the wire.
#pragma once

#include <cstdint>
#include <optional>

#include "base/addresses.h"
#include "dhcp4/options.h"
#include "sim/history.h"
#include "support/frames.h"

namespace xdhcpd::sim {

struct Sent {
    int client = 0;
    int link = 0;
    dhcp4::MessageType type{};
    Ipv4 address;              // asked for, used, released or declined; zero: none
    bool init_reboot = false;  // a REQUEST that changes nothing if it asks for something else
    bool other_server = false;
    std::uint32_t xid = 0;
    Nanoseconds time = 0;
    std::uint32_t ifindex = 0;
    testing::Bytes frame;
};

// A reply that left the server.
struct Answer {
    int client = 0;
    dhcp4::MessageType type{};
    Ipv4 address;  // yiaddr
    std::uint32_t lease_time = 0;
    Ipv4 server;
    std::uint32_t xid = 0;
};

// Reads a frame of the server byte by byte, without its own code; nothing if it is no reply.
[[nodiscard]] std::optional<Answer> read_answer(ByteView frame);

}  // namespace xdhcpd::sim
