#include "core/study/gp/history.hpp"

#include "core/study/objective.hpp"
#include "wire/frame.hpp"

#include <algorithm>
#include <numeric>
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

void history::thin_to(Eigen::Index most) {
  const auto n = size();
  if (n <= most) return;
  // Ranks, not values: objectives differ in scale.
  array place = array::Zero(n);
  std::vector<Eigen::Index> order(static_cast<size_t>(n));
  const auto sort_by = [&](const auto& key) {
    std::iota(order.begin(), order.end(), 0);
    std::ranges::stable_sort(order, {}, [&](Eigen::Index i) { return key[i]; });
  };
  for (Eigen::Index m = 0; m < losses.cols(); ++m) {
    sort_by(losses.col(m));
    for (Eigen::Index i = 0; i < n; ++i)
      place[order[static_cast<size_t>(i)]] += static_cast<double>(i);
  }
  sort_by(place);
  std::vector<bool> kept(static_cast<size_t>(n), false);
  for (Eigen::Index i = 0; i < most / 2; ++i)
    kept[static_cast<size_t>(order[static_cast<size_t>(i)])] = true;
  for (Eigen::Index i = n - most / 4; i < n; ++i)
    kept[static_cast<size_t>(i)] = true;
  const auto left = most - static_cast<Eigen::Index>(std::ranges::count(kept, true));
  const auto stride = static_cast<double>(n) / static_cast<double>(left);
  for (Eigen::Index i = 0; i < left; ++i)
    kept[static_cast<size_t>(order[static_cast<size_t>(stride * static_cast<double>(i))])] = true;
  std::vector<Eigen::Index> chosen;
  std::vector<row> chosen_rows;
  for (size_t i = 0; i < kept.size(); ++i) {
    if (!kept[i]) continue;
    chosen.push_back(static_cast<Eigen::Index>(i));
    chosen_rows.push_back(rows[i]);
  }
  points = points(chosen, Eigen::all).eval();
  losses = losses(chosen, Eigen::all).eval();
  excesses = excesses(chosen, Eigen::all).eval();
  rows = std::move(chosen_rows);
}

} // namespace troupe::core::gp
