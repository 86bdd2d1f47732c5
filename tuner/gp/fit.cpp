#include "tuner/gp/fit.hpp"

#include "tuner/gp/dense.hpp"
#include "tuner/gp/warp.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace troupe::tuner::gp {

namespace {

constexpr Eigen::Index fit_points_max = 200;
constexpr double infinity = std::numeric_limits<double>::infinity();

/// Normal distributions of the logarithms, and the box to search.
struct prior {
  vector mean;
  vector deviation;
  box within;

  double penalty(const vector& logs) const {
    return 0.5 * ((logs - mean).array() / deviation.array()).square().sum();
  }
};

prior prior_of(Eigen::Index dimensions, bool additive, const options& with) {
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
  if (!additive) put(1, 1e-6, 1, 1e-6, 1e-6);
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
  likelihood(const std::vector<axis>& axes, const matrix& points, const prior& before)
      : kernel_(axes, points), before_(before) {}

  Eigen::Index size() const { return kernel_.size(); }
  void labels(const vector& losses) { losses_ = losses; }

  /// The negative logarithm of the posterior, and its gradient.
  double operator()(const vector& logs, vector& gradient) {
    const hyperparameters at(logs);
    factor_ = kernel_.covariance(at);
    if (!factorise(factor_)) return infinity;
    const vector weights = weights_of(losses_);
    inverse_of(factor_, slopes_);
    slopes_ *= 0.5;
    slopes_.selfadjointView<Eigen::Lower>().rankUpdate(weights, -0.5);
    gradient = kernel_.gradient(at, slopes_);
    const array away = (logs - before_.mean).array() / before_.deviation.array();
    gradient.array() += away / before_.deviation.array();
    return value(weights, losses_) + 0.5 * away.square().sum();
  }

  /// The same without the prior, for labels of all kinds at once; infinite if not positive.
  std::vector<double> values(const hyperparameters& at, const std::vector<warped>& labels) {
    factor_ = kernel_.covariance(at);
    const bool positive = factorise(factor_);
    std::vector<double> found;
    for (const auto& label : labels) {
      const auto loss = positive ? value(weights_of(label.losses), label.losses) : infinity;
      found.push_back(loss - label.log_jacobian);
    }
    return found;
  }

private:
  vector weights_of(const vector& losses) const {
    const auto lower = factor_.triangularView<Eigen::Lower>();
    vector weights = lower.solve(losses);
    lower.transpose().solveInPlace(weights);
    return weights;
  }

  double value(const vector& weights, const vector& losses) const {
    return 0.5 * losses.dot(weights) + factor_.diagonal().array().log().sum();
  }

  pair_kernel kernel_;
  const prior& before_;
  vector losses_;
  matrix factor_;
  matrix slopes_; // by the covariances; the lower half
};

std::vector<double> bends_of(const options& with) {
  std::vector<double> all{infinity, 10, 1, 0.1, 0.01};
  all.resize(std::min(all.size(), static_cast<size_t>(with.bends)));
  return all;
}

/// Guesses that are far apart, so that the climb from the best of them ends on the right hill:
/// smooth or wiggly, additive or not, with noise or without.
std::vector<vector> starts_of(const prior& before, Eigen::Index dimensions, bool additive,
                              const options& with) {
  std::vector<vector> starts;
  const auto add = [&](double joint, double alone, double joint_scale, double alone_length,
                       double noise) {
    auto start = before.mean;
    start[0] = std::log(joint);
    if (additive) start[1] = std::log(alone);
    start[2] = std::log(noise);
    start.segment(3, dimensions).array() += std::log(joint_scale);
    start.tail(dimensions).setConstant(std::log(alone_length));
    starts.push_back(start);
  };
  const auto usual = with.noise_variance;
  add(1, 1, 1, with.additive_length, usual);
  if (additive) add(0.1, 1, 1, with.wiggly, usual);
  add(1, 0.1, 0.4, with.additive_length, usual);
  if (additive) {
    add(0.1, 1, 1, with.additive_length, usual);
    add(0.1, 3, 2, 1.0, usual);
    add(0.3, 1, 1, with.additive_length, 0.1);
  } else {
    add(2, 0, 2, 1, usual);
    add(1, 0, 1, 1, 0.1);
  }
  return starts;
}

/// The better half of them all, and others evenly: what hyper-parameters are fitted to when there
/// are many trials. Their cost grows with the cube of the number, and little is left to learn.
std::vector<Eigen::Index> telling(const vector& losses, Eigen::Index most) {
  std::vector<Eigen::Index> order(static_cast<size_t>(losses.size()));
  std::iota(order.begin(), order.end(), 0);
  if (losses.size() <= most) return order;
  std::ranges::stable_sort(order, {}, [&](Eigen::Index i) { return losses[i]; });
  std::vector<Eigen::Index> chosen(order.begin(), order.begin() + most / 2);
  const auto rest = static_cast<double>(losses.size() - most / 2);
  const auto wanted = most - most / 2;
  for (Eigen::Index i = 0; i < wanted; ++i) {
    const auto step = rest * static_cast<double>(i) / static_cast<double>(wanted);
    chosen.push_back(order[static_cast<size_t>(most / 2) + static_cast<size_t>(step)]);
  }
  std::ranges::sort(chosen);
  return chosen;
}

/// A part of the trials to fit to, under every bend.
class stage {
public:
  stage(const observations& seen, const std::vector<warped>& labels, Eigen::Index most,
        const prior& before)
      : stage(seen, labels, telling(labels.front().losses, most), before) {}

