// When a study is over: the studyStoppingConfig of Vertex AI. The two minimum rules come first and
// block all others until they are met; then the first rule that holds ends the study.
#pragma once

#include "wire/tuning_job.capnp.h"

#include <cstdint>
#include <optional>
#include <string>

namespace troupe::tuner {

struct study_end {
  std::optional<std::string> reason;        // it should end
  std::optional<int64_t> look_again_micros; // when a time rule may next change the answer
  bool asap = false;                        // running trials should be stopped as well
};

/// Times in microseconds since the epoch. A trial counts as completed whether it succeeded or not;
/// maxNumTrials counts all trials, but running ones among them are only stopped (asap) once as many
/// are completed. The no-progress rules go by the order in which trials ended, and are for a single
/// objective.
study_end study_end_of(wire::StudySpec::Reader study, capnp::List<wire::Trial>::Reader trials,
                       int64_t created_micros, int64_t now_micros);

} // namespace troupe::tuner
