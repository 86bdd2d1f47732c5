// The decay curve rule, of which Vertex AI says no more than that a Gaussian process regression
// predicts a trial's final objective from the completed trials and from what it has measured, and
// that the trial is stopped if it is very unlikely to exceed the best. The prediction combines
// two: how its curve goes on (tuner/stopping/forecast.hpp), and what its parameters promise
// (tuner/stopping/promise.hpp). Exceeding the best by almost nothing does not count: with a
// good algorithm, nearly all later trials might do that.
#include "tuner/stopping/forecast.hpp"
#include "tuner/stopping/promise.hpp"
#include "tuner/stopping/rules.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace troupe::tuner::curves {

namespace {

constexpr size_t points_min = 4;
constexpr double part_min = 0.1; // of the usual length
constexpr double very_low = 0.035;

/// Combines two predictions from different data. If they contradict, neither is reliable.
forecast combined(const forecast& a, const forecast& b) {
  const auto a_weight = 1 / (a.deviation * a.deviation);
  const auto b_weight = 1 / (b.deviation * b.deviation);
  const auto apart = (a.mean - b.mean) * (a.mean - b.mean) / (1 / a_weight + 1 / b_weight);
  return {(a_weight * a.mean + b_weight * b.mean) / (a_weight + b_weight),
          std::sqrt(std::max(1.0, apart) / (a_weight + b_weight))};
}

} // namespace

verdict decay_rule(const curve_set& study, wire::StudySpec::Reader spec,
                   capnp::List<wire::Trial>::Reader trials) {
  const auto none = [](const curve&) { return std::nullopt; };
  const auto end = forecaster::end_of(study);
  if (!end) return none;
  const auto may_stop = [&study, end = *end](const curve& one) {
    return one.at.size() >= points_min && one.last() >= part_min * end && one.last() < end
           && *one.objective < *study.all[*study.best].objective;
  };
  // Making the models is expensive, and often there is no trial to judge.
  if (std::ranges::none_of(study.in(phase::active), [&](auto* one) { return may_stop(*one); }))
    return none;
  const auto model = forecaster::of(study);
  if (!model) return none;
  const auto promise = promises::of(spec, trials, model->expected_ends(study, trials.size()));
  return [&study, end = *end, may_stop, promise,
          model = *model](const curve& one) -> std::optional<std::string> {
    if (!may_stop(one)) return std::nullopt;
    auto made = model.careful_final_of(one);
    if (!made) return std::nullopt;
    if (const auto promised = promise ? promise->at(one.trial) : std::nullopt) {
      const auto mean = model.loss(study.sign * promised->mean);
      const auto better = model.loss(study.sign * promised->better);
      if (mean > better) made = combined(*made, {mean, mean - better});
    }
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

} // namespace troupe::tuner::curves
