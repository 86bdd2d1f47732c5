#include "tuner/bayesian.hpp"

#include "tests/tuner/study_of.hpp"
#include "tuner/gp/warp.hpp"
#include "tuner/objective.hpp"
#include "tuner/stopping/forecast.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

using namespace troupe;
using namespace troupe::tuner;

namespace {

using point = std::vector<parameter_value>;

/// A trial that is under way has no outcome; one that failed has one without values.
struct past_trial {
  point at;
  std::optional<std::vector<double>> outcome;
};

wire::frame<wire::HyperparameterTuningJob> job_with(const study_frame& study,
                                                    const std::vector<past_trial>& past) {
  std::vector<point> points;
  for (const auto& trial : past)
    points.push_back(trial.at);
  const auto bare = trials_of(points);
  using job = wire::HyperparameterTuningJob;
  return wire::frame<job>::build([&](job::Builder built) {
    built.setTrials(bare->getTrials());
    auto trials = built.getTrials();
    for (uint32_t i = 0; i < trials.size(); ++i) {
      const auto& outcome = past[i].outcome;
      if (!outcome) continue;
      trials[i].setState(outcome->empty() ? wire::Trial::State::INFEASIBLE
                                          : wire::Trial::State::SUCCEEDED);
      if (outcome->empty()) continue;
      auto metrics = trials[i].initFinalMeasurement().initMetrics(study->getMetrics().size());
      for (uint32_t m = 0; m < metrics.size(); ++m) {
        metrics[m].setMetricId(study->getMetrics()[m].getMetricId());
        metrics[m].setValue((*outcome)[m]);
      }
    }
  });
}

suggestion_set next(const study_frame& study, const std::vector<past_trial>& past, uint32_t count,
                    uint64_t seed = 1) {
  const auto job = job_with(study, past);
  return suggest(*study, job->getTrials(), seed, count);
}

double number(const point& at, const std::string& id) {
  const auto found = std::ranges::find(at, id, &parameter_value::id);
  REQUIRE(found != at.end());
  return std::get<double>(found->value);
}

std::string text(const point& at, const std::string& id) {
  const auto found = std::ranges::find(at, id, &parameter_value::id);
  REQUIRE(found != at.end());
  return std::get<std::string>(found->value);
}

/// Trials one after the other. An outcome without values: the trial failed.
std::vector<past_trial> run(const study_frame& study, size_t trials,
                            const std::function<std::vector<double>(const point&)>& outcome) {
  std::vector<past_trial> past;
  while (past.size() < trials) {
    const auto suggested = next(study, past, 1);
    if (suggested.sets.empty()) break;
    past.push_back({suggested.sets[0], outcome(suggested.sets[0])});
  }
  return past;
}

double best(const std::vector<past_trial>& past) {
  double least = std::numeric_limits<double>::infinity();
  for (const auto& trial : past) {
    if (trial.outcome && !trial.outcome->empty()) least = std::min(least, trial.outcome->front());
  }
  return least;
}

std::string real(const std::string& id, double low, double high, const std::string& scale = "") {
  const auto scaled = scale.empty() ? "" : R"("scaleType": ")" + scale + "\", ";
  return fmt::format(
      R"({{"parameterId": "{}", {}"doubleValueSpec": {{"minValue": {}, "maxValue": {}}}}})", id,
      scaled, low, high);
}

study_frame minimising(const std::string& parameters,
                       const std::string& metrics = R"({"metricId": "m", "goal": "MINIMIZE"})",
                       const std::string& fields = "") {
  auto study = wire::from_json<wire::StudySpec>("{" + fields + R"("metrics": [)" + metrics
                                                + R"(], "parameters": [)" + parameters + "]}");
  REQUIRE_MESSAGE(study, study.error().message);
  return *study;
}

const std::string square = real("x", -4, 6) + ", " + real("y", -4, 6);

double bowl(const point& at) {
  return std::pow(number(at, "x") - 1.3, 2) + 3 * std::pow(number(at, "y") + 0.7, 2);
}

} // namespace

TEST_CASE("a bowl is found in a few trials, and the first of them is the middle") {
  const auto study = minimising(square);
  const auto past = run(study, 20, [](const point& at) { return std::vector{bowl(at)}; });
  CHECK(number(past[0].at, "x") == 1);
  CHECK(best(past) < 1e-4);
}

TEST_CASE("the same trials and seed give the same suggestions, another seed gives others") {
  const auto study = minimising(square);
  const auto past = run(study, 6, [](const point& at) { return std::vector{bowl(at)}; });
  CHECK(next(study, past, 3, 5).sets == next(study, past, 3, 5).sets);
  CHECK(next(study, past, 3, 5).sets != next(study, past, 3, 6).sets);
}

