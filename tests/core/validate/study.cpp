#include "core/validate/validate.hpp"
#include "tests/core/validate/problem_checks.hpp"
#include "wire/json.hpp"

#include <doctest/doctest.h>

#include <limits>

using namespace troupe;
using namespace troupe::core;

namespace {

problem_texts problems(const std::string& json) {
  auto study = wire::from_json<wire::StudySpec>(json);
  REQUIRE_MESSAGE(study, study.error().message);
  return problems_of(**study);
}

const std::string one_double =
    R"({"parameterId": "x", "doubleValueSpec": {"minValue": 0, "maxValue": 1}})";

problem_texts with_metrics(const std::string& metrics) {
  return problems(R"({"metrics": )" + metrics + R"(, "parameters": [)" + one_double + "]}");
}

problem_texts with_parameters(const std::string& parameters, const std::string& more = "") {
  return problems(R"({"metrics": [{"metricId": "m"}], )" + more + R"("parameters": [)" + parameters
                  + "]}");
}

problem_texts with_study(const std::string& fields) {
  return problems(R"({"metrics": [{"metricId": "m"}], "parameters": [)" + one_double + "], "
                  + fields + "}");
}

/// A parameter "p" with these fields.
problem_texts with_parameter(const std::string& fields) {
  return with_parameters(R"({"parameterId": "p", )" + fields + "}");
}

/// An optimizer of sgd or adam with these conditional parameters.
problem_texts under_optimizer(const std::string& children) {
  return with_parameters(
      R"({"parameterId": "o", "categoricalValueSpec": {"values": ["sgd", "adam"]},
                             "conditionalParameterSpecs": [)"
      + children + "]}");
}

std::string child(const std::string& category, const std::string& id) {
  return R"({"parentCategoricalValues": {"values": [")" + category
         + R"("]}, "parameterSpec": {"parameterId": ")" + id
         + R"(", "doubleValueSpec": {"minValue": 0, "maxValue": 1}}})";
}

const std::string here = "studySpec.parameters[0]";

} // namespace

TEST_CASE("a study of every kind of parameter has no problems") {
  check_none(problems(R"({
    "metrics": [{"metricId": "accuracy", "goal": "MAXIMIZE"},
                {"metricId": "latency", "goal": "MINIMIZE", "safetyConfig": {"safetyThreshold": 5}}],
    "algorithm": "ALGORITHM_UNSPECIFIED", "observationNoise": "LOW",
    "measurementSelectionType": "BEST_MEASUREMENT",
    "convexAutomatedStoppingSpec": {"learningRateParameterName": "lr"},
    "studyStoppingConfig": {"minNumTrials": 2, "maxNumTrials": 9, "maxNumTrialsNoProgress": 3},
    "parameters": [
      {"parameterId": "lr", "scaleType": "UNIT_LOG_SCALE", "doubleValueSpec": {"minValue": 1e-5, "maxValue": 0.1}},
      {"parameterId": "units", "scaleType": "UNIT_REVERSE_LOG_SCALE", "integerValueSpec": {"minValue": 16, "maxValue": 512}},
      {"parameterId": "batch", "discreteValueSpec": {"values": [8, 16, 32], "defaultValue": 16}, "conditionalParameterSpecs": [
        {"parentDiscreteValues": {"values": [32.00000000001]}, "parameterSpec": {"parameterId": "accumulate", "integerValueSpec": {"minValue": 1, "maxValue": 4},
          "conditionalParameterSpecs": [{"parentIntValues": {"values": [2, 3]}, "parameterSpec": {"parameterId": "deep", "doubleValueSpec": {"minValue": 0, "maxValue": 1}}}]}}]},
      {"parameterId": "optimizer", "categoricalValueSpec": {"values": ["sgd", "adam"], "defaultValue": "sgd"}, "conditionalParameterSpecs": [
        {"parentCategoricalValues": {"values": ["sgd"]}, "parameterSpec": {"parameterId": "momentum", "doubleValueSpec": {"minValue": 0, "maxValue": 0.99}}},
        {"parentCategoricalValues": {"values": ["adam"]}, "parameterSpec": {"parameterId": "momentum", "doubleValueSpec": {"minValue": 0.5, "maxValue": 0.9}}}]}]})"));
}

