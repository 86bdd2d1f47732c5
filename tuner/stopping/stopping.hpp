// Which running trials are not worth finishing, by the rule that the study names: decay curve,
// median, convex, or asynchronous successive halving. Pure: the answer follows from the study and
// its trials, whenever and wherever it is asked for. Nothing predicted is handed out as a value, so
// none can be stored as a measured one.
//
// A trial is never stopped while it leads, that is while no other trial's objective is better than
// what its own would be if it ended now; unless its last measurement is unsafe. Studies with
// several objectives are left alone: Vertex AI's rules are for a single one.
//
// A SUCCEEDED trial with a stoppingReason was stopped: what it measured counts, but its end is
// not known. What each rule makes of that is said in its own file.
#pragma once

#include "wire/tuning_job.capnp.h"

#include <cstdint>
#include <string>
#include <vector>

namespace troupe::tuner {

struct stopping {
  uint32_t trial;     // index in the list
  std::string reason; // which rule, what it saw, against what
};

/// Whether its rule goes by elapsed time rather than by steps.
bool stops_by_time(wire::StudySpec::Reader study);

/// The ACTIVE trials that the study's rule would stop now, in their order. Empty without a rule.
std::vector<stopping> trials_to_stop(wire::StudySpec::Reader study,
                                     capnp::List<wire::Trial>::Reader trials);

} // namespace troupe::tuner
