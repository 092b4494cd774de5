#include "config/dhcp6_reader.h"

#include <algorithm>
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

// RFC 8415 section 7.6: IRT_MINIMUM; section 21.24: SOL_MAX_RT and INF_MAX_RT.
constexpr std::uint32_t kMinRefreshTime = 600;
constexpr std::uint32_t kMinMaxRt = 60;
constexpr std::uint32_t kMaxMaxRt = 86400;

constexpr std::array<std::string_view, 15> kDhcp6Keys{"preferred-lifetime",
                                                      "valid-lifetime",
                                                      "rapid-commit",
                                                      "preference",
                                                      "options",
                                                      "offer-lifetime",
                                                      "decline-quarantine",
                                                      "max-offers-per-relay",
                                                      "information-refresh-time",
                                                      "renew-time-percent",
                                                      "rebind-time-percent",
                                                      "delegated-routes",
                                                      "reconfigure",
                                                      "server-duid",
                                                      "subnets"};

// What has a key of its own, or a range that clients hold to.
void check_options(const Reader& reader, const Value& value,
                   const std::vector<model::OptionValue6>& options) {
    for (const model::OptionValue6& option : options) {
        const bool has_key = option.code == dhcp6::OptionCode::kPreference ||
                             option.code == dhcp6::OptionCode::kInformationRefreshTime;
        if (has_key) {
            reader.error(value, dhcp6::option_name(option.code) +
                                    " is a key of dhcp6 itself, not one of its options");
        }
        const bool is_max_rt = option.code == dhcp6::OptionCode::kSolMaxRt ||
                               option.code == dhcp6::OptionCode::kInfMaxRt;
        if (is_max_rt && option.value.size() == sizeof(std::uint32_t)) {
            const std::uint32_t seconds = load_be32(option.value.data());
            if (seconds < kMinMaxRt || seconds > kMaxMaxRt) {
                reader.error(value, dhcp6::option_name(option.code) + ": " +
                                        std::to_string(seconds) +
                                        " is out of range; 60 to 86400 was meant, clients ignore "
                                        "others (RFC 8415 section 21.24)");
            }
        }
    }
}

}  // namespace

std::vector<PlacedSubnet6> read_dhcp6(const Reader& reader, const Value& value,
                                      Completeness completeness, model::Dhcp6Configuration& dhcp6) {
    const MapReader map{reader, value, kDhcp6Keys};
    const auto read_duration = [&](std::string_view key, std::uint32_t min, std::uint32_t max,
                                   std::uint32_t& to) {
        if (const auto member = map.find(key)) {
            to = reader.duration(*member, min, max).value_or(to);
        }
    };
    dhcp6.lifetimes = read_lifetimes(reader, map, dhcp6.lifetimes).value_or(dhcp6.lifetimes);
    if (const auto member = map.find("rapid-commit")) {
        dhcp6.rapid_commit = reader.boolean(*member).value_or(dhcp6.rapid_commit);
    }
    if (const auto member = map.find("delegated-routes")) {
        dhcp6.delegated_routes = reader.boolean(*member).value_or(dhcp6.delegated_routes);
    }
    if (const auto member = map.find("reconfigure")) {
        dhcp6.reconfigure = reader.boolean(*member).value_or(dhcp6.reconfigure);
    }
    if (const auto member = map.find("preference")) {
        if (const auto number = reader.number(*member, 0, 0xff)) {
            dhcp6.preference = static_cast<std::uint8_t>(*number);
        }
    }
    read_duration("offer-lifetime", 1, kMaxOfferTime, dhcp6.offer_time);
    read_duration("decline-quarantine", 1, kMaxDeclineTime, dhcp6.decline_time);
    read_duration("information-refresh-time", kMinRefreshTime, kInfinite,
                  dhcp6.information_refresh_time);
    if (const auto member = map.find("max-offers-per-relay")) {
        dhcp6.max_offers_per_relay =
            reader.number(*member, 0, kMaxLeases).value_or(dhcp6.max_offers_per_relay);
    }
    read_renewal(reader, map, dhcp6.renew_time_permille, dhcp6.rebind_time_permille);
    if (const auto member = map.find("server-duid")) {
        dhcp6.server_duid = read_duid(reader, *member).value_or(std::vector<std::byte>{});
    }
    if (const auto member = map.find("options")) {
        dhcp6.options = read_options6(reader, *member);
        check_options(reader, *member, dhcp6.options);
    }
    std::vector<PlacedSubnet6> subnets;
    const auto member = map.find_expected(
        "subnets", "a list such as [{subnet: 2001:db8:1::/64}] was meant; nothing to serve",
        completeness);
    if (!member) {
        return subnets;
    }
    if (member->node->kind == Node::Kind::kSequence && member->node->children.empty()) {
        reader.reporter().error(member->place(), "subnets: the list is empty; nothing to serve");
    }
    Subnet6Reader subnet_reader{reader, dhcp6.lifetimes};
    for (const Value& element : reader.list(*member)) {
        if (auto placed = subnet_reader.read(element)) {
            subnets.push_back(std::move(*placed));
        }
    }
    return subnets;
}

}  // namespace xdhcpd::config
