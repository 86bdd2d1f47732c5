#include "core/study/gp/model.hpp"

#include "core/study/gp/warp.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace troupe::core::gp {

namespace {

// Every one adds ten times the noise of the last to a covariance that is not positive.
constexpr int attempts_max = 10;

constexpr double variance_min = 1e-14;
constexpr double infinity = std::numeric_limits<double>::infinity();

/// Normal distributions of the logarithms, and the box to search.
struct prior {
  vector mean;
  vector deviation;
  box within;
};

prior prior_of(Eigen::Index dimensions, const options& with) {
  const auto d = static_cast<double>(dimensions);
  const auto size = 3 + 2 * dimensions;
  prior made{vector(size), vector(size), {vector(size), vector(size)}};
  const auto put = [&](Eigen::Index i, double mean, double deviation, double low, double high) {
    made.mean[i] = std::log(mean);
    made.deviation[i] = deviation;
    made.within.low[i] = std::log(low);
    made.within.high[i] = std::log(high);
  };
  put(0, with.joint_variance, with.variance_sd, 1e-4, 1e2);
  put(1, with.additive_variance, with.variance_sd, 1e-6, 1e2);
  if (with.noadd) put(1, 1e-6, 1, 1e-6, 1e-6);
  put(2, with.noise_variance, with.noise_sd, with.noise_min, 1);
  for (Eigen::Index k = 0; k < dimensions; ++k) {
    put(3 + k, with.joint_length * std::pow(d, with.joint_length_power), with.joint_length_sd, 0.02,
        100);
    put(3 + dimensions + k, with.additive_length, with.additive_length_sd, 0.02, 100);
  }
  return made;
}

class likelihood {
public:
  likelihood(const observations& seen, const prior& before)
      : kernel_(seen.axes, seen.points), before_(before) {}

  void labels(const vector& losses) { losses_ = losses; }

  /// The negative logarithm of the posterior, and its gradient.
  double operator()(const vector& logs, vector& gradient) {
    const hyperparameters at(logs);
    Eigen::LLT<Eigen::Ref<matrix>> factor(covariance_ = kernel_.covariance(at));
    if (factor.info() != Eigen::Success) return infinity;
    const vector weights = factor.solve(losses_);
    inverse_.setIdentity(kernel_.size(), kernel_.size());
    factor.matrixL().solveInPlace(inverse_);
    slopes_.setZero(kernel_.size(), kernel_.size());
    slopes_.selfadjointView<Eigen::Lower>().rankUpdate(inverse_.transpose(), 0.5);
    slopes_.selfadjointView<Eigen::Lower>().rankUpdate(weights, -0.5);
    gradient = kernel_.gradient(at, slopes_);
    const array away = (logs - before_.mean).array() / before_.deviation.array();
    gradient.array() += away / before_.deviation.array();
    return value(factor, weights, losses_) + 0.5 * away.square().sum();
  }

  /// The same without the prior, for labels of all kinds at once: nothing if not positive.
  std::vector<double> values(const hyperparameters& at, const std::vector<warped>& labels) {
    Eigen::LLT<Eigen::Ref<matrix>> factor(covariance_ = kernel_.covariance(at));
    std::vector<double> found;
    for (const auto& label : labels) {
      if (factor.info() != Eigen::Success) found.push_back(infinity);
      else
        found.push_back(value(factor, factor.solve(label.losses), label.losses)
                        - label.log_jacobian);
    }
    return found;
  }

private:
  template <class Factor>
  static double value(const Factor& factor, const vector& weights, const vector& losses) {
    return 0.5 * losses.dot(weights)
           + factor.matrixLLT().diagonal().array().log().sum();
  }

  pair_kernel kernel_;
  const prior& before_;
  vector losses_;
  matrix covariance_;
  matrix inverse_;
  matrix slopes_;
};

std::vector<double> bends_of(const options& with) {
  if (with.bend_fixed != 0) return {with.bend_fixed < 0 ? infinity : with.bend_fixed};
  std::vector<double> all{infinity, 10, 1, 0.1, 0.01, 0.001};
  all.resize(static_cast<size_t>(with.bends));
  return all;
}

std::vector<vector> starts_of(const prior& before, Eigen::Index dimensions, const options& with) {
  std::vector<vector> starts{before.mean};
  if (with.starts > 1) {
    auto wiggly = before.mean;
    wiggly[0] = std::log(0.1);
    wiggly[1] = with.noadd ? wiggly[1] : 0;
    wiggly.tail(dimensions).setConstant(std::log(with.wiggly));
    if (with.noadd) {
      wiggly[0] = 0;
      wiggly.segment(3, dimensions).array() -= 1;
    }
    starts.push_back(wiggly);
  }
  if (with.starts > 2) {
    auto smooth = before.mean;
    smooth[0] = std::log(0.1);
    smooth[2] = std::log(1e-2);
    smooth.segment(3, dimensions).array() += 0.5;
    smooth.tail(dimensions).setConstant(std::log(1.0));
    starts.push_back(smooth);
  }
  return starts;
}

} // namespace

