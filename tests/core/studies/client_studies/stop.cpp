// What ends a study or a trial early.
#include "tests/core/studies/client_study.hpp"

#include <limits>

using namespace troupe;
using namespace troupe::test;
using namespace troupe::test::client_study;

TEST_CASE("studyStoppingConfig completes the study before the next suggestion, and says why") {
  world w;
  uint64_t id = create(w, "study", [](wire::StudySpec::Builder spec) {
    spec.initStudyStoppingConfig().initMaxNumTrials().setNumber(2);
  });
  uint64_t op = ask(w, id, "one", 5);
  auto request = w.last.suggestion_requests.at(0);
  CHECK(request.count == 2);
  suggest(w, request, {0.1, 0.2});
  CHECK(names(w, id, op, 2));
  CHECK(study_of(w, id)->getState() == wire::Study::State::COMPLETED);
  CHECK(wire::view(study_of(w, id)->getInactiveReason()).find("maxNumTrials") != std::string::npos);
}

TEST_CASE("a study's time runs out by a timer, also after a restart, and asap stops its trials") {
  world w;
  uint64_t id = create(w, "study", [](wire::StudySpec::Builder spec) {
    auto config = spec.initStudyStoppingConfig();
    config.initMaximumRuntimeConstraint().initMaxDuration().setMicros(100'000'000);
    config.initShouldStopAsap().setBoolean(true);
  });
  make_active(w, id, "one", 0.1);
  w.now += 50'000'000;
  w.restart();
  REQUIRE(w.cluster->wake_at());
  w.pass(49);
  CHECK(study_of(w, id)->getState() == wire::Study::State::ACTIVE);
  w.pass(1);
  CHECK(study_of(w, id)->getState() == wire::Study::State::COMPLETED);
  CHECK(w.trials(id)[0]->getState() == state::STOPPING);
  CHECK(w.trials(id)[0]->getStoppingReason().size() > 0);
  measure(w, id, 1, 1, 0.5);
  CHECK(w.reply_code() == 0);
  complete(w, id, 1);
  CHECK(w.trials(id)[0]->getState() == state::SUCCEEDED);
}

TEST_CASE("a trial is stopped once, and what has ended is not") {
  world w;
  uint64_t id = create(w);
  make_active(w, id, "one", 0.5);
  stop(w, id, 1);
  CHECK(w.last.replies.at(0).outcome->getTrial().getState() == state::STOPPING);
  stop(w, id, 1);
  CHECK(w.reply_code() == 0);
  complete(w, id, 1, 1);
  stop(w, id, 1);
  CHECK(w.reply_code() == 9);
}

TEST_CASE("early stopping is judged by the tuner, for all that wait together") {
  world w;
  uint64_t id = create(w, "study", median);
  for (const char* client : {"one", "two", "three"})
    make_active(w, id, client, 0.5);
  uint64_t one = check(w, id, 1);
  CHECK(!operation(w, one)->getDone());
  CHECK(wire::to_json<wire::Operation>(*operation(w, one)).find("EarlyStoppingStateMetatdata")
        != std::string::npos);
  auto request = w.last.stopping_requests.at(0);
  uint64_t two = check(w, id, 2), three = check(w, id, 3);
  CHECK(w.last.stopping_requests.empty());
  verdict(w, request, {{1, "worse than the median"}, {2, "too"}});
  CHECK(response(w, one).find("\"shouldStop\":true") != std::string::npos);
  CHECK(response(w, one).find("worse than the median") != std::string::npos);
  CHECK(w.trials(id)[0]->getState() == state::STOPPING);
  CHECK(wire::view(w.trials(id)[0]->getStoppingReason()) == "worse than the median");
  // Only who asked is stopped.
  CHECK(w.trials(id)[1]->getState() == state::ACTIVE);
  CHECK(!operation(w, two)->getDone());
  auto next = w.last.stopping_requests.at(0);
  CHECK(next.operation == three);
  verdict(w, next, {{2, "too"}});
  CHECK(response(w, two).find("shouldStop") != std::string::npos);
  CHECK(response(w, three).find("shouldStop") == std::string::npos);

  CHECK(response(w, check(w, id, 1)).find("worse than the median") != std::string::npos);
  uint64_t failed = check(w, id, 3);
  verdict(w, core::stopping_request(w.last.stopping_requests.at(0)), {}, "it threw");
  CHECK(operation(w, failed)->getError().getCode() == 13);
  complete(w, id, 3, 1);
  check(w, id, 3);
  CHECK(w.reply_code() == 9);
}

TEST_CASE("without a rule no trial should stop, at once") {
  world w;
  uint64_t id = create(w);
  make_active(w, id, "one", 0.5);
  CHECK(response(w, check(w, id, 1)).find("CheckTrialEarlyStoppingStateResponse")
        != std::string::npos);
  CHECK(w.last.stopping_requests.empty());
  CHECK(w.trials(id)[0]->getState() == state::ACTIVE);
}
