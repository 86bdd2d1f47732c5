#include "tests/core/world.hpp"
#include "wire/json.hpp"

#include <limits>

using namespace troupe;
using namespace troupe::test;
using state = wire::Trial::State;

namespace {

using spec_fill = std::function<void(wire::StudySpec::Builder)>;

/// One metric to minimise, one real parameter "x" and, under optimizer "sgd", "momentum".
void fill_spec(wire::StudySpec::Builder spec, const spec_fill& more) {
  auto metric = spec.initMetrics(1)[0];
  metric.setMetricId("loss");
  metric.setGoal(wire::MetricSpec::GoalType::MINIMIZE);
  auto parameters = spec.initParameters(2);
  parameters[0].setParameterId("x");
  parameters[0].initDoubleValueSpec().setMaxValue(1);
  parameters[1].setParameterId("optimizer");
  auto values = parameters[1].initCategoricalValueSpec().initValues(2);
  values.set(0, "sgd");
  values.set(1, "adam");
  auto child = parameters[1].initConditionalParameterSpecs(1)[0];
  child.initParentCategoricalValues().initValues(1).set(0, "sgd");
  child.getParameterSpec().setParameterId("momentum");
  child.getParameterSpec().initDoubleValueSpec().setMaxValue(0.9);
  if (more) more(spec);
}

uint64_t create(world& w, const std::string& name = "study", const spec_fill& more = {}) {
  w.step([&](wire::Event::Builder event) {
    auto study = world::in_project(event).initCreateStudy();
    study.setDisplayName(wire::text(name));
    fill_spec(study.initStudySpec(), more);
  });
  if (w.reply_code() != 0) return 0;
  return world::id_of(wire::str(w.last.replies.at(0).outcome->getStudy().getName()));
}

wire::frame<wire::Study> study_of(const world& w, uint64_t id) {
  return *w.stored<wire::Study>(store::family::studies, id);
}

void point(capnp::List<wire::Trial::Parameter>::Builder values, double x) {
  values[0].setParameterId("x");
  values[0].initValue().setNumber(x);
  values[1].setParameterId("optimizer");
  values[1].initValue().setString("adam");
}

void create_trial(world& w, uint64_t study, double x,
                  const std::function<void(wire::Trial::Builder)>& more = {}) {
  w.step([&](wire::Event::Builder event) {
    auto change = world::in_project(event).initCreateTrial();
    change.setStudy(study);
    auto trial = change.initTrial();
    point(trial.initParameters(2), x);
    if (more) more(trial);
  });
}

/// The id of the operation.
uint64_t ask(world& w, uint64_t study, const std::string& client, int32_t count = 1,
             std::vector<double> contexts = {}) {
  w.step([&](wire::Event::Builder event) {
    auto change = world::in_project(event).initSuggestTrials();
    change.setStudy(study);
    auto wish = change.initSuggest();
    wish.setClientId(wire::text(client));
    wish.setSuggestionCount(count);
    auto list = wish.initContexts(static_cast<uint32_t>(contexts.size()));
    for (uint32_t i = 0; i < list.size(); ++i) {
      auto value = list[i].initParameters(1)[0];
      value.setParameterId("x");
      value.initValue().setNumber(contexts[i]);
    }
  });
  if (w.reply_code() != 0) return 0;
  return world::id_of(wire::str(w.last.replies.at(0).outcome->getOperation().getName()));
}

/// What the tuner says to a request of the last step.
void suggest(world& w, const core::suggestion_request& request, std::vector<double> xs,
             bool exhausted = false, const std::string& error = "") {
  w.step([&](wire::Event::Builder event) {
    auto answer = event.initSuggestions();
    answer.setStudyId(request.study);
    answer.setFirstTrial(request.first_trial);
    answer.setOperation(request.operation);
    answer.setExhausted(exhausted);
    answer.setError(wire::text(error));
    auto sets = answer.initParameters(static_cast<uint32_t>(xs.size()));
    for (uint32_t i = 0; i < sets.size(); ++i)
      point(sets[i].initValues(2), xs[i]);
  });
}

/// Asks and has the tuner answer; the numbers of the trials.
void make_active(world& w, uint64_t study, const std::string& client, double x) {
  ask(w, study, client);
  REQUIRE(w.last.suggestion_requests.size() == 1);
  suggest(w, core::suggestion_request(w.last.suggestion_requests[0]), {x});
}

wire::frame<wire::Operation> operation(const world& w, uint64_t id) {
  return *w.stored<wire::Operation>(store::family::operations, id);
}
std::string response(const world& w, uint64_t id) {
  CHECK(operation(w, id)->getDone());
  return wire::to_json<wire::Operation>(*operation(w, id));
}
bool names(const world& w, uint64_t study, uint64_t op, uint32_t trial) {
  return response(w, op).find(fmt::format("studies/{}/trials/{}\"", study, trial))
         != std::string::npos;
}

template <class Fill>
void change(world& w, uint64_t study, uint32_t number, Fill fill) {
  w.step([&](wire::Event::Builder event) {
    auto command = world::in_project(event);
    auto change = fill(command);
    change.setStudy(study);
    change.setNumber(number);
  });
}

void measure(world& w, uint64_t study, uint32_t number, int64_t step, double value,
             const std::string& metric = "loss", int64_t elapsed_s = -1) {
  change(w, study, number, [&](wire::Command::Builder command) {
    auto change = command.initAddMeasurement();
    auto m = change.initMeasurement();
    m.setStepCount(step);
    if (elapsed_s >= 0) m.initElapsedDuration().setMicros(elapsed_s * 1'000'000);
    auto one = m.initMetrics(1)[0];
    one.setMetricId(wire::text(metric));
    one.setValue(value);
    return change;
  });
}

void complete(world& w, uint64_t study, uint32_t number, std::optional<double> final = {},
              const std::string& infeasible = "") {
  change(w, study, number, [&](wire::Command::Builder command) {
    auto change = command.initCompleteTrial();
    auto wish = change.initCompletion();
    if (final) {
      auto one = wish.initFinalMeasurement().initMetrics(1)[0];
      one.setMetricId("loss");
      one.setValue(*final);
    }
    if (!infeasible.empty()) {
      wish.setTrialInfeasible(true);
      wish.setInfeasibleReason(wire::text(infeasible));
    }
    return change;
  });
}

void stop(world& w, uint64_t study, uint32_t number) {
  change(w, study, number, [](wire::Command::Builder command) { return command.initStopTrial(); });
}

uint64_t check(world& w, uint64_t study, uint32_t number) {
  change(w, study, number,
         [](wire::Command::Builder command) { return command.initCheckEarlyStopping(); });
  if (w.reply_code() != 0) return 0;
  return world::id_of(wire::str(w.last.replies.at(0).outcome->getOperation().getName()));
}

void verdict(world& w, const core::stopping_request& request,
             const std::vector<std::pair<uint32_t, std::string>>& stops,
             const std::string& error = "") {
  w.step([&](wire::Event::Builder event) {
    auto answer = event.initStoppings();
    answer.setStudyId(request.study);
    answer.setOperation(request.operation);
    answer.setError(wire::text(error));
    auto list = answer.initTrials(static_cast<uint32_t>(stops.size()));
    for (uint32_t i = 0; i < list.size(); ++i) {
      list[i].setNumber(stops[i].first);
      list[i].setReason(wire::text(stops[i].second));
    }
  });
}

const spec_fill median = [](wire::StudySpec::Builder spec) {
  spec.initMedianAutomatedStoppingSpec();
};

} // namespace

