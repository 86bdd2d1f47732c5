#include "cli/tune/settings.hpp"

#include "tests/support/scratch.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::cli;

namespace {

constexpr const char* bare = R"(metrics: [{metricId: loss, goal: MINIMIZE}]
parameters:
- parameterId: lr
  doubleValueSpec: {minValue: 0.1, maxValue: 1}
)";

constexpr const char* whole = R"(studySpec:
  metrics: [{metricId: loss, goal: MINIMIZE}]
  parameters:
  - parameterId: lr
    doubleValueSpec: {minValue: 0.1, maxValue: 1}
maxTrialCount: 7
parallelTrialCount: 2
maxFailedTrialCount: 3
trialJobSpec:
  workerPoolSpecs:
  - {replicaCount: 1, machineSpec: {machineType: n1-standard-4}, containerSpec: {imageUri: x}}
)";

std::string problem(const tune_flags& flags) {
  auto made = tune_settings_of(flags);
  REQUIRE_FALSE(made.has_value());
  return made.error().message;
}

std::string problem_of(const std::string& text) {
  auto made = tuned_job_of(text, "study.yaml");
  REQUIRE_FALSE(made.has_value());
  return made.error().message;
}

} // namespace

TEST_CASE("the file of a tuning job is accepted as a study file") {
  const test::scratch files;
  const auto made = tune_settings_of({.config = files.write("digits.yaml", whole)});
  REQUIRE(made.has_value());
  CHECK(wire::view(made->job->getDisplayName()) == "digits");
  CHECK(made->job->getMaxTrialCount() == 7);
  CHECK(made->job->getParallelTrialCount() == 2);
  CHECK(made->job->getMaxFailedTrialCount() == 3);
  CHECK_FALSE(made->job->hasTrialJobSpec());
  CHECK(made->directory == std::filesystem::current_path() / "digits.tune");
  CHECK_FALSE(made->seed);
}

TEST_CASE("a StudySpec alone is accepted, with counts from the flags") {
  const test::scratch files;
  const auto made = tune_settings_of({.config = files.write("study.yaml", bare),
                                      .max_trial_count = 5,
                                      .timeout = "90s",
                                      .directory = files.path("here"),
                                      .seed = 9});
  REQUIRE(made.has_value());
  CHECK(made->job->getMaxTrialCount() == 5);
  CHECK(made->job->getParallelTrialCount() == 1);
  CHECK(made->directory == files.path("here"));
  CHECK(made->timeout_micros == 90'000'000);
  CHECK(made->seed == 9);
}

TEST_CASE("flags win over the file, and the study's own stopping rule can give the count") {
  const test::scratch files;
  const auto more = tune_settings_of({.config = files.write("study.yaml", whole),
                                      .max_trial_count = 9,
                                      .parallel_trial_count = 4});
  CHECK((*more).job->getMaxTrialCount() == 9);
  CHECK((*more).job->getParallelTrialCount() == 4);
  const auto own = tune_settings_of(
      {.config = files.write("own.yaml",
                             std::string(bare) + "studyStoppingConfig: {maxNumTrials: 12}\n")});
  REQUIRE_MESSAGE(own.has_value(), own.error().message);
  CHECK(own->job->getMaxTrialCount() == 12);
}

TEST_CASE("mistakes in flags are rejected with what is expected") {
  const test::scratch files;
  const auto file = files.write("study.yaml", bare);
  CHECK(problem({.config = file}).find("does not say how many trials to run") != std::string::npos);
  CHECK(problem({.config = file, .max_trial_count = 0})
        == "maxTrialCount is 0; expected 1 or more");
  CHECK(problem({.config = file, .max_trial_count = 1, .parallel_trial_count = -1})
        == "parallelTrialCount is -1; expected 1 or more");
  CHECK(problem({.config = file, .max_trial_count = 1, .timeout = "3"}).find("[3]")
        != std::string::npos);
  CHECK(problem({.config = file, .max_trial_count = 1, .metric_from_output = "("})
            .find("is not a valid RE2 regular expression")
        != std::string::npos);
  CHECK(problem({.config = file, .max_trial_count = 1, .metric_from_output = "x"})
            .find("has 0 groups; expected one")
        != std::string::npos);
  CHECK(problem({.config = files.path("missing.yaml")}).find("missing.yaml: No such file")
        != std::string::npos);
}

TEST_CASE("mistakes in the file are reported together, each with its place") {
  CHECK(problem_of("studySpec: [").starts_with("study.yaml:1:"));
  CHECK(problem_of("metrics: [{metricId: loss}]\nparameters:\n- parameterId: lr\n"
                   "  doubleValueSpec: {minValue: 2, maxValue: 1}\n")
            .starts_with("study.yaml:4:20: parameters[0].doubleValueSpec"));
  CHECK(problem_of("studySpec:\n  metrics: []\n  parameters: []\n")
            .starts_with("study.yaml:2:12: studySpec.metrics: no metric"));
  CHECK(problem_of("studySpec: {metrics: [{metricID: loss}]}\n").find("did you mean metricId?")
        != std::string::npos);
  CHECK(problem_of(std::string(bare) + "transferLearningConfig: {priorStudyNames: [a]}\n")
            .starts_with("study.yaml:5:"));
}
