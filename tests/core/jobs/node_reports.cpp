#include "core/jobs/node_reports.hpp"

#include "core/jobs/custom_jobs.hpp"
#include "tests/core/fixture.hpp"

using namespace troupe;
using namespace troupe::test;
using wire::ReplicaPhase;

namespace {

struct report_fixture : fixture {
  core::custom_job& start() {
    core::custom_job& job = add_job();
    attempts.start(job, {{0, 0, "a"}});
    flush();
    return job;
  }
  /// Of the only replica of an attempt of the job.
  static wire::frame<wire::NodeHello> hello(uint64_t job, uint32_t attempt, ReplicaPhase phase) {
    return wire::frame<wire::NodeHello>::build([&](wire::NodeHello::Builder builder) {
      auto status = builder.initReplicas(1)[0];
      status.initId().setJobId(job);
      status.getId().setAttempt(attempt);
      status.setPhase(phase);
    });
  }

  core::attempts attempts{state, out, timers, queue, nodes};
  core::custom_jobs jobs{state, out, queue, attempts};
  core::node_reports reports{state, out, queue, nodes, attempts};
  core::node& n = add_node("a");
};

} // namespace

TEST_CASE("what a hello names and nobody expects is stopped, and closes the node until then") {
  report_fixture f;
  f.reports.reconcile(f.n, *report_fixture::hello(77, 1, ReplicaPhase::RUNNING), false);
  CHECK(!f.n.open());
  const auto effects = f.flush();
  REQUIRE(effects.orders.size() == 1);
  REQUIRE(effects.orders[0].message->isStop());
  CHECK(effects.orders[0].message->getStop().getJobId() == 77);
  f.reports.report(f.n, report_fixture::hello(77, 1, ReplicaPhase::EXITED)->getReplicas()[0]);
  CHECK(f.n.open());
  REQUIRE(f.flush().orders.size() == 1);
}

TEST_CASE("a hello that names what is expected changes nothing") {
  report_fixture f;
  core::custom_job& job = f.start();
  f.reports.reconcile(f.n, *report_fixture::hello(job.id, 1, ReplicaPhase::LAUNCHING), false);
  CHECK(f.flush().orders.empty());
  CHECK(job.replicas[0].phase == ReplicaPhase::LAUNCHING);
}

TEST_CASE("what a hello does not name is launched again, or lost if it ran") {
  report_fixture f;
  core::custom_job& job = f.start();
  const auto silent = wire::frame<wire::NodeHello>();
  f.reports.reconcile(f.n, *silent, false);
  CHECK(f.flush().orders.size() == 1);
  CHECK(job.attempt == 1);
  job.replicas[0].phase = ReplicaPhase::RUNNING;
  f.reports.reconcile(f.n, *silent, true);
  CHECK(job.reason == "placing it again: node a restarted");
  CHECK(f.queue.waits(job.id));
}

TEST_CASE("a late report of an attempt that is over changes nothing") {
  report_fixture f;
  core::custom_job& job = f.start();
  f.reports.report(f.n, report_fixture::hello(job.id, 7, ReplicaPhase::RUNNING)->getReplicas()[0]);
  CHECK(job.replicas[0].phase == ReplicaPhase::LAUNCHING);
  CHECK(f.n.unexpected.empty());
}

TEST_CASE("a node that was away for too long loses its replicas") {
  report_fixture f;
  core::custom_job& job = f.start();
  job.replicas[0].phase = ReplicaPhase::RUNNING;
  f.n.connected = false;
  f.reports.lost(f.n, "node a has been away for 60 s");
  CHECK(job.replicas.empty());
  CHECK(f.queue.waits(job.id));
}
