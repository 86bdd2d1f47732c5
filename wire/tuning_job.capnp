@0x9a620ac5c2e524c5;
# HyperparameterTuningJob, StudySpec, Trial and Measurement (google.cloud.aiplatform.v1), field for field.

using Cxx = import "/capnp/c++.capnp";
using Json = import "/capnp/compat/json.capnp";
using Common = import "common.capnp";
using Custom = import "custom_job.capnp";
$Cxx.namespace("troupe::wire");

struct HyperparameterTuningJob {
  name @0 :Text;  # projects/{project}/locations/{location}/hyperparameterTuningJobs/{id}; output only
  displayName @1 :Text;
  studySpec @2 :StudySpec;
  maxTrialCount @3 :Int32;
  parallelTrialCount @4 :Int32;
  maxFailedTrialCount @5 :Int32;  # 0: the service decides
  trialJobSpec @6 :Custom.CustomJobSpec;
  trials @7 :List(Trial);           # output only
  state @8 :Common.JobState;        # output only
  createTime @9 :Common.Timestamp;  # output only
  startTime @10 :Common.Timestamp;  # output only
  endTime @11 :Common.Timestamp;    # output only
  updateTime @12 :Common.Timestamp; # output only
  error @13 :Common.Status;         # output only
  labels @14 :Common.StringMap;
  encryptionSpec @15 :Common.EncryptionSpec;
  satisfiesPzs @16 :Bool;
  satisfiesPzi @17 :Bool;
  # Ours, output only: which trials are best so far.
  bestTrial @18 :Trial;               # without its measurements; unset with several objectives, or while no trial has succeeded
  optimalTrials @19 :List(Text);      # ids of the trials that no other dominates; with one objective the best one
}

struct Trial {
  name @0 :Text;
  id @1 :Text;  # decimal, from "1"
  state @2 :State;
  parameters @3 :List(Parameter);
  finalMeasurement @4 :Measurement;
  measurements @5 :List(Measurement);  # strictly ordered by (stepCount, elapsedDuration)
  startTime @6 :Common.Timestamp;
  endTime @7 :Common.Timestamp;
  clientId @8 :Text;
  infeasibleReason @9 :Text;
  customJob @10 :Text;
  webAccessUris @11 :Common.StringMap;
  stoppingReason @12 :Text;  # ours, output only: the rule that stopped it early, and the reason

  enum State {
    unspecified @0 $Json.name("STATE_UNSPECIFIED");
    requested @1 $Json.name("REQUESTED");
    active @2 $Json.name("ACTIVE");
    stopping @3 $Json.name("STOPPING");
    succeeded @4 $Json.name("SUCCEEDED");
    infeasible @5 $Json.name("INFEASIBLE");
  }

  struct Parameter {
    parameterId @0 :Text;
    value @1 :Json.Value;  # a number for INTEGER, DOUBLE and DISCRETE; a string for CATEGORICAL
  }
}

struct Measurement {
  elapsedDuration @0 :Common.Duration;
  stepCount @1 :Int64;
  metrics @2 :List(Metric);
  struct Metric {
    metricId @0 :Text;
    value @1 :Float64;
  }
}

struct StudySpec {
  metrics @0 :List(MetricSpec);
  parameters @1 :List(ParameterSpec);
  algorithm @2 :Algorithm;
  observationNoise @3 :ObservationNoise;
  measurementSelectionType @4 :MeasurementSelectionType;
  studyStoppingConfig @5 :StudyStoppingConfig;
  union {
    noAutomatedStopping @6 :Void;
    decayCurveStoppingSpec @7 :DecayCurveStoppingSpec;
    medianAutomatedStoppingSpec @8 :MedianAutomatedStoppingSpec;
    convexAutomatedStoppingSpec @9 :ConvexAutomatedStoppingSpec;
    ashaAutomatedStoppingSpec @10 :AshaAutomatedStoppingSpec;  # ours
  }
  transferLearningConfig @11 :TransferLearningConfig;  # of v1beta1

  enum Algorithm {
    unspecified @0 $Json.name("ALGORITHM_UNSPECIFIED");
    reserved1 @1;
    gridSearch @2 $Json.name("GRID_SEARCH");
    randomSearch @3 $Json.name("RANDOM_SEARCH");
  }
  enum ObservationNoise {
    unspecified @0 $Json.name("OBSERVATION_NOISE_UNSPECIFIED");
    low @1 $Json.name("LOW");
    high @2 $Json.name("HIGH");
  }
  enum MeasurementSelectionType {
    unspecified @0 $Json.name("MEASUREMENT_SELECTION_TYPE_UNSPECIFIED");
    lastMeasurement @1 $Json.name("LAST_MEASUREMENT");
    bestMeasurement @2 $Json.name("BEST_MEASUREMENT");
  }
}

