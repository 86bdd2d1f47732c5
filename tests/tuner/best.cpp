#include "tuner/best.hpp"

#include "wire/json.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace troupe;
using namespace troupe::tuner;

namespace {

using job_frame = wire::frame<wire::HyperparameterTuningJob>;

job_frame marked(const std::string& metrics, const std::string& trials) {
  auto job = wire::from_json<wire::HyperparameterTuningJob>(R"({"studySpec":{"metrics":[)" + metrics
                                                            + R"(]},"trials":[)" + trials + "]}");
  REQUIRE_MESSAGE(job, job.error().message);
  return job->with([](wire::HyperparameterTuningJob::Builder built) { mark_best(built); });
}

/// A trial that ended with these values of the metrics a and b.
std::string trial(int id, double a, double b, const std::string& state = "SUCCEEDED") {
  return fmt::format(
      R"({{"id":"{}","state":"{}","measurements":[{{"stepCount":"1"}}],"finalMeasurement":{{"metrics":[{{"metricId":"a","value":{}}},{{"metricId":"b","value":{}}}]}}}})",
      id, state, a, b);
}

std::vector<std::string> optimal(const job_frame& job) {
  std::vector<std::string> ids;
  for (auto id : job->getOptimalTrials())
    ids.push_back(wire::str(id));
  return ids;
}

constexpr const char* one_goal = R"({"metricId":"a","goal":"MINIMIZE"})";
constexpr const char* safe_goal =
    R"({"metricId":"a","goal":"MINIMIZE"},{"metricId":"b","goal":"MINIMIZE","safetyConfig":{"safetyThreshold":5}})";
constexpr const char* two_goals =
    R"({"metricId":"a","goal":"MINIMIZE"},{"metricId":"b","goal":"MINIMIZE"})";

} // namespace

TEST_CASE("the best of one objective is marked, without its measurements") {
  const auto job = marked(one_goal, trial(1, 3, 0) + "," + trial(2, 2, 0) + "," + trial(3, 2, 0)
                                        + "," + trial(4, 1, 0, "INFEASIBLE"));
  CHECK(wire::view(job->getBestTrial().getId()) == "2");
  CHECK(job->getBestTrial().getFinalMeasurement().getMetrics()[0].getValue() == 2);
  CHECK(job->getBestTrial().getMeasurements().size() == 0);
  CHECK(job->getTrials()[1].getMeasurements().size() == 1);
  CHECK(optimal(job) == std::vector<std::string>{"2"});
}

TEST_CASE("a trial beyond a safety threshold is never the best") {
  const auto job = marked(safe_goal, trial(1, 0.9, 7) + "," + trial(2, 0.95, 3));
  CHECK(wire::view(job->getBestTrial().getId()) == "2");
  CHECK(optimal(job) == std::vector<std::string>{"2"});
  const auto unsafe = marked(safe_goal, trial(1, 0.9, 7));
  CHECK_FALSE(unsafe->hasBestTrial());
  CHECK(optimal(unsafe).empty());
}

TEST_CASE("several objectives have a front and no best trial") {
  const auto job = marked(two_goals, trial(1, 1, 3) + "," + trial(2, 2, 2) + "," + trial(3, 2, 3));
  CHECK_FALSE(job->hasBestTrial());
  CHECK(optimal(job) == std::vector<std::string>{"1", "2"});
}

TEST_CASE("marking again replaces what was marked before") {
  const auto job = marked(one_goal, trial(1, 3, 0));
  REQUIRE(job->hasBestTrial());
  const auto failed = job.with([](wire::HyperparameterTuningJob::Builder built) {
    built.getTrials()[0].setState(wire::Trial::State::INFEASIBLE);
    mark_best(built);
  });
  CHECK_FALSE(failed->hasBestTrial());
  CHECK(failed->getOptimalTrials().size() == 0);
}
