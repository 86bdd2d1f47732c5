@0x92d43e2bcacbf01b;
# Types that every API resource shares. Field names and enum numbers are Vertex AI's (google.cloud.aiplatform.v1):
# the JSON codec writes exactly what Vertex clients expect, and an enum's ordinal is its protobuf number.

using Cxx = import "/capnp/c++.capnp";
using Json = import "/capnp/compat/json.capnp";
$Cxx.namespace("troupe::wire");

struct Timestamp {
  # JSON: an RFC 3339 string in UTC ("2026-01-31T12:00:00.123456Z"). Null where it is not set.
  micros @0 :Int64;  # since the Unix epoch
}

struct Duration {
  # JSON: seconds with an 's' ("604800s", "1.5s").
  micros @0 :Int64;
}

struct StringMap {
  # JSON: an object of strings. Keys are unique; the order is the submitter's.
  entries @0 :List(Entry);
  struct Entry {
    key @0 :Text;
    value @1 :Text;
  }
}

struct Status {
  # google.rpc.Status.
  code @0 :Int32;
  message @1 :Text;
  details @2 :List(Json.Value);
}

struct EncryptionSpec {
  kmsKeyName @0 :Text;
}

struct EnvVar {
  name @0 :Text;   # a C identifier
  value @1 :Text;  # may use $(NAME) of earlier variables; $$(NAME) is a literal $(NAME)
}

enum JobState {
  unspecified @0 $Json.name("JOB_STATE_UNSPECIFIED");
  queued @1 $Json.name("JOB_STATE_QUEUED");
  pending @2 $Json.name("JOB_STATE_PENDING");
  running @3 $Json.name("JOB_STATE_RUNNING");
  succeeded @4 $Json.name("JOB_STATE_SUCCEEDED");
  failed @5 $Json.name("JOB_STATE_FAILED");
  cancelling @6 $Json.name("JOB_STATE_CANCELLING");
  cancelled @7 $Json.name("JOB_STATE_CANCELLED");
  paused @8 $Json.name("JOB_STATE_PAUSED");
  expired @9 $Json.name("JOB_STATE_EXPIRED");
  updating @10 $Json.name("JOB_STATE_UPDATING");
  partiallySucceeded @11 $Json.name("JOB_STATE_PARTIALLY_SUCCEEDED");
}

enum AcceleratorType {
  unspecified @0 $Json.name("ACCELERATOR_TYPE_UNSPECIFIED");
  teslaK80 @1 $Json.name("NVIDIA_TESLA_K80");
  teslaP100 @2 $Json.name("NVIDIA_TESLA_P100");
  teslaV100 @3 $Json.name("NVIDIA_TESLA_V100");
  teslaP4 @4 $Json.name("NVIDIA_TESLA_P4");
  teslaT4 @5 $Json.name("NVIDIA_TESLA_T4");
  tpuV2 @6 $Json.name("TPU_V2");
  tpuV3 @7 $Json.name("TPU_V3");
  teslaA100 @8 $Json.name("NVIDIA_TESLA_A100");
  a10080gb @9 $Json.name("NVIDIA_A100_80GB");
  tpuV4Pod @10 $Json.name("TPU_V4_POD");
  l4 @11 $Json.name("NVIDIA_L4");
  tpuV5Litepod @12 $Json.name("TPU_V5_LITEPOD");
  h10080gb @13 $Json.name("NVIDIA_H100_80GB");
  h100Mega80gb @14 $Json.name("NVIDIA_H100_MEGA_80GB");
  h200141gb @15 $Json.name("NVIDIA_H200_141GB");
  b200 @16 $Json.name("NVIDIA_B200");
  gb200 @17 $Json.name("NVIDIA_GB200");
  rtxPro6000 @18 $Json.name("NVIDIA_RTX_PRO_6000");
}

struct MachineSpec {
  machineType @0 :Text;
  acceleratorType @1 :AcceleratorType;
  acceleratorCount @2 :Int32;
  gpuPartitionSize @3 :Text;
  tpuTopology @4 :Text;
  reservationAffinity @5 :ReservationAffinity;
}

struct ReservationAffinity {
  reservationAffinityType @0 :Type;
  key @1 :Text;
  values @2 :List(Text);
  enum Type {
    unspecified @0 $Json.name("TYPE_UNSPECIFIED");
    noReservation @1 $Json.name("NO_RESERVATION");
    anyReservation @2 $Json.name("ANY_RESERVATION");
    specificReservation @3 $Json.name("SPECIFIC_RESERVATION");
  }
}

struct DiskSpec {
  bootDiskType @0 :Text;
  bootDiskSizeGb @1 :Int32;
}

struct Operation {
  # google.longrunning.Operation. Operations that wait for the tuner are stored before they are done.
  name @0 :Text;
  metadata @1 :Json.Value;
  done @2 :Bool;
  union {
    response @3 :Json.Value;
    error @4 :Status;
  }
}
