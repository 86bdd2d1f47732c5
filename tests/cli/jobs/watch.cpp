#include "cli/jobs/watch.hpp"

#include "tests/cli/test_console.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::cli;

TEST_CASE("a change of the job is printed once, and nothing while nothing changes") {
  change_log changes;
  auto pending = document(R"({"displayName":"x","state":"JOB_STATE_PENDING"})");
  auto running = document(R"({"displayName":"x","state":"JOB_STATE_RUNNING"})");
  auto reason = document(R"({"reason":"no CPUs"})");
  CHECK(changes.custom_job(pending.root(), reason.root()) == lines{"x: PENDING: no CPUs"});
  CHECK(changes.custom_job(pending.root(), reason.root()).empty());
  CHECK(changes.custom_job(running.root(), {}) == lines{"x: RUNNING"});
}

TEST_CASE("a line is printed when a trial appears, waits, ends or becomes the best") {
  change_log changes;
  auto study = std::string(
      R"({"displayName":"x","state":"JOB_STATE_RUNNING","studySpec":{"metrics":[{"metricId":"a"}]},"trials":[)");
  auto active = document(
      study + R"({"id":"1","state":"ACTIVE","parameters":[{"parameterId":"lr","value":2}]}]})");
  CHECK(changes.tuning_job(active.root(), {{"1", "no CPUs"}})
        == lines{"x: RUNNING", "trial 1 ACTIVE lr=2", "trial 1 waits: no CPUs"});
  CHECK(changes.tuning_job(active.root(), {{"1", "no CPUs"}}).empty());
  auto ended = document(
      study + R"({"id":"1","state":"SUCCEEDED","parameters":[{"parameterId":"lr","value":2}],
    "finalMeasurement":{"stepCount":"3","metrics":[{"metricId":"a","value":0.5}]}}],"bestTrial":{"id":"1"}})");
  CHECK(changes.tuning_job(ended.root(), {})
        == lines{"trial 1 SUCCEEDED lr=2 -> 0.5 at step 3", "trial 1 is the best so far"});
}

TEST_CASE("a line is printed with the reason when a trial is stopped, and when the front grows") {
  change_log changes;
  auto study = std::string(
      R"({"displayName":"x","state":"JOB_STATE_RUNNING","studySpec":{"metrics":[{"metricId":"a"},{"metricId":"b"}]},)");
  auto stopped = document(
      study
      + R"("optimalTrials":["1"],"trials":[{"id":"1","state":"SUCCEEDED","parameters":[{"parameterId":"lr","value":2}],"stoppingReason":"median: too slow"}]})");
  CHECK(changes.tuning_job(stopped.root(), {})
        == lines{"x: RUNNING", "trial 1 SUCCEEDED lr=2: stopped: median: too slow",
                 "on the Pareto front: 1"});
}

TEST_CASE("only trials without a measurement are asked for the reason they wait") {
  auto job = document(R"({"trials":[
    {"id":"1","state":"ACTIVE","customJob":"projects/p/locations/l/customJobs/1"},
    {"id":"2","state":"ACTIVE","customJob":"projects/p/locations/l/customJobs/2"},
    {"id":"3","state":"SUCCEEDED","customJob":"projects/p/locations/l/customJobs/3"}]})");
  std::vector<std::string> asked;
  auto waits = waits_of(
      [&](const std::string& path) -> result<json_document> {
        asked.push_back(path);
        return document(path.ends_with("/1:status") ? R"({"reason":"no CPUs"})"
                                                    : R"({"reason":"runs","replicas":[{}]})");
      },
      job.root());
  CHECK(asked
        == lines{"/v1/projects/p/locations/l/customJobs/1:status",
                 "/v1/projects/p/locations/l/customJobs/2:status"});
  REQUIRE(waits.size() == 1);
  CHECK(waits[0].trial == "1");
  CHECK(waits[0].reason == "no CPUs");
}
