#include "tuner/space.hpp"

#include "tests/tuner/study_of.hpp"
#include "tuner/parameter_text.hpp"

#include <cmath>

using namespace troupe;
using namespace troupe::tuner;

namespace {

parameter numeric(const std::string& fields) {
  const auto study = study_of(R"({"parameterId": "p", )" + fields + "}");
  return search_space(*study).parameters()[0];
}

std::optional<row> row_with(const study_frame& study, const std::vector<parameter_value>& values) {
  const auto job = trials_of({values});
  return search_space(*study).row_of(job->getTrials()[0].getParameters());
}

} // namespace

TEST_CASE("the scales map the unit interval to the range, and back") {
  const auto linear = numeric(R"("doubleValueSpec": {"minValue": -2, "maxValue": 6})");
  CHECK(linear.nearest_at(0.25) == doctest::Approx(0));
  const auto log = numeric(
      R"("scaleType": "UNIT_LOG_SCALE", "doubleValueSpec": {"minValue": 1e-4, "maxValue": 1})");
  CHECK(log.nearest_at(0.5) == doctest::Approx(1e-2));
  const auto reverse = numeric(
      R"("scaleType": "UNIT_REVERSE_LOG_SCALE", "doubleValueSpec": {"minValue": 0.01, "maxValue": 1})");
  CHECK(reverse.nearest_at(0.5) == doctest::Approx(1.01 - 0.1));
  for (const auto& p : {linear, log, reverse}) {
    CHECK(p.nearest_at(0) == doctest::Approx(p.low));
    CHECK(p.nearest_at(1) == doctest::Approx(p.high));
    double before = p.low;
    for (int i = 0; i <= 64; ++i) {
      const auto unit = i / 64.0;
      const auto x = p.nearest_at(unit);
      CHECK(x >= before);
      CHECK(x <= p.high);
      CHECK(p.unit_of(x) == doctest::Approx(unit));
      before = x;
    }
  }
  CHECK(numeric(R"("doubleValueSpec": {"minValue": 3, "maxValue": 3})").unit_of(3) == 0.5);
}

