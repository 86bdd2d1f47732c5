#include "tests/core/world.hpp"

using namespace troupe;
using namespace troupe::test;
using wire::Order;

namespace {

uint64_t running_job(world& w, const job_wish& wish = {}) {
  w.hello();
  uint64_t id = w.submit(wish);
  for (uint32_t pool = 0; pool < wish.pools.size(); ++pool)
    w.say("a", {.job = id, .pool = pool});
  REQUIRE(w.state(id) == JobState::RUNNING);
  return id;
}

} // namespace

TEST_CASE("a node that reconnects in time changes nothing") {
  world w;
  uint64_t id = running_job(w);
  w.down("a");
  w.pass(59);
  w.hello(w.nodes["a"], {{.job = id}});
  CHECK(w.state(id) == JobState::RUNNING);
  CHECK(w.last.orders.empty());
  w.pass(1000);
  CHECK(w.attempt(id)->getAttempt() == 1);
}

TEST_CASE("what ended while the node was away is learned from its hello") {
  world w;
  uint64_t id = running_job(w);
  w.down("a");
  w.hello(w.nodes["a"], {{.job = id, .phase = ReplicaPhase::EXITED, .code = 0}});
  CHECK(w.state(id) == JobState::SUCCEEDED);
  CHECK(w.count_sent(Order::FORGET, "a") == 1);
}

TEST_CASE("a node away for too long loses its replicas, and the job starts again elsewhere") {
  world w;
  uint64_t id = running_job(w);
  w.down("a");
  w.hello({.name = "b"});
  w.pass(60);
  CHECK(w.attempt(id)->getAttempt() == 2);
  CHECK(w.attempt(id)->getJobRetries() == 0);
  CHECK(w.count_sent(Order::LAUNCH, "b") == 1);
  CHECK(w.state(id) == JobState::PENDING);
  w.say("b", {.job = id, .attempt = 2});
  CHECK(w.state(id) == JobState::RUNNING);

  SUBCASE("when it comes back, the old replica is stopped, then forgotten, and nothing is placed "
          "there before") {
    w.hello(w.nodes["a"], {{.job = id}});
    REQUIRE(w.count_sent(Order::STOP, "a") == 1);
    CHECK(w.sent(Order::STOP)[0].getStop().getAttempt() == 1);
    CHECK(w.sent(Order::STOP)[0].getStop().getReplicas().size() == 1);
    uint64_t big = w.submit({.pools = {{.machine = "custom-4-1024"}}});
    CHECK(w.state(big) == JobState::QUEUED);
    w.exits(id, 0);
    CHECK(w.count_sent(Order::FORGET, "a") == 1);
    CHECK(w.state(id) == JobState::RUNNING);
    CHECK(w.state(big) == JobState::PENDING);
  }
  SUBCASE("a late message about the old attempt changes nothing") {
    w.hello(w.nodes["a"]);
    w.say("a", {.job = id, .phase = ReplicaPhase::EXITED, .code = 1});
    CHECK(w.state(id) == JobState::RUNNING);
  }
}

TEST_CASE("without retries a lost node fails the job") {
  world w;
  uint64_t id = running_job(w, {.disable_retries = true});
  w.down("a");
  w.pass(60);
  CHECK(w.state(id) == JobState::FAILED);
  CHECK(w.job(id)->getError().getCode() == 14);
  CHECK(w.error(id).find("node a has been away") != std::string::npos);
}

TEST_CASE("a rebooted node has lost what ran there") {
  world w;
  uint64_t id = running_job(w);
  w.hello({.name = "a", .boot = "boot-2", .agent_epoch = 2});
  CHECK(w.attempt(id)->getAttempt() == 2);
  CHECK(w.count_sent(Order::LAUNCH, "a") == 1);
}

