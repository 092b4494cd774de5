#include "daemon/served_interfaces.h"

#include <algorithm>

#include "daemon/kernel.h"
#include "daemon/log.h"
#include "host/devices.h"

namespace xdhcpd::daemon {
namespace {

[[nodiscard]] std::string join(const std::vector<std::string>& parts, const char* separator) {
    std::string text;
    for (const std::string& part : parts) {
        text += (text.empty() ? "" : separator) + part;
    }
    return text;
}

void add(std::vector<std::pair<std::string, std::uint64_t>>& sums, std::string_view name,
         std::uint64_t value) {
    for (auto& [known, sum] : sums) {
        if (known == name) {
            sum += value;
            return;
        }
    }
    sums.emplace_back(name, value);
}

[[nodiscard]] std::string describe(const DrivenInterface& driven) {
    const std::uint32_t queues = driven.queue_count();
    std::string text{driven.driver()};
    if (driven.xdp() != nullptr) {
        text += driven.driver() == "xdp" ? " " + driven.mode() : "";
        text += driven.zero_copy() ? ", zero-copy, " : ", ";
        text += std::to_string(queues) + (queues == 1 ? " queue" : " queues");
    }
    return text;
}

[[nodiscard]] std::string describe(const std::vector<model::VlanRange>& vlans) {
    return vlans.empty() ? std::string{} : " (vlan " + model::to_string(vlans) + ")";
}

// Of direct clients of the interface, untagged ones first, IPv6 behind IPv4.
[[nodiscard]] std::vector<std::string> subnets_of(const model::Snapshot& snapshot,
                                                  const model::Ingress* ingress,
                                                  const std::string& interface_name) {
    std::vector<std::string> subnets;
    if (ingress != nullptr && ingress->link) {
        for (const std::uint32_t index : snapshot.links[*ingress->link].subnets) {
            subnets.push_back(to_string(snapshot.subnets[index].prefix));
        }
    }
    for (const model::Subnet& subnet : snapshot.subnets) {
        if (!subnet.vlans.empty() && subnet.interface == interface_name) {
            subnets.push_back(to_string(subnet.prefix) + describe(subnet.vlans));
        }
    }
    if (ingress != nullptr && ingress->link6) {
        for (const std::uint32_t index : snapshot.ipv6.links[*ingress->link6].subnets) {
            subnets.push_back(to_string(snapshot.ipv6.subnets[index].prefix));
        }
    }
    for (const model::Subnet6& subnet : snapshot.ipv6.subnets) {
        if (!subnet.vlans.empty() && subnet.interface == interface_name) {
            subnets.push_back(to_string(subnet.prefix) + describe(subnet.vlans));
        }
    }
    return subnets;
}

}  // namespace

ServedInterfaces::ServedInterfaces(const worker::SnapshotSlot& snapshots,
                                   const model::PortConfiguration& ports)
    : snapshots_{snapshots},
      port_configuration_{ports},
      managed_{{.open = [this](const auto& configuration,
                               const auto& host) { return open(configuration, host); },
                .close = [this](const std::string& name) { close(name); },
                .queue_count = host::read_queue_count,
                .log = log_line,
                .clock = boot_time}} {}

void ServedInterfaces::set_workers(worker::WorkerGroup& workers) {
    workers_ = &workers;
    spread_ = PortSpread{workers.count()};
}

void ServedInterfaces::update(const model::Configuration& configuration,
                              const model::HostState& host) {
    with_vlans_.clear();
    for (const model::SubnetConfiguration& subnet : configuration.dhcp4.subnets) {
        if (!subnet.vlans.empty()) {
            with_vlans_.insert(subnet.interface);
        }
    }
    for (const model::Subnet6Configuration& subnet : configuration.dhcp6.subnets) {
        if (!subnet.vlans.empty()) {
            with_vlans_.insert(subnet.interface);
        }
    }
    for (const model::AdvertisementConfiguration& advertised :
         configuration.router_advertisements) {
        if (advertised.vlan) {
            with_vlans_.insert(advertised.interface);
        }
    }
    for (const model::NeighborProxyConfiguration& proxy : configuration.neighbor_proxies) {
        if (proxy.vlan) {
            with_vlans_.insert(proxy.interface);
        }
    }
    if (configuration.dhcp6.is_on() != serves_dhcp6_) {
        serves_dhcp6_ = !serves_dhcp6_;
        managed_.reopen_all(serves_dhcp6_ ? "DHCPv6 is served now" : "DHCPv6 is served no more");
    }
    vlan_devices_.clear();
    for (const model::HostInterface& device : host.interfaces) {
        for (const model::HostInterface& lower : host.interfaces) {
            if (device.vlan_of != 0 && device.vlan_of == lower.ifindex) {
                std::string& names = vlan_devices_[lower.name];
                names += (names.empty() ? "" : ", ") + device.name;
            }
        }
    }
    managed_.update(configuration.interfaces, host, departures_, lost_, boot_time());
    warn_of_vlans();
    departures_.clear();
    lost_ = false;
}

// VLANs of the host may come while a driver is open that does not see their tags.
void ServedInterfaces::warn_of_vlans() {
    for (const auto& [name, driven] : open_) {
        const auto found = vlan_devices_.find(name);
        const std::string devices = found == vlan_devices_.end() ? std::string{} : found->second;
        if (driven->may_miss_tags() && !devices.empty() && told_vlans_[name] != devices) {
            spdlog::warn(
                "interface {}: the host has {} on it now, and {} cannot see VLAN tags in metadata: "
                "tagged clients would be answered as untagged ones; set driver: packet, or "
                "ethtool -K {} rxvlan off",
                name, devices, driven->driver(), name);
        }
        told_vlans_[name] = devices;
    }
}

void ServedInterfaces::note(const std::vector<host::LinkDeparture>& departures, bool lost) {
    departures_.insert(departures_.end(), departures.begin(), departures.end());
    lost_ = lost_ || lost;
}

void ServedInterfaces::tick() {
    managed_.tick(boot_time());
}

void ServedInterfaces::update_drivers(const model::Snapshot& snapshot) {
    for (const auto& [name, driven] : open_) {
        if (const auto updated = driven->update(snapshot); !updated) {
            spdlog::error("interface {}: {}", name, updated.error().message);
        }
        if (const auto joined = driven->update_groups(snapshot); !joined) {
            spdlog::warn("interface {}: {}", name, joined.error().message);
        }
    }
}

void ServedInterfaces::disable() {
    for (const auto& [name, driven] : open_) {
        if (driven->xdp() != nullptr) {
            static_cast<void>(driven->xdp()->set_enabled(false));
        }
    }
}

Result<OpenedInterface, Error> ServedInterfaces::open(
    const model::InterfaceConfiguration& configuration,
    const model::HostInterface& host_interface) {
    auto opened = DrivenInterface::open(configuration, port_configuration_, host_interface,
                                        {.has_vlans = with_vlans_.contains(configuration.name),
                                         .serves_dhcp6 = serves_dhcp6_,
                                         .worker_count = spread_.worker_count(),
                                         .vlan_devices = vlan_devices_[configuration.name]});
    // Whose program is in the way can only be told now.
    const bool is_refused = !opened || !opened->why().empty();
    std::string holder;
    if (is_refused) {
        if (const auto program = host::find_xdp_program(host_interface.ifindex)) {
            holder = "; " + host::describe(*program);
        }
    }
    if (!opened) {
        Error error = opened.error();
        // The line says already whose it is.
        const std::string prefix = "interface " + configuration.name + ": ";
        if (error.message.starts_with(prefix)) {
            error.message.erase(0, prefix.size());
        }
        error.message += holder;
        return Unexpected{std::move(error)};
    }
    auto driven = std::make_unique<DrivenInterface>(std::move(*opened));
    if (const auto updated = driven->update(snapshots_.newest()); !updated) {
        return Unexpected{updated.error()};
    }
    if (const auto joined = driven->update_groups(snapshots_.newest()); !joined) {
        spdlog::warn("interface {}: {}", configuration.name, joined.error().message);
    }
    OpenedInterface result;
    result.text = describe(*driven);
    result.why = driven->why().empty() ? std::string{} : driven->why() + holder;
    result.is_xdp = driven->xdp() != nullptr;
    result.xdp_program = result.is_xdp ? driven->xdp()->facts().program_id : 0;
    if (!driven->port_problem().empty()) {
        spdlog::warn("interface {}: {}", configuration.name, driven->port_problem());
    }
    if (!driven->port6_problem().empty()) {
        spdlog::warn("interface {}: {}", configuration.name, driven->port6_problem());
    }
    if (driven->may_miss_tags()) {
        spdlog::warn(
            "interface {}: {} cannot see VLAN tags that the device or the far end of a veth pair "
            "has put into metadata: a tagged client would be answered as an untagged one; where "
            "there are any, set driver: packet, or ethtool -K {} rxvlan off",
            configuration.name, driven->driver(), configuration.name);
    }
    open_[configuration.name] = std::move(driven);
    give_ports();
    return result;
}

void ServedInterfaces::close(const std::string& name) {
    const auto found = open_.find(name);
    if (found == open_.end()) {
        return;
    }
    const std::unique_ptr<DrivenInterface> driven = std::move(found->second);
    open_.erase(found);
    if (driven->xdp() != nullptr) {
        static_cast<void>(driven->xdp()->set_enabled(false));
    }
    give_ports();
    count(*driven, past_[name]);
}

void ServedInterfaces::give_ports() {
    const std::uint32_t count = workers_->count();
    std::vector<std::vector<Port*>> by_worker(count);
    for (const auto& [name, driven] : open_) {
        const std::uint32_t first = spread_.first_for(name, driven->queue_count());
        for (std::size_t i = 0; i < driven->ports().size(); ++i) {
            by_worker[(first + driven->group_of(i)) % count].push_back(driven->ports()[i]);
        }
    }
    workers_->replace_ports(std::move(by_worker));
}

void ServedInterfaces::count(const DrivenInterface& driven, Past& sums) {
    if (driven.xdp() != nullptr) {
        if (const auto counts = driven.xdp()->counters()) {
            for (const XdpVerdictCount& verdict : *counts) {
                add(sums.verdicts, verdict.name, verdict.frames);
            }
        }
    }
    for (std::size_t i = 0; i < driven.ports().size(); ++i) {
        const Port& port = *driven.ports()[i];
        for (const auto& [reason, frames] : driven.kernel_drops(i)) {
            add(sums.kernel_drops[{port.queue(), std::string{port.driver()}}], reason, frames);
        }
    }
}

std::uint64_t ServedInterfaces::fast_queue_count() const noexcept {
    std::uint64_t sum = 0;
    for (const auto& [name, driven] : open_) {
        sum += driven->xdp() != nullptr ? driven->queue_count() : 0;
    }
    return sum;
}

std::vector<control::InterfaceStatus> ServedInterfaces::status() const {
    std::vector<control::InterfaceStatus> result;
    const BootTime now = boot_time();
    for (const ManagedInterface& managed : managed_.all()) {
        control::InterfaceStatus status;
        status.name = managed.configuration.name;
        status.rate_limits = managed.configuration.rate_limits;
        status.state = name_of(managed.state);
        status.is_served = managed.opened.has_value();
        status.detail = managed.detail;
        status.since_seconds = static_cast<std::uint64_t>(
            std::chrono::duration_cast<std::chrono::seconds>(now - managed.since).count());
        status.reopens = managed.reopens;
        status.device_queues = managed.queue_count;
        if (managed.host) {
            status.ifindex = managed.host->ifindex;
            status.mtu = managed.host->mtu;
            status.up = managed.host->up;
            status.carrier = managed.host->carrier;
            status.mac = to_string(managed.host->mac);
            for (const Ipv4Prefix address : managed.host->addresses) {
                status.addresses.push_back(to_string(address));
            }
            for (const Ipv6Prefix& address : managed.host->addresses6) {
                status.addresses.push_back(to_string(address));
            }
        }
        const auto past = past_.find(status.name);
        Past sums = past != past_.end() ? past->second : Past{};
        if (const auto found = open_.find(status.name); found != open_.end()) {
            const DrivenInterface& driven = *found->second;
            status.driver = driven.driver();
            status.mode = driven.mode();
            status.why = managed.opened ? managed.opened->why : driven.why();
            status.zero_copy = driven.zero_copy();
            status.queues = driven.queue_count();
            count(driven, sums);
        }
        status.verdicts = std::move(sums.verdicts);
        for (auto& [port, reasons] : sums.kernel_drops) {
            status.kernel_drops.push_back({port.first, std::move(reasons), port.second});
        }
        result.push_back(std::move(status));
    }
    return result;
}

void ServedInterfaces::log_table(const model::Snapshot& snapshot) const {
    constexpr auto kRow = "{:<15} {:<12} {:<16} {:>6} {:>6}  {:<15} {}";
    spdlog::info(kRow, "interface", "driver", "mode", "queues", "mtu", "server address", "subnets");
    for (const auto& [name, interface] : open_) {
        const model::HostInterface& host_interface = interface->host_interface();
        const model::Ingress* const ingress = snapshot.find_ingress(host_interface.ifindex);
        const std::vector<std::string> subnets = subnets_of(snapshot, ingress, name);
        Ipv4 server_address;
        if (ingress != nullptr && ingress->link) {
            for (const std::uint32_t index : snapshot.links[*ingress->link].subnets) {
                if (server_address.is_zero()) {
                    server_address = snapshot.subnets[index].server_address;
                }
            }
        }
        if (server_address.is_zero() && !host_interface.addresses.empty()) {
            server_address = host_interface.addresses.front().address;
        }
        spdlog::info(kRow, name, interface->driver(),
                     interface->mode() + (interface->zero_copy() ? ", zero-copy" : ""),
                     interface->queue_count(), host_interface.mtu, to_string(server_address),
                     subnets.empty() ? "(relayed clients only)" : join(subnets, ", "));
        if (server_address.is_zero() && !snapshot.subnets.empty()) {
            spdlog::warn(
                "interface {} has no IPv4 address: give it one (ip addr add ...) or set "
                "server-address",
                name);
        }
    }
}

}  // namespace xdhcpd::daemon
