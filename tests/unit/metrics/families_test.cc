#include "metrics/families.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <chrono>

namespace xdhcpd::metrics {
namespace {

using prometheus::MetricType;
using std::chrono::nanoseconds;
using ::testing::HasSubstr;

TEST(Family, WritesCountersAndGaugesWithLabels) {
    Family frames{MetricType::Counter, "frames_total", "Frames"};
    frames.add(12, {{"interface", "eth1"}, {"queue", "0"}});
    Family free{MetricType::Gauge, "free", "Free units"};
    free.add(3);
    const std::string text = to_text({frames.take(), free.take()});
    EXPECT_THAT(text, HasSubstr("# HELP frames_total Frames\n# TYPE frames_total counter\n"));
    EXPECT_THAT(text, HasSubstr("frames_total{interface=\"eth1\",queue=\"0\"} 12\n"));
    EXPECT_THAT(text, HasSubstr("# TYPE free gauge\nfree 3\n"));
}

TEST(Family, EscapesLabelValues) {
    Family family{MetricType::Gauge, "odd", "Odd"};
    family.add(1, {{"name", "a\"b\\c\nd"}});
    EXPECT_THAT(to_text({family.take()}), HasSubstr("odd{name=\"a\\\"b\\\\c\\nd\"} 1\n"));
}

TEST(Family, CumulatesHistogramBucketsOverSeveralHistograms) {
    LatencyHistogram first;
    LatencyHistogram second;
    first.record(nanoseconds{100});   // below every bound
    first.record(nanoseconds{5000});  // between 4.096 us and 8.192 us
    second.record(nanoseconds{5000});
    second.record(std::chrono::seconds{100});  // above every bound
    Family family{MetricType::Histogram, "latency_seconds", "Latency"};
    const std::array<const LatencyHistogram*, 2> both{&first, &second};
    family.add(both);
    const prometheus::MetricFamily result = family.take();
    const auto& histogram = result.metric.at(0).histogram;
    EXPECT_EQ(histogram.sample_count, 4u);
    EXPECT_DOUBLE_EQ(histogram.sample_sum, 100.0000101);
    ASSERT_EQ(histogram.bucket.size(), 19u);
    EXPECT_DOUBLE_EQ(histogram.bucket[0].upper_bound, 1.024e-6);
    EXPECT_EQ(histogram.bucket[0].cumulative_count, 1u);
    EXPECT_DOUBLE_EQ(histogram.bucket[1].upper_bound, 4.096e-6);
    EXPECT_EQ(histogram.bucket[1].cumulative_count, 1u);
    EXPECT_DOUBLE_EQ(histogram.bucket[2].upper_bound, 8.192e-6);
    EXPECT_EQ(histogram.bucket[2].cumulative_count, 3u);
    EXPECT_EQ(histogram.bucket.back().cumulative_count, 3u);
    const std::string text = to_text({result});
    EXPECT_THAT(text, HasSubstr("latency_seconds_bucket{le=\"+Inf\"} 4\n"));
    EXPECT_THAT(text, HasSubstr("latency_seconds_count 4\n"));
}

// A sample just below a power of two belongs below it, one at it does not.
TEST(Family, BoundsOfBucketsAreThoseOfTheHistogram) {
    LatencyHistogram histogram;
    histogram.record(nanoseconds{(1 << 14) - 1});
    histogram.record(nanoseconds{1 << 14});
    Family family{MetricType::Histogram, "h", "h"};
    const std::array<const LatencyHistogram*, 1> one{&histogram};
    family.add(one);
    const auto result = family.take();
    for (const auto& bucket : result.metric.at(0).histogram.bucket) {
        const double ns = bucket.upper_bound * 1e9;
        EXPECT_EQ(bucket.cumulative_count, ns < 16384 ? 0u : ns < 16385 ? 1u : 2u) << ns;
    }
}

}  // namespace
}  // namespace xdhcpd::metrics
