// How much a point promises, by what models predict for it; to be maximised.
#pragma once

#include "tuner/gp/posterior.hpp"

#include <memory>

namespace troupe::tuner::gp {

class acquisition {
public:
  virtual ~acquisition() = default;
  /// One point per row.
  virtual vector at_all(const matrix& points) const = 0;

  /// With its derivatives by the features.
  virtual double at(const vector& point, vector& slope) const = 0;
};

/// The logarithm of the expected improvement on `best`: it has a slope even where the improvement
/// itself is too small for a double.
class log_expected_improvement : public acquisition {
public:
  log_expected_improvement(const posterior& model, double best) : model_(model), best_(best) {}
  vector at_all(const matrix& points) const override;
  double at(const vector& point, vector& slope) const override;

private:
  const posterior& model_;
  double best_;
};

/// Minus the lower confidence bound of the loss.
class confidence_bound : public acquisition {
public:
  confidence_bound(const posterior& model, double width) : model_(model), width_(width) {}
  vector at_all(const matrix& points) const override;
  double at(const vector& point, vector& slope) const override;

private:
  const posterior& model_;
  double width_;
};

/// The logarithm of the probability that a quantity stays below a limit.
class log_probability_below : public acquisition {
public:
  log_probability_below(const posterior& model, double limit) : model_(model), limit_(limit) {}
  vector at_all(const matrix& points) const override;
  double at(const vector& point, vector& slope) const override;

private:
  const posterior& model_;
  double limit_;
};

/// Of acquisitions in logarithms: what they promise together.
class all_of : public acquisition {
public:
  void add(std::unique_ptr<acquisition> part) { parts_.push_back(std::move(part)); }
  vector at_all(const matrix& points) const override;
  double at(const vector& point, vector& slope) const override;

private:
  std::vector<std::unique_ptr<acquisition>> parts_;
};

} // namespace troupe::tuner::gp
