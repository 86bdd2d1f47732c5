// How much a point promises, by a model's prediction for it; to be maximised.
#pragma once

#include "core/study/gp/model.hpp"

namespace troupe::core::gp {

class acquisition {
public:
  virtual ~acquisition() = default;
  virtual double at(const vector& point) const = 0;
  virtual double at(const vector& point, vector& slope) const = 0;
};

/// The logarithm of the expected improvement on `best`, which has a slope even where the
/// improvement itself is too small for a double.
class log_expected_improvement : public acquisition {
public:
  log_expected_improvement(const posterior& model, double best) : model_(model), best_(best) {}
  double at(const vector& point) const override;
  double at(const vector& point, vector& slope) const override;

private:
  const posterior& model_;
  double best_;
};

/// Minus the lower confidence bound of the loss. The deviation may come from a model that knows
/// of trials under way.
class confidence_bound : public acquisition {
public:
  confidence_bound(const posterior& mean, const posterior& deviation, double width)
      : mean_(mean), deviation_(deviation), width_(width) {}
  double at(const vector& point) const override;
  double at(const vector& point, vector& slope) const override;

private:
  const posterior& mean_;
  const posterior& deviation_;
  double width_;
};

} // namespace troupe::core::gp
