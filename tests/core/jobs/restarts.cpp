#include "tests/core/world.hpp"

using namespace troupe;
using namespace troupe::test;
using wire::Order;

TEST_CASE("a replica killed by a signal restarts in place five times, then the job is retried "
          "three times") {
  world w;
  w.hello();
  uint64_t id = w.submit();
  for (uint32_t attempt = 1; attempt <= 4; ++attempt) {
    for (uint32_t incarnation = 0; incarnation <= 5; ++incarnation) {
      REQUIRE(w.count_sent(Order::LAUNCH, "a") == 1);
      w.say("a", {.job = id, .attempt = attempt, .incarnation = incarnation});
      CHECK(w.state(id) == JobState::RUNNING);
      w.say("a", {.job = id,
                  .attempt = attempt,
                  .incarnation = incarnation,
                  .phase = ReplicaPhase::EXITED,
                  .signal = 11});
    }
  }
  CHECK(w.state(id) == JobState::FAILED);
  CHECK(w.error(id)
        == "The replica workerpool0-0 exited with a non-zero status of 139. Termination reason: "
           "Signal SIGSEGV.");
  CHECK(w.job(id)->getError().getCode() == 3);
}

TEST_CASE("a restart in place keeps node and port, and the job stays RUNNING") {
  world w;
  w.hello();
  uint64_t id = w.submit({.pools = {{}, {}}});
  w.running(id);
  w.say("a", {.job = id, .pool = 1});
  uint16_t port = w.attempt(id)->getReplicas()[1].getPort();
  auto started = w.job(id)->getStartTime().getMicros();
  w.say("a", {.job = id, .pool = 1, .phase = ReplicaPhase::EXITED, .code = 134});
  CHECK(w.state(id) == JobState::RUNNING);
  auto launches = w.sent(Order::LAUNCH, "a");
  REQUIRE(launches.size() == 1);
  REQUIRE(launches[0].getLaunch().getReplicas().size() == 1);
  CHECK(launches[0].getLaunch().getReplicas()[0].getIncarnation() == 1);
  CHECK(w.attempt(id)->getReplicas()[1].getPort() == port);
  SUBCASE("an old message about the dead incarnation changes nothing") {
    w.say("a", {.job = id, .pool = 1, .phase = ReplicaPhase::EXITED, .code = 1});
    CHECK(w.state(id) == JobState::RUNNING);
  }
  SUBCASE("its node reboots before the restart is seen") {
    w.hello({.boot = "boot-2", .agent_epoch = 2});
    CHECK(w.attempt(id)->getAttempt() == 2);
    CHECK(w.job(id)->getStartTime().getMicros() == started);
  }
}

TEST_CASE("restartJobOnWorkerRestart stops the others and restarts all in place") {
  world w;
  w.hello();
  uint64_t id = w.submit({.pools = {{}, {.count = 2}}, .restart_all = true});
  for (uint32_t pool : {0u, 1u})
    w.say("a", {.job = id, .pool = pool});
  w.say("a", {.job = id, .pool = 1, .index = 1});
  w.say("a", {.job = id, .pool = 1, .phase = ReplicaPhase::EXITED, .signal = 9});
  CHECK(w.count_sent(Order::STOP, "a") == 1);
  CHECK(w.count_sent(Order::FORGET) == 0);
  w.say("a", {.job = id, .phase = ReplicaPhase::EXITED, .signal = 15});
  CHECK(w.count_sent(Order::LAUNCH) == 0);
  w.say("a", {.job = id, .pool = 1, .index = 1, .phase = ReplicaPhase::EXITED, .signal = 15});
  auto launches = w.sent(Order::LAUNCH, "a");
  REQUIRE(launches.size() == 1);
  REQUIRE(launches[0].getLaunch().getReplicas().size() == 3);
  for (auto replica : launches[0].getLaunch().getReplicas())
    CHECK(replica.getIncarnation() == 1);
  CHECK(w.attempt(id)->getAttempt() == 1);
}

TEST_CASE("a node lost while all restart in place gives a new attempt") {
  world w;
  w.hello({.cpus = 1});
  w.hello({.name = "b", .cpus = 1});
  uint64_t id = w.submit({.pools = {{}, {}}, .restart_all = true});
  w.say("a", {.job = id});
  w.say("b", {.job = id, .pool = 1});
  REQUIRE(w.state(id) == JobState::RUNNING);
  w.exits(id, 139);
  w.down("b");
  w.pass(60);
  w.hello({.name = "c", .cpus = 1});
  CHECK(w.attempt(id)->getAttempt() == 2);
  CHECK(w.count_sent(Order::LAUNCH, "c") == 1);
}

TEST_CASE("disableRetries fails at the first transient exit") {
  world w;
  w.hello();
  uint64_t id = w.submit({.disable_retries = true, .restart_all = true});
  w.running(id);
  w.exits(id, 139);
  CHECK(w.state(id) == JobState::FAILED);
}

TEST_CASE("out of memory is permanent and says so") {
  world w;
  w.hello();
  uint64_t id = w.submit();
  w.running(id);
  w.say("a", {.job = id, .phase = ReplicaPhase::EXITED, .signal = 9, .oom = true});
  CHECK(w.state(id) == JobState::FAILED);
  CHECK(w.error(id)
        == "The replica workerpool0-0 ran out of memory and exited with a non-zero status of 137.");
}

TEST_CASE("a whole-job retry waits until every replica of the old attempt has stopped") {
  core::settings with;
  with.replica_restarts_max = 0;
  world w(with);
  w.hello();
  uint64_t id = w.submit({.pools = {{}, {}}});
  w.running(id);
  w.say("a", {.job = id, .pool = 1});
  w.exits(id, 139);
  CHECK(w.state(id) == JobState::PENDING);
  CHECK(w.count_sent(Order::STOP, "a") == 1);
  CHECK(w.attempt(id)->getAttempt() == 1);
  SUBCASE("and starts then") {
    w.say("a", {.job = id, .pool = 1, .phase = ReplicaPhase::EXITED, .signal = 15});
    CHECK(w.attempt(id)->getAttempt() == 2);
    CHECK(w.attempt(id)->getJobRetries() == 1);
    CHECK(w.count_sent(Order::FORGET, "a") == 1);
  }
  SUBCASE("unless it is cancelled meanwhile") {
    w.cancel(id);
    w.say("a", {.job = id, .pool = 1, .phase = ReplicaPhase::EXITED, .signal = 15});
    CHECK(w.state(id) == JobState::CANCELLED);
  }
  SUBCASE("also over a restart of the controller") {
    w.restart();
    w.hello(w.nodes["a"],
            {{.job = id, .phase = ReplicaPhase::EXITED, .code = 139}, {.job = id, .pool = 1}});
    CHECK(w.count_sent(Order::STOP, "a") == 1);
    w.say("a", {.job = id, .pool = 1, .phase = ReplicaPhase::EXITED, .signal = 15});
    CHECK(w.attempt(id)->getAttempt() == 2);
  }
}
