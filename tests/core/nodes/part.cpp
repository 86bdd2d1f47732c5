// The nodes by themselves: sessions, what replicas hold, quarantine.
#include "tests/core/fixture.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

wire::frame<wire::NodeHello> hello(const std::string& boot = "boot-1", uint64_t epoch = 1) {
  return wire::frame<wire::NodeHello>::build([&](wire::NodeHello::Builder builder) {
    builder.setName("a");
    builder.setBootId(wire::text(boot));
    builder.setAgentEpoch(epoch);
    builder.setPortFirst(20000);
    builder.setPortLast(20009);
    builder.initResources().setCpuMillis(4000);
  });
}

wire::frame<wire::NodeDown> down(uint64_t epoch = 1) {
  return wire::frame<wire::NodeDown>::build([&](wire::NodeDown::Builder builder) {
    builder.setName("a");
    builder.setAgentEpoch(epoch);
  });
}

} // namespace

TEST_CASE("a node that joins reports what is new about it") {
  fixture f;
  const auto first = f.nodes.up(*hello());
  REQUIRE(first.joined);
  CHECK(first.joined->connected);
  CHECK(first.new_totals);
  CHECK(!first.new_boot);
  const auto again = f.nodes.up(*hello("boot-2"));
  CHECK(again.new_boot);
  CHECK(!again.new_totals);
}

TEST_CASE("an older agent of a connected node is refused, and a newer one replaces it") {
  fixture f;
  f.nodes.up(*hello("boot-1", 5));
  CHECK(!f.nodes.up(*hello("boot-1", 4)).joined);
  CHECK(f.flush().refusals.size() == 1);
  CHECK(f.nodes.up(*hello("boot-1", 6)).joined);
  const auto effects = f.flush();
  REQUIRE(effects.refusals.size() == 1);
  CHECK(effects.refusals[0].agent_epoch == 5);
}

TEST_CASE("a node that leaves is due to be lost, unless it comes back") {
  fixture f;
  f.nodes.up(*hello());
  CHECK(!f.timers.first_micros());
  CHECK(!f.nodes.down(*down(7)));
  REQUIRE(f.nodes.down(*down()));
  CHECK(f.timers.first_micros() == f.state.now + f.state.settings.node_lost_after.count());
  CHECK(f.nodes.lose(f.state.nodes.at("a")));
  f.nodes.up(*hello());
  CHECK(!f.timers.first_micros());
  CHECK(!f.nodes.lose(f.state.nodes.at("a")));
}

TEST_CASE("what a replica holds is given to no other until it is released, once") {
  fixture f;
  core::node& n = f.add_node("a");
  n.total.gpus = 2;
  core::custom_job& job = f.add_job();
  core::replica one, two;
  one.held = two.held = {.cpu_millis = 1000, .memory_bytes = 1, .gpus = 1};
  f.nodes.hold(n, job, one);
  f.nodes.hold(n, job, two);
  CHECK(one.port != two.port);
  CHECK(one.gpu_indices != two.gpu_indices);
  CHECK(n.used.cpu_millis == 2000);
  CHECK(f.nodes.release(one));
  CHECK(!f.nodes.release(one));
  CHECK(n.used.cpu_millis == 1000);
  CHECK(n.ports == std::set{two.port});
}

TEST_CASE("a quarantine is lifted when nothing that was told to stop is left on the node") {
  fixture f;
  core::node& n = f.add_node("a");
  core::custom_job& job = f.add_job();
  core::replica r;
  r.node = "a";
  r.phase = wire::ReplicaPhase::RUNNING;
  job.replicas = {r};
  job.state = wire::JobState::FAILED;
  f.state.active.insert(job.id);
  CHECK(f.nodes.quarantine(n, "it runs past its kill deadline"));
  CHECK(!f.nodes.quarantine(n, "for another reason"));
  CHECK(!f.nodes.lift_quarantine("a"));
  job.replicas[0].phase = wire::ReplicaPhase::EXITED;
  CHECK(f.nodes.lift_quarantine("a"));
  CHECK(n.quarantine.empty());
}

TEST_CASE("the restart of a controller is known by its reason") {
  CHECK(core::is_controller_restart(core::restart_reason));
  CHECK(!core::is_controller_restart("link closed"));
}
