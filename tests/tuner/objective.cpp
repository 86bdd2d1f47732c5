#include "tuner/objective.hpp"

#include "wire/json.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>

using namespace troupe;
using namespace troupe::tuner;

namespace {

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

using metrics = std::vector<std::pair<std::string, double>>;
using study_frame = wire::frame<wire::StudySpec>;
using job_frame = wire::frame<wire::HyperparameterTuningJob>;

study_frame study_with(const std::string& metric_specs, const std::string& fields = "") {
  auto study =
      wire::from_json<wire::StudySpec>("{" + fields + R"("metrics": )" + metric_specs + "}");
  REQUIRE_MESSAGE(study, study.error().message);
  return *study;
}

void fill(wire::Measurement::Builder measurement, const metrics& values) {
  auto list = measurement.initMetrics(static_cast<uint32_t>(values.size()));
  for (uint32_t i = 0; i < list.size(); ++i) {
    list[i].setMetricId(wire::text(values[i].first));
    list[i].setValue(values[i].second);
  }
}

struct done {
  metrics values;
  wire::Trial::State state = wire::Trial::State::SUCCEEDED;
};

job_frame trials_with(const std::vector<done>& trials) {
  using job = wire::HyperparameterTuningJob;
  return job_frame::build([&](job::Builder built) {
    auto list = built.initTrials(static_cast<uint32_t>(trials.size()));
    for (uint32_t i = 0; i < list.size(); ++i) {
      list[i].setState(trials[i].state);
      fill(list[i].initFinalMeasurement(), trials[i].values);
    }
  });
}

std::optional<size_t> best(const study_frame& study, const std::vector<done>& trials) {
  const auto job = trials_with(trials);
  return best_trial(*study, job->getTrials());
}

std::vector<size_t> optimal(const study_frame& study, const std::vector<done>& trials) {
  const auto job = trials_with(trials);
  return optimal_trials(*study, job->getTrials());
}

std::optional<size_t> selected(const study_frame& study, const std::vector<metrics>& measurements) {
  const auto trial = wire::frame<wire::Trial>::build([&](wire::Trial::Builder built) {
    auto list = built.initMeasurements(static_cast<uint32_t>(measurements.size()));
    for (uint32_t i = 0; i < list.size(); ++i)
      fill(list[i], measurements[i]);
  });
  return select_measurement(*study, trial->getMeasurements());
}

const std::string accuracy = R"([{"metricId": "a"}])";
const std::string loss = R"([{"metricId": "l", "goal": "MINIMIZE"}])";
const std::string both = R"([{"metricId": "a"}, {"metricId": "l", "goal": "MINIMIZE"}])";
const std::string guarded =
    R"([{"metricId": "a"}, {"metricId": "ms", "goal": "MINIMIZE", "safetyConfig": {"safetyThreshold": 10}}])";
const std::string best_fields = R"("measurementSelectionType": "BEST_MEASUREMENT", )";

} // namespace

TEST_CASE("the best trial follows the goal, the earliest of equals") {
  CHECK(best(study_with(accuracy), {{{{"a", 1}}}, {{{"a", 3}}}, {{{"a", 3}}}, {{{"a", 2}}}}) == 1);
  CHECK(best(study_with(loss), {{{{"l", 2}}}, {{{"l", -1}}}, {{{"l", 0}}}}) == 1);
  CHECK(best(study_with(accuracy), {}) == std::nullopt);
}

TEST_CASE("only trials that succeeded with finite values count") {
  const auto study = study_with(accuracy);
  CHECK(best(study, {{{{"a", 9}}, wire::Trial::State::INFEASIBLE},
                     {{{"a", 8}}, wire::Trial::State::ACTIVE},
                     {{{"a", not_a_number}}},
                     {{{"a", infinity}}},
                     {{{"other", 7}}},
                     {{{"a", 1}}}})
        == 5);
  CHECK(best(study, {{{{"a", not_a_number}}}}) == std::nullopt);
}

