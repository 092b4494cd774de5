#include "config/dhcp4_reader.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "config/limits.h"
#include "config/option_reader.h"

namespace xdhcpd::config {
namespace {

constexpr std::uint32_t kMaxOfferTime = 3600;
constexpr std::uint32_t kMaxDeclineTime = 365 * 86400;

constexpr std::array<std::string_view, 12> kDhcp4Keys{"authoritative",
                                                      "lease-time",
                                                      "offer-lifetime",
                                                      "decline-quarantine",
                                                      "bootp",
                                                      "rapid-commit",
                                                      "renew-time-percent",
                                                      "rebind-time-percent",
                                                      "renew-jitter-percent",
                                                      "options",
                                                      "subnets",
                                                      "max-offers-per-relay"};

void read_renewal(const Reader& reader, const MapReader& map, model::Dhcp4Configuration& dhcp4) {
    const auto renew = map.find("renew-time-percent");
    const auto rebind = map.find("rebind-time-percent");
    bool good = true;
    const auto read = [&](const std::optional<Value>& member, std::uint32_t min, std::uint32_t max,
                          std::uint32_t& permille) {
        if (member) {
            const auto percent = reader.number(*member, min, max);
            good = good && percent;
            permille = percent ? *percent * 10 : permille;
        }
    };
    read(renew, 1, 99, dhcp4.renew_time_permille);
    read(rebind, 1, 99, dhcp4.rebind_time_permille);
    read(map.find("renew-jitter-percent"), 0, 50, dhcp4.renew_jitter_permille);
    // RFC 2131 section 4.4.5: T1 before T2 before the end.
    if (good && (renew || rebind) && dhcp4.renew_time_permille >= dhcp4.rebind_time_permille) {
        const auto percent = [](std::uint32_t permille) {
            return std::to_string(permille / 10) + (permille % 10 == 0 ? "" : ".5");
        };
        reader.error(renew ? *renew : *rebind, "renewing (T1, " +
                                                   percent(dhcp4.renew_time_permille) +
                                                   ") must come before rebinding (T2, " +
                                                   percent(dhcp4.rebind_time_permille) + ")");
    }
}

std::vector<PlacedSubnet> read_subnets(const Reader& reader, const Value& value,
                                       const model::Dhcp4Configuration& dhcp4) {
    if (value.node->kind == Node::Kind::kSequence && value.node->children.empty()) {
        reader.reporter().error(value.place(), "subnets: the list is empty; nothing to serve");
    }
    std::vector<PlacedSubnet> subnets;
    SubnetReader subnet_reader{reader, dhcp4.lease_time, dhcp4.options};
    for (const Value& element : reader.list(value)) {
        if (auto placed = subnet_reader.read(element)) {
            subnets.push_back(std::move(*placed));
        }
    }
    return subnets;
}

}  // namespace

std::vector<PlacedSubnet> read_dhcp4(const Reader& reader, const Value& value,
                                     Completeness completeness, model::Dhcp4Configuration& dhcp4) {
    const MapReader map{reader, value, kDhcp4Keys};
    const auto read_boolean = [&](std::string_view key, bool& to) {
        if (const auto member = map.find(key)) {
            to = reader.boolean(*member).value_or(to);
        }
    };
    const auto read_duration = [&](std::string_view key, std::uint32_t max, std::uint32_t& to) {
        if (const auto member = map.find(key)) {
            to = reader.duration(*member, 1, max).value_or(to);
        }
    };
    read_boolean("authoritative", dhcp4.authoritative);
    read_boolean("bootp", dhcp4.bootp);
    read_boolean("rapid-commit", dhcp4.rapid_commit);
    read_duration("offer-lifetime", kMaxOfferTime, dhcp4.offer_time);
    read_duration("decline-quarantine", kMaxDeclineTime, dhcp4.decline_time);
    if (const auto member = map.find("lease-time")) {
        dhcp4.lease_time =
            read_lease_time(reader, *member, dhcp4.lease_time).value_or(dhcp4.lease_time);
    }
    if (const auto member = map.find("max-offers-per-relay")) {
        dhcp4.max_offers_per_relay =
            reader.number(*member, 0, kMaxLeases).value_or(dhcp4.max_offers_per_relay);
    }
    read_renewal(reader, map, dhcp4);
    if (const auto member = map.find("options")) {
        dhcp4.options = read_options(reader, *member);
    }
    const auto member = map.find_expected(
        "subnets", "a list such as [{subnet: 192.0.2.0/24}] was meant; nothing to serve",
        completeness);
    return member ? read_subnets(reader, *member, dhcp4) : std::vector<PlacedSubnet>{};
}

}  // namespace xdhcpd::config
