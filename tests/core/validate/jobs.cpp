#include "core/validate/validate.hpp"
#include "tests/core/validate/problem_checks.hpp"
#include "wire/json.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace troupe;
using namespace troupe::core;

namespace {

template <class T>
wire::frame<T> parsed(const std::string& json) {
  auto value = wire::from_json<T>(json);
  REQUIRE_MESSAGE(value, value.error().message);
  return *value;
}

problem_texts problems(const std::string& job_json) {
  return problems_of(*parsed<wire::CustomJob>(job_json), {});
}

/// A job whose spec is this.
problem_texts spec_problems(const std::string& spec_json) {
  return problems(R"({"displayName": "job", "jobSpec": )" + spec_json + "}");
}

problem_texts pool_problems(const std::string& pools_json) {
  return spec_problems(R"({"workerPoolSpecs": )" + pools_json + "}");
}

/// A single good pool with `fields` put in front.
problem_texts with_fields(const std::string& fields) {
  return pool_problems("[{" + fields
                       + R"(, "replicaCount": 1, "containerSpec": {"imageUri": "i"}}])");
}

problem_texts container_problems(const std::string& container_json) {
  return pool_problems(R"([{"replicaCount": 1, "containerSpec": )" + container_json + "}]");
}

const std::string good_pool =
    R"({"machineSpec": {"machineType": "n1-standard-4"}, "replicaCount": 1,
                                  "containerSpec": {"imageUri": "gcr.io/p/trainer"}})";

std::string repeated(const std::string& part, int times) {
  std::string all;
  for (int i = 0; i < times; ++i)
    all += part;
  return all;
}

} // namespace

TEST_CASE("a usual job has no problems") {
  check_none(problems(
      R"({"displayName": "größe", "labels": {"team-1": "vision_2", "équipe": ""}, "jobSpec": {
    "workerPoolSpecs": [)"
      + good_pool + R"(, {}, {"replicaCount": 3,
      "machineSpec": {"machineType": "n1-highcpu-16"},
      "containerSpec": {"imageUri": "us-docker.pkg.dev/vertex-ai-restricted/training/reductionserver:latest"}},
      {"replicaCount": "2", "pythonPackageSpec": {"executorImageUri": "e", "packageUris": ["gs://b/p.tar.gz"],
       "pythonModule": "trainer.task", "args": ["--x=1"], "env": [{"name": "A_1", "value": "b"}]}}],
    "scheduling": {"timeout": "3600s", "strategy": "FLEX_START", "maxWaitDuration": "0s"},
    "baseOutputDirectory": {"outputUriPrefix": "gs://bucket/out"}}})"));
}

TEST_CASE("the display name has 1 to 128 characters, not bytes") {
  const auto spec = R"(, "jobSpec": {"workerPoolSpecs": [)" + good_pool + "]}}";
  check_only(problems(R"({"displayName": "")" + spec), "displayName: not set");
  check_none(problems(R"({"displayName": ")" + repeated("ä", 128) + "\"" + spec));
  check_only(problems(R"({"displayName": ")" + repeated("ä", 129) + "\"" + spec),
             "displayName: 129 characters; expected 1 to 128");
}

TEST_CASE("labels") {
  const auto with = [](const std::string& labels) {
    return problems(R"({"displayName": "j", "jobSpec": {"workerPoolSpecs": [)" + good_pool
                    + R"(]}, "labels": )" + labels + "}");
  };
  check_only(with(R"({"Team": "a"})"), "labels: key 'Team'");
  check_only(with(R"({"": "a"})"), "labels: key ''");
  check_only(with(R"({"a": "B"})"), "labels: value 'B' of key 'a'");
  check_only(with(R"({"a b": "c"})"), "labels: key 'a b'");
  check_none(with(R"({")" + repeated("é", 64) + R"(": ")" + repeated("9", 64) + R"("})"));
  check_only(with(R"({")" + repeated("a", 65) + R"(": ""})"), "labels: key 'aaa");
  check_only(with(R"({"aiplatform.googleapis.com/x": ""})"),
             "labels: key 'aiplatform.googleapis.com/x' has a reserved prefix");
  std::string many = "{";
  for (int i = 0; i < 65; ++i)
    many += fmt::format("{}\"k{}\": \"\"", i ? "," : "", i);
  check_only(with(many + "}"), "labels: 65 labels; expected at most 64");
}

