// Client studies for tests: one study with a metric to minimise, and short words for what its clients
// and the tuner do.
#pragma once

#include "tests/core/world.hpp"
#include "wire/json.hpp"

#include <functional>
#include <optional>
#include <utility>

namespace troupe::test::client_study {

using state = wire::Trial::State;

using spec_fill = std::function<void(wire::StudySpec::Builder)>;

/// One metric to minimise, one real parameter "x" and, under optimizer "sgd", "momentum".
inline void fill_spec(wire::StudySpec::Builder spec, const spec_fill& more) {
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

inline uint64_t create(world& w, const std::string& name = "study", const spec_fill& more = {}) {
  w.step([&](wire::Event::Builder event) {
    auto study = world::in_project(event).initCreateStudy();
    study.setDisplayName(wire::text(name));
    fill_spec(study.initStudySpec(), more);
  });
  if (w.reply_code() != 0) return 0;
  return world::id_of(wire::str(w.last.replies.at(0).outcome->getStudy().getName()));
}

inline wire::frame<wire::Study> study_of(const world& w, uint64_t id) {
  return *w.stored<wire::Study>(store::family::studies, id);
}

inline void point(capnp::List<wire::Trial::Parameter>::Builder values, double x) {
  values[0].setParameterId("x");
  values[0].initValue().setNumber(x);
  values[1].setParameterId("optimizer");
  values[1].initValue().setString("adam");
}

inline void create_trial(world& w, uint64_t study, double x,
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
inline uint64_t ask(world& w, uint64_t study, const std::string& client, int32_t count = 1,
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
inline void suggest(world& w, const core::suggestion_request& request, std::vector<double> xs,
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
inline void make_active(world& w, uint64_t study, const std::string& client, double x) {
  ask(w, study, client);
  REQUIRE(w.last.suggestion_requests.size() == 1);
  suggest(w, core::suggestion_request(w.last.suggestion_requests[0]), {x});
}

inline wire::frame<wire::Operation> operation(const world& w, uint64_t id) {
  return *w.stored<wire::Operation>(store::family::operations, id);
}
inline std::string response(const world& w, uint64_t id) {
  CHECK(operation(w, id)->getDone());
  return wire::to_json<wire::Operation>(*operation(w, id));
}
inline bool names(const world& w, uint64_t study, uint64_t op, uint32_t trial) {
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

inline void measure(world& w, uint64_t study, uint32_t number, int64_t step, double value,
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

inline void complete(world& w, uint64_t study, uint32_t number, std::optional<double> final = {},
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

inline void stop(world& w, uint64_t study, uint32_t number) {
  change(w, study, number, [](wire::Command::Builder command) { return command.initStopTrial(); });
}

inline uint64_t check(world& w, uint64_t study, uint32_t number) {
  change(w, study, number,
         [](wire::Command::Builder command) { return command.initCheckEarlyStopping(); });
  if (w.reply_code() != 0) return 0;
  return world::id_of(wire::str(w.last.replies.at(0).outcome->getOperation().getName()));
}

inline void verdict(world& w, const core::stopping_request& request,
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

inline const spec_fill median = [](wire::StudySpec::Builder spec) {
  spec.initMedianAutomatedStoppingSpec();
};

} // namespace troupe::test::client_study
