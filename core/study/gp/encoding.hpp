// Points of a search space as vectors for a model: one coordinate per parameter, numbers in the
// unit interval under their scale, categories by index. A full vector has a value for every
// parameter, also for those that its other values leave inactive, so that a search can switch a
// branch on without losing what it knew of it.
#pragma once

#include "core/study/gp/kernel.hpp"
#include "core/study/random_stream.hpp"
#include "core/study/space.hpp"

namespace troupe::core::gp {

class encoding {
public:
  explicit encoding(const search_space& space);

  const std::vector<axis>& axes() const { return axes_; }
  Eigen::Index dimensions() const { return static_cast<Eigen::Index>(axes_.size()); }

  /// How many values dimension `k` can take; 0: a continuum.
  uint64_t levels(Eigen::Index k) const { return levels_[static_cast<size_t>(k)]; }

  /// The nearest value that dimension `k` can take.
  double snapped(Eigen::Index k, double value) const;
  double at_level(Eigen::Index k, uint64_t level) const;
  uint64_t level_of(Eigen::Index k, double value) const;

  /// From the unit interval; equal lengths are drawn equally often.
  double drawn(Eigen::Index k, double unit) const;

  /// Inactive coordinates become NaN.
  vector active_part(const vector& full) const;

  row row_of(const vector& full) const;
  vector of(const row& point) const; // NaN where inactive

private:
  double coordinate(Eigen::Index k, double value) const;

  const search_space& space_;
  std::vector<axis> axes_;
  std::vector<uint64_t> levels_;
  bool conditional_ = false;
};

} // namespace troupe::core::gp
