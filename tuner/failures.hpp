// When failed trials end a study (vertex.md §3.1): after as many as its owner allows; or, where
// none is named, when the first one fails, to save the cost of the rest, and later when most do.
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

/// A trial that was stopped or cancelled before it measured everything is infeasible and did not
/// fail: what it tried may be good. It has a stoppingReason.
inline bool has_failed(wire::Trial::Reader trial) {
  return trial.getState() == wire::Trial::State::INFEASIBLE
         && trial.getStoppingReason().size() == 0;
}

/// It succeeded, but was cut short: its end is not known.
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
  // Without a limit of the user's, this many end the study if they are also more than half of what
  // is over.
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
