// The trials of a study as a model needs them: features, and numbers of which less is better.
#pragma once

#include "tuner/algorithm.hpp"
#include "tuner/gp/encoding.hpp"

#include <optional>
#include <span>
#include <vector>

namespace troupe::tuner::gp {

struct history {
  // Features of the trials that ended with finite values, a row each: first this study's, then
  // those of earlier ones.
  matrix points;
  std::vector<Eigen::Index> sizes; // how many of each study
  std::vector<row> rows;           // this study's points
  matrix losses;                   // as `points`, a column per objective
  matrix excesses; // of this study's, a column per safety metric: how far beyond its threshold
  std::vector<double> safe_fractions; // desired, of each safety metric; 0: not said
  matrix pending;                     // under way
  matrix infeasible;                  // ended without a value

  /// Of this study.
  Eigen::Index size() const { return sizes.front(); }
};

inline constexpr int trials_max = 600;       // of a study's ended trials; see history_of
inline constexpr int prior_trials_max = 300; // of all earlier studies together
inline constexpr int pending_max = 256;      // of trials under way: the newest
inline constexpr int infeasible_max = 256;   // the newest half of these, and others evenly

/// Of more than `most` ended trials: the better half of these by all objectives together, the
/// newest, and others evenly. A model of more takes too long, and the others matter least. While
/// fewer than `initial` have ended and there are earlier studies, these count as pending: so few
/// do not show in which units they are.
/// `expected`: per trial of the study; of those that were stopped, what their objective would have
/// become, which counts instead of its last value. Empty: nothing is expected.
history history_of(const study_view& study, const encoding& as, int initial,
                   std::span<const std::optional<double>> expected = {}, size_t most = trials_max);

} // namespace troupe::tuner::gp
