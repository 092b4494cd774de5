// Wire: the interface of the run, by whichever driver, and what the kernel says of it. One thread.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/addresses.h"
#include "base/error.h"
#include "base/result.h"
#include "io/packet/packet_port.h"
#include "io/xsk/reply_interface.h"
#include "packet/port.h"
#include "tools/xdhcpgun/settings.h"

namespace xdhcpd::gun {

// Frames that got lost on our side, since the wire was opened.
struct WireLosses {
    std::uint64_t tx_no_frame = 0;  // had to wait for a free frame; nothing is lost by that
    std::uint64_t rx_ring_full = 0;
    std::uint64_t rx_fill_ring_empty = 0;  // events; the frames are in rx_dropped
    std::uint64_t rx_dropped = 0;          // by socket or interface, other than rx_ring_full
    std::uint64_t kernel_tx_errors = 0;    // refused by the socket, or dropped by the interface
    std::uint64_t tx_not_completed = 0;    // handed over and never reported as sent

    [[nodiscard]] std::uint64_t total() const noexcept {
        return rx_ring_full + rx_dropped + kernel_tx_errors + tx_not_completed;
    }
};

class Wire {
  public:
    // `ring_size`: of AF_XDP, a power of two.
    [[nodiscard]] static Result<Wire, Error> open(const std::string& interface_name, Driver driver,
                                                  std::uint32_t ring_size);

    [[nodiscard]] std::span<Port* const> ports() const noexcept { return ports_; }
    [[nodiscard]] Mac mac() const noexcept { return mac_; }
    // `submitted`: frames that the caller has given to the ports.
    [[nodiscard]] WireLosses losses(std::uint64_t submitted) const;

  private:
    struct InterfaceCounts {
        std::uint64_t rx_dropped = 0;
        std::uint64_t tx_dropped = 0;
    };
    [[nodiscard]] static InterfaceCounts read_interface(const std::string& name);

    std::string name_;
    Mac mac_;
    std::unique_ptr<ReplyInterface> xdp_;
    std::unique_ptr<PacketPort> packet_;
    std::vector<Port*> ports_;
    InterfaceCounts before_;
};

}  // namespace xdhcpd::gun
