#include "cli/tune/view.hpp"

#include "cli/tune/plot.hpp"
#include "cli/tune/settings.hpp"
#include "cli/tune/trials.hpp"
#include "tests/cli/test_console.hpp"
#include "tuner/objective.hpp"

#include <doctest/doctest.h>

#include <cmath>

using namespace troupe;
using namespace troupe::cli;

namespace {

constexpr const char* single = R"(
studySpec:
  metrics: [{metricId: loss, goal: MINIMIZE}]
  parameters: [{parameterId: lr, doubleValueSpec: {minValue: 0, maxValue: 1}}]
maxTrialCount: 8
)";
constexpr const char* both = R"(
studySpec:
  metrics: [{metricId: loss, goal: MINIMIZE}, {metricId: time, goal: MINIMIZE}]
  parameters: [{parameterId: lr, doubleValueSpec: {minValue: 0, maxValue: 1}}]
maxTrialCount: 8
)";

using job_frame = wire::frame<wire::HyperparameterTuningJob>;

/// A trial of 10 s that started at second 0.
trial_frame ended(size_t number, const job_frame& study, std::vector<wire::metric_point> points,
                  const program_end& how = {}) {
  const auto trial = started(new_trial(number, {{"lr", 0.125 * double(number)}}), 1);
  return judged(trial, study->getStudySpec(), points, how, 10'000'001);
}

job_frame job_of(const char* yaml, const std::vector<trial_frame>& trials) {
  return tuned_job_of(yaml, "x")->with([&](wire::HyperparameterTuningJob::Builder built) {
    built.setDisplayName("digits");
    built.setParallelTrialCount(2);
    built.initStartTime().setMicros(1);
    auto list = built.initTrials(static_cast<uint32_t>(trials.size()));
    for (uint32_t i = 0; i < list.size(); ++i)
      list.setWithCaveats(i, *trials[i]);
    const auto front =
        tuner::optimal_trials(built.asReader().getStudySpec(), built.asReader().getTrials());
    auto ids = built.initOptimalTrials(static_cast<uint32_t>(front.size()));
    for (uint32_t i = 0; i < ids.size(); ++i)
      ids.set(i, built.asReader().getTrials()[static_cast<uint32_t>(front[i])].getId());
  });
}

job_frame mixed() {
  const auto study = *tuned_job_of(single, "x");
  auto running = started(new_trial(5, {{"lr", 0.75}}), 10'000'001);
  running = with_points(running, std::vector<wire::metric_point>{{"loss", 0.75, 4, 12'000'000}});
  return job_of(single,
                {ended(1, study, {{"loss", 0.5, 1, 2}}), ended(2, study, {{"loss", 0.25, 3, 2}}),
                 ended(3, study, {}, {.status = 256, .complaint = "no memory"}),
                 ended(4, study, {{"loss", 2, 1, 2}}, {.stopping_reason = "median: 2 > 1"}),
                 running});
}

bool holds(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

} // namespace

TEST_CASE("the live display shows the progress, the best trial, and the running trials") {
  const test_console console;
  const auto job = mixed();
  const auto shown = joined(tune_progress(console.at, *job, instant_of(20'000'001)));
  INFO(shown);
  CHECK(holds(shown, "TUNE  minimise loss  4 of 8 trials, 1 running, 1 stopped early, 1 infeasible"
                     "  20s, about 15s left\n"));
  CHECK(holds(shown, "BEST  trial 2  loss 0.25  lr=0.25\n"));
  CHECK(holds(shown, "trial 5  10s     4  loss 0.75  lr=0.75\n"));
  CHECK(
      holds(shown, "trial 3     INFEASIBLE   10s             (exit code 1: no memory)  lr=0.375"));
  CHECK(holds(shown, "trial 4     STOPPED      10s  loss 2     (median: 2 > 1)  lr=0.5"));
}

TEST_CASE("the log has one line for each trial that ends") {
  const auto job = mixed();
  const auto line = [&](uint32_t i) { return trial_line(*job, job->getTrials()[i]); };
  CHECK(line(0) == "trial 1 SUCCEEDED after 10s: lr=0.125 -> loss 0.5 at step 1");
  CHECK(line(1) == "trial 2 SUCCEEDED after 10s: lr=0.25 -> loss 0.25 at step 3 (best so far)");
  CHECK(line(2) == "trial 3 INFEASIBLE after 10s: lr=0.375: exit code 1: no memory");
  CHECK(line(3) == "trial 4 STOPPED after 10s: lr=0.5 -> loss 2 at step 1: median: 2 > 1");
}

