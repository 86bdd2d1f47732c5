// What studies ask of the tuner is computed off the controller's path: each request gets its own
// short-lived actor on CAF's worker pool, and its answer comes back to the controller as a message.
// Whatever goes wrong in there comes back as a sentence in the answer.
#pragma once

#include "actors/actors.hpp"
#include "core/cluster.hpp"

namespace troupe::actors {

/// The next trials, by core::suggest.
wire::frame<wire::Suggestions> answer_of(const core::suggestion_request& request);

/// The running trials that are not worth finishing, by core::trials_to_stop.
wire::frame<wire::Stoppings> answer_of(const core::stopping_request& request);

/// Computes answer_of(request) and sends it to the controller.
void ask_tuner(caf::actor_system& system, controller_actor controller,
               core::suggestion_request request);
void ask_tuner(caf::actor_system& system, controller_actor controller,
               core::stopping_request request);

} // namespace troupe::actors
