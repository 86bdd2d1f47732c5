// What trials that measured a part of their way would come to at its end, from the curves of all
// trials of their study. Forecasts are for decisions; nothing here is handed out as measured.
//
// tuner/stopping/curve_model.hpp has the model; here curves are made into what it takes:
//
// - Losses, as parts of the usual distance between a trial and the best, which is 0. Beyond that
//   distance only their logarithm counts, so that a trial that diverges does not bend the model.
// - On a grid that is fine at first and then ever coarser, by means over its cells.
// - Stopped and running trials teach as well, as curves of which the rest is not seen.
#pragma once

#include "tuner/stopping/curve_model.hpp"
#include "tuner/stopping/curves.hpp"

#include <memory>

namespace troupe::tuner::curves {

class forecaster {
public:
  /// Nothing while fewer than five trials have gone to their ends, or all of them are equal.
  static std::optional<forecaster> of(const curve_set& study);

  /// The place that forecasts are for, without making them; nothing where `of` has none.
  static std::optional<double> end_of(const curve_set& study);

  /// That a trial ends better than the best by more than is worth waiting for. `of`: its end.
  double probability_of_improvement(const forecast& of) const;

  /// In losses. Nothing if the curve is at its end.
  std::optional<forecast> final_of(const curve& one) const;

  /// The same, to be relied on. The deviation is as much larger as finished trials ended further
  /// from their forecasts than expected, of which as much had been seen; those with a forecast like
  /// this one above all. And it is larger if no finished trial was as bad at that point: nobody has
  /// seen what becomes of such trials, and a slow starter may be the best.
  std::optional<forecast> careful_final_of(const curve& one) const;

  /// Measured last what is much worse than what it began with.
  bool diverged(const curve& one) const;

  /// Per trial of the list; of those that a rule stopped, the value of the objective that it was
  /// going to end with; never better than the best that a trial has. Nothing for all others, and
  /// where there is no forecast.
  std::vector<std::optional<double>> expected_ends(const curve_set& study, size_t trials) const;

  /// The objective as it is in curves, and back.
  double score(double loss) const;
  double loss(double score) const;

private:
  class parts;

  forecaster(std::shared_ptr<const parts> of, size_t finished);

  std::shared_ptr<const parts> parts_;
  size_t finished_count_; // trials that it knows the ends of
};

/// The same, with forecasts made here; nothing where `of` has none.
std::vector<std::optional<double>> expected_ends(wire::StudySpec::Reader study,
                                                 capnp::List<wire::Trial>::Reader trials);

} // namespace troupe::tuner::curves
