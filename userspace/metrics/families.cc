#include "metrics/families.h"

#include <prometheus/text_serializer.h>

#include <array>

#include "base/assert.h"

namespace xdhcpd::metrics {
namespace {

constexpr double kNanosecondsPerSecond = 1e9;
// Bounds are 2^n ns: where replies are, each octave; above, where something is wrong already, every
// other.
constexpr std::array<std::size_t, 19> kBoundBits{10, 12, 13, 14, 15, 16, 17, 18, 19, 20,
                                                 21, 22, 23, 24, 26, 28, 30, 32, 34};
static_assert(kBoundBits.front() > LatencyHistogram::kFirstBit);
static_assert(kBoundBits.back() <= LatencyHistogram::kFirstBit + LatencyHistogram::kOctaves);

// How many buckets lie below 2^bit ns.
[[nodiscard]] constexpr std::size_t buckets_below(std::size_t bit) noexcept {
    return (bit - LatencyHistogram::kFirstBit) * LatencyHistogram::kPerOctave;
}

[[nodiscard]] prometheus::ClientMetric with_labels(const Labels& labels) {
    prometheus::ClientMetric metric;
    for (const auto& [name, value] : labels) {
        metric.label.push_back({std::string{name}, std::string{value}});
    }
    return metric;
}

}  // namespace

Family::Family(prometheus::MetricType type, std::string name, std::string help) {
    family_.type = type;
    family_.name = std::move(name);
    family_.help = std::move(help);
}

void Family::add(double value, const Labels& labels) {
    prometheus::ClientMetric metric = with_labels(labels);
    if (family_.type == prometheus::MetricType::Counter) {
        metric.counter.value = value;
    } else {
        XD_ASSERT(family_.type == prometheus::MetricType::Gauge);
        metric.gauge.value = value;
    }
    family_.metric.push_back(std::move(metric));
}

void Family::add(std::span<const LatencyHistogram* const> histograms, const Labels& labels) {
    XD_ASSERT(family_.type == prometheus::MetricType::Histogram);
    prometheus::ClientMetric metric = with_labels(labels);
    // Each bucket is read once, so that the buckets never decrease while their writers go on.
    std::array<std::uint64_t, LatencyHistogram::kBuckets> buckets{};
    std::uint64_t sum_ns = 0;
    for (const LatencyHistogram* const histogram : histograms) {
        sum_ns += histogram->sum_ns();
        for (std::size_t i = 0; i < buckets.size(); ++i) {
            buckets[i] += histogram->bucket(i);
        }
    }
    std::size_t next = 0;
    std::uint64_t count = 0;
    for (const std::size_t bit : kBoundBits) {
        for (; next < buckets_below(bit); ++next) {
            count += buckets[next];
        }
        metric.histogram.bucket.push_back(
            {count, static_cast<double>(std::uint64_t{1} << bit) / kNanosecondsPerSecond});
    }
    for (; next < buckets.size(); ++next) {
        count += buckets[next];
    }
    metric.histogram.sample_count = count;
    metric.histogram.sample_sum = static_cast<double>(sum_ns) / kNanosecondsPerSecond;
    family_.metric.push_back(std::move(metric));
}

std::string to_text(const std::vector<prometheus::MetricFamily>& families) {
    return prometheus::TextSerializer{}.Serialize(families);
}

}  // namespace xdhcpd::metrics
