// How a tuning job ends: because enough was tried, by its rules, by too many failures, or because
// somebody cancelled it. An end that is decided waits for the last live trial.
#pragma once

#include "core/jobs/custom_jobs.hpp"
#include "core/studies/trials.hpp"

#include <optional>
#include <string>

namespace troupe::core {

class tuning_ends {
public:
  tuning_ends(cluster_state& state, changes& out, trials& shared, custom_jobs& jobs)
      : state_(state), out_(out), trials_(shared), jobs_(jobs) {}

  /// By studyStoppingConfig.
  void judge(tuning_job&);
  /// By maxFailedTrialCount, after the end of a trial.
  void judge_failures(tuning_job&, const trial& ended);
  /// This end, whatever else was decided; its trials are stopped.
  void decide(tuning_job&, wire::JobState, std::optional<failure>);
  /// Ends the job if its end is decided and no trial is live; says otherwise how far it is.
  void finish_if_over(tuning_job&);

  /// One trial, before its end. It does not count as failed.
  void stop_early(tuning_job&, trial&, std::string reason);

private:
  void stop_trials(tuning_job&);

  cluster_state& state_;
  changes& out_;
  trials& trials_;
  custom_jobs& jobs_;
};

} // namespace troupe::core
