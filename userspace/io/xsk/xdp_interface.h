// XdpInterface: one network interface with our XDP program on it and one AF_XDP socket per queue.
//
// The control thread owns it and calls all of its members; each Port inside belongs to the worker
// thread that it is given to. Lifetime: an XdpInterface outlives every use of its ports and every
// frame they lent; workers stop before it is destroyed. While it lives the program is attached by a
// bpf_link, which goes away with this process however it ends. Destruction order: redirecting off,
// sockets out of their map, link, sockets.
//
// Everything that the program does not take passes to the kernel unchanged: keep a UDP socket open
// beside it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/addresses.h"
#include "base/error.h"
#include "base/gcra.h"
#include "base/result.h"
#include "packet/port.h"

namespace xdhcpd {

enum class XdpMode : std::uint8_t {
    kNative,   // in the driver
    kGeneric,  // in the kernel's stack, on copies; works on every interface
};

enum class XdpZeroCopy : std::uint8_t {
    kAuto,  // what the driver offers
    kOn,    // fail without it
    kOff,   // copy, also where the driver could do without
};

struct XdpOptions {
    std::string interface_name;
    XdpMode mode = XdpMode::kNative;
    // Receive queues to take; empty for all. Frames on other queues pass to the kernel.
    std::vector<std::uint32_t> queues;
    XdpZeroCopy zero_copy = XdpZeroCopy::kAuto;
    std::uint16_t server_port = 67;    // UDP destination port
    std::uint16_t server_port6 = 547;  // likewise of DHCPv6
    // Slots of each of the four rings of a queue: a power of two, 64..32768.
    std::uint32_t ring_size = 2048;
    // UMEM frames per queue: `ring_size` of them receive, the rest can be lent; more than
    // ring_size.
    std::uint32_t frame_count = 4096;
};

// A link that is served: the interface with 0, 1 or 2 VLANs. Tags of either TPID name them.
struct XdpLink {
    std::uint16_t outer_vid = 0;  // 0: untagged, or a priority tag
    std::uint16_t inner_vid = 0;  // likewise; 0 if outer_vid is
    Mac mac{};  // unicast destination accepted beside groups; zero for the interface's own
    bool dhcp4 = true;
    bool dhcp6 = false;
    bool advertise = false;  // Router Solicitations are taken
    bool proxy = false;      // Neighbor Solicitations for targets of this link are

    bool operator==(const XdpLink&) const = default;
};

// Neighbor Solicitations for addresses inside `prefix` are taken on a link with `proxy`, but for
// those that set_local6() knows.
struct XdpNeighborTarget {
    std::uint16_t outer_vid = 0;  // as in XdpLink
    std::uint16_t inner_vid = 0;
    Ipv6Prefix prefix;  // length 128 for one address

    bool operator==(const XdpNeighborTarget&) const = default;
};

// What one client that is on the link itself, and one link, may send; the program drops the rest of
// what it would have taken (bpf/xd_rate.bpf.h says who counts as such a client).
struct XdpRates {
    RateTerms client;
    RateTerms link;

    bool operator==(const XdpRates&) const = default;
};

// Frames by verdict of the XDP program since it was loaded, all CPUs and queues together.
struct XdpVerdictCount {
    std::string_view name;  // "redirected", "pass_not_ip", ...; static storage
    std::uint64_t frames = 0;
};

// The kernel's own account of one socket (XDP_STATISTICS).
struct XskStatistics {
    std::uint64_t rx_dropped = 0;  // for other reasons than the ones below
    std::uint64_t rx_invalid_descriptors = 0;
    std::uint64_t tx_invalid_descriptors = 0;
    std::uint64_t rx_ring_full = 0;
    std::uint64_t rx_fill_ring_empty = 0;
    std::uint64_t tx_ring_empty = 0;
};

// What was found and what was obtained.
struct XdpFacts {
    std::string driver_name;  // of the network device: "veth", "mlx5_core"; "" when it does not say
    std::uint32_t ifindex = 0;
    Mac mac{};
    std::uint32_t mtu = 0;          // bytes, without Ethernet header
    std::uint32_t queue_count = 0;  // receive queues the device has now; 1 when it does not say
    std::uint32_t program_id = 0;
    XdpMode mode = XdpMode::kNative;
    bool zero_copy = false;  // on every port
    // The program asks the driver for VLAN tags that it moved from the frame into metadata. If
    // false, such a frame looks untagged: an interface that carries tags then needs rx-vlan-offload
    // off, or another driver.
    bool sees_stripped_tags = false;
    // The device takes tags out of frames before the program sees them, or may get frames from
    // where that was done (veth).
    bool strips_tags = false;
    std::uint32_t max_frame_len = 0;  // longer requests pass to the kernel
};

class XdpInterface {
  public:
    // Loads and attaches the program and opens the sockets. Redirecting is switched on, but nothing
    // is taken before set_links() names a link. Needs CAP_NET_ADMIN, CAP_NET_RAW, CAP_BPF and
    // CAP_PERFMON (or CAP_SYS_ADMIN). Errors name the step and its object: "attach XDP to eth1:
    // device busy (program 17 'foo' is attached)".
    [[nodiscard]] static Result<std::unique_ptr<XdpInterface>, Error> open(
        const XdpOptions& options);

    XdpInterface(const XdpInterface&) = delete;
    XdpInterface& operator=(const XdpInterface&) = delete;
    ~XdpInterface();

    // Replace the sets; what stays is never missing in between. No capability is needed
    // (Linux 5.19).
    [[nodiscard]] Result<Success, Error> set_links(std::span<const XdpLink> links);
    // Destinations beside 255.255.255.255: every local unicast address, directed broadcasts of
    // served subnets.
    [[nodiscard]] Result<Success, Error> set_local(std::span<const Ipv4> addresses);
    // Destinations of IPv6 beside the groups: every local unicast address.
    [[nodiscard]] Result<Success, Error> set_local6(std::span<const Ipv6> addresses);
    // Whose neighbor solicitations are taken; at most XD_MAX_ND_TARGETS.
    [[nodiscard]] Result<Success, Error> set_neighbor_targets(
        std::span<const XdpNeighborTarget> targets);
    // Takes the place of the rates before, of which there are none at first. Buckets stay as they
    // are. Limiting clients needs CAP_BPF, for the map of them.
    [[nodiscard]] Result<Success, Error> set_rates(const XdpRates& rates);
    // Off: everything passes, nothing is detached.
    [[nodiscard]] Result<Success, Error> set_enabled(bool enabled);

    // One per queue taken, in the order of `queues`.
    [[nodiscard]] std::span<Port* const> ports() const noexcept;
    [[nodiscard]] const XdpFacts& facts() const noexcept;
    // One entry per verdict, always the same order.
    [[nodiscard]] Result<std::vector<XdpVerdictCount>, Error> counters() const;
    // `port_index` below ports().size().
    [[nodiscard]] Result<XskStatistics, Error> statistics(std::size_t port_index) const;

  private:
    struct Parts;  // libbpf and libxdp, in xdp_interface.cc
    explicit XdpInterface(std::unique_ptr<Parts> parts) noexcept;

    std::unique_ptr<Parts> parts_;
};

}  // namespace xdhcpd