TEST_CASE("worker pools: the primary is one replica and not skipped, and there are four at most") {
  check_only(spec_problems("{}"), "jobSpec.workerPoolSpecs: no worker pool");
  check_only(pool_problems("[{}]"), "jobSpec.workerPoolSpecs[0]: empty");
  check_only(pool_problems("[{}, " + good_pool + "]"), "jobSpec.workerPoolSpecs[0]: empty");
  check_none(pool_problems("[" + good_pool + ", {}, {}, {}]"));
  check_only(pool_problems("[" + good_pool + ", {}, {}, {}, {}]"),
             "jobSpec.workerPoolSpecs: 5 worker pools; expected at most 4");
  check_none(pool_problems(R"([{"containerSpec": {"imageUri": "i"}}])"));
  check_only(
      pool_problems(R"([{"replicaCount": 3, "containerSpec": {"imageUri": "i"}}])"),
      "jobSpec.workerPoolSpecs[0].replicaCount: 3; expected 1: the primary replica count cannot be "
      "greater than 1");
  check_only(pool_problems(R"([{"replicaCount": -1, "containerSpec": {"imageUri": "i"}}])"),
             "jobSpec.workerPoolSpecs[0].replicaCount: -1");
  check_only(pool_problems("[" + good_pool
                           + R"(, {"replicaCount": -2, "containerSpec": {"imageUri": "i"}}])"),
             "jobSpec.workerPoolSpecs[1].replicaCount: -2");
  check_only(pool_problems("[" + good_pool
                           + R"(, {"replicaCount": 10001, "containerSpec": {"imageUri": "i"}}])"),
             "jobSpec.workerPoolSpecs[1].replicaCount: 10001; expected 1 to 10000");
  check_only(pool_problems("[" + good_pool + R"(, {"replicaCount": 2}])"),
             "jobSpec.workerPoolSpecs[1]: no task; expected exactly one of containerSpec and "
             "pythonPackageSpec");
}

TEST_CASE("containers and packages are complete, and within their limits") {
  check_only(container_problems("{}"),
             "jobSpec.workerPoolSpecs[0].containerSpec.imageUri: not set");
  check_only(container_problems(R"({"imageUri": "i", "env": [{"name": "OK"}, {"name": "1A"}]})"),
             "jobSpec.workerPoolSpecs[0].containerSpec.env[1].name: '1A'");
  check_only(container_problems(R"({"imageUri": "i", "env": [{"value": "v"}]})"),
             "jobSpec.workerPoolSpecs[0].containerSpec.env[0].name: ''");
  check_only(container_problems(R"({"imageUri": "i", "env": [{"name": "A"})"
                                + repeated(R"(, {"name": "A"})", 100) + "]}"),
             "jobSpec.workerPoolSpecs[0].containerSpec.env: 101 variables; expected at most 100");
  const auto half = "\"" + repeated("é", 50'000) + "\"";
  check_none(container_problems(R"({"imageUri": "i", "args": [)" + half + "," + half + "]}"));
  check_only(container_problems(R"({"imageUri": "i", "args": [)" + half + "," + half + ", \"x\"]}"),
             "jobSpec.workerPoolSpecs[0].containerSpec.args: 100001 characters");

  const auto found = pool_problems(R"([{"pythonPackageSpec": {}}])");
  const auto path = std::string("jobSpec.workerPoolSpecs[0].pythonPackageSpec.");
  REQUIRE(found.size() == 3);
  CHECK(found[0].starts_with(path + "executorImageUri: not set"));
  CHECK(found[1].starts_with(path + "packageUris: 0 packages; expected 1 to 100"));
  CHECK(found[2].starts_with(path + "pythonModule: not set"));
  check_only(
      pool_problems(
          R"([{"pythonPackageSpec": {"executorImageUri": "e", "pythonModule": "m", "packageUris": [")"
          + repeated(R"(p", ")", 100) + R"(p"]}}])"),
      path + "packageUris: 101 packages");
}

