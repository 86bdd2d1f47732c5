#include "wire/json.hpp"
#include "wire/tuning_job.capnp.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>

using namespace troupe;
using namespace troupe::wire;

namespace {

// A tuning job as gcloud takes it, with what is peculiar to YAML.
constexpr std::string_view tuning_job = R"(studySpec:
  metrics: [{metricId: accuracy, goal: MAXIMIZE}]
  parameters:
  - {parameterId: learning_rate, scaleType: UNIT_LOG_SCALE, doubleValueSpec: {minValue: 0.00001, maxValue: 0.1}}
  - {parameterId: units, scaleType: UNIT_LINEAR_SCALE, integerValueSpec: {minValue: 16, maxValue: "512"}}
  - parameterId: optimizer
    categoricalValueSpec: {values: [sgd, adam]}
    conditionalParameterSpecs:
    - parentCategoricalValues: {values: [sgd]}
      parameterSpec: {parameterId: momentum, doubleValueSpec: {minValue: 0, maxValue: 0.99, defaultValue: 0.5}}
  algorithm: ALGORITHM_UNSPECIFIED
  measurementSelectionType: BEST_MEASUREMENT
  medianAutomatedStoppingSpec: {useElapsedDuration: false}
maxTrialCount: 40
parallelTrialCount: 4
maxFailedTrialCount: 5
trialJobSpec:
  workerPoolSpecs:
  - machineSpec: &machine {machineType: n1-standard-8, acceleratorType: NVIDIA_TESLA_T4, acceleratorCount: 1}
    replicaCount: 1
    containerSpec: {imageUri: host, args: [5, true, 1.50, 'x', "~"], env: [{name: A, value: 010}]}
  - machineSpec: *machine
  scheduling: {timeout: 3600s}
labels: {team: 7}
)";

constexpr std::string_view tuning_job_json =
    R"({"studySpec":{"metrics":[{"metricId":"accuracy","goal":"MAXIMIZE"}],"parameters":[)"
    R"({"parameterId":"learning_rate","scaleType":"UNIT_LOG_SCALE","doubleValueSpec":{"minValue":1e-05,"maxValue":0.1}},)"
    R"({"parameterId":"units","scaleType":"UNIT_LINEAR_SCALE","integerValueSpec":{"minValue":"16","maxValue":"512"}},)"
    R"({"parameterId":"optimizer","conditionalParameterSpecs":[{"parameterSpec":{"parameterId":"momentum",)"
    R"("doubleValueSpec":{"maxValue":0.99,"defaultValue":0.5}},"parentCategoricalValues":{"values":["sgd"]}}],)"
    R"("categoricalValueSpec":{"values":["sgd","adam"]}}],"measurementSelectionType":"BEST_MEASUREMENT",)"
    R"("medianAutomatedStoppingSpec":{}},"maxTrialCount":40,"parallelTrialCount":4,"maxFailedTrialCount":5,)"
    R"("trialJobSpec":{"workerPoolSpecs":[{"machineSpec":{"machineType":"n1-standard-8",)"
    R"("acceleratorType":"NVIDIA_TESLA_T4","acceleratorCount":1},"replicaCount":"1","containerSpec":{"imageUri":"host",)"
    R"("args":["5","true","1.50","x","~"],"env":[{"name":"A","value":"010"}]}},)"
    R"({"machineSpec":{"machineType":"n1-standard-8","acceleratorType":"NVIDIA_TESLA_T4","acceleratorCount":1}}],)"
    R"("scheduling":{"timeout":"3600s"}},"labels":{"team":"7"}})";

std::string refusal(std::string_view text) {
  auto parsed = from_yaml<HyperparameterTuningJob>(text, "job.yaml");
  REQUIRE_FALSE(parsed);
  CHECK(parsed.error().code == errc::invalid_argument);
  return parsed.error().message;
}

std::string read(std::string_view text) {
  auto parsed = from_yaml<HyperparameterTuningJob>(text, "job.yaml");
  REQUIRE_MESSAGE(parsed, parsed.error().message);
  return to_json<HyperparameterTuningJob>(**parsed);
}

} // namespace

TEST_CASE("a tuning job in YAML is the tuning job in JSON, and back") {
  CHECK(read(tuning_job) == tuning_job_json);
  auto again = from_json<HyperparameterTuningJob>(tuning_job_json);
  REQUIRE(again);
  CHECK(to_json<HyperparameterTuningJob>(**again) == tuning_job_json);
  CHECK(read(tuning_job_json) == tuning_job_json); // JSON is YAML
}

TEST_CASE("the schema types unquoted scalars") {
  CHECK(read("displayName: yes\nmaxTrialCount: '3'\nsatisfiesPzs: true")
        == R"({"displayName":"yes","maxTrialCount":3,"satisfiesPzs":true})");
  CHECK(read("displayName:\nmaxTrialCount: ~\nlabels: null") == "{}");
  CHECK(
      read("trials: [{parameters: [{value: 1e-3}, {value: '1'}, {value: sgd}, {value: true}]}]")
      == R"({"trials":[{"parameters":[{"value":0.001},{"value":"1"},{"value":"sgd"},{"value":true}]}]})");
  CHECK(
      read("trials: [{finalMeasurement: {metrics: [{value: .inf}, {value: -.inf}, {value: .nan}, "
           "{value: Infinity}]}}]")
      == R"({"trials":[{"finalMeasurement":{"metrics":[{"value":"Infinity"},{"value":"-Infinity"},{"value":"NaN"},{"value":"Infinity"}]}}]})");
  CHECK(read("state: 4") == R"({"state":"JOB_STATE_SUCCEEDED"})");
}

