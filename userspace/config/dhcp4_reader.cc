#include "config/dhcp4_reader.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "config/limits.h"
#include "config/option_reader.h"
#include "config/renewal_reader.h"

namespace xdhcpd::config {
namespace {

constexpr std::array<std::string_view, 13> kDhcp4Keys{
    "authoritative", "lease-time",         "offer-lifetime",      "decline-quarantine",   "bootp",
    "rapid-commit",  "renew-time-percent", "rebind-time-percent", "renew-jitter-percent", "options",
    "subnets",       "ipv6-mostly",        "max-offers-per-relay"};

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
    read_renewal(reader, map, dhcp4.renew_time_permille, dhcp4.rebind_time_permille);
    if (const auto member = map.find("renew-jitter-percent")) {
        if (const auto percent = reader.number(*member, 0, 50)) {
            dhcp4.renew_jitter_permille = *percent * 10;
        }
    }
    if (const auto member = map.find("ipv6-mostly")) {
        dhcp4.v6only_wait = read_v6only_wait(reader, *member);
        if (dhcp4.v6only_wait == model::kNoV6OnlyWait) {
            dhcp4.v6only_wait.reset();
        }
    }
    if (const auto member = map.find("options")) {
        dhcp4.options = read_options(reader, *member);
    }
    const auto member = map.find_expected(
        "subnets", "a list such as [{subnet: 192.0.2.0/24}] was meant; nothing to serve",
        completeness);
    return member ? read_subnets(reader, *member, dhcp4) : std::vector<PlacedSubnet>{};
}

}  // namespace xdhcpd::config
