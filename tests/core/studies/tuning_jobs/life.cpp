// The life of a tuning job: its trials, and how it ends.
#include "tests/core/studies/tuning_job.hpp"

#include <limits>

using namespace troupe;
using namespace troupe::test;
using namespace troupe::test::tuning_job;

TEST_CASE("a study runs its trials, as many at once as allowed, to SUCCEEDED") {
  world w;
  w.hello();
  uint64_t id = submit(w, {.job = {.output = "/out"}});
  CHECK(stored(w, id)->getState() == JobState::QUEUED);
  REQUIRE(w.last.suggestion_requests.size() == 1);
  CHECK(w.last.suggestion_requests[0].first_trial == 1);
  CHECK(w.last.suggestion_requests[0].count == 2);
  suggest(w, id, 1, 2);
  CHECK(w.last.suggestion_requests.empty());
  auto launches = w.sent(Order::LAUNCH, "a");
  REQUIRE(launches.size() == 2);
  auto launch = launches[0].getLaunch();
  CHECK(wire::view(launch.getTrialId()) == "1");
  CHECK(wire::view(launch.getMetricTags()[0]) == "accuracy");
  CHECK(wire::view(launch.getDisplayName()) == "study-trial-1");
  auto args = launch.getSpec().getWorkerPoolSpecs()[0].getContainerSpec().getArgs();
  REQUIRE(args.size() == 3);
  CHECK(wire::view(args[0]) == "--first");
  CHECK(wire::view(args[1]) == "--lr=0.1");
  CHECK(wire::view(args[2]) == "--units=32");
  CHECK(wire::view(launch.getSpec().getBaseOutputDirectory().getOutputUriPrefix()) == "/out/1/");
  CHECK(stored(w, id)->getTrials()[0].getState() == wire::Trial::State::REQUESTED);

  uint64_t first = job_of(w, id, 1);
  CHECK(w.attempt(first)->getTuningJobId() == id);
  w.running(first);
  CHECK(stored(w, id)->getState() == JobState::RUNNING);
  CHECK(stored(w, id)->getTrials()[0].getState() == wire::Trial::State::ACTIVE);
  w.now += 1'000'000;
  measure(w, first, 0.9, 1);
  measure(w, first, 0.8, 2);
  measure(w, first, 0.8, 2); // the file is read again and again
  measure(w, first, 0.7, 2, "unknown");
  CHECK(w.last.writes.empty());
  CHECK(stored(w, id)->getTrials()[0].getMeasurements().size() == 2);
  CHECK(stored(w, id)->getTrials()[0].getMeasurements()[0].getElapsedDuration().getMicros()
        == 1'000'000);
  w.exits(first, 0);
  auto tuning = stored(w, id);
  auto trial = tuning->getTrials()[0];
  CHECK(trial.getState() == wire::Trial::State::SUCCEEDED);
  CHECK(trial.getFinalMeasurement().getMetrics()[0].getValue() == 0.9);
  CHECK(wire::str(trial.getName()).ends_with("/trials/1"));

  REQUIRE(w.last.suggestion_requests.size() == 1);
  CHECK(w.last.suggestion_requests[0].first_trial == 3);
  suggest(w, id, 3, 1);
  for (uint32_t number : {2u, 3u}) {
    uint64_t job = job_of(w, id, number);
    w.running(job);
    measure(w, job, 0.5, 1);
    w.exits(job, 0);
  }
  CHECK(stored(w, id)->getState() == JobState::SUCCEEDED);
  CHECK(stored(w, id)->hasEndTime());
  CHECK(w.last.suggestion_requests.empty());
}

TEST_CASE("reducers get no parameters") {
  world w;
  w.hello();
  uint64_t id = submit(w, {.job = {.pools = {{}, {}, {.image = "troupe/reductionserver"}}}});
  suggest(w, id, 1, 1);
  auto launch = w.sent(Order::LAUNCH, "a").at(0).getLaunch();
  auto pools = launch.getSpec().getWorkerPoolSpecs();
  CHECK(pools[1].getContainerSpec().getArgs().size() == 3);
  CHECK(pools[2].getContainerSpec().getArgs().size() == 0);
  CHECK(!launch.getPools()[1].getReducers());
  CHECK(launch.getPools()[2].getReducers());
}

