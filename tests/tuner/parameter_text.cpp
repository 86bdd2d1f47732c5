#include "tuner/parameter_text.hpp"

#include "tests/tuner/study_of.hpp"

#include <doctest/doctest.h>

#include <limits>

using namespace troupe;
using namespace troupe::tuner;

namespace {

std::string integer(double value) { return parameter_text({"p", value, true}); }
std::string real(double value) { return parameter_text({"p", value}); }

/// The flags that a trial with these JSON values gets.
std::vector<std::string> flags(const study_frame& study, const std::string& parameters) {
  const auto trial = wire::from_json<wire::Trial>(R"({"parameters":[)" + parameters + "]}");
  REQUIRE_MESSAGE(trial, trial.error().message);
  return flags_of(*study, (*trial)->getParameters());
}

using texts = std::vector<std::string>;

} // namespace

TEST_CASE("a double is written as Python's repr writes it") {
  CHECK(real(0.1) == "0.1");
  CHECK(real(2.0) == "2.0");
  CHECK(real(0.0) == "0.0");
  CHECK(real(-0.0) == "-0.0");
  CHECK(real(-0.25) == "-0.25");
  CHECK(real(1.0 / 3) == "0.3333333333333333");
  CHECK(real(0.0001) == "0.0001");
  CHECK(real(1e-5) == "1e-05");
  CHECK(real(1.5e-7) == "1.5e-07");
  CHECK(real(100000.0) == "100000.0");
  CHECK(real(1e15) == "1000000000000000.0");
  CHECK(real(1e16) == "1e+16");
  CHECK(real(9007199254740993.0) == "9007199254740992.0");
  CHECK(real(123456789012345678.0) == "1.2345678901234568e+17");
  CHECK(real(1e100) == "1e+100");
  CHECK(real(std::numeric_limits<double>::max()) == "1.7976931348623157e+308");
  CHECK(real(std::numeric_limits<double>::denorm_min()) == "5e-324");
}

TEST_CASE("an integer has all its digits and no decimal point") {
  CHECK(integer(3.0) == "3");
  CHECK(integer(0.0) == "0");
  CHECK(integer(-0.0) == "0");
  CHECK(integer(-12.0) == "-12");
  CHECK(integer(1e16) == "10000000000000000");
  CHECK(integer(-9007199254740992.0) == "-9007199254740992");
  CHECK(integer(36028797018963968.0) == "36028797018963968");
  CHECK(integer(9.2e18) == "9200000000000000000");
}

TEST_CASE("a category is written as it is") {
  CHECK(parameter_text({"p", "a b=c"}) == "a b=c");
  CHECK(parameter_text({"p", ""}) == "");
  CHECK(parameter_text({"p", "2"}) == "2");
}

TEST_CASE("a discrete value is written as an integer where it is whole") {
  CHECK(is_written_whole(parameter_type::discrete, 32));
  CHECK_FALSE(is_written_whole(parameter_type::discrete, 0.5));
  CHECK_FALSE(is_written_whole(parameter_type::discrete, 1e300));
  CHECK(is_written_whole(parameter_type::integer, 1e300));
  CHECK_FALSE(is_written_whole(parameter_type::real, 32));
}

TEST_CASE("a stored trial's flags follow the types of its study") {
  const auto study = study_of(R"(
    {"parameterId": "width", "doubleValueSpec": {"minValue": 0, "maxValue": 4}},
    {"parameterId": "layers", "integerValueSpec": {"minValue": 1, "maxValue": 8}},
    {"parameterId": "batch", "discreteValueSpec": {"values": [0.5, 16, 32]}},
    {"parameterId": "opt", "categoricalValueSpec": {"values": ["sgd", "2"]}})");
  CHECK(flags(study, R"({"parameterId":"width","value":2},{"parameterId":"layers","value":2},
                        {"parameterId":"batch","value":16},{"parameterId":"opt","value":"2"})")
        == texts{"--width=2.0", "--layers=2", "--batch=16", "--opt=2"});
  CHECK(flags(study, R"({"parameterId":"batch","value":0.5},{"parameterId":"width","value":1e-5})")
        == texts{"--batch=0.5", "--width=1e-05"});
}

TEST_CASE("the types of conditional parameters are known as well") {
  const auto study = study_of(conditional_space);
  CHECK(
      flags(study, R"({"parameterId":"batch","value":16},{"parameterId":"optimizer","value":"lion"},
                        {"parameterId":"warmup","value":2},{"parameterId":"shape","value":"cosine"})")
      == texts{"--batch=16", "--optimizer=lion", "--warmup=2", "--shape=cosine"});
}

TEST_CASE("a parameter that the study does not have is written by its JSON type") {
  const auto study = study_of(R"({"parameterId": "lr", "doubleValueSpec": {"maxValue": 1}})");
  CHECK(flags(study, R"({"parameterId":"n","value":3},{"parameterId":"x","value":0.5},
                        {"parameterId":"on","value":true},{"parameterId":"s","value":"a"})")
        == texts{"--n=3", "--x=0.5", "--on=true", "--s=a"});
}
