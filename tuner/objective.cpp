#include "tuner/objective.hpp"

#include "wire/frame.hpp"

#include <algorithm>
#include <cmath>

namespace troupe::tuner {

namespace {

using study_reader = wire::StudySpec::Reader;
using measurement_reader = wire::Measurement::Reader;

template <class Predicate>
bool all_metrics(study_reader study, Predicate holds) {
  for (auto metric : study.getMetrics()) {
    if (!holds(metric)) return false;
  }
  return true;
}

std::vector<wire::MetricSpec::Reader> objectives(study_reader study) {
  std::vector<wire::MetricSpec::Reader> found;
  for (auto metric : study.getMetrics()) {
    if (!metric.hasSafetyConfig()) found.push_back(metric);
  }
  return found;
}

bool reports(measurement_reader measurement, std::string_view metric) {
  for (auto value : measurement.getMetrics()) {
    if (wire::view(value.getMetricId()) == metric) return true;
  }
  return false;
}

bool reports_all(study_reader study, measurement_reader measurement) {
  return all_metrics(study,
                     [&](auto m) { return reports(measurement, wire::view(m.getMetricId())); });
}

bool finite_all(study_reader study, measurement_reader measurement) {
  return all_metrics(study, [&](auto metric) {
    return metric_value(measurement, wire::view(metric.getMetricId())).has_value();
  });
}

std::optional<size_t> last_measurement(study_reader study,
                                       capnp::List<wire::Measurement>::Reader measurements) {
  for (auto i = measurements.size(); i-- > 0;) {
    if (!reports_all(study, measurements[i])) continue;
    if (!finite_all(study, measurements[i])) return std::nullopt;
    return i;
  }
  return std::nullopt;
}

std::optional<size_t> best_measurement(study_reader study,
                                       capnp::List<wire::Measurement>::Reader measurements) {
  const auto goals = objectives(study);
  if (goals.empty()) return last_measurement(study, measurements);
  const auto value = [&](uint32_t i) {
    return *metric_value(measurements[i], wire::view(goals[0].getMetricId()));
  };
  std::optional<uint32_t> best;
  for (uint32_t i = 0; i < measurements.size(); ++i) {
    if (!finite_all(study, measurements[i])) continue;
    const bool safe = is_safe(study, measurements[i]);
    const bool best_safe = best && is_safe(study, measurements[*best]);
    if (!best || (safe && !best_safe)
        || (safe == best_safe && is_better(goals[0].getGoal(), value(i), value(*best))))
      best = i;
  }
  return best ? std::optional<size_t>(*best) : std::nullopt;
}

/// A trial that can be compared: ended, complete and safe. Higher scores are better, whatever the
/// goals.
struct candidate {
  size_t trial;
  std::vector<double> scores;
};

std::vector<candidate> candidates(study_reader study, capnp::List<wire::Trial>::Reader trials) {
  const auto goals = objectives(study);
  std::vector<candidate> found;
  for (uint32_t i = 0; i < trials.size(); ++i) {
    const auto measurement = trials[i].getFinalMeasurement();
    if (trials[i].getState() != wire::Trial::State::SUCCEEDED || !finite_all(study, measurement)
        || !is_safe(study, measurement))
      continue;
    candidate made{i, {}};
    for (auto goal : goals) {
      const auto value = *metric_value(measurement, wire::view(goal.getMetricId()));
      made.scores.push_back(is_better(goal.getGoal(), 1, 0) ? value : -value);
    }
    found.push_back(std::move(made));
  }
  return found;
}

/// At least as good in every objective and better in one.
bool dominates(const candidate& a, const candidate& b) {
  return a.scores != b.scores
         && std::ranges::equal(a.scores, b.scores, [](double x, double y) { return x >= y; });
}

} // namespace

bool is_better(wire::MetricSpec::GoalType goal, double a, double b) {
  return goal == wire::MetricSpec::GoalType::MINIMIZE ? a < b : a > b;
}

std::optional<double> metric_value(measurement_reader measurement, std::string_view metric) {
  for (auto value : measurement.getMetrics()) {
    if (wire::view(value.getMetricId()) != metric) continue;
    if (!std::isfinite(value.getValue())) return std::nullopt;
    return value.getValue();
  }
  return std::nullopt;
}

bool is_safe(study_reader study, measurement_reader measurement) {
  return all_metrics(study, [&](auto metric) {
    if (!metric.hasSafetyConfig()) return true;
    const auto value = metric_value(measurement, wire::view(metric.getMetricId()));
    return value
           && !is_better(metric.getGoal(), metric.getSafetyConfig().getSafetyThreshold(), *value);
  });
}

std::optional<size_t> select_measurement(study_reader study,
                                         capnp::List<wire::Measurement>::Reader measurements) {
  using selection = wire::StudySpec::MeasurementSelectionType;
  return study.getMeasurementSelectionType() == selection::BEST_MEASUREMENT
             ? best_measurement(study, measurements)
             : last_measurement(study, measurements);
}

std::vector<size_t> optimal_trials(study_reader study, capnp::List<wire::Trial>::Reader trials) {
  const auto all = candidates(study, trials);
  if (all.empty()) return {};
  // With one objective, the quadratic comparison is not needed.
  if (all.front().scores.size() == 1)
    return {std::ranges::max_element(all, {}, [](const auto& c) { return c.scores[0]; })->trial};
  std::vector<size_t> front;
  for (const auto& one : all) {
    if (std::ranges::none_of(all, [&](const auto& other) { return dominates(other, one); }))
      front.push_back(one.trial);
  }
  return front;
}

std::optional<size_t> best_trial(study_reader study, capnp::List<wire::Trial>::Reader trials) {
  if (objectives(study).size() != 1) return std::nullopt;
  const auto front = optimal_trials(study, trials);
  return front.empty() ? std::nullopt : std::optional(front.front());
}

std::optional<size_t> best_trial(wire::HyperparameterTuningJob::Reader job) {
  return best_trial(job.getStudySpec(), job.getTrials());
}

} // namespace troupe::tuner
