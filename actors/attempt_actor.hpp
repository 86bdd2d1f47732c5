// The attempt actor: an attempt's life on this node. It launches or adopts the replicas through
// runtime/, stops them with a deadline, keeps the attempt's part of the node's ledger and makes the
// attempt's reports. The agent actor beside it keeps the node.
#pragma once

#include "actors/actors.hpp"
#include "actors/node_ledger.hpp"
#include "runtime/attempt.hpp"

#include <chrono>

namespace troupe::actors {

/// What an attempt actor needs of its node. Shared: it may end a little after its agent.
struct attempt_context {
  std::shared_ptr<const runtime::node_settings> settings;
  std::shared_ptr<runtime::reactor> reactor;
  std::shared_ptr<node_ledger> ledger;
  /// A shim that has not ended its replica this long after the kill was due is stuck itself.
  std::chrono::milliseconds shim_patience = std::chrono::seconds(10);
};

/// Starts without replicas; a launch or an adoption gives it some. Reports to nobody until an
/// `attach`; the ledger remembers.
attempt_actor spawn_attempt(caf::actor_system& system, attempt_context context,
                            node_ledger::attempt_key key);

} // namespace troupe::actors
