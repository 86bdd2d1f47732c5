#include "core/cluster/invariants.hpp"

#include "tests/core/fixture.hpp"

using namespace troupe;
using namespace troupe::test;
using core::invariant;

namespace {

/// The rule that the state breaks; 0 if none.
int broken_rule(const fixture& f) {
  const auto broken = core::violated_invariant(f.state, f.queue);
  return broken ? static_cast<int>(broken->rule) : 0;
}

/// A job with one replica on node a, as its attempt would leave it.
core::custom_job& running_job(fixture& f) {
  core::custom_job& job = f.add_job();
  job.state = wire::JobState::RUNNING;
  job.attempt = 1;
  core::replica r;
  r.phase = wire::ReplicaPhase::RUNNING;
  r.held = job.pools[0].each;
  f.nodes.hold(f.state.nodes.at("a"), job, r);
  job.replicas = {r};
  return job;
}

} // namespace

TEST_CASE("a state that keeps all rules breaks none") {
  fixture f;
  f.add_node("a");
  running_job(f);
  f.queue.enqueue(f.add_job());
  CHECK(broken_rule(f) == 0);
}

TEST_CASE("each broken rule is found and named") {
  fixture f;
  core::node& n = f.add_node("a");
  core::custom_job& job = running_job(f);
  REQUIRE(broken_rule(f) == 0);
  SUBCASE("I2: two replicas hold one port") {
    core::custom_job& other = running_job(f);
    other.replicas[0].port = job.replicas[0].port;
    CHECK(broken_rule(f) == 2);
  }
  SUBCASE("I2: the node's books are not what is held") {
    n.used.cpu_millis += 1;
    CHECK(broken_rule(f) == 2);
  }
  SUBCASE("I3: a gang has fewer replicas than its job asks for") {
    job.pools[0].count = 2;
    CHECK(broken_rule(f) == 3);
  }
  SUBCASE("I4: a job is over and has no end time") {
    job.state = wire::JobState::SUCCEEDED;
    CHECK(broken_rule(f) == 4);
  }
  SUBCASE("I5: an id was not given out yet") {
    f.state.next_id = job.id;
    CHECK(broken_rule(f) == 5);
  }
  SUBCASE("I7: a stop has no deadline") {
    job.after_stop = wire::JobState::QUEUED;
    CHECK(broken_rule(f) == 7);
  }
  SUBCASE("I8: a job waits and is not in the queue") {
    f.add_job();
    CHECK(broken_rule(f) == 8);
  }
}

TEST_CASE("the text names the rule and the facts") {
  CHECK(core::broken_invariant{invariant::ends_come_once, "job 7 is over and queued"}.text()
        == "I4 (an attempt ends exactly once): job 7 is over and queued");
}