TEST_CASE("the same point is found when the goal and all values are negated") {
  const auto study = minimising(square, R"({"metricId": "m"})");
  const auto past = run(study, 20, [](const point& at) { return std::vector{-bowl(at)}; });
  double most = -1e9;
  for (const auto& trial : past)
    most = std::max(most, trial.outcome->front());
  CHECK(most > -1e-4);
}

TEST_CASE("scales, integers, lists and categories are searched together") {
  const auto study = minimising(
      real("lr", 1e-6, 1, "UNIT_LOG_SCALE") + ", "
      + real("keep", 0.5, 0.999, "UNIT_REVERSE_LOG_SCALE")
      + R"(, {"parameterId": "layers", "integerValueSpec": {"minValue": 1, "maxValue": 40}},
             {"parameterId": "batch", "discreteValueSpec": {"values": [1, 2, 16, 17]}},
             {"parameterId": "kind", "categoricalValueSpec": {"values": ["a", "b", "c"]}})");
  const auto loss = [](const point& at) {
    return std::pow(std::log10(number(at, "lr")) + 3, 2)
           + std::pow(std::log10(1.4 - number(at, "keep")), 2)
           + std::pow((number(at, "layers") - 11) / 10, 2) + (number(at, "batch") == 2 ? 0 : 0.5)
           + (text(at, "kind") == "b" ? 0 : 1);
  };
  const auto past = run(study, 40, [&](const point& at) { return std::vector{loss(at)}; });
  const auto found = std::ranges::min_element(
      past, {}, [](const past_trial& trial) { return trial.outcome->front(); });
  CHECK(text(found->at, "kind") == "b");
  CHECK(number(found->at, "batch") == 2);
  CHECK(best(past) < 0.05);
}

