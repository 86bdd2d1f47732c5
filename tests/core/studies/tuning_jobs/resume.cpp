// Tuning jobs that go on after their end.
#include "tests/core/studies/tuning_job.hpp"

#include <limits>

using namespace troupe;
using namespace troupe::test;
using namespace troupe::test::tuning_job;

TEST_CASE("a study that has ended is resumed with its trials") {
  world w;
  w.hello();
  uint64_t id = submit(w, {.most = 2, .parallel = 1});
  resume(w, id, 5);
  CHECK(w.reply_code() == 9);
  CHECK(w.reply_error().find("Cancel it, or wait until it ends") != std::string::npos);
  suggest(w, id, 1, 1);
  run(w, id, 1, 0.5);
  suggest(w, id, 2, 1);
  run(w, id, 2, 0.25);
  CHECK(stored(w, id)->getState() == JobState::SUCCEEDED);
  resume(w, id, 2);
  CHECK(w.reply_error()
        == "maxTrialCount: 2; expected more than 2, the number of trials made so far");
  resume(w, id, 0);
  CHECK(w.reply_code() == 3);
  resume(w, id, 4, 7);
  CHECK(w.reply_error().starts_with("parallelTrialCount: 7"));
  resume(w, 5, 4);
  CHECK(w.reply_code() == 5);

  resume(w, id, 4, 2, 3);
  auto shown = w.last.replies.at(0).outcome->getTuningJob();
  CHECK(shown.getState() == JobState::PENDING);
  CHECK(shown.getTrials().size() == 2);
  CHECK(shown.getMaxTrialCount() == 4);
  CHECK(shown.getMaxFailedTrialCount() == 3);
  CHECK(!shown.hasEndTime());
  REQUIRE(w.last.suggestion_requests.size() == 1);
  CHECK(w.last.suggestion_requests[0].first_trial == 3);
  CHECK(w.last.suggestion_requests[0].count == 2);
  w.restart();
  w.hello();
  suggest(w, id, 3, 2);
  run(w, id, 3, 0.75);
  run(w, id, 4, 0.1);
  CHECK(stored(w, id)->getState() == JobState::SUCCEEDED);
  CHECK(wire::view(stored(w, id)->getBestTrial().getId()) == "3");
}

TEST_CASE("a cancelled or failed study is resumed without its error") {
  world w;
  w.hello();
  uint64_t id = submit(w, {.most = 4, .parallel = 1});
  suggest(w, id, 1, 1);
  w.exits(job_of(w, id, 1), 1);
  CHECK(stored(w, id)->getState() == JobState::FAILED);
  resume(w, id, 0);
  CHECK(w.reply_code() == 0);
  CHECK(!stored(w, id)->hasError());
  suggest(w, id, 2, 1);
  w.step([&](wire::Event::Builder event) { world::in_project(event).setCancelTuningJob(id); });
  w.exits(job_of(w, id, 2), 143);
  CHECK(stored(w, id)->getState() == JobState::CANCELLED);
  resume(w, id, 3);
  CHECK(stored(w, id)->getState() == JobState::PENDING);
  suggest(w, id, 3, 1);
  run(w, id, 3, 0.5);
  CHECK(stored(w, id)->getState() == JobState::SUCCEEDED);
}

TEST_CASE("a cancelled trial is not a failed one when the study is resumed") {
  world w;
  w.hello();
  uint64_t id = submit(w, {.most = 4, .parallel = 1});
  suggest(w, id, 1, 1);
  w.step([&](wire::Event::Builder event) { world::in_project(event).setCancelTuningJob(id); });
  w.exits(job_of(w, id, 1), 143);
  CHECK(stored(w, id)->getState() == JobState::CANCELLED);
  CHECK(wire::view(stored(w, id)->getTrials()[0].getStoppingReason()) == "cancelled");
  resume(w, id, 0);
  suggest(w, id, 2, 1);
  w.exits(job_of(w, id, 2), 1);
  // Trial 2 failed, but it is neither the first nor one of many.
  CHECK(stored(w, id)->getState() == JobState::RUNNING);
  suggest(w, id, 3, 1);
  run(w, id, 3, 0.5);
  suggest(w, id, 4, 1);
  run(w, id, 4, 0.5);
  CHECK(stored(w, id)->getState() == JobState::SUCCEEDED);
}
