#include "daemon/drivers.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "daemon/served_links.h"

namespace xdhcpd::daemon {
namespace {

using model::Driver;

[[nodiscard]] std::string_view name_of(Driver driver) {
    switch (driver) {
        case Driver::kXdp:
            return "xdp";
        case Driver::kXdpGeneric:
            return "xdp-generic";
        case Driver::kPacket:
            return "packet";
        case Driver::kUdp:
            return "udp";
        case Driver::kAuto:
            break;
    }
    return "auto";
}

[[nodiscard]] XdpZeroCopy to_xdp(model::ZeroCopy zero_copy) {
    switch (zero_copy) {
        case model::ZeroCopy::kOn:
            return XdpZeroCopy::kOn;
        case model::ZeroCopy::kOff:
            return XdpZeroCopy::kOff;
        case model::ZeroCopy::kAuto:
            break;
    }
    return XdpZeroCopy::kAuto;
}

constexpr std::string_view kTagsInvisible =
    "VLAN tags that the device or the far end of a veth pair has put into metadata are invisible "
    "there, and subnets of this interface have vlan: (ethtool -K DEVICE rxvlan off mends that on a "
    "network card)";

template <typename Wire>
DrivenInterface::Drops drops_of(const DatagramPort<Wire>& port) {
    return {{"receive_buffer_full", port.kernel_drops()}, {"unreachable", port.unreachable()}};
}

}  // namespace

Result<DrivenInterface, Error> DrivenInterface::open(
    const model::InterfaceConfiguration& configuration, const model::PortConfiguration& ports,
    const model::HostInterface& host_interface, const Needs& needs) {
    static constexpr std::array<Driver, 4> kWalk{Driver::kXdp, Driver::kXdpGeneric, Driver::kPacket,
                                                 Driver::kUdp};
    DrivenInterface driven{host_interface};
    std::string refused;
    for (const Driver driver : kWalk) {
        if (configuration.driver != Driver::kAuto && configuration.driver != driver) {
            continue;
        }
        const auto opened = driven.try_driver(driver, configuration, ports, needs);
        if (opened) {
            driven.driver_ = name_of(driver);
            driven.why_ = refused;
            for (std::uint32_t i = 0; i < driven.ports_.size(); ++i) {
                driven.groups_.push_back(i % needs.worker_count);
            }
            if (driver != Driver::kUdp) {  // which has the port itself
                driven.open_lane(driver, ports.server);
            }
            if (needs.serves_dhcp6) {
                driven.open_port6(driver, ports.server6);
            }
            if (configuration.reply_path == model::ReplyPath::kRoute) {
                RouteOptions options{.server_port = ports.server, .server_port6 = {}};
                if (needs.serves_dhcp6) {
                    options.server_port6 = ports.server6;
                }
                if (const auto route = driven.open_routes(options, needs.worker_count); !route) {
                    return Unexpected{route.error()};
                }
            }
            return driven;
        }
        if (!refused.empty()) {
            refused += "; ";
        }
        refused += std::string{name_of(driver)} + ": " + opened.error().message;
    }
    return Unexpected{Error{0, "interface " + host_interface.name + ": " + refused}};
}

Result<Success, Error> DrivenInterface::try_driver(
    Driver driver, const model::InterfaceConfiguration& configuration,
    const model::PortConfiguration& ports, const Needs& needs) {
    if (driver == Driver::kUdp && needs.has_vlans) {
        return Unexpected{Error{0, "sees no VLAN tags, and subnets of this interface have vlan:"}};
    }
    if (driver == Driver::kXdp || driver == Driver::kXdpGeneric) {
        XdpOptions options;
        options.interface_name = configuration.name;
        options.mode = driver == Driver::kXdp ? XdpMode::kNative : XdpMode::kGeneric;
        options.queues = configuration.queues;
        options.zero_copy = to_xdp(configuration.zero_copy);
        options.server_port = ports.server;
        options.server_port6 = ports.server6;
        auto opened = XdpInterface::open(options);
        if (!opened) {
            return Unexpected{opened.error()};
        }
        xdp_ = std::move(*opened);
        if (needs.has_vlans && !sees_tags()) {
            xdp_.reset();
            return Unexpected{Error{0, std::string{kTagsInvisible}}};
        }
        if (!needs.vlan_devices.empty() && !sees_tags()) {
            xdp_.reset();
            return Unexpected{
                Error{0, "VLAN tags in metadata are invisible there, and the host has " +
                             needs.vlan_devices +
                             ": tagged clients would be answered as untagged ones "
                             "(ethtool -K DEVICE rxvlan off mends that on a network "
                             "card)"}};
        }
        ports_.assign(xdp_->ports().begin(), xdp_->ports().end());
        return Success{};
    }
    if (driver == Driver::kPacket) {
        PacketOptions options;
        options.interface_name = configuration.name;
        options.server_port = ports.server;
        options.server_port6 = ports.server6;
        auto opened = PacketPort::open(options);
        if (!opened) {
            return Unexpected{opened.error()};
        }
        packet_ = opened->get();
        socket_drops_ = [&port = **opened] {
            return Drops{{"receive_buffer_full", port.kernel_drops()}};
        };
        port_ = std::move(*opened);
    } else {
        UdpOptions options;
        options.interface_name = configuration.name;
        options.server_port = ports.server;
        auto opened = UdpPort::open(options);
        if (!opened) {
            return Unexpected{opened.error()};
        }
        socket_drops_ = [&port = **opened] { return drops_of(port); };
        port_ = std::move(*opened);
    }
    ports_ = {port_.get()};
    return Success{};
}

void DrivenInterface::open_lane(Driver driver, std::uint16_t server_port) {
    UdpOptions options;
    options.interface_name = host_interface_.name;
    options.server_port = server_port;
    options.role = PortRole::kLane;
    if (driver == Driver::kPacket) {
        options.copied_payload_len = PacketPort::kMaxPayloadLen;
    }
    auto opened = UdpPort::open(options);
    if (opened) {
        lane_ = std::move(*opened);
        ports_.push_back(lane_.get());
        groups_.push_back(0);
        return;
    }
    const Error& error = opened.error();
    port_problem_ = error.message;
    if (error.errno_value == EADDRINUSE) {
        port_problem_ +=
            ": another DHCP server or relay on this host has it for itself, and will "
            "see the same unicast requests; fragments, IP options and whatever else the driver "
            "leaves to the kernel are not answered";
    } else {
        port_problem_ +=
            "; without a socket on the port the kernel may answer unicast requests "
            "with ICMP port unreachable, and fragments and IP options are not answered";
    }
}

// Whatever the driver: of IPv6 it takes less than this port, and without it nobody is a member of
// the groups of DHCPv6.
void DrivenInterface::open_port6(Driver driver, std::uint16_t server_port) {
    UdpOptions options;
    options.interface_name = host_interface_.name;
    options.server_port = server_port;
    options.role = driver == Driver::kUdp ? PortRole::kDriver : PortRole::kLane;
    if (driver == Driver::kPacket) {
        options.copied_payload_len = PacketPort::kMaxPayloadLen;
    }
    auto opened = Udp6Port::open(options);
    if (opened) {
        port6_ = std::move(*opened);
        ports_.push_back(port6_.get());
        groups_.push_back(0);
        return;
    }
    port6_problem_ = opened.error().message;
    if (driver == Driver::kUdp) {
        port6_problem_ += ": DHCPv6 is not served here";
    } else if (opened.error().errno_value == EADDRINUSE) {
        port6_problem_ +=
            ": another DHCPv6 server or relay on this host has it for itself; fragments, extension "
            "headers and whatever else the driver leaves to the kernel are not answered";
    } else {
        port6_problem_ +=
            "; without a socket on the port nobody joins the groups of DHCPv6 servers, and the "
            "kernel may answer unicast requests with ICMPv6 port unreachable";
    }
}

Result<Success, Error> DrivenInterface::open_routes(const RouteOptions& options,
                                                    std::uint32_t worker_count) {
    const std::uint32_t route_count = std::min(queue_count(), worker_count);
    std::vector<std::unique_ptr<RoutePort>> routes;
    for (std::uint32_t group = 0; group < route_count; ++group) {
        auto opened = RoutePort::open(options);
        if (!opened) {
            return Unexpected{Error{opened.error().errno_value,
                                    "interface " + host_interface_.name +
                                        ": reply-path route: " + opened.error().message}};
        }
        routes.push_back(std::move(*opened));
    }
    for (std::size_t i = 0; i < ports_.size(); ++i) {
        ports_[i]->set_route(routes[groups_[i]].get());
    }
    for (std::uint32_t group = 0; group < route_count; ++group) {
        ports_.push_back(routes[group].get());
        groups_.push_back(group);
    }
    routes_ = std::move(routes);
    return Success{};
}

DrivenInterface::Drops DrivenInterface::kernel_drops(std::size_t port_index) const {
    if (ports_[port_index]->role() == PortRole::kRoute) {
        return {};
    }
    if (ports_[port_index] == lane_.get()) {
        return drops_of(*lane_);
    }
    if (ports_[port_index] == port6_.get()) {
        return drops_of(*port6_);
    }
    if (!xdp_) {
        return socket_drops_();
    }
    const auto statistics = xdp_->statistics(port_index);
    if (!statistics) {
        return {};
    }
    return {{"rx_dropped", statistics->rx_dropped},
            {"rx_ring_full", statistics->rx_ring_full},
            {"rx_fill_ring_empty", statistics->rx_fill_ring_empty},
            {"rx_invalid_descriptors", statistics->rx_invalid_descriptors},
            {"tx_invalid_descriptors", statistics->tx_invalid_descriptors}};
}

std::string DrivenInterface::mode() const {
    if (!xdp_) {
        return {};
    }
    return xdp_->facts().mode == XdpMode::kNative ? "native" : "generic";
}

bool DrivenInterface::zero_copy() const noexcept {
    return xdp_ && xdp_->facts().zero_copy;
}

Result<Success, Error> DrivenInterface::update(const model::Snapshot& snapshot) {
    if (xdp_) {
        return update_xdp(snapshot);
    }
    return packet_ != nullptr ? update_packet(snapshot) : Success{};
}

Result<Success, Error> DrivenInterface::update_packet(const model::Snapshot& snapshot) {
    PacketTake6 take = find_packet_take(snapshot, host_interface_.ifindex);
    if (told_take6_ == take) {
        return Success{};
    }
    told_take6_.reset();
    if (auto set = packet_->set_take6(take); !set) {
        return set;
    }
    told_take6_ = std::move(take);
    return Success{};
}

// Without IPv6 there is nothing to be a member of, and a plain socket sees no solicitations.
Result<Success, Error> DrivenInterface::update_groups(const model::Snapshot& snapshot) {
    if (!xdp_ && packet_ == nullptr) {
        return Success{};
    }
    auto wanted = find_multicast(snapshot, host_interface_.ifindex);
    if (told_multicast_ == wanted) {
        return Success{};
    }
    told_multicast_.reset();
    if (auto set = member_.set(wanted); !set) {
        return set;
    }
    told_multicast_ = std::move(wanted);
    return Success{};
}

// Own addresses before the targets among which they lie, targets before the link that asks for
// them.
Result<Success, Error> DrivenInterface::update_xdp6(const model::Snapshot& snapshot,
                                                    bool with_vlans) {
    const auto addresses = snapshot.ipv6.local_addresses();
    std::vector<Ipv6> local{addresses.begin(), addresses.end()};
    if (told_local6_ != local) {
        told_local6_.reset();
        if (auto set = xdp_->set_local6(local); !set) {
            return set;
        }
        told_local6_ = std::move(local);
    }
    auto targets = find_targets(snapshot, host_interface_.ifindex, with_vlans);
    if (told_targets_ != targets) {
        told_targets_.reset();
        if (auto set = xdp_->set_neighbor_targets(targets); !set) {
            return set;
        }
        told_targets_ = std::move(targets);
    }
    return Success{};
}

Result<Success, Error> DrivenInterface::update_xdp(const model::Snapshot& snapshot) {
    std::vector<Ipv4> local = snapshot.local_destinations();
    std::vector<XdpLink> links = find_links(snapshot, host_interface_.ifindex);
    const bool hides_tags = links.size() > 1 && !sees_tags();
    if (hides_tags) {
        links.resize(1);
    }
    XdpRates rates;
    if (const model::Ingress* const ingress = snapshot.find_ingress(host_interface_.ifindex)) {
        rates = {ingress->client_terms, ingress->link_terms};
    }
    // Before there are links to which they apply. That they cannot be had is said, but keeps
    // nobody from an interface that is served already.
    Result<Success, Error> limited{Success{}};
    if (told_rates_ != rates) {
        told_rates_.reset();
        limited = xdp_->set_rates(rates);
        if (limited) {
            told_rates_ = rates;
        }
    }
    // Most snapshots differ in other things, and an interface may have thousands of links.
    if (told_local_ != local) {
        told_local_.reset();
        if (auto set = xdp_->set_local(local); !set) {
            return set;
        }
        told_local_ = std::move(local);
    }
    if (auto set = update_xdp6(snapshot, !hides_tags); !set) {
        return set;
    }
    if (told_links_ != links) {
        told_links_.reset();
        if (auto set = xdp_->set_links(links); !set) {
            return set;
        }
        told_links_ = std::move(links);
    }
    if (!hides_tags) {
        return limited;
    }
    return Unexpected{Error{0, "VLANs are not served before a restart with another driver: " +
                                   std::string{kTagsInvisible}}};
}

// Whether the XDP program is sure to see every tag of a frame.
bool DrivenInterface::sees_tags() const noexcept {
    return xdp_->facts().sees_stripped_tags || !xdp_->facts().strips_tags;
}

}  // namespace xdhcpd::daemon
