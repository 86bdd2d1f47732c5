// Suggestions for studies are computed off the controller's path: each request gets its own
// short-lived actor on CAF's worker pool, and its answer comes back to the controller as a message.
#pragma once

#include "actors/actors.hpp"
#include "core/cluster.hpp"

namespace troupe::actors {

/// Computes core::suggest for the request and sends the controller what came of it.
void ask_tuner(caf::actor_system& system, controller_actor controller,
               core::suggestion_request request);

} // namespace troupe::actors
