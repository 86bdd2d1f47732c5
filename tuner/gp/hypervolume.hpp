// Several objectives at once: how much a point is expected to add to the volume that the best
// trials dominate. The volume is an average over random directions w of the largest box along w,
// (min_m gain_m / w_m)^M (Zhang and Golovin, 2020), which costs the same for any number of
// objectives and has a gradient.
#pragma once

#include "tuner/gp/acquisition.hpp"
#include "tuner/random_stream.hpp"

namespace troupe::tuner::gp {

/// Values worse than this in an objective add nothing.
enum class front_reach {
  near,       // the worst of the front, and a margin that lets its ends grow
  everywhere, // the worst of all trials: for parts of a front that lie apart from what is known of
              // it
};

class log_hypervolume_improvement : public acquisition {
public:
  /// `models`: one per objective; `losses`: what these were made from, a column per objective.
  log_hypervolume_improvement(std::vector<const posterior*> models, const matrix& losses,
                              random_stream& random, front_reach reach = front_reach::near);

  vector at_all(const matrix& points) const override;
  double at(const vector& point, vector& slope) const override;

private:
  struct expectation {
    double improvement;
    vector by_mean; // derivatives, per objective
    vector by_deviation;
  };
  expectation expected(const vector& means, const vector& deviations) const;

  /// The box along a direction, and the objective that limits it.
  double box_volume(const vector& losses, Eigen::Index direction, Eigen::Index& limit) const;

  std::vector<const posterior*> models_;
  vector reference_;
  matrix directions_; // a row each
  matrix draws_;      // standard normal, a row per sample
  vector reached_;    // the largest box so far, per direction
};

/// Indices of the rows that no other row dominates; less is better in every column.
std::vector<Eigen::Index> front_of(const matrix& losses);

} // namespace troupe::tuner::gp
