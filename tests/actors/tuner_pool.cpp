#include "actors/tuner_pool.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

using namespace troupe;

namespace {

/// `loss` over one real parameter; `ended` trials that ran ten steps, and one that runs.
core::study_frame study(uint32_t ended, double running) {
  return core::study_frame::build([&](wire::HyperparameterTuningJob::Builder job) {
    auto spec = job.initStudySpec();
    auto metric = spec.initMetrics(1)[0];
    metric.setMetricId("loss");
    metric.setGoal(wire::MetricSpec::GoalType::MINIMIZE);
    auto parameter = spec.initParameters(1)[0];
    parameter.setParameterId("x");
    parameter.initDoubleValueSpec().setMaxValue(1);
    spec.initMedianAutomatedStoppingSpec();
    auto trials = job.initTrials(ended + 1);
    for (uint32_t i = 0; i <= ended; ++i) {
      // The numbers have a gap, as after a deletion.
      trials[i].setId(fmt::format("{}", i + 11));
      trials[i].setState(i < ended ? wire::Trial::State::SUCCEEDED : wire::Trial::State::ACTIVE);
      auto value = trials[i].initParameters(1)[0];
      value.setParameterId("x");
      value.initValue().setNumber(0.1 * i);
      auto steps = trials[i].initMeasurements(i < ended ? 10 : 5);
      for (uint32_t k = 0; k < steps.size(); ++k) {
        steps[k].setStepCount(k + 1);
        auto one = steps[k].initMetrics(1)[0];
        one.setMetricId("loss");
        one.setValue(i < ended ? 1.0 / (k + 1) : running);
      }
      if (i < ended) trials[i].setFinalMeasurement(steps[9]);
    }
  });
}

} // namespace

TEST_CASE("the tuner answers with what it was asked for, and who asked") {
  core::suggestion_request request{7, 16, 2, 3, study(4, 0.5), {}, {}};
  auto answer = actors::answer_of(request);
  CHECK(answer->getStudyId() == 7);
  CHECK(answer->getFirstTrial() == 16);
  CHECK(answer->getOperation() == 3);
  CHECK(answer->getError().size() == 0);
  CHECK(answer->getParameters().size() == 2);
  CHECK(actors::answer_of(request).str() == answer.str());
}

TEST_CASE("verdicts name trials by their numbers") {
  auto answer = actors::answer_of(core::stopping_request{7, 3, study(6, 100)});
  CHECK(answer->getStudyId() == 7);
  CHECK(answer->getOperation() == 3);
  REQUIRE(answer->getTrials().size() == 1);
  CHECK(answer->getTrials()[0].getNumber() == 17);
  CHECK(answer->getTrials()[0].getReason().size() > 0);
  CHECK(actors::answer_of(core::stopping_request{7, 3, study(6, 0.001)})->getTrials().size() == 0);
}
