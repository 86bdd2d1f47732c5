#include "core/study/gp/history.hpp"

#include "core/study/objective.hpp"
#include "wire/frame.hpp"

#include <optional>

namespace troupe::core::gp {

namespace {

struct outcome {
  std::vector<double> losses;
  std::vector<double> excesses;
};

std::optional<outcome> outcome_of(wire::StudySpec::Reader study, wire::Trial::Reader trial) {
  if (trial.getState() != wire::Trial::State::SUCCEEDED) return std::nullopt;
  outcome made;
  for (auto metric : study.getMetrics()) {
    const auto value = metric_value(trial.getFinalMeasurement(), wire::view(metric.getMetricId()));
    if (!value) return std::nullopt;
    const auto sign = is_better(metric.getGoal(), 1, 0) ? -1.0 : 1.0;
    if (metric.hasSafetyConfig())
      made.excesses.push_back(sign * (*value - metric.getSafetyConfig().getSafetyThreshold()));
    else
      made.losses.push_back(sign * *value);
  }
  return made;
}

template <class Rows>
matrix stacked(const Rows& rows, size_t columns) {
  matrix made(static_cast<Eigen::Index>(rows.size()), static_cast<Eigen::Index>(columns));
  for (Eigen::Index i = 0; i < made.rows(); ++i) {
    for (Eigen::Index j = 0; j < made.cols(); ++j)
      made(i, j) = rows[static_cast<size_t>(i)][j];
  }
  return made;
}

bool has_ended(wire::Trial::Reader trial) {
  return trial.getState() == wire::Trial::State::SUCCEEDED
         || trial.getState() == wire::Trial::State::INFEASIBLE;
}

} // namespace

history history_of(wire::StudySpec::Reader study, capnp::List<wire::Trial>::Reader trials,
                   const search_space& space, const encoding& as) {
  history made;
  std::vector<vector> points;
  std::vector<std::vector<double>> losses;
  std::vector<std::vector<double>> excesses;
  std::vector<vector> pending;
  std::vector<vector> infeasible;
  for (auto trial : trials) {
    const auto point = space.row_of(trial.getParameters());
    if (!point) continue;
    if (!has_ended(trial)) {
      pending.push_back(as.features_of(*point));
    } else if (auto ended = outcome_of(study, trial)) {
      points.push_back(as.features_of(*point));
      made.rows.push_back(*point);
      losses.push_back(std::move(ended->losses));
      excesses.push_back(std::move(ended->excesses));
    } else {
      infeasible.push_back(as.features_of(*point));
    }
  }
  for (auto metric : study.getMetrics()) {
    if (metric.hasSafetyConfig())
      made.safe_fractions.push_back(metric.getSafetyConfig().getDesiredMinSafeTrialsFraction());
  }
  const auto features = as.axes().size();
  made.points = stacked(points, features);
  made.losses = stacked(losses, study.getMetrics().size() - made.safe_fractions.size());
  made.excesses = stacked(excesses, made.safe_fractions.size());
  made.pending = stacked(pending, features);
  made.infeasible = stacked(infeasible, features);
  return made;
}

} // namespace troupe::core::gp
