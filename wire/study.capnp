@0xb7d1a35c6e0f4821;
# Study and the messages of VizierService (google.cloud.aiplatform.v1), field for field. StudySpec, Trial and Measurement are in
# tuning_job.capnp.

using Cxx = import "/capnp/c++.capnp";
using Json = import "/capnp/compat/json.capnp";
using Common = import "common.capnp";
using Tuning = import "tuning_job.capnp";
$Cxx.namespace("troupe::wire");

struct Study {
  name @0 :Text;         # projects/{project}/locations/{location}/studies/{id}; output only
  displayName @1 :Text;
  studySpec @2 :Tuning.StudySpec;
  state @3 :State;       # output only
  createTime @4 :Common.Timestamp;  # output only
  inactiveReason @5 :Text;          # output only; set while INACTIVE; for a COMPLETED study, what completed it

  enum State {
    unspecified @0 $Json.name("STATE_UNSPECIFIED");
    active @1 $Json.name("ACTIVE");
    inactive @2 $Json.name("INACTIVE");
    completed @3 $Json.name("COMPLETED");
  }
}

struct TrialContext {
  description @0 :Text;
  parameters @1 :List(Tuning.Trial.Parameter);  # values that the suggestion must have
}

struct LookupStudyRequest {
  displayName @0 :Text;
}

struct SuggestTrialsRequest {
  suggestionCount @0 :Int32;
  clientId @1 :Text;
  contexts @2 :List(TrialContext);
}

struct SuggestTrialsResponse {
  trials @0 :List(Tuning.Trial);
  studyState @1 :Study.State;
  startTime @2 :Common.Timestamp;
  endTime @3 :Common.Timestamp;
}

struct AddTrialMeasurementRequest {
  measurement @0 :Tuning.Measurement;
}

struct CompleteTrialRequest {
  finalMeasurement @0 :Tuning.Measurement;
  trialInfeasible @1 :Bool;
  infeasibleReason @2 :Text;
}

struct CheckTrialEarlyStoppingStateResponse {
  shouldStop @0 :Bool;
  stoppingReason @1 :Text;  # ours: the rule, and its reason
}

struct ListOptimalTrialsResponse {
  optimalTrials @0 :List(Tuning.Trial);
}

struct ResumeTuningJobRequest {
  # Ours: continues a hyperparameter tuning job that has ended, with its trials. A field that is 0 leaves its value as it is.
  maxTrialCount @0 :Int32;
  parallelTrialCount @1 :Int32;
  maxFailedTrialCount @2 :Int32;
}
