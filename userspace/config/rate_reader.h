// interfaces[].rate-limit. One load, one thread.
#pragma once

#include "config/reader.h"
#include "model/rate_limit.h"

namespace xdhcpd::config {

// A map of per-client, per-relay and per-link; each a rate such as 10/s, or a map of rate and
// burst. What is wrong is reported and left out.
[[nodiscard]] model::RateLimits read_rate_limits(const Reader& reader, const Value& value);

}  // namespace xdhcpd::config
