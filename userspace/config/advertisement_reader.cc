#include "config/advertisement_reader.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "config/limits.h"
#include "config/vlan_reader.h"
#include "dhcp6/option_text.h"
#include "nd/options.h"

namespace xdhcpd::config {
namespace {

// RFC 4861 section 6.2.1, RFC 8319 section 4.
constexpr std::uint32_t kMinMinInterval = 3;
constexpr std::uint32_t kMinMaxInterval = 4;
constexpr std::uint32_t kMaxMaxInterval = 1800;
constexpr std::uint32_t kMaxRouterLifetime = 65535;
constexpr std::uint32_t kMaxReachableTime = 3600000;  // milliseconds
constexpr std::uint32_t kMinMtu = 1280;               // RFC 8200 section 5
constexpr std::uint32_t kMaxMtu = 65535;
constexpr std::uint32_t kMaxPref64Lifetime = 65528;  // RFC 8781 section 4
constexpr std::uint8_t kSlaacLength = 64;            // RFC 4291 section 2.5.1
constexpr std::size_t kMaxUriLen = 2000;             // of an option of 255 units of eight octets
constexpr std::size_t kMaxDnsServers = 64;           // of ours: a few fill a frame's worth
constexpr std::size_t kMaxDnsNames = 32;

constexpr std::array<std::string_view, 21> kKeys{"interface",
                                                 "vlan",
                                                 "managed",
                                                 "other",
                                                 "preference",
                                                 "interval",
                                                 "router-lifetime",
                                                 "hop-limit",
                                                 "reachable-time",
                                                 "retransmit-timer",
                                                 "mtu",
                                                 "source-link-layer",
                                                 "prefixes",
                                                 "routes",
                                                 "dns-servers",
                                                 "dns-search",
                                                 "dns-lifetime",
                                                 "pref64",
                                                 "pref64-lifetime",
                                                 "captive-portal",
                                                 "solicited-by-unicast"};
constexpr std::array<std::string_view, 8> kPrefixKeys{
    "prefix",         "on-link",      "autonomous", "valid-lifetime", "preferred-lifetime",
    "router-address", "pd-preferred", "until"};
constexpr std::array<std::string_view, 3> kRouteKeys{"prefix", "preference", "lifetime"};

constexpr Choice<nd::Preference> kPreferences[] = {{"low", nd::Preference::kLow},
                                                   {"medium", nd::Preference::kMedium},
                                                   {"high", nd::Preference::kHigh}};

class AdvertisementReader {
  public:
    explicit AdvertisementReader(const Reader& reader) : reader_{reader} {}

    [[nodiscard]] std::optional<PlacedAdvertisement> read(const Value& value) {
        const MapReader map{reader_, value, kKeys};
        if (!map.is_map()) {
            return std::nullopt;
        }
        PlacedAdvertisement placed;
        placed.place = value.place();
        read_link(map, placed);
        read_flags(map, placed);
        read_times(map, placed.advertisement);
        read_prefixes(map, placed);
        read_routes(map, placed.advertisement);
        read_dns(map, placed.advertisement);
        read_pref64(map, placed.advertisement);
        if (const auto member = map.find("captive-portal")) {
            placed.advertisement.captive_portal = read_uri(*member);
        }
        return placed.advertisement.interface.empty() ? std::nullopt
                                                      : std::optional{std::move(placed)};
    }

  private:
    using Advertisement = model::AdvertisementConfiguration;

    void read_link(const MapReader& map, PlacedAdvertisement& placed) {
        if (const auto member = map.require("interface", "{interface: eth0} was meant")) {
            placed.interface = member->place();
            placed.advertisement.interface = reader_.text(*member, kMaxInterfaceLen).value_or("");
        }
        if (const auto member = map.find("vlan")) {
            placed.advertisement.vlan = read_vlan(reader_, *member);
        }
    }

    void read_boolean(const MapReader& map, std::string_view key, bool& to) const {
        if (const auto member = map.find(key)) {
            to = reader_.boolean(*member).value_or(to);
        }
    }

