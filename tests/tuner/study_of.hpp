// Studies and trials from the JSON that a user would write, for the tests of this folder.
#pragma once

#include "core/validate/validate.hpp"
#include "tuner/parameter_text.hpp"
#include "tuner/suggest.hpp"
#include "wire/json.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace troupe::tuner {

using study_frame = wire::frame<wire::StudySpec>;

/// A study with these parameters (and other fields), which has no problems.
inline study_frame study_of(const std::string& parameters, const std::string& fields = "") {
  auto study = wire::from_json<wire::StudySpec>(R"({"metrics": [{"metricId": "m"}], )" + fields
                                                + R"("parameters": [)" + parameters + "]}");
  REQUIRE_MESSAGE(study, study.error().message);
  const auto problems = core::problems_of(**study);
  REQUIRE_MESSAGE(problems.empty(), problems.front());
  return *study;
}

/// A tuning job's trials with these parameters, all under way.
inline wire::frame<wire::HyperparameterTuningJob>
trials_of(const std::vector<std::vector<parameter_value>>& sets) {
  using job = wire::HyperparameterTuningJob;
  // The same way round as in a cluster: through the suggestions' message.
  const auto suggested = to_suggestions(1, 1, {sets, false});
  return wire::frame<job>::build([&](job::Builder built) {
    auto trials = built.initTrials(static_cast<uint32_t>(sets.size()));
    for (uint32_t i = 0; i < trials.size(); ++i) {
      trials[i].setState(wire::Trial::State::ACTIVE);
      trials[i].setParameters(suggested->getParameters()[i].getValues());
    }
  });
}

inline suggestion_set suggest_after(const study_frame& study,
                                    const std::vector<std::vector<parameter_value>>& before,
                                    uint64_t seed, uint32_t count) {
  const auto job = trials_of(before);
  return suggest(*study, job->getTrials(), seed, count);
}

/// "a=1 b=x", for comparing and for telling.
inline std::string text_of(const std::vector<parameter_value>& set) {
  std::string text;
  for (const auto& value : set)
    text += (text.empty() ? "" : " ") + value.id + "=" + parameter_text(value);
  return text;
}

inline const std::string conditional_space = R"(
  {"parameterId": "batch", "discreteValueSpec": {"values": [16, 32]}},
  {"parameterId": "optimizer", "categoricalValueSpec": {"values": ["sgd", "adam", "lion"]}, "conditionalParameterSpecs": [
    {"parentCategoricalValues": {"values": ["sgd"]}, "parameterSpec": {"parameterId": "momentum", "discreteValueSpec": {"values": [0, 0.9]}}},
    {"parentCategoricalValues": {"values": ["adam", "lion"]}, "parameterSpec": {"parameterId": "warmup", "integerValueSpec": {"minValue": 0, "maxValue": 2},
      "conditionalParameterSpecs": [{"parentIntValues": {"values": [2]}, "parameterSpec": {"parameterId": "shape", "categoricalValueSpec": {"values": ["linear", "cosine"]}}}]}}]})";

} // namespace troupe::tuner
