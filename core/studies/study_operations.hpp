// The long-running operations of a client study: suggestions, and whether a trial should stop. Requests
// for suggestions are served one after the other, so that none repeats what another was given; checks
// are answered together, by one look of the tuner at the whole study.
//
// What a client gets: first its own unfinished trials, then trials that somebody has REQUESTED, then
// new ones. That is looked up again whenever a request can go on, so a request that comes twice, or
// that a restart interrupts, gets the same trials. Owns the pending operations of each study.
#pragma once

#include "core/state/operations.hpp"
#include "core/studies/client_study_base.hpp"

#include <string_view>

namespace troupe::core {

class study_operations {
public:
  study_operations(cluster_state& state, changes& out, trials& shared, client_study_base& base)
      : state_(state), out_(out), trials_(shared), base_(base) {}

  // -- commands --
  void suggest(wire::TrialChange::Reader, wire::Command::Reader);
  void check(wire::TrialChange::Reader, wire::Command::Reader);

  // -- the tuner's answers --
  void suggested(client_study&, wire::Suggestions::Reader);
  void judged(client_study&, wire::Stoppings::Reader);

  /// Serves the waiting requests as far as they can be without the tuner; for the first that cannot,
  /// it is asked.
  void advance(client_study&);
  /// After a restart; changes nothing that is stored.
  void ask_again(client_study&);
  void fail(client_study&, const pending_operation&, failure);
  void finish_check(client_study&, const pending_operation&, const trial&);

private:
  struct match;
  static match matching(const client_study&, wire::SuggestTrialsRequest::Reader);
  void hand_out(client_study&, const match&, std::string_view client);
  void ask(client_study&, const pending_operation&, const match&);
  void finish_suggestion(client_study&, uint64_t operation);
  pending_operation& add(client_study&);
  operation_facts facts_of(const client_study&, const pending_operation&) const;

  cluster_state& state_;
  changes& out_;
  trials& trials_;
  client_study_base& base_;
};

} // namespace troupe::core
