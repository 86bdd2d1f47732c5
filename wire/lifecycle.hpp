// When a job is over and when a replica is alive: the one place that says which states these are.
#pragma once

#include "wire/common.capnp.h"
#include "wire/control.capnp.h"

namespace troupe::wire {

/// Nothing follows: the job has its end, and its state never changes again.
constexpr bool is_over(JobState state) {
  switch (state) {
  case JobState::SUCCEEDED:
  case JobState::FAILED:
  case JobState::CANCELLED:
  case JobState::EXPIRED:
  case JobState::PARTIALLY_SUCCEEDED:
    return true;
  case JobState::UNSPECIFIED:
  case JobState::QUEUED:
  case JobState::PENDING:
  case JobState::RUNNING:
  case JobState::CANCELLING:
  case JobState::PAUSED:
  case JobState::UPDATING:
    break;
  }
  return false;
}

/// The replica was ordered and has not ended, as far as is known.
constexpr bool is_live(ReplicaPhase phase) {
  switch (phase) {
  case ReplicaPhase::LAUNCHING:
  case ReplicaPhase::RUNNING:
    return true;
  case ReplicaPhase::EXITED:
  case ReplicaPhase::FAILED:
  case ReplicaPhase::LOST:
    break;
  }
  return false;
}

} // namespace troupe::wire