std::vector<fitted> fit(const observations& seen, const options& with) {
  const auto dimensions = seen.points.cols();
  const auto before = prior_of(dimensions, with);
  const auto bends = bends_of(with);
  std::vector<warped> labels;
  for (auto bend : bends)
    labels.push_back(warp(seen.losses, bend));
  likelihood negative(seen, before);
  const search_limits limits{.iterations = with.fit_iterations,
                             .gradient_tolerance = 1e-2,
                             .value_tolerance = 1e-4,
                             .first_step = 0.5};
  std::vector<fitted> found;
  const auto best_label = [&](const vector& logs) {
    const auto values = negative.values(hyperparameters(logs), labels);
    return static_cast<size_t>(std::ranges::min_element(values) - values.begin());
  };
  for (const auto& start : starts_of(before, dimensions, with)) {
    vector logs = start;
    size_t label = best_label(logs);
    double value = 0;
    for (int round = 0; round < 3; ++round) {
      negative.labels(labels[label].losses);
      auto rounds = limits;
      if (round == 0 && bends.size() > 1) rounds.iterations /= 3;
      const auto best = minimise(std::ref(negative), logs, before.within, rounds);
      logs = best.at;
      value = best.value - labels[label].log_jacobian;
      const auto next = bends.size() > 1 ? best_label(logs) : label;
      if (next == label && round > 0) break;
      if (bends.size() == 1) break;
      if (round == 2) break;
      label = next;
    }
    found.push_back({hyperparameters(logs), bends[label], labels[label].losses, -value});
  }
  std::ranges::stable_sort(found, std::ranges::greater(), &fitted::score);
  return found;
}

posterior::posterior(std::vector<axis> axes, const matrix& points, const vector& losses,
                     const hyperparameters& at)
    : at_(at), kernel_(axes, points, at), losses_(losses) {
  auto covariance = pair_kernel(axes, points).covariance(at);
  auto added = at.noise_variance();
  for (int i = 0; i < attempts_max; ++i) {
    factor_.compute(covariance);
    if (factor_.info() == Eigen::Success) break;
    covariance.diagonal().array() += 9 * added;
    added *= 10;
  }
  weights_ = factor_.solve(losses);
}

predictions posterior::at_all(const matrix& points) const {
  matrix cross = kernel_.with_all(points);
  predictions made{cross.transpose() * weights_, vector(points.rows())};
  factor_.matrixL().solveInPlace(cross);
  const array known = cross.colwise().squaredNorm().transpose().array();
  made.deviations = (kernel_.variance() - known).max(variance_min).sqrt().matrix();
  return made;
}

prediction posterior::at(const vector& point, vector& mean_slope, vector& deviation_slope) const {
  matrix slopes;
  const vector cross = kernel_.with(point, slopes);
  const auto mean = cross.dot(weights_);
  vector half = cross;
  factor_.matrixL().solveInPlace(half);
  const auto variance = std::max(kernel_.variance() - half.squaredNorm(), variance_min);
  const auto deviation = std::sqrt(variance);
  factor_.matrixU().solveInPlace(half);
  mean_slope = slopes.transpose() * weights_;
  deviation_slope = slopes.transpose() * half * (-1 / deviation);
  return {mean, deviation};
}

vector posterior::means_at(const matrix& points) const {
  return kernel_.with_all(points).transpose() * weights_;
}

posterior posterior::believing(const matrix& points) const {
  matrix all(kernel_.points().rows() + points.rows(), points.cols());
  all << kernel_.points(), points;
  vector losses(all.rows());
  losses << losses_, means_at(points);
  return {kernel_.axes(), all, losses, at_};
}

} // namespace troupe::core::gp
