// What must hold in every state of a cluster. Computed from scratch, so that a slip in what is kept up
// to date shows. Some of the rules need more than one state to be seen broken: the simulator checks
// those.
#pragma once

#include "core/scheduler/scheduler.hpp"
#include "core/state/cluster_state.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace troupe::core {

/// By their numbers in docs/architecture.md.
enum class invariant : uint8_t {
  submissions_survive = 1,
  places_have_one_owner,
  gangs_are_whole,
  ends_come_once,
  ids_are_new,
  replay_gives_the_state,
  nothing_outlives_its_attempt,
  what_can_run_runs,
  training_is_accounted_for,
};

/// "an attempt ends exactly once"
std::string_view text_of(invariant);

struct broken_invariant {
  invariant rule;
  std::string facts;

  /// "I4 (an attempt ends exactly once): job 7 is over and queued"
  std::string text() const;
};

std::optional<broken_invariant> violated_invariant(const cluster_state&, const scheduler&);

} // namespace troupe::core
