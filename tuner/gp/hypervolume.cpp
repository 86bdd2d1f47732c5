#include "tuner/gp/hypervolume.hpp"

#include "tuner/gp/normal.hpp"
#include "tuner/halton.hpp"

#include <algorithm>
#include <cmath>

namespace troupe::tuner::gp {

namespace {

constexpr Eigen::Index directions_count = 64;
constexpr Eigen::Index draws_count = 32;
constexpr double improvement_min = 1e-16;

vector reference_of(const matrix& losses, front_reach reach) {
  const auto front = losses(front_of(losses), Eigen::all).eval();
  const vector worst = front.colwise().maxCoeff();
  const vector best = front.colwise().minCoeff();
  const vector range = (losses.colwise().maxCoeff() - losses.colwise().minCoeff()).transpose();
  vector reference(losses.cols());
  for (Eigen::Index m = 0; m < losses.cols(); ++m) {
    if (reach == front_reach::everywhere) {
      reference[m] = losses.col(m).maxCoeff() + 0.01 * std::max(range[m], 1e-6);
      continue;
    }
    const auto width = worst[m] - best[m];
    reference[m] = worst[m] + (width > 0 ? 0.1 * width : 0.1 * std::max(range[m], 1.0));
  }
  return reference;
}

} // namespace

std::vector<Eigen::Index> front_of(const matrix& losses) {
  std::vector<Eigen::Index> front;
  for (Eigen::Index i = 0; i < losses.rows(); ++i) {
    bool dominated = false;
    for (Eigen::Index j = 0; j < losses.rows() && !dominated; ++j) {
      dominated = (losses.row(j).array() <= losses.row(i).array()).all()
                  && (losses.row(j).array() < losses.row(i).array()).any();
    }
    if (!dominated) front.push_back(i);
  }
  return front;
}

log_hypervolume_improvement::log_hypervolume_improvement(std::vector<const posterior*> models,
                                                         const matrix& losses,
                                                         random_stream& random, front_reach reach)
    : models_(std::move(models)), reference_(reference_of(losses, reach)),
      directions_(directions_count, losses.cols()), draws_(draws_count, losses.cols()),
      reached_(vector::Zero(directions_count)) {
  const auto objectives = static_cast<size_t>(losses.cols());
  const halton normals(2 * objectives, random.next());
  const auto normal = [&](Eigen::Index i, size_t m) {
    return quantile(std::clamp(normals.at(static_cast<uint64_t>(i), m), 1e-6, 1 - 1e-6));
  };
  for (Eigen::Index m = 0; m < losses.cols(); ++m) {
    const auto column = static_cast<size_t>(m);
    for (Eigen::Index i = 0; i < directions_count; ++i)
      directions_(i, m) = std::abs(normal(i, column)) + 1e-6;
    for (Eigen::Index i = 0; i < draws_count; ++i)
      draws_(i, m) = normal(i, objectives + column);
  }
  directions_.rowwise().normalize();
  Eigen::Index unused = 0;
  for (auto i : front_of(losses)) {
    for (Eigen::Index w = 0; w < directions_count; ++w)
      reached_[w] = std::max(reached_[w], box_volume(losses.row(i), w, unused));
  }
}

double log_hypervolume_improvement::box_volume(const vector& losses, Eigen::Index direction,
                                               Eigen::Index& limit) const {
  const auto gains = (reference_ - losses).array() / directions_.row(direction).transpose().array();
  const auto least = gains.minCoeff(&limit);
  return std::pow(std::max(least, 0.0), static_cast<double>(losses.size()));
}

log_hypervolume_improvement::expectation
log_hypervolume_improvement::expected(const vector& means, const vector& deviations) const {
  const auto objectives = means.size();
  expectation sum{0, vector::Zero(objectives), vector::Zero(objectives)};
  for (Eigen::Index i = 0; i < draws_count; ++i) {
    const vector losses = means + (deviations.array() * draws_.row(i).transpose().array()).matrix();
    for (Eigen::Index w = 0; w < directions_count; ++w) {
      Eigen::Index limit = 0;
      const auto box = box_volume(losses, w, limit);
      if (!(box > reached_[w])) continue;
      sum.improvement += box - reached_[w];
      const auto slope =
          -static_cast<double>(objectives) * box / (reference_[limit] - losses[limit]);
      sum.by_mean[limit] += slope;
      sum.by_deviation[limit] += slope * draws_(i, limit);
    }
  }
  return sum;
}

vector log_hypervolume_improvement::at_all(const matrix& points) const {
  std::vector<predictions> all;
  for (const auto* model : models_)
    all.push_back(model->at_all(points));
  const auto objectives = static_cast<Eigen::Index>(models_.size());
  vector means(objectives);
  vector deviations(objectives);
  vector values(points.rows());
  for (Eigen::Index i = 0; i < points.rows(); ++i) {
    for (Eigen::Index m = 0; m < objectives; ++m) {
      means[m] = all[static_cast<size_t>(m)].means[i];
      deviations[m] = all[static_cast<size_t>(m)].deviations[i];
    }
    values[i] = std::log(expected(means, deviations).improvement + improvement_min);
  }
  return values;
}

double log_hypervolume_improvement::at(const vector& point, vector& slope) const {
  const auto objectives = static_cast<Eigen::Index>(models_.size());
  vector means(objectives);
  vector deviations(objectives);
  std::vector<vector> mean_slopes(models_.size());
  std::vector<vector> deviation_slopes(models_.size());
  for (Eigen::Index m = 0; m < objectives; ++m) {
    const auto i = static_cast<size_t>(m);
    const auto p = models_[i]->at(point, mean_slopes[i], deviation_slopes[i]);
    means[m] = p.mean;
    deviations[m] = p.deviation;
  }
  const auto sum = expected(means, deviations);
  const auto total = sum.improvement + improvement_min;
  slope.setZero(point.size());
  for (Eigen::Index m = 0; m < objectives; ++m) {
    const auto i = static_cast<size_t>(m);
    slope += (sum.by_mean[m] * mean_slopes[i] + sum.by_deviation[m] * deviation_slopes[i]) / total;
  }
  return std::log(total);
}

} // namespace troupe::tuner::gp
