#include "config/rate_reader.h"

#include <array>
#include <string>

#include "config/values.h"

namespace xdhcpd::config {
namespace {

using model::RateLimit;

constexpr std::string_view kMeant = "10/s, or {rate: 10/s, burst: 20}, was meant";
constexpr std::size_t kMaxRateLen = 32;

// A client that starts sends DISCOVER and REQUEST, and each once more when an answer is lost.
constexpr std::uint32_t kMinClientBurst = 4;
// Seconds between two messages of a client that renews (RFC 2131 section 4.4.5).
constexpr std::uint32_t kRenewalPause = 60;

std::optional<Rate> read_rate(const Reader& reader, const Value& value) {
    const auto text = reader.text(value, kMaxRateLen);
    if (!text) {
        return std::nullopt;
    }
    const auto rate = parse_rate(*text);
    if (!rate || rate->count < 1 || rate->count > RateLimit::kMaxCount) {
        reader.error(value,
                     "must be a whole number from 1 to " + std::to_string(RateLimit::kMaxCount) +
                         " with /s, /m or /h behind it, such as 10/s, not " + in_quotes(*text));
        return std::nullopt;
    }
    return rate;
}

std::optional<RateLimit> read_limit(const Reader& reader, const Value& value) {
    const auto with_burst = [](const Rate& rate, std::optional<std::uint32_t> burst) {
        const auto count = static_cast<std::uint32_t>(rate.count);
        return RateLimit{count, rate.period,
                         burst.value_or(model::default_burst(count, rate.period))};
    };
    if (value.node->kind == Node::Kind::kScalar) {
        const auto rate = read_rate(reader, value);
        return rate ? std::optional{with_burst(*rate, std::nullopt)} : std::nullopt;
    }
    if (value.node->kind != Node::Kind::kMap) {
        reader.error(value, kMeant);
        return std::nullopt;
    }
    constexpr std::array<std::string_view, 2> kKeys{"rate", "burst"};
    const MapReader map{reader, value, kKeys};
    const auto rate_member = map.require("rate", kMeant);
    const auto burst_member = map.find("burst");
    const auto rate = rate_member ? read_rate(reader, *rate_member) : std::nullopt;
    const auto burst =
        burst_member ? reader.number(*burst_member, 1, RateLimit::kMaxBurst) : std::nullopt;
    if (!rate || (burst_member && !burst)) {
        return std::nullopt;
    }
    return with_burst(*rate, burst);
}

// Limits that would keep well-behaved clients from their leases.
void warn_of_client(const Reader& reader, const Value& value, const RateLimit& limit) {
    if (limit.burst < kMinClientBurst) {
        reader.warning(value, "a burst of " + std::to_string(limit.burst) +
                                  " delays clients that start, which send " +
                                  std::to_string(kMinClientBurst) +
                                  " messages or more within seconds");
    }
    if (limit.period > std::uint64_t{kRenewalPause} * limit.count) {
        reader.warning(value,
                       "less than 1/m keeps clients from renewing whose first message is lost: "
                       "they ask again every minute (RFC 2131 section 4.4.5)");
    }
}

}  // namespace

model::RateLimits read_rate_limits(const Reader& reader, const Value& value) {
    constexpr std::array<std::string_view, 3> kKeys{"per-client", "per-relay", "per-link"};
    const MapReader map{reader, value, kKeys};
    model::RateLimits limits;
    if (!map.is_map()) {
        return limits;
    }
    if (value.node->children.empty()) {
        reader.warning(value, "no effect; {per-client: 10/s} was meant?");
    }
    const auto read = [&](std::string_view key) {
        const auto member = map.find(key);
        return member ? read_limit(reader, *member) : std::nullopt;
    };
    limits.per_client = read("per-client");
    limits.per_relay = read("per-relay");
    limits.per_link = read("per-link");
    if (limits.per_client) {
        warn_of_client(reader, *map.find("per-client"), *limits.per_client);
    }
    if (limits.per_client && limits.per_link &&
        limits.per_client->terms().interval < limits.per_link->terms().interval) {
        reader.warning(*map.find("per-link"),
                       "less than per-client: one client can use up what all of its link have");
    }
    return limits;
}

}  // namespace xdhcpd::config
