#include "core/studies/measurements.hpp"

#include <doctest/doctest.h>

#include <limits>

using namespace troupe;
using namespace troupe::core;

namespace {

wire::frame<wire::StudySpec> spec(bool best, bool minimise = false) {
  return wire::frame<wire::StudySpec>::build([&](wire::StudySpec::Builder spec) {
    auto metric = spec.initMetrics(1)[0];
    metric.setMetricId("loss");
    if (minimise) metric.setGoal(wire::MetricSpec::GoalType::MINIMIZE);
    if (best)
      spec.setMeasurementSelectionType(wire::StudySpec::MeasurementSelectionType::BEST_MEASUREMENT);
  });
}

const double not_a_number = std::numeric_limits<double>::quiet_NaN();

} // namespace

TEST_CASE("points of a step form one measurement, in step order whatever the order of arrival") {
  std::vector<wire::metric_point> points{
      {"loss", 2, 20, 300}, {"loss", 3, 10, 200}, {"accuracy", 0.5, 10, 210}};
  auto all = measurements_of(points, 100);
  REQUIRE(all.size() == 2);
  CHECK(all[0].step == 10);
  CHECK(all[0].metrics.size() == 2);
  CHECK(all[0].elapsed_micros == 110);
  CHECK(all[1].step == 20);
}

TEST_CASE("a program without steps gives one measurement per report") {
  std::vector<wire::metric_point> points{{"loss", 2, 0, 300}, {"loss", 3, 0, 200}};
  auto all = measurements_of(points, 100);
  REQUIRE(all.size() == 2);
  CHECK(all[0].metrics[0].second == 3);
  CHECK(all[0].elapsed_micros < all[1].elapsed_micros);
}

TEST_CASE("values that are not finite are left out, and time does not run backwards") {
  std::vector<wire::metric_point> points{{"loss", not_a_number, 1, 300}, {"loss", 1, 2, 50}};
  auto all = measurements_of(points, 100);
  REQUIRE(all.size() == 1);
  CHECK(all[0].elapsed_micros == 0);
}

TEST_CASE("the final measurement is the last, or the best by the goal") {
  std::vector<measurement> all{
      {0, 1, {{"loss", 5}}}, {1, 2, {{"loss", 1}}}, {2, 3, {{"loss", 3}}}, {3, 4, {{"x", 9}}}};
  CHECK(final_of(all, *spec(false))->step == 3);
  CHECK(final_of(all, *spec(true))->step == 1);
  CHECK(final_of(all, *spec(true, true))->step == 2);
  CHECK(!final_of(std::vector<measurement>{{3, 4, {{"x", 9}}}}, *spec(true)));
}

TEST_CASE("trimming keeps the newest points and the best") {
  std::vector<wire::metric_point> points;
  for (int i = 0; i < 10; ++i)
    points.push_back({"loss", i == 2 ? 100.0 : 1.0, i, i});
  trim(points, 3, *spec(true));
  REQUIRE(points.size() == 3);
  CHECK(points[0].step == 2);
  CHECK(points[1].step == 8);
  CHECK(points[2].step == 9);
}

TEST_CASE("trimming keeps the best measurement that is complete and safe") {
  auto spec = wire::frame<wire::StudySpec>::build([&](wire::StudySpec::Builder built) {
    auto metrics = built.initMetrics(2);
    metrics[0].setMetricId("loss");
    metrics[1].setMetricId("danger");
    metrics[1].setGoal(wire::MetricSpec::GoalType::MINIMIZE);
    metrics[1].initSafetyConfig().setSafetyThreshold(1);
    built.setMeasurementSelectionType(wire::StudySpec::MeasurementSelectionType::BEST_MEASUREMENT);
  });
  std::vector<wire::metric_point> points;
  for (int i = 0; i < 20; ++i) {
    points.push_back({"loss", i == 3 ? 50.0 : i == 7 ? 100.0 : i == 9 ? 200.0 : 1.0, i, i});
    // Step 7 is not safe, step 9 not complete.
    if (i != 9) points.push_back({"danger", i == 7 ? 2.0 : 0.0, i, i});
  }
  trim(points, 8, *spec);
  CHECK(points.size() == 8);
  const auto kept = final_of(measurements_of(points, 0), *spec);
  REQUIRE(kept);
  CHECK(kept->step == 3);
}
