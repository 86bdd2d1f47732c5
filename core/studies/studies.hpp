// Studies of either kind, for those above: the parts of this room put together, what concerns all
// studies at the end of a step, and the tuner's answers, each for the kind of study that asked.
#pragma once

#include "core/studies/client_studies.hpp"
#include "core/studies/tuning_jobs.hpp"

#include <string_view>

namespace troupe::core {

class studies {
public:
  studies(cluster_state&, changes&, timers&, custom_jobs&);

  trials shared;
  tuning_ends ends;
  tuning_trials runs;
  core::tuning_jobs tuning_jobs;
  client_study_base base;
  study_operations operations;
  core::client_studies client_studies;

  // -- the tuner's answers --
  void suggested(wire::Suggestions::Reader, std::string_view secret);
  void judged(wire::Stoppings::Reader);

  /// Time alone may have ended the study.
  void timer(uint64_t id);

  // -- the end of a step, in this order --
  /// Ends what is over by its rules, which stops trials and so frees their nodes.
  void judge_ends();
  void ask_suggestions();
  void ask_stoppings();

  // -- recovery --
  /// Derives what is not stored, and notes that the rules of all studies are to be computed.
  void restore();
  /// Asks the tuner for what it owed when the controller ended.
  void ask_again();

private:
  cluster_state& state_;
  timers& timers_;
};

} // namespace troupe::core
