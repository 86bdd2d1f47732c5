#include "tests/api/fixture.hpp"

namespace troupe::api::test {

namespace {

using texts = std::vector<std::string>;
using job_builder = wire::HyperparameterTuningJob::Builder;
using trial_builder = wire::Trial::Builder;

void one_objective(job_builder job) {
  job.setDisplayName("tune");
  job.setState(wire::JobState::RUNNING);
  auto metric = job.initStudySpec().initMetrics(1)[0];
  metric.setMetricId("loss");
  metric.setGoal(wire::MetricSpec::GoalType::MINIMIZE);
}

void measured(trial_builder trial, double loss) {
  trial.setState(wire::Trial::State::SUCCEEDED);
  trial.initMeasurements(2)[1].setStepCount(2);
  auto metric = trial.initFinalMeasurement().initMetrics(1)[0];
  metric.setMetricId("loss");
  metric.setValue(loss);
}

texts trial_ids(YAML::Node job) {
  texts ids;
  for (auto trial : job["trials"])
    ids.push_back(trial["id"].as<std::string>());
  return ids;
}

std::string path_of(uint64_t id) { return fmt::format("{}/{}", tuning_path, id); }

} // namespace

TEST_CASE("a tuning job is created, shown, listed, cancelled and deleted") {
  cluster_of_one cluster;
  auto body = R"({"displayName": "tune", "maxTrialCount": 4, "parallelTrialCount": 2,
    "studySpec": {"metrics": [{"metricId": "acc", "goal": "MAXIMIZE"}],
      "parameters": [{"parameterId": "lr", "doubleValueSpec": {"minValue": 0.1, "maxValue": 1}}]},
    "trialJobSpec": {"workerPoolSpecs": [{"replicaCount": 1,
      "machineSpec": {"machineType": "m"}, "containerSpec": {"imageUri": "host"}}]}})";
  auto created = cluster.http.post(tuning_path, body);
  REQUIRE(created.status == 200);
  auto target = tuning_path + "/" + id_in(created);
  CHECK(cluster.http.get(target).body == created.body);
  CHECK(names_in(cluster.http.get(tuning_path), "hyperparameterTuningJobs")
        == std::vector<std::string>{"tune"});
  CHECK(cluster.http.get(jobs_path).json()["customJobs"].size() == 0);
  CHECK(cluster.http.post(target + ":cancel", "{}").body == "{}");
  CHECK(cluster.http.get(target + ":status").json()["trials"].size() == 0);
  CHECK(cluster.http.call("DELETE", target).json()["done"].as<bool>());
  CHECK(cluster.http.get(target).status == 404);
}

TEST_CASE("a tuning job is shown with its trials and the best of them") {
  cluster_of_one cluster;
  auto job = cluster.backend.add_tuning_job(one_objective);
  CHECK(cluster.http.get(path_of(job)).status == 200);
  CHECK_FALSE(cluster.http.get(path_of(job)).json()["trials"]);
  cluster.backend.set_trial(job, 1, [](trial_builder trial) { measured(trial, 3); });
  cluster.backend.set_trial(job, 2, [](trial_builder trial) { measured(trial, 1); });
  cluster.backend.set_trial(job, 10, [](trial_builder trial) {
    trial.setState(wire::Trial::State::ACTIVE);
    trial.setCustomJob("projects/p/locations/l/customJobs/5");
  });
  cluster.backend.add_tuning_job(one_objective);

  auto shown = cluster.http.get(path_of(job)).json();
  CHECK(trial_ids(shown) == texts{"1", "2", "10"});
  CHECK(shown["trials"][1]["measurements"].size() == 2);
  CHECK(shown["bestTrial"]["id"].as<std::string>() == "2");
  CHECK_FALSE(shown["bestTrial"]["measurements"]);
  CHECK(shown["optimalTrials"].as<texts>() == texts{"2"});

  auto listed = cluster.http.get(tuning_path).json()["hyperparameterTuningJobs"];
  REQUIRE(listed.size() == 2);
  CHECK(trial_ids(listed[0]).empty());
  CHECK(trial_ids(listed[1]) == texts{"1", "2", "10"});
  auto status = cluster.http.get(path_of(job) + ":status").json();
  CHECK(trial_ids(status) == texts{"1", "2", "10"});
}

