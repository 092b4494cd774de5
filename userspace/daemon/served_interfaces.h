// ServedInterfaces: the interfaces of the configuration with their drivers, as they come and go,
// and what is counted of them. Glues ManagedInterfaces to drivers, workers and log. Control thread;
// outlives the workers that use the ports.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "control/control.h"
#include "daemon/drivers.h"
#include "daemon/interfaces.h"
#include "daemon/port_spread.h"
#include "host/netlink_messages.h"
#include "model/configuration.h"
#include "model/snapshot.h"
#include "worker/snapshot_slot.h"
#include "worker/worker_group.h"

namespace xdhcpd::daemon {

class ServedInterfaces {
  public:
    // `snapshots`: what is opened is told of the newest.
    ServedInterfaces(const worker::SnapshotSlot& snapshots, const model::PortConfiguration& ports);
    ServedInterfaces(const ServedInterfaces&) = delete;
    ServedInterfaces& operator=(const ServedInterfaces&) = delete;

    // Whom the ports are given to; before the first of them is opened.
    void set_workers(worker::WorkerGroup& workers);

    // The host as it is now, or other interfaces wanted. A snapshot that knows both is published.
    void update(const model::Configuration& configuration, const model::HostState& host);
    // To be heeded by the next update().
    void note(const std::vector<host::LinkDeparture>& departures, bool lost);
    // Retries and queue counts; about once a second.
    void tick();
    // Tells the XDP programs of a new snapshot.
    void update_drivers(const model::Snapshot& snapshot);
    // New frames pass to the kernel.
    void disable();

    [[nodiscard]] std::vector<control::InterfaceStatus> status() const;
    [[nodiscard]] const std::vector<ManagedInterface>& all() const noexcept {
        return managed_.all();
    }
    // Queues of xdp drivers that are open.
    [[nodiscard]] std::uint64_t fast_queue_count() const noexcept;
    [[nodiscard]] bool wants_another_look() const noexcept { return managed_.wants_another_look(); }
    [[nodiscard]] bool is_impatient() const noexcept { return managed_.is_impatient(); }
    // One line per interface: what serves it and why nothing better, and what it serves.
    void log_table(const model::Snapshot& snapshot) const;

  private:
    using Counts = std::vector<std::pair<std::string, std::uint64_t>>;
    // Of drivers that are closed, so that sums never go backwards.
    struct Past {
        Counts verdicts;
        std::map<std::pair<std::uint32_t, std::string>, Counts>
            kernel_drops;  // by queue and driver
    };
    [[nodiscard]] Result<OpenedInterface, Error> open(
        const model::InterfaceConfiguration& configuration,
        const model::HostInterface& host_interface);
    void close(const std::string& name);
    void give_ports();
    void warn_of_vlans();
    static void count(const DrivenInterface& driven, Past& sums);

    const worker::SnapshotSlot& snapshots_;
    model::PortConfiguration port_configuration_;
    worker::WorkerGroup* workers_ = nullptr;
    PortSpread spread_{1};
    std::map<std::string, std::unique_ptr<DrivenInterface>> open_;  // by name
    std::map<std::string, Past> past_;
    std::set<std::string> with_vlans_;                 // interfaces with subnets in VLANs
    std::map<std::string, std::string> vlan_devices_;  // of the host, by interface, for people
    std::map<std::string, std::string> told_vlans_;    // of what is open, warned of last
    bool serves_dhcp6_ = false;
    std::vector<host::LinkDeparture> departures_;
    bool lost_ = false;
    ManagedInterfaces managed_;
};

}  // namespace xdhcpd::daemon