TEST_CASE("the outcome shows the best trial and the command to run it again") {
  const test_console console;
  const auto job = mixed();
  const tuner::search_space space(job->getStudySpec());
  const auto command = *command_template::parse({"./train", "a b", "--lr={lr}"}, space);
  CHECK(joined(tune_outcome(console.at, *job, command, {}))
        == "Best of 4 trials: trial 2, loss 0.25 at step 3\n"
           "  lr  0.25\n"
           "Run it again:\n"
           "  ./train 'a b' --lr=0.25\n");
  CHECK(tune_outcome(console.at, *job_of(single, {}), command, {}).empty());
}

TEST_CASE("the outcome of several objectives is the Pareto front") {
  const test_console console;
  const auto study = *tuned_job_of(both, "x");
  const auto job = job_of(both, {ended(1, study, {{"loss", 1, 0, 2}, {"time", 5, 0, 2}}),
                                 ended(2, study, {{"loss", 2, 0, 2}, {"time", 4, 0, 2}}),
                                 ended(3, study, {{"loss", 3, 0, 2}, {"time", 9, 0, 2}})});
  const tuner::search_space space(job->getStudySpec());
  const auto command = *command_template::parse({"./train"}, space);
  const auto text = joined(tune_outcome(console.at, *job, command, {}));
  INFO(text);
  CHECK(holds(text, "Pareto front of 3 trials: 2 trials\n"));
  CHECK(holds(text, "  ./train --lr=0.125  # trial 1\n  ./train --lr=0.25  # trial 2\n"));
  CHECK(holds(joined(tune_progress(console.at, *job, {})), "PARETO FRONT  2 trials"));
  const auto charts = charts_of(*job);
  REQUIRE(charts.size() == 3);
  CHECK(charts[2].series[1].points == std::vector<std::pair<double, double>>{{1, 5}, {2, 4}});
}

TEST_CASE("the text plot shows a dot for each trial and a line for the best so far") {
  CHECK(text_plot({1}, true, 80, 4).empty());
  CHECK(text_plot({NAN, 1}, true, 80, 4).empty());
  CHECK(joined(text_plot({3, 2, NAN, 4, 1, 1e9}, true, 80, 4))
        == "         4 ┤   • •\n"
           "           ┤•     \n"
           "           ┤ •──  \n"
           "         1 ┤    •─\n");
  const auto wide = text_plot(std::vector<double>(1000, 5.0), false, 80, 3);
  REQUIRE(wide.size() == 3);
  CHECK(holds(wide[1], "•••"));
}

TEST_CASE("the chart marks succeeded, stopped and failed trials differently") {
  const auto charts = charts_of(*mixed());
  REQUIRE(charts.size() == 1);
  using points = std::vector<std::pair<double, double>>;
  CHECK(charts[0].title == "digits: minimise loss");
  CHECK(charts[0].series[0].points == points{{1, 0.5}, {2, 0.25}, {4, 0.25}});
  CHECK(charts[0].series[1].points == points{{1, 0.5}, {2, 0.25}});
  CHECK(charts[0].series[2].points == points{{4, 2}});
  CHECK(charts[0].series[3].points == points{{3, 0}});
  const auto svg = svg_of(charts);
  CHECK(holds(svg, ">infeasible<"));
  CHECK_FALSE(holds(svg, "nan"));
}

TEST_CASE("charts can be drawn of no trials, of failures alone, and of a single value") {
  const auto study = *tuned_job_of(single, "x");
  CHECK(holds(svg_of(charts_of(*job_of(single, {}))), "nothing to show"));
  for (const auto& trials :
       {std::vector{ended(1, study, {})}, std::vector{ended(1, study, {{"loss", 0, 0, 2}})}}) {
    const auto svg = svg_of(charts_of(*job_of(single, trials)));
    CHECK_FALSE(holds(svg, "nan"));
    CHECK_FALSE(holds(svg, "inf,"));
  }
}
