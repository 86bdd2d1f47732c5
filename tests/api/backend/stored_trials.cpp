#include "api/backend/stored_trials.hpp"

#include "tests/api/fake_backend.hpp"

#include <doctest/doctest.h>

namespace troupe::api::test {

namespace {

using texts = std::vector<std::string>;
using job_builder = wire::HyperparameterTuningJob::Builder;
using trial_builder = wire::Trial::Builder;

void minimise_loss(job_builder job) {
  auto metric = job.initStudySpec().initMetrics(1)[0];
  metric.setMetricId("loss");
  metric.setGoal(wire::MetricSpec::GoalType::MINIMIZE);
}

void succeeded(trial_builder trial, double loss) {
  trial.setState(wire::Trial::State::SUCCEEDED);
  trial.initMeasurements(2);
  auto metric = trial.initFinalMeasurement().initMetrics(1)[0];
  metric.setMetricId("loss");
  metric.setValue(loss);
}

texts ids_of(const std::vector<wire::frame<wire::Trial>>& trials) {
  texts ids;
  for (const auto& trial : trials)
    ids.push_back(wire::str(trial->getId()));
  return ids;
}

wire::frame<wire::HyperparameterTuningJob> joined(fake_backend& backend, uint64_t id) {
  auto value = backend.database().read(store::family::tuning_jobs, store::key_of(id));
  auto record = *wire::frame<wire::HyperparameterTuningJob>::parse(std::string_view(**value));
  auto job = with_trials(backend.database(), record);
  REQUIRE(job);
  return *job;
}

} // namespace

TEST_CASE("a study's trials come in the order of their numbers, without those of other studies") {
  fake_backend backend;
  auto study = backend.add_study("one"), other = backend.add_study("two");
  for (uint32_t number : {10, 2, 1})
    backend.set_trial(study, number, [](trial_builder) {});
  backend.set_trial(other, 3, [](trial_builder) {});
  auto trials = stored_trials(backend.database(), study);
  REQUIRE(trials);
  CHECK(ids_of(*trials) == texts{"1", "2", "10"});
  CHECK(stored_trials(backend.database(), other + 1)->empty());
}

TEST_CASE("a tuning job is joined with its trials and the best of them") {
  fake_backend backend;
  auto job = backend.add_tuning_job(minimise_loss);
  backend.set_trial(job, 1, [](trial_builder trial) { succeeded(trial, 3); });
  backend.set_trial(job, 2, [](trial_builder trial) { succeeded(trial, 1); });
  backend.set_trial(job, 3, [](trial_builder trial) {
    succeeded(trial, 0);
    trial.setState(wire::Trial::State::INFEASIBLE);
  });
  auto shown = joined(backend, job);
  CHECK(shown->getTrials().size() == 3);
  CHECK(wire::view(shown->getBestTrial().getId()) == "2");
  CHECK(shown->getBestTrial().getMeasurements().size() == 0); // only the trial itself has them
  REQUIRE(shown->getOptimalTrials().size() == 1);
  CHECK(wire::view(shown->getOptimalTrials()[0]) == "2");
}

TEST_CASE("a tuning job without a completed trial has no best trial") {
  fake_backend backend;
  auto job = backend.add_tuning_job(minimise_loss);
  backend.set_trial(job, 1,
                    [](trial_builder trial) { trial.setState(wire::Trial::State::ACTIVE); });
  auto shown = joined(backend, job);
  CHECK(shown->getTrials().size() == 1);
  CHECK_FALSE(shown->hasBestTrial());
  CHECK(shown->getOptimalTrials().size() == 0);
}

TEST_CASE("a tuning job without trials is shown as its record is") {
  fake_backend backend;
  auto job = backend.add_tuning_job(minimise_loss);
  auto shown = joined(backend, job);
  CHECK(shown->getTrials().size() == 0);
  CHECK_FALSE(shown->hasBestTrial());
}

TEST_CASE("trials in the record itself, as older versions stored them, are kept") {
  fake_backend backend;
  auto job = backend.add_tuning_job([](job_builder made) {
    minimise_loss(made);
    made.initTrials(1)[0].setId("old");
    succeeded(made.getTrials()[0], 3);
  });
  backend.set_trial(job, 1, [](trial_builder trial) { succeeded(trial, 1); });
  auto shown = joined(backend, job);
  REQUIRE(shown->getTrials().size() == 1);
  CHECK(wire::view(shown->getBestTrial().getId()) == "old");
}

TEST_CASE("the optimal trials are those that no other trial dominates") {
  fake_backend backend;
  auto study = backend.add_study("one", [](wire::Study::Builder made) {
    auto metrics = made.initStudySpec().initMetrics(2);
    metrics[0].setMetricId("loss");
    metrics[0].setGoal(wire::MetricSpec::GoalType::MINIMIZE);
    metrics[1].setMetricId("size");
    metrics[1].setGoal(wire::MetricSpec::GoalType::MINIMIZE);
  });
  auto measured = [&](uint32_t number, double loss, double size) {
    backend.set_trial(study, number, [&](trial_builder trial) {
      trial.setState(wire::Trial::State::SUCCEEDED);
      auto metrics = trial.initFinalMeasurement().initMetrics(2);
      metrics[0].setMetricId("loss");
      metrics[0].setValue(loss);
      metrics[1].setMetricId("size");
      metrics[1].setValue(size);
    });
  };
  measured(1, 1, 3);
  measured(2, 2, 3); // the first is as small, with less loss
  measured(3, 3, 1);
  auto value = backend.database().read(store::family::studies, store::key_of(study));
  auto record = *wire::frame<wire::Study>::parse(std::string_view(**value));
  auto trials = stored_trials(backend.database(), study);
  CHECK(optimal_of(record->getStudySpec(), *trials) == std::vector<size_t>{0, 2});
}

} // namespace troupe::api::test
