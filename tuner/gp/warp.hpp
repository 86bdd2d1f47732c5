// Losses in a form that suits a Gaussian process. Objectives span decades, have outliers on the bad
// side, and only differences among good trials matter in the end; so losses go through
// log(1 + t / bend), t being 0 for the best and 1 for the median trial, and are then standardised.
// A large bend leaves them as they are, a small one stretches the good end. Which bend fits is for
// the likelihood to say: log_jacobian makes likelihoods under different bends comparable.
#pragma once

#include "tuner/gp/lbfgs.hpp"

#include <limits>
#include <vector>

namespace troupe::tuner::gp {

/// From losses to what a model sees, and back.
class warping {
public:
  /// As they are.
  warping() = default;

  /// `losses`: those that are to have mean 0 and variance 1. `bend`: above 0; infinite for none.
  warping(const vector& losses, double bend);

  /// There is a difference between the losses.
  bool tells() const { return unit_ > 0; }

  vector of(const vector& losses) const;
  double loss(double warped) const;

  /// Logarithm of the density of losses over that of the values that the model sees.
  double log_jacobian(const vector& losses) const;

private:
  Eigen::ArrayXd units(const vector& losses) const;
  Eigen::ArrayXd bent(const vector& losses) const;

  double best_ = 0;
  double unit_ = 1;
  double bend_ = std::numeric_limits<double>::infinity();
  double mean_ = 0;
  double deviation_ = 1;
};

struct warped {
  vector losses; // mean 0, variance 1; all 0 if there is no difference between them
  double log_jacobian = 0;
};

/// `bend`: above 0; infinite for none.
warped warp(const vector& losses, double bend);

/// Of several studies one after the other, each in its own units: `sizes` are how many of the
/// losses each has; empty: there is only one.
warped warp(const vector& losses, const std::vector<Eigen::Index>& sizes, double bend);

} // namespace troupe::tuner::gp
