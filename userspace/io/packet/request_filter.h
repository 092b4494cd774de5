// RequestFilter: classic BPF that lets through what a server on this interface answers. The kernel
// has taken the outer tag out of the frame before a filter sees it, so there is at most one tag to
// step over. Pure.
#pragma once

#include <linux/filter.h>

#include <cstdint>
#include <vector>

#include "base/addresses.h"

namespace xdhcpd {

// What of IPv6 is taken, on all VLANs of the interface alike.
struct PacketTake6 {
    bool dhcp6 = false;
    bool advertise = false;  // Router Solicitations
    // Neighbor Solicitations for these targets, but for the host's own addresses, which the
    // kernel's stack answers for. With more of both than kMaxCompared all are taken.
    std::vector<Ipv6Prefix> targets;
    std::vector<Ipv6> own;  // only those inside a target matter

    bool operator==(const PacketTake6&) const = default;
};

class RequestFilter {
  public:
    static constexpr std::size_t kMaxCompared = 256;

    // `max_payload_len`: longer UDP payload is left to the kernel's stack; `max_frame_len` bytes of
    // a frame are kept, which is more than such a payload and its headers.
    RequestFilter(std::uint16_t server_port, std::uint16_t server_port6, const PacketTake6& take6,
                  std::uint32_t max_payload_len, std::uint32_t max_frame_len);

    // Valid while this lives.
    [[nodiscard]] sock_fprog program() noexcept {
        return {.len = static_cast<unsigned short>(code_.size()), .filter = code_.data()};
    }

  private:
    void add(std::uint32_t code, std::uint32_t operand, std::uint8_t if_true = 0,
             std::uint8_t if_false = 0);
    void accept();
    void reject();
    void reject_if_equal(std::uint32_t value);
    void reject_unless_equal(std::uint32_t value);
    void accept_udp4(std::uint32_t ip, std::uint16_t server_port);
    // Goes on at accept_ipv6() when the accumulator holds its EtherType; its header stands at `ip`.
    void go_to_ipv6(std::uint32_t ip);
    void accept_ipv6(std::uint16_t server_port, const PacketTake6& take);
    void accept_dhcp6(std::uint16_t server_port);
    void accept_solicitations(const PacketTake6& take);
    void accept_targets(const PacketTake6& take);
    // Returns `verdict` from the filter when the target lies in `prefix`.
    void judge_target(const Ipv6Prefix& prefix, std::uint32_t verdict);

    std::uint32_t max_payload_len_;
    std::uint32_t max_frame_len_;
    std::vector<sock_filter> code_;
    std::vector<std::size_t> to_ipv6_;  // jumps to be filled in
};

}  // namespace xdhcpd
