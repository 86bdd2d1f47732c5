@0xa5b04e250fd35c22;
# CustomJob and its tree (google.cloud.aiplatform.v1.CustomJob), field for field.

using Cxx = import "/capnp/c++.capnp";
using Json = import "/capnp/compat/json.capnp";
using Common = import "common.capnp";
$Cxx.namespace("troupe::wire");

struct CustomJob {
  name @0 :Text;         # projects/{project}/locations/{location}/customJobs/{id}; output only
  displayName @1 :Text;  # 1 to 128 characters
  jobSpec @2 :CustomJobSpec;
  state @3 :Common.JobState;          # output only
  createTime @4 :Common.Timestamp;    # output only
  startTime @5 :Common.Timestamp;     # output only; the first time RUNNING was entered, never reset
  endTime @6 :Common.Timestamp;       # output only; set with a terminal state
  updateTime @7 :Common.Timestamp;    # output only
  error @8 :Common.Status;            # output only; only in FAILED and CANCELLED
  labels @9 :Common.StringMap;
  encryptionSpec @10 :Common.EncryptionSpec;
  webAccessUris @11 :Common.StringMap;  # output only
  satisfiesPzs @12 :Bool;
  satisfiesPzi @13 :Bool;
}

struct CustomJobSpec {
  workerPoolSpecs @0 :List(WorkerPoolSpec);  # pool 0 is the primary; an empty pool is {}
  scheduling @1 :Scheduling;
  serviceAccount @2 :Text;
  network @3 :Text;
  reservedIpRanges @4 :List(Text);
  pscInterfaceConfig @5 :PscInterfaceConfig;
  baseOutputDirectory @6 :GcsDestination;
  protectedArtifactLocationId @7 :Text;
  tensorboard @8 :Text;
  enableWebAccess @9 :Bool;
  enableDashboardAccess @10 :Bool;
  experiment @11 :Text;
  experimentRun @12 :Text;
  persistentResourceId @13 :Text;
  models @14 :List(Text);
}

struct PscInterfaceConfig {
  networkAttachment @0 :Text;
  dnsPeeringConfigs @1 :List(DnsPeeringConfig);
  struct DnsPeeringConfig {
    domain @0 :Text;
    targetProject @1 :Text;
    targetNetwork @2 :Text;
  }
}

struct GcsDestination {
  outputUriPrefix @0 :Text;  # a gs:// URI, or an absolute path on the nodes
}

struct WorkerPoolSpec {
  machineSpec @0 :Common.MachineSpec;
  replicaCount @1 :Int64;
  nfsMounts @2 :List(NfsMount);
  lustreMounts @3 :List(LustreMount);
  diskSpec @4 :Common.DiskSpec;
  union {
    noTask @5 :Void;  # a skipped pool
    containerSpec @6 :ContainerSpec;
    pythonPackageSpec @7 :PythonPackageSpec;
  }
}

struct ContainerSpec {
  imageUri @0 :Text;
  command @1 :List(Text);  # replaces the image's ENTRYPOINT
  args @2 :List(Text);
  env @3 :List(Common.EnvVar);
}

struct PythonPackageSpec {
  executorImageUri @0 :Text;
  packageUris @1 :List(Text);  # the first is the training program, the rest its dependencies
  pythonModule @2 :Text;
  args @3 :List(Text);
  env @4 :List(Common.EnvVar);
}

struct NfsMount {
  server @0 :Text;
  path @1 :Text;
  mountPoint @2 :Text;
}

struct LustreMount {
  instanceIp @0 :Text;
  volumeHandle @1 :Text;
  filesystem @2 :Text;
  mountPoint @3 :Text;
}

struct Scheduling {
  timeout @0 :Common.Duration;  # null: 604800s
  restartJobOnWorkerRestart @1 :Bool;
  strategy @2 :Strategy;
  disableRetries @3 :Bool;
  maxWaitDuration @4 :Common.Duration;  # FLEX_START only; null: 86400s; 0: no limit

  enum Strategy {
    unspecified @0 $Json.name("STRATEGY_UNSPECIFIED");
    onDemand @1 $Json.name("ON_DEMAND");
    lowCost @2 $Json.name("LOW_COST");
    standard @3 $Json.name("STANDARD");
    spot @4 $Json.name("SPOT");
    reserved5 @5;
    flexStart @6 $Json.name("FLEX_START");
  }
}
