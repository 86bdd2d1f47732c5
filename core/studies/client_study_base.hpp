// What every command on a client study needs: the study and the trial that it names, or the error that
// says why not; and the end of a study by its studyStoppingConfig.
#pragma once

#include "core/studies/trials.hpp"

#include <string>
#include <string_view>

namespace troupe::core {

class client_study_base {
public:
  client_study_base(cluster_state& state, changes& out, trials& shared)
      : state_(state), out_(out), trials_(shared) {}

  // -- each answers the command with an error where it returns nothing --
  client_study* find(uint64_t id, wire::Command::Reader);
  trial* find_trial(client_study&, uint32_t number);
  /// One that is ACTIVE or STOPPING. `wish` for the message: "measured", "stopped", ...
  trial* find_running_trial(client_study&, uint32_t number, std::string_view wish);

  void answer_trial(const client_study&, const trial&);

  /// Completes the study if a rule says so.
  void judge_end(client_study&);
  void complete(client_study&, std::string reason);

private:
  cluster_state& state_;
  changes& out_;
  trials& trials_;
};

} // namespace troupe::core
