#include "cli/jobs/request.hpp"

#include "tests/support/scratch.hpp"
#include "wire/json.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::cli;

namespace {

std::string body_of(const custom_job_flags& flags) {
  auto job = custom_job_of(flags);
  return job ? wire::to_json<wire::CustomJob>(**job) : "ERROR: " + job.error().message;
}

std::string body_of(const tuning_job_flags& flags) {
  auto job = tuning_job_of(flags);
  return job ? wire::to_json<wire::HyperparameterTuningJob>(**job)
             : "ERROR: " + job.error().message;
}

bool holds(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

} // namespace

TEST_CASE("the short form runs a program in one pool of one replica") {
  CHECK(
      body_of(custom_job_flags{.display_name = "x",
                               .program = {{"python3", "train.py", "--lr=1"}},
                               .machine_type = "n1-standard-4"})
      == R"({"displayName":"x","jobSpec":{"workerPoolSpecs":[{"machineSpec":{"machineType":"n1-standard-4"},)"
         R"("replicaCount":"1","containerSpec":{"imageUri":"host","command":["python3","train.py","--lr=1"]}}]}})");
  CHECK(
      body_of(custom_job_flags{.display_name = "x", .program = {{"true"}}})
      == R"({"displayName":"x","jobSpec":{"workerPoolSpecs":[{"replicaCount":"1","containerSpec":{"imageUri":"host","command":["true"]}}]}})");
}

TEST_CASE("the short form puts workers and reduction servers into pools of their own") {
  auto body = body_of(custom_job_flags{.display_name = "x",
                                       .args = "a,b",
                                       .env = {"K=V"},
                                       .program = {{"t"}},
                                       .accelerator_type = "NVIDIA_L4",
                                       .accelerator_count = 2,
                                       .replica_count = 3,
                                       .reducer_count = 2});
  std::string worker =
      R"("containerSpec":{"imageUri":"host","command":["t"],"args":["a","b"],"env":[{"name":"K","value":"V"}]}})";
  std::string machine = R"({"machineSpec":{"acceleratorType":"NVIDIA_L4","acceleratorCount":2},)";
  CHECK(
      body
      == R"({"displayName":"x","jobSpec":{"workerPoolSpecs":[)" + machine + R"("replicaCount":"1",)"
             + worker + "," + machine + R"("replicaCount":"2",)" + worker
             + R"(,{"replicaCount":"2","containerSpec":{"imageUri":"troupe/reductionserver"}}]}})");
  CHECK(
      holds(body_of(custom_job_flags{.display_name = "x", .program = {{"t"}}, .reducer_count = 1}),
            "nothing to reduce"));
  CHECK(
      holds(body_of(custom_job_flags{.display_name = "x", .program = {{"t"}}, .replica_count = 0}),
            "[--replica-count]: [0]"));
  CHECK(holds(
      body_of(custom_job_flags{.display_name = "x", .program = {{"t"}}, .accelerator_count = 1}),
      "--accelerator-type is required"));
  CHECK(holds(body_of(custom_job_flags{
                  .display_name = "x", .program = {{"t"}}, .accelerator_type = "NVIDIA_L5"}),
              "did you mean NVIDIA_L4?"));
}

TEST_CASE("--worker-pool-spec makes one pool each, and an empty one skips a pool") {
  CHECK(
      body_of(custom_job_flags{
          .display_name = "x",
          .pool_specs = {"machine-type=a,container-image-uri=img", "",
                         "machine-type=b,replica-count=2,executor-image-uri=e,python-module=m"},
          .args = "--x=1,--y",
          .command = "run,it",
          .python_package_uris = "p1,p2"})
      == R"({"displayName":"x","jobSpec":{"workerPoolSpecs":[)"
         R"({"machineSpec":{"machineType":"a"},"replicaCount":"1","containerSpec":{"imageUri":"img","command":["run","it"],"args":["--x=1","--y"]}},)"
         R"({},)"
         R"({"machineSpec":{"machineType":"b"},"replicaCount":"2","pythonPackageSpec":{"executorImageUri":"e","packageUris":["p1","p2"],)"
         R"("pythonModule":"m","args":["--x=1","--y"]}}]}})");
}

TEST_CASE("flags override the file") {
  test::scratch at;
  auto file = at.write("job.yaml", "workerPoolSpecs:\n"
                                   "- machineSpec: {machineType: m}\n"
                                   "  replicaCount: 1\n"
                                   "  containerSpec:\n"
                                   "    imageUri: host\n"
                                   "    command: [old]\n"
                                   "    args: [gone]\n"
                                   "    env: [{name: A, value: '1'}, {name: B, value: '2'}]\n"
                                   "scheduling: {timeout: 60s, disableRetries: true}\n"
                                   "baseOutputDirectory: {outputUriPrefix: /old}\n");
  CHECK(
      body_of(custom_job_flags{.display_name = "x",
                               .config = file,
                               .env = {"B=3", "C=4"},
                               .labels = "t=u",
                               .base_output_dir = "/new",
                               .timeout = "2m",
                               .enable_web_access = true,
                               .program = {{"new", "prog"}}})
      == R"({"displayName":"x","jobSpec":{"workerPoolSpecs":[{"machineSpec":{"machineType":"m"},"replicaCount":"1",)"
         R"("containerSpec":{"imageUri":"host","command":["new","prog"],"env":[{"name":"A","value":"1"},{"name":"B","value":"3"},{"name":"C","value":"4"}]}}],)"
         R"("scheduling":{"timeout":"120s","disableRetries":true},"baseOutputDirectory":{"outputUriPrefix":"/new"},"enableWebAccess":true},)"
         R"("labels":{"t":"u"}})");
  CHECK(holds(
      body_of(custom_job_flags{.display_name = "x",
                               .config = file,
                               .pool_specs = {"machine-type=z,container-image-uri=i"}}),
      R"("workerPoolSpecs":[{"machineSpec":{"machineType":"z"},"replicaCount":"1","containerSpec":{"imageUri":"i"}}])"));
  CHECK(holds(body_of(custom_job_flags{.display_name = "x", .config = file, .machine_type = "z"}),
              "go together with neither"));
}

TEST_CASE("contradicting or missing flags of a job are rejected") {
  test::scratch at;
  CHECK(holds(body_of(custom_job_flags{.display_name = "x"}), "No worker pools specified."));
  CHECK(holds(body_of(custom_job_flags{.display_name = "x", .config = at.path("none.yaml")}),
              "Unable to read file ["));
  CHECK(holds(body_of(custom_job_flags{.display_name = "x", .config = at.path("")}),
              "Is a directory"));
  CHECK(holds(body_of(custom_job_flags{.display_name = "x", .env = {"=1"}, .program = {{"t"}}}),
              "[--env]: [=1] is not NAME=value."));
  CHECK(holds(body_of(custom_job_flags{.display_name = "x", .command = "a", .program = {{"t"}}}),
              "already given after --"));
  auto typo = at.write("typo.yaml", "workerPoolSpec:\n- {}\n");
  CHECK(holds(body_of(custom_job_flags{.display_name = "x", .config = typo}),
              "typo.yaml:1:1: workerPoolSpec: unknown field"));
}

TEST_CASE(
    "a tuning job takes its counts from the flags, then from the file, then from gcloud's defaults") {
  test::scratch at;
  auto file =
      at.write("tuning.yaml",
               "studySpec:\n"
               "  metrics: [{metricId: accuracy, goal: MAXIMIZE}]\n"
               "  parameters: [{parameterId: lr, doubleValueSpec: {minValue: 0.1, maxValue: 1}}]\n"
               "parallelTrialCount: 2\n"
               "trialJobSpec: {workerPoolSpecs: [{replicaCount: 1, containerSpec: {imageUri: host, "
               "command: [t]}}]}\n");
  auto study = std::string(
      R"("studySpec":{"metrics":[{"metricId":"accuracy","goal":"MAXIMIZE"}],)"
      R"("parameters":[{"parameterId":"lr","doubleValueSpec":{"minValue":0.1,"maxValue":1}}])");
  auto spec = std::string(
      R"("trialJobSpec":{"workerPoolSpecs":[{"replicaCount":"1","containerSpec":{"imageUri":"host","command":["t"]}}])");
  CHECK(body_of(tuning_job_flags{.display_name = "x", .config = file})
        == R"({"displayName":"x",)" + study + R"(},"maxTrialCount":1,"parallelTrialCount":2,)"
               + spec + "}}");
  CHECK(
      body_of(tuning_job_flags{.display_name = "x",
                               .config = file,
                               .max_trial_count = 6,
                               .parallel_trial_count = 3,
                               .max_failed_trial_count = 2,
                               .algorithm = "random-search",
                               .labels = "a=b",
                               .base_output_dir = "/o"})
      == R"({"displayName":"x",)" + study
             + R"(,"algorithm":"RANDOM_SEARCH"},"maxTrialCount":6,"parallelTrialCount":3,"maxFailedTrialCount":2,)"
             + spec + R"(,"baseOutputDirectory":{"outputUriPrefix":"/o"}},"labels":{"a":"b"}})");
  CHECK(holds(
      body_of(tuning_job_flags{.display_name = "x", .config = file, .algorithm = "grid-serch"}),
      "did you mean GRID_SEARCH?"));
  CHECK(holds(body_of(tuning_job_flags{.display_name = "x", .config = file, .max_trial_count = 0}),
              "[--max-trial-count]: [0]"));
}

TEST_CASE("a resume request accepts positive counts only") {
  auto request = resume_request_of({.max_trial_count = 60, .parallel_trial_count = 3});
  REQUIRE(request.has_value());
  CHECK((*request)->getMaxTrialCount() == 60);
  CHECK((*request)->getParallelTrialCount() == 3);
  CHECK((*request)->getMaxFailedTrialCount() == 0);
  CHECK(resume_request_of({}).has_value());
  auto refused = resume_request_of({.max_failed_trial_count = 0});
  REQUIRE_FALSE(refused.has_value());
  CHECK(holds(refused.error().message, "[--max-failed-trial-count]: [0]"));
}
