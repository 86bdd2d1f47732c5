// What a tuning job asks of the tuner.
#include "tests/core/studies/tuning_job.hpp"

#include <limits>

using namespace troupe;
using namespace troupe::test;
using namespace troupe::test::tuning_job;

TEST_CASE("stale and surplus suggestions are dropped") {
  world w;
  w.hello();
  uint64_t id = submit(w);
  suggest(w, id, 7, 2);
  CHECK(stored(w, id)->getTrials().size() == 0);
  suggest(w, id, 1, 9);
  CHECK(stored(w, id)->getTrials().size() == 2);
  suggest(w, id, 1, 2);
  CHECK(stored(w, id)->getTrials().size() == 2);
}

TEST_CASE("a restarted controller asks the tuner again and knows its trials") {
  world w;
  w.hello();
  uint64_t id = submit(w);
  w.restart();
  REQUIRE(w.last.suggestion_requests.size() == 1);
  CHECK(w.last.suggestion_requests[0].first_trial == 1);
  w.hello();
  suggest(w, id, 1, 2);
  uint64_t job = job_of(w, id, 1);
  w.running(job);
  measure(w, job, 0.25, 1);
  auto before = stored(w, id);
  w.restart();
  w.hello(w.nodes["a"], {{.job = job}, {.job = job_of(w, id, 2)}});
  measure(w, job, 0.25, 1, "accuracy", w.now);
  CHECK(w.last.writes.empty());
  w.exits(job, 0);
  CHECK(stored(w, id)->getTrials()[0].getFinalMeasurement().getMetrics()[0].getValue() == 0.25);
  CHECK(before->getTrials()[0].getMeasurements().size() == 1);
}

TEST_CASE("the tuner is asked again when it fails, three times in all, then the job fails") {
  world w;
  w.hello();
  uint64_t id = submit(w);
  suggest(w, id, 1, 1);
  auto fails = [&] {
    w.step([&](wire::Event::Builder event) {
      auto answer = event.initSuggestions();
      answer.setStudyId(id);
      answer.setFirstTrial(2);
      answer.setError("there is not enough memory for it");
    });
  };
  fails();
  CHECK(w.last.suggestion_requests.size() == 1);
  w.restart();
  w.hello();
  fails();
  CHECK(w.last.suggestion_requests.size() == 1);
  fails();
  CHECK(w.last.suggestion_requests.empty());
  CHECK(!stored(w, id)->hasEndTime()); // the trial under way may end
  run(w, id, 1, 0.5);
  CHECK(stored(w, id)->getState() == JobState::FAILED);
  CHECK(wire::str(stored(w, id)->getError().getMessage())
            .starts_with("The tuner failed 3 times in a row to suggest trial 2: there is not"));
  CHECK(stored(w, id)->getTrials()[0].getState() == wire::Trial::State::SUCCEEDED);
}

TEST_CASE("a job learns from earlier ones of either kind, and refuses unknown ones") {
  world w;
  w.hello();
  uint64_t first = submit(w, {.most = 1, .parallel = 1});
  suggest(w, first, 1, 1);
  run(w, first, 1, 0.5);
  std::string name = fmt::format("projects/p/locations/l/hyperparameterTuningJobs/{}", first);
  submit(w, {.study = [&](wire::StudySpec::Builder study) {
           study.initTransferLearningConfig().initPriorStudyNames(1).set(0, wire::text(name));
         }});
  REQUIRE(w.last.suggestion_requests.at(0).priors.size() == 1);
  CHECK(w.last.suggestion_requests[0].priors[0]->getTrials().size() == 1);
}
