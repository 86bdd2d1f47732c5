#include "core/state/trial_records.hpp"

#include "base/names.hpp"
#include "tuner/best.hpp"
#include "tuner/objective.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace troupe::core {

using wire::text;

namespace {

void set_trial(wire::Trial::Builder builder, const study& s, const trial& t,
               detail_of_trials detail) {
  builder.setName(text(trial_name(s, t.number)));
  builder.setId(text(std::to_string(t.number)));
  builder.setState(t.state);
  builder.setParameters(t.parameters->getValues());
  if (t.final_measurement) set_measurement(builder.initFinalMeasurement(), *t.final_measurement);
  if (detail == detail_of_trials::whole) {
    auto all = builder.initMeasurements(static_cast<uint32_t>(t.measurements.size()));
    for (uint32_t i = 0; i < all.size(); ++i)
      set_measurement(all[i], t.measurements[i]);
  }
  if (t.start_micros != 0) builder.initStartTime().setMicros(t.start_micros);
  if (t.end_micros != 0) builder.initEndTime().setMicros(t.end_micros);
  builder.setClientId(text(t.client));
  builder.setInfeasibleReason(text(t.infeasible_reason));
  builder.setStoppingReason(text(t.stopping_reason));
  if (t.job != 0)
    builder.setCustomJob(text(resource_name(s.project, s.location, "customJobs", t.job)));
}

/// A trial's number from its id.
uint32_t trial_number(std::string_view id) {
  return static_cast<uint32_t>(parse_id(id).value_or(0));
}

} // namespace

std::string trial_name(const study& s, uint32_t number) {
  return child_name(s.name(), "trials", number);
}

std::string trial_key(uint64_t study, uint32_t number) { return key_of(study, number); }

void set_measurement(wire::Measurement::Builder builder, const measurement& m) {
  builder.initElapsedDuration().setMicros(m.elapsed_micros);
  builder.setStepCount(m.step);
  auto metrics = builder.initMetrics(static_cast<uint32_t>(m.metrics.size()));
  for (uint32_t i = 0; i < metrics.size(); ++i) {
    metrics[i].setMetricId(text(m.metrics[i].first));
    metrics[i].setValue(m.metrics[i].second);
  }
}

measurement measurement_of(wire::Measurement::Reader from) {
  measurement m{from.getElapsedDuration().getMicros(), from.getStepCount(), {}};
  for (auto metric : from.getMetrics())
    m.metrics.emplace_back(wire::str(metric.getMetricId()), metric.getValue());
  return m;
}

wire::frame<wire::Trial> record_of(const study& s, const trial& t) {
  return wire::frame<wire::Trial>::build(
      [&](wire::Trial::Builder builder) { set_trial(builder, s, t, detail_of_trials::whole); });
}

trial trial_of(wire::Trial::Reader from) {
  trial t;
  t.number = trial_number(wire::view(from.getId()));
  t.state = from.getState();
  t.parameters = wire::frame<wire::Suggestions::ParameterSet>::build(
      [&](wire::Suggestions::ParameterSet::Builder set) { set.setValues(from.getParameters()); });
  if (from.hasFinalMeasurement()) t.final_measurement = measurement_of(from.getFinalMeasurement());
  for (auto m : from.getMeasurements())
    t.measurements.push_back(measurement_of(m));
  t.start_micros = from.getStartTime().getMicros();
  t.end_micros = from.getEndTime().getMicros();
  t.client = wire::str(from.getClientId());
  t.infeasible_reason = wire::str(from.getInfeasibleReason());
  t.stopping_reason = wire::str(from.getStoppingReason());
  std::string_view run = wire::view(from.getCustomJob());
  if (!run.empty()) t.job = last_id(run).value_or(0);
  return t;
}

study_frame frame_for_suggestions(const study& s) {
  const bool forecasts = std::ranges::any_of(s.trials, [](const auto& numbered) {
    const trial& t = numbered.second;
    return t.state == wire::Trial::State::SUCCEEDED && !t.stopping_reason.empty();
  });
  return frame_of(s, forecasts ? detail_of_trials::whole : detail_of_trials::without_measurements);
}

study_frame frame_of(const study& s, detail_of_trials detail,
                     const std::function<bool(const trial&)>& wanted) {
  std::vector<const trial*> chosen;
  for (const auto& [number, t] : s.trials)
    if (!wanted || wanted(t)) chosen.push_back(&t);
  return study_frame::build([&](wire::HyperparameterTuningJob::Builder builder) {
    builder.setStudySpec(s.spec());
    auto trials = builder.initTrials(static_cast<uint32_t>(chosen.size()));
    for (uint32_t i = 0; i < trials.size(); ++i)
      set_trial(trials[i], s, *chosen[i], detail);
  });
}

std::vector<uint32_t> optimal_of(const study& s) {
  auto judged = frame_of(s, detail_of_trials::without_measurements,
                         [](const trial& t) { return t.state == wire::Trial::State::SUCCEEDED; });
  std::vector<uint32_t> numbers;
  for (size_t i : tuner::optimal_trials(s.spec(), judged->getTrials()))
    numbers.push_back(
        trial_number(wire::view(judged->getTrials()[static_cast<uint32_t>(i)].getId())));
  return numbers;
}

void fill_trials(wire::HyperparameterTuningJob::Builder builder, const study& s) {
  auto trials = builder.initTrials(static_cast<uint32_t>(s.trials.size()));
  uint32_t i = 0;
  for (const auto& [number, t] : s.trials)
    set_trial(trials[i++], s, t, detail_of_trials::whole);
}

void fill_best(wire::HyperparameterTuningJob::Builder builder, const study& s) {
  const auto optimal = frame_of(s, detail_of_trials::without_measurements, [&](const trial& t) {
    return std::ranges::find(s.optimal, t.number) != s.optimal.end();
  });
  tuner::mark_best(builder, optimal->getTrials());
}

} // namespace troupe::core
