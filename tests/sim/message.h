// What a client sent, with what the simulator knows about it; and how messages look on the wire.
#pragma once

#include <cstdint>
#include <optional>
#include <stdexcept>

#include "base/addresses.h"
#include "dhcp4/options.h"
#include "sim/history.h"
#include "sim/message6.h"
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
    std::optional<Sent6> v6{};  // of DHCPv6: instead of type and address
};

// A message that the server has decided.
struct Heard {
    Sent message;
    // It asks for a lease that its client had then: it gets it if it is answered at all.
    bool is_owed = false;
};

// A reply that left the server.
struct Answer {
    int client = 0;
    dhcp4::MessageType type{};
    Ipv4 address;  // yiaddr
    std::uint32_t lease_time = 0;
    Ipv4 server;
    std::uint32_t xid = 0;
    std::optional<Answer6> v6{};  // of DHCPv6: instead of type, address and time

    // An ACK, or a Reply, which may confirm leases; others promise nothing.
    [[nodiscard]] bool is_promise() const noexcept {
        return v6 ? v6->type == dhcp6::MessageType::kReply : type == dhcp4::MessageType::kAck;
    }
};

// A rule was broken; the run ends.
class Violation : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

// For the history: what kind of message, and about which unit, of DHCPv6 the first.
[[nodiscard]] std::uint32_t type_number(const Sent& sent) noexcept;
[[nodiscard]] std::uint32_t type_number(const Answer& answer) noexcept;
[[nodiscard]] std::uint32_t unit_number(const Sent& sent) noexcept;
[[nodiscard]] std::uint32_t unit_number(const Answer& answer) noexcept;

// Reads a frame of the server byte by byte, without its own code; nothing if it is no reply.
[[nodiscard]] std::optional<Answer> read_answer(ByteView frame);

}  // namespace xdhcpd::sim
