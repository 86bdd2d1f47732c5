// Forecasts of where trials that measured a part of their way would end, from the curves of all
// trials of their study. Forecasts are for decisions; none is ever shown as a measurement.
//
// The model is in tuner/stopping/curve_model.hpp; here curves are turned into its input:
//
// - Losses, as parts of the usual distance between a trial and the best, which is 0. Beyond that
//   distance only their logarithm counts, so that a trial that diverges does not bend the model.
// - Means over the cells of a grid that is fine at first and then coarser and coarser.
// - Stopped and running trials count as well, as curves whose rest is unknown.
#pragma once

#include "tuner/stopping/curve_model.hpp"
#include "tuner/stopping/curves.hpp"

#include <memory>

namespace troupe::tuner::curves {

class forecaster {
public:
  /// Nothing while fewer than five trials have ended by themselves, or if all of them are equal.
  static std::optional<forecaster> of(const curve_set& study);

  /// The place that forecasts are for, without making them; nothing if there is none for `of`.
  static std::optional<double> end_of(const curve_set& study);

  /// The probability that a trial ends better than the best by more than a negligible amount.
  double probability_of_improvement(const forecast& of) const;

  /// In losses. Nothing if the curve is at its end.
  std::optional<forecast> final_of(const curve& one) const;

  /// The same, made reliable. The deviation grows as much as finished trials, seen as far as this
  /// one, ended further from their forecasts than expected; trials with a forecast like this one
  /// count most. It also grows if no finished trial was as bad at that point: it is not known how
  /// such trials end, and a slow starter may be the best.
  std::optional<forecast> careful_final_of(const curve& one) const;

  /// Its last measurement is much worse than its first.
  bool diverged(const curve& one) const;

  /// For each trial of the list that a rule stopped: the value of the objective that it would have
  /// ended with, never better than the best value of any trial. Nothing for all others, and
  /// where there is no forecast.
  std::vector<std::optional<double>> expected_ends(const curve_set& study, size_t trials) const;

  /// The objective as it is in curves, and back.
  double score(double loss) const;
  double loss(double score) const;

private:
  class parts;

  forecaster(std::shared_ptr<const parts> of, size_t finished);

  std::shared_ptr<const parts> parts_;
  size_t finished_count_; // trials with a known end
};

/// The same, with forecasts made here; nothing if there is none for `of`.
std::vector<std::optional<double>> expected_ends(wire::StudySpec::Reader study,
                                                 capnp::List<wire::Trial>::Reader trials);

} // namespace troupe::tuner::curves
