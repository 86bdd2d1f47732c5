#include "tests/api/fixture.hpp"

namespace troupe::api::test {

TEST_CASE("a job's status shows why it waits, its place in the queue and its replicas") {
  cluster_of_one cluster;
  cluster.backend.add_job("before", wire::JobState::QUEUED);
  auto id = cluster.backend.add_job("x", wire::JobState::QUEUED);
  cluster.backend.set_attempt(id, [&](wire::AttemptRecord::Builder attempt) {
    attempt.setAttempt(2);
    attempt.setReason("waits for 8 GPUs");
    auto replica = attempt.initReplicas(1)[0];
    replica.setNode("n1");
    replica.getStatus().getId().setPool(1);
    replica.getStatus().getId().setIndex(3);
    replica.getStatus().getId().setIncarnation(4);
    replica.getStatus().setPhase(wire::ReplicaPhase::EXITED);
    replica.getStatus().setExitCode(7);
    replica.getStatus().setMessage("boom");
  });
  auto status = cluster.http.get(fmt::format("{}/{}:status", jobs_path, id)).json();
  CHECK(status["attempt"].as<int>() == 2);
  CHECK(status["reason"].as<std::string>() == "waits for 8 GPUs");
  CHECK(status["queue"]["position"].as<int>() == 2);
  auto replica = status["replicas"][0];
  CHECK(replica["task"].as<std::string>() == "workerpool1-3");
  CHECK(replica["node"].as<std::string>() == "n1");
  CHECK(replica["phase"].as<std::string>() == "exited");
  CHECK(replica["exitCode"].as<int>() == 7);
  CHECK(replica["incarnation"].as<int>() == 4);
  CHECK(replica["message"].as<std::string>() == "boom");
}

TEST_CASE("a place in the queue counts the queued jobs that were submitted before") {
  cluster_of_one cluster;
  cluster.backend.add_job("running", wire::JobState::RUNNING);
  auto first = cluster.backend.add_job("first", wire::JobState::QUEUED);
  auto second = cluster.backend.add_job("second", wire::JobState::QUEUED);
  auto third = cluster.backend.add_job("third", wire::JobState::QUEUED);
  auto position = [&](uint64_t job) {
    return cluster.http.get(fmt::format("{}/{}:status", jobs_path, job))
        .json()["queue"]["position"]
        .as<int>();
  };
  CHECK(position(first) == 1);
  CHECK(position(second) == 2);
  CHECK(position(third) == 3);
}

TEST_CASE("a job that does not wait has no place in the queue") {
  cluster_of_one cluster;
  auto id = cluster.backend.add_job("x", wire::JobState::RUNNING);
  auto status = cluster.http.get(fmt::format("{}/{}:status", jobs_path, id)).json();
  CHECK(status["state"].as<std::string>() == "JOB_STATE_RUNNING");
  CHECK_FALSE(status["queue"]);
  CHECK(status["attempt"].as<int>() == 0); // it was never placed
  CHECK(status["replicas"].size() == 0);
}

TEST_CASE("a replica's times are shown once they are known") {
  cluster_of_one cluster;
  auto id = cluster.backend.add_job("x", wire::JobState::RUNNING);
  cluster.backend.set_attempt(id, [](wire::AttemptRecord::Builder attempt) {
    attempt.initReplicas(1)[0].getStatus().setStartedMicros(new_year_micros);
  });
  auto replica = cluster.http.get(fmt::format("{}/{}:status", jobs_path, id)).json()["replicas"][0];
  CHECK(replica["startTime"].as<std::string>() == "2026-01-01T00:00:00Z");
  CHECK_FALSE(replica["endTime"]);
}

TEST_CASE("a tuning job's status has the attempt of each trial that has a job") {
  cluster_of_one cluster;
  auto job = cluster.backend.add_job("t-1", wire::JobState::RUNNING);
  cluster.backend.set_attempt(job, [](wire::AttemptRecord::Builder attempt) {
    attempt.setAttempt(3);
    attempt.setReason("waits");
  });
  auto tuning =
      cluster.backend.add_tuning_job([](auto made) { made.setState(wire::JobState::RUNNING); });
  cluster.backend.set_trial(tuning, 1, [&](wire::Trial::Builder trial) {
    trial.setState(wire::Trial::State::ACTIVE);
    trial.setCustomJob(fmt::format("projects/p/locations/l/customJobs/{}", job));
  });
  cluster.backend.set_trial(tuning, 2, [](wire::Trial::Builder) {});
  auto status = cluster.http.get(fmt::format("{}/{}:status", tuning_path, tuning)).json();
  CHECK(status["state"].as<std::string>() == "JOB_STATE_RUNNING");
  REQUIRE(status["trials"].size() == 2);
  CHECK(status["trials"][0]["state"].as<std::string>() == "ACTIVE");
  CHECK(status["trials"][0]["attempt"].as<int>() == 3);
  CHECK(status["trials"][0]["reason"].as<std::string>() == "waits");
  CHECK_FALSE(status["trials"][1]["attempt"]);
}

} // namespace troupe::api::test
