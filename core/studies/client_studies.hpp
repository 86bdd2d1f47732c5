// Client studies (Vertex AI Vizier's studies): somebody tunes something anywhere,
// and asks here what to try next. These are the commands on studies and their trials; what the tuner
// computes for them is in study_operations.hpp. Owns the studies and their trials.
//
// What is stored, and so what the API reads:
//   studies        key_of(study): wire::Study.
//   study_records  key_of(study): wire::StudyRecord, for the controller only.
//   trials         key_of(study) + "/" + ten digits of the number: wire::Trial, with its full name.
//                  The trials of tuning jobs are in the same family, under the job's id; the job's own
//                  record has no trials[].
//   operations     key_of(operation): wire::Operation. A suggestion's response is a
//                  SuggestTrialsResponse, a check's a CheckTrialEarlyStoppingStateResponse, each with
//                  its "@type"; both may already be in the reply to the request, done.
// Replies: studies.create -> study; trials.create, addMeasurement, complete, stop -> trial; suggest and
// checkEarlyStopping -> operation; deletions -> empty.
#pragma once

#include "core/studies/study_operations.hpp"

namespace troupe::core {

class client_studies {
public:
  client_studies(cluster_state& state, changes& out, trials& shared, client_study_base& base,
                 study_operations& operations)
      : state_(state), out_(out), trials_(shared), base_(base), operations_(operations) {}

  void create(wire::Study::Reader, wire::Command::Reader);
  void remove(uint64_t id, wire::Command::Reader);

  void create_trial(wire::TrialChange::Reader, wire::Command::Reader);
  void delete_trial(wire::TrialChange::Reader, wire::Command::Reader);
  void measure(wire::TrialChange::Reader, wire::Command::Reader);
  void complete_trial(wire::TrialChange::Reader, wire::Command::Reader);
  void stop_trial(wire::TrialChange::Reader, wire::Command::Reader);

private:
  cluster_state& state_;
  changes& out_;
  trials& trials_;
  client_study_base& base_;
  study_operations& operations_;
};

} // namespace troupe::core