TEST_CASE("metrics") {
  check_only(with_metrics("[]"), "studySpec.metrics: no metric");
  check_only(with_metrics("[{}]"), "studySpec.metrics[0].metricId: ''");
  check_only(with_metrics(R"([{"metricId": "a b"}])"), "studySpec.metrics[0].metricId: 'a b'");
  check_only(with_metrics(R"([{"metricId": "a"}, {"metricId": "a"}])"),
             "studySpec.metrics[1].metricId: 'a' a second time");
  check_only(with_metrics(R"([{"metricId": "a", "safetyConfig": {}}])"),
             "studySpec.metrics: only safety metrics");
  check_only(
      with_metrics(
          R"([{"metricId": "a"}, {"metricId": "b", "safetyConfig": {"desiredMinSafeTrialsFraction": 1.5}}])"),
      "studySpec.metrics[1].safetyConfig.desiredMinSafeTrialsFraction: 1.5; expected 0 to 1");
}

TEST_CASE("parameter names") {
  check_only(with_parameters(""), "studySpec.parameters: no parameter");
  check_only(with_parameters(R"({"doubleValueSpec": {"maxValue": 1}})"), here + ".parameterId: ''");
  check_only(with_parameters(R"({"parameterId": "a\tb", "doubleValueSpec": {"maxValue": 1}})"),
             here + ".parameterId");
  check_only(with_parameters(one_double + "," + one_double),
             "studySpec.parameters[1]: 'x' is the name of an earlier parameter");
  check_only(with_parameters(R"({"parameterId": "p"})"),
             here + ": no value spec; expected exactly one of");
  std::string many = one_double;
  for (size_t i = 0; i < parameters_max; ++i)
    many += fmt::format(R"(,{{"parameterId": "p{}", "doubleValueSpec": {{"maxValue": 1}}}})", i);
  check_only(with_parameters(many), "studySpec.parameters: more than 1000 parameters");
}

TEST_CASE("ranges, and the scales that they allow") {
  check_none(with_parameter(R"("doubleValueSpec": {"minValue": 1, "maxValue": 1})"));
  check_only(with_parameter(R"("doubleValueSpec": {"minValue": 2, "maxValue": 1})"),
             here + ".doubleValueSpec: minValue 2 above maxValue 1");
  check_only(with_parameter(R"("doubleValueSpec": {"minValue": -1.7e308, "maxValue": 1.7e308})"),
             here + ".doubleValueSpec: -1.7e+308 to 1.7e+308");
  check_only(with_parameter(R"("integerValueSpec": {"minValue": 2, "maxValue": 1})"),
             here + ".integerValueSpec: minValue 2 above maxValue 1");
  check_only(
      with_parameter(R"("integerValueSpec": {"minValue": "0", "maxValue": "9007199254740993"})"),
      here + ".integerValueSpec: 0 to 9007199254740993");
  for (auto scale : {"UNIT_LOG_SCALE", "UNIT_REVERSE_LOG_SCALE"}) {
    const auto with = [&](const char* values) {
      return with_parameter(fmt::format(R"("scaleType": "{}", {})", scale, values));
    };
    check_only(with(R"("doubleValueSpec": {"minValue": 0, "maxValue": 1})"),
               here + ".scaleType: a logarithmic scale from 0");
    check_only(with(R"("integerValueSpec": {"minValue": -3, "maxValue": 1})"),
               here + ".scaleType: a logarithmic scale from -3");
    check_only(with(R"("discreteValueSpec": {"values": [0, 1]})"),
               here + ".scaleType: a logarithmic scale from 0");
    check_none(with(R"("integerValueSpec": {"minValue": 1, "maxValue": 8})"));
  }
}

TEST_CASE("numbers that are not finite are refused") {
  for (auto bad :
       {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity(),
        -std::numeric_limits<double>::infinity()}) {
    const auto study = wire::frame<wire::StudySpec>::build([&](wire::StudySpec::Builder built) {
      auto metrics = built.initMetrics(2);
      metrics[0].setMetricId("m");
      metrics[1].setMetricId("s");
      metrics[1].initSafetyConfig().setSafetyThreshold(bad);
      auto parameters = built.initParameters(3);
      parameters[0].setParameterId("a");
      parameters[0].initDoubleValueSpec().setMinValue(bad);
      parameters[1].setParameterId("b");
      parameters[1].initDoubleValueSpec().setMaxValue(bad);
      parameters[2].setParameterId("c");
      parameters[2].initDiscreteValueSpec().initValues(1).set(0, bad);
    });
    const auto found = problems_of(*study);
    REQUIRE_MESSAGE(found.size() == 4, joined(found));
    CHECK(found[0].starts_with("studySpec.metrics[1].safetyConfig.safetyThreshold: "));
    CHECK(found[1].starts_with("studySpec.parameters[0].doubleValueSpec: "));
    CHECK(found[2].starts_with("studySpec.parameters[1].doubleValueSpec: "));
    CHECK(found[3].starts_with("studySpec.parameters[2].discreteValueSpec.values[0]: "));
  }
}

