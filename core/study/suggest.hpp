// The next trials of a study, from its spec and its trials so far. Pure: the same spec, trials and
// seed give the same suggestions on every machine, so that a restarted controller asks again and
// gets the same answer.
#pragma once

#include "core/study/space.hpp"
#include "wire/control.capnp.h"
#include "wire/frame.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace troupe::core {

struct suggestion_set {
  std::vector<std::vector<parameter_value>> sets; // at most as many as were asked for
  bool exhausted = false;                         // the space holds no further point after these
};

/// An earlier study to learn from.
struct prior_study {
  wire::StudySpec::Reader spec;
  capnp::List<wire::Trial>::Reader trials;
};

struct suggestion_wish {
  uint64_t seed = 0;
  uint32_t count = 1;
  capnp::List<wire::Trial::Parameter>::Reader fixed; // values that every suggestion must have
  std::span<const prior_study> priors;
};

/// `trials`: all of the study in order, whatever their state; those still running count as tried.
/// The spec must have no problems (core/validate.hpp). Only observationNoise HIGH, or a finite
/// space that is used up, makes points repeat; see core/study/algorithm.hpp for what each algorithm
/// does.
suggestion_set suggest(wire::StudySpec::Reader study, capnp::List<wire::Trial>::Reader trials,
                       uint64_t seed, uint32_t count);

/// The same as the answer that the controller takes as an event.
wire::frame<wire::Suggestions> to_suggestions(uint64_t tuning_job, uint32_t first_trial,
                                              const suggestion_set& suggestions);

} // namespace troupe::core
