#include "daemon/drivers.h"

#include <array>
#include <cerrno>
#include <utility>

#include "io/packet/packet_port.h"

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

}  // namespace

Result<DrivenInterface, Error> DrivenInterface::open(
    const model::InterfaceConfiguration& configuration, const model::PortConfiguration& ports,
    const model::HostInterface& host_interface) {
    static constexpr std::array<Driver, 4> kWalk{Driver::kXdp, Driver::kXdpGeneric, Driver::kPacket,
                                                 Driver::kUdp};
    DrivenInterface driven{host_interface};
    std::string refused;
    for (const Driver driver : kWalk) {
        if (configuration.driver != Driver::kAuto && configuration.driver != driver) {
            continue;
        }
        const auto opened = driven.try_driver(driver, configuration, ports);
        if (opened) {
            driven.driver_ = name_of(driver);
            driven.why_ = refused;
            if (driver != Driver::kUdp) {  // which has the port itself
                driven.open_lane(driver, ports.server);
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
    const model::PortConfiguration& ports) {
    if (driver == Driver::kXdp || driver == Driver::kXdpGeneric) {
        XdpOptions options;
        options.interface_name = configuration.name;
        options.mode = driver == Driver::kXdp ? XdpMode::kNative : XdpMode::kGeneric;
        options.queues = configuration.queues;
        options.zero_copy = to_xdp(configuration.zero_copy);
        options.server_port = ports.server;
        auto opened = XdpInterface::open(options);
        if (!opened) {
            return Unexpected{opened.error()};
        }
        xdp_ = std::move(*opened);
        ports_.assign(xdp_->ports().begin(), xdp_->ports().end());
        return Success{};
    }
    if (driver == Driver::kPacket) {
        PacketOptions options;
        options.interface_name = configuration.name;
        options.server_port = ports.server;
        auto opened = PacketPort::open(options);
        if (!opened) {
            return Unexpected{opened.error()};
        }
        socket_drops_ = [&port = **opened] { return port.kernel_drops(); };
        port_ = std::move(*opened);
    } else {
        UdpOptions options;
        options.interface_name = configuration.name;
        options.server_port = ports.server;
        auto opened = UdpPort::open(options);
        if (!opened) {
            return Unexpected{opened.error()};
        }
        socket_drops_ = [&port = **opened] { return port.kernel_drops(); };
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

std::vector<std::pair<std::string, std::uint64_t>> DrivenInterface::kernel_drops(
    std::size_t port_index) const {
    if (ports_[port_index] == lane_.get()) {
        return {{"receive_buffer_full", lane_->kernel_drops()}};
    }
    if (!xdp_) {
        return {{"receive_buffer_full", socket_drops_()}};
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
    if (!xdp_) {
        return Success{};
    }
    if (auto set = xdp_->set_local(snapshot.local_destinations()); !set) {
        return set;
    }
    // The MAC may have changed since the program was loaded; unicast renewals go to the present
    // one.
    XdpLink untagged;
    if (const model::Ingress* const ingress = snapshot.find_ingress(host_interface_.ifindex)) {
        untagged.mac = ingress->interface.mac;
    }
    return xdp_->set_links({&untagged, 1});
}

}  // namespace xdhcpd::daemon
