// The controller: the shell around core::cluster. It gathers the events that arrived while the last
// batch was being committed, lets the core take one step for each, commits all their writes in one
// synced batch, and only then sends what the steps want sent. So nothing is acknowledged before it
// is durable, and a burst of submissions shares one sync.
#pragma once

#include "actors/actors.hpp"
#include "actors/tuner_pool.hpp"
#include "core/cluster/cluster.hpp"

namespace troupe::actors {

/// Takes the recovered cluster. The epoch's own write must have been committed already.
controller_actor spawn_controller(caf::actor_system& system, std::unique_ptr<core::cluster> cluster,
                                  store_actor store, std::shared_ptr<tuner_pool> tuner);

} // namespace troupe::actors
