@0xcbe0a234f0bddc08;
# The messages between the processes of one cluster, and the records that the controller stores beside the API resources.
# A job id is the decimal in its resource name. A replica is known by (job, attempt, pool, index, incarnation): an attempt places the
# whole gang once; an incarnation counts the restarts of one replica within its attempt.

using Cxx = import "/capnp/c++.capnp";
using Json = import "/capnp/compat/json.capnp";
using Common = import "common.capnp";
using Custom = import "custom_job.capnp";
using Tuning = import "tuning_job.capnp";
using Vizier = import "study.capnp";
$Cxx.namespace("troupe::wire");

struct Resources {
  cpuMillis @0 :UInt64;
  memoryBytes @1 :UInt64;
  gpus @2 :UInt32;
  gpuType @3 :Common.AcceleratorType;
}

# -- the node --

struct ReplicaId {
  jobId @0 :UInt64;
  attempt @1 :UInt32;      # from 1
  pool @2 :UInt32;
  index @3 :UInt32;
  incarnation @4 :UInt32;  # from 0
}

enum ReplicaPhase {
  launching @0;  # ordered; no report yet
  running @1;    # the user's process was started
  exited @2;     # it ended; see exitCode or signal
  failed @3;     # it could not be started; see message
  lost @4;       # its node is lost or does not know it
}

struct ReplicaStatus {
  id @0 :ReplicaId;
  phase @1 :ReplicaPhase;
  exitCode @2 :Int32;    # exited by itself
  signal @3 :Int32;      # killed by this signal; 0 if none
  message @4 :Text;      # the reason of a failure; for an exit: the last lines of stderr
  outOfMemory @5 :Bool;
  startedMicros @6 :Int64;
  endedMicros @7 :Int64;
  permanent @8 :Bool;    # with failed: trying again cannot help (a missing executable, an unknown image)
}

struct NodeHello {
  # The first message of an agent in a session, and again after every reconnection: everything about the node.
  name @0 :Text;
  address @1 :Text;        # where peers connect to its replicas (a host or an IP address)
  bootId @2 :Text;         # of the machine
  agentEpoch @3 :UInt64;   # grows with every start of the agent
  resources @4 :Resources; # the total offered to jobs
  portFirst @5 :UInt16;    # ports that replicas may listen on
  portLast @6 :UInt16;
  replicas @7 :List(ReplicaStatus);  # all that the agent knows and was not ordered to forget
  version @8 :Text;
  clusterId @9 :Text;      # the cluster it served before; empty if none
  metrics @10 :List(MetricReport);  # all that its trials measured; to be applied before `replicas`, so that an end finds its metrics
}

struct NodeWelcome {
  clusterId @0 :Text;
  epoch @1 :UInt64;
  error @2 :Text;          # set if the node is refused: the reason; the rest is then not set
}

struct Order {
  # Controller to agent. Orders of an older epoch are refused by the agent; a repeated order is harmless.
  clusterId @0 :Text;
  epoch @1 :UInt64;
  sequence @2 :UInt64;
  union {
    launch @3 :Launch;
    stop @4 :Stop;
    forget @5 :AttemptRef;  # its end is stored: drop the bookkeeping, keep the logs
    purge @6 :AttemptRef;   # the job was deleted: remove its logs as well
  }
}

struct AttemptRef {
  jobId @0 :UInt64;
  attempt @1 :UInt32;
}

struct Launch {
  jobId @0 :UInt64;
  attempt @1 :UInt32;
  jobName @2 :Text;        # full resource name
  displayName @3 :Text;
  spec @4 :Custom.CustomJobSpec;  # as submitted; for a trial with the parameters appended to the args
  pools @5 :List(PoolPlacement);  # one for every pool of the spec, in order; empty pools are empty lists
  replicas @6 :List(ReplicaId);   # those that this node is to start now
  trialId @7 :Text;        # empty outside tuning
  token @8 :Text;          # the job's secret for its reducers
  project @9 :Text;
  location @10 :Text;
  metricTags @11 :List(Text);  # of a trial: the metrics to look for in the metric file
}

struct PoolPlacement {
  reducers @0 :Bool;       # this pool runs the reduction server
  endpoints @1 :List(Endpoint);
  struct Endpoint {
    node @0 :Text;
    host @1 :Text;
    port @2 :UInt16;
    gpuIndices @3 :List(UInt16);  # the node's GPUs that only this replica uses
  }
}

