// The fault: where the server sent no bestTrial, because no trial had kept its safety metrics, the
// client chose one by the first metric alone and showed an unsafe trial as the best.
#include "cli/client/json.hpp"
#include "cli/jobs/views.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::cli;

TEST_CASE("a client shows no best trial where the server has none, and else the server's") {
  const std::string job = R"({"displayName":"x","maxTrialCount":9,
    "studySpec":{"metrics":[{"metricId":"loss","goal":"MINIMIZE"},
      {"metricId":"latency","goal":"MINIMIZE","safetyConfig":{"safetyThreshold":5}}]},
    "trials":[{"id":"1","state":"SUCCEEDED","finalMeasurement":{"metrics":
       [{"metricId":"loss","value":0.1},{"metricId":"latency","value":7}]}},
     {"id":"2","state":"SUCCEEDED","finalMeasurement":{"metrics":
       [{"metricId":"loss","value":0.9},{"metricId":"latency","value":9}]}}])";
  const auto none = json_document::parse(job + "}");
  REQUIRE(none);
  CHECK_FALSE(best_trial(none->root()));
  CHECK(optimal_trials(none->root()).empty());
  const auto one = json_document::parse(job + R"(,"bestTrial":{"id":"2"},"optimalTrials":["2"]})");
  REQUIRE(one);
  CHECK(best_trial(one->root())["id"].text() == "2");
}