TEST_CASE("the reduction server runs in pool 2, alone and on CPUs") {
  const auto reducers = [](const std::string& more, const std::string& machine = "{}") {
    return R"({"replicaCount": 2, "machineSpec": )" + machine
           + R"(, "containerSpec": {"imageUri": "troupe/reductionserver")" + more + "}}";
  };
  check_none(pool_problems("[" + good_pool + ", {}, " + reducers("") + "]"));
  check_only(pool_problems("[" + good_pool + ", " + reducers("") + "]"),
             "jobSpec.workerPoolSpecs[1].containerSpec.imageUri: the reduction server "
             "'troupe/reductionserver' "
             "in worker pool 1; expected it in worker pool 2 only");
  check_only(
      pool_problems("[" + good_pool + ", {}, "
                    + reducers("", R"({"acceleratorType": "NVIDIA_L4", "acceleratorCount": 1})")
                    + "]"),
      "jobSpec.workerPoolSpecs[2].machineSpec.acceleratorType: accelerators beside the reduction "
      "server");
  check_only(pool_problems("[" + good_pool + ", {}, " + reducers(R"(, "command": ["x"])") + "]"),
             "jobSpec.workerPoolSpecs[2].containerSpec.command: set beside the reduction server");
  check_only(pool_problems("[" + good_pool + ", {}, " + reducers(R"(, "args": ["x"])") + "]"),
             "jobSpec.workerPoolSpecs[2].containerSpec.args: set beside the reduction server");
}

TEST_CASE("machines, disks and what is not supported yet") {
  const auto pool = std::string("jobSpec.workerPoolSpecs[0].");
  check_only(with_fields(R"("machineSpec": {"machineType": "n1-standard-5"})"),
             pool + "machineSpec.machineType: 'n1-standard-5' is not known");
  check_only(with_fields(R"("machineSpec": {"acceleratorCount": 1})"),
             pool + "machineSpec.acceleratorType: not set");
  check_none(with_fields(R"("diskSpec": {"bootDiskType": "pd-ssd", "bootDiskSizeGb": 100})"));
  check_only(with_fields(R"("diskSpec": {"bootDiskType": "floppy"})"),
             pool + "diskSpec.bootDiskType: 'floppy'");
  check_only(with_fields(R"("diskSpec": {"bootDiskSizeGb": 99})"),
             pool + "diskSpec.bootDiskSizeGb: 99; expected 100 to 64000");
  check_only(with_fields(R"("diskSpec": {"bootDiskSizeGb": 64001})"),
             pool + "diskSpec.bootDiskSizeGb: 64001");
  check_only(with_fields(R"("nfsMounts": [{"server": "s", "path": "/p", "mountPoint": "m"}])"),
             pool + "nfsMounts: not supported yet");
  check_only(with_fields(R"("lustreMounts": [{"instanceIp": "s"}])"),
             pool + "lustreMounts: not supported yet");
  check_only(with_fields(R"("machineSpec": {"tpuTopology": "2x2x1"})"),
             pool + "machineSpec.tpuTopology: not supported yet");
  check_only(with_fields(R"("machineSpec": {"gpuPartitionSize": "1g.10gb"})"),
             pool + "machineSpec.gpuPartitionSize: not supported yet");
  check_only(
      spec_problems(R"({"persistentResourceId": "p", "workerPoolSpecs": [)" + good_pool + "]}"),
      "jobSpec.persistentResourceId: not supported yet");
}

TEST_CASE("scheduling and the output directory") {
  const auto with = [](const std::string& fields) {
    return spec_problems("{" + fields + R"(, "workerPoolSpecs": [)" + good_pool + "]}");
  };
  check_only(with(R"("scheduling": {"timeout": "-1.5s"})"),
             "jobSpec.scheduling.timeout: -1.5s; expected more than 0s");
  check_only(with(R"("scheduling": {"timeout": "0s"})"), "jobSpec.scheduling.timeout: 0s");
  check_only(with(R"("scheduling": {"maxWaitDuration": "-1s"})"),
             "jobSpec.scheduling.maxWaitDuration: -1s");
  check_none(with(R"("baseOutputDirectory": {"outputUriPrefix": "/data/out"})"));
  for (auto prefix : {"", "out", "gs://", "gs:///x", "s3://bucket"}) {
    check_only(with(fmt::format(R"("baseOutputDirectory": {{"outputUriPrefix": "{}"}})", prefix)),
               fmt::format("jobSpec.baseOutputDirectory.outputUriPrefix: '{}'", prefix));
  }
}

