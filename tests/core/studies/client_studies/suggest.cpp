// What a client gets when it asks for suggestions, and when.
#include "tests/core/studies/client_study.hpp"

#include <limits>

using namespace troupe;
using namespace troupe::test;
using namespace troupe::test::client_study;

TEST_CASE("a suggestion waits for the tuner, and the same client gets its unfinished trial back") {
  world w;
  uint64_t id = create(w);
  uint64_t op = ask(w, id, "one");
  CHECK(!operation(w, op)->getDone());
  CHECK(!operation(w, op)->hasResponse());
  auto json = wire::to_json<wire::Operation>(*operation(w, op));
  CHECK(json.find("SuggestTrialsMetadata") != std::string::npos);
  CHECK(json.find("\"clientId\":\"one\"") != std::string::npos);
  REQUIRE(w.last.suggestion_requests.size() == 1);
  auto request = w.last.suggestion_requests[0];
  CHECK(request.count == 1);
  CHECK(request.first_trial == 1);
  suggest(w, request, {0.25});
  CHECK(names(w, id, op, 1));
  CHECK(response(w, op).find("v1.SuggestTrialsResponse") != std::string::npos);
  CHECK(response(w, op).find("\"studyState\":\"ACTIVE\"") != std::string::npos);
  auto trial = w.trials(id).at(0);
  CHECK(trial->getState() == state::ACTIVE);
  CHECK(wire::view(trial->getClientId()) == "one");
  CHECK(trial->hasStartTime());

  uint64_t again = ask(w, id, "one");
  CHECK(w.last.suggestion_requests.empty());
  CHECK(w.last.replies[0].outcome->getOperation().getDone());
  CHECK(names(w, id, again, 1));
  ask(w, id, "two");
  CHECK(w.last.suggestion_requests.size() == 1);
}

TEST_CASE("requests are served one after the other; a repeated one gets the same trials") {
  world w;
  uint64_t id = create(w);
  uint64_t first = ask(w, id, "one", 2);
  auto request = w.last.suggestion_requests.at(0);
  uint64_t again = ask(w, id, "one", 2), other = ask(w, id, "two");
  CHECK(w.last.suggestion_requests.empty());
  suggest(w, request, {0.1, 0.2});
  CHECK(names(w, id, first, 2));
  CHECK(response(w, again).find("trials/3") == std::string::npos);
  CHECK(names(w, id, again, 1));
  CHECK(names(w, id, again, 2));
  REQUIRE(w.last.suggestion_requests.size() == 1);
  auto next = w.last.suggestion_requests[0];
  CHECK(next.first_trial == 3);
  CHECK(next.operation == other);
  CHECK(next.job->getTrials().size() == 2);
  suggest(w, request, {0.1, 0.2}); // a stale answer
  CHECK(w.trials(id).size() == 2);
  suggest(w, next, {0.3, 0.4}); // more than asked for
  CHECK(w.trials(id).size() == 3);
  CHECK(names(w, id, other, 3));
}

TEST_CASE("requested trials are handed out before new ones, also to a request that waits") {
  world w;
  uint64_t id = create(w);
  create_trial(w, id, 0.5);
  CHECK(w.last.replies.at(0).outcome->getTrial().getState() == state::REQUESTED);
  uint64_t op = ask(w, id, "one");
  CHECK(names(w, id, op, 1));
  CHECK(w.trials(id)[0]->getState() == state::ACTIVE);
  uint64_t waits = ask(w, id, "two");
  auto stale = w.last.suggestion_requests.at(0);
  create_trial(w, id, 0.75);
  CHECK(names(w, id, waits, 2));
  suggest(w, stale, {0.1});
  CHECK(w.trials(id).size() == 2);
}

TEST_CASE("a trial created while the tuner computes makes its answer stale, so it is asked again") {
  world w;
  uint64_t id = create(w);
  uint64_t op = ask(w, id, "one");
  auto stale = w.last.suggestion_requests.at(0);
  create_trial(w, id, 0.5, [](wire::Trial::Builder trial) {
    trial.setState(state::SUCCEEDED);
    auto metric = trial.initFinalMeasurement().initMetrics(1)[0];
    metric.setMetricId("loss");
    metric.setValue(1);
  });
  CHECK(w.trials(id).at(0)->getState() == state::SUCCEEDED);
  auto next = w.last.suggestion_requests.at(0);
  CHECK(next.first_trial == 2);
  suggest(w, stale, {0.1});
  CHECK(!operation(w, op)->getDone());
  suggest(w, next, {0.1});
  CHECK(names(w, id, op, 2));
}

TEST_CASE("each suggestion lies in its context") {
  world w;
  uint64_t id = create(w);
  create_trial(w, id, 0.5);
  create_trial(w, id, 0.9);
  uint64_t op = ask(w, id, "one", 2, {0.25, 0.5});
  CHECK(w.trials(id)[0]->getState() == state::ACTIVE);
  CHECK(w.trials(id)[1]->getState() == state::REQUESTED);
  auto request = w.last.suggestion_requests.at(0);
  CHECK(request.count == 1);
  CHECK(request.fixed->getParameters()[0].getValue().getNumber() == 0.25);
  suggest(w, request, {0.25});
  CHECK(names(w, id, op, 3));
  CHECK(names(w, id, op, 1));
  ask(w, id, "one", 2, {0.25});
  CHECK(w.reply_code() == 3);
  ask(w, id, "one", 1, {7});
  CHECK(w.reply_error() == "contexts[0].parameters[0]: 'x' is 7; expected a number from 0 to 1");
}

