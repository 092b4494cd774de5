// Places: what the units of a client's link are called, and which unit an address or prefix is.
// Views a request and the store; pure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "base/addresses.h"
#include "dhcp6/values.h"
#include "engine/v6/request.h"
#include "lease/store.h"
#include "model/snapshot.h"

namespace xdhcpd::engine::v6 {

// What an IA address or IA prefix option names; length 128 for an address. Nothing for other
// options.
[[nodiscard]] std::optional<Ipv6Prefix> listed_in(dhcp6::Option option) noexcept;

class Places {
  public:
    Places(const Request& request, const lease::Store& store) noexcept
        : request_{request}, ipv6_{request.snapshot().ipv6}, store_{store} {}

    // Spaces in which the client may hold something of that kind.
    [[nodiscard]] std::span<const lease::SpaceId> spaces(Association association) const noexcept {
        const model::Link6& link = request_.link();
        return association == Association::kAddress ? link.address_spaces : link.prefix_spaces;
    }
    [[nodiscard]] bool is_on_link(lease::Unit unit, Association association) const noexcept;
    // Of a unit of IPv6.
    [[nodiscard]] Ipv6Prefix name_of(lease::Unit unit) const noexcept;
    // The unit of the link's pools with this very name.
    [[nodiscard]] std::optional<lease::Unit> find_pooled(Association association,
                                                         const Ipv6Prefix& what) const noexcept;
    // Of a unit of the link's spaces.
    [[nodiscard]] const model::Subnet6& subnet_of(lease::Unit unit) const noexcept;
    // The pool of such a unit; null for reserved ones outside all pools.
    [[nodiscard]] const model::Pool6* pool_of(lease::Unit unit) const noexcept;

    // "Appropriate to the link" (RFC 8415 section 4.2): an address inside one of its subnets, a
    // prefix inside one of its prefix pools or reserved for this client.
    [[nodiscard]] bool is_appropriate(Association association,
                                      const Ipv6Prefix& what) const noexcept;
    // The configuration says that it belongs elsewhere: not appropriate, and a prefix is also one
    // of another link's pools.
    [[nodiscard]] bool is_elsewhere(Association association, const Ipv6Prefix& what) const noexcept;

    // Calls visit(const Pool6&) for the pools of the client's own subnet, then those of the other
    // subnets of its link, until it returns true.
    template <typename Visit>
    bool visit_pools(Association association, Visit&& visit) const {
        const auto visit_subnet = [&](const model::Subnet6& subnet) {
            const auto& pools =
                association == Association::kAddress ? subnet.pools : subnet.prefix_pools;
            for (const model::Pool6& pool : pools) {
                if (visit(pool)) {
                    return true;
                }
            }
            return false;
        };
        if (visit_subnet(request_.subnet())) {
            return true;
        }
        for (const std::uint32_t other : request_.link().subnets) {
            if (&ipv6_.subnets[other] != &request_.subnet() && visit_subnet(ipv6_.subnets[other])) {
                return true;
            }
        }
        return false;
    }

  private:
    const Request& request_;
    const model::Snapshot6& ipv6_;
    const lease::Store& store_;
};

}  // namespace xdhcpd::engine::v6
