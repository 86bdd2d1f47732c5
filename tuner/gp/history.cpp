#include "tuner/gp/history.hpp"

#include "tuner/failures.hpp"
#include "tuner/objective.hpp"
#include "wire/frame.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>

namespace troupe::tuner::gp {

namespace {

// Larger numbers would overflow where they are squared.
constexpr double magnitude_max = 1e150;

constexpr double magnitude_min = 1e-290; // smaller ones lose digits

double tamed(double number) {
  if (std::abs(number) < magnitude_min) return 0;
  return std::clamp(number, -magnitude_max, magnitude_max);
}

struct outcome {
  std::vector<double> losses;
  std::vector<double> excesses;
};

/// An earlier study's trial counts for this study's objectives only, not for its safety metrics.
std::optional<outcome> outcome_of(wire::StudySpec::Reader study, wire::Trial::Reader trial,
                                  bool earlier, std::optional<double> expected = {}) {
  if (trial.getState() != wire::Trial::State::SUCCEEDED) return std::nullopt;
  outcome made;
  for (auto metric : study.getMetrics()) {
    if (earlier && metric.hasSafetyConfig()) continue;
    const auto value = metric_value(trial.getFinalMeasurement(), wire::view(metric.getMetricId()));
    if (!value) return std::nullopt;
    const auto number = tamed(expected && !metric.hasSafetyConfig() ? *expected : *value);
    const auto sign = is_better(metric.getGoal(), 1, 0) ? -1.0 : 1.0;
    if (metric.hasSafetyConfig())
      made.excesses.push_back(sign
                              * (number - tamed(metric.getSafetyConfig().getSafetyThreshold())));
    else
      made.losses.push_back(sign * number);
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

/// Trials of one study that ended with values, in their order.
struct ended_trials {
  std::vector<row> rows;
  std::vector<vector> points;
  std::vector<std::vector<double>> losses;
  std::vector<std::vector<double>> excesses;

  size_t size() const { return rows.size(); }

  void add(row at, vector features, outcome measured) {
    rows.push_back(std::move(at));
    points.push_back(std::move(features));
    losses.push_back(std::move(measured.losses));
    excesses.push_back(std::move(measured.excesses));
  }

  void keep(const std::vector<bool>& kept) {
    const auto filter = [&](auto& all) {
      size_t next = 0;
      for (size_t i = 0; i < kept.size(); ++i) {
        if (kept[i] && next++ != i) all[next - 1] = std::move(all[i]);
      }
      all.resize(next);
    };
    filter(rows);
    filter(points);
    filter(losses);
    filter(excesses);
  }
};

/// Indices by rank, summed over the objectives, the best first: ranks, not values, as objectives
/// differ in scale.
std::vector<size_t> by_rank(const std::vector<std::vector<double>>& losses) {
  std::vector<size_t> order(losses.size());
  std::vector<double> place(losses.size(), 0);
  const auto sort_by = [&](const auto& key) {
    std::iota(order.begin(), order.end(), size_t{0});
    std::ranges::stable_sort(order, {}, key);
  };
  for (size_t m = 0; m < losses.front().size(); ++m) {
    sort_by([&](size_t i) { return losses[i][m]; });
    for (size_t i = 0; i < order.size(); ++i)
      place[order[i]] += static_cast<double>(i);
  }
  sort_by([&](size_t i) { return place[i]; });
  return order;
}

void thin(ended_trials& trials, size_t most) {
  const auto n = trials.size();
  if (n <= most) return;
  const auto order = by_rank(trials.losses);
  std::vector<bool> kept(n, false);
  for (size_t i = 0; i < most / 2; ++i)
    kept[order[i]] = true;
  for (size_t i = n - most / 4; i < n; ++i)
    kept[i] = true;
  const auto left = most - static_cast<size_t>(std::ranges::count(kept, true));
  const auto stride = static_cast<double>(n) / static_cast<double>(left);
  for (size_t i = 0; i < left; ++i)
    kept[order[static_cast<size_t>(stride * static_cast<double>(i))]] = true;
  trials.keep(kept);
}

void newest(std::vector<vector>& points, size_t most) {
  if (points.size() > most)
    points.erase(points.begin(), points.end() - static_cast<std::ptrdiff_t>(most));
}

void newest_and_others(std::vector<vector>& points, size_t most) {
  if (points.size() <= most) return;
  const auto older = points.size() - most / 2;
  const auto others = most - most / 2;
  std::vector<vector> kept;
  for (size_t i = 0; i < others; ++i)
    kept.push_back(std::move(points[i * older / others]));
  std::ranges::move(points.begin() + static_cast<std::ptrdiff_t>(older), points.end(),
                    std::back_inserter(kept));
  points = std::move(kept);
}

ended_trials prior_trials(const study_view& study, const prior_study& prior, const encoding& as,
                          int number) {
  ended_trials made;
  for (auto trial : prior.trials) {
    const auto point = study.space.foreign_row_of(trial.getParameters());
    auto ended = outcome_of(study.spec, trial, true);
    if (point && ended) made.add(*point, as.features_of(*point, number), std::move(*ended));
  }
  return made;
}

} // namespace

history history_of(const study_view& study, const encoding& as, int initial,
                   std::span<const std::optional<double>> expected, size_t most) {
  history made;
  ended_trials own;
  std::vector<vector> pending;
  std::vector<vector> infeasible;
  for (uint32_t i = 0; i < study.trials.size(); ++i) {
    const auto trial = study.trials[i];
    const auto& point = study.rows[i];
    if (!point) continue;
    if (!has_ended(trial))
      pending.push_back(as.features_of(*point));
    else if (auto ended = outcome_of(study.spec, trial, false,
                                     expected.empty() ? std::nullopt : expected[i]))
      own.add(*point, as.features_of(*point), std::move(*ended));
    else if (has_failed(trial))
      infeasible.push_back(as.features_of(*point));
  }
  for (auto metric : study.spec.getMetrics()) {
    if (metric.hasSafetyConfig())
      made.safe_fractions.push_back(metric.getSafetyConfig().getDesiredMinSafeTrialsFraction());
  }
  if (!study.priors.empty() && own.size() < static_cast<size_t>(initial)) {
    pending.insert(pending.end(), own.points.begin(), own.points.end());
    own = {};
  }
  thin(own, most);
  newest(pending, pending_max);
  newest_and_others(infeasible, infeasible_max);
  made.sizes.push_back(static_cast<Eigen::Index>(own.size()));
  made.rows = own.rows;
  auto points = std::move(own.points);
  auto losses = std::move(own.losses);
  for (size_t i = 0; i < study.priors.size(); ++i) {
    auto prior = prior_trials(study, study.priors[i], as, static_cast<int>(i + 1));
    thin(prior, prior_trials_max / study.priors.size());
    made.sizes.push_back(static_cast<Eigen::Index>(prior.size()));
    points.insert(points.end(), prior.points.begin(), prior.points.end());
    losses.insert(losses.end(), prior.losses.begin(), prior.losses.end());
  }
  const auto features = as.axes().size();
  made.points = stacked(points, features);
  made.losses = stacked(losses, study.spec.getMetrics().size() - made.safe_fractions.size());
  made.excesses = stacked(own.excesses, made.safe_fractions.size());
  made.pending = stacked(pending, features);
  made.infeasible = stacked(infeasible, features);
  return made;
}

} // namespace troupe::tuner::gp
