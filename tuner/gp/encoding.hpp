// Points of a search space as vectors for a model: one coordinate per parameter, numbers in the
// unit interval under their scale, categories by index. A full vector has a value for every
// parameter, also for those that its other values leave inactive, so that a search can switch a
// branch on without losing what it knew of it.
//
// Features are what the model sees: NaN where a parameter is inactive, and for a parameter with a
// short list of numbers the list's index once more, as a category. That its neighbours in the list
// are bad then does not settle that a value is.
//
// A study that learns from earlier ones has one more feature, the study, as a category: its length
// tells the model how much they have in common.
#pragma once

#include "tuner/gp/kernel.hpp"
#include "tuner/random_stream.hpp"
#include "tuner/space.hpp"

namespace troupe::tuner::gp {

class encoding {
public:
  /// With `studies`, the last feature says which study a point is of: 0 for this one.
  encoding(const search_space& space, bool studies);

  Eigen::Index dimensions() const { return static_cast<Eigen::Index>(levels_.size()); }
  bool is_category(Eigen::Index k) const { return axes_[static_cast<size_t>(k)] == axis::category; }

  /// Of the features: those of the parameters first, in their order.
  const std::vector<axis>& axes() const { return axes_; }

  /// How many values dimension `k` can take; 0: a continuum.
  uint64_t levels(Eigen::Index k) const { return levels_[static_cast<size_t>(k)]; }

  /// A number with more values than are worth trying one by one: slopes lead along it.
  bool is_smooth(Eigen::Index k) const {
    return !is_category(k) && (levels(k) == 0 || levels(k) > levels_max_listed);
  }

  static constexpr uint64_t levels_max_listed = 16;

  /// The nearest value that dimension `k` can take.
  double snapped(Eigen::Index k, double value) const;
  double at_level(Eigen::Index k, uint64_t level) const;
  uint64_t level_of(Eigen::Index k, double value) const;

  /// The same vector with the values that are pinned (search_space::pin).
  vector pinned(vector full) const;
  bool is_pinned(Eigen::Index k) const { return space_.is_pinned(static_cast<size_t>(k)); }

  /// From the unit interval; equal lengths are drawn equally often.
  double drawn(Eigen::Index k, double unit) const;

  vector features_of(const vector& full) const;
  vector features_of(const row& point, int study = 0) const;
  vector full_of(const row& point) const; // inactive parameters are in the middle of their range
  row row_of(const vector& full) const;

private:
  double coordinate(Eigen::Index k, double value) const;
  double feature(Eigen::Index k, double coordinate) const;

  const search_space& space_;
  std::vector<axis> axes_;
  std::vector<uint64_t> levels_;
  std::vector<Eigen::Index> listed_; // the parameters that are a feature twice
  bool conditional_ = false;
  bool studies_ = false;
};

} // namespace troupe::tuner::gp