    void read_flags(const MapReader& map, PlacedAdvertisement& placed) {
        Advertisement& advertisement = placed.advertisement;
        read_boolean(map, "managed", advertisement.managed);
        read_boolean(map, "other", advertisement.other);
        read_boolean(map, "source-link-layer", advertisement.source_link_layer);
        read_boolean(map, "solicited-by-unicast", advertisement.solicited_by_unicast);
        if (advertisement.managed) {
            placed.managed = map.find("managed")->place();
        }
        if (const auto member = map.find("preference")) {
            advertisement.preference =
                reader_.choice(*member, kPreferences).value_or(advertisement.preference);
        }
        if (const auto member = map.find("hop-limit")) {
            advertisement.hop_limit = static_cast<std::uint8_t>(
                reader_.number(*member, 0, 0xff).value_or(advertisement.hop_limit));
        }
        if (const auto member = map.find("mtu")) {
            advertisement.mtu = reader_.number(*member, kMinMtu, kMaxMtu);
        }
        if (const auto member = map.find("reachable-time")) {
            advertisement.reachable_time =
                reader_.milliseconds(*member, kMaxReachableTime).value_or(0);
        }
        if (const auto member = map.find("retransmit-timer")) {
            advertisement.retransmit_timer = reader_.milliseconds(*member, kInfinite).value_or(0);
        }
    }

    void read_times(const MapReader& map, Advertisement& advertisement) {
        if (const auto member = map.find("interval")) {
            read_interval(*member, advertisement);
        }
        const auto lifetime = map.find("router-lifetime");
        const auto seconds =
            lifetime ? reader_.duration(*lifetime, 0, kMaxRouterLifetime) : std::nullopt;
        if (!seconds) {
            return;
        }
        if (*seconds != 0 && *seconds < advertisement.max_interval) {
            reader_.error(*lifetime, in_quotes(lifetime->node->text) +
                                         " is shorter than the longest interval (" +
                                         std::to_string(advertisement.max_interval) +
                                         "s); 0s for no default router, or longer was meant (RFC "
                                         "4861 section 6.2.1)");
            return;
        }
        if (*seconds == 0 && advertisement.preference != nd::Preference::kMedium) {
            reader_.error(*lifetime,
                          "0s is no default router, which has no preference either "
                          "(RFC 4191 section 2.2)");
        }
        advertisement.router_lifetime = static_cast<std::uint16_t>(*seconds);
    }

    void read_interval(const Value& value, Advertisement& advertisement) {
        constexpr std::array<std::string_view, 2> kIntervalKeys{"min", "max"};
        const MapReader map{reader_, value, kIntervalKeys};
        const auto min = map.find("min");
        const auto max = map.find("max");
        const auto max_seconds =
            max ? reader_.duration(*max, kMinMaxInterval, kMaxMaxInterval) : std::nullopt;
        if (max && !max_seconds) {
            return;
        }
        advertisement.max_interval = max_seconds.value_or(advertisement.max_interval);
        const std::uint32_t longest = advertisement.max_interval * 3 / 4;
        if (!min) {  // a third of max, or all of it where that is short
            advertisement.min_interval = advertisement.max_interval >= 9
                                             ? advertisement.max_interval / 3
                                             : std::max(longest, kMinMinInterval);
            return;
        }
        const auto min_seconds = reader_.duration(*min, kMinMinInterval, kMaxMaxInterval);
        if (!min_seconds) {
            return;
        }
        if (*min_seconds > std::max(longest, kMinMinInterval)) {
            reader_.error(*min,
                          in_quotes(min->node->text) + " is more than three quarters of max (" +
                              std::to_string(advertisement.max_interval) + "s); 3s to " +
                              std::to_string(longest) + "s was meant (RFC 4861 section 6.2.1)");
            return;
        }
        advertisement.min_interval = *min_seconds;
    }

    void read_prefixes(const MapReader& map, PlacedAdvertisement& placed) {
        const auto list = map.find("prefixes");
        if (!list) {
            return;
        }
        for (const Value& element : reader_.list(*list)) {
            read_prefix(element, placed);
        }
    }

