#include "cli/tune/command.hpp"

#include "cli/terminal/shell_words.hpp"
#include "cli/tune/settings.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::cli;

namespace {

constexpr const char* study = R"(
metrics: [{metricId: loss, goal: MINIMIZE}]
parameters:
- {parameterId: lr, doubleValueSpec: {minValue: 0.0001, maxValue: 1}}
- {parameterId: units, integerValueSpec: {minValue: 1, maxValue: 512}}
- parameterId: opt
  categoricalValueSpec: {values: [sgd, adam]}
  conditionalParameterSpecs:
  - parentCategoricalValues: {values: [sgd]}
    parameterSpec: {parameterId: momentum, doubleValueSpec: {minValue: 0, maxValue: 1}}
)";

struct fixture {
  wire::frame<wire::HyperparameterTuningJob> job = *tuned_job_of(study, "study.yaml");
  tuner::search_space space{job->getStudySpec()};
  std::vector<tuner::parameter_value> sgd = {
      {"lr", 0.01}, {"units", 64.0, true}, {"opt", "sgd"}, {"momentum", 0.5}};
  std::vector<tuner::parameter_value> adam = {{"lr", 1e-4}, {"units", 8.0, true}, {"opt", "adam"}};

  std::vector<std::string> filled(const std::vector<std::string>& words,
                                  const std::vector<tuner::parameter_value>& values) const {
    auto made = command_template::parse(words, space);
    REQUIRE_MESSAGE(made.has_value(), made.error().message);
    return made->filled(values);
  }
  std::string problem(const std::vector<std::string>& words) const {
    auto made = command_template::parse(words, space);
    REQUIRE_FALSE(made.has_value());
    CHECK(made.error().code == errc::invalid_argument);
    return made.error().message;
  }
};

using words = std::vector<std::string>;

} // namespace

TEST_CASE_FIXTURE(fixture, "names in braces become the trial's values") {
  const words command = {"./train-{opt}", "--lr={lr}", "{units}x{units}", "",
                         "--momentum={momentum}"};
  CHECK(filled(command, sgd) == words{"./train-sgd", "--lr=0.01", "64x64", "", "--momentum=0.5"});
  CHECK(filled(command, adam) == words{"./train-adam", "--lr=0.0001", "8x8", ""});
}

TEST_CASE_FIXTURE(fixture, "doubled braces become literal braces") {
  const words command = {"sh",    "-c",      "awk '{{print $1}}'", "{{lr}}", "{{{lr}}}", "}",
                         "{opt}", "{units}", "m={momentum}"};
  CHECK(filled(command, adam)
        == words{"sh", "-c", "awk '{print $1}'", "{lr}", "{0.0001}", "}", "adam", "8"});
}

TEST_CASE_FIXTURE(fixture,
                  "a command without names gets a flag for every parameter, as in a cluster") {
  CHECK(filled({"./train", "--x={{1}}"}, sgd)
        == words{"./train", "--x={1}", "--lr=0.01", "--units=64", "--opt=sgd", "--momentum=0.5"});
  CHECK(filled({"./train"}, adam) == words{"./train", "--lr=0.0001", "--units=8", "--opt=adam"});
}

TEST_CASE_FIXTURE(fixture, "invalid templates are rejected with the reason") {
  CHECK(problem({"./train", "--units={unit}"})
        == "argument '--units={unit}': {unit} is not a parameter of the study; expected one of "
           "{lr}, {units}, {opt}, {momentum}; did you mean {units}?; write a literal brace twice");
  CHECK(problem({"./train", "{lr"}).find("'{' is never closed") != std::string::npos);
  CHECK(problem({"./train", "{}"}).find("{} is not a parameter") != std::string::npos);
  CHECK(problem({"./train", "{lr}", "{units}", "{opt}"})
        == "parameter 'momentum' of the study appears nowhere in the command, so no trial would "
           "see it; add an argument such as --momentum={momentum}, or take it out of the study");
  CHECK(problem({"./train{momentum}"}).find("is not always active") != std::string::npos);
  CHECK(problem({"./train", "--momentum", "{momentum}"}).find("write --momentum={momentum}")
        != std::string::npos);
}

TEST_CASE_FIXTURE(fixture, "the program is known when it is the same in every trial") {
  CHECK(command_template::parse({"./train"}, space)->program() == "./train");
  CHECK_FALSE(
      command_template::parse({"./{opt}", "{lr}", "{units}", "m={momentum}"}, space)->program());
}

TEST_CASE("a command line is quoted so that it can be copied into a shell") {
  CHECK(shell_line({"./train", "--lr=0.1", "a b", "", "it's", "$x"})
        == R"(./train --lr=0.1 'a b' '' 'it'\''s' '$x')");
}
