#include "worker/port_ledger.h"

#include <algorithm>

namespace xdhcpd::worker {
namespace {

[[nodiscard]] PortTotals totals_of(const Port& port) {
    const PortCounters& counters = port.counters();
    PortTotals totals;
    totals.interface_name = port.interface_name();
    totals.queue = port.queue();
    totals.driver = port.driver();
    totals.role = port.role();
    totals.rx_frames = counters.rx_frames.value();
    totals.rx_truncated = counters.rx_truncated.value();
    totals.tx_frames = counters.tx_frames.value();
    totals.tx_errors = counters.tx_errors.value();
    totals.tx_no_frame = counters.tx_no_frame.value();
    totals.kicks = counters.kicks.value();
    totals.kick_retries = counters.kick_retries.value();
    return totals;
}

}  // namespace

PortTotals& add_totals(std::vector<PortTotals>& list, const PortTotals& more) {
    const auto found = std::find_if(list.begin(), list.end(), [&](const PortTotals& entry) {
        return entry.interface_name == more.interface_name && entry.queue == more.queue &&
               entry.driver == more.driver && entry.role == more.role;
    });
    if (found == list.end()) {
        return list.emplace_back(more);
    }
    found->rx_frames += more.rx_frames;
    found->rx_truncated += more.rx_truncated;
    found->tx_frames += more.tx_frames;
    found->tx_errors += more.tx_errors;
    found->tx_no_frame += more.tx_no_frame;
    found->kicks += more.kicks;
    found->kick_retries += more.kick_retries;
    return *found;
}

void PortLedger::set_ports(const std::vector<Port*>& ports) {
    const std::lock_guard lock{mutex_};
    for (const Port* const port : open_) {
        if (std::find(ports.begin(), ports.end(), port) == ports.end()) {
            static_cast<void>(add_totals(closed_, totals_of(*port)));
        }
    }
    open_.assign(ports.begin(), ports.end());
}

std::vector<PortTotals> PortLedger::totals() const {
    const std::lock_guard lock{mutex_};
    std::vector<PortTotals> result;
    for (const Port* const port : open_) {
        add_totals(result, totals_of(*port)).open = true;
    }
    for (const PortTotals& entry : closed_) {
        static_cast<void>(add_totals(result, entry));
    }
    return result;
}

}  // namespace xdhcpd::worker
