// When failed trials end a study: after as many as maxFailedTrialCount allows. Vertex AI leaves the
// default open; here the first trial's failure ends the study, and later, if most trials fail.
// Pure, and the same for a cluster's tuning jobs and for `troupe tune`.
#pragma once

#include "wire/frame.hpp"
#include "wire/tuning_job.capnp.h"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

namespace troupe::tuner {

struct failure_tally {
  uint32_t failed = 0;
  uint32_t over = 0;                // failed or not
  std::optional<std::string> first; // why trial 1 failed, if it did
  std::string last;                 // why the last one did

  void add(bool is_first, bool has_failed, bool is_over, std::string_view reason) {
    failed += has_failed;
    over += is_over;
    if (has_failed && is_first) first = reason;
  }
};

/// A trial that was stopped or cancelled before it measured everything is infeasible, but it did
/// not fail: its parameters may be good. It has a stoppingReason.
inline bool has_failed(wire::Trial::Reader trial) {
  return trial.getState() == wire::Trial::State::INFEASIBLE
         && trial.getStoppingReason().size() == 0;
}

/// It succeeded, but was stopped early: its end is not known.
inline bool was_stopped(wire::Trial::Reader trial) {
  return trial.getState() == wire::Trial::State::SUCCEEDED && trial.getStoppingReason().size() > 0;
}

inline failure_tally tally_of(capnp::List<wire::Trial>::Reader trials) {
  using state = wire::Trial::State;
  failure_tally seen;
  int64_t last_micros = INT64_MIN;
  for (uint32_t i = 0; i < trials.size(); ++i) {
    const auto trial = trials[i];
    const bool failed = has_failed(trial);
    const auto at = trial.getState();
    seen.add(i == 0, failed, at == state::INFEASIBLE || at == state::SUCCEEDED,
             wire::view(trial.getInfeasibleReason()));
    if (!failed || trial.getEndTime().getMicros() < last_micros) continue;
    last_micros = trial.getEndTime().getMicros();
    seen.last = wire::str(trial.getInfeasibleReason());
  }
  return seen;
}

/// Why the study fails; nothing while it goes on.
inline std::optional<std::string> too_many_failures(int32_t max_failed_trial_count,
                                                    const failure_tally& seen) {
  // If the user gave no limit, this many failures end the study, if they are also more than half of
  // the trials that have ended.
  constexpr uint32_t tolerated = 5;
  const auto limit = static_cast<uint32_t>(std::max(0, max_failed_trial_count));
  if (limit > 0 && seen.failed >= limit)
    return fmt::format("{} trials failed, and maxFailedTrialCount is {}. The last one: {}",
                       seen.failed, limit, seen.last);
  if (limit > 0) return std::nullopt;
  if (seen.first && seen.failed == seen.over)
    return "The first trial failed, so no others were tried: " + *seen.first;
  if (seen.failed >= tolerated && seen.failed * 2 > seen.over)
    return fmt::format("{} of {} trials failed. The last one: {}", seen.failed, seen.over,
                       seen.last);
  return std::nullopt;
}

} // namespace troupe::tuner