    void read_prefix(const Value& value, PlacedAdvertisement& placed) {
        if (value.node->kind == Node::Kind::kScalar) {
            reader_.error(value, in_quotes(value.node->text) + " stands here; {prefix: " +
                                     value.node->text.substr(0, 64) + "} was meant?");
            return;
        }
        const MapReader map{reader_, value, kPrefixKeys};
        model::AdvertisedPrefixConfiguration advertised;
        const auto member = map.require("prefix", "{prefix: 2001:db8:1::/64} was meant");
        read_boolean(map, "on-link", advertised.on_link);
        read_boolean(map, "autonomous", advertised.autonomous);
        read_boolean(map, "router-address", advertised.router_address);
        read_boolean(map, "pd-preferred", advertised.pd_preferred);
        read_prefix_lifetimes(map, advertised);
        const auto prefix = member ? reader_.prefix6(*member) : std::nullopt;
        if (!prefix) {
            return;
        }
        if (prefix->length == 0 || !is_global(prefix->last())) {
            // RFC 4861 section 6.2.1: the link-local prefix is never advertised.
            reader_.error(*member, xdhcpd::to_string(*prefix) + " is not advertised to hosts");
            return;
        }
        const auto same = std::ranges::find(placed.advertisement.prefixes, *prefix,
                                            &model::AdvertisedPrefixConfiguration::prefix);
        if (same != placed.advertisement.prefixes.end()) {
            reader_.error(*member, xdhcpd::to_string(*prefix) + " is listed twice");
            return;
        }
        if (advertised.autonomous && prefix->length != kSlaacLength) {
            reader_.warning(*member,
                            xdhcpd::to_string(*prefix) +
                                " has no effect on addresses of hosts: they make them of /64 "
                                "(RFC 4862 section 5.5.3); autonomous: false was meant?");
        }
        advertised.prefix = *prefix;
        placed.advertisement.prefixes.push_back(advertised);
        placed.pd_preferred.push_back(advertised.pd_preferred ? map.find("pd-preferred")->place()
                                                              : Place{});
    }

    void read_prefix_lifetimes(const MapReader& map,
                               model::AdvertisedPrefixConfiguration& advertised) {
        const auto valid = map.find("valid-lifetime");
        const auto preferred = map.find("preferred-lifetime");
        const auto read = [&](const std::optional<Value>& member, std::uint32_t& to) {
            if (member) {
                to = reader_.duration(*member, 0, kInfinite).value_or(to);
            }
        };
        read(valid, advertised.lifetimes.valid);
        read(preferred, advertised.lifetimes.preferred);
        if (preferred && valid && advertised.lifetimes.preferred > advertised.lifetimes.valid) {
            reader_.error(*preferred, in_quotes(preferred->node->text) +
                                          " is longer than valid-lifetime (RFC 4862 section "
                                          "5.5.3)");
        } else if (!preferred) {
            advertised.lifetimes.preferred =
                std::min(advertised.lifetimes.preferred, advertised.lifetimes.valid);
        } else {
            advertised.lifetimes.valid =
                std::max(advertised.lifetimes.preferred, advertised.lifetimes.valid);
        }
        if (const auto until = map.find("until")) {
            const auto text = reader_.text(*until, 32);
            advertised.until = text ? parse_instant(*text) : std::nullopt;
            if (text && !advertised.until) {
                reader_.error(*until, in_quotes(*text) +
                                          " is not an instant; UTC such as 2027-01-31T12:00:00Z "
                                          "was meant");
            }
        }
    }

    void read_routes(const MapReader& map, Advertisement& advertisement) {
        const auto list = map.find("routes");
        if (!list) {
            return;
        }
        for (const Value& element : reader_.list(*list)) {
            if (element.node->kind == Node::Kind::kScalar) {
                reader_.error(element, in_quotes(element.node->text) + " stands here; {prefix: " +
                                           element.node->text.substr(0, 64) + "} was meant?");
                continue;
            }
            const MapReader route_map{reader_, element, kRouteKeys};
            model::AdvertisedRouteConfiguration route;
            const auto member = route_map.require("prefix", "{prefix: 2001:db8::/32} was meant");
            const auto prefix = member ? reader_.prefix6(*member) : std::nullopt;
            if (const auto word = route_map.find("preference")) {
                route.preference = reader_.choice(*word, kPreferences).value_or(route.preference);
            }
            if (const auto word = route_map.find("lifetime")) {
                route.lifetime = reader_.duration(*word, 0, kInfinite);
            }
            if (!prefix) {
                continue;
            }
            if (std::ranges::find(advertisement.routes, *prefix,
                                  &model::AdvertisedRouteConfiguration::prefix) !=
                advertisement.routes.end()) {
                reader_.error(*member, xdhcpd::to_string(*prefix) + " is listed twice");
                continue;
            }
            route.prefix = *prefix;
            advertisement.routes.push_back(route);
        }
    }