TEST_CASE("a conditional parameter is tuned in its branch") {
  const auto study =
      minimising(R"({"parameterId": "kind", "categoricalValueSpec": {"values": ["flat", "deep"]},
    "conditionalParameterSpecs": [
      {"parentCategoricalValues": {"values": ["flat"]}, "parameterSpec": )"
                 + real("a", 0, 1) + R"(},
      {"parentCategoricalValues": {"values": ["deep"]}, "parameterSpec": )"
                 + real("b", 0, 1) + R"(},
      {"parentCategoricalValues": {"values": ["deep"]}, "parameterSpec": )"
                 + real("c", 0, 1) + "}]}");
  const auto loss = [](const point& at) {
    if (text(at, "kind") == "flat") return 0.5 + std::pow(number(at, "a") - 0.5, 2);
    return std::pow(number(at, "b") - 0.8, 2) + std::pow(number(at, "c") - 0.15, 2);
  };
  const auto past = run(study, 25, [&](const point& at) { return std::vector{loss(at)}; });
  CHECK(best(past) < 1e-3);
}

TEST_CASE("no branch is given up before its own parameters were tuned") {
  const auto study = minimising(R"(
    {"parameterId": "arm", "categoricalValueSpec": {"values": ["a", "b"]}, "conditionalParameterSpecs": [
      {"parentCategoricalValues": {"values": ["a"]}, "parameterSpec": {"parameterId": "x", "doubleValueSpec": {"minValue": 0, "maxValue": 1}}},
      {"parentCategoricalValues": {"values": ["b"]}, "parameterSpec": {"parameterId": "y", "doubleValueSpec": {"minValue": 0, "maxValue": 1}}}]})");
  // Arm b is best, but only in a narrow place.
  const auto past = run(study, 50, [](const point& at) {
    if (text(at, "arm") == "a") return std::vector{0.5 + std::pow(number(at, "x") - 0.3, 2)};
    return std::vector{1.5 - 1.5 * std::exp(-60 * std::pow(number(at, "y") - 0.87, 2))};
  });
  CHECK(best(past) < 0.05);
}

TEST_CASE("points under way are not suggested again, nor near ones") {
  const auto study = minimising(square);
  auto past = run(study, 8, [](const point& at) { return std::vector{bowl(at)}; });
  for (auto& at : next(study, past, 6).sets)
    past.push_back({std::move(at), std::nullopt});
  for (size_t i = 8; i < past.size(); ++i) {
    for (size_t j = 0; j < i; ++j)
      CHECK(std::hypot(number(past[i].at, "x") - number(past[j].at, "x"),
                       number(past[i].at, "y") - number(past[j].at, "y"))
            > 1e-4);
  }
}

TEST_CASE("where slopes lead, a batch gathers around the point expected to be best") {
  const auto spread = [](const std::string& more) {
    const auto study = minimising(square + more);
    const auto past = run(study, 8, [](const point& at) { return std::vector{bowl(at)}; });
    const auto batch = next(study, past, 9).sets;
    double sum = 0;
    for (const auto& at : batch)
      sum += std::hypot(number(at, "x") - 1.3, number(at, "y") + 0.7);
    return sum / static_cast<double>(batch.size());
  };
  std::string idle;
  for (const auto* id : {"p", "q", "r", "s"})
    idle += ", " + real(id, 0, 1);
  CHECK(spread(idle) < 0.8); // 1.25 without the narrow bound
  // A list has no neighbourhood to refine: its other values are tried.
  CHECK(spread(R"(, {"parameterId": "a", "integerValueSpec": {"minValue": 0, "maxValue": 3}},
                    {"parameterId": "b", "categoricalValueSpec": {"values": ["p", "q", "r"]}})")
        > 1.5);
}

TEST_CASE("a batch goes on where single suggestions with trials under way do") {
  const auto study = minimising(square);
  auto past = run(study, 5, [](const point& at) { return std::vector{bowl(at)}; });
  const auto batch = next(study, past, 4).sets;
  REQUIRE(batch.size() == 4);
  past.push_back({batch[0], std::nullopt});
  CHECK(next(study, past, 1).sets[0] != batch[0]);
}

TEST_CASE("where trials fail, fewer are tried, and the best of the others is found") {
  const auto study = minimising(square);
  size_t failed = 0;
  const auto past = run(study, 30, [&](const point& at) -> std::vector<double> {
    // The bowl's bottom would be at x = 1.3.
    if (number(at, "x") > 0) return ++failed, std::vector<double>();
    return {bowl(at)};
  });
  CHECK(best(past) < 1.3 * 1.3 + 0.1);
  CHECK(failed < 22);
}

TEST_CASE("trials that all failed leave the search where it was") {
  const auto study = minimising(square);
  const auto past = run(study, 6, [](const point&) { return std::vector<double>(); });
  CHECK(past.size() == 6);
}

TEST_CASE("most trials are safe when there is a safety metric") {
  const auto study = minimising(square, R"({"metricId": "m", "goal": "MINIMIZE"},
    {"metricId": "heat", "goal": "MINIMIZE", "safetyConfig": {"safetyThreshold": 2, "desiredMinSafeTrialsFraction": 0.7}})");
  size_t safe = 0;
  double least = 1e9;
  run(study, 25, [&](const point& at) {
    const auto heat = number(at, "x") + number(at, "y") + 2;
    if (heat <= 2) ++safe, least = std::min(least, bowl(at));
    return std::vector{bowl(at), heat};
  });
  CHECK(safe >= 15);
  CHECK(least < 0.4); // the bowl's least on x + y = 0 is 0.27
}

TEST_CASE("two objectives: the front grows from end to end") {
  const auto study = minimising(
      square, R"({"metricId": "a", "goal": "MINIMIZE"}, {"metricId": "b", "goal": "MINIMIZE"})");
  const auto past = run(study, 25, [](const point& at) {
    const auto x = number(at, "x");
    const auto y = number(at, "y");
    return std::vector{std::pow(x, 2) + y * y, std::pow(x - 2, 2) + y * y};
  });
  const auto job = job_with(study, past);
  const auto front = optimal_trials(*study, job->getTrials());
  CHECK(front.size() >= 6);
  double low = 1e9;
  double high = 0;
  for (auto i : front) {
    low = std::min(low, past[i].outcome->front());
    high = std::max(high, past[i].outcome->front());
  }
  CHECK(low < 0.5);
  CHECK(high > 2.5);
}

TEST_CASE("two objectives under a safety threshold: the front is sought among safe trials") {
  const auto study = minimising(
      square, R"({"metricId": "a", "goal": "MINIMIZE"}, {"metricId": "b", "goal": "MINIMIZE"},
                 {"metricId": "s", "goal": "MINIMIZE", "safetyConfig": {"safetyThreshold": 1}})");
  // Both objectives fall towards (3, 3), where nothing is safe.
  const auto past = run(study, 30, [](const point& at) {
    const auto x = number(at, "x");
    const auto y = number(at, "y");
    return std::vector{std::pow(x - 3, 2) + std::pow(y - 2.5, 2),
                       std::pow(x - 2.5, 2) + std::pow(y - 3, 2), x + y};
  });
  double nearest = 1e9;
  for (const auto& trial : past)
    if ((*trial.outcome)[2] <= 1)
      nearest = std::min(nearest, (*trial.outcome)[0] + (*trial.outcome)[1]);
  // On the border, at (0.5, 0.5), it is 20.5.
  CHECK(nearest < 23);
}

TEST_CASE("a finite space is used up point by point, the best first") {
  const auto study = minimising(
      R"({"parameterId": "n", "integerValueSpec": {"minValue": 0, "maxValue": 6}},
         {"parameterId": "k", "categoricalValueSpec": {"values": ["a", "b"]}})",
      R"({"metricId": "m", "goal": "MINIMIZE"})", R"("observationNoise": "LOW", )");
  const auto past = run(study, 50, [](const point& at) {
    return std::vector{std::pow(number(at, "n") - 5, 2) + (text(at, "k") == "a" ? 0 : 3)};
  });
  CHECK(past.size() == 14);
  CHECK(next(study, past, 1).exhausted);
}

