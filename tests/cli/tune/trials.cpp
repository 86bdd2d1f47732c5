#include "cli/tune/trials.hpp"

#include "cli/tune/settings.hpp"
#include "tuner/failures.hpp"

#include <doctest/doctest.h>

#include <cmath>

using namespace troupe;
using namespace troupe::cli;

namespace {

using state = wire::Trial::State;

wire::frame<wire::HyperparameterTuningJob> study_of(const std::string& more = "",
                                                    const std::string& metrics = "") {
  return *tuned_job_of(
      "metrics: [{metricId: loss, goal: MINIMIZE}" + metrics + "]\n"
          + "parameters: [{parameterId: lr, doubleValueSpec: {minValue: 0, maxValue: 1}}]\n" + more,
      "study.yaml");
}

wire::metric_point at(int64_t step, double value, const char* tag = "loss") {
  return {tag, value, step, 1'000'000 + step};
}

trial_frame judge(const std::vector<wire::metric_point>& points, const program_end& end = {},
                  const wire::frame<wire::HyperparameterTuningJob>& job = study_of()) {
  const auto trial = started(new_trial(1, {{"lr", 0.5}}), 1'000'000);
  return judged(trial, job->getStudySpec(), points, end, 2'000'000);
}

std::string why(const trial_frame& trial) {
  CHECK(trial->getState() == state::INFEASIBLE);
  return wire::str(trial->getInfeasibleReason());
}

double final_loss(const trial_frame& trial) {
  REQUIRE(trial->getState() == state::SUCCEEDED);
  return trial->getFinalMeasurement().getMetrics()[0].getValue();
}

constexpr int exited(int code) { return code << 8; }

} // namespace

TEST_CASE("a trial is judged by its last measurement, or by its best one if the study says so") {
  const std::vector<wire::metric_point> points = {at(1, 0.5), at(2, 0.2), at(3, 0.3)};
  CHECK(final_loss(judge(points)) == 0.3);
  CHECK(final_loss(judge(points, {}, study_of("measurementSelectionType: BEST_MEASUREMENT")))
        == 0.2);
  CHECK(judge(points)->getMeasurements().size() == 3);
}

TEST_CASE("a trial is infeasible when its program fails") {
  const std::vector<wire::metric_point> good = {at(1, 0.5)};
  CHECK(why(judge(good, {.status = exited(3), .complaint = "ValueError: no"}))
        == "exit code 3: ValueError: no");
  CHECK(why(judge(good, {.status = exited(1)})) == "exit code 1");
  CHECK(why(judge(good, {.status = 11})) == "killed by SIGSEGV");
  CHECK(why(judge(good, {.status = 15, .overdue = "30m00s"}))
        == "it did not end within 30m00s, and was stopped");
  CHECK(why(judge({}, {.not_run = "cannot run ./train"})) == "cannot run ./train");
}

TEST_CASE("a trial is infeasible when its reports lack a finite metric") {
  CHECK(why(judge({})).starts_with("it reported no loss; expected the metric in the file"));
  CHECK(why(judge({at(1, 0.5), at(2, NAN)})) == "it reported loss = NaN; expected a finite number");
  CHECK(why(judge({at(1, INFINITY)})) == "it reported loss = Infinity; expected a finite number");
  const auto two = study_of("", ", {metricId: time, goal: MINIMIZE}");
  CHECK(why(judge({at(1, 0.5)}, {}, two)).starts_with("it reported no time; expected"));
  CHECK(why(judge({at(1, 0.5), at(2, 3, "time")}, {}, two))
        == "it never reported loss and time at the same step");
}

TEST_CASE("the best measurement counts even when the last one is not finite") {
  CHECK(final_loss(judge({at(1, 0.5), at(2, NAN)}, {},
                         study_of("measurementSelectionType: BEST_MEASUREMENT")))
        == 0.5);
}

TEST_CASE("a stopped trial is judged by what it reported") {
  const auto stopped = judge({at(1, 0.5)}, {.status = 15, .stopping_reason = "median"});
  CHECK(final_loss(stopped) == 0.5);
  CHECK(wire::view(stopped->getStoppingReason()) == "median");
  CHECK(why(judge({}, {.status = 15, .stopping_reason = "over"}))
            .starts_with("stopped (over), and it reported no loss"));
}

TEST_CASE("a trial that starts again drops its earlier reports") {
  const auto again = started(with_points(judge({}), std::vector{at(1, 0.5)}), 3'000'000);
  CHECK(again->getState() == state::ACTIVE);
  CHECK(again->getMeasurements().size() == 0);
}

TEST_CASE("a study fails when too many trials fail") {
  const auto fails = [](int32_t most, uint32_t failed, uint32_t over, bool first) {
    const auto why = tuner::too_many_failures(
        most, {failed, over, first ? std::optional<std::string>("a") : std::nullopt, "z"});
    return why.value_or("");
  };
  CHECK(fails(0, 0, 0, false) == "");
  CHECK(fails(0, 1, 1, true) == "The first trial failed, so no others were tried: a");
  CHECK(fails(0, 2, 3, true) == "");
  CHECK(fails(0, 1, 1, false) == "");
  CHECK(fails(0, 5, 9, true) == "5 of 9 trials failed. The last one: z");
  CHECK(fails(0, 5, 10, true) == "");
  CHECK(fails(3, 2, 2, true) == "");
  CHECK(fails(3, 3, 9, true) == "3 trials failed, and maxFailedTrialCount is 3. The last one: z");
}

TEST_CASE("failures are counted in the order in which trials ended") {
  const auto list = wire::frame<wire::HyperparameterTuningJob>::build([](auto built) {
    auto trials = built.initTrials(4);
    for (auto [i, reason, end] :
         {std::tuple(0, "a", 7), std::tuple(2, "c", 9), std::tuple(3, "d", 8)}) {
      trials[i].setState(state::INFEASIBLE);
      trials[i].setInfeasibleReason(reason);
      trials[i].initEndTime().setMicros(end);
    }
    trials[1].setState(state::SUCCEEDED);
  });
  const auto seen = tuner::tally_of(list->getTrials());
  CHECK(seen.failed == 3);
  CHECK(seen.over == 4);
  CHECK(seen.first == "a");
  CHECK(seen.last == "c");
}