    void read_dns(const MapReader& map, Advertisement& advertisement) {
        if (const auto list = map.find("dns-servers")) {
            for (const Value& element : reader_.list(*list)) {
                // RFC 8106 section 5.1 has link-local ones too.
                if (const auto address = reader_.host_address6(element, true)) {
                    advertisement.dns_servers.push_back(*address);
                }
            }
            check_count(*list, advertisement.dns_servers.size(), kMaxDnsServers);
        }
        if (const auto list = map.find("dns-search")) {
            for (const Value& element : reader_.list(*list)) {
                const auto name = reader_.text(element, 253);
                const std::array<std::string, 1> texts{std::string{name.value_or("")}};
                const auto encoded = dhcp6::encode_option(dhcp6::OptionCode::kDomainSearch, texts);
                // RouterAdvertisementWriter knows no escapes, and nobody searches the root.
                const bool is_plain = name && *name != "." && name->find('\\') == name->npos;
                if (name && (!encoded || !is_plain)) {
                    reader_.error(element,
                                  in_quotes(*name) + " is not a domain, such as example.org");
                } else if (name) {
                    advertisement.dns_search.emplace_back(*name);
                }
            }
            check_count(*list, advertisement.dns_search.size(), kMaxDnsNames);
        }
        if (const auto member = map.find("dns-lifetime")) {
            advertisement.dns_lifetime = reader_.duration(*member, 0, kInfinite);
            if (advertisement.dns_servers.empty() && advertisement.dns_search.empty()) {
                reader_.warning(*member, "no effect without dns-servers or dns-search");
            }
        }
    }

    void check_count(const Value& list, std::size_t count, std::size_t max) const {
        if (count > max) {
            reader_.error(list, std::to_string(count) + " of them; at most " + std::to_string(max) +
                                    " have room in an advertisement");
        }
    }

    void read_pref64(const MapReader& map, Advertisement& advertisement) {
        const auto member = map.find("pref64");
        if (member) {
            const auto prefix = reader_.prefix6(*member);
            if (prefix && !nd::is_pref64_length(prefix->length)) {
                reader_.error(*member, in_quotes(member->node->text) +
                                           " cannot be the prefix of a NAT64; a length of 32, 40, "
                                           "48, 56, 64 or 96 was meant (RFC 8781 section 4)");
            } else {
                advertisement.pref64 = prefix;
            }
        }
        if (const auto lifetime = map.find("pref64-lifetime")) {
            advertisement.pref64_lifetime = reader_.duration(*lifetime, 0, kMaxPref64Lifetime);
            if (!member) {
                reader_.warning(*lifetime, "no effect without pref64");
            }
        }
    }

    [[nodiscard]] std::string read_uri(const Value& value) const {
        const auto uri = reader_.text(value, kMaxUriLen);
        if (!uri) {
            return {};
        }
        if (!uri->starts_with("https://") && *uri != "urn:ietf:params:capport:unrestricted") {
            reader_.error(value, in_quotes(*uri) +
                                     " is not the address of a captive portal's API; "
                                     "https://... was meant (RFC 8910 section 2)");
            return {};
        }
        return std::string{*uri};
    }

    const Reader& reader_;
};

}  // namespace

std::vector<PlacedAdvertisement> read_advertisements(const Reader& reader, const Value& list) {
    std::vector<PlacedAdvertisement> advertisements;
    AdvertisementReader advertisement_reader{reader};
    for (const Value& element : reader.list(list)) {
        if (auto placed = advertisement_reader.read(element)) {
            advertisements.push_back(std::move(*placed));
        }
    }
    return advertisements;
}

}  // namespace xdhcpd::config
