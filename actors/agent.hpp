// The node agent: carries out the controller's orders through attempt actors, and keeps the ledger from
// which it reports.
#pragma once

#include "actors/actors.hpp"
#include "actors/attempt_actor.hpp"
#include "actors/node_ledger.hpp"

namespace troupe::actors {

/// What an agent stands on.
struct agent_context {
  std::shared_ptr<const runtime::node_settings> settings;
  std::shared_ptr<runtime::reactor> reactor;
  std::shared_ptr<node_ledger> ledger;
};

/// Adopts the replicas that an earlier agent of this node left running, then serves. Until a
/// `welcome` came it reports to nobody, and until an `attach` it has nowhere to report to; the
/// ledger remembers for both.
local_agent_actor spawn_agent(caf::actor_system& system, agent_context context);

} // namespace troupe::actors
