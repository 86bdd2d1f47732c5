#include "actors/tuner.hpp"

#include "core/study/suggest.hpp"

namespace troupe::actors {

void ask_tuner(caf::actor_system& system, controller_actor controller,
               core::suggestion_request request) {
  auto shared = std::make_shared<const core::suggestion_request>(std::move(request));
  system.spawn([shared, controller](caf::event_based_actor* self) {
    const auto job = *shared->job;
    // The study's id is its seed: the same study asks the same questions, after a restart as well.
    const auto suggested =
        core::suggest(job.getStudySpec(), job.getTrials(), shared->tuning_job, shared->count);
    self->send(controller, atom::suggest::value,
               core::to_suggestions(shared->tuning_job, shared->first_trial, suggested));
  });
}

} // namespace troupe::actors
