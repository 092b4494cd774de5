#include "daemon/check_ipv6.h"

#include <algorithm>
#include <string>

namespace xdhcpd::daemon {
namespace {

using host::Finding;

void check_targets(const model::NeighborProxyConfiguration& proxy, const model::HostState& host,
                   std::vector<Finding>& findings) {
    for (const Ipv6Prefix& target : proxy.targets) {
        for (const model::HostInterface& interface : host.interfaces) {
            for (const Ipv6Prefix& address : interface.addresses6) {
                if (target.contains(address.address)) {
                    findings.push_back({Finding::Level::kMend,
                                        proxy.interface,
                                        "proxy",
                                        "target " + to_string(target) + " has " +
                                            to_string(address.address) + " inside, an address of " +
                                            interface.name +
                                            ": the kernel answers for it, and two answers would "
                                            "contradict each other; take it out of targets",
                                        {}});
                }
            }
        }
    }
}

void check_source(const model::AdvertisementConfiguration& advertisement,
                  const model::HostState& host, std::vector<Finding>& findings) {
    const model::HostInterface* const interface = host.find(advertisement.interface);
    if (interface == nullptr) {
        return;
    }
    const bool has_link_local =
        std::any_of(interface->addresses6.begin(), interface->addresses6.end(),
                    [](const Ipv6Prefix& address) { return address.address.is_link_local(); });
    if (!has_link_local) {
        findings.push_back({Finding::Level::kNote, interface->name, "link-local",
                            "has no link-local IPv6 address (yet), from which Router "
                            "Advertisements must come (RFC 4861 section 4.2)",
                            "sysctl net.ipv6.conf." + interface->name + ".disable_ipv6=0"});
    }
}

}  // namespace

std::vector<Finding> check_ipv6(const model::Configuration& configuration,
                                const model::HostState& host) {
    std::vector<Finding> findings;
    for (const model::NeighborProxyConfiguration& proxy : configuration.neighbor_proxies) {
        check_targets(proxy, host, findings);
    }
    for (const model::AdvertisementConfiguration& each : configuration.router_advertisements) {
        check_source(each, host, findings);
    }
    return findings;
}

}  // namespace xdhcpd::daemon
