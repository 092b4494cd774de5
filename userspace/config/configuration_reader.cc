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

#include "base/bytes.h"
#include "config/advertisement_reader.h"
#include "config/dhcp4_reader.h"
#include "config/dhcp6_reader.h"
#include "config/hook_reader.h"
#include "config/interface_reader.h"
#include "config/limits.h"
#include "config/neighbor_checks.h"
#include "config/neighbor_proxy_reader.h"
#include "config/server_reader.h"
#include "config/subnet6_checks.h"
#include "config/subnet6_reader.h"
#include "config/subnet_checks.h"
#include "config/subnet_reader.h"

namespace xdhcpd::config {
namespace {

constexpr std::uint64_t kMinSideMemory = std::uint64_t{64} << 10;
constexpr std::uint64_t kMaxSideMemory = std::uint64_t{64} << 30;

// A pool with more units is used in part (lease::Ipv6Names), so it says nothing about how many
// clients there will be.
constexpr std::uint64_t kMaxCountedPool = std::uint64_t{1} << 20;

constexpr std::array<std::string_view, 15> kRootKeys{"log",
                                                     "interfaces",
                                                     "workers",
                                                     "control-socket",
                                                     "http",
                                                     "durability",
                                                     "state-directory",
                                                     "max-leases",
                                                     "side-memory",
                                                     "ports",
                                                     "dhcp4",
                                                     "dhcp6",
                                                     "router-advertisements",
                                                     "neighbor-proxies",
                                                     "hooks"};

// What serves clients; one of them at least is there.
constexpr std::array<std::string_view, 4> kServices{"dhcp4", "dhcp6", "router-advertisements",
                                                    "neighbor-proxies"};

// Addresses and prefixes of one subnet that the index may have to hold.
std::uint64_t unit_count(const model::Subnet6Configuration& subnet) {
    std::uint64_t count = 0;
    const auto add = [&count](std::uint64_t size) { count += size <= kMaxCountedPool ? size : 0; };
    for (const model::Pool6Configuration& pool : subnet.pools) {
        const Ipv6Prefix network{pool.first, 64};
        const std::uint64_t first = load_be64(pool.first.octets.data() + 8);
        const std::uint64_t last = load_be64(pool.last.octets.data() + 8);
        add(network.contains(pool.last) && last - first < kMaxCountedPool ? last - first + 1
                                                                          : kMaxCountedPool + 1);
    }
    for (const model::PrefixPoolConfiguration& pool : subnet.prefix_pools) {
        add(std::uint64_t{1} << (pool.delegated_length - pool.prefix.length));
    }
    for (const model::Reservation6Configuration& reservation : subnet.reservations) {
        count += reservation.addresses.size() + reservation.prefixes.size();
    }
    return count;
}

void settle_lease_count(Reporter& reporter, const std::optional<Value>& max_leases,
                        std::span<const PlacedSubnet> subnets,
                        std::span<const PlacedSubnet6> subnets6,
                        model::Configuration& configuration) {
    std::uint64_t address_count = 0;
    for (const PlacedSubnet6& placed : subnets6) {
        address_count += unit_count(placed.subnet);
    }
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

// Warns of interfaces through which no client gets anything.
void warn_of_unserved_interfaces(Reporter& reporter, std::span<const PlacedSubnet> subnets,
                                 std::span<const PlacedSubnet6> subnets6,
                                 std::span<const PlacedAdvertisement> advertisements,
                                 std::span<const PlacedProxy> proxies,
                                 const PlacedInterfaces& interfaces) {
    // A subnet that names no interface may be on any; one that is not listed may be a misspelt
    // one, which is reported.
    const auto may_be_anywhere = [&](const auto& placed) {
        return placed.subnet.interface.empty() || !placed.subnet.relays.empty() ||
               !interfaces.contains(placed.subnet.interface);
    };
    if (std::ranges::any_of(subnets, may_be_anywhere) ||
        std::ranges::any_of(subnets6, may_be_anywhere) ||
        std::ranges::any_of(advertisements,
                            [&](const PlacedAdvertisement& placed) {
                                return !interfaces.contains(placed.advertisement.interface);
                            }) ||
        std::ranges::any_of(proxies,
                            [&](const PlacedProxy& placed) {
                                return !interfaces.contains(placed.proxy.interface);
                            }) ||
        (subnets.empty() && subnets6.empty() && advertisements.empty() && proxies.empty())) {
        return;
    }
    for (const auto& [name, interface] : interfaces) {
        const auto serves = [&name = name](const auto& placed) {
            return placed.subnet.interface == name;
        };
        const bool named = std::ranges::any_of(subnets, serves) ||
                           std::ranges::any_of(subnets6, serves) ||
                           std::ranges::any_of(advertisements,
                                               [&name = name](const PlacedAdvertisement& placed) {
                                                   return placed.advertisement.interface == name;
                                               }) ||
                           std::ranges::any_of(proxies, [&name = name](const PlacedProxy& placed) {
                               return placed.proxy.interface == name;
                           });
        if (!named) {
            reporter.warning(interface.place,
                             "no subnet can be reached through interface " + in_quotes(name));
        }
    }
}

// All that serves clients, and what must hold between its parts.
class ServiceReader {
  public:
    ServiceReader(const Reader& reader,
                  const std::vector<model::InterfaceConfiguration>& interfaces,
                  const PlacedInterfaces& placed_interfaces)
        : reader_{reader}, interfaces_{interfaces}, placed_interfaces_{placed_interfaces} {}

    void read(const MapReader& map, Completeness completeness,
              model::Configuration& configuration) {
        const bool any = std::ranges::any_of(kServices, [&map](std::string_view key) {
            return map.find(key) || map.is_suggested(key);
        });
        if (!any) {
            // A key without value has been reported where it stands; this says what is meant.
            static_cast<void>(map.find_expected(
                "dhcp4",
                "a map with subnets was meant, or dhcp6, router-advertisements or "
                "neighbor-proxies; nothing to serve",
                completeness));
        }
        if (const auto member = map.find("dhcp4")) {
            subnets_ = read_dhcp4(reader_, *member, completeness, configuration.dhcp4);
        }
        if (const auto member = map.find("dhcp6")) {
            subnets6_ = read_dhcp6(reader_, *member, completeness, configuration.dhcp6);
        }
        if (const auto member = map.find("router-advertisements")) {
            advertisements_ = read_advertisements(reader_, *member);
        }
        if (const auto member = map.find("neighbor-proxies")) {
            proxies_ = read_neighbor_proxies(reader_, *member);
        }
    }

    void check(const std::optional<Value>& max_leases, model::Configuration& configuration) const {
        Reporter& reporter = reader_.reporter();
        check_subnets(reporter, subnets_, interfaces_, placed_interfaces_);
        check_subnets6(reporter, subnets6_, !configuration.dhcp6.options.empty(), interfaces_,
                       placed_interfaces_);
        check_neighbors(reporter, advertisements_, proxies_, subnets6_, interfaces_,
                        placed_interfaces_);
        warn_of_unserved_interfaces(reporter, subnets_, subnets6_, advertisements_, proxies_,
                                    placed_interfaces_);
        settle_lease_count(reporter, max_leases, subnets_, subnets6_, configuration);
    }

    void move_to(model::Configuration& configuration) {
        for (PlacedSubnet& placed : subnets_) {
            configuration.dhcp4.subnets.push_back(std::move(placed.subnet));
        }
        for (PlacedSubnet6& placed : subnets6_) {
            configuration.dhcp6.subnets.push_back(std::move(placed.subnet));
        }
        for (PlacedAdvertisement& placed : advertisements_) {
            configuration.router_advertisements.push_back(std::move(placed.advertisement));
        }
        for (PlacedProxy& placed : proxies_) {
            configuration.neighbor_proxies.push_back(std::move(placed.proxy));
        }
    }

  private:
    const Reader& reader_;
    const std::vector<model::InterfaceConfiguration>& interfaces_;
    const PlacedInterfaces& placed_interfaces_;
    std::vector<PlacedSubnet> subnets_;
    std::vector<PlacedSubnet6> subnets6_;
    std::vector<PlacedAdvertisement> advertisements_;
    std::vector<PlacedProxy> proxies_;
};

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
    if (const auto member = map.find("hooks")) {
        configuration.hooks = read_hooks(reader, *member);
        if (!configuration.hooks.empty() && !map.find("dhcp6")) {
            reader.warning(*member,
                           "dhcp6, which delegates prefixes, is missing; there are no events");
        }
    }
    ServiceReader services{reader, configuration.interfaces, interfaces};
    services.read(map, completeness, configuration);
    services.check(max_leases, configuration);
    services.move_to(configuration);
    return configuration;
}

}  // namespace xdhcpd::config
