// The decay curve rule, of which Vertex AI says no more than that a Gaussian process regression
// predicts a trial's final objective from the completed trials and from what it has measured, and
// that the trial is stopped if it is very unlikely to exceed the best. The prediction is that of
// core/study/stopping/forecast.hpp. To exceed the best by next to nothing does not count: with a
// good algorithm, nearly all later trials might.
#include "core/study/stopping/forecast.hpp"
#include "core/study/stopping/rules.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace troupe::core::curves {

namespace {

constexpr size_t points_min = 4;
constexpr double part_min = 0.1; // of the usual length
constexpr double very_low = 0.03;

} // namespace

verdict decay_rule(const curve_set& study) {
  const auto none = [](const curve&) { return std::nullopt; };
  // The model is the dear part, and often there is nobody to judge.
  const auto may_stop = [&study](const curve& one, double end) {
    return one.at.size() >= points_min && one.last() >= part_min * end && one.last() < end
           && *one.objective < *study.all[*study.best].objective;
  };
  const auto model = forecaster::of(study);
  if (!model) return none;
  return [&study, may_stop, model = *model](const curve& one) -> std::optional<std::string> {
    const auto end = model.usual_end();
    if (!may_stop(one, end)) return std::nullopt;
    const auto made = model.careful_final_of(one);
    if (!made) return std::nullopt;
    const auto probability = model.probability_of_improvement(*made);
    if (!(probability < very_low)) return std::nullopt;
    const auto& best = study.all[*study.best];
    return fmt::format(
        "decay curve rule: {} at {} after {} measurements; predicted to end at {:.6g} ({:.6g} to "
        "{:.6g}) at {}, so with probability {:.2g} better than {:.6g} of trial {}",
        study.value_text(one.scores.back()), study.place_text(one.last()), one.at.size(),
        study.sign * model.score(made->mean),
        study.sign * model.score(made->mean - 2 * made->deviation),
        study.sign * model.score(made->mean + 2 * made->deviation), study.place_text(end),
        probability, study.sign * *best.objective + 0.0, best.id);
  };
}

} // namespace troupe::core::curves
