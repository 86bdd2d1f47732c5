// Hyperparameter tuning: a tuning job asks for suggestions, runs each as a custom job
// (tuning_trials.hpp), and ends when enough have been tried (tuning_ends.hpp), as
// in Vertex AI. Owns the tuning jobs and what is asked of the tuner for them.
#pragma once

#include "core/studies/tuning_trials.hpp"

#include <string_view>

namespace troupe::core {

class tuning_jobs {
public:
  tuning_jobs(cluster_state& state, changes& out, trials& shared, custom_jobs& jobs,
              tuning_ends& ends, tuning_trials& runs)
      : state_(state), out_(out), trials_(shared), jobs_(jobs), ends_(ends), tuning_trials_(runs) {}

  // -- commands --
  void create(wire::HyperparameterTuningJob::Reader, wire::Command::Reader,
              std::string_view secret);
  void cancel(uint64_t id, wire::Command::Reader);
  void remove(uint64_t id, wire::Command::Reader);
  void resume(wire::ResumeTuningJob::Reader, wire::Command::Reader);

  // -- the tuner --
  /// Asks for as many trials as may run now.
  void ask(tuning_job&);
  void suggested(tuning_job&, wire::Suggestions::Reader, std::string_view secret);

private:
  tuning_job* find(uint64_t id, wire::Command::Reader);

  cluster_state& state_;
  changes& out_;
  trials& trials_;
  custom_jobs& jobs_;
  tuning_ends& ends_;
  tuning_trials& tuning_trials_;
};

} // namespace troupe::core