TEST_CASE("losses that cannot be told apart or that span everything do no harm") {
  const auto study = minimising(square);
  run(study, 8, [](const point&) { return std::vector{3.0}; });
  const auto wild = run(study, 20, [](const point& at) {
    return std::vector{std::expm1(std::min(700.0, 30 * bowl(at)))};
  });
  CHECK(best(wild) < 1e20);
}

TEST_CASE("a stopped trial counts with the value that it would have ended at") {
  const auto study =
      minimising(R"({"parameterId": "x", "doubleValueSpec": {"minValue": 0, "maxValue": 1}})",
                 R"({"metricId": "m", "goal": "MINIMIZE"})", R"("decayCurveStoppingSpec": {}, )");
  const auto value = [](double x, int step) { return std::pow(x - 0.7, 2) + 1.0 / step; };
  using job = wire::HyperparameterTuningJob;
  std::vector<point> points;
  for (double x : {0.1, 0.3, 0.5, 0.6, 0.8, 0.9, 0.95, 0.2})
    points.push_back({{"x", x}});
  const auto bare = trials_of(points);
  const auto trials = wire::frame<job>::build([&](job::Builder built) {
    built.setTrials(bare->getTrials());
    auto list = built.getTrials();
    for (uint32_t i = 0; i < list.size(); ++i) {
      // The last is stopped.
      const int steps = i + 1 < list.size() ? 20 : 5;
      const auto x = std::get<double>(points[i][0].value);
      list[i].setState(wire::Trial::State::SUCCEEDED);
      if (steps < 20) list[i].setStoppingReason("decay curve rule");
      auto measured = list[i].initMeasurements(static_cast<uint32_t>(steps));
      for (int step = 1; step <= steps; ++step) {
        auto m = measured[static_cast<uint32_t>(step - 1)];
        m.setStepCount(step);
        auto metric = m.initMetrics(1)[0];
        metric.setMetricId("m");
        metric.setValue(value(x, step));
      }
      list[i].setFinalMeasurement(measured[static_cast<uint32_t>(steps - 1)]);
    }
  });
  const auto ends = curves::expected_ends(*study, trials->getTrials());
  REQUIRE(ends.size() == 8);
  for (size_t i = 0; i < 7; ++i)
    CHECK(!ends[i]);
  REQUIRE(ends[7]);
  CHECK(*ends[7] == doctest::Approx(value(0.2, 20)).epsilon(0.15));
}

TEST_CASE("more trials under way and failed ones than a model can take do no harm") {
  const auto study = minimising(square);
  auto past = run(study, 8, [](const point& at) { return std::vector{bowl(at)}; });
  for (int i = 0; i < 600; ++i) {
    const auto more = suggest_after(study, {}, static_cast<uint64_t>(i + 2), 1).sets[0];
    past.push_back({more, i % 2 == 0 ? std::nullopt : std::optional(std::vector<double>{})});
  }
  CHECK(next(study, past, 2).sets.size() == 2);
}

TEST_CASE("one huge value among tiny ones does no harm") {
  const auto study = minimising(square);
  const auto past = run(study, 12, [](const point& at) {
    return std::vector{bowl(at) > 8 ? 1.0 : 1e-310 * std::round(10 * bowl(at))};
  });
  const gp::vector losses{{0, 1e-310, 1e-310, 1}};
  CHECK(gp::warp(losses, 0.1).losses.allFinite());
  CHECK(gp::warp(losses, std::numeric_limits<double>::infinity()).losses.allFinite());
  CHECK(past.size() == 12);
}