TEST_CASE("with maxFailedTrialCount 0 a failed first trial ends the study and stops the others") {
  world w;
  w.hello();
  uint64_t id = submit(w);
  suggest(w, id, 1, 2);
  w.running(job_of(w, id, 2));
  w.exits(job_of(w, id, 1), 1);
  CHECK(stored(w, id)->getState() != JobState::FAILED);
  CHECK(w.count_sent(Order::STOP, "a") == 1);
  w.exits(job_of(w, id, 2), 0);
  CHECK(stored(w, id)->getState() == JobState::FAILED);
  CHECK(wire::str(stored(w, id)->getError().getMessage()).starts_with("The first trial failed"));
  CHECK(w.last.suggestion_requests.empty());
}

TEST_CASE("maxFailedTrialCount failures end the study, fewer do not") {
  world w;
  w.hello();
  uint64_t id = submit(w, {.most = 4, .parallel = 1, .failed = 2});
  suggest(w, id, 1, 1);
  w.exits(job_of(w, id, 1), 1);
  CHECK(!stored(w, id)->hasEndTime());
  suggest(w, id, 2, 1);
  w.exits(job_of(w, id, 2), 1);
  CHECK(stored(w, id)->getState() == JobState::FAILED);
}

TEST_CASE("an exhausted search space ends the study when its trials have ended") {
  world w;
  w.hello();
  uint64_t id = submit(w);
  suggest(w, id, 1, 1, true);
  CHECK(w.last.suggestion_requests.empty());
  uint64_t job = job_of(w, id, 1);
  w.running(job);
  measure(w, job, 1, 1);
  w.exits(job, 0);
  CHECK(stored(w, id)->getState() == JobState::SUCCEEDED);
}

TEST_CASE("cancelling a study cancels its trials and waits for them") {
  world w;
  w.hello();
  uint64_t id = submit(w);
  suggest(w, id, 1, 2);
  uint64_t one = job_of(w, id, 1), two = job_of(w, id, 2);
  w.running(one);
  w.step([&](wire::Event::Builder event) { world::in_project(event).setCancelTuningJob(id); });
  CHECK(w.last.replies.at(0).outcome->isEmpty());
  CHECK(stored(w, id)->getState() == JobState::CANCELLING);
  CHECK(w.state(one) == JobState::CANCELLING);
  CHECK(stored(w, id)->getTrials()[0].getState() == wire::Trial::State::STOPPING);
  w.exits(one, 0);
  w.exits(two, 0);
  CHECK(stored(w, id)->getState() == JobState::CANCELLED);
  CHECK(stored(w, id)->getError().getCode() == 1);

  w.step([&](wire::Event::Builder event) { world::in_project(event).setDeleteTuningJob(id); });
  CHECK(w.last.replies.at(0).outcome->isOperation());
  CHECK(!w.stored<wire::HyperparameterTuningJob>(store::family::tuning_jobs, id));
  CHECK(w.trials(id).empty());
  CHECK(!w.stored<wire::CustomJob>(store::family::custom_jobs, one));
  CHECK(!w.stored<wire::AttemptRecord>(store::family::attempts, two));
}

TEST_CASE("a live study is not deleted, an unknown one is NOT_FOUND, an invalid one refused") {
  world w;
  uint64_t id = submit(w);
  w.step([&](wire::Event::Builder event) { world::in_project(event).setDeleteTuningJob(id); });
  CHECK(w.reply_code() == 9);
  w.step([&](wire::Event::Builder event) { world::in_project(event).setCancelTuningJob(5); });
  CHECK(w.reply_code() == 5);
  w.step([&](wire::Event::Builder event) { world::in_project(event).initCreateTuningJob(); });
  CHECK(w.reply_code() == 3);
  CHECK(w.last.writes.empty());
}
