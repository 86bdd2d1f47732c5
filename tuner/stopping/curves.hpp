// The measurements of a study's trials as curves of its objective, in the form that the stopping
// rules share: more is better whatever the goal, places strictly increasing, only finite values.
#pragma once

#include "wire/tuning_job.capnp.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace troupe::tuner::curves {

enum class phase {
  active,   // may be stopped
  ending,   // is being stopped
  finished, // ended by itself
  stopped,  // succeeded, but was stopped early by a rule
  failed,
};

struct curve {
  uint32_t trial = 0; // index in the list
  std::string id;
  curves::phase phase = phase::active;
  std::vector<double> at; // steps or seconds
  std::vector<double> scores;
  std::vector<int64_t> micros;     // when each was measured; 0: unknown
  std::optional<double> objective; // ended: its own; else what it would be if it ended now
  bool safe = true;                // by its last measurement

  double last() const { return at.back(); }
  /// With the scores as the objective sees them: of a finished trial the last is the objective; and
  /// with `keeps_best`, each is the best so far.
  curve as_objective(bool keeps_best) const;
  /// The number of points at or before `place`.
  size_t count_until(double place) const;
  /// Linear between points, flat beyond both ends.
  double value_at(double place) const;
};

enum class axis { steps, seconds, measurements };

struct curve_set {
  std::vector<curve> all; // trials that measured anything, in their order
  curves::axis axis = axis::steps;
  std::string metric;
  double sign = 1;            // from scores to values of the metric
  bool keeps_best = false;    // the objective is the best measurement, not the last
  std::optional<size_t> best; // in `all`: the best that succeeded

  /// No other trial is better; of equal trials, all lead.
  bool leads(const curve& one) const;
  /// "loss 0.25".
  std::string value_text(double score) const;
  /// "step 12", "12.5 s" or "measurement 12".
  std::string place_text(double place) const;
  std::vector<const curve*> in(phase which) const;
};

/// `by_time`: over elapsed seconds instead of steps. If no trial has these, over the other; if
/// there is neither, over the number of the measurement.
curve_set curves_of(wire::StudySpec::Reader study, capnp::List<wire::Trial>::Reader trials,
                    bool by_time);

/// The mean of the middle two. The list must not be empty.
double median_of(std::vector<double> values);

/// The least value that `part` of the values do not exceed. The list must not be empty.
double rank_of(std::vector<double> values, double part);

/// Where the trials of a study usually end: what 95 % of the finished curves do not exceed. There
/// must be at least one.
double usual_end(const std::vector<const curve*>& finished);

/// At most `most` of them, evenly.
std::vector<const curve*> thinned(const std::vector<const curve*>& some, size_t most);

} // namespace troupe::tuner::curves