TEST_CASE("a launch that the node never got is ordered again") {
  world w;
  w.hello();
  uint64_t id = w.submit();
  w.down("a");
  w.hello(w.nodes["a"]);
  CHECK(w.count_sent(Order::LAUNCH, "a") == 1);
  CHECK(w.attempt(id)->getAttempt() == 1);
  w.pass(60);
  CHECK(w.count_sent(Order::LAUNCH, "a") == 1);
  w.running(id);
  w.pass(600);
  CHECK(w.count_sent(Order::LAUNCH) == 0);
}

TEST_CASE("a running replica that its node no longer knows is lost") {
  world w;
  uint64_t id = running_job(w);
  w.hello({.name = "a", .agent_epoch = 2});
  CHECK(w.attempt(id)->getAttempt() == 2);
}

TEST_CASE("a stop that the node never got is ordered again") {
  world w;
  uint64_t id = running_job(w);
  w.down("a");
  w.cancel(id);
  CHECK(w.last.orders.empty());
  CHECK(w.state(id) == JobState::CANCELLING);
  w.hello(w.nodes["a"], {{.job = id}});
  CHECK(w.count_sent(Order::STOP, "a") == 1);
}

TEST_CASE("replicas of unknown jobs are stopped, then forgotten") {
  world w;
  w.hello({}, {{.job = 77}, {.job = 78, .phase = ReplicaPhase::EXITED}});
  CHECK(w.count_sent(Order::STOP, "a") == 1);
  CHECK(w.count_sent(Order::FORGET, "a") == 1);
  w.exits(77, 0);
  CHECK(w.count_sent(Order::FORGET, "a") == 1);
}

TEST_CASE("a cluster that lost its store refuses nodes that still run another one's jobs") {
  world w;
  w.hello({.cluster_id = "older"}, {{.job = 77}});
  REQUIRE(w.last.refusals.size() == 1);
  CHECK(w.last.refusals[0].reason.find("older") != std::string::npos);
  CHECK(w.last.orders.empty());
  CHECK(w.last.writes.empty());
  w.hello({.cluster_id = "older"});
  CHECK(w.last.refusals.empty());
}

TEST_CASE("of two agents with one name, the older is refused and the newer replaces") {
  world w;
  w.hello({.agent_epoch = 5});
  w.hello({.boot = "other", .agent_epoch = 4});
  REQUIRE(w.last.refusals.size() == 1);
  CHECK(w.last.refusals[0].agent_epoch == 4);
  w.hello({.agent_epoch = 6});
  REQUIRE(w.last.refusals.size() == 1);
  CHECK(w.last.refusals[0].agent_epoch == 5);
  CHECK(w.node("a")->getHello().getAgentEpoch() == 6);
}

TEST_CASE("a hello that makes no sense is refused, and the reason says what to fix") {
  world w;
  w.hello({.name = ""});
  REQUIRE(w.last.refusals.size() == 1);
  CHECK(w.last.refusals[0].reason.find("`name`") != std::string::npos);
  w.hello({.ports = 0});
  REQUIRE(w.last.refusals.size() == 1);
  CHECK(w.last.refusals[0].reason.find("`ports`") != std::string::npos);
}

TEST_CASE("reports of strangers, of old sessions and repeated ones change nothing") {
  world w;
  uint64_t id = running_job(w);
  w.nodes["ghost"] = {.name = "ghost"};
  w.exits(id, 0, "ghost");
  CHECK(w.last.writes.empty());
  w.nodes["a"].agent_epoch = 9;
  w.exits(id, 0);
  CHECK(w.last.writes.empty());
  w.nodes["a"].agent_epoch = 1;
  w.nodes["a"].boot = "boot-0";
  w.exits(id, 0);
  CHECK(w.last.writes.empty());
  w.nodes["a"].boot = "boot-1";
  w.running(id);
  CHECK(w.last.writes.empty());
  w.say("a", {.job = id, .pool = 3, .index = 9, .phase = ReplicaPhase::EXITED, .code = 1});
  CHECK(w.state(id) == JobState::RUNNING);
  w.exits(id, 0);
  w.exits(id, 1);
  CHECK(w.state(id) == JobState::SUCCEEDED);
}
