#include "config/configuration_reader.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/dhcp4_reader.h"
#include "config/interface_reader.h"
#include "config/limits.h"
#include "config/server_reader.h"
#include "config/subnet_checks.h"
#include "config/subnet_reader.h"

namespace xdhcpd::config {
namespace {

constexpr std::uint64_t kMinSideMemory = std::uint64_t{64} << 10;
constexpr std::uint64_t kMaxSideMemory = std::uint64_t{64} << 30;

constexpr std::array<std::string_view, 11> kRootKeys{
    "log",        "interfaces",      "workers",    "control-socket", "http",
    "durability", "state-directory", "max-leases", "side-memory",    "ports",
    "dhcp4"};

void settle_lease_count(Reporter& reporter, const std::optional<Value>& max_leases,
                        std::span<const PlacedSubnet> subnets,
                        model::Configuration& configuration) {
    std::uint64_t address_count = 0;
    for (const PlacedSubnet& placed : subnets) {
        for (const model::PoolConfiguration& pool : placed.subnet.pools) {
            address_count += std::uint64_t{pool.last.value} - pool.first.value + 1;
        }
        address_count += placed.subnet.reservations.size();
    }
    if (!max_leases) {  // room for everybody; what is not used costs no memory
        configuration.max_leases = static_cast<std::uint32_t>(
            std::clamp<std::uint64_t>(address_count, configuration.max_leases, kMaxLeases));
    }
    if (address_count > configuration.max_leases) {
        reporter.warning(max_leases ? max_leases->place() : Place{},
                         "max-leases: pools and reservations have " +
                             std::to_string(address_count) + " addresses, and no more than " +
                             std::to_string(configuration.max_leases) + " clients get one");
    }
}

}  // namespace

model::Configuration read_configuration(Reporter& reporter, const Node& root,
                                        Completeness completeness) {
    const Reader reader{reporter};
    const MapReader map{reader, {&root, {}}, kRootKeys};
    if (!map.is_map()) {
        return {};
    }
    model::Configuration configuration;
    if (const auto member = map.find("log")) {
        read_log(reader, *member, configuration);
    }
    InterfaceReader interface_reader{reader};
    if (const auto member = map.find_expected(
            "interfaces", "a list such as [{name: eth0}] was meant", completeness)) {
        interface_reader.read(*member);
    }
    configuration.interfaces = interface_reader.take();
    const PlacedInterfaces& interfaces = interface_reader.placed();
    if (const auto member = map.find("workers")) {
        read_workers(reader, *member, configuration);
    }
    if (const auto member = map.find("control-socket")) {
        read_control_socket(reader, *member, configuration);
    }
    if (const auto member = map.find("http")) {
        read_http(reader, *member, configuration);
    }
    if (const auto member = map.find("durability")) {
        read_durability(reader, *member, configuration);
    }
    if (const auto member = map.find("state-directory")) {
        read_state_directory(reader, *member, configuration);
    }
    const auto max_leases = map.find("max-leases");
    if (max_leases) {
        configuration.max_leases =
            reader.number(*max_leases, 1, kMaxLeases).value_or(configuration.max_leases);
    }
    if (const auto member = map.find("side-memory")) {
        configuration.side_memory = reader.size(*member, kMinSideMemory, kMaxSideMemory)
                                        .value_or(configuration.side_memory);
    }
    if (const auto member = map.find("ports")) {
        read_ports(reader, *member, interfaces, configuration);
    }
    std::vector<PlacedSubnet> subnets;
    if (const auto member = map.find_expected(
            "dhcp4", "a map with subnets was meant; nothing to serve", completeness)) {
        subnets = read_dhcp4(reader, *member, completeness, configuration.dhcp4);
    }
    check_subnets(reporter, subnets, configuration.interfaces, interfaces);
    warn_of_unserved_interfaces(reporter, subnets, interfaces);
    settle_lease_count(reporter, max_leases, subnets, configuration);
    for (PlacedSubnet& placed : subnets) {
        configuration.dhcp4.subnets.push_back(std::move(placed.subnet));
    }
    return configuration;
}

}  // namespace xdhcpd::config
