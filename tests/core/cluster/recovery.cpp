#include "tests/core/world.hpp"

using namespace troupe;
using namespace troupe::test;
using wire::Order;

TEST_CASE("an empty store gives a new cluster with epoch 1") {
  auto db = store::in_memory();
  auto made = core::cluster::recover(
      {}, "cafe", instant_of(5),
      [&](store::family where, const auto& visit) { return db->scan(where, "", false, visit); });
  REQUIRE(made);
  CHECK(made->first->id() == "cafe");
  CHECK(made->first->epoch() == 1);
  REQUIRE(made->second.writes.writes.size() == 1);
  CHECK(made->second.writes.writes[0].where == store::family::meta);
}

TEST_CASE("a restart keeps the cluster's id, raises its epoch and goes on counting") {
  world w;
  w.hello();
  uint64_t id = w.submit();
  w.restart();
  CHECK(w.cluster->id() == "c0ffee");
  CHECK(w.cluster->epoch() == 2);
  CHECK(!w.node("a")->getConnected());
  CHECK(w.submit() > id);
  w.restart();
  CHECK(w.cluster->epoch() == 3);
}

TEST_CASE("a running job is not touched by a restart of the controller") {
  world w;
  w.hello();
  uint64_t id = w.submit();
  w.running(id);
  auto before = w.job(id)->getUpdateTime().getMicros();
  w.now += 5'000'000;
  w.restart();
  CHECK(w.last.orders.empty());
  w.hello(w.nodes["a"], {{.job = id}});
  CHECK(w.last.orders.empty());
  CHECK(w.state(id) == JobState::RUNNING);
  CHECK(w.job(id)->getUpdateTime().getMicros() == before);
  w.exits(id, 0);
  CHECK(w.state(id) == JobState::SUCCEEDED);
}

TEST_CASE("a node that never comes back after the restart is lost in time") {
  world w;
  w.hello();
  uint64_t id = w.submit();
  w.running(id);
  w.restart();
  w.hello({.name = "b"});
  w.pass(60);
  CHECK(w.attempt(id)->getAttempt() == 2);
  CHECK(w.count_sent(Order::LAUNCH, "b") == 1);
}

TEST_CASE("a queued job waits on over a restart and is placed after it") {
  world w;
  uint64_t id = w.submit();
  w.restart();
  CHECK(w.state(id) == JobState::QUEUED);
  w.hello();
  CHECK(w.state(id) == JobState::PENDING);
}

TEST_CASE("what a replica holds survives a change of the machine table") {
  core::settings with;
  with.machines.types["box"] = {2000, 1 << 20, 0, {}};
  world w(with);
  w.hello();
  uint64_t id = w.submit({.pools = {{.machine = "box"}}});
  uint64_t waiting = w.submit({.pools = {{.machine = "box"}, {.count = 3, .machine = "box"}}});
  w.settings.machines.types.clear();
  w.restart();
  CHECK(w.node("a")->getAllocated().getCpuMillis() == 2000);
  CHECK(w.reason(waiting).find("box") != std::string::npos);
  w.hello(w.nodes["a"], {{.job = id}});
  w.exits(id, 0);
  CHECK(w.node("a")->getAllocated().getCpuMillis() == 0);
}

TEST_CASE("a damaged record stops the recovery and is named") {
  world w;
  uint64_t id = w.submit();
  store::batch damage;
  damage.put(store::family::custom_jobs, store::key_of(id), "rubbish");
  REQUIRE(w.db->commit(damage));
  auto recovered = core::cluster::recover({}, "fresh", instant_of(5), w.scanner());
  REQUIRE(!recovered);
  CHECK(recovered.error().code == errc::data_loss);
  CHECK(recovered.error().message.find(store::key_of(id)) != std::string::npos);
}

TEST_CASE("the event log holds what changed something, and is cut at its limit") {
  core::settings with;
  with.events_retained = 1000;
  world w(with);
  w.pass(1);
  CHECK(w.last.writes.empty());
  w.hello();
  for (int i = 0; i < 1100; ++i) {
    uint64_t id = w.submit();
    w.exits(id, 0);
  }
  size_t count = 0;
  REQUIRE(w.db->scan(store::family::events, "", false, [&](auto, auto) { return ++count > 0; }));
  CHECK(count >= 1000);
  CHECK(count < 2100);
}

TEST_CASE("a cluster record that cannot be read stops the recovery and is named") {
  world w;
  w.submit();
  store::batch damage;
  damage.put(store::family::meta, "cluster", "rubbish");
  REQUIRE(w.db->commit(damage));
  auto recovered = core::cluster::recover({}, "fresh", instant_of(5), w.scanner());
  REQUIRE(!recovered);
  CHECK(recovered.error().code == errc::data_loss);
  CHECK(recovered.error().message.find("meta/cluster") != std::string::npos);
}

TEST_CASE("a store that contradicts itself stops the recovery, and the broken rule is named") {
  world w;
  w.hello();
  uint64_t one = w.submit(), two = w.submit();
  store::batch damage;
  const uint16_t port = w.attempt(one)->getReplicas()[0].getPort();
  damage.put(
      store::family::attempts, store::key_of(two),
      w.attempt(two)
          .with([&](wire::AttemptRecord::Builder record) { record.getReplicas()[0].setPort(port); })
          .str());
  REQUIRE(w.db->commit(damage));
  auto recovered = core::cluster::recover({}, "fresh", instant_of(w.now), w.scanner());
  REQUIRE(!recovered);
  CHECK(recovered.error().code == errc::data_loss);
  CHECK(recovered.error().message.find("I2") != std::string::npos);
  CHECK(recovered.error().message.find("backup") != std::string::npos);
}

TEST_CASE("a node that holds more than it has is no contradiction after a restart") {
  world w;
  w.hello({.name = "a", .cpus = 4});
  uint64_t id = w.submit({.pools = {{.machine = "custom-4-1024"}}});
  w.running(id);
  w.hello({.name = "a", .cpus = 2}, {{.job = id}});
  w.restart();
  CHECK(w.state(id) == JobState::RUNNING);
}
