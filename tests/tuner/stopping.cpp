#include "tests/tuner/stopping_studies.hpp"

using namespace troupe;
using namespace troupe::tuner;

namespace {

const std::string median = R"("medianAutomatedStoppingSpec": {})";
const std::string asha =
    R"("ashaAutomatedStoppingSpec": {"minStepCount": "1", "reductionFactor": 2})";

/// Running averages at step 2: 1.5, 3 and 0.5.
const std::vector<told_trial> three{{.curve = {{1, 1}, {2, 2}, {3, 3}}},
                                    {.curve = {{1, 2}, {2, 4}, {3, 6}}},
                                    {.curve = {{1, 0}, {2, 1}, {3, 5}}}};

std::vector<told_trial> with(std::vector<told_trial> trials, const told_trial& more) {
  trials.push_back(more);
  return trials;
}

} // namespace

TEST_CASE("without a rule, trials or a single objective nothing is stopped") {
  const auto bad = with(three, running({{1, -9}, {2, -9}}));
  CHECK(stopped(study_with(median), bad) == indices{3});
  CHECK(stopped(study_with(R"("algorithm": "RANDOM_SEARCH")"), bad).empty());
  CHECK(stopped(study_with(median, R"({"metricId": "m"}, {"metricId": "n"})"), bad).empty());
  CHECK(stopped(study_with(median), {}).empty());
  CHECK(stopped(study_with(median), three).empty());
}

TEST_CASE(
    "the median rule stops a trial that is strictly worse than the median of running averages at its step") {
  const auto study = study_with(median);
  CHECK(stopped(study, with(three, running({{1, 0}, {2, 1.5}}))).empty());
  const auto found = stops(study, with(three, running({{1, 0}, {2, 1.4}})));
  REQUIRE(found.size() == 1);
  CHECK(found[0].trial == 3);
  CHECK(found[0].reason
        == "median rule: at step 2 its best m 1.4 is worse than 1.5, the median of the running "
           "averages of 3 completed trials");
}

TEST_CASE("the median rule judges a trial by its best measurement, not by its last") {
  CHECK(stopped(study_with(median), with(three, running({{1, 1.6}, {2, -5}}))).empty());
}

TEST_CASE("the median rule stops a trial with a large value when the goal is to minimize") {
  const auto study = study_with(median, smaller);
  auto negative = three;
  for (auto& one : negative) {
    for (auto& point : one.curve)
      point.value = -point.value;
  }
  CHECK(stopped(study, with(negative, running({{1, 9}, {2, -1.5}}))).empty());
  CHECK(stopped(study, with(negative, running({{1, 9}, {2, -1.4}}))) == indices{3});
}

TEST_CASE("the median rule compares at the same elapsed time when asked to") {
  const auto study = study_with(R"("medianAutomatedStoppingSpec": {"useElapsedDuration": true})");
  std::vector<told_trial> trials;
  for (double factor : {1.0, 2.0, 3.0})
    trials.push_back({.curve = {{1, factor, 10}, {2, 9 * factor, 20}}});
  // At 15 s the averages are 1, 2 and 3; at step 7 they would be 5, 10 and 15.
  CHECK(stopped(study, with(trials, running({{7, 2, 15}}))).empty());
  const auto found = stops(study, with(trials, running({{7, 1.9, 15}})));
  REQUIRE(found.size() == 1);
  CHECK(found[0].reason.find("at 15 s") != std::string::npos);
}

TEST_CASE("the median rule counts stopped trials, but neither failed nor running ones") {
  const auto study = study_with(median);
  const std::vector<told_trial> two(three.begin(), three.begin() + 2);
  const auto bad = running({{1, -9}, {2, -9}});
  CHECK(stopped(study, with(two, bad)).empty());
  CHECK(stopped(study, with(with(two, {.curve = {{1, 0}}, .stopped = "median"}), bad))
        == indices{3});
  CHECK(stopped(study, with(with(two, {.state = trial_state::INFEASIBLE, .curve = {{1, 0}}}), bad))
            .empty());
  CHECK(stopped(study, with(with(two, running({{1, 5}})), bad)).empty());
}

TEST_CASE("ASHA stops the same trial as Ray Tune when 2, 4 and 1 reach the first rung") {
  const auto study = study_with(asha);
  std::vector<told_trial> trials{running({{1, 2}})};
  CHECK(stopped(study, trials).empty());
  trials.push_back(running({{1, 4}}));
  CHECK(stopped(study, trials).empty());
  trials.push_back(running({{1, 1}}));
  const auto found = stops(study, trials);
  REQUIRE(found.size() == 1);
  CHECK(found[0].trial == 2);
  CHECK(found[0].reason
        == "asynchronous successive halving: its m 1 at step 1 (rung 0, at 1) is worse than 3, the "
           "best 1/2 of 2 trials that were there before");
}

