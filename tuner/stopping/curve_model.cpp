#include "tuner/stopping/curve_model.hpp"

#include "tuner/gp/lbfgs.hpp"

#include <cmath>
#include <limits>

namespace troupe::tuner::curves {

namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

constexpr double infinity = std::numeric_limits<double>::infinity();
// The prior deviation of the mean curve, as a multiple of one curve's deviation from it.
constexpr double mean_freedom = 3;
constexpr double jitter = 1e-8;

enum parameter : Index { level, decay, shape, wander, reach, noise, parameters };

/// Logarithms of: deviations in units of the usual distance of a trial to the best, and lengths as
/// parts of the way (reach: of its logarithm).
VectorXd prior_mean() {
  VectorXd made(parameters);
  made << std::log(0.7), std::log(1.0), std::log(0.2), std::log(0.15), std::log(1.0),
      std::log(0.05);
  return made;
}

constexpr double prior_deviation = 1.2;

gp::box bounds() {
  gp::box made{VectorXd(parameters), VectorXd(parameters)};
  made.low << 0.02, 0.02, 0.01, 0.003, 0.2, 0.001;
  made.high << 20, 50, 5, 5, 5, 2;
  made.low = made.low.array().log();
  made.high = made.high.array().log();
  return made;
}

/// Distances and sums of places, which no parameter changes.
struct geometry {
  MatrixXd sums;
  MatrixXd log_distances;

  explicit geometry(const grid& places) {
    const auto n = places.size();
    sums = places.at.replicate(1, n) + places.at.transpose().replicate(n, 1);
    const auto least = std::max(1e-3, places.at[0]);
    const VectorXd logs = (places.at.array() + least).log();
    log_distances = (logs.replicate(1, n) - logs.transpose().replicate(n, 1)).cwiseAbs();
  }
};

MatrixXd own_covariance(const geometry& of, const VectorXd& theta) {
  const auto square = [&](parameter p) { return std::exp(2 * theta[p]); };
  const auto bend = std::exp(theta[shape]);
  const Eigen::ArrayXXd distances =
      std::sqrt(3.0) * std::exp(-theta[reach]) * of.log_distances.array();
  return (square(level) + square(decay) * bend / (of.sums.array() + bend)
          + square(wander) * (1 + distances) * (-distances).exp())
      .matrix();
}

struct fitted {
  MatrixXd covariance;
  MatrixXd factor;
  VectorXd mean;
  MatrixXd mean_covariance;
  double evidence = -infinity; // logarithm, but for a constant
};

/// The number of curves that reach each place.
VectorXd reaching(const curve_table& seen, Index places) {
  VectorXd made = VectorXd::Zero(places);
  for (auto length : seen.lengths)
    made.head(length).array() += 1;
  return made;
}

fitted fit_at(const VectorXd& theta, const grid& places, const geometry& of,
              const curve_table& seen, const VectorXd& reached) {
  const auto n = places.size();
  fitted made;
  made.covariance = own_covariance(of, theta);
  MatrixXd prior = mean_freedom * mean_freedom * made.covariance;
  prior.diagonal().array() += jitter * prior(0, 0);
  made.covariance.diagonal().array() += std::exp(2 * theta[noise]) / places.counts.array();
  const Eigen::LLT<MatrixXd> own(made.covariance);
  const Eigen::LLT<MatrixXd> prior_factor(prior);
  if (own.info() != Eigen::Success || prior_factor.info() != Eigen::Success) return made;
  made.factor = own.matrixL();

  MatrixXd whitened = seen.values;
  own.matrixL().solveInPlace(whitened);
  for (Index i = 0; i < whitened.cols(); ++i)
    whitened.col(i).tail(n - seen.lengths[static_cast<size_t>(i)]).setZero();
  MatrixXd inverse = MatrixXd::Identity(n, n);
  own.matrixL().solveInPlace(inverse);

  const VectorXd pull = inverse.transpose() * whitened.rowwise().sum();
  const MatrixXd information = inverse.transpose() * reached.asDiagonal() * inverse;
  const MatrixXd prior_inverse = prior_factor.solve(MatrixXd::Identity(n, n));
  const Eigen::LLT<MatrixXd> posterior(prior_inverse + information);
  if (posterior.info() != Eigen::Success) return made;
  made.mean = posterior.solve(pull);
  made.mean_covariance = posterior.solve(MatrixXd::Identity(n, n));
  const auto half_log_determinant = [](const auto& llt) {
    return llt.matrixLLT().diagonal().array().log().sum();
  };
  made.evidence = -0.5 * whitened.squaredNorm()
                  - (reached.array() * made.factor.diagonal().array().log()).sum()
                  + 0.5 * pull.dot(made.mean) - half_log_determinant(posterior)
                  - half_log_determinant(prior_factor);
  return made;
}

VectorXd best_parameters(const grid& places, const geometry& of, const curve_table& seen,
                         const VectorXd& reached) {
  const auto centre = prior_mean();
  const auto loss = [&](const VectorXd& theta) {
    const auto penalty = 0.5 * ((theta - centre) / prior_deviation).squaredNorm();
    const auto evidence = fit_at(theta, places, of, seen, reached).evidence;
    return std::isfinite(evidence) ? penalty - evidence : infinity;
  };
  constexpr double step = 1e-4;
  const auto with_gradient = [&](const VectorXd& theta, VectorXd& gradient) {
    const auto value = loss(theta);
    gradient = VectorXd::Zero(theta.size());
    if (!std::isfinite(value)) return value;
    for (Index k = 0; k < theta.size(); ++k) {
      VectorXd moved = theta;
      moved[k] += step;
      gradient[k] = (loss(moved) - value) / step;
      if (!std::isfinite(gradient[k])) return infinity;
    }
    return value;
  };
  return gp::minimise(with_gradient, centre, bounds(),
                      {.iterations = 12, .gradient_tolerance = 1e-2, .value_tolerance = 1e-4})
      .at;
}

} // namespace

curve_model::curve_model(grid places, curve_table seen) : places_(std::move(places)) {
  const geometry of(places_);
  const auto reached = reaching(seen, places_.size());
  auto made = fit_at(best_parameters(places_, of, seen, reached), places_, of, seen, reached);
  covariance_ = std::move(made.covariance);
  factor_ = std::move(made.factor);
  mean_ = std::move(made.mean);
  mean_covariance_ = std::move(made.mean_covariance);
}

forecast curve_model::predict(const VectorXd& values, Index length, Index of) const {
  const auto factor = factor_.topLeftCorner(length, length).triangularView<Eigen::Lower>();
  const VectorXd with = factor.solve(covariance_.col(of).head(length));
  const VectorXd weights = factor.transpose().solve(with);
  VectorXd shared = VectorXd::Zero(places_.size());
  shared[of] = 1;
  shared.head(length) -= weights;
  const auto variance =
      covariance_(of, of) - with.squaredNorm() + shared.dot(mean_covariance_ * shared);
  return {mean_.dot(shared) + weights.dot(values.head(length)),
          std::sqrt(std::max(variance, 1e-12))};
}

} // namespace troupe::tuner::curves
