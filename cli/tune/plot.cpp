#include "cli/tune/plot.hpp"

#include "tuner/objective.hpp"
#include "wire/frame.hpp"

#include <algorithm>
#include <cmath>

namespace troupe::cli {

namespace {

using job_reader = wire::HyperparameterTuningJob::Reader;
using state = wire::Trial::State;

constexpr const char* blue = "#1f6fb4";
constexpr const char* grey = "#8a8a8a";
constexpr const char* orange = "#d9601a";
constexpr const char* red = "#b02020";

// At this ratio of values and above, a linear scale shows nothing but the worst trials.
constexpr double logarithmic_from = 100;

std::vector<wire::MetricSpec::Reader> objectives(job_reader job) {
  std::vector<wire::MetricSpec::Reader> found;
  for (auto metric : job.getStudySpec().getMetrics())
    if (!metric.hasSafetyConfig()) found.push_back(metric);
  return found;
}

bool spans_decades(const std::vector<chart_series>& plotted) {
  double low = INFINITY, high = -INFINITY;
  for (auto& series : plotted)
    for (auto& [x, y] : series.points) {
      if (series.mark == chart_mark::foot_cross) continue;
      low = std::min(low, y);
      high = std::max(high, y);
    }
  return low > 0 && high / low >= logarithmic_from;
}

chart objective_chart(job_reader job, wire::MetricSpec::Reader metric) {
  const auto id = wire::str(metric.getMetricId());
  chart_series succeeded{"trial", blue, {}, false, chart_mark::dot};
  chart_series stopped{"stopped", orange, {}, false, chart_mark::ring};
  chart_series failed{"infeasible", red, {}, false, chart_mark::foot_cross};
  chart_series best{"best so far", grey, {}, false, chart_mark::stair};
  uint32_t number = 0;
  for (auto trial : job.getTrials()) {
    ++number;
    if (trial.getState() == state::INFEASIBLE) failed.points.emplace_back(number, 0);
    const auto value = tuner::metric_value(trial.getFinalMeasurement(), id);
    if (trial.getState() != state::SUCCEEDED || !value) continue;
    auto& ended = trial.getStoppingReason().size() > 0 ? stopped : succeeded;
    ended.points.emplace_back(number, *value);
    const bool safe = tuner::is_safe(job.getStudySpec(), trial.getFinalMeasurement());
    const bool first = best.points.empty();
    if (safe && (first || tuner::is_better(metric.getGoal(), *value, best.points.back().second)))
      best.points.emplace_back(number, *value);
    else if (!first)
      best.points.emplace_back(number, best.points.back().second);
  }
  const auto goal = tuner::is_better(metric.getGoal(), 1, 0) ? "maximise" : "minimise";
  chart made{fmt::format("{}: {} {}", wire::view(job.getDisplayName()), goal, id),
             id,
             false,
             {best, succeeded, stopped, failed},
             "trial",
             chart_x::counts};
  made.y_logarithmic = spans_decades(made.series);
  return made;
}

chart front_chart(job_reader job, wire::MetricSpec::Reader x, wire::MetricSpec::Reader y) {
  chart_series trials{"trial", blue, {}, false, chart_mark::dot};
  chart_series front{"Pareto front", orange, {}, false, chart_mark::ring};
  const auto optimal = tuner::optimal_trials(job.getStudySpec(), job.getTrials());
  for (uint32_t i = 0; i < job.getTrials().size(); ++i) {
    const auto trial = job.getTrials()[i];
    const auto at = tuner::metric_value(trial.getFinalMeasurement(), wire::view(x.getMetricId()));
    const auto up = tuner::metric_value(trial.getFinalMeasurement(), wire::view(y.getMetricId()));
    if (trial.getState() != state::SUCCEEDED || !at || !up) continue;
    const bool best = std::ranges::find(optimal, i) != optimal.end();
    (best ? front : trials).points.emplace_back(*at, *up);
  }
  return {fmt::format("{}: Pareto front", wire::view(job.getDisplayName())),
          wire::str(y.getMetricId()),
          false,
          {trials, front},
          wire::str(x.getMetricId()),
          chart_x::values};
}

} // namespace

std::vector<chart> charts_of(job_reader job) {
  const auto goals = objectives(job);
  std::vector<chart> out;
  for (auto goal : goals)
    out.push_back(objective_chart(job, goal));
  if (goals.size() == 2) out.push_back(front_chart(job, goals[0], goals[1]));
  return out;
}

} // namespace troupe::cli
