#include "core/study/bayesian.hpp"

#include "core/study/gp/search.hpp"
#include "core/study/gp/warp.hpp"
#include "core/study/objective.hpp"
#include "core/study/random_stream.hpp"
#include "wire/frame.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace troupe::core {

namespace {

struct history {
  gp::matrix points; // done, feasible
  gp::vector losses;
  gp::matrix pending;
  gp::matrix infeasible;
};

gp::matrix stacked(const std::vector<gp::vector>& rows, Eigen::Index columns) {
  gp::matrix made(static_cast<Eigen::Index>(rows.size()), columns);
  for (Eigen::Index i = 0; i < made.rows(); ++i)
    made.row(i) = rows[static_cast<size_t>(i)].transpose();
  return made;
}

history history_of(const study_view& study, const gp::encoding& space) {
  std::vector<gp::vector> points;
  std::vector<double> losses;
  std::vector<gp::vector> pending;
  std::vector<gp::vector> infeasible;
  const auto metric = study.spec.getMetrics()[0];
  for (auto trial : study.trials) {
    const auto point = study.space.row_of(trial.getParameters());
    if (!point) continue;
    const auto state = trial.getState();
    if (state == wire::Trial::State::SUCCEEDED || state == wire::Trial::State::INFEASIBLE) {
      const auto value =
          metric_value(trial.getFinalMeasurement(), wire::view(metric.getMetricId()));
      if (value && state == wire::Trial::State::SUCCEEDED) {
        points.push_back(space.of(*point));
        losses.push_back(is_better(metric.getGoal(), 1, 0) ? -*value : *value);
      } else {
        infeasible.push_back(space.of(*point));
      }
    } else {
      pending.push_back(space.of(*point));
    }
  }
  history made;
  const auto d = space.dimensions();
  made.points = stacked(points, d);
  made.losses =
      Eigen::Map<gp::vector>(losses.data(), static_cast<Eigen::Index>(losses.size()));
  made.pending = stacked(pending, d);
  made.infeasible = stacked(infeasible, d);
  return made;
}

gp::vector completed(gp::vector point) {
  for (auto& value : point) {
    if (std::isnan(value)) value = 0.5;
  }
  return point;
}

row best_new(const std::vector<gp::proposal>& proposals, const gp::encoding& space,
             const tried_points& tried) {
  for (const auto& p : proposals) {
    auto point = space.row_of(p.full);
    if (!tried.contains(point)) return point;
  }
  return {};
}

} // namespace

chosen_points bayesian_search(const study_view& study, uint32_t count, const gp::options& with) {
  const gp::encoding space(study.space);
  auto past = history_of(study, space);
  if (past.points.rows() < with.initial) return quasi_random_search(study, count);
  chosen_points chosen;
  auto tried = study.tried;
  const auto models = gp::fit({space.axes(), past.points, past.losses}, with);
  while (chosen.rows.size() < count) {
    const uint64_t trial = study.trials.size() + chosen.rows.size();
    random_stream random(study.seed, trial);
    const auto& model = models[0];
    const gp::posterior belief(space.axes(), past.points, model.losses, model.at);
    std::vector<Eigen::Index> order(static_cast<size_t>(past.points.rows()));
    std::iota(order.begin(), order.end(), 0);
    const auto means = belief.fitted_means();
    std::ranges::sort(order, {}, [&](Eigen::Index i) { return means[i]; });
    std::vector<gp::vector> incumbents;
    for (auto i : order)
      incumbents.push_back(completed(past.points.row(i).transpose()));
    std::unique_ptr<gp::acquisition> wanted;
    if (with.ucb_every > 0 && trial % static_cast<uint64_t>(with.ucb_every) == 0)
      wanted = std::make_unique<gp::confidence_bound>(belief, belief, with.ucb);
    else
      wanted = std::make_unique<gp::log_expected_improvement>(belief, means[order[0]]);
    const auto proposals = gp::maximise(*wanted, space, incumbents, random, with);
    auto point = best_new(proposals, space, tried);
    if (point.empty()) {
      study_view left{study.spec, study.trials, study.seed, study.space, study.points, tried};
      const auto other = random_search(left, 1);
      chosen.exhausted = other.exhausted;
      if (other.rows.empty()) break;
      point = other.rows[0];
    }
    tried.add(point);
    chosen.rows.push_back(std::move(point));
  }
  return chosen;
}

} // namespace troupe::core
