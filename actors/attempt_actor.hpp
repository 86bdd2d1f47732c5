// One attempt of a job on this node: drives its replicas through runtime/ and passes on what they
// do.
#pragma once

#include "actors/actors.hpp"
#include "runtime/attempt.hpp"

namespace troupe::actors {

/// What an attempt actor needs of its node. Shared: it may end a little after its agent.
struct attempt_context {
  std::shared_ptr<const runtime::node_settings> settings;
  std::shared_ptr<runtime::reactor> reactor;
};

/// Starts without replicas; the first launch or adopt gives it some.
attempt_actor spawn_attempt(caf::actor_system& system, attempt_context context,
                            local_agent_actor agent);

/// Events of runtime/ (on its own thread) turned into messages to the attempt actor.
runtime::attempt_events events_for(const attempt_actor& trial);

} // namespace troupe::actors
