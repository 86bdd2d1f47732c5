#include "core/jobs/attempts.hpp"

#include "tests/core/fixture.hpp"

using namespace troupe;
using namespace troupe::test;
using wire::JobState;
using wire::ReplicaPhase;

namespace {

/// Writes down what attempts report.
struct recorder : core::attempt_observer {
  void all_started(core::custom_job& job) override {
    ++started;
    job.state = JobState::RUNNING;
  }
  void decided(core::custom_job&, JobState end, std::optional<core::failure>) override {
    ends.push_back(end);
  }
  void cancelled(core::custom_job&) override { ++cancellations; }

  int started = 0;
  int cancellations = 0;
  std::vector<JobState> ends;
};

struct attempt_fixture : fixture {
  attempt_fixture() {
    attempts.observe(observer);
    add_node("a");
  }

  core::custom_job& start(const job_wish& wish = {}) {
    core::custom_job& job = add_job(wish);
    std::vector<core::placed_replica> placed;
    for (const core::pool_demand& demand : job.pools)
      for (uint32_t i = 0; i < demand.count; ++i)
        placed.push_back({demand.pool, i, "a"});
    attempts.start(job, placed);
    return job;
  }
  void report(core::custom_job& job, size_t replica, ReplicaPhase phase, int32_t code = 0,
              int32_t signal = 0) {
    auto status = wire::frame<wire::ReplicaStatus>::build([&](wire::ReplicaStatus::Builder s) {
      s.setPhase(phase);
      s.setExitCode(code);
      s.setSignal(signal);
    });
    attempts.apply(job, job.replicas[replica], *status);
  }
  size_t orders(wire::Order::Which kind) {
    size_t count = 0;
    for (const core::order& order : flush().orders)
      count += order.message->which() == kind;
    return count;
  }

  core::attempts attempts{state, out, timers, queue, nodes};
  recorder observer;
};

} // namespace

TEST_CASE(
    "an attempt starts as a whole: one launch order for each node, and what it holds is taken") {
  attempt_fixture f;
  core::custom_job& job = f.start({.pools = {{}, {.count = 2}}});
  CHECK(job.attempt == 1);
  CHECK(job.replicas.size() == 3);
  CHECK(f.state.active.contains(job.id));
  CHECK(f.state.nodes.at("a").used.cpu_millis == 3000);
  CHECK(f.orders(wire::Order::LAUNCH) == 1);
}

TEST_CASE("the job runs when its last replica does") {
  attempt_fixture f;
  core::custom_job& job = f.start({.pools = {{}, {}}});
  f.report(job, 0, ReplicaPhase::RUNNING);
  CHECK(f.observer.started == 0);
  f.report(job, 1, ReplicaPhase::RUNNING);
  CHECK(f.observer.started == 1);
}

TEST_CASE("the end of the primary decides the job, that of a secondary frees its place") {
  attempt_fixture f;
  core::custom_job& job = f.start({.pools = {{}, {}}});
  f.report(job, 0, ReplicaPhase::RUNNING);
  f.report(job, 1, ReplicaPhase::RUNNING);
  f.report(job, 1, ReplicaPhase::EXITED);
  CHECK(f.observer.ends.empty());
  CHECK(job.replicas[1].released);
  f.report(job, 0, ReplicaPhase::EXITED);
  CHECK(f.observer.ends == std::vector{JobState::SUCCEEDED});
}

TEST_CASE("a replica killed by a signal is launched again in its place") {
  attempt_fixture f;
  core::custom_job& job = f.start();
  f.report(job, 0, ReplicaPhase::RUNNING);
  f.flush();
  f.report(job, 0, ReplicaPhase::EXITED, 0, 11);
  CHECK(f.observer.ends.empty());
  CHECK(job.replicas[0].incarnation == 1);
  CHECK(!job.replicas[0].released);
  CHECK(f.orders(wire::Order::LAUNCH) == 1);
}

TEST_CASE(
    "a lost replica gives the job a new attempt, which is queued once the others have stopped") {
  attempt_fixture f;
  core::custom_job& job = f.start({.pools = {{}, {}}});
  f.report(job, 0, ReplicaPhase::RUNNING);
  f.report(job, 1, ReplicaPhase::RUNNING);
  f.attempts.lose(job, job.replicas[1], "node b has been away for 60 s");
  CHECK(job.after_stop == JobState::QUEUED);
  CHECK(job.kill_deadline_micros > f.state.now);
  CHECK(!f.queue.waits(job.id));
  f.report(job, 0, ReplicaPhase::EXITED, 0, 15);
  CHECK(f.queue.waits(job.id));
  CHECK(job.replicas.empty());
  CHECK(!f.state.active.contains(job.id));
}

TEST_CASE("a cancelled job is reported when its last replica has stopped") {
  attempt_fixture f;
  core::custom_job& job = f.start();
  job.after_stop = JobState::CANCELLED;
  f.attempts.stop(job);
  CHECK(f.orders(wire::Order::STOP) == 1);
  CHECK(f.observer.cancellations == 0);
  f.report(job, 0, ReplicaPhase::EXITED, 0, 15);
  CHECK(f.observer.cancellations == 1);
}

TEST_CASE("a replica that outlives its kill deadline puts its node into quarantine") {
  attempt_fixture f;
  core::custom_job& job = f.start();
  job.after_stop = JobState::CANCELLED;
  f.attempts.stop(job);
  f.state.now = job.kill_deadline_micros - 1;
  f.attempts.overdue(job);
  CHECK(f.state.nodes.at("a").quarantine.empty());
  f.state.now = job.kill_deadline_micros;
  f.attempts.overdue(job);
  CHECK(!f.state.nodes.at("a").quarantine.empty());
}
