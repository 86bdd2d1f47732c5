#include "tuner/best.hpp"

#include "tuner/objective.hpp"

namespace troupe::tuner {

void mark_best(wire::HyperparameterTuningJob::Builder job) {
  mark_best(job, job.asReader().getTrials());
}

void mark_best(wire::HyperparameterTuningJob::Builder job,
               capnp::List<wire::Trial>::Reader trials) {
  const auto study = job.asReader().getStudySpec();
  const auto optimal = optimal_trials(study, trials);
  auto ids = job.initOptimalTrials(static_cast<uint32_t>(optimal.size()));
  for (uint32_t i = 0; i < ids.size(); ++i)
    ids.set(i, trials[static_cast<uint32_t>(optimal[i])].getId());
  const auto best = best_trial(study, trials);
  if (!best) return void(job.disownBestTrial());
  job.setBestTrial(trials[static_cast<uint32_t>(*best)]);
  job.getBestTrial().disownMeasurements();
}

} // namespace troupe::tuner