TEST_CASE("scales over all that a double can hold, and down to its precision") {
  for (const auto* range :
       {R"({"minValue": 1e-300, "maxValue": 1e300})", R"({"minValue": 5e-324, "maxValue": 1})",
        R"({"minValue": 1e-20, "maxValue": 1})",
        R"({"minValue": 1, "maxValue": 1.0000000000000002})"}) {
    for (const auto* scale : {"UNIT_LOG_SCALE", "UNIT_REVERSE_LOG_SCALE"}) {
      const auto p =
          numeric(std::string(R"("scaleType": ")") + scale + R"(", "doubleValueSpec": )" + range);
      double before = p.low;
      for (int i = 0; i <= 64; ++i) {
        const auto x = p.nearest_at(i / 64.0);
        CHECK(x >= before);
        CHECK(x <= p.high);
        CHECK(p.unit_of(x) >= 0);
        CHECK(p.unit_of(x) <= 1);
        before = x;
      }
      CHECK(p.nearest_at(1) == doctest::Approx(p.high));
    }
  }
  const auto log = numeric(
      R"("scaleType": "UNIT_LOG_SCALE", "doubleValueSpec": {"minValue": 1e-300, "maxValue": 1e300})");
  CHECK(log.nearest_at(0.5) == doctest::Approx(1));
}

TEST_CASE("a continuum that pins make unreachable leaves a finite space") {
  const auto study = study_of(R"(
    {"parameterId": "kind", "categoricalValueSpec": {"values": ["a", "b"]}, "conditionalParameterSpecs": [
      {"parentCategoricalValues": {"values": ["b"]}, "parameterSpec": {"parameterId": "x", "doubleValueSpec": {"minValue": 0, "maxValue": 1}}}]})");
  const auto pinned = [&](const std::string& kind) {
    const auto values = trials_of({{{"kind", kind}}});
    search_space space(*study);
    space.pin(values->getTrials()[0].getParameters());
    return space.finite();
  };
  CHECK(pinned("a"));
  CHECK(!pinned("b"));
  CHECK(!search_space(*study).finite());
}

TEST_CASE("a pinned parameter pins its parents, in whatever order they are named") {
  const auto study = study_of(R"(
    {"parameterId": "kind", "categoricalValueSpec": {"values": ["a", "b"]}, "conditionalParameterSpecs": [
      {"parentCategoricalValues": {"values": ["a"]}, "parameterSpec": {"parameterId": "x", "integerValueSpec": {"minValue": 0, "maxValue": 3}}},
      {"parentCategoricalValues": {"values": ["b"]}, "parameterSpec": {"parameterId": "x", "integerValueSpec": {"minValue": 0, "maxValue": 9}}},
      {"parentCategoricalValues": {"values": ["b"]}, "parameterSpec": {"parameterId": "y", "integerValueSpec": {"minValue": 0, "maxValue": 9}}}]})");
  const auto kind_with = [&](const std::vector<parameter_value>& named) {
    const auto values = trials_of({named});
    search_space space(*study);
    space.pin(values->getTrials()[0].getParameters());
    return space.pinned(0);
  };
  CHECK(kind_with({{"x", 1.0, true}, {"y", 2.0, true}}) == 1);
  CHECK(kind_with({{"y", 2.0, true}, {"x", 1.0, true}}) == 1);
  CHECK(kind_with({{"x", 1.0, true}}) == 0);
}

TEST_CASE("integers are drawn equally often, their ends included") {
  const auto p = numeric(R"("integerValueSpec": {"minValue": -1, "maxValue": 2})");
  std::vector<int> counts(4);
  for (int i = 0; i < 4000; ++i)
    ++counts[static_cast<size_t>(p.drawn_at((i + 0.5) / 4000) + 1)];
  CHECK(counts == std::vector<int>{1000, 1000, 1000, 1000});

  const auto log = numeric(
      R"("scaleType": "UNIT_LOG_SCALE", "integerValueSpec": {"minValue": 1, "maxValue": 7})");
  CHECK(log.drawn_at(0) == 1);
  CHECK(log.drawn_at(1) == 7);
  // ln(1.5/0.5) of ln(7.5/0.5)
  CHECK(log.drawn_at(0.405) == 1);
  CHECK(log.drawn_at(0.407) == 2);
}

TEST_CASE("discrete values are the nearest under a scale, and equally likely without one") {
  const auto bare = numeric(R"("discreteValueSpec": {"values": [1, 2, 100]})");
  CHECK(bare.drawn_at(0.34) == 2);
  CHECK(bare.drawn_at(0.99) == 100);
  CHECK(bare.nearest_at(0.4) == 2);
  const auto log =
      numeric(R"("scaleType": "UNIT_LOG_SCALE", "discreteValueSpec": {"values": [1, 10, 100]})");
  CHECK(log.drawn_at(0.5) == 10);
  CHECK(log.drawn_at(0.1) == 1);
}

TEST_CASE("a trial is read back as the row it was made from") {
  const auto study = study_of(conditional_space);
  const auto sgd =
      row_with(study, {{"batch", 32.0, true}, {"optimizer", "sgd"}, {"momentum", 0.9}});
  REQUIRE(sgd);
  CHECK(std::isnan((*sgd)[3]));
  CHECK(text_of(search_space(*study).values_of(*sgd)) == "batch=32 optimizer=sgd momentum=0.9");
  CHECK(row_with(study, {{"batch", 32.000000000001}, {"optimizer", "adam"}, {"warmup", 1.0}}));

  CHECK_FALSE(row_with(study, {{"batch", 33.0}, {"optimizer", "sgd"}, {"momentum", 0.9}}));
  CHECK_FALSE(row_with(study, {{"batch", 32.0}, {"optimizer", "sgd"}}));
  CHECK_FALSE(row_with(study, {{"batch", "32"}, {"optimizer", "sgd"}, {"momentum", 0.9}}));
  CHECK_FALSE(row_with(study, {{"batch", 32.0}, {"optimizer", "rprop"}}));
  CHECK_FALSE(row_with(study, {{"batch", 32.0}, {"optimizer", "adam"}, {"warmup", 1.5}}));
  CHECK_FALSE(row_with(study, {{"batch", 32.0}, {"optimizer", "adam"}, {"warmup", 3.0}}));
  CHECK_FALSE(row_with(study, {{"batch", 32.0}, {"optimizer", "adam"}, {"warmup", 2.0}}));
}

TEST_CASE("the flags of a trial leave out what is inactive") {
  const auto study = study_of(conditional_space);
  const auto job =
      trials_of({{{"batch", 16.0}, {"optimizer", "lion"}, {"warmup", 2.0}, {"shape", "cosine"}}});
  CHECK(flags_of(*study, job->getTrials()[0].getParameters())
        == std::vector<std::string>{"--batch=16", "--optimizer=lion", "--warmup=2",
                                    "--shape=cosine"});
}
