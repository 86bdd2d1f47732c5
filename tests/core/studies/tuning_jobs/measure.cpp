// What trials measure, and what that makes of them.
#include "tests/core/studies/tuning_job.hpp"

#include <limits>

using namespace troupe;
using namespace troupe::test;
using namespace troupe::test::tuning_job;

TEST_CASE("a trial without a finite value of the metric is infeasible") {
  world w;
  w.hello();
  uint64_t id = submit(w, {.most = 2, .failed = 2});
  suggest(w, id, 1, 2);
  uint64_t silent = job_of(w, id, 1), wild = job_of(w, id, 2);
  w.running(silent);
  w.exits(silent, 0);
  w.running(wild);
  measure(w, wild, std::numeric_limits<double>::quiet_NaN(), 1);
  w.exits(wild, 0);
  auto job = stored(w, id);
  auto trials = job->getTrials();
  CHECK(trials[0].getState() == wire::Trial::State::INFEASIBLE);
  CHECK(wire::str(trials[0].getInfeasibleReason()).find("without reporting a metric")
        != std::string::npos);
  CHECK(wire::str(trials[1].getInfeasibleReason()).find("finite") != std::string::npos);
  CHECK(!trials[1].hasFinalMeasurement());
  CHECK(stored(w, id)->getState() == JobState::FAILED);
}

TEST_CASE("a measurement rewrites its own trial only") {
  world w;
  w.hello();
  uint64_t id = submit(w);
  suggest(w, id, 1, 2);
  uint64_t one = job_of(w, id, 1);
  w.running(one);
  measure(w, one, 0.5, 1);
  size_t written = 0;
  for (const auto& write : w.last.writes.writes)
    if (write.where == store::family::trials) {
      ++written;
      CHECK(write.key == fmt::format("{}/{:010}", store::key_of(id), 1));
    }
  CHECK(written == 1);
}

TEST_CASE("a trial needs all metrics of the study at one step") {
  world w;
  w.hello();
  uint64_t id = submit(w, {.most = 2, .failed = 2, .study = [](wire::StudySpec::Builder study) {
                             auto metrics = study.initMetrics(2);
                             metrics[0].setMetricId("accuracy");
                             metrics[1].setMetricId("size");
                             metrics[1].setGoal(wire::MetricSpec::GoalType::MINIMIZE);
                           }});
  suggest(w, id, 1, 2);
  uint64_t one = job_of(w, id, 1), two = job_of(w, id, 2);
  w.running(one);
  measure(w, one, 0.9, 1);
  measure(w, one, 7, 1, "size");
  measure(w, one, 0.8, 2);
  w.exits(one, 0);
  CHECK(stored(w, id)->getTrials()[0].getFinalMeasurement().getStepCount() == 1);
  w.running(two);
  measure(w, two, 0.9, 1);
  w.exits(two, 0);
  CHECK(wire::str(stored(w, id)->getTrials()[1].getInfeasibleReason())
        == "The trial succeeded without reporting size; expected every metric of the study: "
           "accuracy, size.");
  CHECK(stored(w, id)->getOptimalTrials().size() == 1);
  CHECK(!stored(w, id)->hasBestTrial());
}
