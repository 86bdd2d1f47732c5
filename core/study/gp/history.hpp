// The trials of a study as a model wants them: features, and numbers of which less is better.
#pragma once

#include "core/study/gp/encoding.hpp"

#include <vector>

namespace troupe::core::gp {

struct history {
  matrix points;         // features of the trials that ended with finite values, a row each
  std::vector<row> rows; // the same points
  matrix losses;         // a column per objective
  matrix excesses;       // a column per safety metric: how far beyond its threshold
  std::vector<double> safe_fractions; // desired, of each safety metric; 0: not said
  matrix pending;                     // under way
  matrix infeasible;                  // ended without a value

  Eigen::Index size() const { return points.rows(); }

  /// At most this many of the ended trials: the better half of them by all objectives together,
  /// the newest, and others evenly.
  void thin_to(Eigen::Index most);
};

history history_of(wire::StudySpec::Reader study, capnp::List<wire::Trial>::Reader trials,
                   const search_space& space, const encoding& as);

} // namespace troupe::core::gp
