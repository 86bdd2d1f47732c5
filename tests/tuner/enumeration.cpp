#include "tuner/enumeration.hpp"

#include "tests/tuner/study_of.hpp"

#include <cmath>
#include <set>

using namespace troupe;
using namespace troupe::tuner;

TEST_CASE("a conditional space is counted and walked in the order of nested loops") {
  const auto study = study_of(conditional_space);
  const search_space space(*study);
  const enumeration points(space);
  // sgd: 2 momenta; adam and lion: warmup 0, warmup 1, warmup 2 with 2 shapes.
  REQUIRE(points.size() == 2 * (2 + 4 + 4));
  std::vector<std::string> walked;
  for (uint64_t rank = 0; rank < points.size(); ++rank)
    walked.push_back(text_of(space.values_of(points.at(rank))));
  CHECK(std::vector(walked.begin(), walked.begin() + 10)
        == std::vector<std::string>{
            "batch=16 optimizer=sgd momentum=0", "batch=16 optimizer=sgd momentum=0.9",
            "batch=16 optimizer=adam warmup=0", "batch=16 optimizer=adam warmup=1",
            "batch=16 optimizer=adam warmup=2 shape=linear",
            "batch=16 optimizer=adam warmup=2 shape=cosine", "batch=16 optimizer=lion warmup=0",
            "batch=16 optimizer=lion warmup=1", "batch=16 optimizer=lion warmup=2 shape=linear",
            "batch=16 optimizer=lion warmup=2 shape=cosine"});
  CHECK(std::set(walked.begin(), walked.end()).size() == walked.size());
}

TEST_CASE("the rank of a point is where it was found") {
  for (
      const auto& parameters :
      {conditional_space,
       std::string(
           R"({"parameterId": "a", "integerValueSpec": {"minValue": -3, "maxValue": 3}, "conditionalParameterSpecs": [
          {"parentIntValues": {"values": [-2, 3]}, "parameterSpec": {"parameterId": "b", "integerValueSpec": {"minValue": 0, "maxValue": 4}}},
          {"parentIntValues": {"values": [3, 0]}, "parameterSpec": {"parameterId": "c", "categoricalValueSpec": {"values": ["x", "y"]}}}]},
         {"parameterId": "d", "doubleValueSpec": {"minValue": 2, "maxValue": 2}})")}) {
    const auto study = study_of(parameters);
    const search_space space(*study);
    const enumeration points(space);
    CHECK(space.finite());
    for (uint64_t rank = 0; rank < points.size(); ++rank)
      CHECK(points.rank_of(points.at(rank)) == rank);
  }
}

TEST_CASE("a space too large to count is still walked") {
  std::string parameters;
  for (int i = 0; i < 8; ++i)
    parameters += fmt::format(
        R"({}{{"parameterId": "p{}", "integerValueSpec": {{"minValue": 1, "maxValue": "9007199254740992"}}}})",
        i ? "," : "", i);
  const auto study = study_of(parameters);
  const search_space space(*study);
  const enumeration points(space);
  CHECK(points.size() == enumeration::size_max);
  const auto point = points.at(1'000'000);
  CHECK(point[7] == 1'000'001);
  CHECK(point[0] == 1);
}

TEST_CASE("a continuum is one point of the walk, and makes the space infinite") {
  const auto study =
      study_of(R"({"parameterId": "x", "doubleValueSpec": {"minValue": 0, "maxValue": 1}},
                                 {"parameterId": "n", "integerValueSpec": {"minValue": 1, "maxValue": 3}})");
  const search_space space(*study);
  const enumeration points(space);
  CHECK_FALSE(space.finite());
  CHECK(points.size() == 3);
  CHECK(points.at(1) == row{0.5, 2});
}
