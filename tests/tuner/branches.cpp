#include "tuner/branches.hpp"

#include "tests/tuner/study_of.hpp"

using namespace troupe;
using namespace troupe::tuner;

namespace {

const std::string space_of_two = R"(
  {"parameterId": "kind", "categoricalValueSpec": {"values": ["a", "b", "c"]}, "conditionalParameterSpecs": [
    {"parentCategoricalValues": {"values": ["a"]}, "parameterSpec": {"parameterId": "x", "doubleValueSpec": {"minValue": 0, "maxValue": 1}}},
    {"parentCategoricalValues": {"values": ["b"]}, "parameterSpec": {"parameterId": "depth", "integerValueSpec": {"minValue": 1, "maxValue": 2},
      "conditionalParameterSpecs": [{"parentIntValues": {"values": [2]}, "parameterSpec": {"parameterId": "y", "doubleValueSpec": {"minValue": 0, "maxValue": 1}}}]}}]})";

/// Rows are kind, x, depth, y.
std::vector<row> rows(int a, int b1, int b2, int c) {
  constexpr auto none = std::numeric_limits<double>::quiet_NaN();
  std::vector<row> made;
  made.insert(made.end(), static_cast<size_t>(a), {0, 0.5, none, none});
  made.insert(made.end(), static_cast<size_t>(b1), {1, none, 1, none});
  made.insert(made.end(), static_cast<size_t>(b2), {1, none, 2, 0.5});
  made.insert(made.end(), static_cast<size_t>(c), {2, none, none, none});
  return made;
}

} // namespace

TEST_CASE("the branch that is most behind is next, its parents with it") {
  const auto study = study_of(space_of_two);
  const search_space space(*study);
  const auto next = [&](const std::vector<row>& tried) {
    const auto found = neglected_branch(space, {}, tried);
    return found ? std::pair(found->pinned(0), found->pinned(2)) : std::pair(-1.0, -1.0);
  };
  CHECK(next({}).first == 0);
  CHECK(next(rows(1, 0, 0, 1)).first == 1);
  // a is due 7 trials, b 12, c 2, depth 1 of b 2, depth 2 7.
  CHECK(next(rows(7, 1, 7, 2)) == std::pair(1.0, 1.0));
  CHECK(next(rows(7, 6, 6, 2)) == std::pair(1.0, 2.0));
  CHECK(next(rows(6, 5, 7, 2)).first == 0);
  CHECK(next(rows(7, 5, 7, 1)).first == 2);
  CHECK(next(rows(7, 5, 7, 2)).first == -1);
}

TEST_CASE("a pinned part of the space has only its own branches, a plain one none") {
  const auto study = study_of(space_of_two);
  const auto values = trials_of({{{"kind", "a"}}});
  search_space space(*study);
  space.pin(values->getTrials()[0].getParameters());
  CHECK(!neglected_branch(space, {}, {}));
  const auto plain =
      study_of(R"({"parameterId": "k", "categoricalValueSpec": {"values": ["a", "b"]}})");
  CHECK(!neglected_branch(search_space(*plain), {}, {}));
}
