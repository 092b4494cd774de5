// Network: what the server is configured to serve, by the simulator's own account, and the
// configuration that says so. Two links:
//
//   0  direct clients of eth1: 192.0.2.0/26 and 192.0.2.64/26, a shared network; for DHCPv6
//      2001:db8:1::/64, and prefixes of 56 bits from 2001:db8:100::
//   1  clients behind the relays 203.0.113.1 and .2, by eth2: 203.0.113.0/26
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <vector>

#include "base/addresses.h"
#include "dhcp6/options.h"
#include "model/configuration.h"
#include "model/host_state.h"

namespace xdhcpd::sim {

inline constexpr int kDirect = 0;
inline constexpr int kRelayed = 1;
inline constexpr int kLinkCount = 2;

struct Network {
    static constexpr std::size_t kSubnetCount = 3;
    static constexpr std::uint32_t kFirstOfPool = 8;  // in each subnet; below it are routers

    // Addresses in each subnet's pool; 0: the subnet is not configured. The first one always is.
    std::array<std::uint32_t, kSubnetCount> pool_sizes{};
    std::map<Ipv4, int> reserved;  // to whom; all in the first subnet, by hardware address
    std::uint32_t default_time = 300;
    std::uint32_t min_time = 60;
    std::uint32_t max_time = 1200;
    std::uint32_t decline_time = 600;
    // Of DHCPv6.
    std::uint32_t pool6_size = 8;
    std::uint8_t prefix_pool_bits = 3;  // so many prefixes, as a power of two
    bool rapid_commit = false;

    [[nodiscard]] static Ipv4 base(std::size_t subnet);
    // The subnet of an address, configured or not; kSubnetCount for none.
    [[nodiscard]] static std::size_t subnet_of(Ipv4 address);
    [[nodiscard]] static int link_of(std::size_t subnet) {
        return subnet == 2 ? kRelayed : kDirect;
    }
    // Whether the client may have that address now.
    [[nodiscard]] bool allows(int client, Ipv4 address) const;
    // Addresses that anybody may have on that link.
    [[nodiscard]] std::uint32_t pool_size(int link) const;

    // The index-th address or prefix, whether it is in a pool or not.
    [[nodiscard]] static Ipv6Prefix unit6(dhcp6::OptionCode ia, std::uint32_t index);
    [[nodiscard]] std::uint32_t pool6_size_for(dhcp6::OptionCode ia) const noexcept {
        return ia == dhcp6::OptionCode::kIaNa ? pool6_size : 1u << prefix_pool_bits;
    }
    [[nodiscard]] static std::vector<std::byte> server_duid();

    [[nodiscard]] model::Configuration configuration() const;
    [[nodiscard]] static model::HostState host();

  private:
    void configure6(model::Dhcp6Configuration& dhcp6) const;
};

}  // namespace xdhcpd::sim