TEST_CASE("a study is created under its name once, shown, and deleted with its trials") {
  world w;
  uint64_t id = create(w);
  CHECK(study_of(w, id)->getState() == wire::Study::State::ACTIVE);
  CHECK(wire::str(study_of(w, id)->getName())
        == fmt::format("projects/p/locations/l/studies/{}", id));
  CHECK(study_of(w, id)->hasCreateTime());
  CHECK(create(w) == 0);
  CHECK(w.reply_code() == 6);
  CHECK(w.reply_error().find(std::to_string(id)) != std::string::npos);
  CHECK(create(w, "") == 0);
  CHECK(w.reply_code() == 3);

  create_trial(w, id, 0.5);
  w.step([&](wire::Event::Builder event) { world::in_project(event).setDeleteStudy(id); });
  CHECK(w.last.replies.at(0).outcome->isEmpty());
  CHECK(w.trials(id).empty());
  CHECK(!w.stored<wire::Study>(store::family::studies, id));
  CHECK(!w.stored<wire::StudyRecord>(store::family::study_records, id));
  w.step([&](wire::Event::Builder event) { world::in_project(event).setDeleteStudy(id); });
  CHECK(w.reply_code() == 5);
  CHECK(create(w) != 0);
}

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
          "for ever") {
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

TEST_CASE("a trial must be a point of the space, and says where it is not") {
  world w;
  uint64_t id = create(w);
  auto with = [&](const std::function<void(capnp::List<wire::Trial::Parameter>::Builder)>& fill,
                  uint32_t count) {
    w.step([&](wire::Event::Builder event) {
      auto change = world::in_project(event).initCreateTrial();
      change.setStudy(id);
      fill(change.initTrial().initParameters(count));
    });
    CHECK(w.reply_code() == 3);
    return w.reply_error();
  };
  CHECK(with([](auto) {}, 0)
        == "parameters: 'x' is missing; expected a number from 0 to 1\n"
           "parameters: 'optimizer' is missing; expected one of the strings "
           "sgd, adam");
  CHECK(with([](auto p) { point(p, 2); }, 2)
        == "parameters[0]: 'x' is 2; expected a number from 0 to 1");
  CHECK(with([](auto p) { point(p, std::numeric_limits<double>::quiet_NaN()); }, 2)
            .starts_with("parameters[0]: 'x' is nan"));
  CHECK(with([](auto p) { point(p, 0.5), p[1].initValue().setString("sgd"); }, 2)
        == "parameters: 'momentum' is missing; expected a number from 0 to 0.9");
  CHECK(with(
            [](auto p) {
              point(p, 0.5), p[2].setParameterId("momentum"), p[2].initValue().setNumber(0.5);
            },
            3)
            .find("'momentum' is not active")
        != std::string::npos);
  CHECK(
      with([](auto p) { point(p, 0.5), p[2].setParameterId("y"), p[2].initValue().setNumber(0.5); },
           3)
      == "parameters[2]: 'y' is not a parameter of the study; expected one of momentum, "
         "optimizer, x");
  CHECK(with([](auto p) { point(p, 0.5), p[2].setParameterId("x"), p[2].initValue(); }, 3)
            .find("a second time")
        != std::string::npos);
  create_trial(w, id, 0.5, [](wire::Trial::Builder t) { t.setState(state::SUCCEEDED); });
  CHECK(w.reply_error().starts_with("finalMeasurement: not set"));
  CHECK(w.last.writes.empty());
}

TEST_CASE("measurements come in order, finite, of known metrics, and to running trials only") {
  world w;
  uint64_t id = create(w);
  create_trial(w, id, 0.5);
  measure(w, id, 1, 1, 0.5);
  CHECK(w.reply_code() == 9);
  CHECK(w.reply_error().find("is REQUESTED") != std::string::npos);
  ask(w, id, "one");
  w.now += 3'000'000;
  measure(w, id, 1, 5, 0.5);
  REQUIRE(w.last.replies.at(0).outcome->isTrial());
  CHECK(w.trials(id)[0]->getMeasurements()[0].getElapsedDuration().getMicros() == 3'000'000);
  measure(w, id, 1, 5, 0.5); // the same again
  CHECK(w.reply_code() == 3);
  CHECK(w.reply_error()
        == "measurement: (stepCount, elapsedDuration) is (5, 3s); expected later than (5, 3s), "
           "which is the last one of the trial: measurements are added in order, each once");
  measure(w, id, 1, 4, 0.5);
  CHECK(w.reply_code() == 3);
  measure(w, id, 1, 5, 0.5, "loss", 4);
  CHECK(w.reply_code() == 0);
  measure(w, id, 1, 6, 0.5, "accuracy");
  CHECK(w.reply_error()
        == "measurement.metrics[0].metricId: 'accuracy' is not a metric of the study; expected "
           "one of loss");
  for (double wild :
       {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    measure(w, id, 1, 6, wild);
    CHECK(w.reply_code() == 3);
  }
  measure(w, id, 1, -1, 0.5);
  CHECK(w.reply_error() == "measurement.stepCount: -1; expected 0 or more");
  measure(w, id, 2, 1, 0.5);
  CHECK(w.reply_error()
        == fmt::format("There is no projects/p/locations/l/studies/{}/trials/2.", id));
  CHECK(w.trials(id)[0]->getMeasurements().size() == 2);
  // Only the trial's own record is written.
  measure(w, id, 1, 7, 0.5);
  for (const auto& write : w.last.writes.writes)
    CHECK((write.where == store::family::trials || write.where == store::family::events
           || write.where == store::family::meta));
}

TEST_CASE("a trial is completed once: by what is given, by what was measured, or as infeasible") {
  world w;
  uint64_t id = create(w, "study", [](wire::StudySpec::Builder spec) {
    spec.setMeasurementSelectionType(wire::StudySpec::MeasurementSelectionType::BEST_MEASUREMENT);
  });
  for (int i = 0; i < 4; ++i)
    make_active(w, id, fmt::format("client-{}", i), 0.1 * i);
  complete(w, id, 1, 0.25);
  CHECK(w.last.replies.at(0).outcome->getTrial().getState() == state::SUCCEEDED);
  CHECK(w.trials(id)[0]->getFinalMeasurement().getMetrics()[0].getValue() == 0.25);
  CHECK(w.trials(id)[0]->hasEndTime());
  complete(w, id, 1, 0.5);
  CHECK(w.reply_code() == 9);
  measure(w, id, 1, 9, 0.5);
  CHECK(w.reply_code() == 9);

  measure(w, id, 2, 1, 0.5);
  measure(w, id, 2, 2, 0.25);
  measure(w, id, 2, 3, 0.75);
  complete(w, id, 2);
  CHECK(w.trials(id)[1]->getFinalMeasurement().getStepCount() == 2);

  complete(w, id, 3);
  CHECK(w.trials(id)[2]->getState() == state::INFEASIBLE);
  CHECK(wire::str(w.trials(id)[2]->getInfeasibleReason()).find("none of its 0 measurements")
        != std::string::npos);
  complete(w, id, 4, std::numeric_limits<double>::quiet_NaN());
  CHECK(w.reply_code() == 3);
  complete(w, id, 4, 0.5, "diverged");
  CHECK(w.reply_code() == 3);
  complete(w, id, 4, {}, "diverged");
  CHECK(w.trials(id)[3]->getState() == state::INFEASIBLE);
  CHECK(wire::str(w.trials(id)[3]->getInfeasibleReason()) == "diverged");
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

TEST_CASE("numbers of deleted trials are not used again") {
  world w;
  uint64_t id = create(w);
  create_trial(w, id, 0.1);
  create_trial(w, id, 0.2);
  change(w, id, 2, [](wire::Command::Builder c) { return c.initDeleteTrial(); });
  CHECK(w.last.replies.at(0).outcome->isEmpty());
  CHECK(w.trials(id).size() == 1);
  w.restart();
  create_trial(w, id, 0.3);
  CHECK(wire::view(w.trials(id).at(1)->getId()) == "3");
  change(w, id, 2, [](wire::Command::Builder c) { return c.initDeleteTrial(); });
  CHECK(w.reply_code() == 5);
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

TEST_CASE("deleting a study ends what waits for it") {
  world w;
  uint64_t id = create(w);
  uint64_t op = ask(w, id, "one");
  auto request = w.last.suggestion_requests.at(0);
  w.step([&](wire::Event::Builder event) { world::in_project(event).setDeleteStudy(id); });
  CHECK(operation(w, op)->getDone());
  CHECK(operation(w, op)->getError().getCode() == 10);
  suggest(w, request, {0.1});
  CHECK(w.trials(id).empty());
}

TEST_CASE("earlier studies must exist; one deleted later is done without") {
  world w;
  uint64_t first = create(w);
  make_active(w, first, "one", 0.5);
  complete(w, first, 1, 0.125);
  auto learns_from = [&](const std::string& name) {
    return [name](wire::StudySpec::Builder spec) {
      spec.initTransferLearningConfig().initPriorStudyNames(1).set(0, wire::text(name));
    };
  };
  CHECK(create(w, "bad", learns_from("projects/p/locations/l/studies/7")) == 0);
  CHECK(w.reply_error().starts_with(
      "studySpec.transferLearningConfig.priorStudyNames[0]: 'projects/p/locations/l/studies/7' "
      "does not exist"));
  CHECK(create(w, "elsewhere", learns_from(fmt::format("projects/q/locations/l/studies/{}", first)))
        == 0);
  uint64_t second =
      create(w, "second", learns_from(fmt::format("projects/p/locations/l/studies/{}", first)));
  ask(w, second, "one");
  auto request = w.last.suggestion_requests.at(0);
  REQUIRE(request.priors.size() == 1);
  CHECK(request.priors[0]->getTrials()[0].getFinalMeasurement().getMetrics()[0].getValue()
        == 0.125);
  CHECK(request.priors[0]->getStudySpec().getMetrics().size() == 1);
  w.step([&](wire::Event::Builder event) { world::in_project(event).setDeleteStudy(first); });
  suggest(w, request, {0.1});
  ask(w, second, "two");
  CHECK(w.last.suggestion_requests.at(0).priors.empty());
}
