// One attempt of a job on this node: drives its replicas through runtime/ and passes on what they
// do.
#pragma once

#include "actors/actors.hpp"
#include "runtime/attempt.hpp"

namespace troupe::actors {

/// What a trial needs of its node. Shared, since a trial may end a little after its agent.
struct trial_context {
  std::shared_ptr<const runtime::node_settings> settings;
  std::shared_ptr<runtime::reactor> reactor;
};

/// A trial without replicas; the first launch or adopt gives it some.
trial_actor spawn_trial(caf::actor_system& system, trial_context context, local_agent_actor agent);

/// Events of runtime/ (on its own thread) turned into messages to the trial.
runtime::attempt_events events_for(const trial_actor& trial);

} // namespace troupe::actors
