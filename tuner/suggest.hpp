// The next trials of a study, from its spec and its trials so far. Pure: the same spec, trials and
// seed give the same suggestions, so that a restarted controller asks again and gets the same
// answer. (Random, quasi-random and grid search: on every machine. The Gaussian process: on
// machines with the same vector width, as the width changes the rounding of sums.)
#pragma once

#include "tuner/algorithm.hpp"
#include "wire/control.capnp.h"
#include "wire/frame.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace troupe::tuner {

struct suggestion_set {
  std::vector<std::vector<parameter_value>> sets; // at most as many as were asked for
  bool exhausted = false;                         // the space holds no further point after these
};

struct suggestion_wish {
  uint64_t seed = 0;
  uint32_t count = 1;
  capnp::List<wire::Trial::Parameter>::Reader fixed; // values that every suggestion must have
  std::span<const prior_study> priors;               // earlier studies to learn from
};

/// `trials`: all of the study in order, whatever their state; those still running count as tried.
/// The spec must have no problems (core/validate/validate.hpp). Only observationNoise HIGH, or a finite
/// space that is used up, makes points repeat; see tuner/algorithm.hpp for what each algorithm
/// does.
suggestion_set suggest(wire::StudySpec::Reader study, capnp::List<wire::Trial>::Reader trials,
                       const suggestion_wish& wish);

inline suggestion_set suggest(wire::StudySpec::Reader study,
                              capnp::List<wire::Trial>::Reader trials, uint64_t seed,
                              uint32_t count) {
  return suggest(study, trials, {.seed = seed, .count = count, .fixed = {}, .priors = {}});
}

/// The same, as the reply that the controller receives as an event.
wire::frame<wire::Suggestions> to_suggestions(uint64_t tuning_job, uint32_t first_trial,
                                              const suggestion_set& suggestions);

} // namespace troupe::tuner