namespace {

/// 25 trials of the bowl, its bottom moved by `shift` and its losses in other units.
std::vector<past_trial> earlier_bowl(const study_frame& study, double shift) {
  return run(study, 25, [&](const point& at) {
    auto moved = at;
    std::get<double>(moved[0].value) -= shift;
    return std::vector{1000 * bowl(moved) + 5000};
  });
}

std::vector<past_trial> run_after(const study_frame& study, const study_frame& earlier_study,
                                  const std::vector<past_trial>& earlier, size_t trials) {
  const auto before = job_with(earlier_study, earlier);
  const std::vector<prior_study> priors{{*earlier_study, before->getTrials()}};
  std::vector<past_trial> past;
  while (past.size() < trials) {
    const auto job = job_with(study, past);
    const auto suggested =
        suggest(*study, job->getTrials(), {.seed = 1, .count = 1, .fixed = {}, .priors = priors});
    REQUIRE(suggested.sets.size() == 1);
    past.push_back({suggested.sets[0], std::vector{bowl(suggested.sets[0])}});
  }
  return past;
}

} // namespace

TEST_CASE("an earlier study of the same gives a start near the best, whatever its units") {
  const auto study = minimising(square);
  const auto past = run_after(study, study, earlier_bowl(study, 0), 2);
  CHECK(best(past) < 0.5);
}

TEST_CASE("an earlier study that misleads is outvoted by trials") {
  const auto study = minimising(square);
  const auto past = run_after(study, study, earlier_bowl(study, 3), 25);
  CHECK(best(past) < 0.3);
}

TEST_CASE("an earlier study of other parameters, ranges or metrics does no harm") {
  const auto study = minimising(square);
  const auto wider = minimising(real("x", -40, 60) + ", " + real("z", 0, 1));
  const auto wide_trials =
      run(wider, 10, [](const point& at) { return std::vector{std::abs(number(at, "x") - 1.3)}; });
  CHECK(best(run_after(study, wider, wide_trials, 25)) < 0.5);
  const auto other = minimising(real("z", 0, 1), R"({"metricId": "other", "goal": "MAXIMIZE"})");
  const auto other_trials = run(other, 5, [](const point&) { return std::vector{1.0}; });
  CHECK(best(run_after(study, other, other_trials, 25)) < 0.5);
}

TEST_CASE("values that are fixed stay so, whatever the algorithm") {
  const std::string branches =
      R"({"parameterId": "kind", "categoricalValueSpec": {"values": ["a", "b"]},
          "conditionalParameterSpecs": [{"parentCategoricalValues": {"values": ["b"]},
            "parameterSpec": {"parameterId": "depth", "integerValueSpec": {"minValue": 1, "maxValue": 3}}}]},
         {"parameterId": "n", "discreteValueSpec": {"values": [1, 2, 4]}})";
  using list = capnp::List<wire::Trial::Parameter>;
  const auto wish = wire::frame<wire::Trial>::build([](wire::Trial::Builder trial) {
    auto fixed = trial.initParameters(1)[0];
    fixed.setParameterId("depth");
    fixed.initValue().setNumber(2);
  });
  for (const auto* algorithm : {"ALGORITHM_UNSPECIFIED", "RANDOM_SEARCH", "GRID_SEARCH"}) {
    CAPTURE(algorithm);
    const auto study =
        minimising(branches, R"({"metricId": "m", "goal": "MINIMIZE"})",
                   fmt::format(R"("observationNoise": "LOW", "algorithm": "{}", )", algorithm));
    std::vector<past_trial> past{{{{"kind", "a"}, {"n", 1.0, true}}, std::vector{0.0}}};
    while (past.size() < 10) {
      const auto job = job_with(study, past);
      const list::Reader fixed = wish->getParameters();
      const auto suggested =
          suggest(*study, job->getTrials(), {.seed = 1, .count = 1, .fixed = fixed, .priors = {}});
      if (suggested.sets.empty()) break;
      CHECK(text(suggested.sets[0], "kind") == "b");
      CHECK(number(suggested.sets[0], "depth") == 2);
      past.push_back({suggested.sets[0], std::vector{number(suggested.sets[0], "n")}});
    }
    CHECK(past.size() == 4); // the one before, and n = 1, 2, 4
  }
}

TEST_CASE("the first trial takes the default values") {
  const auto study = minimising(
      R"({"parameterId": "x", "doubleValueSpec": {"minValue": 0, "maxValue": 10, "defaultValue": 7}},
         {"parameterId": "k", "categoricalValueSpec": {"values": ["a", "b"], "defaultValue": "b"}})");
  const auto first = next(study, {}, 1).sets.at(0);
  CHECK(number(first, "x") == 7);
  CHECK(text(first, "k") == "b");
}
