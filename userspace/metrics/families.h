// Metric families in the text exposition format of Prometheus. Values only; any thread.
#pragma once

#include <prometheus/metric_family.h>

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/histogram.h"

namespace xdhcpd::metrics {

// Name and value; values are UTF-8.
using Labels = std::vector<std::pair<std::string_view, std::string_view>>;

// One family while it is filled.
class Family {
  public:
    Family(prometheus::MetricType type, std::string name, std::string help);

    // A sample of a counter or gauge.
    void add(double value, const Labels& labels = {});
    // A sample of a histogram, in seconds: the sum of several (one per worker), with cumulative
    // buckets at powers of two from 1 us to 17 s.
    void add(std::span<const LatencyHistogram* const> histograms, const Labels& labels = {});

    [[nodiscard]] prometheus::MetricFamily take() { return std::move(family_); }

  private:
    prometheus::MetricFamily family_;
};

[[nodiscard]] std::string to_text(const std::vector<prometheus::MetricFamily>& families);

}  // namespace xdhcpd::metrics