TEST_CASE("discrete and categorical values") {
  check_only(with_parameter(R"("discreteValueSpec": {"values": []})"),
             here + ".discreteValueSpec.values: 0 values; expected 1 to 1000");
  check_only(with_parameter(R"("discreteValueSpec": {"values": [2, 1]})"),
             here + ".discreteValueSpec.values[1]: 1 after 2; expected strictly increasing");
  check_only(with_parameter(R"("discreteValueSpec": {"values": [1, 1.00000000001]})"),
             here + ".discreteValueSpec.values[1]: ");
  std::string many = "0";
  for (int i = 1; i <= 1000; ++i)
    many += fmt::format(", {}", i);
  check_only(with_parameter(R"("discreteValueSpec": {"values": [)" + many + "]}"),
             here + ".discreteValueSpec.values: 1001 values");
  check_only(with_parameter(R"("categoricalValueSpec": {"values": []})"),
             here + ".categoricalValueSpec.values: 0 values");
  check_only(with_parameter(R"("categoricalValueSpec": {"values": ["a", "b", "a"]})"),
             here + ".categoricalValueSpec.values: 'a' a second time");
  check_only(with_parameter(
                 R"("scaleType": "UNIT_LINEAR_SCALE", "categoricalValueSpec": {"values": ["a"]})"),
             here + ".scaleType: set on a CATEGORICAL parameter");
}

TEST_CASE("default values can be taken") {
  check_only(
      with_parameter(R"("doubleValueSpec": {"minValue": 0, "maxValue": 1, "defaultValue": 2})"),
      here + ".doubleValueSpec.defaultValue: 2");
  check_only(
      with_parameter(R"("integerValueSpec": {"minValue": 0, "maxValue": 1, "defaultValue": 0.5})"),
      here + ".integerValueSpec.defaultValue: 0.5");
  check_only(with_parameter(R"("discreteValueSpec": {"values": [1, 2], "defaultValue": 1.5})"),
             here + ".discreteValueSpec.defaultValue: 1.5");
  check_only(with_parameter(R"("categoricalValueSpec": {"values": ["a"], "defaultValue": "b"})"),
             here + ".categoricalValueSpec.defaultValue: 'b'");
}

TEST_CASE("a grid has no continuum, at any depth") {
  check_only(with_parameters(one_double, R"("algorithm": "GRID_SEARCH", )"),
             here + ": DOUBLE with GRID_SEARCH");
  check_only(with_parameters(R"({"parameterId": "o", "categoricalValueSpec": {"values": ["a"]},
                                 "conditionalParameterSpecs": [)"
                                 + child("a", "x") + "]}",
                             R"("algorithm": "GRID_SEARCH", )"),
             here + ".conditionalParameterSpecs[0].parameterSpec: DOUBLE with GRID_SEARCH");
}

TEST_CASE("conditions fit their parents") {
  const auto path = here + ".conditionalParameterSpecs[0]";
  const auto spec = R"("parameterSpec": )" + one_double + "}";
  check_only(under_optimizer("{" + spec), path + ": no condition");
  check_only(under_optimizer(R"({"parentIntValues": {"values": [1]}, )" + spec),
             path + ".parentIntValues: set under the CATEGORICAL parameter 'o'");
  check_only(under_optimizer(R"({"parentCategoricalValues": {"values": []}, )" + spec),
             path + ".parentCategoricalValues.values: 0 values");
  check_only(under_optimizer(R"({"parentCategoricalValues": {"values": ["lion"]}, )" + spec),
             path
                 + ".parentCategoricalValues.values: 'lion'; expected values that the parent 'o' "
                   "can take");
  check_only(
      with_parameter(
          R"("integerValueSpec": {"minValue": 1, "maxValue": 3}, "conditionalParameterSpecs": [
                               {"parentIntValues": {"values": [4]}, )"
          + spec + "]"),
      path + ".parentIntValues.values: 4");
  check_only(
      with_parameter(R"("discreteValueSpec": {"values": [1, 3]}, "conditionalParameterSpecs": [
                               {"parentDiscreteValues": {"values": [1.00001]}, )"
                     + spec + "]"),
      path + ".parentDiscreteValues.values: 1.00001");
  check_only(with_parameter(R"("doubleValueSpec": {"maxValue": 3}, "conditionalParameterSpecs": [
                               {"parentDiscreteValues": {"values": [1]}, )"
                            + spec + "]"),
             here + ".conditionalParameterSpecs: on the DOUBLE parameter 'p'");
}

