// PortLedger: the ports of a worker as others see them, and what those counted that it had before.
// Ports come and go with their interfaces; sums over them never go backwards. Any thread.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "packet/port.h"

namespace xdhcpd::worker {

// All ports that ever served a queue of an interface with one driver, together.
struct PortTotals {
    std::string interface_name;
    std::uint32_t queue = 0;
    std::string driver;
    PortRole role = PortRole::kDriver;
    bool open = false;  // one of them still does
    std::uint64_t rx_frames = 0;
    std::uint64_t rx_truncated = 0;
    std::uint64_t tx_frames = 0;
    std::uint64_t tx_errors = 0;
    std::uint64_t tx_no_frame = 0;
    std::uint64_t kicks = 0;
    std::uint64_t kick_retries = 0;
};

// Adds to the entry of the same interface, queue, driver and role, or appends one; returns it.
PortTotals& add_totals(std::vector<PortTotals>& list, const PortTotals& more);

class PortLedger {
  public:
    // The ports that are open from now on. Those that no longer are may be destroyed afterwards.
    void set_ports(const std::vector<Port*>& ports);
    // Open ones first, in the order of set_ports().
    [[nodiscard]] std::vector<PortTotals> totals() const;

  private:
    mutable std::mutex mutex_;
    std::vector<const Port*> open_;
    std::vector<PortTotals> closed_;  // one per interface, queue and driver
};

}  // namespace xdhcpd::worker
