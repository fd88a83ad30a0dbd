#include "triton/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "triton/core_fixture.h"

namespace tfe::triton {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using tfe::testing::check;
using tfe::testing::test_library;
using tfe::testing::TestServer;
using tfe::testing::unwrap;

// Metrics are registered once a server of the process has them on.
TestServer& core() {
  static auto* const server = new TestServer({{.name = "m"}});
  return *server;
}

std::shared_ptr<MetricFamily> family(MetricKind kind, const std::string& name) {
  core();
  return unwrap(MetricFamily::create(test_library(), kind, name, "for the test"));
}

TEST(MetricTest, CountersCount) {
  auto counter =
      unwrap(Metric::create(family(MetricKind::kCounter, "test_counter"), {{"color", "blue"}}));
  check(counter->increment(2));
  check(counter->increment(0.5));
  EXPECT_EQ(*counter->value(), 2.5);
  EXPECT_FALSE(counter->increment(-1));
  EXPECT_EQ(counter->set(1).error().code, base::Code::kUnsupported);
  EXPECT_THAT(unwrap(core().server->metrics()), HasSubstr("test_counter{color=\"blue\"} 2.5"));
}

TEST(MetricTest, GaugesAreSet) {
  auto gauge = unwrap(Metric::create(family(MetricKind::kGauge, "test_gauge"), {}));
  check(gauge->set(7));
  check(gauge->increment(-3));
  EXPECT_EQ(*gauge->value(), 4);
  EXPECT_FALSE(gauge->observe(1));
}

TEST(MetricTest, HistogramsObserve) {
  const std::vector<double> buckets = {1, 10};
  auto histogram =
      unwrap(Metric::create(family(MetricKind::kHistogram, "test_histogram"), {}, buckets));
  check(histogram->observe(5));
  EXPECT_THAT(unwrap(core().server->metrics()), HasSubstr("test_histogram_bucket{le=\"10\"} 1"));
  EXPECT_FALSE(histogram->value());
}

TEST(MetricTest, BucketsBelongToHistograms) {
  const std::vector<double> buckets = {1};
  EXPECT_EQ(Metric::create(family(MetricKind::kGauge, "test_no_buckets"), {}, buckets).error().code,
            base::Code::kInvalidArgument);
  EXPECT_EQ(Metric::create(family(MetricKind::kHistogram, "test_buckets"), {}).error().code,
            base::Code::kInvalidArgument);
}

TEST(MetricTest, OneNameOneKind) {
  auto gauge = family(MetricKind::kGauge, "test_kind");
  auto again = family(MetricKind::kGauge, "test_kind");
  const auto other =
      MetricFamily::create(test_library(), MetricKind::kCounter, "test_kind", "other");
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, base::Code::kInvalidArgument);
}

TEST(MetricTest, AMetricKeepsItsFamily) {
  auto gauge = unwrap(Metric::create(family(MetricKind::kGauge, "test_kept"), {}));
  check(gauge->set(1));
  EXPECT_THAT(unwrap(core().server->metrics()), HasSubstr("test_kept 1"));
  gauge.reset();
  EXPECT_THAT(unwrap(core().server->metrics()), Not(HasSubstr("test_kept 1")));
}

}  // namespace
}  // namespace tfe::triton
