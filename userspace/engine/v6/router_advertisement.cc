#include "engine/v6/router_advertisement.h"

#include <algorithm>
#include <limits>
#include <span>

#include "engine/v6/link_local.h"
#include "nd/writer.h"
#include "packet/frame_writer6.h"

namespace xdhcpd::engine::v6 {
namespace {

using model::AdvertisedPrefixConfiguration;
using model::AdvertisedRouteConfiguration;

// Lifetimes that nobody configured: the router's (RFC 4861 section 6.2.1), and those of what comes
// with it (RFC 8106 section 5.1, RFC 8781 section 4.1).
[[nodiscard]] std::uint32_t default_lifetime(
    const model::AdvertisementConfiguration& configuration) noexcept {
    return 3 * configuration.max_interval;
}

// `lifetime`, but not beyond `until`.
[[nodiscard]] std::uint32_t bounded(std::uint32_t lifetime, std::optional<std::uint64_t> until,
                                    std::uint64_t now) noexcept {
    if (!until) {
        return lifetime;
    }
    const std::uint64_t left = *until > now ? *until - now : 0;
    return static_cast<std::uint32_t>(
        std::min<std::uint64_t>({lifetime, left, nd::kInfiniteLifetime - 1}));
}

class Writer {
  public:
    Writer(const model::AdvertisementConfiguration& configuration, const AdvertisementTerms& terms,
           MutableBytes out) noexcept
        : configuration_{configuration}, terms_{terms}, writer_{out, header()} {}

    void add_link(Mac own) noexcept {
        if (configuration_.source_link_layer) {
            count(writer_.add_source_link_layer(own));
        }
        if (configuration_.mtu) {
            count(writer_.add_mtu(*configuration_.mtu));
        }
    }
    void add_prefixes(std::span<const AdvertisedPrefixConfiguration> prefixes,
                      bool withdrawn) noexcept {
        for (const AdvertisedPrefixConfiguration& prefix : prefixes) {
            const auto lifetime = [&](std::uint32_t configured) {
                return withdrawn ? 0 : bounded(configured, prefix.until, terms_.unix_time);
            };
            count(writer_.add_prefix_information(
                {.prefix = prefix.prefix,
                 .on_link = prefix.on_link,
                 .autonomous = prefix.autonomous,
                 .router_address = prefix.router_address,
                 .pd_preferred = prefix.pd_preferred,
                 .valid_lifetime = lifetime(prefix.lifetimes.valid),
                 .preferred_lifetime = lifetime(prefix.lifetimes.preferred)}));
        }
    }
    void add_routes(std::span<const AdvertisedRouteConfiguration> routes, bool withdrawn) noexcept {
        for (const AdvertisedRouteConfiguration& route : routes) {
            const std::uint32_t lifetime =
                route.lifetime.value_or(default_lifetime(configuration_));
            count(writer_.add_route_information(
                {.prefix = route.prefix,
                 .preference = route.preference,
                 .lifetime = withdrawn || terms_.is_final ? 0 : lifetime}));
        }
    }
    void add_pref64() noexcept {
        if (configuration_.pref64) {
            count(writer_.add_pref64(
                *configuration_.pref64,
                configuration_.pref64_lifetime.value_or(default_lifetime(configuration_))));
        }
    }
    void add_dns_servers(std::span<const Ipv6> servers, bool withdrawn) noexcept {
        constexpr std::size_t kMost = 127;  // of one option
        for (; !servers.empty(); servers = servers.subspan(std::min(kMost, servers.size()))) {
            count(writer_.add_rdnss(dns_lifetime(withdrawn),
                                    servers.first(std::min(kMost, servers.size()))));
        }
    }
    void add_dns_search(std::span<const std::string> names, bool withdrawn) noexcept {
        if (!names.empty()) {
            count(writer_.add_dnssl(dns_lifetime(withdrawn), names));
        }
    }
    void add_captive_portal() noexcept {
        if (!configuration_.captive_portal.empty()) {
            count(writer_.add_captive_portal(configuration_.captive_portal));
        }
    }

    [[nodiscard]] std::size_t length() const noexcept { return writer_.length(); }
    [[nodiscard]] std::uint32_t left_out() const noexcept { return left_out_; }

  private:
    [[nodiscard]] nd::RouterAdvertisement header() const noexcept {
        const std::uint32_t lifetime = std::min<std::uint32_t>(
            configuration_.router_lifetime.value_or(static_cast<std::uint16_t>(
                std::min<std::uint32_t>(default_lifetime(configuration_), kMaxRouterLifetime))),
            kMaxRouterLifetime);
        return {.hop_limit = configuration_.hop_limit,
                .managed = configuration_.managed,
                .other = configuration_.other,
                .preference = configuration_.preference,
                .router_lifetime =
                    terms_.is_final ? std::uint16_t{0} : static_cast<std::uint16_t>(lifetime),
                .reachable_time = configuration_.reachable_time,
                .retransmit_timer = configuration_.retransmit_timer};
    }
    [[nodiscard]] std::uint32_t dns_lifetime(bool withdrawn) const noexcept {
        return withdrawn ? 0
                         : configuration_.dns_lifetime.value_or(default_lifetime(configuration_));
    }
    void count(bool added) noexcept { left_out_ += added ? 0 : 1; }

    static constexpr std::uint32_t kMaxRouterLifetime = std::numeric_limits<std::uint16_t>::max();

    const model::AdvertisementConfiguration& configuration_;
    const AdvertisementTerms& terms_;
    nd::RouterAdvertisementWriter writer_;
    std::uint32_t left_out_ = 0;
};

}  // namespace

AdvertisementFrame write_router_advertisement(const model::Advertisement& advertisement,
                                              const model::HostInterface& interface,
                                              const AdvertisementTerms& terms,
                                              MutableBytes out) noexcept {
    const auto source = link_local_address(interface);
    if (!source) {
        return {};
    }
    const VlanTags tags = tags_of(advertisement.vlan);
    const std::size_t at = icmp6_offset(tags.count);
    const std::size_t room =
        std::min<std::size_t>(out.size() - at, std::max(terms.mtu, kMinLinkMtu) - kIpv6Len);
    const model::AdvertisementConfiguration& configuration = advertisement.configuration;
    Writer writer{configuration, terms, out.subspan(at, room)};
    writer.add_link(interface.mac);
    writer.add_prefixes(configuration.prefixes, false);
    writer.add_prefixes(advertisement.withdrawn_prefixes, true);
    writer.add_routes(configuration.routes, false);
    writer.add_routes(advertisement.withdrawn_routes, true);
    writer.add_pref64();
    writer.add_dns_servers(configuration.dns_servers, false);
    writer.add_dns_servers(advertisement.withdrawn_dns_servers, true);
    writer.add_dns_search(configuration.dns_search, false);
    writer.add_dns_search(advertisement.withdrawn_dns_search, true);
    writer.add_captive_portal();

    Ipv6Headers headers;
    headers.destination_mac = terms.destination_mac;
    headers.source_mac = interface.mac;
    headers.tags = tags;
    headers.source = *source;
    headers.destination = terms.destination;
    headers.hop_limit = kMaxHopLimit;
    const std::size_t frame_len = write_icmp6_headers(out, headers, writer.length());
    return {static_cast<std::uint32_t>(frame_len), writer.left_out()};
}

}  // namespace xdhcpd::engine::v6
