#include "api/logs/log_sources.hpp"

#include "tests/api/direct_cluster.hpp"

namespace troupe::api::test {

namespace {

using texts = std::vector<std::string>;

std::vector<log_source> sources_of(direct_cluster& cluster, uint64_t job) {
  auto sources = log_sources(cluster.handler_context, std::to_string(job));
  REQUIRE_MESSAGE(sources.has_value(), (sources ? "" : sources.error().message));
  return *sources;
}

/// One replica of the job, on node n1.
void place(direct_cluster& cluster, uint64_t job, wire::ReplicaPhase phase) {
  cluster.backend.set_attempt(job, [&](wire::AttemptRecord::Builder attempt) {
    attempt.initLogNodes(1).set(0, "n1");
    auto replica = attempt.initReplicas(1)[0];
    replica.setNode("n1");
    replica.getStatus().setPhase(phase);
  });
}

void connect(direct_cluster& cluster, bool connected) {
  cluster.backend.set_node("n1",
                           [&](wire::NodeRecord::Builder node) { node.setConnected(connected); });
}

} // namespace

TEST_CASE("a custom job is one source, on the nodes that hold its logs") {
  direct_cluster cluster;
  auto job = cluster.backend.add_job("j", wire::JobState::RUNNING, "p");
  cluster.backend.set_attempt(job, [](wire::AttemptRecord::Builder attempt) {
    auto nodes = attempt.initLogNodes(2);
    nodes.set(0, "n1");
    nodes.set(1, "n2");
  });
  auto sources = sources_of(cluster, job);
  REQUIRE(sources.size() == 1);
  CHECK(sources[0].origin.job == job);
  CHECK(sources[0].origin.project == "p");
  CHECK(sources[0].origin.tuning_job == 0);
  CHECK(sources[0].nodes == texts{"n1", "n2"});
}

TEST_CASE("a job that was never placed has no nodes") {
  direct_cluster cluster;
  auto job = cluster.backend.add_job("j", wire::JobState::QUEUED);
  CHECK(sources_of(cluster, job)[0].nodes.empty());
  CHECK_FALSE(sources_of(cluster, job)[0].over);
}

TEST_CASE("a job is over when it has ended and no replica of it can still write") {
  direct_cluster cluster;
  connect(cluster, true);
  for (auto state : {wire::JobState::SUCCEEDED, wire::JobState::FAILED, wire::JobState::CANCELLED,
                     wire::JobState::EXPIRED}) {
    CAPTURE(int(state));
    auto job = cluster.backend.add_job("j", state);
    CHECK(sources_of(cluster, job)[0].over);
    for (auto phase :
         {wire::ReplicaPhase::EXITED, wire::ReplicaPhase::FAILED, wire::ReplicaPhase::LOST}) {
      place(cluster, job, phase);
      CHECK(sources_of(cluster, job)[0].over);
    }
    for (auto phase : {wire::ReplicaPhase::LAUNCHING, wire::ReplicaPhase::RUNNING}) {
      place(cluster, job, phase);
      CHECK_FALSE(sources_of(cluster, job)[0].over);
    }
  }
}

TEST_CASE("a job that runs is not over, even if its replicas have exited") {
  direct_cluster cluster;
  auto job = cluster.backend.add_job("j", wire::JobState::RUNNING);
  place(cluster, job, wire::ReplicaPhase::EXITED);
  CHECK_FALSE(sources_of(cluster, job)[0].over);
}

TEST_CASE("a replica on a node that is not connected cannot write") {
  direct_cluster cluster;
  auto job = cluster.backend.add_job("j", wire::JobState::FAILED);
  place(cluster, job, wire::ReplicaPhase::RUNNING);
  CHECK(sources_of(cluster, job)[0].over); // the node is unknown
  connect(cluster, false);
  CHECK(sources_of(cluster, job)[0].over);
  connect(cluster, true);
  CHECK_FALSE(sources_of(cluster, job)[0].over);
}

TEST_CASE("a tuning job is a source of platform messages, and each trial's job is a source") {
  direct_cluster cluster;
  auto trial_job = cluster.backend.add_job("t-1", wire::JobState::RUNNING);
  auto tuning =
      cluster.backend.add_tuning_job([](auto job) { job.setState(wire::JobState::RUNNING); });
  cluster.backend.set_trial(tuning, 4, [&](wire::Trial::Builder trial) {
    trial.setCustomJob(fmt::format("projects/p/locations/l/customJobs/{}", trial_job));
  });
  cluster.backend.set_trial(tuning, 5, [](wire::Trial::Builder) {}); // has no job yet
  auto sources = sources_of(cluster, tuning);
  REQUIRE(sources.size() == 2);
  CHECK(sources[0].origin.job == tuning);
  CHECK(sources[0].nodes.empty());
  CHECK(sources[1].origin.job == trial_job);
  CHECK(sources[1].origin.tuning_job == tuning);
  CHECK(sources[1].origin.trial_id == "4");
}

TEST_CASE("an id that no job has is not found, and a text that is not an id is rejected") {
  direct_cluster cluster;
  auto missing = log_sources(cluster.handler_context, "7");
  REQUIRE_FALSE(missing);
  CHECK(missing.error().code == errc::not_found);
  auto wrong = log_sources(cluster.handler_context, "abc");
  REQUIRE_FALSE(wrong);
  CHECK(wrong.error().code == errc::invalid_argument);
  CHECK(wrong.error().message.contains("'abc'"));
}

} // namespace troupe::api::test