  Eigen::Index size() const { return negative_.size(); }

  struct place {
    vector logs;
    size_t label;
    double loss; // minus the log posterior
  };

  /// With the bend that suits best.
  place at(const vector& logs) {
    const auto values = negative_.values(hyperparameters(logs), labels_);
    const auto best = std::ranges::min_element(values);
    return {logs, static_cast<size_t>(best - values.begin()), *best + before_.penalty(logs)};
  }

  place climbed(place from, int iterations, const options& with) {
    // The bend is one of a few, so it is chosen again where a climb has ended.
    for (int round = 0; round < 2; ++round) {
      negative_.labels(labels_[from.label].losses);
      const search_limits limits{.iterations = iterations,
                                 .gradient_tolerance = with.fit_gradient,
                                 .value_tolerance = with.fit_value};
      const auto best = minimise(std::ref(negative_), from.logs, before_.within, limits);
      const auto label = from.label;
      from = {best.at, label, best.value - labels_[label].log_jacobian};
      if (labels_.size() == 1) break;
      auto other = at(from.logs);
      if (other.label == label) break;
      from = std::move(other);
    }
    return from;
  }

private:
  stage(const observations& seen, const std::vector<warped>& labels,
        const std::vector<Eigen::Index>& chosen, const prior& before)
      : negative_(seen.axes, seen.points(chosen, Eigen::all), before), before_(before) {
    const auto part = static_cast<double>(chosen.size()) / static_cast<double>(seen.losses.size());
    for (const auto& label : labels)
      labels_.push_back({label.losses(chosen), label.log_jacobian * part});
  }

  likelihood negative_;
  std::vector<warped> labels_;
  const prior& before_;
};

} // namespace

fitted fit(const observations& seen, bool additive, const options& with) {
  const auto features = seen.points.cols();
  const auto before = prior_of(features, additive, with);
  const auto bends = bends_of(with);
  std::vector<warped> labels;
  for (auto bend : bends)
    labels.push_back(warp(seen.losses, seen.sizes, bend));
  // Which hill to climb shows on some of the trials; only the last steps need them all.
  const auto coarse_size = static_cast<Eigen::Index>(
      std::clamp(std::sqrt(with.coarse / static_cast<double>(features)), 50.0, 200.0));
  stage coarse(seen, labels, coarse_size, before);
  std::vector<stage::place> places;
  for (const auto& start : starts_of(before, features, additive, with))
    places.push_back(coarse.at(start));
  // The first and the second are climbed from anyway: what they become is not seen from the start.
  std::ranges::sort(places.begin() + 2, places.end(), {}, &stage::place::loss);
  const auto climbs = std::min<size_t>(places.size(), static_cast<size_t>(with.starts));
  places.resize(climbs);
  for (auto& place : places)
    place = coarse.climbed(place, with.coarse_iterations, with);
  auto best = *std::ranges::min_element(places, {}, &stage::place::loss);
  if (seen.losses.size() > coarse.size()) {
    stage fine(seen, labels, fit_points_max, before);
    best = fine.climbed(fine.at(best.logs), with.fit_iterations, with);
  } else {
    best = coarse.climbed(best, with.fit_iterations, with);
  }
  return {hyperparameters(best.logs), bends[best.label], labels[best.label].losses, -best.loss};
}

} // namespace troupe::tuner::gp