TEST_CASE("all problems are told at once, up to a limit, and none is endless") {
  const auto several =
      problems(R"({"jobSpec": {"workerPoolSpecs": [{"replicaCount": 2, "containerSpec": {}}]}})");
  CHECK(several.size() == 3);
  const auto flood = container_problems(R"({"imageUri": "i", "env": [{"name": "-"})"
                                        + repeated(R"(, {"name": "-"})", 500) + "]}");
  CHECK(flood.size() == problems_max);
  const auto huge = container_problems(R"({"imageUri": "i", "env": [{"name": ")"
                                       + repeated("é", 5000) + R"("}]})");
  REQUIRE(huge.size() == 1);
  CHECK(huge[0].size() <= 2003);
  CHECK(huge[0].ends_with("é..."));
}

namespace {

problem_texts tuning_problems(const std::string& counts, const std::string& study) {
  return problems_of(*parsed<wire::HyperparameterTuningJob>(
                         R"({"displayName": "t", )" + counts + R"(, "studySpec": )" + study
                         + R"(, "trialJobSpec": {"workerPoolSpecs": [)" + good_pool + "]}}"),
                     {});
}

const std::string good_study = R"({"metrics": [{"metricId": "accuracy"}], "parameters": [
  {"parameterId": "x", "doubleValueSpec": {"minValue": 0, "maxValue": 1}}]})";

} // namespace

TEST_CASE("the counts of a tuning job") {
  const auto with = [](const std::string& counts) { return tuning_problems(counts, good_study); };
  check_none(with(R"("maxTrialCount": 4, "parallelTrialCount": 4, "maxFailedTrialCount": 4)"));
  check_only(with(R"("maxTrialCount": 0, "parallelTrialCount": 1)"),
             "maxTrialCount: 0; expected 1 or more");
  check_only(with(R"("maxTrialCount": 4, "parallelTrialCount": 0)"), "parallelTrialCount: 0");
  check_only(with(R"("maxTrialCount": 4, "parallelTrialCount": 5)"),
             "parallelTrialCount: 5; expected 1 to maxTrialCount, which is 4");
  check_only(with(R"("maxTrialCount": 4, "parallelTrialCount": 1, "maxFailedTrialCount": 5)"),
             "maxFailedTrialCount: 5");
  check_only(with(R"("maxTrialCount": 4, "parallelTrialCount": 1, "maxFailedTrialCount": -1)"),
             "maxFailedTrialCount: -1");
}

TEST_CASE("the parts of a tuning job are checked under their own paths") {
  const auto found = problems_of(
      *parsed<wire::HyperparameterTuningJob>(R"({"maxTrialCount": 1, "parallelTrialCount": 1})"),
      {});
  const auto told = [&](const std::string& beginning) {
    return std::ranges::any_of(found,
                               [&](const auto& text) { return text.starts_with(beginning); });
  };
  CHECK(told("displayName: not set"));
  CHECK(told("studySpec.metrics: no metric"));
  CHECK(told("studySpec.parameters: no parameter"));
  CHECK(told("trialJobSpec.workerPoolSpecs: no worker pool"));
}

TEST_CASE("a default value is for studies, not for tuning jobs") {
  const auto study = R"({"metrics": [{"metricId": "m"}], "parameters": [
    {"parameterId": "x", "doubleValueSpec": {"minValue": 0, "maxValue": 1, "defaultValue": 0.5}}]})";
  check_none(problems_of(*parsed<wire::StudySpec>(study)));
  check_only(tuning_problems(R"("maxTrialCount": 1, "parallelTrialCount": 1)", study),
             "studySpec.parameters[0].doubleValueSpec.defaultValue: set; expected none");
}
