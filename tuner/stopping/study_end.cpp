#include "tuner/stopping/study_end.hpp"

#include "tuner/objective.hpp"
#include "wire/frame.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace troupe::tuner {

namespace {

using trial_list = capnp::List<wire::Trial>::Reader;
using state = wire::Trial::State;

std::optional<int64_t> count_of(capnp::json::Value::Reader value) {
  if (!value.isNumber() || !(value.getNumber() >= 0) || value.getNumber() > 1e15)
    return std::nullopt;
  return static_cast<int64_t>(value.getNumber());
}

std::string seconds(int64_t micros) {
  return fmt::format("{:.6g} s", static_cast<double>(micros) / 1e6);
}

/// A duration that nobody lives to see must not overflow.
int64_t later(int64_t micros, int64_t by) {
  int64_t sum = 0;
  return __builtin_add_overflow(micros, by, &sum) ? INT64_MAX : sum;
}

std::optional<int64_t> due(wire::StudyTimeConstraint::Reader constraint, int64_t created) {
  switch (constraint.which()) {
  case wire::StudyTimeConstraint::MAX_DURATION:
    return later(created, constraint.getMaxDuration().getMicros());
  case wire::StudyTimeConstraint::END_TIME:
    return constraint.getEndTime().getMicros();
  default:
    return std::nullopt;
  }
}

struct progress {
  int64_t completed = 0;
  int64_t since_best = 0; // trials completed after the best
  int64_t best_micros = 0;
  std::string best; // which trial; empty: none has succeeded
};

std::optional<double> value_of(wire::StudySpec::Reader study, wire::Trial::Reader trial,
                               wire::MetricSpec::Reader objective) {
  if (trial.getState() != state::SUCCEEDED || !is_safe(study, trial.getFinalMeasurement()))
    return std::nullopt;
  return metric_value(trial.getFinalMeasurement(), wire::view(objective.getMetricId()));
}

progress progress_of(wire::StudySpec::Reader study, trial_list trials,
                     wire::MetricSpec::Reader objective, int64_t created) {
  std::vector<uint32_t> ended;
  for (uint32_t i = 0; i < trials.size(); ++i) {
    const auto in = trials[i].getState();
    if (in == state::SUCCEEDED || in == state::INFEASIBLE) ended.push_back(i);
  }
  std::ranges::stable_sort(ended, {}, [&](auto i) { return trials[i].getEndTime().getMicros(); });
  progress made{.completed = static_cast<int64_t>(ended.size()), .best_micros = created};
  std::optional<double> best;
  for (auto i : ended) {
    ++made.since_best;
    const auto value = value_of(study, trials[i], objective);
    if (!value || (best && !is_better(objective.getGoal(), *value, *best))) continue;
    best = value;
    made.since_best = 0;
    made.best_micros = std::max(created, trials[i].getEndTime().getMicros());
    made.best = trials[i].getId().size() > 0 ? std::string(wire::view(trials[i].getId()))
                                             : std::to_string(i + 1);
  }
  return made;
}

std::string since(const progress& made) {
  return made.best.empty() ? "the study began; none has succeeded"
                           : fmt::format("trial {}, the best so far", made.best);
}

class decision {
public:
  decision(wire::StudyStoppingConfig::Reader config, int64_t now) : config_(config), now_(now) {}

  /// Whether a time has come; if not, it is one to look again at.
  bool reached(std::optional<int64_t> due) {
    if (!due) return false;
    if (now_ >= *due) return true;
    made_.look_again_micros = std::min(*due, made_.look_again_micros.value_or(INT64_MAX));
    return false;
  }

  study_end ended(std::string reason, bool may_hurry = true) const {
    const auto asap = config_.getShouldStopAsap();
    return {std::move(reason), std::nullopt, may_hurry && asap.isBoolean() && asap.getBoolean()};
  }

  study_end goes_on() const { return made_; }

private:
  wire::StudyStoppingConfig::Reader config_;
  int64_t now_;
  study_end made_;
};

} // namespace

study_end study_end_of(wire::StudySpec::Reader study, trial_list trials, int64_t created_micros,
                       int64_t now_micros) {
  if (!study.hasStudyStoppingConfig()) return {};
  const auto config = study.getStudyStoppingConfig();
  std::vector<wire::MetricSpec::Reader> objectives;
  for (auto metric : study.getMetrics()) {
    if (!metric.hasSafetyConfig()) objectives.push_back(metric);
  }
  const auto made =
      progress_of(study, trials, objectives.empty() ? wire::MetricSpec::Reader() : objectives[0],
                  created_micros);
  decision deciding(config, now_micros);

  const auto least = due(config.getMinimumRuntimeConstraint(), created_micros);
  if (least && !deciding.reached(least)) return deciding.goes_on();
  if (made.completed < count_of(config.getMinNumTrials()).value_or(0)) return deciding.goes_on();

  if (deciding.reached(due(config.getMaximumRuntimeConstraint(), created_micros)))
    return deciding.ended(fmt::format("maximumRuntimeConstraint: the study is {} old",
                                      seconds(now_micros - created_micros)));
  const auto most = count_of(config.getMaxNumTrials());
  if (most && trials.size() >= *most)
    return deciding.ended(fmt::format("maxNumTrials: {} trials of {}", trials.size(), *most),
                          made.completed >= *most);
  if (objectives.size() != 1) return deciding.goes_on();

  const auto patience = count_of(config.getMaxNumTrialsNoProgress());
  // Were 0 taken at its word, a study would end before its first trial.
  if (patience && made.since_best >= std::max<int64_t>(1, *patience))
    return deciding.ended(fmt::format("maxNumTrialsNoProgress: {} completed trials since {}",
                                      made.since_best, since(made)));
  if (config.hasMaxDurationNoProgress()
      && deciding.reached(later(made.best_micros, config.getMaxDurationNoProgress().getMicros())))
    return deciding.ended(fmt::format("maxDurationNoProgress: {} since {}",
                                      seconds(now_micros - made.best_micros), since(made)));
  return deciding.goes_on();
}

} // namespace troupe::tuner