struct Stop {
  jobId @0 :UInt64;
  attempt @1 :UInt32;
  graceMs @2 :UInt32;      # SIGTERM, then SIGKILL after this long
  replicas @3 :List(ReplicaId);  # empty: all of the attempt on this node
}

struct Report {
  # Agent to controller.
  node @0 :Text;
  bootId @1 :Text;
  agentEpoch @2 :UInt64;
  sequence @3 :UInt64;      # counts the reports of one attempt on this node
  union {
    replica @4 :ReplicaStatus;
    metrics @5 :MetricReport;
  }
}

struct MetricReport {
  jobId @0 :UInt64;
  attempt @1 :UInt32;
  points @2 :List(MetricPoint);
}

struct MetricPoint {
  tag @0 :Text;
  value @1 :Float64;       # may be NaN or infinite
  step @2 :Int64;
  timestampMicros @3 :Int64;
}

# -- commands of the API, and their outcomes --

struct Command {
  project @0 :Text;
  location @1 :Text;
  union {
    createCustomJob @2 :Custom.CustomJob;
    createTuningJob @3 :Tuning.HyperparameterTuningJob;
    cancelCustomJob @4 :UInt64;
    cancelTuningJob @5 :UInt64;
    deleteCustomJob @6 :UInt64;
    deleteTuningJob @7 :UInt64;
    resumeTuningJob @8 :ResumeTuningJob;
    createStudy @9 :Vizier.Study;
    deleteStudy @10 :UInt64;
    createTrial @11 :TrialChange;        # with `trial`
    deleteTrial @12 :TrialChange;
    suggestTrials @13 :TrialChange;      # with `suggest`
    addMeasurement @14 :TrialChange;     # with `measurement`
    completeTrial @15 :TrialChange;      # with `completion`
    checkEarlyStopping @16 :TrialChange;
    stopTrial @17 :TrialChange;
  }
}

struct ResumeTuningJob {
  id @0 :UInt64;
  wanted @1 :Vizier.ResumeTuningJobRequest;
}

struct TrialChange {
  # Of a study (not of a tuning job, whose trials belong to it).
  study @0 :UInt64;
  number @1 :UInt32;  # of the trial, from 1; 0 where there is none yet
  union {
    nothing @2 :Void;
    trial @3 :Tuning.Trial;
    suggest @4 :Vizier.SuggestTrialsRequest;
    measurement @5 :Tuning.Measurement;
    completion @6 :Vizier.CompleteTrialRequest;
  }
}

struct Outcome {
  union {
    error @0 :Common.Status;
    customJob @1 :Custom.CustomJob;
    tuningJob @2 :Tuning.HyperparameterTuningJob;
    operation @3 :Common.Operation;
    empty @4 :Void;
    study @5 :Vizier.Study;
    trial @6 :Tuning.Trial;
  }
}

# -- the core's input, stored as the event log --

struct Event {
  atMicros @0 :Int64;      # the shell's clock; core has none
  request @1 :UInt64;      # gets the outcome; 0: none
  secret @2 :Text;         # fresh randomness for a job's token
  union {
    tick @3 :Void;         # time passed
    command @4 :Command;
    nodeUp @5 :NodeHello;
    nodeDown @6 :NodeDown;
    report @7 :Report;
    suggestions @8 :Suggestions;
    stoppings @9 :Stoppings;
  }
}

struct NodeDown {
  name @0 :Text;
  agentEpoch @1 :UInt64;
  reason @2 :Text;
}

struct Suggestions {
  # What the tuner, computing off the controller's path, proposes for a study.
  studyId @0 :UInt64;      # of the study or tuning job
  firstTrial @1 :UInt32;   # the number of the first new trial when it was asked; an outdated reply is dropped
  parameters @2 :List(ParameterSet);
  exhausted @3 :Bool;      # the search space has no further point
  operation @4 :UInt64;    # of the request for them, in a study
  error @5 :Text;          # set if there are none, as the tuner could not compute them: the reason
  struct ParameterSet { values @0 :List(Tuning.Trial.Parameter); }
}

struct Stoppings {
  # The verdict of the stopping rules, computed off the controller's path, on the running trials of a study or tuning job.
  studyId @0 :UInt64;
  operation @1 :UInt64;    # of the request for it, in a study; 0 for a tuning job
  trials @2 :List(Stopping);
  error @3 :Text;          # set if there is no verdict, as the tuner could not compute it: the reason
  struct Stopping {
    number @0 :UInt32;
    reason @1 :Text;
  }
}

# -- stored beside the resources --

