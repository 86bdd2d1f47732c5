#include "tuner/stopping/stopping.hpp"

#include "tuner/stopping/rules.hpp"

#include <algorithm>

namespace troupe::tuner {

namespace {

curves::verdict rule_of(wire::StudySpec::Reader study, capnp::List<wire::Trial>::Reader trials,
                        const curves::curve_set& set) {
  switch (study.which()) {
  case wire::StudySpec::DECAY_CURVE_STOPPING_SPEC:
    return curves::decay_rule(set, study, trials);
  case wire::StudySpec::MEDIAN_AUTOMATED_STOPPING_SPEC:
    return curves::median_rule(set);
  case wire::StudySpec::CONVEX_AUTOMATED_STOPPING_SPEC:
    return curves::convex_rule(set, study.getConvexAutomatedStoppingSpec(), trials);
  case wire::StudySpec::ASHA_AUTOMATED_STOPPING_SPEC:
    return curves::asha_rule(set, study.getAshaAutomatedStoppingSpec());
  default:
    return [](const curves::curve&) { return std::nullopt; };
  }
}

} // namespace

bool stops_by_time(wire::StudySpec::Reader study) {
  switch (study.which()) {
  case wire::StudySpec::DECAY_CURVE_STOPPING_SPEC:
    return study.getDecayCurveStoppingSpec().getUseElapsedDuration();
  case wire::StudySpec::MEDIAN_AUTOMATED_STOPPING_SPEC:
    return study.getMedianAutomatedStoppingSpec().getUseElapsedDuration();
  case wire::StudySpec::CONVEX_AUTOMATED_STOPPING_SPEC:
    return study.getConvexAutomatedStoppingSpec().getUseElapsedDuration();
  case wire::StudySpec::ASHA_AUTOMATED_STOPPING_SPEC:
    return study.getAshaAutomatedStoppingSpec().getUseElapsedDuration();
  default:
    return false;
  }
}

std::vector<stopping> trials_to_stop(wire::StudySpec::Reader study,
                                     capnp::List<wire::Trial>::Reader trials) {
  size_t objectives = 0;
  for (auto metric : study.getMetrics())
    objectives += !metric.hasSafetyConfig();
  if (study.isNoAutomatedStopping() || objectives != 1) return {};
  const auto set = curves::curves_of(study, trials, stops_by_time(study));
  std::vector<const curves::curve*> asked;
  for (const auto* one : set.in(curves::phase::active)) {
    if (!set.leads(*one)) asked.push_back(one);
  }
  if (asked.empty()) return {};
  const auto rule = rule_of(study, trials, set);
  std::vector<stopping> found;
  for (const auto* one : asked) {
    if (auto reason = rule(*one)) found.push_back({one->trial, std::move(*reason)});
  }
  return found;
}

} // namespace troupe::tuner
