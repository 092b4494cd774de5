// What DHCPv6 clients send and are told: each message is about one or several IAs.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/addresses.h"
#include "base/bytes.h"
#include "dhcp6/options.h"

namespace xdhcpd::sim {

// One IA of a client.
struct Ia6 {
    dhcp6::OptionCode code = dhcp6::OptionCode::kIaNa;  // or kIaPd
    std::uint32_t iaid = 0;
    auto operator<=>(const Ia6&) const = default;
};

struct Sent6 {
    struct Part {
        Ia6 ia;
        std::optional<Ipv6Prefix> listed;  // asked for, used, released or declined
    };
    dhcp6::MessageType type{};
    std::vector<Part> parts;
};

struct Answer6 {
    struct Part {
        Ia6 ia;
        std::optional<Ipv6Prefix> lease;  // whose valid lifetime is not 0
        std::uint32_t valid = 0;          // seconds
    };
    dhcp6::MessageType type{};
    std::uint16_t status = 0;  // of the whole message
    std::vector<Part> parts;
};

struct Answer;
// Reads a frame of the server byte by byte, without its own code; nothing if it is no reply to a
// direct client. At most one lease of an IA may be given.
[[nodiscard]] std::optional<Answer> read_answer6(ByteView frame);

// For the history, beside those of DHCPv4.
[[nodiscard]] constexpr std::uint32_t number(dhcp6::MessageType type) noexcept {
    return 0x600 + static_cast<std::uint32_t>(type);
}
// Of an address the last 32 bits, of a prefix the second 32 bits.
[[nodiscard]] std::uint32_t number(const Ipv6Prefix& name) noexcept;

}  // namespace xdhcpd::sim
