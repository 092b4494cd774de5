// Opens the driver of an interface: the one asked for, or the best that works. Control thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/result.h"
#include "host/multicast_member.h"
#include "io/packet/packet_port.h"
#include "io/udp/route_port.h"
#include "io/udp/udp6_port.h"
#include "io/udp/udp_port.h"
#include "io/xsk/xdp_interface.h"
#include "model/configuration.h"
#include "model/host_state.h"
#include "model/snapshot.h"
#include "packet/port.h"

namespace xdhcpd::daemon {

// An interface with its driver; destroyed after the workers that use its ports.
class DrivenInterface {
  public:
    // Opens `configuration.driver`. `auto` walks down xdp, xdp-generic, packet, udp and keeps why
    // each one before the last refused. An error names the interface and every driver tried.
    // `has_vlans`: tagged clients are served here, so a driver that cannot see every tag will not
    // do; nor one that would take a tagged client for an untagged one where the host has VLANs of
    // this interface. `serves_dhcp6`: the IPv6 port is opened, too. `worker_count`: its ports go
    // to so many workers in turn, see group_of().
    struct Needs {
        bool has_vlans = false;
        bool serves_dhcp6 = false;
        std::uint32_t worker_count = 1;
        std::string vlan_devices{};  // VLAN interfaces of the host on it, named for people
    };
    [[nodiscard]] static Result<DrivenInterface, Error> open(
        const model::InterfaceConfiguration& configuration, const model::PortConfiguration& ports,
        const model::HostInterface& host_interface, const Needs& needs);

    [[nodiscard]] const std::string& name() const noexcept { return host_interface_.name; }
    [[nodiscard]] const model::HostInterface& host_interface() const noexcept {
        return host_interface_;
    }
    [[nodiscard]] std::string_view driver() const noexcept { return driver_; }
    // "native" or "generic"; empty for drivers without modes.
    [[nodiscard]] std::string mode() const;
    [[nodiscard]] bool zero_copy() const noexcept;
    // Why better drivers were not taken; empty when the first one worked.
    [[nodiscard]] const std::string& why() const noexcept { return why_; }
    // Those of the driver, then the kernel lane, the port of IPv6 (for the udp driver its second
    // one, else another lane) and the route ports if there are any.
    [[nodiscard]] const std::vector<Port*>& ports() const noexcept { return ports_; }
    // Ports of one group belong to one worker; below worker_count. A port has its route in its
    // group.
    [[nodiscard]] std::uint32_t group_of(std::size_t port_index) const noexcept {
        return groups_[port_index];
    }
    [[nodiscard]] std::uint32_t queue_count() const noexcept {
        return static_cast<std::uint32_t>(ports_.size() - (lane_ ? 1 : 0) - (port6_ ? 1 : 0) -
                                          routes_.size());
    }
    // Whether a tag may be invisible, so that a tagged client would be answered as untagged.
    [[nodiscard]] bool may_miss_tags() const noexcept { return xdp_ && !sees_tags(); }
    // Null unless the driver is xdp or xdp-generic.
    [[nodiscard]] XdpInterface* xdp() const noexcept { return xdp_.get(); }

    // Why there is no kernel lane, and what that means; empty if there is, or need not be.
    [[nodiscard]] const std::string& port_problem() const noexcept { return port_problem_; }
    // Likewise of IPv6.
    [[nodiscard]] const std::string& port6_problem() const noexcept { return port6_problem_; }
    using Drops = std::vector<std::pair<std::string, std::uint64_t>>;
    // What the kernel dropped before ports()[port_index] could have it, and what the network gave
    // back, by reason, since open(). Any thread.
    [[nodiscard]] Drops kernel_drops(std::size_t port_index) const;

    // Tells the driver what is served: the XDP program which destinations are ours, its MAC among
    // them, and which rates are allowed; the packet socket what of IPv6 it takes. Nothing when it
    // knows that already.
    [[nodiscard]] Result<Success, Error> update(const model::Snapshot& snapshot);
    // Joins the multicast groups that the snapshot needs and leaves the others.
    [[nodiscard]] Result<Success, Error> update_groups(const model::Snapshot& snapshot);

  private:
    explicit DrivenInterface(const model::HostInterface& host_interface)
        : host_interface_{host_interface}, member_{host_interface.name, host_interface.ifindex} {}
    [[nodiscard]] Result<Success, Error> try_driver(
        model::Driver driver, const model::InterfaceConfiguration& configuration,
        const model::PortConfiguration& ports, const Needs& needs);
    [[nodiscard]] bool sees_tags() const noexcept;
    void open_lane(model::Driver driver, std::uint16_t server_port);
    void open_port6(model::Driver driver, std::uint16_t server_port);
    [[nodiscard]] Result<Success, Error> open_routes(const RouteOptions& options,
                                                     std::uint32_t worker_count);
    [[nodiscard]] Result<Success, Error> update_xdp(const model::Snapshot& snapshot);
    [[nodiscard]] Result<Success, Error> update_xdp6(const model::Snapshot& snapshot,
                                                     bool with_vlans);
    [[nodiscard]] Result<Success, Error> update_packet(const model::Snapshot& snapshot);

    model::HostInterface host_interface_;
    std::string driver_;
    std::string why_;
    std::unique_ptr<XdpInterface> xdp_;
    // What was told last; nothing before the first time and after a failure.
    std::optional<std::vector<Ipv4>> told_local_;
    std::optional<std::vector<Ipv6>> told_local6_;
    std::optional<std::vector<XdpNeighborTarget>> told_targets_;
    std::optional<PacketTake6> told_take6_;
    std::optional<host::MulticastMember::Wanted> told_multicast_;
    std::optional<std::vector<XdpLink>> told_links_;
    std::optional<XdpRates> told_rates_;
    std::unique_ptr<Port> port_;           // of the drivers with one port
    PacketPort* packet_ = nullptr;         // the same, if it is one
    std::function<Drops()> socket_drops_;  // of port_
    // Beside the fast drivers: serves what they leave to the kernel's stack, and keeps that from
    // answering unicast requests with ICMP port unreachable.
    std::unique_ptr<UdpPort> lane_;
    std::unique_ptr<Udp6Port> port6_;
    host::MulticastMember member_;
    // Under `reply-path: route`: by them the others' routable replies leave. By group.
    std::vector<std::unique_ptr<RoutePort>> routes_;
    std::string port_problem_;
    std::string port6_problem_;
    std::vector<Port*> ports_;
    std::vector<std::uint32_t> groups_;  // likewise
};

}  // namespace xdhcpd::daemon
