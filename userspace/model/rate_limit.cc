#include "model/rate_limit.h"

#include <string_view>

namespace xdhcpd::model {

std::string to_string(const RateLimit& limit) {
    const std::string_view unit = limit.period == 1 ? "/s" : limit.period == 60 ? "/m" : "/h";
    return std::to_string(limit.count) + std::string{unit} + " (burst " +
           std::to_string(limit.burst) + ")";
}

std::string to_string(const RateLimits& limits) {
    std::string text;
    const auto add = [&](const std::optional<RateLimit>& limit, std::string_view whom) {
        if (limit) {
            text += (text.empty() ? "" : ", ") + to_string(*limit) + " per " + std::string{whom};
        }
    };
    add(limits.per_client, "client");
    add(limits.per_relay, "relay");
    add(limits.per_link, "link");
    return text;
}

}  // namespace xdhcpd::model
