// The actor that commits. See actors.hpp for its interface.
#pragma once

#include "actors/actors.hpp"

namespace troupe::actors {

/// Spawns the store actor, detached. The database must outlive it.
store_actor spawn_store(caf::actor_system& system, store::database& database);

} // namespace troupe::actors
