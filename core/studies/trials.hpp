// What tuning jobs and client studies do alike: how a trial ends, when a study ends by its
// studyStoppingConfig, what it learns from earlier studies, and for which studies the tuner is to be
// asked at the end of a step. Owns these wishes and the studies' timers.
#pragma once

#include "core/state/changes.hpp"
#include "core/state/timers.hpp"
#include "tuner/stopping/study_end.hpp"

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace troupe::core {

class trials {
public:
  trials(cluster_state& state, changes& out, timers& due)
      : state_(state), out_(out), timers_(due) {}

  /// SUCCEEDED, or INFEASIBLE if there is a reason for that.
  void end(study&, trial&, std::optional<measurement> final, std::string infeasible);

  /// Looked at before each suggestion, at each end of a trial, and when time alone may have ended it.
  tuner::study_end end_by_rule(study&);
  void arm(study&, std::optional<int64_t> at_micros);

  // -- earlier studies --
  /// The first of the priorStudyNames that does not exist, in a sentence.
  std::string missing_prior(wire::StudySpec::Reader, wire::Command::Reader);
  /// Those that still exist: one deleted since is done without.
  std::vector<study_frame> priors_of(const study&);

  // -- the tuner --
  void want_suggestions(uint64_t id) { suggestions_.insert(id); }
  void want_stoppings(uint64_t id) { stoppings_.insert(id); }
  const std::set<uint64_t>& wanted_suggestions() const { return suggestions_; }
  const std::set<uint64_t>& wanted_stoppings() const { return stoppings_; }
  std::set<uint64_t> take_suggestions() { return std::exchange(suggestions_, {}); }
  std::set<uint64_t> take_stoppings() { return std::exchange(stoppings_, {}); }
  /// Asks which running trials the study's rule would stop, if the study has a use for that.
  void ask_stoppings(study&);

private:
  bool use_for_stoppings(const study&, uint64_t& operation) const;
  study* prior_named(std::string_view name, std::string_view project, std::string_view location);

  cluster_state& state_;
  changes& out_;
  timers& timers_;
  std::set<uint64_t> suggestions_;
  std::set<uint64_t> stoppings_; // kept from a recovery to the first step after it
};

} // namespace troupe::core