TEST_CASE("a context that no point can meet is refused, and a tuner that misses one is not asked "
          "forever") {
  world w;
  uint64_t id = create(w);
  w.step([&](wire::Event::Builder event) {
    auto change = world::in_project(event).initSuggestTrials();
    change.setStudy(id);
    auto wish = change.initSuggest();
    wish.setClientId("one");
    wish.setSuggestionCount(1);
    auto values = wish.initContexts(1)[0].initParameters(2);
    values[0].setParameterId("momentum");
    values[0].initValue().setNumber(0.5);
    values[1].setParameterId("optimizer");
    values[1].initValue().setString("adam");
  });
  CHECK(w.reply_code() == 3);
  CHECK(w.reply_error()
        == "contexts[0].parameters[0]: 'momentum' is inactive where the other parameters have "
           "these values; expected it left out, or other values");
  uint64_t op = ask(w, id, "one", 1, {0.25});
  suggest(w, w.last.suggestion_requests.at(0), {0.75});
  CHECK(w.last.suggestion_requests.empty());
  CHECK(w.trials(id).empty());
  CHECK(operation(w, op)->getDone());
  CHECK(operation(w, op)->isError());
}

TEST_CASE(
    "a trial that ends while the tuner computes for another context changes what is asked for") {
  world w;
  uint64_t id = create(w);
  make_active(w, id, "one", 0.25);
  uint64_t op = ask(w, id, "one", 2, {0.25, 0.5});
  auto late = w.last.suggestion_requests.at(0);
  CHECK(late.fixed->getParameters()[0].getValue().getNumber() == 0.5);
  complete(w, id, 1, 3);
  suggest(w, late, {0.5});
  REQUIRE(w.last.suggestion_requests.size() == 1);
  auto next = w.last.suggestion_requests[0];
  CHECK(next.fixed->getParameters()[0].getValue().getNumber() == 0.25);
  suggest(w, next, {0.25});
  suggest(w, core::suggestion_request(w.last.suggestion_requests.at(0)), {0.5});
  CHECK(operation(w, op)->getDone());
  CHECK(!operation(w, op)->isError());
  CHECK(names(w, id, op, 2));
  CHECK(names(w, id, op, 3));
}

TEST_CASE("a bad request for suggestions is refused") {
  world w;
  uint64_t id = create(w);
  ask(w, id, "one", 0);
  CHECK(w.reply_code() == 3);
  ask(w, id, "", 1);
  CHECK(w.reply_error().starts_with("clientId: not set"));
  ask(w, 17, "one");
  CHECK(w.reply_code() == 5);
  CHECK(w.reply_error() == "There is no projects/p/locations/l/studies/17.");
}

TEST_CASE("an exhausted space completes the study; what is unfinished can still be had") {
  world w;
  uint64_t id = create(w);
  uint64_t op = ask(w, id, "one", 3);
  suggest(w, core::suggestion_request(w.last.suggestion_requests.at(0)), {0.5}, true);
  CHECK(names(w, id, op, 1));
  CHECK(response(w, op).find("COMPLETED") != std::string::npos);
  CHECK(study_of(w, id)->getState() == wire::Study::State::COMPLETED);
  CHECK(wire::view(study_of(w, id)->getInactiveReason()).find("no further point")
        != std::string::npos);
  CHECK(names(w, id, ask(w, id, "one"), 1));
  uint64_t none = ask(w, id, "two");
  CHECK(response(w, none).find("\"trials\"") == std::string::npos);
  CHECK(w.last.suggestion_requests.empty());
  create_trial(w, id, 0.1);
  CHECK(w.reply_code() == 9);
}

TEST_CASE("the tuner's failure is the operation's, and the next request is served") {
  world w;
  uint64_t id = create(w);
  uint64_t op = ask(w, id, "one");
  auto request = w.last.suggestion_requests.at(0);
  uint64_t other = ask(w, id, "two");
  suggest(w, request, {}, false, "there is not enough memory for it");
  CHECK(operation(w, op)->getDone());
  CHECK(operation(w, op)->getError().getCode() == 13);
  CHECK(wire::str(operation(w, op)->getError().getMessage()).find("not enough memory")
        != std::string::npos);
  suggest(w, core::suggestion_request(w.last.suggestion_requests.at(0)), {0.1});
  CHECK(names(w, id, other, 1));
}

TEST_CASE("what waits for the tuner is asked again after a restart") {
  world w;
  uint64_t id = create(w, "study", median);
  make_active(w, id, "one", 0.5);
  uint64_t op = ask(w, id, "two"), checked = check(w, id, 1);
  w.restart();
  auto request = w.last.suggestion_requests.at(0);
  CHECK(request.operation == op);
  REQUIRE(w.cluster->wake_at());
  w.pass(0);
  auto look = w.last.stopping_requests.at(0);
  suggest(w, request, {0.25});
  CHECK(names(w, id, op, 2));
  verdict(w, look, {});
  CHECK(operation(w, checked)->getDone());
  CHECK(!w.cluster->wake_at());
  measure(w, id, 2, 1, 0.5);
  CHECK(w.reply_code() == 0);
}