TEST_CASE("a trial beyond a safety threshold is not best; the threshold itself is safe") {
  const auto study = study_with(guarded);
  CHECK(best(study, {{{{"a", 9}, {"ms", 10.5}}}, {{{"a", 5}, {"ms", 10}}}, {{{"a", 1}, {"ms", 1}}}})
        == 1);
  CHECK(best(study, {{{{"a", 9}, {"ms", 11}}}}) == std::nullopt);
  CHECK(best(study, {{{{"a", 9}}}}) == std::nullopt);
}

TEST_CASE("several objectives have a front, and no single best trial") {
  const auto study = study_with(both);
  const std::vector<done> trials{{{{"a", 1}, {"l", 1}}},  // best loss
                                 {{{"a", 5}, {"l", 5}}},  // best accuracy
                                 {{{"a", 4}, {"l", 6}}},  // worse than the second in both
                                 {{{"a", 3}, {"l", 2}}},  // between
                                 {{{"a", 5}, {"l", 5}}},  // equal to the second
                                 {{{"a", 1}, {"l", 2}}}}; // worse than the first in one
  CHECK(optimal(study, trials) == std::vector<size_t>{0, 1, 3, 4});
  CHECK(best(study, trials) == std::nullopt);
  CHECK(optimal(study_with(accuracy), {{{{"a", 1}}}, {{{"a", 2}}}, {{{"a", 2}}}})
        == std::vector<size_t>{1});
  CHECK(optimal(study, {}).empty());
}

TEST_CASE("no trial of the front is dominated, and every other one is") {
  const auto study = study_with(both);
  std::vector<done> trials;
  for (int i = 0; i < 60; ++i)
    trials.push_back({{{"a", double(i * 37 % 23)}, {"l", double(i * 53 % 29)}}});
  const auto front = optimal(study, trials);
  const auto dominated = [&](size_t i) {
    return std::ranges::any_of(trials, [&](const done& other) {
      const auto a = other.values[0].second - trials[i].values[0].second;
      const auto l = trials[i].values[1].second - other.values[1].second;
      return a >= 0 && l >= 0 && a + l > 0;
    });
  };
  for (size_t i = 0; i < trials.size(); ++i)
    CHECK((std::ranges::find(front, i) != front.end()) == !dominated(i));
}

TEST_CASE("the final measurement is the last complete one, and infeasible if that is not finite") {
  const auto study = study_with(both);
  CHECK(selected(study, {{{"a", 9}, {"l", 0}}, {{"a", 1}, {"l", 1}}, {{"a", 2}}}) == 1);
  CHECK(selected(study, {{{"a", 9}, {"l", 0}}, {{"a", not_a_number}, {"l", 1}}}) == std::nullopt);
  CHECK(selected(study, {{{"a", 9}}}) == std::nullopt);
  CHECK(selected(study, {}) == std::nullopt);
}

TEST_CASE(
    "the best measurement follows the goal, passes over what is not finite and prefers the safe") {
  CHECK(selected(study_with(accuracy, best_fields),
                 {{{"a", 1}}, {{"a", 3}}, {{"a", not_a_number}}, {{"a", 3}}, {{"a", 2}}})
        == 1);
  CHECK(selected(study_with(loss, best_fields), {{{"l", 1}}, {{"l", -infinity}}, {{"l", 0.5}}})
        == 2);
  const auto study = study_with(guarded, best_fields);
  CHECK(selected(study, {{{"a", 9}, {"ms", 99}}, {{"a", 1}, {"ms", 2}}}) == 1);
  CHECK(selected(study, {{{"a", 9}, {"ms", 99}}, {{"a", 10}, {"ms", 98}}}) == 1);
  CHECK(selected(study, {{{"a", not_a_number}, {"ms", 1}}}) == std::nullopt);
}