struct AttemptRecord {
  # The controller's own knowledge of a custom job; key: the job's id. Version 0.1 stored that of a tuning job in the same form:
  # token, reason, cancelRequested, project, location, endState, endError and endReason as in TuningJobRecord, jobRetries as
  # tunerFailures, deadlineMicros as lookAgainMicros. A recovery reads that form and replaces it.
  jobId @0 :UInt64;
  attempt @1 :UInt32;      # the current or last one; 0 before the first placement
  replicas @2 :List(ReplicaRecord);
  tuningJobId @3 :UInt64;  # 0 outside tuning
  trialId @4 :Text;
  token @5 :Text;
  reason @6 :Text;         # why the job waits, or its progress; a sentence for people
  jobRetries @7 :UInt32;   # whole-job retries used
  cancelRequested @8 :Bool;
  deadlineMicros @9 :Int64;  # scheduling.timeout; 0 before it runs
  project @10 :Text;
  location @11 :Text;
  endState @12 :Common.JobState;  # decided end that waits for the last replica to stop; unspecified if none
  endError @13 :Common.Status;
  killDeadlineMicros @14 :Int64;
  unusedSubmitSequence @15 :UInt64;  # 0.1 wrote it and never read it
  seenMetrics @16 :List(MetricPoint);
  firstFailure @17 :Text;         # the first replica of this attempt that failed, for error messages
  logNodes @18 :List(Text);       # every node that ever hosted a replica of the job, so holds logs of it
  serviceLogs @19 :UInt32;        # platform messages written so far: the next one's number
  endReason @20 :Text;            # no longer written
}

struct TuningJobRecord {
  # The controller's own knowledge of a tuning job; key: the job's id, among the study records.
  project @0 :Text;
  location @1 :Text;
  token @2 :Text;
  reason @3 :Text;         # what the job is doing; a sentence for people
  cancelRequested @4 :Bool;
  endState @5 :Common.JobState;  # decided end that waits for the last live trial; unspecified if none
  endError @6 :Common.Status;
  endReason @7 :Text;      # what ended it before maxTrialCount
  tunerFailures @8 :UInt32;      # one after the other
  lookAgainMicros @9 :Int64;     # when time alone may have ended it; 0: it cannot
}

struct StudyRecord {
  # What the controller knows of a study beside its resource; key: the study's id. Its trials have records of their own.
  nextTrial @0 :UInt32;    # numbers are never used again
  pending @1 :List(PendingOperation);
  updateMicros @2 :Int64;
  lookAgainMicros @3 :Int64;  # when the passing of time may end it; 0: never
  struct PendingOperation {
    # A long-running operation that waits for the tuner.
    operation @0 :UInt64;
    startMicros @1 :Int64;
    union {
      suggest @2 :Vizier.SuggestTrialsRequest;
      checkTrial @3 :UInt32;
    }
  }
}

struct ReplicaRecord {
  status @0 :ReplicaStatus;
  node @1 :Text;
  port @2 :UInt16;
  released @3 :Bool;       # its resources are free again
  host @4 :Text;
  held @5 :Resources;      # what was taken from the node; later changes of the machine table do not matter
  gpuIndices @6 :List(UInt16);
}

struct NodeRecord {
  hello @0 :NodeHello;     # without replicas
  connected @1 :Bool;
  lastSeenMicros @2 :Int64;
  quarantine @3 :Text;     # the reason why nothing is placed here; empty if it may be used
  allocated @4 :Resources; # derived; stored for readers
}

struct ClusterRecord {
  clusterId @0 :Text;
  epoch @1 :UInt64;
  nextId @2 :UInt64;
  nextEvent @3 :UInt64;
  nextOrder @4 :UInt64;
}

struct ServiceLog {
  # One platform message about a job; key: job id, then a running number.
  atMicros @0 :Int64;
  severity @1 :Text;
  message @2 :Text;
}

# -- logs --

struct LogQuery {
  jobId @0 :UInt64;
  positions @1 :List(LogPosition);  # a replica that is not named is read from its start
  entriesMax @2 :UInt32;
}

struct LogPosition {
  replica @0 :Text;        # "{attempt}/{task}/{incarnation}", as "1/workerpool0-0/0"
  offset @1 :UInt64;
}

struct LogChunk {
  entries @0 :List(LogEntry);  # ordered by time
  error @1 :Text;
}

struct LogEntry {
  replica @0 :Text;
  task @1 :Text;           # "workerpool0-0"
  timestampNanos @2 :Int64;
  stderr @3 :Bool;
  line @4 :Text;           # without the newline; valid UTF-8
  nextOffset @5 :UInt64;   # reading on from here gives the entry after this one
}
