#include "actors/agent.hpp"

#include "tests/actors/node_under_test.hpp"
#include "tests/actors/simulation.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::actors;
using runtime::order_of;
using runtime::shell;
using wire::ReplicaPhase;

namespace {

wire::frame<wire::NodeWelcome> welcome(uint64_t epoch, const std::string& problem = {}) {
  return wire::frame<wire::NodeWelcome>::build([&](wire::NodeWelcome::Builder building) {
    building.setClusterId("c0ffee");
    building.setEpoch(epoch);
    building.setError(problem);
  });
}

template <class Fill>
wire::frame<wire::Order> order(uint64_t epoch, Fill&& fill) {
  return wire::frame<wire::Order>::build([&](wire::Order::Builder building) {
    building.setClusterId("c0ffee");
    building.setEpoch(epoch);
    fill(building);
  });
}

wire::frame<wire::Order> launch(uint64_t epoch) {
  return order(epoch,
               [](wire::Order::Builder building) { building.setLaunch(*order_of(shell("true"))); });
}

/// An agent whose messages are delivered one by one; launches fail, so nothing really runs.
struct simulated_agent {
  simulated_agent() { node.forbid_attempts(); }
  ~simulated_agent() {
    caf::anon_send_exit(agent, caf::exit_reason::user_shutdown);
    caf::anon_send_exit(target, caf::exit_reason::user_shutdown);
    caf.run();
  }

  template <class... Message>
  void send(Message&&... message) {
    caf::anon_send(agent, std::forward<Message>(message)...);
    caf.run();
  }
  uint32_t replicas_in_hello() {
    auto hello = caf.ask<wire::frame<wire::NodeHello>>(agent, atom::hello::value);
    REQUIRE(hello);
    return (*hello)->getReplicas().size();
  }

  node_under_test node;
  simulation caf;
  report_target_actor target = caf.system.spawn(report_log_behavior, node.log);
  local_agent_actor agent = spawn_agent(caf.system, node.for_agent());
};

} // namespace

TEST_CASE("an agent carries out an order of the current epoch and drops stale ones") {
  simulated_agent test;
  test.send(atom::attach::value, test.target);
  test.send(atom::welcome::value, welcome(3));
  test.send(atom::order::value, launch(2));
  CHECK(test.replicas_in_hello() == 0);
  test.send(atom::order::value, launch(3));
  CHECK(test.replicas_in_hello() == 1);
}

TEST_CASE("an agent drops the orders of another cluster") {
  simulated_agent test;
  test.send(atom::welcome::value, welcome(3));
  test.send(atom::order::value,
            launch(3).with([](wire::Order::Builder building) { building.setClusterId("other"); }));
  CHECK(test.replicas_in_hello() == 0);
}

TEST_CASE("an agent reports to nobody until it is welcomed, and then what was missed") {
  simulated_agent test;
  test.send(atom::attach::value, test.target);
  test.send(atom::welcome::value, welcome(3, "this name is taken"));
  CHECK(test.node.log->reports().empty());
  test.send(atom::welcome::value, welcome(3));
  test.send(atom::order::value, launch(3));
  REQUIRE(test.node.log->reports().size() == 1);
  CHECK(test.node.log->reports()[0]->getReplica().getPhase() == ReplicaPhase::FAILED);
  // A session that was lost: the next welcome brings everything again.
  test.send(atom::welcome::value, welcome(3));
  CHECK(test.node.log->reports().size() == 2);
}

TEST_CASE("an agent that is told to forget an attempt leaves it out of its hello") {
  simulated_agent test;
  test.send(atom::welcome::value, welcome(3));
  test.send(atom::order::value, launch(3));
  CHECK(test.replicas_in_hello() == 1);
  test.send(atom::order::value, order(3, [](wire::Order::Builder building) {
              auto attempt = building.initForget();
              attempt.setJobId(4711);
              attempt.setAttempt(1);
            }));
  CHECK(test.replicas_in_hello() == 0);
}

TEST_CASE("an agent that is shutting down starts nothing") {
  simulated_agent test;
  test.send(atom::welcome::value, welcome(3));
  CHECK(test.caf.ask<bool>(test.agent, atom::shutdown::value) == true);
  test.send(atom::order::value, launch(3));
  CHECK(test.replicas_in_hello() == 0);
}

TEST_CASE("an agent says hello only after it has adopted what an earlier agent left") {
  node_under_test node;
  auto go = node.scratch.path() / "go";
  {
    runtime::witness seen;
    auto earlier = runtime::attempt::create(
        *node.settings, *node.reactor,
        order_of(shell("while ! test -e " + go.string() + "; do sleep 0.01; done; exit 5")),
        seen.events());
    REQUIRE(earlier);
    (*earlier)->start(
        order_of(shell("while ! test -e " + go.string() + "; do sleep 0.01; done; exit 5")));
    seen.wait_for(ReplicaPhase::RUNNING);
  }
  caf::actor_system_config settings;
  caf::actor_system system(settings);
  auto target = system.spawn(report_log_behavior, node.log);
  auto agent = spawn_agent(system, node.for_agent());
  caf::scoped_actor self{system};
  self->request(agent, std::chrono::seconds(60), atom::hello::value)
      .receive(
          [](const wire::frame<wire::NodeHello>& hello) {
            REQUIRE(hello->getReplicas().size() == 1);
            CHECK(hello->getReplicas()[0].getPhase() == ReplicaPhase::RUNNING);
          },
          [](const caf::error&) { FAIL("no hello"); });
  // It follows the replica to its end.
  caf::anon_send(agent, atom::attach::value, target);
  caf::anon_send(agent, atom::welcome::value, welcome(3));
  std::ofstream(go) << "go";
  CHECK(node.log->wait_for(ReplicaPhase::EXITED));
  caf::anon_send_exit(agent, caf::exit_reason::user_shutdown);
  caf::anon_send_exit(target, caf::exit_reason::user_shutdown);
  self->wait_for(agent);
}
