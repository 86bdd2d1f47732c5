#include "tuner/stopping/curves.hpp"

#include "tuner/failures.hpp"
#include "tuner/objective.hpp"
#include "wire/frame.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace troupe::tuner::curves {

namespace {

using trial_list = capnp::List<wire::Trial>::Reader;
using state = wire::Trial::State;

constexpr double micros_per_second = 1e6;

std::optional<phase> phase_of(wire::Trial::Reader trial) {
  switch (trial.getState()) {
  case state::ACTIVE:
    return phase::active;
  case state::STOPPING:
    return phase::ending;
  case state::SUCCEEDED:
    return was_stopped(trial) ? phase::stopped : phase::finished;
  case state::INFEASIBLE:
    return phase::failed;
  default:
    return std::nullopt;
  }
}

template <class Field>
bool any_measurement(trial_list trials, Field field) {
  for (auto trial : trials) {
    for (auto m : trial.getMeasurements()) {
      if (field(m) > 0) return true;
    }
    if (trial.hasFinalMeasurement() && field(trial.getFinalMeasurement()) > 0) return true;
  }
  return false;
}

axis axis_of(trial_list trials, bool by_time) {
  const bool steps = any_measurement(trials, [](auto m) { return m.getStepCount(); });
  const bool times =
      any_measurement(trials, [](auto m) { return m.getElapsedDuration().getMicros(); });
  if (by_time ? times : !steps && times) return axis::seconds;
  return steps ? axis::steps : axis::measurements;
}

struct place {
  double at;
  double score;
  int64_t micros;
};

class reader {
public:
  reader(wire::StudySpec::Reader study, const curve_set& set) : study_(study), set_(set) {}

  std::optional<curve> read(wire::Trial::Reader trial, uint32_t index) {
    const auto which = phase_of(trial);
    if (!which) return std::nullopt;
    curve made{.trial = index, .id = std::string(wire::view(trial.getId())), .phase = *which};
    if (made.id.empty()) made.id = std::to_string(index + 1);
    std::vector<place> places;
    for (auto m : trial.getMeasurements())
      add(m, trial.getStartTime().getMicros(), places, made);
    const bool succeeded = trial.getState() == state::SUCCEEDED;
    if (places.empty() && succeeded)
      add(trial.getFinalMeasurement(), trial.getStartTime().getMicros(), places, made);
    if (places.empty()) return std::nullopt;
    fill(made, places);
    if (succeeded)
      made.objective = score(trial.getFinalMeasurement());
    else
      made.objective =
          set_.keeps_best ? *std::ranges::max_element(made.scores) : made.scores.back();
    return made;
  }

private:
  std::optional<double> score(wire::Measurement::Reader m) const {
    const auto value = metric_value(m, set_.metric);
    return value ? std::optional(set_.sign * *value) : std::nullopt;
  }

  void add(wire::Measurement::Reader m, int64_t start, std::vector<place>& places, curve& made) {
    const auto value = score(m);
    if (!value) return;
    const auto elapsed = m.getElapsedDuration().getMicros();
    const auto at = set_.axis == axis::steps     ? static_cast<double>(m.getStepCount())
                    : set_.axis == axis::seconds ? static_cast<double>(elapsed) / micros_per_second
                                                 : static_cast<double>(places.size() + 1);
    places.push_back({at, *value, start > 0 && elapsed > 0 ? start + elapsed : 0});
    // A measurement without the safety metric is no reason to stop a trial.
    made.safe = true;
    for (auto metric : study_.getMetrics()) {
      if (!metric.hasSafetyConfig()) continue;
      const auto measured = metric_value(m, wire::view(metric.getMetricId()));
      const auto threshold = metric.getSafetyConfig().getSafetyThreshold();
      if (measured && is_better(metric.getGoal(), threshold, *measured)) made.safe = false;
    }
  }