TEST_CASE("problems name file, line, column and field") {
  CHECK(refusal("displayName: a\ntrialJobSpec:\n  workerPoolSpecs:\n  - containerSpec:\n      "
                "imageUrl: x\n")
        == "job.yaml:5:7: trialJobSpec.workerPoolSpecs[0].containerSpec.imageUrl: unknown field; "
           "did you mean imageUri?");
  CHECK(refusal("maxTrialCount: many")
        == "job.yaml:1:16: maxTrialCount: expected a whole number, got many");
  CHECK(refusal("satisfiesPzs: 'true'\nstudySpec: 3")
        == "job.yaml:1:15: satisfiesPzs: expected true or false, got \"true\"\n"
           "job.yaml:2:12: studySpec: expected an object, got 3");
  CHECK(refusal("- a") == "job.yaml: expected an object, got an array");
  CHECK(refusal("") == "job.yaml: expected an object, got null");
}

TEST_CASE("underscored keys are refused, as gcloud does") {
  CHECK(refusal("display_name: a")
        == "job.yaml:1:1: display_name: unknown field; did you mean displayName?");
}

TEST_CASE("broken YAML is refused where it breaks") {
  CHECK(refusal("a: [1, 2").starts_with("job.yaml:1:"));
  CHECK(refusal("a: b: c").starts_with("job.yaml:1:"));
  CHECK(refusal("displayName: a\n\tmaxTrialCount: 1").starts_with("job.yaml:2:"));
  CHECK(refusal("displayName: a\ndisplayName: b")
        == "job.yaml:2:1: the key displayName is given twice; the first is at 1:1");
  CHECK(refusal("displayName: a\n---\ndisplayName: b")
        == "job.yaml: expected one YAML document, got a second one after '---'");
  CHECK(refusal("[a, b]: c")
        == "job.yaml:1:1: expected a plain word as the key, got a list or a mapping");
  CHECK(refusal("\xff\xfe")
        == "job.yaml: expected a text in UTF-8, got other bytes; is this a YAML file?");
  CHECK(refusal("displayName: *nobody").starts_with("job.yaml:1:14: "));
}

TEST_CASE("merge keys give what the mapping lacks") {
  CHECK(
      read("trialJobSpec:\n  workerPoolSpecs:\n  - &pool {replicaCount: 1, machineSpec: "
           "{machineType: m}}\n"
           "  - {<<: *pool, replicaCount: 2}\n")
      == R"({"trialJobSpec":{"workerPoolSpecs":[{"machineSpec":{"machineType":"m"},"replicaCount":"1"},)"
         R"({"machineSpec":{"machineType":"m"},"replicaCount":"2"}]}})");
  CHECK(refusal("trialJobSpec: {<<: 5}").find("expected a mapping or a list of mappings after '<<'")
        != std::string::npos);
}

TEST_CASE("aliases that expand to a huge document are refused") {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    bomb += fmt::format("a{0}: &a{0} [", i);
    for (int j = 0; j < 10; ++j)
      bomb += fmt::format("{}*a{}", j ? ", " : "", i - 1);
    bomb += "]\n";
  }
  CHECK(refusal(bomb).find("more than 1048576 values") != std::string::npos);
  CHECK(refusal("a: &a [*a]").find("an alias inside the value that it stands for")
        != std::string::npos);
  CHECK(refusal(std::string(100, '[') + std::string(100, ']')).find("nested deeper than 64 levels")
        != std::string::npos);
  CHECK_FALSE(from_yaml<HyperparameterTuningJob>(std::string(10000, '['), "job.yaml"));
}

TEST_CASE("no damaged job file crashes or throws") {
  std::mt19937_64 random(20260131);
  const auto survives = [](const std::string& text) {
    auto parsed = from_yaml<HyperparameterTuningJob>(text, "job.yaml");
    if (parsed)
      CHECK(from_json<HyperparameterTuningJob>(to_json<HyperparameterTuningJob>(**parsed)));
    else
      CHECK(parsed.error().message.starts_with("job.yaml"));
  };
  for (size_t size = 0; size < tuning_job.size(); ++size)
    survives(std::string(tuning_job.substr(0, size)));
  constexpr std::string_view spice = "{}[]:,&*!|>'\"%@`#-?\n\t ~<";
  for (int i = 0; i < 3000; ++i) {
    std::string damaged(tuning_job);
    for (auto flips = random() % 3 + 1; flips > 0; --flips)
      damaged[random() % damaged.size()] =
          random() % 2 ? static_cast<char>(random()) : spice[random() % spice.size()];
    survives(damaged);
  }
}
