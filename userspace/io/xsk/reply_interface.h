// ReplyInterface: one interface as a load generator wants it, from the clients' side: DHCP replies
// of both families, ARP and Neighbor Discovery for addresses that the host does not have, come to
// AF_XDP sockets, one per receive queue.
//
// Owned and called by one thread. The program is attached by a bpf_link and the interface is
// promiscuous for as long as the object lives: simulated clients have MAC addresses of their own.
// Destruction order: link, sockets, program.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/addresses.h"
#include "base/error.h"
#include "base/result.h"
#include "packet/port.h"

namespace xdhcpd {

struct ReplyInterfaceOptions {
    std::string interface_name;
    // Slots of each ring of a queue: a power of two. frame_count is more than that; the frames
    // above it can be lent.
    std::uint32_t ring_size = 4096;
    std::uint32_t frame_count = 8192;
    // Addresses of the host on this interface: the kernel answers for them as ever.
    std::vector<Ipv4> kernel_addresses;
    std::vector<Ipv6> kernel_addresses6;
};

// The kernel's own account of all sockets together (XDP_STATISTICS).
struct ReplyStatistics {
    std::uint64_t rx_dropped = 0;  // for want of a buffer
    std::uint64_t rx_ring_full = 0;
    std::uint64_t rx_fill_ring_empty = 0;  // how often there was no buffer; not frames
};

class ReplyInterface {
  public:
    // Native mode where the driver has it, else generic. Needs CAP_NET_ADMIN, CAP_NET_RAW,
    // CAP_BPF and CAP_PERFMON. Errors name the step and its object.
    [[nodiscard]] static Result<std::unique_ptr<ReplyInterface>, Error> open(
        const ReplyInterfaceOptions& options);

    ReplyInterface(const ReplyInterface&) = delete;
    ReplyInterface& operator=(const ReplyInterface&) = delete;
    ~ReplyInterface();

    // One per receive queue; their driver() says "xdp" or "xdp-generic".
    [[nodiscard]] std::span<Port* const> ports() const noexcept;
    [[nodiscard]] ReplyStatistics statistics() const noexcept;

  private:
    struct Parts;
    explicit ReplyInterface(std::unique_ptr<Parts> parts) noexcept;

    std::unique_ptr<Parts> parts_;
};

}  // namespace xdhcpd