TEST_CASE("two parameters of one name are never active together") {
  check_none(under_optimizer(child("sgd", "x") + "," + child("adam", "x")));
  check_only(under_optimizer(child("sgd", "x") + "," + child("sgd", "x")),
             here + ".conditionalParameterSpecs[1]: 'x' is also in conditionalParameterSpecs[0]");
  check_only(under_optimizer(child("sgd", "o")),
             here + ".conditionalParameterSpecs[0]: 'o' below a parameter of the same name");
  check_only(with_parameters(R"({"parameterId": "o", "categoricalValueSpec": {"values": ["a"]},
                                 "conditionalParameterSpecs": [)"
                             + child("a", "x") + "]}, " + one_double),
             "studySpec.parameters[1]: 'x' is the name of an earlier parameter");
  const auto nested =
      R"({"parentCategoricalValues": {"values": ["sgd"]}, "parameterSpec": {"parameterId": "n",
    "categoricalValueSpec": {"values": ["u"]}, "conditionalParameterSpecs": [)"
      + child("u", "x") + "]}}";
  check_only(under_optimizer(child("sgd", "x") + "," + nested),
             here + ".conditionalParameterSpecs[1]: 'x' is also in conditionalParameterSpecs[0]");
  check_none(under_optimizer(child("adam", "x") + "," + nested));
}

TEST_CASE("stopping rules") {
  check_only(
      with_study(R"("convexAutomatedStoppingSpec": {"learningRateParameterName": "rate"})"),
      "studySpec.convexAutomatedStoppingSpec.learningRateParameterName: 'rate' is not a parameter");
  check_only(with_study(R"("convexAutomatedStoppingSpec": {"minStepCount": -1})"),
             "studySpec.convexAutomatedStoppingSpec.minStepCount: -1");
  check_only(
      with_study(R"("convexAutomatedStoppingSpec": {"minStepCount": 50, "maxStepCount": 5})"),
      "studySpec.convexAutomatedStoppingSpec.minStepCount: 50; expected less than");
  check_only(with_study(R"("ashaAutomatedStoppingSpec": {"minStepCount": -1})"),
             "studySpec.ashaAutomatedStoppingSpec.minStepCount: -1");
  for (const auto* factor : {"1", "1.000001", "-3"})
    check_only(with_study(R"("ashaAutomatedStoppingSpec": {"reductionFactor": )"
                          + std::string(factor) + "}"),
               "studySpec.ashaAutomatedStoppingSpec.reductionFactor: " + std::string(factor));
  const auto stopping = std::string("studySpec.studyStoppingConfig.");
  check_only(with_study(R"("studyStoppingConfig": {"maxNumTrials": -1})"),
             stopping + "maxNumTrials: -1");
  check_only(with_study(R"("studyStoppingConfig": {"maxNumTrials": 1.5})"),
             stopping + "maxNumTrials: 1.5");
  check_only(with_study(R"("studyStoppingConfig": {"minNumTrials": 3, "maxNumTrials": 2})"),
             stopping + "minNumTrials: 3; expected at most maxNumTrials, which is 2");
  check_only(with_study(R"("studyStoppingConfig": {"maxDurationNoProgress": "-1s"})"),
             stopping + "maxDurationNoProgress: -1s");
  check_only(
      with_study(R"("studyStoppingConfig": {"maximumRuntimeConstraint": {"maxDuration": "-2s"}})"),
      stopping + "maximumRuntimeConstraint.maxDuration: -2s");
  check_only(problems(R"({"metrics": [{"metricId": "a"}, {"metricId": "b"}], "parameters": [)"
                      + one_double + R"(], "studyStoppingConfig": {"maxNumTrialsNoProgress": 4}})"),
             "studySpec.studyStoppingConfig: a no-progress rule with 2 objectives");
}
