#include "sim/network.h"

#include "support/dhcp6.h"
#include "support/engine_harness.h"

namespace xdhcpd::sim {

using testing::ip;

namespace {
constexpr std::uint8_t kAddressLen6 = 128;
constexpr std::uint8_t kDelegatedLen = 56;
}  // namespace

Ipv4 Network::base(std::size_t subnet) {
    static const std::array<Ipv4, kSubnetCount> bases{ip("192.0.2.0"), ip("192.0.2.64"),
                                                      ip("203.0.113.0")};
    return bases[subnet];
}

std::size_t Network::subnet_of(Ipv4 address) {
    std::size_t subnet = 0;
    while (subnet < kSubnetCount && (address.value & ~std::uint32_t{63}) != base(subnet).value) {
        ++subnet;
    }
    return subnet;
}

bool Network::allows(int client, Ipv4 address) const {
    const std::size_t subnet = subnet_of(address);
    if (subnet == kSubnetCount || pool_sizes[subnet] == 0) {
        return false;
    }
    if (const auto found = reserved.find(address); found != reserved.end()) {
        return found->second == client;
    }
    const std::uint32_t index = address.value - base(subnet).value;
    return index >= kFirstOfPool && index < kFirstOfPool + pool_sizes[subnet];
}

std::uint32_t Network::pool_size(int link) const {
    std::uint32_t sum = 0;
    for (std::size_t subnet = 0; subnet < kSubnetCount; ++subnet) {
        sum += link_of(subnet) == link ? pool_sizes[subnet] : 0;
    }
    return sum;
}

Ipv6Prefix Network::unit6(dhcp6::OptionCode ia, std::uint32_t index) {
    const bool is_address = ia == dhcp6::OptionCode::kIaNa;
    Ipv6Prefix unit{parse_ipv6(is_address ? "2001:db8:1::1000" : "2001:db8:100::").value(),
                    is_address ? kAddressLen6 : kDelegatedLen};
    unit.address.octets[is_address ? 15 : 6] = static_cast<std::byte>(index);
    return unit;
}

std::vector<std::byte> Network::server_duid() {
    return testing::join({testing::bytes({0, 3, 0, 1}), testing::kServerMac.bytes()});
}

void Network::configure6(model::Dhcp6Configuration& dhcp6) const {
    dhcp6.lifetimes = {default_time / 2, default_time};
    dhcp6.rapid_commit = rapid_commit;
    dhcp6.decline_time = decline_time;
    dhcp6.server_duid = server_duid();
    model::Subnet6Configuration& subnet = dhcp6.subnets.emplace_back();
    subnet.prefix = parse_ipv6_prefix("2001:db8:1::/64").value();
    subnet.interface = "eth1";
    subnet.pools.push_back({unit6(dhcp6::OptionCode::kIaNa, 0).address,
                            unit6(dhcp6::OptionCode::kIaNa, pool6_size - 1).address});
    subnet.prefix_pools.push_back({{unit6(dhcp6::OptionCode::kIaPd, 0).address,
                                    static_cast<std::uint8_t>(kDelegatedLen - prefix_pool_bits)},
                                   kDelegatedLen,
                                   {}});
}

model::Configuration Network::configuration() const {
    model::Configuration configuration;
    for (const char* const name : {"eth1", "eth2"}) {
        configuration.interfaces.push_back(
            {.name = name, .driver = {}, .queues = {}, .zero_copy = {}});
    }
    model::Dhcp4Configuration& dhcp4 = configuration.dhcp4;
    dhcp4.lease_time = {default_time, min_time, max_time};
    dhcp4.decline_time = decline_time;
    for (std::size_t i = 0; i < kSubnetCount; ++i) {
        if (pool_sizes[i] == 0) {
            continue;
        }
        model::SubnetConfiguration subnet;
        subnet.prefix = {base(i), 26};
        subnet.pools.push_back({Ipv4{base(i).value + kFirstOfPool},
                                Ipv4{base(i).value + kFirstOfPool + pool_sizes[i] - 1}});
        if (link_of(i) == kDirect) {
            subnet.interface = "eth1";
            subnet.shared_network = "direct";
        } else {
            subnet.relays = {ip("203.0.113.1"), ip("203.0.113.2")};
        }
        if (i == 0) {
            for (const auto& [address, client] : reserved) {
                model::ReservationConfiguration reservation;
                reservation.identifier.kind = model::IdentifierKind::kHwAddress;
                reservation.identifier.value.push_back(std::byte{1});
                testing::append(reservation.identifier.value, testing::mac(client).bytes());
                reservation.address = address;
                subnet.reservations.push_back(reservation);
            }
        }
        dhcp4.subnets.push_back(subnet);
    }
    configure6(configuration.dhcp6);
    return configuration;
}

model::HostState Network::host() {
    model::HostState host;
    host.interfaces.push_back({testing::kEth1,
                               "eth1",
                               testing::kServerMac,
                               1500,
                               true,
                               {parse_ipv4_prefix("192.0.2.1/26").value()}});
    host.interfaces.back().addresses6 = {parse_ipv6_prefix("fe80::53fe/64").value(),
                                         parse_ipv6_prefix("2001:db8:1::1/64").value()};
    host.interfaces.push_back({testing::kEth2,
                               "eth2",
                               testing::kServerMac,
                               1500,
                               true,
                               {parse_ipv4_prefix("198.51.100.1/26").value()}});
    return host;
}

}  // namespace xdhcpd::sim