TEST_CASE("a read mask can leave out the trials and keep the best one") {
  cluster_of_one cluster;
  auto job = cluster.backend.add_tuning_job(one_objective);
  cluster.backend.set_trial(job, 1, [](trial_builder trial) { measured(trial, 3); });
  auto few = cluster.http.get(tuning_path + "?readMask=name,state");
  CHECK(few.json()["hyperparameterTuningJobs"][0]["state"].as<std::string>()
        == "JOB_STATE_RUNNING");
  CHECK_FALSE(few.body.contains("trials"));
  auto best = cluster.http.get(path_of(job) + "?readMask=bestTrial").json();
  CHECK(best["bestTrial"]["id"].as<std::string>() == "1");
  CHECK_FALSE(best["trials"]);
}

TEST_CASE("trials in the record itself are shown") {
  cluster_of_one cluster;
  auto job = cluster.backend.add_tuning_job([](job_builder made) {
    one_objective(made);
    auto trial = made.initTrials(1)[0];
    trial.setId("1");
    measured(trial, 3);
  });
  auto shown = cluster.http.get(path_of(job)).json();
  CHECK(trial_ids(shown) == texts{"1"});
  CHECK(shown["bestTrial"]["id"].as<std::string>() == "1");
}

TEST_CASE("a tuning job with several objectives has optimal trials and no best trial") {
  cluster_of_one cluster;
  auto job = cluster.backend.add_tuning_job([](job_builder made) {
    auto metrics = made.initStudySpec().initMetrics(2);
    metrics[0].setMetricId("loss");
    metrics[1].setMetricId("size");
  });
  for (uint32_t number : {1, 2})
    cluster.backend.set_trial(job, number, [&](trial_builder trial) {
      trial.setState(wire::Trial::State::SUCCEEDED);
      auto metrics = trial.initFinalMeasurement().initMetrics(2);
      metrics[0].setMetricId("loss");
      metrics[0].setValue(number);
      metrics[1].setMetricId("size");
      metrics[1].setValue(-double(number));
    });
  auto shown = cluster.http.get(path_of(job)).json();
  CHECK(shown["optimalTrials"].as<texts>() == texts{"1", "2"});
  CHECK_FALSE(shown["bestTrial"]);
}

TEST_CASE("a tuning job is resumed with the limits in the body") {
  cluster_of_one cluster;
  auto job = cluster.backend.add_tuning_job(one_objective);
  cluster.backend.set_trial(job, 1, [](trial_builder trial) { measured(trial, 3); });
  auto resume = path_of(job) + ":resume";
  auto record = wire::frame<wire::Outcome>::build([&](wire::Outcome::Builder outcome) {
    one_objective(outcome.initTuningJob());
    outcome.getTuningJob().setName(
        fmt::format("projects/p/locations/l/hyperparameterTuningJobs/{}", job));
  });
  cluster.backend.answer_next(record);
  auto reply = cluster.http.post(resume, R"({"maxTrialCount": 8, "parallelTrialCount": 2})");
  CHECK(reply.status == 200);
  CHECK(trial_ids(reply.json()) == texts{"1"});
  auto sent = cluster.backend.commands().at(0)->getResumeTuningJob();
  CHECK(sent.getId() == job);
  CHECK(sent.getWanted().getMaxTrialCount() == 8);
  CHECK(sent.getWanted().getParallelTrialCount() == 2);
  cluster.backend.answer_next(record);
  CHECK(cluster.http.post(resume, "").status == 200);

  cluster.backend.fail_next({errc::failed_precondition, "it has not ended"});
  CHECK(status_of(cluster.http.post(resume, "{}")) == "400 FAILED_PRECONDITION");
  CHECK(status_of(cluster.http.post(resume, R"({"maxTrials": 8})")) == "400 INVALID_ARGUMENT");
  auto missing = cluster.http.post(tuning_path + "/7:resume", "{}");
  CHECK(status_of(missing) == "404 NOT_FOUND");
  CHECK(message_of(missing).contains("hyperparameterTuningJobs/7"));
}

} // namespace troupe::api::test
