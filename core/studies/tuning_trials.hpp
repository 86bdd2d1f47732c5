// The trials of a tuning job: each runs as a custom job, is measured while it runs, and ends with its
// job, early if the study's stopping rule says so. Owns the trials of tuning
// jobs and the points that their custom jobs reported.
#pragma once

#include "core/jobs/job_observer.hpp"
#include "core/studies/tuning_ends.hpp"

#include <string>
#include <string_view>

namespace troupe::core {

class tuning_trials : public job_observer {
public:
  tuning_trials(cluster_state& state, changes& out, trials& shared, custom_jobs& jobs,
                tuning_ends& ends)
      : state_(state), out_(out), trials_(shared), jobs_(jobs), ends_(ends) {}

  /// The next trial, queued as a custom job at once.
  void add(tuning_job&, wire::Suggestions::ParameterSet::Reader, std::string_view secret);
  /// A node reports what a trial measured. Points that are known, or of no metric of the study,
  /// change nothing.
  void measured(const node&, wire::MetricReport::Reader);

  // -- what custom jobs report --
  void running(custom_job&) override;
  void ended(custom_job&) override;
  std::string cancellation_text(const custom_job&) override;

private:
  bool add_points(custom_job&, wire::StudySpec::Reader, wire::MetricReport::Reader);

  cluster_state& state_;
  changes& out_;
  trials& trials_;
  custom_jobs& jobs_;
  tuning_ends& ends_;
};

} // namespace troupe::core
