// What ends trials and tuning jobs early.
#include "tests/core/studies/tuning_job.hpp"

#include <limits>

using namespace troupe;
using namespace troupe::test;
using namespace troupe::test::tuning_job;

TEST_CASE(
    "a trial that the stopping rule gives up is cancelled and succeeds with what it measured") {
  world w;
  w.hello();
  uint64_t id = submit(w, {.most = 4, .study = median});
  suggest(w, id, 1, 2);
  uint64_t one = job_of(w, id, 1);
  w.running(one);
  CHECK(w.last.stopping_requests.empty()); // nothing is measured yet
  measure(w, one, 0.9, 1);
  REQUIRE(w.last.stopping_requests.size() == 1);
  CHECK(w.last.stopping_requests[0].study == id);
  CHECK(w.last.stopping_requests[0].job->getTrials()[0].getMeasurements().size() == 1);
  measure(w, one, 0.8, 2);
  CHECK(w.last.stopping_requests.empty()); // one at a time
  stop(w, id, 2, "not running");
  CHECK(stored(w, id)->getTrials()[1].getState() == wire::Trial::State::REQUESTED);
  CHECK(w.last.stopping_requests.size() == 1); // for what came meanwhile
  stop(w, id, 1, "worse than the median 0.95 at step 2");
  auto stopped = stored(w, id);
  auto trial = stopped->getTrials()[0];
  CHECK(trial.getState() == wire::Trial::State::STOPPING);
  CHECK(wire::view(trial.getStoppingReason()) == "worse than the median 0.95 at step 2");
  CHECK(w.state(one) == JobState::CANCELLING);
  CHECK(w.count_sent(Order::STOP, "a") == 1);
  w.exits(one, 143);
  CHECK(w.state(one) == JobState::CANCELLED);
  CHECK(w.error(one)
        == "CANCELLED: the trial was stopped early: worse than the median 0.95 at step 2");
  bool told = false;
  for (const std::string& line : w.service_logs(one))
    told |= line == "The trial is stopped early: worse than the median 0.95 at step 2";
  CHECK(told);
  CHECK(stored(w, id)->getTrials()[0].getState() == wire::Trial::State::SUCCEEDED);
  CHECK(stored(w, id)->getTrials()[0].getFinalMeasurement().getMetrics()[0].getValue() == 0.9);
  CHECK(w.last.suggestion_requests.size() == 1);
  stop(w, id, 1, "again");
  CHECK(wire::view(stored(w, id)->getTrials()[0].getStoppingReason()).starts_with("worse"));
}

TEST_CASE("verdicts under way when the controller dies are asked for again") {
  world w;
  w.hello();
  uint64_t id = submit(w, {.study = median});
  suggest(w, id, 1, 1);
  uint64_t one = job_of(w, id, 1);
  w.running(one);
  measure(w, one, 0.9, 1);
  w.restart();
  REQUIRE(w.cluster->wake_at());
  w.pass(0);
  CHECK(w.last.stopping_requests.size() == 1);
}

TEST_CASE("studyStoppingConfig ends a tuning job, and says why") {
  world w;
  w.hello();
  uint64_t id = submit(w, {.most = 9, .parallel = 1, .study = [](wire::StudySpec::Builder study) {
                             study.initStudyStoppingConfig().initMaxNumTrials().setNumber(2);
                           }});
  suggest(w, id, 1, 1);
  run(w, id, 1, 0.5);
  CHECK(stored(w, id)->getState() == JobState::RUNNING);
  suggest(w, id, 2, 1);
  run(w, id, 2, 0.75);
  CHECK(w.last.suggestion_requests.empty());
  CHECK(stored(w, id)->getState() == JobState::SUCCEEDED);
  CHECK(reason_of(w, id).find("maxNumTrials") != std::string::npos);
  CHECK(wire::view(stored(w, id)->getBestTrial().getId()) == "2");
  CHECK(stored(w, id)->getBestTrial().getMeasurements().size() == 0);
  CHECK(stored(w, id)->getOptimalTrials().size() == 1);
  resume(w, id, 12);
  CHECK(w.reply_code() == 9);
  CHECK(w.reply_error().find("studyStoppingConfig would end it again") != std::string::npos);
}

TEST_CASE("a tuning job whose time is up stops its trials by a timer, without counting failures") {
  world w;
  w.hello();
  uint64_t id =
      submit(w, {.most = 9, .study = [](wire::StudySpec::Builder study) {
                   auto config = study.initStudyStoppingConfig();
                   config.initMaximumRuntimeConstraint().initMaxDuration().setMicros(100'000'000);
                   config.initShouldStopAsap().setBoolean(true);
                 }});
  suggest(w, id, 1, 2);
  uint64_t one = job_of(w, id, 1), two = job_of(w, id, 2);
  w.running(one);
  w.running(two);
  measure(w, two, 0.5, 1);
  w.restart();
  w.hello(w.nodes["a"], {{.job = one}, {.job = two}});
  w.pass(100);
  CHECK(w.count_sent(Order::STOP, "a") == 2);
  CHECK(reason_of(w, id).find("2 under way: ") != std::string::npos);
  w.exits(one, 143);
  w.exits(two, 143);
  CHECK(stored(w, id)->getState() == JobState::SUCCEEDED);
  auto tuning = stored(w, id);
  CHECK(tuning->getTrials()[0].getState() == wire::Trial::State::INFEASIBLE);
  CHECK(wire::view(tuning->getTrials()[0].getInfeasibleReason())
            .starts_with("The trial was stopped early without reporting a metric"));
  CHECK(tuning->getTrials()[1].getState() == wire::Trial::State::SUCCEEDED);
}