TEST_CASE(
    "ASHA stops a trial with a large value when the goal is to minimize, however the others ended") {
  const auto study = study_with(asha, smaller);
  CHECK(stopped(study, {{.curve = {{1, 2}}, .stopped = "asha"},
                        {.state = trial_state::INFEASIBLE, .curve = {{1, 4}}},
                        running({{1, 3.5}}),
                        running({{1, 2.5}})})
        == indices{2});
}

TEST_CASE("ASHA counts a measurement at the highest rung that it is the first to reach") {
  const auto study = study_with(asha);
  // At rungs 1, 2 and 4; the second trial skips to the last.
  const told_trial first{.curve = {{1, 1}, {2, 2}, {3, 9}, {4, 4}}};
  CHECK(stopped(study, {first, running({{5, 3}})}) == indices{1});
  CHECK(stopped(study, {first, running({{1, 1}, {3, 2}})}).empty());
  CHECK(stopped(study, {first, running({{1, 1}, {3, 1.9}})}) == indices{1});
  // Once a rung was failed, later values do not help, unless the trial leads.
  CHECK(stopped(study, {first, running({{1, 0.5}, {2, 3}})}) == indices{1});
  CHECK(stopped(study, {first, running({{1, 0.5}, {2, 30}})}).empty());
}

TEST_CASE("ASHA orders the trials at a rung by the clock when times are known") {
  const auto study = study_with(asha);
  told_trial early = running({{1, 1, 10}});
  told_trial late = running({{1, 4, 10}});
  early.start_seconds = 1000;
  late.start_seconds = 900;
  CHECK(stopped(study, {early, late}) == indices{0});
  late.start_seconds = 1100;
  CHECK(stopped(study, {early, late}).empty());
}

TEST_CASE("ASHA has rungs in seconds when asked to, and defaults for its other fields") {
  const auto timed = study_with(
      R"("ashaAutomatedStoppingSpec": {"minStepCount": "60", "useElapsedDuration": true})");
  const told_trial first{.curve = {{1, 5, 60}}};
  CHECK(stopped(timed, {first, running({{1, 1, 59}})}).empty());
  CHECK(stopped(timed, {first, running({{1, 1, 61}})}) == indices{1});
  const auto plain = study_with(R"("ashaAutomatedStoppingSpec": {})");
  CHECK(stopped(plain, {first, running({{1, 1}})}) == indices{1});
}

TEST_CASE("a leading trial goes on, unless it is unsafe") {
  const auto metrics = R"({"metricId": "m"}, {"metricId": "danger", "goal": "MINIMIZE",
                           "safetyConfig": {"safetyThreshold": 0.5}})";
  const auto study = study_with(asha, metrics);
  auto leading = running({{1, 1}, {2, 30}});
  const told_trial first{.curve = {{1, 2}, {2, 2}}};
  CHECK(stopped(study, {first, leading}).empty());
  leading.safe = false;
  CHECK(stopped(study, {first, leading}) == indices{1});
}

TEST_CASE("curves are read from measurements with gaps, repeats or no steps") {
  for (const auto& rule : {median, asha, std::string(R"("decayCurveStoppingSpec": {})"),
                           std::string(R"("decayCurveStoppingSpec": {"useElapsedDuration": true})"),
                           std::string(R"("convexAutomatedStoppingSpec": {})")}) {
    const auto study = study_with(rule);
    std::vector<told_trial> trials{
        {.state = trial_state::ACTIVE},
        {.state = trial_state::REQUESTED},
        {.state = trial_state::SUCCEEDED},
        {.state = trial_state::STOPPING, .curve = {{1, 1}}},
        running({{1, not_a_number}, {2, not_a_number}}),
        running({{1, not_a_number}, {2, 1}, {2, 0.5}, {2, 0.25}}),
        running({{9, 1}, {3, 2}, {-5, 1}, {0, 7}}),
        running({{1, 1e300}, {2, -1e300}}),
    };
    for (int i = 0; i < 8; ++i)
      trials.push_back(curve([&](double step) { return i == 3 ? 1e300 : 1 - 1 / (step + i); }, 9));
    (void)stops(study, trials);
    trials.resize(8);
    for (int i = 0; i < 8; ++i)
      trials.push_back({.curve = {{0, 1}, {0, 1}, {0, 1}, {0, 1}, {0, 1}}});
    CHECK(stops(study, trials).size() <= 4);
  }
}

TEST_CASE("measurements are counted when they have no step") {
  std::vector<told_trial> trials = three;
  for (auto& one : trials) {
    for (auto& point : one.curve)
      point.step = 0;
  }
  const auto found = stops(study_with(median), with(trials, running({{0, 0}, {0, 1.4}})));
  REQUIRE(found.size() == 1);
  CHECK(found[0].reason.find("at measurement 2 its best m 1.4 is worse than 1.5")
        != std::string::npos);
}
