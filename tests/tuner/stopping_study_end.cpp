#include "tests/tuner/stopping_studies.hpp"
#include "tuner/stopping/study_end.hpp"

using namespace troupe;
using namespace troupe::tuner;

namespace {

constexpr int64_t second = 1'000'000;
constexpr int64_t created = 1'000 * second;

struct ended {
  double value = 0;
  int64_t seconds = 0; // after creation
  trial_state state = trial_state::SUCCEEDED;
};

job_frame trials_of(const std::vector<ended>& trials) {
  using job = wire::HyperparameterTuningJob;
  return job_frame::build([&](job::Builder built) {
    auto list = built.initTrials(static_cast<uint32_t>(trials.size()));
    for (uint32_t i = 0; i < list.size(); ++i) {
      list[i].setState(trials[i].state);
      if (trials[i].state != trial_state::ACTIVE)
        list[i].initEndTime().setMicros(created + trials[i].seconds * second);
      if (trials[i].state == trial_state::SUCCEEDED)
        tell(list[i].initFinalMeasurement(), {1, trials[i].value}, true);
    }
  });
}

study_end end_of(const std::string& config, const std::vector<ended>& trials, int64_t seconds,
                 const std::string& metrics = R"({"metricId": "m"})") {
  const auto study = study_with(R"("studyStoppingConfig": {)" + config + "}", metrics);
  const auto job = trials_of(trials);
  return study_end_of(*study, job->getTrials(), created, created + seconds * second);
}

const ended running_trial{.state = trial_state::ACTIVE};
const ended failed_trial{.state = trial_state::INFEASIBLE};

std::string reason(const study_end& end) { return end.reason.value_or(""); }

} // namespace

TEST_CASE("a study without a config never ends") {
  const auto job = trials_of({{1}, {1}});
  const auto study = study_with(R"("algorithm": "RANDOM_SEARCH")");
  const auto end = study_end_of(*study, job->getTrials(), created, INT64_MAX);
  CHECK(!end.reason);
  CHECK(!end.look_again_micros);
  CHECK(!end_of("", {{1}}, 1'000'000).reason);
}

TEST_CASE("maximumRuntimeConstraint ends a study by its age or at a time") {
  const std::string hour = R"("maximumRuntimeConstraint": {"maxDuration": "3600s"})";
  const auto early = end_of(hour, {}, 3599);
  CHECK(!early.reason);
  CHECK(early.look_again_micros == created + 3600 * second);
  const auto late = end_of(hour, {}, 3600);
  CHECK(reason(late) == "maximumRuntimeConstraint: the study is 3600 s old");
  CHECK(!late.look_again_micros);
  CHECK(!late.asap);
  // 1970-01-01T00:20:00Z is 200 s after creation.
  const std::string clock = R"("maximumRuntimeConstraint": {"endTime": "1970-01-01T00:20:00Z"})";
  CHECK(!end_of(clock, {}, 199).reason);
  CHECK(end_of(clock, {}, 200).reason);
}

TEST_CASE("no other rule ends a study while a minimum is not reached") {
  const std::string limits =
      R"("maximumRuntimeConstraint": {"maxDuration": "10s"}, "maxNumTrials": 1)";
  const auto young =
      end_of(R"("minimumRuntimeConstraint": {"maxDuration": "60s"}, )" + limits, {{1}, {1}}, 59);
  CHECK(!young.reason);
  CHECK(young.look_again_micros == created + 60 * second);
  CHECK(
      end_of(R"("minimumRuntimeConstraint": {"maxDuration": "60s"}, )" + limits, {{1}}, 60).reason);
  // Running trials are not completed; failed ones are.
  const auto few = end_of(R"("minNumTrials": 3, )" + limits, {{1}, {1}, running_trial}, 100);
  CHECK(!few.reason);
  CHECK(!few.look_again_micros);
  CHECK(end_of(R"("minNumTrials": 3, )" + limits, {{1}, {1}, failed_trial}, 100).reason);
}