  /// Of several measurements at one place, the last counts.
  static void fill(curve& made, std::vector<place>& places) {
    std::ranges::stable_sort(places, {}, &place::at);
    for (const auto& one : places) {
      if (made.at.empty() || made.at.back() < one.at) {
        made.at.push_back(one.at);
        made.scores.push_back(one.score);
        made.micros.push_back(one.micros);
      } else {
        made.scores.back() = one.score;
        made.micros.back() = one.micros;
      }
    }
  }

  wire::StudySpec::Reader study_;
  const curve_set& set_;
};

} // namespace

curve curve::as_objective(bool keeps_best) const {
  curve made = *this;
  if (phase == phase::finished && objective) made.scores.back() = *objective;
  if (keeps_best) {
    for (size_t i = 1; i < made.scores.size(); ++i)
      made.scores[i] = std::max(made.scores[i], made.scores[i - 1]);
  }
  return made;
}

size_t curve::count_until(double place) const {
  return static_cast<size_t>(std::ranges::upper_bound(at, place) - at.begin());
}

double curve::value_at(double place) const {
  const auto after = count_until(place);
  if (after == 0) return scores.front();
  if (after == at.size()) return scores.back();
  const auto part = (place - at[after - 1]) / (at[after] - at[after - 1]);
  return scores[after - 1] + part * (scores[after] - scores[after - 1]);
}

bool curve_set::leads(const curve& one) const {
  if (!one.safe || !one.objective) return false;
  return std::ranges::none_of(all, [&](const curve& other) {
    return other.trial != one.trial && other.safe && other.phase != phase::failed && other.objective
           && *other.objective > *one.objective;
  });
}

std::string curve_set::value_text(double score) const {
  return fmt::format("{} {:.6g}", metric, sign * score + 0.0);
}

std::string curve_set::place_text(double place) const {
  switch (axis) {
  case axis::seconds:
    return fmt::format("{:.6g} s", place);
  case axis::steps:
    return fmt::format("step {:.15g}", place);
  default:
    return fmt::format("measurement {:.15g}", place);
  }
}

std::vector<const curve*> curve_set::in(phase which) const {
  std::vector<const curve*> found;
  for (const auto& one : all) {
    if (one.phase == which) found.push_back(&one);
  }
  return found;
}

curve_set curves_of(wire::StudySpec::Reader study, trial_list trials, bool by_time) {
  using selection = wire::StudySpec::MeasurementSelectionType;
  curve_set set;
  set.axis = axis_of(trials, by_time);
  set.keeps_best = study.getMeasurementSelectionType() == selection::BEST_MEASUREMENT;
  for (auto metric : study.getMetrics()) {
    if (metric.hasSafetyConfig()) continue;
    set.metric = wire::view(metric.getMetricId());
    set.sign = is_better(metric.getGoal(), 1, 0) ? 1 : -1;
    break;
  }
  const auto best = best_trial(study, trials);
  reader from(study, set);
  for (uint32_t i = 0; i < trials.size(); ++i) {
    auto one = from.read(trials[i], i);
    if (!one) continue;
    if (best == i) set.best = set.all.size();
    set.all.push_back(std::move(*one));
  }
  return set;
}

double median_of(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  if (values.size() % 2 == 1) return *middle;
  return 0.5 * (*middle + *std::max_element(values.begin(), middle));
}

double rank_of(std::vector<double> values, double part) {
  const auto wanted = std::ceil(part * static_cast<double>(values.size())) - 1;
  const auto rank = std::clamp(wanted, 0.0, static_cast<double>(values.size() - 1));
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(rank);
  std::ranges::nth_element(values, at);
  return *at;
}

double usual_end(const std::vector<const curve*>& finished) {
  std::vector<double> ends;
  for (const auto* one : finished)
    ends.push_back(one->last());
  return rank_of(std::move(ends), 0.95);
}

std::vector<const curve*> thinned(const std::vector<const curve*>& some, size_t most) {
  if (some.size() <= most) return some;
  std::vector<const curve*> kept;
  for (size_t i = 0; i < most; ++i)
    kept.push_back(some[i * some.size() / most]);
  return kept;
}

} // namespace troupe::tuner::curves
