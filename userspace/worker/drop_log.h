// DropLog: the last frames that got no answer, for `xdhcpctl explain`. One thread; no allocation
// after construction.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "base/addresses.h"
#include "base/bytes.h"
#include "base/time.h"
#include "dhcp6/duid.h"
#include "engine/drop_reason.h"
#include "engine/message_type.h"
#include "engine/request.h"
#include "engine/v6/request.h"
#include "packet/port.h"
#include "packet/vlan.h"

namespace xdhcpd::worker {

struct Drop {
    BootTime time;
    engine::DropReason reason = engine::Refusal::kNotForUs;
    Mac client;  // see client_of()
    std::uint32_t ifindex = 0;
    std::uint32_t queue = 0;
    VlanTags tags;
    engine::MessageType type;
    // --- Of IPv4.
    Ipv4 giaddr;
    Ipv4 address;  // that the client asked for (option 50) or has (ciaddr), zero without
    // --- Of IPv6; unspecified or empty where the message does not say.
    Ipv6 source;
    Ipv6 link_address;  // of the relay next to the client
    Ipv6 address6;      // first address or prefix of the message's IAs, or target of a solicitation
    std::uint8_t duid_len = 0;
    std::array<std::byte, dhcp6::kMaxDuidLen> duid_bytes;  // duid_len of them mean something

    [[nodiscard]] ByteView duid() const noexcept { return ByteView{duid_bytes}.first(duid_len); }
};

// Whom a message is from: chaddr of an Ethernet client, in IPv6 the hardware address that the
// engine knows it by; else the frame's source; zero if none of these could be read.
[[nodiscard]] Mac client_of(const engine::Request& request) noexcept;
[[nodiscard]] Mac client_of(const engine::v6::Request& request) noexcept;

// Whether there is no answer because there should be none: nobody wonders about such a message.
[[nodiscard]] bool is_expected(engine::DropReason reason) noexcept;

// The request, received by `port`, as far as it could be read.
[[nodiscard]] Drop describe(const Port& port, const engine::Request& request,
                            engine::DropReason reason, BootTime now) noexcept;
[[nodiscard]] Drop describe(const Port& port, const engine::v6::Request& request,
                            engine::DropReason reason, BootTime now) noexcept;

// Whom a finished reply, a whole frame, was for, and its type.
[[nodiscard]] Drop describe_reply(ByteView frame) noexcept;

class DropLog {
  public:
    explicit DropLog(std::size_t capacity) : drops_(capacity) {}

    void add(const Drop& drop) noexcept { drops_[added_++ % drops_.size()] = drop; }

    // Newest first.
    [[nodiscard]] std::vector<Drop> newest(std::size_t max) const {
        std::vector<Drop> result;
        for (std::uint64_t i = added_; i > 0 && added_ - i < drops_.size() && result.size() < max;
             --i) {
            result.push_back(drops_[(i - 1) % drops_.size()]);
        }
        return result;
    }

  private:
    std::vector<Drop> drops_;
    std::uint64_t added_ = 0;
};

}  // namespace xdhcpd::worker