TEST_CASE("the first rule in order gives the reason when several end a study") {
  const std::string all =
      R"("maximumRuntimeConstraint": {"maxDuration": "10s"}, "maxNumTrials": 2, "maxNumTrialsNoProgress": 1)";
  CHECK(reason(end_of(all, {{2}, {1}}, 10)).starts_with("maximumRuntimeConstraint"));
  CHECK(reason(end_of(all, {{2}, {1}}, 9)) == "maxNumTrials: 2 trials of 2");
  CHECK(reason(end_of(R"("maxNumTrials": 3, "maxNumTrialsNoProgress": 1)", {{2}, {1}}, 9))
        == "maxNumTrialsNoProgress: 1 completed trials since trial 1, the best so far");
}

TEST_CASE("maxNumTrials counts running trials, but hurries only once as many are completed") {
  const std::string two = R"("shouldStopAsap": true, "maxNumTrials": 2)";
  CHECK(!end_of(two, {{1}}, 1).reason);
  const auto under_way = end_of(two, {{1}, running_trial}, 1);
  CHECK(under_way.reason);
  CHECK(!under_way.asap);
  CHECK(end_of(two, {{1}, {1}, running_trial}, 1).asap);
}

TEST_CASE("shouldStopAsap is reported with the end of a study, and only with it") {
  const std::string hurried =
      R"("shouldStopAsap": true, "maximumRuntimeConstraint": {"maxDuration": "10s"})";
  CHECK(!end_of(hurried, {}, 9).asap);
  CHECK(end_of(hurried, {}, 10).asap);
}

TEST_CASE("maxNumTrialsNoProgress counts trials in the order in which they ended") {
  const std::string two = R"("maxNumTrialsNoProgress": 2)";
  CHECK(!end_of(two, {{1, 1}, {2, 2}, {1, 3}}, 9).reason);
  CHECK(end_of(two, {{1, 1}, {2, 2}, {1, 3}, {2, 4}}, 9).reason); // as good is no progress
  CHECK(!end_of(two, {{1, 1}, {2, 5}, {1, 3}}, 9).reason);        // the second ended last
  CHECK(end_of(two, {{2, 1}, {0, 2, trial_state::INFEASIBLE}, {1, 3}, running_trial}, 9).reason);
  CHECK(reason(end_of(two, {failed_trial, failed_trial}, 9))
        == "maxNumTrialsNoProgress: 2 completed trials since the study began; none has succeeded");
  // To be small.
  CHECK(end_of(two, {{1, 1}, {2, 2}, {3, 3}}, 9, smaller).reason);
  CHECK(!end_of(two, {{3, 1}, {2, 2}, {1, 3}}, 9, smaller).reason);
  // Never before a trial has ended.
  CHECK(!end_of(R"("maxNumTrialsNoProgress": 0)", {running_trial}, 9).reason);
}

TEST_CASE(
    "maxDurationNoProgress counts from the end of the best trial, or from the start of the study") {
  const std::string minute = R"("maxDurationNoProgress": "60s")";
  CHECK(end_of(minute, {}, 60).reason);
  const auto end = end_of(minute, {{1, 30}, {0.5, 80}}, 89);
  CHECK(!end.reason);
  CHECK(end.look_again_micros == created + 90 * second);
  CHECK(reason(end_of(minute, {{1, 30}, {0.5, 80}}, 90))
        == "maxDurationNoProgress: 60 s since trial 1, the best so far");
}

TEST_CASE("the rules about progress do nothing when there are several objectives") {
  const std::string both = R"({"metricId": "m"}, {"metricId": "danger"})";
  CHECK(!end_of(R"("maxNumTrialsNoProgress": 1, "maxDurationNoProgress": "1s")", {{1}, {1}, {1}},
                99, both)
             .reason);
  CHECK(end_of(R"("maxNumTrials": 3)", {{1}, {1}, {1}}, 99, both).reason);
}

TEST_CASE("the next look is at the earliest of the times") {
  const auto end = end_of(
      R"("maximumRuntimeConstraint": {"maxDuration": "100s"}, "maxDurationNoProgress": "60s")",
      {{1, 30}}, 50);
  CHECK(!end.reason);
  CHECK(end.look_again_micros == created + 90 * second);
  CHECK(end_of(R"("maximumRuntimeConstraint": {"maxDuration": "300000000000s"})", {}, 5)
            .look_again_micros.has_value());
}