struct MetricSpec {
  metricId @0 :Text;
  goal @1 :GoalType;
  safetyConfig @2 :SafetyConfig;
  enum GoalType {
    unspecified @0 $Json.name("GOAL_TYPE_UNSPECIFIED");  # maximise
    maximize @1 $Json.name("MAXIMIZE");
    minimize @2 $Json.name("MINIMIZE");
  }
  struct SafetyConfig {
    safetyThreshold @0 :Float64;
    desiredMinSafeTrialsFraction @1 :Float64;
  }
}

struct ParameterSpec {
  parameterId @0 :Text;
  scaleType @1 :ScaleType;
  conditionalParameterSpecs @2 :List(ConditionalParameterSpec);
  union {
    noValueSpec @3 :Void;
    doubleValueSpec @4 :DoubleValueSpec;
    integerValueSpec @5 :IntegerValueSpec;
    categoricalValueSpec @6 :CategoricalValueSpec;
    discreteValueSpec @7 :DiscreteValueSpec;
  }

  enum ScaleType {
    unspecified @0 $Json.name("SCALE_TYPE_UNSPECIFIED");
    unitLinearScale @1 $Json.name("UNIT_LINEAR_SCALE");
    unitLogScale @2 $Json.name("UNIT_LOG_SCALE");
    unitReverseLogScale @3 $Json.name("UNIT_REVERSE_LOG_SCALE");
  }
  struct DoubleValueSpec {
    minValue @0 :Float64;
    maxValue @1 :Float64;
    defaultValue @2 :Json.Value;  # a number; null where it is not set
  }
  struct IntegerValueSpec {
    minValue @0 :Int64;
    maxValue @1 :Int64;
    defaultValue @2 :Json.Value;
  }
  struct CategoricalValueSpec {
    values @0 :List(Text);
    defaultValue @1 :Text;
  }
  struct DiscreteValueSpec {
    values @0 :List(Float64);  # strictly increasing
    defaultValue @1 :Json.Value;
  }
}

struct ConditionalParameterSpec {
  parameterSpec @0 :ParameterSpec;
  union {
    noParentValues @1 :Void;
    parentDiscreteValues @2 :DiscreteValueCondition;
    parentIntValues @3 :IntValueCondition;
    parentCategoricalValues @4 :CategoricalValueCondition;
  }
  struct DiscreteValueCondition { values @0 :List(Float64); }
  struct IntValueCondition { values @0 :List(Int64); }
  struct CategoricalValueCondition { values @0 :List(Text); }
}

struct DecayCurveStoppingSpec {
  useElapsedDuration @0 :Bool;
}

struct MedianAutomatedStoppingSpec {
  useElapsedDuration @0 :Bool;
}

struct ConvexAutomatedStoppingSpec {
  maxStepCount @0 :Int64;
  minStepCount @1 :Int64;
  minMeasurementCount @2 :Int64;
  learningRateParameterName @3 :Text;
  useElapsedDuration @4 :Bool;
  updateAllStoppedTrials @5 :Json.Value;
}

struct AshaAutomatedStoppingSpec {
  # Asynchronous successive halving (Li et al., 2020): at minStepCount * reductionFactor^k steps a trial goes on only if it is
  # among the best 1/reductionFactor of all trials that got as far.
  minStepCount @0 :Int64;       # the first rung; 0: 1
  reductionFactor @1 :Float64;  # above 1; 0: 4
  useElapsedDuration @2 :Bool;  # rungs in seconds instead of steps
}

struct TransferLearningConfig {
  disableTransferLearning @0 :Bool;
  # Names of studies or hyperparameter tuning jobs of the same project and location whose trials this one learns from. A parameter that both
  # have must have the same type; parameters that only one of them has are ignored.
  priorStudyNames @1 :List(Text);
}

struct StudyStoppingConfig {
  shouldStopAsap @0 :Json.Value;
  minimumRuntimeConstraint @1 :StudyTimeConstraint;
  maximumRuntimeConstraint @2 :StudyTimeConstraint;
  minNumTrials @3 :Json.Value;
  maxNumTrials @4 :Json.Value;
  maxNumTrialsNoProgress @5 :Json.Value;
  maxDurationNoProgress @6 :Common.Duration;
}

struct StudyTimeConstraint {
  union {
    noConstraint @0 :Void;
    maxDuration @1 :Common.Duration;
    endTime @2 :Common.Timestamp;
  }
}
